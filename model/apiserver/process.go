package apiserver

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// state is how far a server's process is.
type state uint8

const (
	ready    state = iota // it takes requests
	starting              // it does not listen yet
	stopped               // there is none
)

// process is a server's process on its machine. A new one knows nothing: what it
// was asked before is gone, and its watch cache is to be filled.
type process struct {
	site   network.Site
	name   string // "apiserver/cp-0"
	state  state
	run    uint32 // counts the processes
	waits  bool   // it has started but for etcd, which does not serve
	noEtcd bool
	slow   sim.Dist // what everything takes longer
}

// startup is the time from the start of the process until it asks etcd for
// everything: its certificates, its schema and its handlers. Kubernetes publishes no
// figure; kubeadm's waits are made for some seconds. It is an estimate.
var startup = sim.Lognormal(3*time.Second, 6*time.Second)

// Reasons of notes about a server. Kubernetes says nothing; people read it in the
// state of the static pod and in /readyz.
const (
	reasonStopped = "APIServerStopped"
	reasonReady   = "APIServerReady"
)

// Stop ends the process. Clients find their connections reset and what they asked
// unanswered; if the machine has no power, which is to be told to the network
// first, they find nothing but silence. What etcd was asked is agreed on all the
// same. A server that is stopped stays so.
func (a *Server) Stop() {
	if a.state == stopped {
		a.run++ // nor does the kubelet start it again
		return
	}
	now := a.kernel.Now()
	if a.runner != nil && a.runner.Killed() {
		a.note(true, reasonOOM, fmt.Sprintf("had %d MiB when its machine had none left, with %d lists under way", a.used()>>20, a.listing))
	}
	was := a.state
	a.state, a.waits = stopped, false
	a.run++
	a.etcd.abandon(a, now)
	a.dispatcher.stop()
	clear(a.freeAt)
	clear(a.listAt)
	a.held, a.listing = 0, 0
	a.empty(now)
	a.forgetTiming()
	a.say(model.Note{Warning: true, Reason: reasonStopped, Message: "its process has ended", Clients: a.etcd.clients()})
	if was == ready {
		a.store.SetListening(a.site, false)
	}
}

// Start begins a new process. It listens, and is ready, when it has read
// everything from etcd into its watch cache, which is when a balancer may find it
// healthy (k8s.io/apiserver/pkg/server/healthz; the gates
// ResilientWatchCacheInitialization and its hook, on since v1.34). A server that
// runs goes on.
func (a *Server) Start() {
	if a.state != stopped {
		return
	}
	a.state = starting
	a.run++
	luck := a.work.Draw(sim.HashName(a.name), uint64(a.run))
	a.kernel.Post(a.kernel.Now().Add(startup.Draw(&luck)), a.self, whyReady, a.about(0))
}

// started is the end of what a process does before it listens: first without etcd,
// then with what etcd has.
func (a *Server) started(now sim.Time) {
	if a.noEtcd {
		a.waits = true
		return
	}
	a.kernel.Post(a.fill(now), a.self, whyFilled, a.about(0))
}

// filled has the server listen.
func (a *Server) filled(now sim.Time) {
	a.state = ready
	a.tellUse(a.used())
	a.say(model.Note{Reason: reasonReady, Message: "it listens and has filled its watch cache", Clients: a.etcd.clients()})
	a.store.SetListening(a.site, true)
	if len(a.floods) > 0 {
		a.kernel.Post(now, a.self, whyFlood, a.about(0))
	}
}

// etcdServes tells whether etcd does, for this server.
func (a *Server) etcdServes(ok bool) {
	if a.noEtcd = !ok; ok && a.waits {
		a.waits = false
		a.kernel.Post(a.kernel.Now(), a.self, whyReady, a.about(0))
	}
}

// SetLatency has everything the server does take so much longer; the zero value is
// not at all.
func (a *Server) SetLatency(d sim.Dist) { a.slow = d }

// latency is what something that is done at a time takes longer.
func (a *Server) latency(now sim.Time) time.Duration {
	if a.slow.IsZero() {
		return 0
	}
	luck := a.work.Draw(sim.HashName(a.name+"/latency"), uint64(now))
	return a.slow.Draw(&luck)
}

// about is a request's slot, with the process it is for.
func (a *Server) about(slot uint64) uint64 { return slot | uint64(a.run)<<32 }

func (a *Server) note(warning bool, reason, message string) {
	a.say(model.Note{Warning: warning, Reason: reason, Message: message})
}

func (a *Server) say(n model.Note) {
	n.Named = a.name
	a.store.Note(a.self, n)
}

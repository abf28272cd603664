package cluster

import (
	"orrery/model/apiserver"
	"orrery/model/election"
	"orrery/model/kubelet"
	"orrery/sim"
)

// gate lets a process of the control plane run while its container does and no
// fault of the timeline keeps it from that.
type gate struct {
	process   kubelet.Program
	dead      bool // its container does not run
	forbidden bool // by a fault
}

// set changes one of both, and stops or starts the process if that is what it
// comes to.
func (g *gate) set(what *bool, to bool) {
	ran := !g.dead && !g.forbidden
	*what = to
	switch runs := !g.dead && !g.forbidden; {
	case ran && !runs:
		g.process.Stop()
	case runs && !ran:
		g.process.Start()
	}
}

// inContainer is a gate as the container moves it.
type inContainer struct{ *gate }

// Start implements kubelet.Program.
func (g inContainer) Start() { g.set(&g.dead, false) }

// Stop implements kubelet.Program.
func (g inContainer) Stop() { g.set(&g.dead, true) }

// container is that of a process, as the process knows it.
type container struct {
	kubelet *kubelet.Kubelet
	program inContainer
}

// OutOfMemory implements apiserver.Runner.
func (c container) OutOfMemory() { c.kubelet.OutOfMemory(c.program) }

// Use implements apiserver.Runner.
func (c container) Use(bytes int64) { c.kubelet.UseMemory(c.program, bytes) }

// Killed implements apiserver.Runner.
func (c container) Killed() bool { return c.kubelet.OOMKilled(c.program) }

// Exited implements election.Runner. While a fault keeps the process from running, its
// container goes on without it.
func (c container) Exited(_ sim.Time, code int32) {
	if !c.program.forbidden {
		c.kubelet.Exit(c.program, code)
	}
}

// inFault is a gate as faults move it.
type inFault struct{ *gate }

// Start implements fault.Process.
func (g inFault) Start() { g.set(&g.forbidden, false) }

// Stop implements fault.Process.
func (g inFault) Stop() { g.set(&g.forbidden, true) }

// serverInFault is an API server as faults see it.
type serverInFault struct {
	inFault
	server *apiserver.Server
}

// SetLatency implements fault.APIServer.
func (s serverInFault) SetLatency(d sim.Dist) { s.server.SetLatency(d) }

// replicaInFault is one of the replicas that elect a leader, as faults see it.
type replicaInFault struct {
	inFault
	*election.Candidate
}

// Start implements fault.Replica.
func (r replicaInFault) Start() { r.inFault.Start() }

// Stop implements fault.Replica.
func (r replicaInFault) Stop() { r.inFault.Stop() }

// Quit implements fault.Replica.
func (r replicaInFault) Quit() {
	r.forbidden = true
	r.Candidate.Quit()
}

// member is an etcd process.
type member struct {
	group  *apiserver.Backend
	number int
}

// Start implements kubelet.Program.
func (m member) Start() { m.group.SetDown(m.number, false) }

// Stop implements kubelet.Program.
func (m member) Stop() { m.group.SetDown(m.number, true) }

// etcdWorld is etcd as faults see it.
type etcdWorld struct {
	*apiserver.Backend
	x *Cluster
}

// SetDown implements fault.Etcd.
func (w etcdWorld) SetDown(member int, down bool) {
	if g := (inFault{w.x.memberGates[member]}); down {
		g.Stop()
	} else {
		g.Start()
	}
}

// Stop implements fault.Etcd: the member may hand over before it ends.
func (w etcdWorld) Stop(member int) {
	g := w.x.memberGates[member]
	if !g.dead && !g.forbidden {
		w.Backend.Stop(member)
	}
	g.forbidden = true
}

// SetPower implements fault.Etcd.
func (w etcdWorld) SetPower(member int, on bool) { w.x.etcdMachines[member].setPower(on) }

package election

import (
	"time"

	"orrery/sim"
)

// A static pod's container that ended is started again by its kubelet: at once the
// first time, then with a back-off that doubles, and that is deleted ten minutes after it
// was raised, also while it is waited for (pkg/kubelet/kubelet.go, kubelet_pods.go
// HandlePodCleanups).
const (
	firstBackoff  = 10 * time.Second
	mostBackoff   = 300 * time.Second
	forgetBackoff = 2 * mostBackoff
)

// keeper runs a replica as a kubelet runs a static pod, on machines of the control
// plane that are no nodes of the cluster.
type keeper struct {
	candidate *Candidate
	wait      time.Duration // 0 if there never was one
	raisedAt  sim.Time
	self      sim.ActorID
	known     bool
}

// Exited implements Runner.
func (k *keeper) Exited(now sim.Time, _ int32) {
	c := k.candidate
	if !k.known {
		k.self, k.known = c.kernel.Register("kubelet/"+c.machine, k), true
	}
	forgottenAt := k.raisedAt.Add(forgetBackoff)
	at := max(now, min(now.Add(k.wait), forgottenAt))
	if k.wait == 0 || at >= forgottenAt {
		k.wait = firstBackoff
	} else {
		k.wait = min(2*k.wait, mostBackoff)
	}
	k.raisedAt = at
	c.kernel.Post(at, k.self, 0, c.lives)
}

// Wake implements sim.Actor: the process starts, unless somebody else has seen to
// it.
func (k *keeper) Wake(_ sim.Time, _ sim.Why, life uint64) {
	if c := k.candidate; life == c.lives && !c.held {
		c.Start()
	}
}

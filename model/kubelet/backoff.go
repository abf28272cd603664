package kubelet

import (
	"time"

	"orrery/sim"
)

// Waits of restarts and of pulls (pkg/kubelet/kubelet.go). A back-off that was
// not raised for twice the longest wait starts anew
// (k8s.io/client-go/util/flowcontrol/backoff.go).
const (
	firstBackoff  = 10 * time.Second
	mostBackoff   = 300 * time.Second
	forgetBackoff = 2 * mostBackoff
)

// backoff is a wait that doubles.
type backoff struct {
	wait time.Duration // 0 if there never was one
	at   sim.Time      // when it was last raised
}

// forgotten tells whether what happened at since is so long after the wait was
// raised that it no longer counts.
func (b *backoff) forgotten(since sim.Time) bool {
	return b.wait == 0 || since.Sub(b.at) > forgetBackoff
}

// left is how much of the wait that began at since is left, 0 if none is.
func (b *backoff) left(since, now sim.Time) time.Duration {
	if b.forgotten(since) {
		return 0
	}
	return max(0, since.Add(b.wait).Sub(now))
}

// next raises the wait for what happened at since.
func (b *backoff) next(since, now sim.Time) {
	if b.forgotten(since) {
		b.wait = firstBackoff
	} else {
		b.wait = min(2*b.wait, mostBackoff)
	}
	b.at = now
}

// refused tells whether a container that ended has to wait before it is
// started again (pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff).
// The wait counts from the finish of the instance that was the last to have
// ended when the pass began; how it ended does not matter.
func (k *Kubelet) refused(r *row, i int, now sim.Time) bool {
	c, p := &r.containers[i], &r.box.Processes[i]
	finished := p.FinishedAt
	if c.killed {
		finished = c.killedFrom
	}
	if p.Instances == 0 || finished == 0 {
		return false
	}
	left := c.restarts.left(finished, now)
	if left == 0 {
		c.restarts.next(finished, now)
		return false
	}
	if c.reason != crashLoop {
		name := containerOf(r.pod.Spec, i).Name
		k.client.Note(r.face(), true, "BackOff", "Back-off restarting failed container "+name+" in pod "+r.pod.Name+"_"+r.pod.Namespace)
	}
	c.reason = crashLoop
	if r.requeue == 0 || left < r.requeue {
		r.requeue = left
	}
	return true
}

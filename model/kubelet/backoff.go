package kubelet

import (
	"time"

	"orrery/sim"
)

// Waits of restarts and of pulls (pkg/kubelet/kubelet.go). A back-off that was
// not raised for ten minutes starts anew, whatever the longest wait is
// (k8s.io/client-go/util/flowcontrol/backoff.go, kubelet.go HasExpiredFunc). Those of
// restarts are deleted then, also one that is waited for (kubelet_pods.go
// HandlePodCleanups). Those of pulls are, too, when a pull succeeds (image_manager.go
// pullImage), which nobody notices: who asks for one asks as of now.
const (
	firstBackoff  = 10 * time.Second
	forgetBackoff = 600 * time.Second

	// DefaultMostBackoff is the longest wait of pulls, and of restarts unless
	// crashLoopBackOff.maxContainerRestartPeriod says another
	// (pkg/kubelet/apis/config/v1beta1/defaults.go MaxContainerBackOff).
	DefaultMostBackoff = 300 * time.Second
)

// backoff is a wait that doubles.
type backoff struct {
	wait time.Duration // 0 if there never was one
	at   sim.Time      // when it was last raised
}

// collect forgets a wait that is old at a housekeeping
// (flowcontrol/backoff.go GC).
func (b *backoff) collect(at sim.Time) {
	if at.Sub(b.at) > forgetBackoff {
		*b = backoff{}
	}
}

// keptHouseAt is when the newest housekeeping was that came to its end; 0 if there was none. It
// lists containers before it deletes old back-offs, and so needs the runtime, and the main loop
// (kubelet_pods.go HandlePodCleanups).
func (k *Kubelet) keptHouseAt(now sim.Time) sim.Time {
	h := &k.health
	at, ok := k.housekeeping.AtOrBefore(now)
	if k.machine.RuntimeDown() || h.stalled || at < h.upAt {
		at, ok = k.housekeeping.AtOrBefore(h.downAt)
	}
	if !ok || !k.synced {
		return 0
	}
	return at
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

// next raises the wait for what happened at since. The longest may be shorter than the
// first otherwise is (kubelet.go newCrashLoopBackOff).
func (b *backoff) next(since, now sim.Time, most time.Duration) {
	if b.forgotten(since) {
		b.wait = min(firstBackoff, most)
	} else {
		b.wait = min(2*b.wait, most)
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
	c.restarts.collect(k.keptHouseAt(now))
	left := c.restarts.left(finished, now)
	if left == 0 {
		c.restarts.next(finished, now, k.restartMost)
		return false
	}
	if c.reason != crashLoop {
		name := containerOf(r.pod.Spec, i).Name
		k.client.Note(r.face(), true, "BackOff", "Back-off restarting failed container "+name+" in pod "+r.pod.Name+"_"+r.pod.Namespace)
	}
	c.reason = crashLoop
	if at := now.Add(left); r.backAt == 0 || at < r.backAt {
		r.backAt = at
	}
	return true
}

package kubelet

import (
	"time"

	"orrery/sim"
)

// Shutdown is how long a kubelet keeps its machine from going down, so that pods can
// end; critical ones come last and have the second length of the first for
// themselves (shutdownGracePeriod and shutdownGracePeriodCriticalPods of a
// KubeletConfiguration; pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go). Zero
// is Kubernetes' default: the machine goes down at once, and from the API's view has
// lost its power.
type Shutdown struct{ GracePeriod, CriticalPods time.Duration }

// messageShutdown is what is said of pods that it ends (nodeshutdown_manager.go
// nodeShutdownMessage).
const messageShutdown = "Pod was terminated in response to imminent node shutdown."

// closing is a shutdown under way.
type closing struct {
	on    bool
	again bool     // the machine is to boot afterwards
	group int8     // that ends now: 1 is all but critical pods, 2 is those; 0 before the first
	endAt sim.Time // when nobody waits for the group any longer
}

// ShutDown implements fault.Machine: somebody shuts the machine down in an orderly way,
// or reboots it. The node is not ready at once, takes no pods, and ends those it has,
// each with its own grace or that of its group if it is shorter. Whoever is left when
// their group's time is over goes with the power.
func (k *Kubelet) ShutDown(again bool) {
	if k.closing.on {
		k.closing.again = k.closing.again || again
		return
	}
	k.closing = closing{on: true, again: again}
	if !k.running || k.shutdown.GracePeriod == 0 {
		k.closed()
		return
	}
	k.client.Note(k.node, false, "Shutdown", "Shutdown manager detected shutdown event")
	k.checkNode()
	k.closeNext(k.kernel.Now())
}

// closeNext ends the next group that has pods, or the machine (killPods).
func (k *Kubelet) closeNext(now sim.Time) {
	c := &k.closing
	for c.group < 2 {
		c.group++
		length := k.shutdown.CriticalPods
		if c.group == 1 {
			length = k.shutdown.GracePeriod - k.shutdown.CriticalPods
		}
		c.endAt = now.Add(length)
		if k.closeGroup(length) {
			k.kernel.Post(c.endAt, k.self, whyClosing, uint64(k.epoch))
			return
		}
	}
	k.closed()
}

// closeGroup begins to end the pods of the group, and tells whether there are any.
func (k *Kubelet) closeGroup(length time.Duration) bool {
	any, now := false, k.kernel.Now()
	for _, r := range k.rows {
		if !k.toClose(r) {
			continue
		}
		any = true
		r.ousted, r.oustBy, r.why = byShutdown, max(length, time.Second), messageShutdown
		if r.stage == terminating && now.Add(r.grace()) < r.killAt {
			k.killContainers(r)
		}
		k.trigger(r, now)
	}
	return any
}

// toClose tells whether a pod is of the group and not at its end.
func (k *Kubelet) toClose(r *row) bool {
	return r != nil && r.stage != finished && r.pod.Spec.Critical() == (k.closing.group == 2)
}

// closingDue looks whether the group is at its end, with its volumes unmounted, or its
// time is over.
func (k *Kubelet) closingDue(now sim.Time, epoch uint64) {
	if !k.closing.on || epoch != uint64(k.epoch) {
		return
	}
	for _, r := range k.rows {
		if k.toClose(r) && now < k.closing.endAt {
			return
		}
	}
	k.closeNext(now)
}

// closed is the machine going down.
func (k *Kubelet) closed() {
	again := k.closing.again
	k.PowerOff()
	if again {
		k.PowerOn()
	}
}

// Closing is how long the machine that is going down takes for that at most, 0 if it
// is down.
func (k *Kubelet) Closing() time.Duration {
	if !k.closing.on {
		return 0
	}
	return k.shutdown.GracePeriod
}

package kubelet

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Shutdown is how a kubelet keeps its machine from going down, so that pods can end: band
// by band, the lowest priority first (shutdownGracePeriodByPodPriority of a
// KubeletConfiguration; v1.35 pkg/kubelet/nodeshutdown/nodeshutdown_manager.go). Without
// any, which is Kubernetes' default, the machine goes down at once, and from the API's view
// has lost its power.
type Shutdown []Band

// Band is the pods of a priority and above, up to the next band, and how long they may
// take. Those below the lowest are of the lowest.
type Band struct {
	Priority    int32
	GracePeriod time.Duration
}

// NewShutdown has pods end within grace, of which critical ones have the last part for
// themselves (shutdownGracePeriod, shutdownGracePeriodCriticalPods; migrateConfig).
func NewShutdown(grace, critical time.Duration) Shutdown {
	if grace == 0 {
		return nil
	}
	return Shutdown{{0, (grace - critical).Truncate(time.Second)}, {model.SystemCritical, critical.Truncate(time.Second)}}
}

// ByPriority is bands in their order.
func ByPriority(bands ...Band) Shutdown {
	slices.SortFunc(bands, func(a, b Band) int { return cmp.Compare(a.Priority, b.Priority) })
	return bands
}

// bandOf is the number of the band of a priority (groupByPriority).
func (s Shutdown) bandOf(priority int32) int {
	i, there := slices.BinarySearchFunc(s, priority, func(b Band, p int32) int { return cmp.Compare(b.Priority, p) })
	if there || i == 0 {
		return i
	}
	return i - 1
}

// total is how long all bands may take, one after the other (periodRequested).
func (s Shutdown) total() (sum time.Duration) {
	for _, b := range s {
		sum += b.GracePeriod
	}
	return sum
}

// messageShutdown is what is said of pods that it ends (nodeshutdown_manager.go
// nodeShutdownMessage).
const messageShutdown = "Pod was terminated in response to imminent node shutdown."

// closing is a shutdown under way.
type closing struct {
	on    bool
	again bool     // the machine is to boot afterwards
	band  int      // that ends now; -1 before the first
	endAt sim.Time // when nobody waits for the band any longer
}

// ShutDown implements fault.Machine: somebody shuts the machine down in an orderly way,
// or reboots it. The node is not ready at once, takes no pods, and ends those it has,
// each with its own grace or that of its band if it is shorter. Whoever is left when
// their band's time is over goes with the power.
func (k *Kubelet) ShutDown(again bool) {
	if k.closing.on {
		k.closing.again = k.closing.again || again
		return
	}
	k.closing = closing{on: true, again: again, band: -1}
	if !k.running || len(k.shutdown) == 0 {
		k.closed()
		return
	}
	k.client.Note(k.node, false, "Shutdown", "Shutdown manager detected shutdown event")
	k.checkNode()
	k.closeNext(k.kernel.Now())
}

// closeNext ends the next band that has pods, or the machine (killPods).
func (k *Kubelet) closeNext(now sim.Time) {
	c := &k.closing
	for c.band++; c.band < len(k.shutdown); c.band++ {
		c.endAt = now.Add(k.shutdown[c.band].GracePeriod)
		if k.closeBand() {
			k.kernel.Post(c.endAt, k.self, whyClosing, uint64(k.epoch))
			return
		}
	}
	k.closed()
}

// closeBand begins to end the pods of the band, and tells whether there are any. One that was
// evicted before keeps its grace if that is shorter (pod_workers.go calculateEffectiveGracePeriod).
func (k *Kubelet) closeBand() bool {
	any, now := false, k.kernel.Now()
	for _, r := range k.rows {
		if !k.toClose(r) {
			continue
		}
		any = true
		r.ousted, r.why = byShutdown, messageShutdown
		r.hasten(max(k.closing.endAt.Sub(now), time.Second))
		k.trigger(r, now)
	}
	return any
}

// toClose tells whether a pod is of the band and not at its end.
func (k *Kubelet) toClose(r *row) bool {
	return r != nil && r.stage != finished && k.shutdown.bandOf(r.pod.Spec.Priority) == k.closing.band
}

// closingDue looks whether the band is at its end, with its volumes unmounted, or its
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
	return k.shutdown.total()
}

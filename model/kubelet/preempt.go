package kubelet

import (
	"cmp"
	"fmt"
	"math/bits"
	"strings"

	"orrery/model"
)

// Critical pods that lack nothing but resources push others out
// (pkg/kubelet/preemption/preemption.go): as few Guaranteed ones as possible, then as
// few Burstable ones, and of each class those that are closest to what is missing. They
// go one after the other, each with its own grace, and then the critical pod is
// admitted without another look, or has what it wants in place (resize.go). The real kubelet
// does nothing else meanwhile, for one and a half times the grace of each at most; here only
// the pod waits, as long as that takes.

// critical tells whether others have to make room for a pod
// (pkg/kubelet/types/pod_update.go IsCriticalPod).
func critical(pod *model.Pod) bool {
	return pod.ID >= model.FirstStaticID || pod.Mirror() || pod.Spec.Critical()
}

// victims is who has to go, in that order; a message if not even all would do.
func (k *Kubelet) victims(pod *model.Pod, short []shortage) (victims []*row, message string) {
	var byClass [model.Guaranteed + 1][]*row
	need := make([]lack, len(short))
	for i := range short {
		need[i] = lack{short[i].name, short[i].missing()}
	}
	var all []*row
	for _, r := range k.rows {
		if r != nil && r.charged && r.stage < terminated && preemptable(pod, r.pod) {
			class := r.pod.Spec.QoS()
			byClass[class] = append(byClass[class], r)
			all = append(all, r)
		}
	}
	if left := without(need, all); len(left) > 0 {
		text := make([]string, len(left))
		for i, l := range left {
			text[i] = fmt.Sprintf("(res: %s, q: %d), ", l.name, l.missing)
		}
		return nil, "Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: " +
			"no set of running pods found to reclaim resources: [" + strings.Join(text, "") + "]"
	}
	best, burstable := byClass[model.BestEffort], byClass[model.Burstable]
	guaranteed := nearest(byClass[model.Guaranteed], without(without(need, best), burstable))
	burstable = nearest(burstable, without(without(need, best), guaranteed))
	best = nearest(best, without(without(need, burstable), guaranteed))
	return append(append(best, burstable...), guaranteed...), ""
}

// preemptable tells whether a pod may push another one out (types.Preemptable).
func preemptable(by, pod *model.Pod) bool {
	return critical(by) && !critical(pod) || by.Spec.Priority > pod.Spec.Priority
}

// lack is how much of a resource is missing.
type lack struct {
	name    string
	missing int64
}

// has is how much of a resource a pod would give back.
func has(r *row, name string) int64 {
	want := &r.granted.Request
	switch name {
	case "pods":
		return 1
	case "cpu":
		return want.CPUMilli
	case "memory":
		return want.MemoryBytes
	case "ephemeral-storage":
		return want.EphemeralBytes
	}
	return want.ExtendedCount(name)
}

// without is what is still missing when pods are gone.
func without(need []lack, pods []*row) (left []lack) {
	for _, l := range need {
		for _, r := range pods {
			l.missing -= has(r, l.name)
		}
		if l.missing > 0 {
			left = append(left, l)
		}
	}
	return left
}

// nearest is the pods to take until nothing is missing, each time the one that is
// closest to what is (getPodsToPreemptByDistance).
func nearest(pods []*row, need []lack) (taken []*row) {
	pods = append([]*row(nil), pods...)
	for len(need) > 0 {
		best := 0
		for i := range pods {
			if c := cmp.Compare(distance(pods[i], need), distance(pods[best], need)); c < 0 || c == 0 && !larger(pods[i], pods[best]) {
				best = i
			}
		}
		taken = append(taken, pods[best])
		need = without(need, pods[best:best+1])
		pods[best] = pods[len(pods)-1]
		pods = pods[:len(pods)-1]
	}
	return taken
}

// distance is the sum of the squares of the shares of what is missing that a pod does
// not have, each in units of 2^-20.
func distance(r *row, need []lack) (sum uint64) {
	for _, l := range need {
		if rest := l.missing - has(r, l.name); rest > 0 {
			hi, lo := bits.Mul64(uint64(rest), 1<<20)
			share, _ := bits.Div64(hi, lo, uint64(l.missing))
			sum += share * share
		}
	}
	return sum
}

// larger tells whether a pod asks for more than another one: memory first
// (smallerResourceRequest).
func larger(a, b *row) bool {
	x, y := &a.granted.Request, &b.granted.Request
	return cmp.Or(cmp.Compare(x.MemoryBytes, y.MemoryBytes), cmp.Compare(x.CPUMilli, y.CPUMilli)) > 0
}

// messagePreempted is what is said of a victim (preemption.go message).
const messagePreempted = "Preempted in order to admit critical pod"

// makeRoom has the next pod go that is in the way of another one, or if none is left, that one
// begin. A resize that it was asked for while it waited is looked at only then.
func (k *Kubelet) makeRoom(r *row) {
	waited := r.awaitsRoom()
	for len(r.inTheWay) > 0 {
		v := k.find(r.inTheWay[0])
		if v != nil && v.stage < terminated {
			if v.ousted == nobody {
				v.ousted, v.why = byCritical, messagePreempted
				k.client.Note(v.face(), true, "Preempting", messagePreempted)
				k.trigger(v, k.kernel.Now())
			}
			return
		}
		r.inTheWay = r.inTheWay[1:]
	}
	switch {
	case r.enlarging != nil:
		k.enlarged(r)
	case r.stage == syncing:
		if waited && r.resizes() {
			k.queueResize(r)
			k.retryResizes()
		}
		k.sync(r, k.kernel.Now())
	}
}

// awaitsRoom tells whether others have to go before a pod may begin.
func (r *row) awaitsRoom() bool { return len(r.inTheWay) > 0 && r.enlarging == nil }

// roomMade lets the pods go on that have waited for one to end.
func (k *Kubelet) roomMade(pod uint32) {
	for _, r := range k.rows {
		if r != nil && len(r.inTheWay) > 0 && r.inTheWay[0] == pod {
			k.makeRoom(r)
		}
	}
}

// numbers is the pods' numbers.
func numbers(rows []*row) (out []uint32) {
	for _, r := range rows {
		out = append(out, r.pod.ID)
	}
	return out
}

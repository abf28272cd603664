package controller

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// victims is the n of a ReplicaSet's active pods that are deleted first.
func (c *replicaSets) victims(now sim.Time, set *model.ReplicaSet, n int) []uint32 {
	owned := *c.view.owned[model.KindReplicaSet].Row(set.ID)
	pods := make([]ranked, 0, len(owned))
	for _, id := range owned {
		if p := c.view.pod(id); p.Active() && !c.view.pods.Row(id).stray {
			pods = append(pods, ranked{pod: p, uid: p.NameHash()})
		}
	}
	if n < len(pods) {
		together := c.together(set, len(pods))
		for i := range pods {
			pods[i].together = together[pods[i].pod.NodeID]
		}
		slices.SortFunc(pods, func(a, b ranked) int { return deletedFirst(now, &a, &b) })
	}
	out := make([]uint32, min(n, len(pods)))
	for i := range out {
		out[i] = pods[i].pod.ID
	}
	return out
}

// together counts, by node, the active pods of all ReplicaSets of the same
// owner, of which there are at least so many. Of a ReplicaSet that nobody owns no pods
// count (replica_set.go getReplicaSetsWithSameController).
func (c *replicaSets) together(set *model.ReplicaSet, pods int) map[uint32]int {
	if set.Owner.IsZero() {
		return nil
	}
	on := make(map[uint32]int, pods)
	for _, s := range *c.view.setsOf.Row(set.Owner.ID) {
		for _, id := range *c.view.owned[model.KindReplicaSet].Row(s) {
			if p := c.view.pod(id); p.Active() && !c.view.pods.Row(id).stray {
				on[p.NodeID]++
			}
		}
	}
	return on
}

// ranked is a pod with what its rank depends on besides itself.
type ranked struct {
	pod      *model.Pod
	together int    // active pods of the same controller on its node
	uid      uint64 // stands for the UID, which is random in Kubernetes
}

// deletedFirst is negative if a is deleted before b: the rules of
// ActivePodsWithRanks.Less (pkg/controller/controller_utils.go) in their
// order. Times are whole seconds, as in the API.
func deletedFirst(now sim.Time, a, b *ranked) int {
	p, q := a.pod, b.pod
	if (p.NodeID == 0) != (q.NodeID == 0) {
		return falseFirst(p.NodeID != 0)
	}
	if p.Phase != q.Phase {
		return cmp.Compare(p.Phase, q.Phase)
	}
	if p.IsReady() != q.IsReady() {
		return falseFirst(p.IsReady())
	}
	if p.DeletionCost != q.DeletionCost {
		return cmp.Compare(p.DeletionCost, q.DeletionCost)
	}
	if a.together != b.together {
		return cmp.Compare(b.together, a.together)
	}
	if p.IsReady() {
		if d, decided := younger(now, p.Ready.SinceAt, q.Ready.SinceAt, a, b); decided {
			return d
		}
	}
	if d := cmp.Compare(mostRestarts(q, false), mostRestarts(p, false)); d != 0 {
		return d
	}
	if d := cmp.Compare(mostRestarts(q, true), mostRestarts(p, true)); d != 0 {
		return d
	}
	if d, decided := younger(now, p.CreatedAt, q.CreatedAt, a, b); decided {
		return d
	}
	return byUID(a, b)
}

func falseFirst(x bool) int {
	if x {
		return 1
	}
	return -1
}

// younger puts the shorter age first. Ages are compared by the integer part of
// their binary logarithm in nanoseconds; where those are equal the UID decides,
// and no later rule. Equal times decide nothing.
func younger(now, since, other sim.Time, a, b *ranked) (int, bool) {
	s, o := model.WholeSecond(since), model.WholeSecond(other)
	if s == o {
		return 0, false
	}
	if d := cmp.Compare(ageRank(now.Sub(s)), ageRank(now.Sub(o))); d != 0 {
		return d, true
	}
	return byUID(a, b), true
}

func ageRank(age time.Duration) int {
	if age <= 0 {
		return -1
	}
	return bits.Len64(uint64(age)) - 1
}

func byUID(a, b *ranked) int {
	return cmp.Or(cmp.Compare(a.uid, b.uid), cmp.Compare(a.pod.ID, b.pod.ID))
}

// mostRestarts is the highest restart count of the pod's containers, or of its
// sidecars.
func mostRestarts(p *model.Pod, sidecars bool) int32 {
	var most int32
	inits := len(p.Spec.InitContainers)
	for i := range p.Containers {
		isInit := i < inits
		if sidecars != isInit || isInit && !p.Spec.InitContainers[i].Sidecar {
			continue
		}
		most = max(most, p.Containers[i].Restarts)
	}
	return most
}

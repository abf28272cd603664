package scheduler

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"

	"orrery/model"
)

// dominantShare takes the pod of the namespace with the least dominant share
// first: of what a namespace's pods have of the cluster's CPU, memory and GPUs, the
// largest share (Ghodsi et al., "Dominant Resource Fairness", NSDI 2011;
// volcano-sh/volcano pkg/scheduler/plugins/drf/drf.go). Priority comes before, as
// there, and among pods of one namespace who has waited longest.
type dominantShare struct{ ledger *ledger }

func newDominantShare(h *Handle) Plugin {
	h.cache.ledger = &ledger{tenants: map[string]uint32{}}
	return dominantShare{h.cache.ledger}
}

func (dominantShare) Name() string { return "DominantShare" }

// Tenant implements TenantSortPlugin.
func (p dominantShare) Tenant(pod *model.Pod) uint32 { return p.ledger.tenant(pod.Namespace) }

// Less implements QueueSortPlugin.
func (p dominantShare) Less(a, b *QueuedPodInfo) bool {
	c := cmp.Compare(b.Priority, a.Priority)
	if c == 0 && a.Tenant != b.Tenant {
		c = p.ledger.compare(a.Tenant, b.Tenant)
	}
	return c < 0 || c == 0 && a.Timestamp < b.Timestamp
}

// amounts is CPU milli, memory bytes and GPU milli.
type amounts [3]int64

// ledger is what the nodes have together, and what the pods of each namespace have
// of it.
type ledger struct {
	capacity amounts
	tenants  map[string]uint32 // numbers from 0, by namespace
	used     []amounts         // by that number
}

func (l *ledger) tenant(namespace string) uint32 {
	id, ok := l.tenants[namespace]
	if !ok {
		id = uint32(len(l.used))
		l.tenants[namespace] = id
		l.used = append(l.used, amounts{})
	}
	return id
}

// pod counts a pod that came to a node, or with sign -1 one that left.
func (l *ledger) pod(pod *model.Pod, sign int64) {
	if l == nil {
		return
	}
	u := &l.used[l.tenant(pod.Namespace)]
	u[0] += sign * pod.Spec.Request.CPUMilli
	u[1] += sign * pod.Spec.Request.MemoryBytes
	u[2] += sign * pod.Spec.GPU.Milli()
}

// node counts what a node has, or with sign -1 what it had; nil is nothing.
func (l *ledger) node(n *model.Node, sign int64) {
	if l == nil || n == nil {
		return
	}
	l.capacity[0] += sign * n.Allocatable.CPUMilli
	l.capacity[1] += sign * n.Allocatable.MemoryBytes
	l.capacity[2] += sign * n.GPU.Devices * model.GPUMilli
}

// compare compares the dominant shares of two namespaces.
func (l *ledger) compare(a, b uint32) int {
	return compareRatios(l.dominant(a), l.dominant(b))
}

// dominant is the largest share of a namespace. Shares of what the cluster does not
// have do not count.
func (l *ledger) dominant(tenant uint32) ratio {
	best := ratio{0, 1}
	for i, used := range l.used[tenant] {
		if l.capacity[i] > 0 {
			if r := (ratio{used, l.capacity[i]}); compareRatios(r, best) > 0 {
				best = r
			}
		}
	}
	return best
}

// ratio is part/whole; part is at least 0, whole more.
type ratio struct{ part, whole int64 }

func compareRatios(a, b ratio) int {
	ah, al := bits.Mul64(uint64(a.part), uint64(b.whole))
	bh, bl := bits.Mul64(uint64(b.part), uint64(a.whole))
	return cmp.Or(cmp.Compare(ah, bh), cmp.Compare(al, bl))
}

// inOrder is pods as the queue would hand them out if all came at once, while they
// are placed one by one. Only a plugin that weighs tenants against each other
// changes the order of the list.
func (p *Planner) inOrder(pods []*model.Pod) iter.Seq[*model.Pod] {
	sort, ok := p.search.framework.queueSort.(TenantSortPlugin)
	if !ok {
		return slices.Values(pods)
	}
	var waiting [][]QueuedPodInfo // by tenant, in its order; Pod is the place in pods
	for i, pod := range pods {
		e := QueuedPodInfo{Priority: pod.Spec.Priority, Pod: uint32(i), Tenant: sort.Tenant(pod)}
		for int(e.Tenant) >= len(waiting) {
			waiting = append(waiting, nil)
		}
		waiting[e.Tenant] = append(waiting[e.Tenant], e)
	}
	for _, w := range waiting {
		slices.SortStableFunc(w, func(a, b QueuedPodInfo) int { return cmp.Compare(b.Priority, a.Priority) })
	}
	return func(yield func(*model.Pod) bool) {
		for range pods {
			best := -1
			for t, w := range waiting {
				if len(w) > 0 && (best < 0 || sort.Less(&w[0], &waiting[best][0]) || w[0].Pod < waiting[best][0].Pod && !sort.Less(&waiting[best][0], &w[0])) {
					best = t
				}
			}
			pod := pods[waiting[best][0].Pod]
			waiting[best] = waiting[best][1:]
			if !yield(pod) {
				return
			}
		}
	}
}

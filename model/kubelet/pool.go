package kubelet

import (
	"cmp"
	"fmt"
	"slices"

	"orrery/model"
)

// pool is things of a machine that pods have for themselves, CPUs or devices: who has
// which, 0 if nobody. They lie on the NUMA nodes in order.
type pool struct {
	nodes  int
	holder []uint32
}

func newPool(things, nodes int) pool { return pool{nodes, make([]uint32, things)} }

func (p *pool) nodeOf(i int) int { return i * p.nodes / len(p.holder) }

func (p *pool) holds(pod uint32) bool { return slices.Contains(p.holder, pod) }

func (p *pool) release(pod uint32) {
	for i := range p.holder {
		if p.holder[i] == pod {
			p.holder[i] = 0
		}
	}
}

// held is how many somebody has.
func (p *pool) held() (n int64) {
	for _, pod := range p.holder {
		if pod != 0 {
			n++
		}
	}
	return n
}

// available is those that nobody has and that are not spared, and those that the pod
// itself uses again.
func (p *pool) available(again, spare []bool) []bool {
	out := make([]bool, len(p.holder))
	for i := range out {
		out[i] = again[i] || p.holder[i] == 0 && (spare == nil || !spare[i])
	}
	return out
}

// hints is where there are as many as are wanted, some of which the pod uses again
// (cpumanager/policy_static.go generateCPUTopologyHints, devicemanager/topology_hints.go
// generateDeviceTopologyHints): rather on as few nodes as would do if all were free.
func (p *pool) hints(masks []nodeSet, want int, again, spare []bool) (out hints) {
	if want == 0 || len(p.holder) == 0 {
		return anywhere
	}
	var total, free [MaxNUMANodes]int
	used := nodeSet(0)
	for i, ok := range p.available(again, spare) {
		n := p.nodeOf(i)
		total[n]++
		if ok {
			free[n]++
		}
		if again[i] {
			used |= 1 << n
		}
	}
	least := p.nodes
	for _, m := range masks {
		all, have := 0, 0
		for n := range p.nodes {
			if m>>n&1 == 1 {
				all += total[n]
				have += free[n]
			}
		}
		if all >= want {
			least = min(least, m.count())
		}
		if used&^m == 0 && have >= want {
			out = append(out, hint{nodes: m})
		}
	}
	if out == nil {
		return nowhere
	}
	for i := range out {
		out[i].preferred = out[i].nodes.count() == least
	}
	return out
}

// on is those of some that are on NUMA nodes.
func (p *pool) on(nodes nodeSet, some []bool) []bool {
	out := make([]bool, len(some))
	for i := range some {
		out[i] = some[i] && nodes>>p.nodeOf(i)&1 == 1
	}
	return out
}

// hold gives a pod's container things. An init container's are used again by those after
// it, whose are not.
func (p *pool) hold(pod uint32, things []int, again []bool, init bool) {
	for _, i := range things {
		p.holder[i], again[i] = pod, init
	}
}

func howMany(some []bool) (n int) {
	for _, ok := range some {
		if ok {
			n++
		}
	}
	return n
}

// giveGPUs gives a container devices: those that are used again, then those on the nodes
// of the hint, then others (devicemanager/manager.go devicesToAllocate, which takes any of
// equals; here the lowest).
func (f *fitting) giveGPUs(i int, near nodeSet) (reason, message string) {
	p, want := &f.layout.gpus, int(containerOf(f.spec, i).Requests.ExtendedCount(model.ResourceGPU))
	if want == 0 || len(p.holder) == 0 {
		return "", ""
	}
	available := p.available(f.gpus, nil)
	first, last := howMany(f.gpus), howMany(available)
	if missing := want - first; missing > last-first {
		return unexpected, fmt.Sprintf("Allocate failed due to requested number of devices unavailable for %s. "+
			"Requested: %d, Available: %d, which is unexpected", model.ResourceGPU, missing, last-first)
	}
	p.hold(f.pod, p.nearest(available, f.gpus, near)[:want], f.gpus, plainInit(f.spec, i))
	return "", ""
}

// nearest is some things, those first that are used again and then those on some nodes.
func (p *pool) nearest(some, again []bool, near nodeSet) (order []int) {
	for i, ok := range some {
		if ok {
			order = append(order, i)
		}
	}
	rank := func(i int) int {
		switch {
		case again[i]:
			return 0
		case near>>p.nodeOf(i)&1 == 1:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	return order
}

package scheduler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// loadAware prefers nodes by the CPU they are measured to use, not by what is
// asked for: up to a target of 40 % the fullest, beyond it the emptiest. Pods that
// came too lately to be in the measurements count with what they can be expected to
// use (kubernetes-sigs/scheduler-plugins
// pkg/trimaran/targetloadpacking/targetloadpacking.go, with its default arguments).
// Without measurements, as when nothing runs, all pods count that way.
type loadAware struct {
	handle *Handle
	late   map[uint32][]lately // by node
}

// lately is a pod that was assigned not long ago.
type lately struct {
	pod uint32
	at  sim.Time
	cpu int64
}

// The defaults of TargetLoadPackingArgs
// (apis/config/v1/defaults.go), and how long after its assignment a pod may be
// missing in the measurements.
const (
	targetUtilization    = 40   // percent
	defaultRequest       = 1000 // milli-CPU of a container that asks for nothing
	metricsAgentInterval = 60 * time.Second
)

// Usage tells the CPU that a node was last measured to use, and when that was;
// false if it was not.
type Usage func(node uint32) (cpuMilli int64, at sim.Time, ok bool)

func newLoadAware(h *Handle) Plugin { return &loadAware{handle: h, late: map[uint32][]lately{}} }

func (*loadAware) Name() string { return "LoadAware" }

// SignPod implements SignPlugin.
func (*loadAware) SignPod(key []byte, pod *model.Pod) []byte {
	return signNumber(key, expectedCPU(pod.Spec))
}

// expectedCPU is what a pod can be expected to use: of each container its limit,
// or half as much again as its request (PredictUtilisation).
func expectedCPU(s *model.PodSpec) int64 {
	sum := s.Overhead.CPUMilli
	for i := range s.Containers {
		switch c := &s.Containers[i]; {
		case c.Limits.CPUMilli > 0:
			sum += c.Limits.CPUMilli
		case c.Requests.CPUMilli > 0 || c.AsksForNoCPU:
			sum += (c.Requests.CPUMilli*3 + 1) / 2
		default:
			sum += defaultRequest
		}
	}
	return sum
}

// Reserve implements ReservePlugin: it notes when the pod was assigned.
func (p *loadAware) Reserve(pod *model.Pod, node uint32) *Status {
	p.late[node] = append(p.late[node], lately{pod.ID, p.handle.Now(), expectedCPU(pod.Spec)})
	return nil
}

// Unreserve implements ReservePlugin.
func (p *loadAware) Unreserve(pod *model.Pod, node uint32) {
	p.late[node] = slices.DeleteFunc(p.late[node], func(l lately) bool { return l.pod == pod.ID })
}

// View implements WidePlugin. Use changes with time, so nothing is remembered.
func (p *loadAware) View(pod *model.Pod) View {
	return View{Watcher: always{}, Scorer: loadScorer{p, expectedCPU(pod.Spec)}}
}

// loadScorer rates nodes for pods that can be expected to use so much.
type loadScorer struct {
	*loadAware
	cpu int64
}

// Score implements WideScorer.
func (s loadScorer) Score(feasible []uint32, scores []int64) (some bool) {
	for i, id := range feasible {
		scores[i] = rateLoad(s.load(id)+s.cpu, s.handle.cache.rows[id].Node.Capacity.CPUMilli)
		some = some || scores[i] != 0
	}
	return some
}

// load is what a node can be expected to use without the pod.
func (p *loadAware) load(id uint32) (cpu int64) {
	row := &p.handle.cache.rows[id]
	measured, at, ok := int64(0), sim.Time(0), false
	if u := p.handle.cache.usage; u != nil {
		measured, at, ok = u(id)
	}
	if !ok {
		for _, pod := range row.Pods {
			cpu += expectedCPU(pod.Spec)
		}
		return cpu
	}
	late := slices.DeleteFunc(p.late[id], func(l lately) bool { return at.Sub(l.at) >= metricsAgentInterval })
	p.late[id] = late
	for _, l := range late {
		if slices.ContainsFunc(row.Pods, func(x *model.Pod) bool { return x.ID == l.pod }) {
			cpu += l.cpu
		}
	}
	return cpu + measured
}

// rateLoad is the score of a node of which so much would be used.
func rateLoad(used, capacity int64) int64 {
	const target, rest = targetUtilization, MaxNodeScore - targetUtilization
	switch {
	case capacity == 0 || used > capacity:
		return 0
	case used*MaxNodeScore > target*capacity:
		return rounded(target*MaxNodeScore*(capacity-used), rest*capacity)
	}
	return rounded(rest*MaxNodeScore*used+target*target*capacity, target*capacity)
}

// rounded is part/whole, a half up.
func rounded(part, whole int64) int64 { return (2*part + whole) / (2 * whole) }

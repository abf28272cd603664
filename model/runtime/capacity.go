package runtime

import (
	"math"

	"orrery/model"
)

// The threads of a container are one cgroup's, and CFS and EEVDF give each that wants to run the
// same (Documentation/scheduler/sched-design-CFS.rst, sched-eevdf.rst); a quota is used up by all of
// them alike (sched-bwc.rst). So what a container uses besides requests, r cores, does not come
// before these: of Q that it gets, w requests under way get w/(w+r), and as they wait there come
// to be more. They lack CPU where as many as there may be get no more than come,
// Q W/(W+r), and what the rest does not get then is lost. If all have a core, they get what it leaves.

// demand is what a container would use of CPU, and what it may have.
type demand struct {
	rest    int64 // milli-CPU it would use besides them
	each    int64 // millionths of a core for each per second
	threads int64 // that work on one
	abreast int64 // requests at a time
	limit   int64 // milli-CPU it can have, 0 for without end
	weight  int64 // in its pod
}

// demandOf is that of a container that does something.
func demandOf(spec *model.PodSpec, c *model.Container, b *Behavior, milliCPU int64) demand {
	return demand{
		rest: b.CPUMilli, each: b.CPUMicroPerRPS, threads: ThreadsOn(b, milliCPU), abreast: abreast(b),
		limit: spec.CPULimit(c), weight: containerWeight(spec, c),
	}
}

// abreast is how many requests a container has under way at most.
func abreast(b *Behavior) int64 {
	if b.Workers > 0 {
		return min(b.Workers, math.MaxInt32)
	}
	return model.Backlog
}

// demandOf is that of a container as it runs.
func (s *Sandbox) demandOf(i int) demand {
	p, c := &s.Processes[i], container(s.Pod.Spec, i)
	return demand{
		rest: p.rest + p.burstCPU, each: p.perRPS, threads: int64(p.threads), abreast: int64(p.abreast),
		limit: s.Pod.Spec.CPULimit(c), weight: containerWeight(s.Pod.Spec, c),
	}
}

// serves is how many requests so many milli-CPU are enough for.
func (d *demand) serves(milli int64) model.Capacity {
	whole := scale(milli, 1_000_000, d.each)
	if d.rest == 0 {
		return model.Capacity{MilliRPS: whole}
	}
	busy := d.rest / d.threads
	return model.Capacity{
		MilliRPS: max(scale(max(milli-d.rest, 0), 1_000_000, d.each), scale(whole, d.abreast*1000, d.abreast*1000+busy)),
		Whole:    whole, Rest: scale(d.rest, 1_000_000, d.each), Busy: busy,
	}
}

// wants is what it would use for so many requests, rounded up.
func (d *demand) wants(milliRPS int64) int64 {
	wants := d.rest
	if d.each > 0 {
		needs := scale(d.each, milliRPS, 1_000_000)
		if scale(needs, 1_000_000, d.each) < milliRPS {
			needs++
		}
		wants += needs
	}
	if d.limit > 0 {
		wants = min(wants, d.limit)
	}
	return wants
}

// leastOf is the capacity of what passes through all of them, and may have so much CPU together, 0
// for without end. Each has CPU as far as its own limit and its weight among them say, and what one does
// not want the others have.
func leastOf(all []demand, together int64, list []group) (least model.Capacity, scratch []group) {
	least = model.AmpleCPU
	for i := range all {
		if d := &all[i]; d.each > 0 && d.limit > 0 {
			least = lesser(least, d.serves(d.limit))
		}
	}
	if together == 0 || least.MilliRPS < 0 {
		return least, list
	}
	low, high := int64(0), least.MilliRPS
	if fits(all, together, high, &list) == nil {
		return least, list
	}
	for low < high-1 {
		if half := low + (high-low)/2; fits(all, together, half, &list) == nil {
			low = half
		} else {
			high = half
		}
	}
	short := fits(all, together, high, &list)
	for i := range list {
		if d := &all[list[i].of]; d == short {
			least = d.serves(list[i].gets)
		}
	}
	if least.MilliRPS = low; least.Whole <= low {
		least.Whole, least.Rest, least.Busy = 0, 0, 0
	}
	return least, list
}

// fits is nil if so much CPU together is enough for so many requests, else the first that it is not for.
func fits(all []demand, together, milliRPS int64, scratch *[]group) *demand {
	list := (*scratch)[:0]
	for i := range all {
		list = append(list, group{wants: all[i].wants(milliRPS), weight: all[i].weight, of: int32(i)})
	}
	*scratch = list
	fill(list, together)
	for i := range list {
		d := &all[list[i].of]
		if d.each > 0 && d.serves(list[i].gets).MilliRPS < milliRPS {
			return d
		}
	}
	return nil
}

func lesser(a, b model.Capacity) model.Capacity {
	if a.MilliRPS < 0 || b.MilliRPS >= 0 && b.MilliRPS < a.MilliRPS {
		return b
	}
	return a
}

// LimitedCapacity is what the CPU limits of a pod that does something leave for requests, on a machine that has so
// many milli-CPU, 0 for without end. Every request is taken to pass through every container that requests
// cost something, sidecars among them.
func LimitedCapacity(p *model.Pod, behaviors Behaving, milliCPU int64) model.Capacity {
	var all []demand
	for _, c := range p.Spec.Lasting() {
		b := behaviors.For(p, c.Name)
		all = append(all, demandOf(p.Spec, c, &b, milliCPU))
	}
	least, _ := leastOf(all, p.Spec.PodCPULimit(), nil)
	least.Quota = least.MilliRPS >= 0
	return least
}

// tellCapacity says that a pod may have CPU for another rate, as one of its containers wants something else.
func (m *Machine) tellCapacity(s *Sandbox, p *Process) {
	if m.serving != nil && (p.perRPS > 0 || s.Pod.Spec.PodCPULimit() > 0) {
		m.serving.CapacityChanged(s.Pod.Ref())
	}
}

// Capacity is how many requests a pod has CPU for, as things are: what its containers' limits
// leave, or on a crowded machine what they get.
func (m *Machine) Capacity(pod uint32) model.Capacity {
	s := m.Sandbox(pod)
	if s == nil {
		return model.AmpleCPU
	}
	list := m.demands[:0]
	least, short, pinned := model.AmpleCPU, false, false
	for i := range s.Processes {
		p := &s.Processes[i]
		if !p.Running {
			continue
		}
		if p.extra != nil && p.extra.pidsMilliPerRPS > 0 && m.podPIDsLimit > 0 {
			least = lesser(least, model.Capacity{MilliRPS: scale(p.extra.room, 1_000_000, p.extra.pidsMilliPerRPS)})
		}
		pinned = pinned || p.pinned
		d := s.demandOf(i)
		if m.crowded && p.meter.cpu < p.wants && p.perRPS > 0 { // who has all it wants might have more
			least, short = lesser(least, d.serves(p.meter.cpu)), true
		}
		list = append(list, d)
	}
	m.demands = list
	var limits model.Capacity
	limits, m.inPod = leastOf(list, s.Pod.Spec.PodCPULimit(), m.inPod)
	if limits.Quota = !short && !pinned; limits.MilliRPS >= 0 {
		least = lesser(least, limits)
	}
	return least
}

package fault

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Creep is how much more the agents of a node come to need.
type Creep struct {
	CPUMilli    int64
	EachMilli   int64 // for each container that runs there
	MemoryBytes int64
	Over        time.Duration // how long it takes until then; 0 is at once
}

// creepSteps is in how many equal steps that grows.
const creepSteps = 20

// agentCreep has the kubelet, the container runtime and what works for them, such as
// what copies the logs of containers, need more and more CPU, and agents beside them
// memory. When they lack it the kubelet is late with everything.
type agentCreep struct {
	kernel   *sim.Kernel
	self     sim.ActorID
	director *Director
	nodes    []model.Object
	Creep
	from  sim.Time
	steps int64
	over  bool
}

func (f *agentCreep) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.kernel, f.director, f.nodes, f.Creep, f.from = d.kernel, d, nodes, s.Creep, d.kernel.Now()
	f.self = d.kernel.Register("agent-creep/"+s.ID, f)
	f.Wake(f.from, 0, 0)
	said := fmt.Sprintf("they come to need %dm of CPU more, and %dm for each container", f.CPUMilli, f.EachMilli)
	if f.MemoryBytes > 0 {
		said += fmt.Sprintf(", and %dMi of memory", f.MemoryBytes>>20)
	}
	return said, true
}

// Wake implements sim.Actor: another step.
func (f *agentCreep) Wake(now sim.Time, _ sim.Why, _ uint64) {
	if f.over {
		return
	}
	step := int64(creepSteps)
	if f.Over > 0 {
		step = min(int64(now.Sub(f.from))*creepSteps/int64(f.Over), creepSteps)
	}
	f.settle(step)
	if step < creepSteps {
		f.kernel.Post(f.from.Add(f.Over*time.Duration(step+1)/creepSteps+1), f.self, 0, 0)
	}
}

// DescribeWake implements sim.Describer.
func (f *agentCreep) DescribeWake(sim.Why, uint64) string { return "agents need more" }

// settle has the agents need so many steps.
func (f *agentCreep) settle(step int64) {
	part := func(all int64) int64 { return all*step/creepSteps - all*f.steps/creepSteps }
	for _, n := range f.nodes {
		f.director.host(n.Head().ID).Creep(part(f.CPUMilli), part(f.EachMilli), part(f.MemoryBytes))
	}
	f.steps = step
}

func (f *agentCreep) end(*Director) {
	f.over = true
	f.settle(0)
}

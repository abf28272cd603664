package controller

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// Most pods of a target do what the others do: what requests cost them is the same, and
// the same arrives. They are a crew, of which a look reads one pod; the others count like
// it. Whoever uses something else, or changes, leaves its crew and is looked at by
// itself, until it has been like the others for as long as metrics remember. The slow
// twin reads every pod (Config.Literal).

// crew is pods of one autoscaler of which metrics say the same.
type crew struct {
	crewKey
	pods []uint32
}

// crewKey is what decides what metrics say of a pod.
//
//tidy:key it is compared
type crewKey struct {
	inflow *model.Inflow
	costs  model.Costs
	memory int64
	spec   *model.PodSpec
}

// membership is where a pod is in a crew.
type membership struct {
	usedAt sim.Time // when it began to use something else, as far as is known
	crew   int32    // one more than its number among those of its only autoscaler; 0 if it is in none
	at     int32    // among the crew's pods
}

// leave is a pod that is looked at by itself from now on.
func (c *autoscalers) leave(now sim.Time, pod uint32) {
	m := c.members.Row(pod)
	m.usedAt = now
	if m.crew == 0 {
		return
	}
	row := c.rows.Row((*c.covered.Row(pod))[0])
	x := &row.crews[m.crew-1]
	last := x.pods[len(x.pods)-1]
	x.pods[m.at] = last
	c.members.Row(last).at = m.at
	x.pods = x.pods[:len(x.pods)-1]
	m.crew = 0
	insert(&row.single, pod)
}

// join makes a pod one of a crew if it is like that.
func (s *scaling) join(p *model.Pod, x *model.Sample) bool {
	m := s.members.Row(p.ID)
	if s.literal || !x.Costs.Known || x.Growing || len(*s.covered.Row(p.ID)) != 1 || m.usedAt.Add(settling) > s.now ||
		p.Deleting() || p.Phase != model.PodRunning || p.Ready.Status != model.True || model.WholeSecond(p.StartedAt).Add(cpuInitialized) > s.now {
		return false
	}
	for i := range s.hpa.Metrics {
		if _, known := requested(p.Spec, &s.hpa.Metrics[i]); !known {
			return false
		}
	}
	key := crewKey{x.Inflow, x.Costs, x.MemoryBytes, p.Spec}
	k := slices.IndexFunc(s.row.crews, func(c crew) bool { return c.crewKey == key })
	if k < 0 {
		k = slices.IndexFunc(s.row.crews, func(c crew) bool { return len(c.pods) == 0 })
	}
	if k < 0 {
		k = len(s.row.crews)
		s.row.crews = append(s.row.crews, crew{})
	}
	c := &s.row.crews[k]
	c.crewKey = key
	m.crew, m.at = int32(k+1), int32(len(c.pods))
	c.pods = append(c.pods, p.ID)
	return true
}

// disband has all pods of an autoscaler looked at by themselves.
func (c *autoscalers) disband(row *autoscalerRow) {
	for i := range row.crews {
		for _, pod := range row.crews[i].pods {
			c.members.Row(pod).crew = 0
		}
	}
	row.crews = row.crews[:0]
	row.single = append(row.single[:0], row.pods...)
}

package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/store"
)

// componentPartition cuts replicas of a component off from the API servers, even
// from that on their own machine: a bad firewall rule, a balancer that lost its
// backends. Everything else on the machine has its connections. A leader that
// cannot renew ends itself, and another takes over.
type componentPartition struct{ whose func(*store.Client) bool }

func (f *componentPartition) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	machines := d.replicas(s.Component, s.Members)
	if len(machines) == 0 {
		return "no " + s.Component + " leads", false
	}
	component := s.Component
	f.whose = func(c *store.Client) bool {
		return c.As.Component == component && slices.ContainsFunc(machines, func(i int) bool { return d.world.ControlPlane()[i] == c.Site })
	}
	d.world.Truth().Sever(f.whose)
	return component + " on " + d.on(component, machines) + ", is cut off from the API servers", true
}

func (f *componentPartition) end(d *Director) { d.world.Truth().Mend(f.whose) }

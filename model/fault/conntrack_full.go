package fault

import (
	"slices"

	"orrery/model"
)

// conntrackFull fills the conntrack table of nodes with connections of something else, as
// a scan or a flood of half-open ones does: what is left of it is for requests.
type conntrackFull struct {
	nodes []model.Object
	ppm   int64
}

func (f *conntrackFull) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.ppm = nodes, s.FillPPM
	for _, n := range nodes {
		m := d.machines.Row(n.Head().ID)
		m.fills = append(m.fills, f.ppm)
		d.hold(n.Head().ID, holds{})
	}
	return percent(f.ppm) + " of the conntrack table are taken", true
}

func (f *conntrackFull) end(d *Director) {
	for _, n := range f.nodes {
		m := d.machines.Row(n.Head().ID)
		m.fills = without(m.fills, f.ppm)
		d.hold(n.Head().ID, holds{})
	}
}

// settleConntrack gives a machine what the worst fault takes of its table.
func (d *Director) settleConntrack(m *machine, node uint32) {
	fill := int64(0)
	if len(m.fills) > 0 {
		fill = slices.Max(m.fills)
	}
	if fill != m.fill {
		m.fill = fill
		d.world.Requests().FillConntrack(d.world.NodeSite(node), fill)
	}
}

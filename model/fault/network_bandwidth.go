package fault

import "orrery/model"

// networkBandwidth leaves nodes a share of their connection's speed, for what they
// download and for requests and answers that have a size.
type networkBandwidth struct {
	nodes []model.Object
	ppm   int64
}

func (f *networkBandwidth) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	f.nodes, f.ppm = nodes, s.RatePPM
	for _, n := range nodes {
		m := d.machines.Row(n.Head().ID)
		m.links = append(m.links, f.ppm)
		d.hold(n.Head().ID, holds{})
	}
	return percent(f.ppm) + " of their connection's speed are left", true
}

func (f *networkBandwidth) end(d *Director) {
	for _, n := range f.nodes {
		m := d.machines.Row(n.Head().ID)
		m.links = without(m.links, f.ppm)
		d.hold(n.Head().ID, holds{})
	}
}

// settleLink gives a machine what the worst fault leaves of its connection.
func (d *Director) settleLink(m *machine, node uint32) {
	link := int64(1_000_000)
	for _, ppm := range m.links {
		link = min(link, ppm)
	}
	if m.link == 0 {
		m.link = 1_000_000
	}
	if link != m.link {
		m.link = link
		if h := d.host(node); h != nil {
			h.SetLink(link)
		}
		d.world.Requests().Narrow(d.world.NodeSite(node), link)
	}
}

package fault

import "orrery/model"

// share takes a part of something that machines have, of which the worst counts if
// several faults take some: of their connection, for what they download and for requests
// and answers that have a size; or of their conntrack table, with connections that are
// established: those that are not yet are given up for others.
type share struct {
	of shared
	undoing
}

// shared is what a share may be of.
type shared uint8

const (
	connection shared = iota
	conntrack
	allShared
)

// whole is a share of all there is.
const whole = 1_000_000

// partTaken is what the faults in force take of a machine's, in millionths, and what it was
// told.
type partTaken struct {
	by   []int64
	told int64
}

func (f *share) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	ppm := s.FillPPM
	said := percent(ppm) + " of the conntrack table are taken"
	if f.of == connection {
		ppm, said = whole-s.RatePPM, percent(s.RatePPM)+" of their connection's speed are left"
	}
	for _, n := range nodes {
		node := n.Head().ID
		p := &d.machines.Row(node).taken[f.of]
		p.by = append(p.by, ppm)
		f.later(func() {
			p := &d.machines.Row(node).taken[f.of]
			p.by = without(p.by, ppm)
		})
	}
	f.hold(d, nodes, holds{})
	return said, true
}

// settleShares takes from a machine what the worst faults do.
func (d *Director) settleShares(m *machine, node uint32) {
	for of := range allShared {
		p := &m.taken[of]
		worst := int64(0)
		for _, ppm := range p.by {
			worst = max(worst, ppm)
		}
		if worst == p.told {
			continue
		}
		p.told = worst
		site := d.world.NodeSite(node)
		if of == conntrack {
			d.world.Requests().FillConntrack(site, worst)
			continue
		}
		if h := d.host(node); h != nil {
			h.SetLink(whole - worst)
		}
		d.world.Requests().Narrow(site, whole-worst)
	}
}

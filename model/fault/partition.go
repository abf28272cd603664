package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/network"
)

// partition cuts the way between two sets of machines. Nobody is told: what
// is sent is lost, and connections fall silent.
type partition struct{ cuts []network.Handle }

// begin cuts the nodes off from the control plane, or from the nodes that the
// peer selects. Where both sides share nodes, those are cut off from each
// other too; but a machine always reaches itself, and machines of the control
// plane that are cut off from it are so from the rest of it: together with the
// other nodes they are one side.
func (f *partition) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	one, peer := d.sites(nodes), "the control plane"
	other := slices.DeleteFunc(slices.Clone(d.world.ControlPlane()), func(x network.Site) bool { return slices.Contains(one, x) })
	switch {
	case s.Peer.IsZero() && len(other) == 0:
		return "the whole control plane is on this side", false
	case !s.Peer.IsZero():
		peers := d.choose(s.ID+"/peer", &s.Peer, model.KindNode)
		if len(nodes) == 1 {
			peers = slices.DeleteFunc(peers, func(p model.Object) bool { return p == nodes[0] })
		}
		switch {
		case len(peers) == 0:
			return "the peer selects no other node now", false
		case slices.Equal(nodes, peers):
			peer = "each other"
		default:
			peer = list(peers)
		}
		other = d.sites(peers)
	}
	if s.Direction != From {
		f.cut(d, one, other)
	}
	if s.Direction != To {
		f.cut(d, other, one)
	}
	return ways[s.Direction] + peer, true
}

// ways is what a direction means for the target.
var ways = [...]string{Both: "cut off from ", To: "cannot send to ", From: "cannot hear from "}

func (f *partition) cut(d *Director, from, to []network.Site) {
	f.cuts = append(f.cuts, d.world.Network().Impair(network.Impairment{From: from, To: to, Cut: true}))
}

func (f *partition) end(d *Director) {
	for _, h := range f.cuts {
		d.world.Network().Lift(h)
	}
}

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
// peer selects and that are not among them: a machine always reaches itself.
func (f *partition) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	one, other, peer := d.sites(nodes), d.world.ControlPlane(), "the control plane"
	if !s.Peer.IsZero() {
		peers := d.choose(s.ID+"/peer", &s.Peer, model.KindNode)
		peers = slices.DeleteFunc(peers, func(p model.Object) bool { return slices.Contains(nodes, p) })
		if len(peers) == 0 {
			return "the peer selects no other node now", false
		}
		other, peer = d.sites(peers), list(peers)
	}
	if s.Direction != From {
		f.cut(d, one, other)
	}
	if s.Direction != To {
		f.cut(d, other, one)
	}
	return [...]string{Both: "cut off from ", To: "cannot send to ", From: "cannot hear from "}[s.Direction] + peer, true
}

func (f *partition) cut(d *Director, from, to []network.Site) {
	f.cuts = append(f.cuts, d.world.Network().Impair(network.Impairment{From: from, To: to, Cut: true}))
}

func (f *partition) end(d *Director) {
	for _, h := range f.cuts {
		d.world.Network().Lift(h)
	}
}

package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/network"
)

// partition cuts the way between two sets of machines. Nobody is told: what
// is sent is lost, and connections fall silent.
type partition struct{ impaired }

func (f *partition) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	peer, done := f.impair(d, s, nodes, network.Impairment{Cut: true})
	if !done {
		return peer, false
	}
	return ways[s.Direction] + peer, true
}

// ways is what a direction means for the target.
var ways = [...]string{Both: "cut off from ", To: "cannot send to ", From: "cannot hear from "}

// impaired is ways between machines that a fault made worse.
type impaired struct{ ways []network.Handle }

// impair makes the ways between the nodes and the control plane worse, or the nodes
// that the peer selects, or whoever is outside, and says whom it chose. Where both sides share
// nodes, those are concerned among each other too; but never a machine and itself, and machines
// of the control plane are concerned with the rest of it: together with the other nodes they are
// one side.
func (f *impaired) impair(d *Director, s *Spec, nodes []model.Object, by network.Impairment) (string, bool) {
	one, peer := d.sites(nodes), "the control plane"
	for _, i := range d.etcdZone(&s.Target) {
		one = append(one, d.world.EtcdSites()[i])
	}
	other := slices.DeleteFunc(d.allControl(), func(x network.Site) bool { return slices.Contains(one, x) })
	switch {
	case s.Peer.IsZero() && len(other) == 0:
		return "the whole control plane is on this side", false
	case s.Peer.Outside:
		peer, other = "whoever is outside", append([]network.Site{d.world.Outside()}, d.world.Checks()...)
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
	f.between(d, s.Direction, one, other, by)
	return peer, true
}

// between makes the ways between two sets of sites worse: each message once, also if both
// sets have its sender and its receiver.
func (f *impaired) between(d *Director, way Direction, one, other []network.Site, by network.Impairment) {
	by.From, by.To, by.Both = one, other, way == Both
	if way == From {
		by.From, by.To = other, one
	}
	f.ways = append(f.ways, d.world.Network().Impair(by))
}

func (f *impaired) end(d *Director) {
	for _, h := range f.ways {
		d.world.Network().Lift(h)
	}
}

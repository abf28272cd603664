package fault

import (
	"slices"

	"orrery/model"
	"orrery/model/network"
)

// amongPods is ways between pods that a fault made worse: for what they send each other
// and are asked, and for nothing that their machines send. It is about pods that are there
// when it begins; those that come in their place are well.
type amongPods struct{ impaired }

// impair makes the ways between the pods and the peer worse, and says whom it chose.
func (f *amongPods) impair(d *Director, s *Spec, pods []model.Object, by network.Impairment) (string, bool) {
	one := d.places(pods)
	other, said := d.peersOf(s, pods)
	if len(other) == 0 {
		return said, false
	}
	f.between(d, s.Direction, one, other, by)
	return said, true
}

// peersOf is where those are to whom pods' ways are to be worse, and who they are: whoever
// is outside, the control plane, the nodes or other pods that the peer selects, or everybody.
// Without any it says why.
func (d *Director) peersOf(s *Spec, pods []model.Object) (other []network.Site, said string) {
	switch {
	case s.Peer.Outside:
		return []network.Site{d.world.Outside()}, "whoever is outside"
	case s.Peer.Control:
		return d.allControl(), "the control plane"
	case s.PeerNodes:
		if nodes := d.choose(s.ID+"/peer", &s.Peer, model.KindNode); len(nodes) > 0 {
			return d.sites(nodes), list(nodes)
		}
		return nil, "the peer selects no node now"
	case s.Peer.IsZero():
		for i := range d.world.Network().Sites() {
			other = append(other, network.Site(i))
		}
		return other, "everybody"
	}
	peers := d.choose(s.ID+"/peer", &s.Peer, model.KindPod)
	if len(pods) == 1 {
		peers = slices.DeleteFunc(peers, func(p model.Object) bool { return p == pods[0] })
	}
	switch {
	case len(peers) == 0:
		return nil, "the peer selects no other pod now"
	case slices.Equal(pods, peers):
		return d.places(peers), "each other"
	}
	return d.places(peers), list(peers)
}

// places is where pods are in the network.
func (d *Director) places(pods []model.Object) (out []network.Site) {
	for _, o := range pods {
		p := o.(*model.Pod)
		if s, ok := d.world.Requests().Place(p.Ref(), p.Path(), p.NodeName); ok {
			out = append(out, s)
		}
	}
	return out
}

// podPartition cuts the way between pods.
type podPartition struct{ amongPods }

func (f *podPartition) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	peer, done := f.impair(d, s, pods, network.Impairment{Cut: true})
	if !done {
		return peer, false
	}
	return ways[s.Direction] + peer, true
}

// podNetworkDelay makes messages between pods take longer.
type podNetworkDelay struct{ amongPods }

func (f *podNetworkDelay) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	peer, done := f.impair(d, s, pods, network.Impairment{Delay: s.Latency})
	if !done {
		return peer, false
	}
	return "a message takes " + s.Latency.String() + " more " + between[s.Direction] + peer, true
}

// podNetworkLoss loses a share of the messages between pods.
type podNetworkLoss struct{ amongPods }

func (f *podNetworkLoss) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	peer, done := f.impair(d, s, pods, network.Impairment{LossPPM: uint64(s.Errors)})
	if !done {
		return peer, false
	}
	return "loses " + percent(s.Errors) + " of what is sent " + between[s.Direction] + peer, true
}

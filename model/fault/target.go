package fault

import (
	"cmp"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/network"
)

// choose is the objects that a target selects now, in the order in which they
// were created. Count and Percent choose by the luck of each object under the
// purpose, so who is chosen does not depend on who else exists, except that
// there are only so many places.
func (d *Director) choose(purpose string, t *Target, kind model.Kind) []model.Object {
	found := d.matching(t, kind)
	n := t.limit(len(found))
	lane := d.kernel.Luck().Lane("fault/" + purpose)
	if t.UpTo {
		how := lane.Draw(0, 1)
		n = int(how.Below(uint64(n) + 1))
	}
	if n == len(found) {
		return found
	}
	rank := func(o model.Object) uint64 {
		s := lane.Draw(o.Head().NameHash(), 0)
		return s.Uint64()
	}
	slices.SortStableFunc(found, func(a, b model.Object) int { return cmp.Compare(rank(a), rank(b)) })
	found = found[:n]
	slices.SortFunc(found, func(a, b model.Object) int { return cmp.Compare(a.Head().ID, b.Head().ID) })
	return found
}

// limit is how many of found the target takes; a share is rounded up.
func (t *Target) limit(found int) int {
	n := found
	if t.Count > 0 {
		n = min(n, t.Count)
	}
	if t.PercentPPM > 0 {
		n = min(n, int((int64(found)*t.PercentPPM+999_999)/1_000_000))
	}
	return n
}

// matching is the nodes, or the pods that run somewhere, to which everything
// applies that the target says.
func (d *Director) matching(t *Target, kind model.Kind) []model.Object {
	var found []model.Object
	d.world.Truth().Snapshot().Each(kind, func(o model.Object) bool {
		if t.Selects(o.Head()) && d.inPlace(t, o) && alive(o) && (!ofControlPlane(o) || t.means(o)) && (!t.hosts || d.host(nodeOf(o)) != nil) {
			found = append(found, o)
		}
		return true
	})
	return found
}

// ofControlPlane tells whether an object is a machine of the control plane, or only
// shows a static pod of some machine.
func ofControlPlane(o model.Object) bool {
	switch o := o.(type) {
	case *model.Node:
		return o.ControlPlane()
	case *model.Pod:
		return o.Mirror()
	}
	return false
}

// means tells whether a target that applies to such an object is meant for it: if
// it says more than "all", "three of them" or "pods of that zone". A zone has its
// machines of the control plane, though.
func (t *Target) means(o model.Object) bool {
	wholeZone := o.Head().Kind == model.KindNode && t.Zone != "" && t.Count == 0 && t.PercentPPM == 0
	return len(t.Names) > 0 || t.Match != nil || t.Namespace != "" || len(t.OnNodes) > 0 || t.OnNode != nil || wholeZone
}

// Selects tells whether an object is one of those, wherever it is.
func (t *Target) Selects(m *model.Meta) bool {
	return (len(t.Names) == 0 || slices.Contains(t.Names, m.Name)) &&
		(t.Namespace == "" || t.Namespace == m.Namespace) &&
		(t.Match == nil || t.Match.Matches(m.Labels))
}

// inPlace tells whether a node is in the zone, or a pod on a node that is, and that is
// one of those it has to be on. Every object is in zone "".
func (d *Director) inPlace(t *Target, o model.Object) bool {
	if t.Zone == "" && len(t.OnNodes) == 0 && t.OnNode == nil {
		return true
	}
	if p, ok := o.(*model.Pod); ok {
		o = d.world.Truth().Get(model.Ref{Kind: model.KindNode, ID: p.NodeID})
	}
	if o == nil {
		return false
	}
	return t.Reaches(o.Head())
}

// Reaches tells whether a node is in the zone and, if it is about pods, one that they
// may be on.
func (t *Target) Reaches(node *model.Meta) bool {
	return (t.Zone == "" || node.Labels.Value(model.LabelZone) == t.Zone) && (len(t.OnNodes) == 0 || slices.Contains(t.OnNodes, node.Name)) &&
		(t.OnNode == nil || t.OnNode.Matches(node.Labels))
}

// nodeOf is a node, or that of a pod.
func nodeOf(o model.Object) uint32 {
	if p, ok := o.(*model.Pod); ok {
		return p.NodeID
	}
	return o.Head().ID
}

// host is what a node runs its containers on, nil if it is hollow.
func (d *Director) host(node uint32) Host {
	h, _ := d.world.Machine(node).(Host)
	return h
}

func alive(o model.Object) bool {
	p, ok := o.(*model.Pod)
	return !ok || p.NodeID != 0 && !p.Phase.Terminal()
}

func (d *Director) sites(nodes []model.Object) []network.Site {
	sites := make([]network.Site, len(nodes))
	for i, n := range nodes {
		sites[i] = d.world.NodeSite(n.Head().ID)
	}
	return sites
}

// list names the objects, all of them: nobody else can tell from the history
// whom a fault hit. Reports for people are shorter.
func list(objects []model.Object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Head().Path()
	}
	return strings.Join(names, ", ")
}

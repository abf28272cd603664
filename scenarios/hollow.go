package scenarios

import (
	"slices"

	"orrery/model"
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// What nobody can do to a hollow node, because nothing runs there, is refused, where it
// would silently be nothing.

// checkHosts finds a fault about what runs on machines that hits hollow nodes.
func (l *loader) checkHosts(v strict.Value, kind *fault.Kind, f *fault.Spec) {
	c := &l.scenario.Config
	if len(c.Hollow) == 0 || !f.NeedsHosts(kind) && (kind.Name != "network-bandwidth" || slices.ContainsFunc(c.Behaviors, sized)) {
		return
	}
	switch t := &f.Target; {
	case kind.Targets == model.KindNode || len(t.OnNodes) > 0:
		for _, n := range c.Nodes {
			if c.Hollow[n.Name] && t.Reaches(&n.Meta) && (kind.Targets == model.KindPod || t.Selects(&n.Meta)) {
				v.Errorf("node/%s is hollow, and nothing runs there that %s could break: select nodes that are not, or leave out hollow: true", n.Name, kind.Name)
				return
			}
		}
	case l.onlyHollow(t):
		v.Errorf("every node that it may hit is hollow, and nothing runs there that %s could break: write nodes without hollow: true", kind.Name)
	}
}

// onlyHollow tells whether all nodes are hollow that pods of a target may be on.
func (l *loader) onlyHollow(t *fault.Target) bool {
	c := &l.scenario.Config
	return c.Cloud == nil && !slices.ContainsFunc(c.Nodes, func(n *model.Node) bool {
		return !c.Hollow[n.Name] && !n.ControlPlane() && t.Reaches(&n.Meta)
	})
}

// checkResize finds a change of a pod's resources that no kubelet would make.
func (l *loader) checkResize(v strict.Value, p *model.PodPatch) {
	if len(p.Containers) > 0 && len(l.scenario.Config.Hollow) > 0 && l.onlyHollow(&fault.Target{}) {
		v.Errorf("every node is hollow, and nobody there changes the resources of what runs: write nodes without hollow: true")
	}
}

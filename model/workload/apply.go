package workload

import (
	"reflect"

	"orrery/model"
	"orrery/model/store"
)

// runApply sends everything in the manifests at the same time; kubectl would
// go through them one by one, some milliseconds each.
func runApply(u *Kubectl, a *Action, _ model.Object) { u.apply(a, a.Objects) }

func (u *Kubectl) apply(a *Action, objects []model.Object) {
	for _, o := range objects {
		c := call{action: a, object: u.located(o)}
		u.turn(&c)
		u.ask(c)
	}
}

// located is o, or a copy bound to the node it names.
func (u *Kubectl) located(o model.Object) model.Object {
	p, ok := o.(*model.Pod)
	if !ok || p.NodeName == "" {
		return o
	}
	bound := *p
	if n := u.store.Lookup(model.KindNode, "", p.NodeName); n != nil {
		bound.NodeID = n.Head().ID
	}
	return &bound
}

// turn makes c what brings its object about: a creation, or a change of what
// has the name already.
func (u *Kubectl) turn(c *call) {
	m := c.object.Head()
	c.op = store.OpCreate
	if cur := u.store.Lookup(m.Kind, m.Namespace, m.Name); cur != nil {
		c.op, c.target, c.patch = store.OpPatch, cur.Head().Ref(), merge{c.object}
	}
}

// merge makes what is stored be as a manifest says and leaves alone what a
// manifest does not say: identity, status, and what controllers wrote.
type merge struct{ manifest model.Object }

// Apply implements store.Patch.
func (p merge) Apply(cur model.Object) model.Object {
	next := cur.Copy()
	switch n := next.(type) {
	case *model.Deployment:
		mergeDeployment(n, p.manifest.(*model.Deployment))
	case *model.ReplicaSet:
		m := p.manifest.(*model.ReplicaSet)
		n.Replicas, n.MinReady = m.Replicas, m.MinReady
		n.Template = settled(n.Template, m.Template)
	case *model.Service:
		*n = *p.manifest.(*model.Service)
		n.Meta = *cur.Head()
	}
	if !reflect.DeepEqual(next, cur) {
		next.Head().Generation++
	}
	next.Head().Labels = p.manifest.Head().Labels
	if reflect.DeepEqual(next, cur) {
		return cur
	}
	return next
}

// mergeDeployment takes over the spec but for the selector, which is
// immutable in apps/v1.
func mergeDeployment(n, m *model.Deployment) {
	n.Replicas, n.Template = m.Replicas, settled(n.Template, m.Template)
	n.Recreate, n.MaxSurge, n.MaxUnavailable = m.Recreate, m.MaxSurge, m.MaxUnavailable
	n.MinReady, n.ProgressDeadline = m.MinReady, m.ProgressDeadline
	n.HistoryLimit, n.Paused = m.HistoryLimit, m.Paused
}

// settled is cur if said says the same, so that it stays shared.
func settled(cur, said *model.Template) *model.Template {
	if cur != nil && said != nil && cur.Hash == said.Hash {
		return cur
	}
	return said
}

package cluster

import (
	"slices"

	"orrery/model"
)

// accounts tells of which pods the history is to have what they use. It is nil if of none.
func (x *Cluster) accounts() func(*model.Pod) bool {
	all := slices.DeleteFunc(slices.Clone(x.config.TellUsage), func(u model.UsageOf) bool { return u.Kind == model.KindNode })
	if len(all) == 0 {
		return nil
	}
	return func(p *model.Pod) bool {
		return slices.ContainsFunc(all, func(u model.UsageOf) bool { return x.isOf(p, u) })
	}
}

// wholeAccount tells whether the history is to have what the machine of a node uses.
func (c *Config) wholeAccount(node string) bool {
	return slices.ContainsFunc(c.TellUsage, func(u model.UsageOf) bool {
		return u.Kind == model.KindNode && (u.Name == node || u.Name == "")
	})
}

// isOf tells whether a pod that comes to its machine is one of those whose usage is asked for, or
// may become one: a Service may select any pod later, and what an owner belonged to that is gone
// nobody knows any more.
func (x *Cluster) isOf(p *model.Pod, u model.UsageOf) bool {
	if u.Namespace != "" && u.Namespace != p.Namespace {
		return false
	}
	switch u.Kind {
	case model.KindNone, model.KindService:
		return true
	case model.KindPod:
		return u.Name == p.Name
	}
	for owner := p.Owner; owner.Kind != model.KindNone; {
		o := x.Store.Get(owner)
		if o == nil {
			return true
		}
		m := o.Head()
		if m.Kind == u.Kind && m.Name == u.Name {
			return true
		}
		owner = m.Owner
	}
	return false
}

package scheduler

import (
	"orrery/model"
	"orrery/sim"
)

// Simulation is what the scheduler's filters say about a cluster as somebody else
// has seen it, or supposes it to be: an autoscaler that plans ahead. It neither
// scores nor decides. Nodes and pods go by their own numbers; rows of nodes that
// somebody makes up go by numbers that no node has.
type Simulation struct{ search *search }

// NewSimulation is about an empty cluster, with the default profile if there is
// none.
func NewSimulation(p *Profile, luck sim.Luck) *Simulation {
	if p == nil {
		p = DefaultProfile()
	}
	cache := newCache()
	cache.luck = luck
	f := newFramework(p, cache, nil)
	return &Simulation{&search{framework: f, cache: cache, classes: newClasses(f)}}
}

// SetNode adds a node, or a new version of it.
func (s *Simulation) SetNode(n *model.Node) { s.search.cache.setNode(n.ID, n) }

// RemoveNode takes a node away. What was put there stays, and counts for nobody.
func (s *Simulation) RemoveNode(id uint32) { s.search.cache.setNode(id, nil) }

// Put lets a pod be on a node, Take takes it off again: the version that was put
// there.
func (s *Simulation) Put(node uint32, pod *model.Pod) { s.search.cache.addPod(node, pod) }

// Take undoes Put.
func (s *Simulation) Take(node uint32, pod *model.Pod) { s.search.cache.removePod(node, pod) }

// Renew replaces a pod that was put there by another version.
func (s *Simulation) Renew(node uint32, old, next *model.Pod) {
	s.search.cache.updatePod(node, old, next)
}

// Refusal is why a node cannot take a pod, "" if it can.
func (s *Simulation) Refusal(pod *model.Pod, node uint32) string {
	c := s.search.classes.of(pod)
	c.look(s.search.framework)
	st := c.refusal()
	if st == nil {
		st = s.search.reject(c, node)
	}
	if st == nil {
		return ""
	}
	return st.Reasons[0]
}

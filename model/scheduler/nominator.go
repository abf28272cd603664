package scheduler

import (
	"slices"

	"orrery/model"
)

// nominator is the pods that wait for their victims to leave a node. The room
// that they will need there is not given to others of equal or lower priority
// (pkg/scheduler/backend/queue/nominator.go).
type nominator struct {
	byNode map[uint32][]*model.Pod
	nodes  []uint64 // a bit for each node ID: those in byNode
}

func (n *nominator) add(node uint32, pod *model.Pod) {
	if n.byNode == nil {
		n.byNode = map[uint32][]*model.Pod{}
	}
	n.byNode[node] = append(n.byNode[node], pod)
	for int(node/64) >= len(n.nodes) {
		n.nodes = append(n.nodes, 0)
	}
	n.nodes[node/64] |= 1 << (node % 64)
}

// any tells whether any pod is nominated for a node.
func (n *nominator) any(node uint32) bool {
	return int(node/64) < len(n.nodes) && n.nodes[node/64]&(1<<(node%64)) != 0
}

// remove takes out the nomination of the pod with that ID.
func (n *nominator) remove(node, pod uint32) {
	n.byNode[node] = slices.DeleteFunc(n.byNode[node], func(p *model.Pod) bool { return p.ID == pod })
	if len(n.byNode[node]) == 0 {
		delete(n.byNode, node)
		n.nodes[node/64] &^= 1 << (node % 64)
	}
}

// nominate notes, or with node 0 forgets, where a pod waits for room; from is
// where it did so far.
func (s *search) nominate(pod *model.Pod, from, node uint32) {
	if from != 0 {
		s.nominated.remove(from, pod.ID)
	}
	if node != 0 {
		s.nominated.add(node, pod)
	}
	if from != 0 || node != 0 {
		s.cache.changes++
	}
}

// crowded is why a pod of class c could not go to a node if the pods nominated
// there were on it already; nil if it could, or none counts
// (pkg/scheduler/framework/runtime/framework.go addGENominatedPods).
func (s *search) crowded(c *class, id uint32) *Status {
	if !s.nominated.any(id) {
		return nil
	}
	var first []*model.Pod
	for _, p := range s.nominated.byNode[id] {
		if p.Spec.Priority >= c.pod.Spec.Priority {
			first = append(first, p)
		}
	}
	if len(first) == 0 {
		return nil
	}
	s.cache.suppose(id, first, true)
	st := s.refusal(c, id)
	s.cache.suppose(id, first, false)
	c.look(s.framework) // a count that was dropped meanwhile still has them
	return st
}

// suppose puts pods on a node, or takes them off, for the sake of a question.
// Whoever asks takes it back before anything is remembered, so nothing is noted.
func (c *cache) suppose(id uint32, pods []*model.Pod, there bool) {
	c.rows[id].GPU.suppose(true)
	for _, p := range pods {
		if there {
			c.put(id, p)
		} else {
			c.take(id, p)
		}
	}
	c.rows[id].GPU.suppose(false)
}

// refusal is why a pod of class c cannot go to a node, the nominated ones
// aside; nil if it can. It remembers nothing.
func (s *search) refusal(c *class, id uint32) *Status {
	c.look(s.framework)
	if s.framework.mixed {
		return s.inOrder(c, id)
	}
	for _, p := range c.local {
		if st := p.Filter(c.asked, &s.cache.rows[id]); st != nil {
			return st
		}
	}
	for _, f := range c.filter {
		if st := f.Filter(id); st != nil {
			return st
		}
	}
	return nil
}

// fits is nil if a pod of class c can go to a node both with and without those
// that are nominated there: some of its terms may need them, and they may never
// come (pkg/scheduler/framework/runtime/framework.go
// RunFilterPluginsWithNominatedPods).
func (s *search) fits(c *class, id uint32) *Status {
	if st := s.crowded(c, id); st != nil {
		return st
	}
	return s.refusal(c, id)
}

// inOrder is refusal where a filter that looks across nodes is asked before one
// that does not.
func (s *search) inOrder(c *class, id uint32) *Status {
	f := s.framework
	i, j := 0, 0
	for i < len(c.local) || j < len(c.filter) {
		var st *Status
		if j == len(c.filter) || i < len(c.local) && f.place(c.local[i]) < c.filterAt[j] {
			st = c.local[i].Filter(c.asked, &s.cache.rows[id])
			i++
		} else {
			st = c.filter[j].Filter(id)
			j++
		}
		if st != nil {
			return st
		}
	}
	return nil
}

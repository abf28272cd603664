package scheduler

import "slices"

// failure is the outcome of a search that found nothing.
type failure struct {
	examined  int
	rejectors pluginSet
	statuses  []statusCount // what the nodes say
	absent    statusCount
	reasons   string // this in words
	post      string // what PostFilter says
	message   string // both
	waiting   bool   // for victims of its own that leave
	tried     int    // dry runs of preemption
	// candidates is where preempting others would make room.
	candidates []Candidate
}

// failed is the outcome when no node of nodes, all of which have been asked,
// can take the pod. A class whose nodes say again what they said last time is
// told the same.
func (s *search) failed(c *class, nodes []uint32) decision {
	a := &s.attempt
	*a = Attempt{search: s, class: c, nodes: nodes, Diagnosis: Diagnosis{NodeToStatus: a.NodeToStatus[:0]}}
	d := &a.Diagnosis
	d.NumAllNodes, d.UnschedulablePlugins = len(s.cache.tree.list()), c.involve
	if st := c.refusal(); st != nil {
		d.AbsentNodesStatus = statusCount{st, d.NumAllNodes}
		d.PreFilterMsg = st.Reasons[0]
		d.UnschedulablePlugins |= st.rejector
	} else {
		s.diagnose(d, c, len(nodes))
	}
	last := c.failure
	a.again = last != nil && last.tried == 0 && last.absent == d.AbsentNodesStatus && slices.Equal(last.statuses, d.NodeToStatus)
	post := s.framework.afterFilter(a)
	c.failedAt = s.cache.changes
	if !a.again || a.tried > 0 || post != last.post {
		c.failure = &failure{
			examined: len(nodes), rejectors: d.UnschedulablePlugins, statuses: slices.Clone(d.NodeToStatus), absent: d.AbsentNodesStatus,
			reasons: d.Error(""), post: post, message: d.Error(post), tried: a.tried, candidates: a.Candidates,
		}
	}
	return decision{examined: len(nodes), failure: c.failure}
}

// noState is what is told of a pod that a PreFilter has refused for good: DynamicResources, which
// comes after all that do that, has not looked at it yet, so that its PostFilter fails and nobody
// else is asked (dynamicresources.go getStateData; RunPostFilterPlugins; cycle_state.go Read).
const noState = "not found"

// afterFilter is what the PostFilter plugins say.
func (f *Framework) afterFilter(a *Attempt) (post string) {
	st := a.class.refusal()
	for _, p := range f.postFilter {
		if st != nil && st.Code == UnschedulableAndUnresolvable {
			return noState
		}
		post = p.PostFilter(a)
	}
	return post
}

// diagnose counts the nodes, of which so many were asked, by the status that
// rejected them.
func (s *search) diagnose(d *Diagnosis, c *class, asked int) {
	if !c.pinned {
		s.countRejected(c)
	}
	for id, n := range s.refusals {
		if n > 0 {
			st := s.framework.statuses[id]
			d.NodeToStatus = append(d.NodeToStatus, statusCount{st, n})
			d.UnschedulablePlugins |= st.rejector
		}
	}
	if absent := d.NumAllNodes - asked; absent > 0 {
		if c.absent == nil {
			c.absent = &Status{Code: UnschedulableAndUnresolvable, Reasons: []string{unsatisfied(s.framework.list(c.involve))}}
		}
		d.AbsentNodesStatus = statusCount{c.absent, absent}
	}
}

// unsatisfied is what nodes are told that a PreFilter left out.
func unsatisfied(plugins string) string { return "node(s) didn't satisfy plugin(s) " + plugins }

// countRejected adds the nodes that the shape's plugins refuse to the refusals.
// What the pods say that are nominated for a node counts first, or a wide plugin
// that is asked before.
func (s *search) countRejected(c *class) {
	for id, n := range c.rejected {
		s.refuse(int32(id), n)
	}
	if len(s.nominated.byNode) == 0 && !s.framework.mixed {
		return
	}
	for _, id := range c.order {
		v := c.verdicts[id]
		if v >= 0 {
			continue // sifted already
		}
		if first := s.firstRefusal(c, id, ^v); first != ^v {
			s.refuse(^v, -1)
			s.refuse(first, 1)
		}
	}
}

package report

import (
	"slices"

	"orrery/model"
)

// selection is the pods that a metric is asked about: those of a tally, or those that a Service
// selects. Which they are is found out one by one, as their records are taken in.
type selection struct {
	about    target
	selector *model.Selector // of the Service
}

// has tells whether a pod belongs to it, of which a version is in the record that was just
// taken in.
func (c *selection) has(s *state, p *model.Pod) bool {
	t := s.find(c.about)
	return c.selects(p) || t != nil && slices.Contains(s.pod.scopes[:], t)
}

// selects tells whether the Service asked about selects a pod.
func (c *selection) selects(p *model.Pod) bool {
	return c.selector != nil && p.Namespace == c.about.namespace && c.selector.Matches(p.Labels)
}

// moved tells whether the record that was just taken in is a version of the Service asked about,
// and takes in what that selects from now on.
func (c *selection) moved(s *state) bool {
	if c.about.kind != model.KindService || c.about.namespaced || s.record.Object().Head().Path() != c.about.path() {
		return false
	}
	sv, ok := s.record.New.(*model.Service)
	if ok {
		c.selector = sv.Selector
	}
	return ok
}

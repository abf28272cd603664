package report

import (
	"slices"

	"orrery/model"
)

// selection is the pods that a metric is asked about, told one by one as their records pass:
// those of a tally, or those that a Service selects.
type selection struct {
	about    target
	selector *model.Selector // of the Service
}

// has tells whether a version of a pod that there is belongs to it, of which the record is
// that was just taken in.
func (c *selection) has(s *state, p *model.Pod) bool {
	t := s.find(c.about)
	return c.selects(p) || t != nil && slices.Contains(s.pod.scopes[:], t)
}

// selects tells whether the Service asked about selects a pod.
func (c *selection) selects(p *model.Pod) bool {
	return c.selector != nil && p.Namespace == c.about.namespace && c.selector.Matches(p.Labels)
}

// moved takes in what a Service selects from now on, if the record that was just taken in
// is about the one asked about.
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

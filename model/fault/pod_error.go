package fault

import "orrery/model"

// podError has pods answer a share of their requests with an error at once, as a bug or
// a proxy beside them does: the connection is closed, or the status is 500. Probes are
// answered, since the paths that they ask for are well.
type podError struct{ undoing }

func (f *podError) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	for _, o := range pods {
		pod := o.Head().ID
		d.world.Requests().Fail(pod, s.Errors)
		f.later(func() { d.world.Requests().Fail(pod, -s.Errors) })
	}
	return percent(s.Errors) + " of the requests are answered with an error", true
}

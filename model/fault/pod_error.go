package fault

import "orrery/model"

// podError has pods answer a share of their requests with an error at once, as a bug or
// a proxy beside them does: the connection is closed, or the status is 500. Probes are
// answered, since the paths that they ask for are well.
type podError struct {
	pods []model.Ref
	ppm  int64
}

func (f *podError) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	f.ppm = s.Errors
	for _, o := range pods {
		f.pods = append(f.pods, o.Head().Ref())
		d.world.Requests().Fail(o.Head().ID, f.ppm)
	}
	return percent(f.ppm) + " of the requests are answered with an error", true
}

func (f *podError) end(d *Director) {
	for _, p := range f.pods {
		d.world.Requests().Fail(p.ID, -f.ppm)
	}
}

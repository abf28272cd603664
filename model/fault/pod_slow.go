package fault

import (
	"time"

	"orrery/model"
)

// podSlow has the requests of pods take longer, each pod's by a time that is drawn when
// it begins.
type podSlow struct {
	pods []model.Ref
	by   []time.Duration // beside pods
}

func (f *podSlow) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	lane := d.kernel.Luck().Lane("fault/" + s.Fault + "/" + s.ID)
	for _, o := range pods {
		luck := lane.Draw(o.Head().NameHash(), 0)
		by := s.Latency.Draw(&luck)
		f.pods, f.by = append(f.pods, o.Head().Ref()), append(f.by, by)
		d.world.Requests().Slow(o.Head().ID, by)
	}
	return "a request takes " + s.Latency.String() + " more", true
}

func (f *podSlow) end(d *Director) {
	for i, p := range f.pods {
		d.world.Requests().Slow(p.ID, -f.by[i])
	}
}

package fault

import (
	"fmt"

	"orrery/model"
	"orrery/model/store"
)

// podKill asks an API server to delete pods, as somebody does who asks no budget: with
// the grace of their spec, another one, or by force, which leaves what their kubelets still run. It
// asks once.
type podKill struct{}

func (podKill) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	if d.user == nil {
		d.user = d.world.Truth().NewClient(store.ClientConfig{
			Name: "pod-kill", As: store.Admin("pod-kill"), Actor: d.self, Site: d.world.ControlPlane()[0],
		})
	}
	asked := 0
	for _, o := range pods {
		switch {
		case s.Force:
			d.user.Delete(o.Head().Ref(), 0, 0)
		case o.Head().Deleting():
			continue
		case s.Grace > 0:
			d.user.Delete(o.Head().Ref(), s.Grace, 0)
		default:
			d.user.Delete(o.Head().Ref(), store.DefaultGrace, 0)
		}
		asked++
	}
	if asked == 0 {
		return "all of them are being deleted already", false
	}
	return fmt.Sprintf("%d to be deleted", asked), true
}

func (podKill) end(*Director) {}

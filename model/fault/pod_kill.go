package fault

import (
	"fmt"
	"time"

	"orrery/model"
)

// podKill deletes pods, as somebody does who asks no budget: with the grace of their
// spec, or by force, which leaves only what their kubelets still run. The deletion is
// written at once, whatever the API servers are up to.
type podKill struct{}

func (podKill) begin(d *Director, s *Spec, pods []model.Object) (string, bool) {
	deleted := 0
	for _, o := range pods {
		p := *o.(*model.Pod)
		switch {
		case s.Force:
			d.world.Truth().Delete(d.self, p.Ref())
		case p.Deleting():
			continue
		default:
			p.GraceSeconds = p.Spec.GraceSeconds
			p.DeletionAt = d.kernel.Now().Add(time.Duration(p.GraceSeconds) * time.Second)
			d.world.Truth().Update(d.self, &p)
		}
		deleted++
	}
	if deleted == 0 {
		return "all of them are being deleted already", false
	}
	return fmt.Sprintf("%d deleted", deleted), true
}

func (podKill) end(*Director) {}

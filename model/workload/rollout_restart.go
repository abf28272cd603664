package workload

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// runRolloutRestart changes nothing of a template but the moment it was restarted
// at, an annotation, so that every pod is replaced
// (k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go).
func runRolloutRestart(u *Kubectl, a *task, target model.Object) {
	if d, ok := target.(*model.Deployment); ok && d.Paused {
		u.fail(a, "error: can't restart paused deployment (run rollout resume first): "+d.Kind.Resource()+" "+d.Name)
		return
	}
	u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), patch: restart(u.kernel.Now())})
}

// restart is the moment that a template says it was restarted at.
type restart sim.Time

// Apply implements store.Patch.
func (p restart) Apply(cur model.Object) model.Object {
	old := *model.TemplateOf(cur)
	t := &model.Template{Labels: old.Labels, Spec: old.Spec, Rest: sim.HashName(sim.Time(p).String()) ^ old.Rest}
	t.Hash = t.ComputeHash()
	next := cur.Copy()
	*model.TemplateOf(next) = t
	next.Head().Generation++
	return next
}

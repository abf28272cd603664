package workload

import (
	"orrery/model"
	"orrery/model/store"
)

func runScale(u *Kubectl, a *task, target model.Object) {
	u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), part: store.Scale, patch: scale{a.Replicas}})
}

type scale struct{ replicas int32 }

// Apply implements store.Patch.
func (p scale) Apply(cur model.Object) model.Object {
	next := cur.Copy()
	replicas := model.ReplicasOf(next)
	if *replicas == p.replicas {
		return cur
	}
	*replicas = p.replicas
	next.Head().Generation++
	return next
}

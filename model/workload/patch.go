package workload

import (
	"orrery/model"
	"orrery/model/store"
)

// runPatch sends a strategic merge patch, unless the object as it was read shows
// that the API server will refuse it.
func runPatch(u *Kubectl, a *task, target model.Object) {
	if a.PodPatch != nil {
		if err := a.PodPatch.Wrong(target); err != nil {
			u.fail(a, err.Error())
			return
		}
		u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), patch: a.PodPatch})
		return
	}
	if err := a.Patch.Wrong(target); err != nil {
		u.fail(a, err.Error())
		return
	}
	u.ask(call{task: a, op: store.OpPatch, target: target.Head().Ref(), patch: a.Patch})
}

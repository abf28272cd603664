package workload

import (
	"orrery/model"
	"orrery/model/store"
)

// runDelete asks the object to go. What it owns goes by the garbage collector,
// as with kubectl's default, background deletion.
func runDelete(u *Kubectl, a *task, target model.Object) {
	u.ask(call{task: a, op: store.OpDelete, target: target.Head().Ref(), force: a.Force})
}

package workload

import (
	"orrery/model"
	"orrery/model/store"
)

// runDrain cordons the node and then evicts its pods, all at the same time; an
// eviction that is refused for now is asked again every 5 s, without end
// (k8s.io/kubectl/pkg/drain, with --force --ignore-daemonsets
// --delete-emptydir-data and no timeout). Pods that are going already are left
// to go. That kubectl then looks every second whether they are gone has no
// effect and is left out.
func runDrain(u *Kubectl, a *task, node model.Object) {
	u.ask(call{task: a, op: store.OpPatch, target: node.Head().Ref(), patch: unschedulable(true), then: evictAll})
}

// evictAll evicts what is on the node once it takes nothing new. Which pods
// those are, kubectl asks the API server.
func evictAll(u *Kubectl, a *task, node model.Ref) {
	u.store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.NodeID == node.ID && !p.Deleting() {
			u.ask(call{task: a, op: store.OpEvict, target: p.Ref()})
		}
		return true
	})
}

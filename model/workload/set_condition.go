package workload

import (
	"orrery/model"
	"orrery/model/store"
)

// runSetCondition patches the status of a pod, or of every pod that a workload selects,
// as "kubectl patch --subresource=status" or the controller behind a readiness gate
// would.
func runSetCondition(u *Kubectl, a *task, target model.Object) {
	pods := []model.Ref{target.Head().Ref()}
	if selector := model.PodSelectorOf(target); selector != nil {
		if why := a.client.May(store.Read{Right: store.RightList, Kind: model.KindPod, Namespace: a.Namespace}); why != store.Accepted {
			u.fail(a, "Error from server ("+why.String()+"): pods is forbidden: cannot list resource \"pods\" in namespace \""+a.Namespace+"\"")
			return
		}
		if pods = u.selected(a.Namespace, selector); len(pods) == 0 {
			u.fail(a, "it has no pods")
			return
		}
	}
	patch := &model.SetCondition{NamedCondition: model.NamedCondition{
		Type: a.Condition, Condition: model.Condition{Status: a.Status, SinceAt: u.kernel.Now()},
	}}
	for _, p := range pods {
		u.ask(call{task: a, op: store.OpPatch, target: p, part: store.Status, patch: patch})
	}
}

// selected is the pods with the labels, but for those that have ended.
func (u *Kubectl) selected(namespace string, s *model.Selector) (out []model.Ref) {
	u.store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.Namespace == namespace && !p.Phase.Terminal() && s.Matches(p.Labels) {
			out = append(out, p.Ref())
		}
		return true
	})
	return out
}

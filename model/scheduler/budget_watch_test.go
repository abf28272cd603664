package scheduler

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
)

// Preemption prefers the node on which no budget is violated, as the budgets are
// when it looks; a budget that changes makes it look anew
// (pkg/scheduler/framework/preemption/preemption.go pickOneNodeForPreemption).
func TestPreemptionSparesPodsWithBudgets(t *testing.T) {
	for _, protected := range []string{"n-0", "n-1"} {
		w := newWorld(t, Config{}, node("n-0", "", 4000, 16), node("n-1", "", 4000, 16))
		budget := &model.PodDisruptionBudget{
			Meta:     model.Meta{Kind: model.KindPodDisruptionBudget, Namespace: "default", Name: "web"},
			Selector: model.SelectorOf(model.MakeLabels(map[string]string{"keep": "yes"})),
		}
		w.store.Create(w.person, budget)
		w.run(time.Second)
		var low []*model.Pod
		for i := range 2 {
			low = append(low, w.add(pod(fmt.Sprintf("low-%d", i), spec(3000, gib))))
			w.run(time.Duration(i+2) * time.Second)
		}
		for _, p := range low {
			if w.pod(p).NodeName == protected {
				marked := *w.pod(p)
				marked.Labels = model.MakeLabels(map[string]string{"keep": "yes"})
				w.store.Update(w.person, &marked)
			}
		}
		w.run(5 * time.Second)
		w.add(pod("high", spec(2000, gib, urgent(100))))
		w.run(7 * time.Second)
		for _, p := range low {
			if p := w.pod(p); p.Deleting() == (p.NodeName == protected) {
				t.Errorf("%s protected: the pod on %s goes: %t", protected, p.NodeName, p.Deleting())
			}
		}
		if len(w.scheduler.search.budgets) != 1 {
			t.Errorf("knows %d budgets", len(w.scheduler.search.budgets))
		}
		w.store.Delete(w.person, budget.Ref())
		w.run(8 * time.Second)
		if len(w.scheduler.search.budgets) != 0 {
			t.Error("knows a budget that is gone")
		}
	}
}

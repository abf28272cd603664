package report

import (
	"testing"
	"time"

	"orrery/model"
)

// A pod counts as preempted once, from its condition on, and a pod that goes for
// another reason does not (k8s.io/api/core/v1/types.go
// PodReasonPreemptionByScheduler).
func TestPreemptionsAreCountedOnce(t *testing.T) {
	h := newTape()
	h.node("n-1")
	h.at(10 * time.Millisecond)
	rs := h.deploy("web", 2, 0)
	for _, name := range []string{"web-1", "web-2"} {
		h.pod(rs, name)
		h.bind(name, "n-1")
		h.run(name)
	}
	h.at(time.Minute)
	h.change("default-scheduler", "web-1", func(p *model.Pod) {
		p.Disrupted = model.Condition{Status: model.True, SinceAt: h.now(), Reason: reasonPreempted}
	})
	h.leave("default-scheduler", "web-1")
	h.evict("web-2")
	h.at(2 * time.Minute)
	h.gone("web-1")
	all := promises(t, "preemptions() == 1", "at 59s: preemptions() == 0", "preemptions(deployment/web) == 1", "preemptions(pod/web-2) == 0", "evictions() == 1")
	if r := New(Meta{End: h.now()}, h.History(), all); !r.Held() {
		for i := range r.Verdicts {
			t.Log(verdictText(&r.Verdicts[i]))
		}
		t.Error("not as promised")
	}
}

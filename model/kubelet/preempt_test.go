package kubelet_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// sized is a pod that asks for CPU, Guaranteed if that is its limit, too.
func sized(milli int64, guaranteed bool) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		r := model.Resources{CPUMilli: milli, MemoryBytes: 1 << 30}
		if s.Containers[0].Requests = r; guaranteed {
			s.Containers[0].Limits = r
		}
	}
}

func criticalPod(milli int64) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		sized(milli, false)(s)
		s.Priority = model.SystemCritical
	}
}

// Source: pkg/kubelet/preemption/preemption.go getPodsToPreempt: the fewest Guaranteed,
// then Burstable, then BestEffort pods, and of a class those closest to what is missing,
// the smaller of two that are as close. They fail with reason Preempting, one after the
// other with their own grace, and the critical pod runs when all have ended. The node has
// 8 cores, of which 7 are asked for.
func TestACriticalPodPushesOutThoseClosestToWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		asks int64
		want string
	}{
		{900, ""},
		{1400, "small"},        // 400m are missing
		{1600, "middle"},       // 600m: of small, middle and large, one that is enough and smallest
		{2200, "middle"},       // 1200m
		{3500, "large"},        // 2500m
		{4600, "middle large"}, // 3600m: large first, and then who has the rest
	} {
		r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(3 * time.Second)}))
		pods := []*model.Pod{
			r.pod("guaranteed", sized(2000, true)), r.pod("small", sized(500, false)), r.pod("middle", sized(1500, false)),
			r.pod("large", sized(3000, false)), r.pod("best", nil),
		}
		for _, p := range pods {
			r.ready(p)
		}
		p := r.pod("critical", criticalPod(c.asks))
		r.ready(p)
		var out []string
		for _, q := range pods {
			if q = r.get(q); q.Phase == model.PodFailed {
				out = append(out, q.Name)
				if q.Reason != "Preempting" || len(r.notes(q, "Preempting")) != 1 {
					t.Errorf("%s failed for %q", q.Name, q.Reason)
				}
			}
		}
		if got := strings.Join(out, " "); got != c.want {
			t.Errorf("for %dm: %q are gone, want %q", c.asks, got, c.want)
		}
	}
}

// Source: preemption.go HandleAdmissionFailure: only if nothing else is in the way, and if
// all that are less important would do; getPodsToPreempt.
func TestACriticalPodIsRefusedForOtherReasonsAndWhereNobodyCanMakeRoom(t *testing.T) {
	r := newRig(t, 1)
	other := r.pod("other", criticalPod(6000))
	r.ready(other)
	for reason, spec := range map[string]func(*model.PodSpec){
		"UnexpectedAdmissionError": criticalPod(4000),
		"NodeAffinity": func(s *model.PodSpec) {
			criticalPod(4000)(s)
			s.NodeSelector = model.Labels{{Key: "disk", Value: "hdd"}}
		},
	} {
		p := r.pod("p-"+strings.ToLower(reason), spec)
		r.run(time.Second)
		if q := r.get(p); q.Phase != model.PodFailed || q.Reason != reason {
			t.Errorf("%v %q, want Failed %q", q.Phase, q.Reason, reason)
		}
	}
	if q := r.get(other); !q.IsReady() {
		t.Error("a critical pod made room for another one")
	}
}

// Source: kubelet.go HandlePodAdditions waits for those that are in the way, and what a pod is
// asked for meanwhile comes after that: it begins no earlier, and then has less.
func TestACriticalPodThatIsResizedWaitsForItsPlaceAllTheSame(t *testing.T) {
	r := newRig(t, 1, behaving(runtime.Behavior{Stop: sim.Constant(10 * time.Second)}))
	other := r.pod("other", sized(7000, false))
	r.ready(other)
	p := r.pod("vip", criticalPod(3000))
	r.until("the other is in the way", time.Second, func() bool { return len(r.notes(other, "Preempting")) > 0 })
	r.resize(p, 2000, 0, 0)
	r.run(5 * time.Second)
	if r.get(p).Phase != model.PodPending || r.get(other).Phase != model.PodRunning {
		t.Errorf("%v, and the other is %v", r.get(p).Phase, r.get(other).Phase)
	}
	r.ready(p)
	r.granted(p, 5*time.Second)
}

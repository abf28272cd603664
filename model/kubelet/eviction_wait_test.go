package kubelet_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// since is how long after the first of them times are.
func since(at []sim.Time) (d []time.Duration) {
	for _, t := range at {
		d = append(d, t.Sub(at[0]))
	}
	return d
}

// Source: v1.35 pkg/kubelet/kubelet_pods.go isPodInactive (a pod is active until it is
// terminated), pod_workers.go killPodNow (10 s, then ExceededGracePeriod),
// eviction_manager.go waitForPodsCleanup (30 s more): a pod whose worker waits for a pull
// cannot be killed, has no stats, and so is evicted again and again, and nobody else.
func TestAPodThatCannotBeKilledYetIsEvictedAgainEvery40Seconds(t *testing.T) {
	for _, options := range [][]option{nil, {literal}} {
		far := uses("far", 0, 0)
		far.ImageBytes = 400 * gib
		r := newRig(t, 1, append(options, behaving(far, uses("hog", 30*gib, 0)))...)
		hog := r.pod("hog", asks(gib, 0))
		r.ready(hog)
		p := r.pod("far", func(s *model.PodSpec) { s.Containers[0].Image = "far" })
		r.until("the pull", time.Minute, func() bool { return len(r.notes(p, "Pulling")) > 0 })
		taken := r.kubelet.TakeMemory(998_000, 0, 0)
		r.until("the first eviction", 11*time.Second, func() bool { return len(r.notes(p, "Evicted")) > 0 })
		r.run(85 * time.Second)
		if got := since(r.notes(p, "Evicted")); !slices.Equal(got, []time.Duration{0, 40 * time.Second, 80 * time.Second}) {
			t.Errorf("evicted at %v from the first time", got)
		}
		if got := r.notes(p, "ExceededGracePeriod"); len(got) != 2 || got[0].Sub(r.notes(p, "Evicted")[0]) != 10*time.Second {
			t.Errorf("ExceededGracePeriod at %v, evicted at %v", got, r.notes(p, "Evicted"))
		}
		if r.evicted(p) || len(r.notes(hog, "Evicted")) > 0 {
			t.Errorf("it has failed: %v, another one was evicted: %v", r.evicted(p), r.notes(hog, "Evicted"))
		}
		r.kubelet.ReturnMemory(taken)
		r.run(time.Minute)
		if n := len(r.notes(p, "Evicted")); n != 3 {
			t.Errorf("evicted %d times, the last without need", n)
		}
	}
}

// Source: v1.35 pkg/kubelet/pod_workers.go killPodNow: it waits for one and a half times the
// grace, so nobody else goes while a pod that was evicted softly has its grace.
func TestWhileAnEvictedPodHasItsGraceNobodyElseIsEvicted(t *testing.T) {
	slow, other := uses("slow", 20*gib, 0), uses("other", 11*gib, 0)
	slow.Stop, other.Stop = sim.Constant(time.Hour), sim.Constant(time.Hour)
	r := newRig(t, 1, behaving(slow, other), softly(25*gib, 10*time.Second, time.Minute))
	a := r.pod("slow", func(s *model.PodSpec) { s.GraceSeconds = 60 })
	b := r.pod("other", func(s *model.PodSpec) { s.GraceSeconds = 60 })
	begins := r.until("the eviction begins", time.Minute, func() bool { return len(r.notes(a, "Evicted")) > 0 })
	next := r.until("the next", 2*time.Minute, func() bool { return len(r.notes(b, "Evicted")) > 0 })
	if r.alive(a) || next.Sub(begins) < time.Minute || next.Sub(begins) > 65*time.Second {
		t.Errorf("the next goes after %v, the first one runs: %v", next.Sub(begins), r.alive(a))
	}
	if len(r.notes(a, "Evicted")) != 1 || len(r.notes(a, "ExceededGracePeriod")) != 0 {
		t.Errorf("evicted at %v, ExceededGracePeriod at %v", r.notes(a, "Evicted"), r.notes(a, "ExceededGracePeriod"))
	}
}

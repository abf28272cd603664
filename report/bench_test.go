package report

import (
	"fmt"
	"testing"
	"time"

	"orrery/sim"
)

// manyPods is a history in which n pods are created, bound and run.
func manyPods(n int) *tape {
	t := newTape()
	for i := range n/30 + 1 {
		t.node(fmt.Sprintf("n-%d", i))
	}
	rs := t.deploy("web", int32(n), 0)
	for i := range n {
		name := fmt.Sprintf("web-%d", i)
		t.at(time.Duration(i) * time.Millisecond)
		t.pod(rs, name)
		t.bind(name, fmt.Sprintf("n-%d", i/30))
		t.run(name)
	}
	return t
}

func BenchmarkDigest(b *testing.B) {
	h := manyPods(10_000).History()
	b.ReportAllocs()
	for b.Loop() {
		Digest(h)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(h.Len()), "ns/record")
}

func BenchmarkReport(b *testing.B) {
	t := manyPods(10_000)
	var promises []Expect
	for _, s := range []string{"converged() within 10m", "always(unavailable(deployment/web) <= 1)", "pod_start_seconds.p99() <= 5s",
		"restarts() == 0", "never(pods_pending() > 5)", "evictions(deployment/web) == 0"} {
		e, err := ParseExpect(s)
		if err != nil {
			b.Fatal(err)
		}
		promises = append(promises, e)
	}
	for b.Loop() {
		New(Meta{End: sim.Time(time.Hour)}, t.History(), promises)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(t.History().Len()), "ns/record")
}

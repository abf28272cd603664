package scheduler

import (
	"fmt"
	"runtime"
	"testing"

	"orrery/model"
)

// newSearch is the decision core alone, over n nodes in three zones.
func newSearch(n int, percentage int64) *search {
	cache := newCache()
	f := newFramework(DefaultProfile(), cache, nil)
	s := &search{framework: f, cache: cache, classes: newClasses(f), percentage: percentage}
	for i := range n {
		x := node(fmt.Sprintf("n-%d", i), string(rune('a'+i%3)), 32_000, 128)
		x.ID = uint32(i + 1)
		s.cache.setNode(x.ID, x)
	}
	return s
}

// shapes is n shapes of pods: 0.5 to 4 CPU, 1 to 8 GiB, without two alike.
func shapes(n int) (out []*model.Pod) {
	for i := range n {
		cpu, memory := int64(500+3500*i/n), int64(1+i*5%8)*gib+int64(i/8)<<20
		out = append(out, pod(fmt.Sprintf("shape-%d", i), spec(cpu, memory)))
	}
	return out
}

// BenchmarkSchedule makes decisions one after the other, each with all earlier
// ones in force, as many pods leaving as come once the cluster is half full.
func BenchmarkSchedule(b *testing.B) {
	for _, c := range []struct {
		name           string
		nodes, classes int
		percentage     int64
	}{
		{"nodes=5000/classes=10", 5_000, 10, 0},
		{"nodes=5000/classes=10/all", 5_000, 10, 100},
		{"nodes=5000/classes=100", 5_000, 100, 0},
		{"nodes=100000/classes=10", 100_000, 10, 0},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkSchedule(b, newSearch(c.nodes, c.percentage), shapes(c.classes)) })
	}
}

// BenchmarkScheduleSpread does the same with pods that are to be spread over
// zones and prefer to be with, or apart from, pods of other shapes.
func BenchmarkScheduleSpread(b *testing.B) {
	list := shapes(10)
	for i, p := range list {
		app := fmt.Sprintf("app-%d", i)
		p.Labels = model.Labels{{Key: "app", Value: app}}
		own, next := model.SelectorOf(p.Labels), model.SelectorOf(model.Labels{{Key: "app", Value: fmt.Sprintf("app-%d", (i+1)%10)}})
		p.Spec.Placement = &model.Placement{
			Spread: []model.SpreadConstraint{
				{TopologyKey: model.LabelZone, MaxSkew: 1, Hard: true, MinDomains: 1, Selector: own},
				{TopologyKey: model.LabelHostname, MaxSkew: 1, Selector: own},
			},
			Preferred: []model.PodTerm{
				{TopologyKey: model.LabelZone, Weight: 50, Selector: next},
				{TopologyKey: model.LabelHostname, Weight: -50, Selector: own},
			},
		}
	}
	b.Run("nodes=5000/classes=10", func(b *testing.B) { benchmarkSchedule(b, newSearch(5_000, 0), list) })
}

func benchmarkSchedule(b *testing.B, s *search, shapes []*model.Pod) {
	type placed struct {
		node uint32
		pod  *model.Pod
	}
	ring := make([]placed, 7*len(s.cache.tree.list())) // of 2.2 CPU on average, half of 32
	one := func(i int) {
		p := shapes[i%len(shapes)]
		old := &ring[i%len(ring)]
		if old.pod != nil {
			s.cache.removePod(old.node, old.pod)
		}
		d := s.decide(s.classes.of(p))
		if d.failure != nil {
			b.Fatal(d.failure.message)
		}
		next := *p
		s.cache.addPod(d.node, &next)
		*old = placed{d.node, &next}
	}
	warm := 10 * len(shapes)
	for i := range warm {
		one(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		one(warm + i)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	b.ReportMetric(float64(8*s.classes.verdicts)/float64(len(s.cache.tree.list())*len(shapes)), "bytes/node/class")
	runtime.KeepAlive(s)
}

// BenchmarkScheduleNowhere asks for room in a full cluster of 5,000 nodes in
// which something has changed since the last attempt.
func BenchmarkScheduleNowhere(b *testing.B) {
	s := newSearch(5_000, 0)
	list := shapes(10)
	full := spec(32_000, 128*gib)
	for _, id := range s.cache.tree.list() {
		s.cache.charge(id, full, 1)
	}
	little := spec(1, 1)
	b.ReportAllocs()
	for i := range b.N {
		id := uint32(1 + i*7%5_000)
		s.cache.charge(id, little, 1)
		if d := s.decide(s.classes.of(list[i%len(list)])); d.failure == nil {
			b.Fatal("there was room")
		}
		s.cache.charge(id, little, -1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

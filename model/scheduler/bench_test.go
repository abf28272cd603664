package scheduler

import (
	"fmt"
	"testing"
	"unsafe"

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
		p := pod(fmt.Sprintf("shape-%d", i), spec(cpu, memory))
		p.Labels = model.Labels{{Key: "app", Value: fmt.Sprintf("app-%d", i)}}
		out = append(out, p)
	}
	return out
}

// owned lets each pod belong to a ReplicaSet, so that it is spread over nodes
// and zones by default, as nearly all pods of real clusters are.
func owned(s *search, list []*model.Pod) {
	for i, p := range list {
		p.Owner = model.Ref{Kind: model.KindReplicaSet, ID: uint32(i + 1)}
		s.cache.setOwner(p.Owner, model.SelectorOf(p.Labels))
	}
}

// particular lets pods be spread over zones and prefer to be with, or apart
// from, pods of other shapes.
func particular(_ *search, list []*model.Pod) {
	for i, p := range list {
		own, next := model.SelectorOf(p.Labels), model.SelectorOf(list[(i+1)%len(list)].Labels)
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
}

// bare leaves pods as they are.
func bare(*search, []*model.Pod) {}

// BenchmarkSchedule makes decisions one after the other, each with all earlier
// ones in force, in a cluster that is half full and stays so: for each pod that
// comes one leaves. One op is one decision.
func BenchmarkSchedule(b *testing.B) {
	for _, c := range []struct {
		name           string
		nodes, classes int
		percentage     int64
		dress          func(*search, []*model.Pod)
	}{
		{"nodes=5000/classes=10/adaptive", 5_000, 10, 0, bare},
		{"nodes=5000/classes=10/all", 5_000, 10, 100, bare},
		{"nodes=5000/classes=100/adaptive", 5_000, 100, 0, bare},
		{"nodes=5000/classes=100/all", 5_000, 100, 100, bare},
		{"nodes=5000/classes=100/owned", 5_000, 100, 0, owned},
		{"nodes=5000/classes=10/particular", 5_000, 10, 0, particular},
		{"nodes=100000/classes=10/adaptive", 100_000, 10, 0, bare},
		{"nodes=100000/classes=10/all", 100_000, 10, 100, bare},
		{"nodes=100000/classes=100/adaptive", 100_000, 100, 0, bare},
		{"nodes=100000/classes=100/owned", 100_000, 100, 0, owned},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, list := newSearch(c.nodes, c.percentage), shapes(c.classes)
			c.dress(s, list)
			benchmarkSchedule(b, s, list)
		})
	}
}

func benchmarkSchedule(b *testing.B, s *search, shapes []*model.Pod) {
	n := len(s.cache.tree.list())
	ring := make([]uint32, 7*n/len(shapes)*len(shapes)) // where the pods are, of 2.2 CPU on average: half of 32 each
	for i := range ring {
		ring[i] = uint32(1 + i*7%n)
		s.cache.addPod(ring[i], shapes[i%len(shapes)])
	}
	at := 0
	one := func() {
		p := shapes[at%len(shapes)]
		s.cache.removePod(ring[at], p)
		d := s.decide(s.classes.of(p))
		if d.failure != nil {
			b.Fatal(d.failure.message)
		}
		s.cache.addPod(d.node, p)
		ring[at] = d.node
		at = (at + 1) % len(ring)
	}
	for range 40 * len(shapes) { // until every class has seen every node
		one()
	}
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	b.ReportMetric(float64(s.classes.bytes())/float64(n*len(shapes)), "bytes/node/class")
}

// bytes is what the shapes remember of nodes.
func (k *classes) bytes() (n int) {
	for _, c := range k.shapes {
		n += 4*(len(c.board.verdicts)+len(c.raw)) + int(unsafe.Sizeof(block{}))*len(c.blocks) + int(unsafe.Sizeof(tract{}))*len(c.tracts)
	}
	return n
}

// BenchmarkScheduleNowhere asks for room in a full cluster of 5,000 nodes in
// which something has changed since the last attempt.
func BenchmarkScheduleNowhere(b *testing.B) {
	s, list := newSearch(5_000, 0), shapes(10)
	full := spec(32_000, 128*gib)
	for _, id := range s.cache.tree.list() {
		s.cache.charge(id, full, 1)
	}
	little := pod("little", spec(1, 1))
	i := 0
	one := func() {
		id := uint32(1 + i*7%5_000)
		s.cache.addPod(id, little)
		if d := s.decide(s.classes.of(list[i%len(list)])); d.failure == nil {
			b.Fatal("there was room")
		}
		s.cache.removePod(id, little)
		i++
	}
	for range list { // until every class has seen every node
		one()
	}
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

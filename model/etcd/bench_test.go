package etcd_test

import (
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/sim"
)

// BenchmarkRaft is an hour of five members under 1,000 writes a second, with a
// fault of 30 s every 3 minutes: a member down, a slow disk, a cut, in turn.
func BenchmarkRaft(b *testing.B) {
	for range b.N {
		r := newRig(b, 1, 5, etcd.Config{})
		r.quiet = true
		w := &writer{r: r}
		w.self = r.Register("writer", w)
		r.Post(0, w.self, 0, 0)
		for i := range 20 {
			begin := sim.Time(time.Duration(i)*3*time.Minute + time.Minute)
			m := i % 5
			var h network.Handle
			faults := [][2]func(){
				{func() { r.group.SetDown(m, true) }, func() { r.group.SetDown(m, false) }},
				{func() { r.group.SetFsync(m, sim.Uniform(0, time.Second)) }, func() { r.group.SetFsync(m, sim.Dist{}) }},
				{func() { h = r.net.Impair(network.Impairment{From: r.sites[m : m+1], To: r.sites, Cut: true}) }, func() { r.net.Lift(h) }},
			}
			r.at(begin, faults[i%3][0])
			r.at(begin.Add(30*time.Second), faults[i%3][1])
		}
		r.run(time.Hour)
		ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
		b.ReportMetric(float64(r.Events()), "events")
		b.ReportMetric(ns/float64(r.Events()), "ns/event")
		b.ReportMetric(float64(r.next), "writes")
		b.ReportMetric(float64(len(r.failed)), "failed")
		b.ReportMetric(ns/1e9, "wall-s")
	}
}

// writer writes every millisecond through each member in turn.
type writer struct {
	r    *rig
	self sim.ActorID
}

func (w *writer) Wake(now sim.Time, _ sim.Why, _ uint64) {
	w.r.next++
	w.r.group.Propose(int(w.r.next%5), now, w.r.next, etcd.Replaces)
	w.r.Post(now.Add(time.Millisecond), w.self, 0, 0)
}

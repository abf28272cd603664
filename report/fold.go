package report

import (
	"orrery/model/store"
	"orrery/sim"
)

// fold lets the whole history pass by, up to end, and shows every step to
// those who measure.
func fold(s *state, h *store.History, end sim.Time, watchers []watcher) {
	last := -1
	show := func(now sim.Time) {
		for _, w := range watchers {
			w.see(s, now, last)
		}
	}
	pass := func(until sim.Time) {
		for at, ok := s.ripen(until); ok; at, ok = s.ripen(until) {
			show(at)
		}
	}
	for i := range h.Len() {
		r := h.At(i)
		pass(r.At)
		last = i
		s.take(r)
		show(r.At)
	}
	pass(end)
}

// stateAt is the state at the end of an instant.
func stateAt(h *store.History, t sim.Time) *state {
	s := newState()
	for i := 0; i < h.Len() && h.At(i).At <= t; i++ {
		for _, ok := s.ripen(h.At(i).At); ok; _, ok = s.ripen(h.At(i).At) {
		}
		s.take(h.At(i))
	}
	for _, ok := s.ripen(t); ok; _, ok = s.ripen(t) {
	}
	return s
}

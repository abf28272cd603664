package workload

import "orrery/sim"

// seesaw finds where something comes to rest in an instant that depends on what comes of it: who
// gets more done calls more, what is called by more takes longer, and so less gets done. By itself
// it would go to and fro, perhaps for ever, or in a circle of calls creep. At first it goes its own
// way, as most come to rest soon. Once it has turned a few times it is looked for between where it
// was too little and where it was too much; and every few steps that it creeps it goes at once as
// far as all the steps would come that are each as much shorter than the last one (Aitken).
type seesaw struct {
	at    sim.Time // the instant
	said  int64    // what it was taken for last
	off   int64    // by how much that was too much
	turns int      // how often it turned
	steps int      // since then
	check bool     // it is looked whether the other end still is one, as both are as good as the same
	stays bool     // both are
	search
}

// It goes its own way until it has turned so often; then what differs by less than one part in
// evenly is the same.
const (
	ownWay   = 4
	evenly   = 4096
	creeps   = 4  // steps before it goes far at once
	farthest = 16 // so many steps at most
	alike    = 4  // what it is off by is as good as the same if it differs by less than one part in so many
)

// next is what it is taken for next, if so much follows from what it was taken for last.
func (s *seesaw) next(now sim.Time, follows int64) int64 {
	if s.at != now {
		*s = begin(now, follows)
		return follows
	}
	was, off := s.off, s.said-follows
	switch {
	case off == 0 || s.turns >= ownWay && !apart(s.said, follows, evenly):
		return s.said
	case s.stays && (off < 0) == (was < 0) && !apart(max(off, -off), max(was, -was), alike):
		return s.said
	case s.stays, s.check && (off < 0) == (was < 0): // something else is otherwise now
		*s = begin(now, follows)
		return follows
	}
	s.off = off
	s.steps++
	if was != 0 && (was < 0) != (off < 0) {
		s.turns++
		s.steps = 0
	}
	s.found(s.said, off)
	switch {
	case s.check:
		s.stays = true
	case s.turns < ownWay || s.low < 0 || s.high < 0:
		s.said = max(s.said-s.stride(was, off), 0)
	case s.high-s.low > s.said/evenly+1:
		s.said = s.between()
	default:
		s.check, s.said = true, s.low+s.high-s.said
	}
	return s.said
}

// begin is the first in an instant.
func begin(now sim.Time, said int64) seesaw {
	return seesaw{at: now, said: said, search: search{low: -1, high: -1}}
}

// stride is how far it goes back, if it was too much by so much before and now.
func (s *seesaw) stride(was, off int64) int64 {
	far, before := max(off, -off), max(was, -was)
	if s.steps%creeps != creeps-1 || far >= before {
		return off
	}
	times := min(product(before, million, before-far), farthest*million)
	if off < 0 {
		return -product(far, times, million)
	}
	return product(far, times, million)
}

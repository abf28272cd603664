package sim

import (
	"cmp"
	"slices"
)

// ties holds the events of one instant while they are dispatched in another
// order than they were posted in. Events posted meanwhile for the same instant
// are the next batch: what follows from an event cannot overtake it.
type ties struct {
	on    bool
	key   uint64
	batch []Event
	next  int // index in batch of the event that is due
}

func newTies(seed uint64) ties {
	return ties{on: seed != 0, key: mix(seed ^ HashName("ties"))}
}

func (t *ties) len() int { return len(t.batch) - t.next }

// pop hands out one of the earliest events unless they are later than until.
func (t *ties) pop(q *queue, until Time) (Event, bool) {
	if t.next == len(t.batch) && !t.gather(q, until) {
		return Event{}, false
	}
	e := t.batch[t.next]
	if e.At > until {
		return Event{}, false
	}
	t.next++
	return e, true
}

// gather takes all events of the earliest instant from the queue.
func (t *ties) gather(q *queue, until Time) bool {
	t.batch, t.next = t.batch[:0], 0
	e, ok := q.pop(until)
	for at := e.At; ok; e, ok = q.pop(at) {
		t.batch = append(t.batch, e)
	}
	t.shuffle()
	return len(t.batch) > 0
}

// shuffle sorts the batch by a number that each event has of its own, as random
// as a hash is. So who comes first of two does not depend on who else is woken:
// a run with every tick an event shuffles the others as the run without does.
func (t *ties) shuffle() {
	slices.SortStableFunc(t.batch, func(a, b Event) int { return cmp.Compare(t.rank(a), t.rank(b)) })
}

func (t *ties) rank(e Event) uint64 {
	return mix(t.key ^ mix(uint64(e.At)^mix(e.About^mix(uint64(e.Who)<<8|uint64(e.Why)))))
}

package sim

import "math/rand/v2"

// ties holds the events of one instant while they are dispatched in another
// order than they were posted in. Events posted meanwhile for the same instant
// are the next batch: what follows from an event cannot overtake it.
type ties struct {
	on    bool
	pcg   rand.PCG
	batch []Event
	next  int // index in batch of the event that is due
}

func newTies(seed uint64) ties {
	t := ties{on: seed != 0}
	t.pcg.Seed(mix(seed), mix(seed+golden))
	return t
}

func (t *ties) len() int { return len(t.batch) - t.next }

// ready makes sure that the batch has an event that is due by until, if there is one.
func (t *ties) ready(q *queue, until Time) bool {
	if t.next < len(t.batch) {
		return t.batch[t.next].At <= until
	}
	if !q.ready(until) {
		return false
	}
	t.batch, t.next = t.batch[:0], 0
	for at := q.first().At; q.ready(at); q.drop() {
		t.batch = append(t.batch, *q.first())
	}
	t.shuffle()
	return true
}

// shuffle permutes the batch; all permutations are equally likely (Fisher-Yates).
func (t *ties) shuffle() {
	s := Stream{t.pcg}
	for i := len(t.batch) - 1; i > 0; i-- {
		j := s.Below(uint64(i) + 1)
		t.batch[i], t.batch[j] = t.batch[j], t.batch[i]
	}
	t.pcg = s.pcg
}

package sim

// ties holds the events of one instant while they are dispatched in another
// order than they were posted in. Events posted meanwhile for the same instant
// are the next batch: what follows from an event cannot overtake it.
type ties struct {
	on    bool
	order Stream
	batch []Event
	next  int // index in batch of the event that is due
}

func newTies(seed uint64) ties {
	return ties{on: seed != 0, order: NewLuck(seed).Stream("ties")}
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

// shuffle permutes the batch; all permutations are equally likely (Fisher-Yates).
func (t *ties) shuffle() {
	for i := len(t.batch) - 1; i > 0; i-- {
		j := t.order.Below(uint64(i) + 1)
		t.batch[i], t.batch[j] = t.batch[j], t.batch[i]
	}
}

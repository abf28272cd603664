package apiserver

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Of a request, how long it may wait for a seat: a quarter of the time that an
// API server has for it (k8s.io/apiserver/pkg/server/filters/priority-and-fairness.go
// getRequestWaitContext).
const seatWait = 15 * time.Second

// retryAfter is when somebody who is rejected is told to come again
// (k8s.io/apiserver/pkg/server/filters/maxinflight.go retryAfter).
const retryAfter = time.Second

// fairness is API Priority and Fairness in one API server: a request that its
// sender is known of takes a seat of its level, waits for one, or is rejected,
// before anybody asks whether it is allowed. It keeps the seat until it is
// answered. While no level is full that is a few sums, and no event.
type fairness struct {
	off     bool
	seats   int64 // of all levels together
	levels  []queueSet
	nominal []int64 // by level: seats by its shares
	least   []int64 // what it never lends
	most    []int64 // with all it may borrow

	wants      []demand
	observedAt sim.Time
	nextAdjust sim.Time
	bounds     []bounds // of the last adjustment, and below
	allotted   []int64

	tickets []ticket   // by slot
	known   [][]known  // by client
	turnAt  []sim.Time // by level: when a flood makes room for who waits
	lookAt  sim.Time   // when the limits change and somebody waits
}

// ticket is where a request waits or sits.
type ticket struct {
	level   int16
	queue   int16
	seats   int32
	state   ticketState
	since   sim.Time // it waits or executes
	arrived sim.Time
}

type ticketState uint8

const (
	seatless ticketState = iota
	queued
	seated
)

// known is a flow that a client was found to have.
type known struct {
	kind      model.Kind
	right     store.Right
	namespace string
	flow      flow
}

func newFairness(off bool) *fairness {
	f := &fairness{off: off, seats: readsInFlight + writesInFlight, nextAdjust: sim.Time(adjustEvery)}
	of := priorities
	if off {
		of = withoutFairness
	}
	shares := int64(0)
	for i := range of {
		shares += of[i].shares
	}
	for i := range of {
		p := of[i]
		nominal := (f.seats*p.shares + shares - 1) / shares
		lent := (nominal*p.lendable + 50) / 100
		f.levels = append(f.levels, queueSet{priority: p, limit: nominal, queues: make([]queue, p.queues)})
		f.nominal = append(f.nominal, nominal)
		f.least = append(f.least, nominal-lent)
		f.most = append(f.most, nominal+f.seats)
	}
	n := len(of)
	f.wants, f.bounds, f.allotted, f.turnAt = make([]demand, n), make([]bounds, n), make([]int64, n), make([]sim.Time, n)
	f.seats = 0
	for _, nominal := range f.nominal {
		f.seats += nominal // which is a little more, as each is rounded up
	}
	return f
}

// flowOf is a request's flow, as it was found when the client first sent one
// like it.
func (f *fairness) flowOf(s *store.Store, r *store.Request) flow {
	right, _ := needed(r)
	q := question{as: &r.Client.As, right: right, kind: r.Target.Kind}
	if r.Op == store.OpList {
		q.kind = r.List.Kind
	}
	if r.Op == store.OpNote {
		q.right, q.kind = store.RightCreate, model.KindNone
	}
	if o := r.Object; o != nil {
		q.namespace = o.Head().Namespace
	} else if o := s.Get(r.Target); o != nil {
		q.namespace = o.Head().Namespace
	}
	for int(r.Client.ID) >= len(f.known) {
		f.known = append(f.known, nil)
	}
	all := f.known[r.Client.ID]
	for i := range all {
		if k := &all[i]; k.kind == q.kind && k.right == q.right && k.namespace == q.namespace {
			return k.flow
		}
	}
	found := f.classify(q)
	f.known[r.Client.ID] = append(all, known{q.kind, q.right, q.namespace, found})
	return found
}

func (f *fairness) ticket(slot uint64) *ticket {
	for int(slot) >= len(f.tickets) {
		f.tickets = append(f.tickets, ticket{})
	}
	return &f.tickets[slot]
}

// verdict is what becomes of a request that arrives.
type verdict uint8

const (
	goOn verdict = iota
	wait
	reject
)

// arrive gives a request its seat, or a place in a queue.
func (f *fairness) arrive(now sim.Time, slot uint64, at flow, seats int64) verdict {
	f.adjust(now)
	l := &f.levels[at.level]
	t := f.ticket(slot)
	*t = ticket{level: int16(at.level), seats: int32(seats), state: seated, since: now, arrived: now}
	switch {
	case l.unbounded || len(l.queues) == 0 && l.fits(seats):
		l.executing++
		l.inUse += seats
	case len(l.queues) == 0:
		t.state = seatless
		return reject
	case l.waiting == 0 && l.fits(seats):
		t.queue = int16(l.start(now, at.hash, seats))
	default:
		queue, ok := l.enqueue(now, at.hash, slot, seats)
		if !ok {
			t.state = seatless
			return reject
		}
		t.queue, t.state = int16(queue), queued
		f.count(at.level)
		return wait
	}
	f.count(at.level)
	return goOn
}

// count tells the integrator of a level's demand.
func (f *fairness) count(level int) { f.wants[level].set(f.levels[level].demand()) }

// depart takes back the seats of a request that is answered.
func (f *fairness) depart(now sim.Time, slot uint64) {
	t := f.ticket(slot)
	if t.state != seated {
		return
	}
	f.adjust(now)
	f.levels[t.level].done(now, int(t.queue), int64(t.seats), now.Sub(t.since))
	t.state = seatless
	f.count(int(t.level))
}

// dispatch is the next request of a level that may go on.
func (f *fairness) dispatch(now sim.Time, level int) (slot uint64, ok bool) {
	w, ok := f.levels[level].next(now)
	if ok {
		t := f.ticket(w.slot)
		t.state, t.since = seated, now
	}
	return w.slot, ok
}

// expire tells whether a request has waited for its seat as long as it may, and
// takes it from its queue.
func (f *fairness) expire(now sim.Time, slot uint64) bool {
	t := f.ticket(slot)
	if t.state != queued || now != t.since.Add(seatWait) {
		return false
	}
	f.adjust(now)
	f.levels[t.level].leave(now, int(t.queue), slot)
	t.state = seatless
	f.count(int(t.level))
	return true
}

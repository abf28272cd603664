package apiserver

import (
	"cmp"
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
	version int   // of the configuration
	schemas []*model.FlowSchema
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

// noQueue is the queue of a request that needed none.
const noQueue = -1

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
	part      store.Part
	namespace string
	flow      flow
}

// newFairness is that of a new process.
func newFairness(off bool, c *flowControl) *fairness {
	f := &fairness{off: off, nextAdjust: sim.Time(adjustEvery), version: c.version, schemas: c.schemas}
	of := c.levels
	if off {
		of = withoutFairness
	}
	for _, p := range of {
		f.add(p)
	}
	f.share()
	for i := range f.levels {
		f.levels[i].limit = f.nominal[i]
	}
	return f
}

// add makes room for a level.
func (f *fairness) add(p priority) {
	f.levels = append(f.levels, queueSet{priority: p, queues: make([]queue, p.queues)})
	f.nominal, f.least, f.most, f.allotted = append(f.nominal, 0), append(f.least, 0), append(f.most, 0), append(f.allotted, 0)
	f.wants, f.bounds, f.turnAt = append(f.wants, demand{}), append(f.bounds, bounds{}), append(f.turnAt, 0)
}

// share divides the seats among the levels by their shares, each rounded up
// (apf_controller.go finishQueueSetReconfigsLocked).
func (f *fairness) share() {
	const seats = readsInFlight + writesInFlight
	shares := int64(0)
	for i := range f.levels {
		if l := &f.levels[i]; l.retired && l.demand() == 0 {
			l.shares = 0
		}
		shares += f.levels[i].shares
	}
	f.seats = 0
	for i := range f.levels {
		l := &f.levels[i]
		nominal := (seats*l.shares + shares - 1) / shares
		f.nominal[i], f.least[i], f.most[i] = nominal, nominal-(nominal*l.lendable+50)/100, nominal+seats
		if l.borrows >= 0 {
			f.most[i] = nominal + (nominal*l.borrows+50)/100
		}
		f.seats += nominal
	}
}

// flowOf is a request's flow, as it was found when the client first sent one
// like it.
func (f *fairness) flowOf(s *store.Store, r *store.Request) flow {
	q := questionOf(s, r)
	for int(r.Client.ID) >= len(f.known) {
		f.known = append(f.known, nil)
	}
	all := f.known[r.Client.ID]
	for i := range all {
		if k := &all[i]; k.kind == q.kind && k.right == q.right && k.part == q.part && k.namespace == q.namespace {
			return k.flow
		}
	}
	found := f.classify(q)
	f.known[r.Client.ID] = append(all, known{q.kind, q.right, q.part, q.namespace, found})
	return found
}

// questionOf is what of a request decides where it belongs.
func questionOf(s *store.Store, r *store.Request) question {
	right, part := needed(r)
	q := question{as: &r.Client.As, right: right, part: part, kind: r.Target.Kind, namespace: r.Within}
	switch r.Op {
	case store.OpList:
		q.kind = r.List.Kind
	case store.OpNote:
		q.right, q.part, q.kind = store.RightCreate, store.Whole, model.KindNone
	}
	if o := r.Object; o != nil {
		q.kind, q.namespace = cmp.Or(q.kind, o.Head().Kind), o.Head().Namespace
	} else if o := s.Get(r.Target); o != nil {
		q.namespace = o.Head().Namespace
		if q.kind == model.KindNamespace { // as its URL has it
			q.namespace = o.Head().Name
		}
	}
	return q
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
	case l.unbounded || l.priority.queues == 0 && l.fits(seats):
		t.queue = noQueue
		l.executing++
		l.inUse += seats
	case l.priority.queues == 0:
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

// count tells the integrator of a level's demand. The last one in a level that is
// no more gives its seats to the others.
func (f *fairness) count(level int) {
	l := &f.levels[level]
	f.wants[level].set(l.demand())
	if l.retired && l.shares > 0 && l.demand() == 0 {
		f.share()
		f.limit()
	}
}

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

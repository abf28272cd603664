package apiserver

import (
	math "math/bits"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// A flood is not made of requests: a server treats it as a fluid, in steps of a
// second, which is also when somebody who was rejected comes again. Within a step
// its requests share the processors, with each other alike, and the seats of
// their level with the requests that are real. Those are treated one by one; what
// a flood does to them is the time they lose on processors, a turn they wait for
// when the flood has all the seats, or a rejection.
const floodStep = time.Second

// The processor time of requests, which is an estimate: a list is as one that is a
// request, and so is a get without objects; what is refused by authorization costs
// little.
const (
	writeCost   = 2 * time.Millisecond
	lateCost    = 6 * time.Millisecond // of a write, 99 of a hundred; see handling
	refusedCost = 200 * time.Microsecond
)

// What a request holds its seat for without a processor: a write waits for
// etcd's commit; a list of what is true now waits until the watch cache has
// caught up with etcd, which tells its progress every 100 ms
// (k8s.io/apiserver/pkg/storage/cacher/ready.go, progress.go).
const (
	commitTime = 5 * time.Millisecond
	freshTime  = 50 * time.Millisecond
)

// bytesPerSeat is how much of an answer is worth a seat; lists out of the watch
// cache count at most mostListBytes
// (k8s.io/apiserver/pkg/util/flowcontrol/request/list_work_estimator.go).
const (
	bytesPerSeat  = 100_000
	mostListBytes = 1_000_000
)

// milli is thousandths of a request.
type milli = int64

// stream is a flood as one server has it.
type stream struct {
	*store.Flood
	beganAt sim.Time
	part    int64 // the server has one of so many parts of the clients
	level   int
	seats   int64         // of each request
	cpu     time.Duration // of each
	hold    time.Duration // it keeps its seat without a processor

	fresh                            milli            // sent for the first time in the last step
	held                             int64            // bytes of the memory of the server
	left                             milli            // requests that are not done
	again                            [flood429s]milli // to come again, by how often they were rejected
	executing, waiting               milli
	offered, served, rejected, given milli // in the last step; given up, as their time was over
}

// flooding is what floods do to a server.
type flooding struct {
	floods   []*stream
	nextStep sim.Time
	behind   int64 // thousandths of their requests that a processor has to run before another one's turn
	chances  sim.Lane
	told     []model.APILoad // by level: the newest note
	deaf     bool            // renewals of leases take too long
}

// flood429s is how often the clients of a flood come again, which are made with
// client-go (k8s.io/client-go/rest/request.go defaultMaxRetries).
const flood429s = 10

// Flood begins a flood on all servers, and returns what ends it.
func (b *Backend) Flood(f store.Flood) (end func()) {
	for _, a := range b.servers {
		a.floods = append(a.floods, a.stream(&f, int64(len(b.servers))))
		a.kernel.Post(a.kernel.Now(), a.self, whyFlood, a.about(0))
	}
	return func() {
		for _, a := range b.servers {
			a.floods = slices.DeleteFunc(a.floods, func(s *stream) bool {
				if s.Flood == &f {
					a.giveBack(s.held)
				}
				return s.Flood == &f
			})
			a.kernel.Post(a.kernel.Now(), a.self, whyFlood, a.about(0))
		}
	}
}

// stream is a server's part of a flood.
func (a *Server) stream(f *store.Flood, part int64) *stream {
	s := &stream{Flood: f, beganAt: a.kernel.Now(), part: part}
	a.place(s)
	switch f.Right {
	case store.RightList, store.RightWatch:
		s.cpu = listCost + time.Duration(f.Objects)*objectCost
		switch {
		case f.Latest && a.ListsFromEtcd && f.Right == store.RightList:
			s.hold = rangeTime(f.Objects * f.ObjectBytes)
		case f.Latest:
			s.hold = freshTime
		}
	case store.RightGet:
		s.cpu = listCost
	default:
		s.cpu, s.hold = writeCost, commitTime
	}
	if !a.gate.may(f) {
		s.cpu, s.hold = refusedCost, 0
	}
	return s
}

// place puts a flood in its level. Lists are of all namespaces, the rest is in the
// default one.
func (a *Server) place(s *stream) {
	q := question{as: &s.As, right: s.Right, kind: s.Kind}
	lists := s.Right == store.RightList || s.Right == store.RightWatch
	if !lists && s.Kind.Namespaced() {
		q.namespace = "default"
	}
	s.level, s.seats = a.fair.classify(q).level, 1
	if lists {
		s.seats = a.fair.width(s.level, s.Objects*s.ObjectBytes)
	}
}

// may tells whether the requests of a flood are allowed, as things are when it
// begins.
func (g *gate) may(f *store.Flood) bool {
	return g.known(&f.As) && g.lookUp(&f.As).everywhere[f.Kind]&bitOf(f.Right, store.Whole) != 0
}

// width is the seats that a list takes: by its bytes, and at most what the level
// leaves to one request
// (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go
// maxSeatsForPriorityLevel).
func (f *fairness) width(level int, bytes int64) int64 {
	l := &f.levels[level]
	if f.off || l.unbounded {
		return 1
	}
	seats := max(1, (min(bytes, mostListBytes)+bytesPerSeat-1)/bytesPerSeat)
	most := (f.nominal[level]*15 + 99) / 100
	if l.hand > 0 {
		most = min(most, f.nominal[level]/int64(l.hand))
	}
	return min(seats, max(1, most))
}

// step is one second of all floods of a server.
func (a *Server) step(now sim.Time) {
	if a.state != ready || now < a.nextStep && len(a.floods) > 0 {
		return
	}
	a.fair.adjust(now)
	for _, s := range a.floods {
		s.arrive(now)
	}
	slow := a.slowdown()
	running := int64(0)
	for _, s := range a.floods {
		s.serve(a.room(s), slow, a.fair.levels[s.level].priority)
		running += share(s.executing, int64(s.cpu)*slow/1000, int64(s.time(slow)))
	}
	a.behind = max(0, running/int64(len(a.freeAt))-1000)
	if !a.keep(now) {
		return
	}
	a.seat()
	a.tellLoad(now)
	for i := range a.fair.levels {
		a.dispatch(now, i)
	}
	if a.nextStep = now.Add(floodStep); len(a.floods) > 0 {
		a.kernel.Post(a.nextStep, a.self, whyFlood, a.about(0))
	}
}

// keep has the lists of floods keep their memory; it is false if that was too
// much.
func (a *Server) keep(now sim.Time) bool {
	more := int64(0)
	for _, s := range a.floods {
		held := int64(0)
		if s.Right == store.RightList && s.cpu != refusedCost {
			held = share(s.executing, s.Objects*s.ObjectBytes*a.holds(s.Latest), 4000)
		}
		more += held - s.held
		s.held = held
	}
	return a.take(now, more)
}

// empty forgets what a process knew that has ended: who sat, who waited, and what
// floods had asked of it.
func (a *Server) empty(now sim.Time) {
	a.fair = newFairness(a.Unfair, a.etcd.flows)
	a.behind, a.nextStep, a.dispatching = 0, 0, false
	for _, s := range a.floods {
		*s = stream{Flood: s.Flood, beganAt: s.beganAt, part: s.part, cpu: s.cpu, hold: s.hold}
		a.place(s)
	}
	a.tellLoad(now)
}

// share is n times part of whole; what is too much is cut.
func share(n, part, whole int64) int64 {
	const most = 1 << 60
	hi, lo := math.Mul64(uint64(n), uint64(part))
	if hi >= uint64(max(whole, 1)) {
		return most
	}
	out, _ := math.Div64(hi, lo, uint64(max(whole, 1)))
	return int64(min(out, most))
}

// arrive is what the clients send in a step: those whose time it is and who have
// their answer, and those who were rejected a second ago.
func (s *stream) arrive(now sim.Time) {
	clients := s.Clients * 1000 / s.part
	if age := now.Sub(s.beganAt) + floodStep; age < s.Over {
		clients = share(clients, int64(age), int64(s.Over))
	}
	idle := clients - s.left
	s.offered = 0
	for _, n := range s.again {
		idle -= n
		s.offered += n
	}
	s.fresh = min(share(clients, int64(floodStep), int64(s.Every)), max(0, idle)*max(1, int64(floodStep/s.Every)))
	s.offered += s.fresh
	s.left += s.offered
}

// time is how long a request has its seat.
func (s *stream) time(slow int64) time.Duration {
	return time.Duration(share(int64(s.cpu), slow, 1000)) + s.hold
}

// room is how many requests of a flood may execute at a time: all, if nobody
// counts; else what seats its level has, shared with other floods.
func (a *Server) room(s *stream) milli {
	l := &a.fair.levels[s.level]
	if l.unbounded {
		return s.left
	}
	floods := int64(0)
	for _, o := range a.floods {
		if o.level == s.level {
			floods++
		}
	}
	return max(0, l.limit-l.inUse) * 1000 / s.seats / floods
}

// able is how many requests are done in a step by so many at a time.
func (s *stream) able(room milli, slow int64) milli {
	return min(s.left, share(room, int64(floodStep), int64(s.time(slow))))
}

// slowdown is by how much the processors are too slow for what is asked of them,
// in thousandths: so that everybody who has a seat gets the same part.
func (a *Server) slowdown() int64 {
	cores := int64(len(a.freeAt)) * int64(floodStep)
	fits := func(slow int64) bool {
		sum := int64(0)
		for _, s := range a.floods {
			sum += share(s.able(a.room(s), slow), int64(s.cpu), 1000)
			if sum > cores {
				return false
			}
		}
		return true
	}
	less, more := int64(999), int64(1000)
	for !fits(more) {
		less, more = more, 2*more
	}
	for more-less > 1 {
		if middle := less + (more-less)/2; fits(middle) {
			more = middle
		} else {
			less = middle
		}
	}
	return more
}

// serve lets a step pass. What neither executes nor finds room in the queues of
// its flow, or would wait there too long, is rejected.
func (s *stream) serve(room milli, slow int64, p priority) {
	s.served = s.able(room, slow)
	s.left -= s.served
	s.executing = min(room, max(s.left, share(s.served, int64(s.time(slow)), int64(floodStep))))
	s.rejected = 0
	if !p.unbounded {
		queue := min(int64(p.hand*p.length)*1000, s.served*int64(seatWait/floodStep))
		s.rejected = max(0, s.left-room-queue)
	}
	s.left -= s.rejected
	s.given = max(0, s.left-s.served*int64(requestTime/floodStep))
	s.left -= s.given
	s.waiting = max(0, s.left-s.executing)
	refused := min(s.rejected, s.offered)
	for i := len(s.again) - 1; i > 0; i-- {
		s.again[i] = share(s.again[i-1], refused, s.offered)
	}
	s.again[0] = share(s.fresh, refused, s.offered)
}

// seat gives the floods the seats that they have during a step.
func (a *Server) seat() {
	for i := range a.fair.levels {
		l := &a.fair.levels[i]
		l.flooded, l.floodWants, l.floodServed, l.floodOffered, l.floodQueues = 0, 0, 0, 0, 0
		for _, s := range a.floods {
			if s.level != i {
				continue
			}
			l.flooded += (s.executing*s.seats + 999) / 1000
			l.floodWants += s.waiting * s.seats / 1000
			l.floodServed += s.served
			l.floodOffered += s.offered
			l.floodQueues += l.hand
		}
		if !l.unbounded {
			l.flooded = min(l.flooded, max(0, l.limit-l.inUse))
		}
		a.fair.count(i)
	}
}

// stall is how much longer a small request takes that needs the processor for d:
// it gets its part of it, and stands in line for each of its turns.
func (a *Server) stall(d time.Duration) time.Duration {
	return time.Duration(share(int64(d)+int64(turns*timeSlice), a.behind, 1000))
}

// squeeze is the chance of a request that finds its level full of a flood, where
// nobody may wait: it gets a seat if it comes just when one becomes free.
func (a *Server) squeeze(now sim.Time, slot uint64, at flow) bool {
	l := &a.fair.levels[at.level]
	if l.flooded == 0 || l.floodOffered == 0 {
		return false
	}
	r := a.store.Request(slot)
	luck := a.chances.Draw(r.Client.Hash, r.Number)
	if int64(luck.Below(uint64(l.floodOffered))) >= l.floodServed {
		return false
	}
	l.flooded--
	return a.fair.arrive(now, slot, at, 1) == goOn
}

// awaitTurn has somebody who waits in a flooded level wait until a request of the
// flood is done.
func (a *Server) awaitTurn(now sim.Time, level int) {
	l := &a.fair.levels[level]
	if l.waiting == 0 || l.flooded == 0 || a.fair.turnAt[level] > now {
		return
	}
	wait := floodStep
	if l.floodServed > 0 {
		wait = time.Duration(share(int64(floodStep), 1000, l.floodServed))
	}
	luck := a.chances.Draw(uint64(level), uint64(now))
	a.fair.turnAt[level] = now.Add(luck.Duration(1, max(2, wait)))
	a.kernel.Post(a.fair.turnAt[level], a.self, whyTurn, a.about(uint64(level)))
}

// turn gives a seat of the flood to those who wait, as long as their queues have
// no more than their part: fair queuing serves all queues alike, and a flood of
// one flow fills those of one hand.
func (a *Server) turn(now sim.Time, level int) {
	l := &a.fair.levels[level]
	a.fair.adjust(now)
	if part := l.limit * int64(l.active) / int64(max(1, l.active+l.floodQueues)); l.flooded > 0 && l.waiting > 0 && l.inUse < max(1, part) {
		l.flooded--
		l.floodWants++
	}
	a.dispatch(now, level)
	a.awaitTurn(now, level)
}

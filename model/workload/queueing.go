package workload

import "time"

// Work is what a request costs a pod.
type Work struct {
	CapacityMilliRPS int64         // what it has CPU for, in thousandths of a request per second; -1 is no limit
	CPU              time.Duration // it takes on free cores
	// What a CPU limit does, if it has one: the capacity that the limit leaves, and how
	// long a request stands still for every quota it uses up by itself.
	QuotaMilliRPS int64
	Stall         time.Duration
	SlowCPU       time.Duration // of the same request where others leave less than the limit
	Latency       time.Duration // that takes no CPU, besides calls
	Workers       int64         // requests it handles at a time; 0 is no limit
	Queue         int64         // that wait for a worker at most; others are turned away

	RequestBytes, AnswerBytes int64 // of a request and of its answer
}

// backlog is how many requests wait for a pod's CPU at most, if nothing says how many
// it handles at a time: our estimate of a listen queue.
const backlog = 100

// handled is what becomes of requests at a pod.
type handled struct {
	room  int64 // how many it gets done at most, -1 for no limit
	fits  int64 // as far as it is the workers that limit it, -1 for no limit
	takes int64 // for how many of those that arrive there is a place, -1 for all
	does  int64 // how many it gets done, -1 if that is what there is a place for
	outcome
	waiting timing // of that, for a worker and for CPU, the request's own included
}

// handle computes how a pod copes with arriving requests, and with what becomes of their
// calls.
//
// CPU that others leave is a queue: each request takes a time of its own on one core, spread
// like an exponential distribution, and there are so many cores (station). Under a limit
// there are free cores until the quota of a period is used up (throttled). A worker is held
// for all the time a request takes without waiting for it.
func (w *Work) handle(arriving int64, calls outcome, from crowd) handled {
	h := handled{room: w.CapacityMilliRPS, fits: -1, takes: -1, does: -1}
	all := calls.all()
	cpu := w.CPU.Microseconds()
	if w.CapacityMilliRPS >= 0 && !w.limited() {
		cpu = max(cpu, w.SlowCPU.Microseconds())
	}
	cpu = min(cpu, longest)
	own, wait := spread(0, cpu, cpu*cpu), timing{}
	hold := min(w.Latency.Microseconds()+all.mean(), longest)
	switch {
	case w.CapacityMilliRPS == 0:
		h.takes = 0
	case w.Workers > 0 && cpu+hold > 0:
		h.fits = product(w.Workers, 1_000_000_000, cpu+hold)
		own, wait = w.queued(&h, arriving, cpu, hold, all.variance(), from)
	case w.CapacityMilliRPS > 0 && cpu > 0 && w.limited():
		own, wait = w.rationed(&h, arriving, cpu, from)
	case w.CapacityMilliRPS > 0 && cpu > 0:
		own, wait = w.shared(&h, arriving, cpu, from)
	case w.CapacityMilliRPS > 0 && arriving > w.CapacityMilliRPS:
		h.takes = w.CapacityMilliRPS
	}
	h.waiting = own.and(wait)
	besides := h.waiting.and(fixed(w.Latency.Microseconds()))
	h.outcome = outcome{good: calls.good, ok: besides.and(calls.ok)}
	if calls.good < million {
		h.bad = besides.and(calls.bad)
	}
	return h
}

// limited tells whether it is a limit that leaves no more CPU.
func (w *Work) limited() bool {
	return w.QuotaMilliRPS > 0 && w.CapacityMilliRPS == w.QuotaMilliRPS
}

// shared is how long a request takes on cores that others leave, and how long it waits for
// one: like M/M/c of the cores, if all takes less than one of them like M/M/1.
func (w *Work) shared(h *handled, arriving, cpu int64, from crowd) (own, wait timing) {
	c := w.CapacityMilliRPS
	each := max(1_000_000_000_000/c, 1) // ns
	s := station{servers: max(cpu*1000/each, 1)}
	s.think = s.servers * each
	if s.servers == 1 && from.many == 0 && w.roomy(arriving) {
		cpu = min(cpu+product(arriving, each, c-arriving)/1000, longest)
		return spread(0, cpu, cpu*cpu), timing{}
	}
	s.fill(arriving)
	wait, _ = s.queue(h, arriving, backlog*1000, million, from)
	return spread(0, cpu, cpu*cpu), wait
}

// roomy tells whether less than one of a million waits behind backlog others.
func (w *Work) roomy(arriving int64) bool {
	c := w.CapacityMilliRPS
	return arriving < c && (c-arriving)/7*backlog > 2*c // 14/backlog
}

// rationed is the same under a limit: what waits for a server of which most find the line
// empty because of the quota (leftover).
func (w *Work) rationed(h *handled, arriving, cpu int64, from crowd) (own, wait timing) {
	c := w.CapacityMilliRPS
	if from.many == 0 && w.roomy(arriving) {
		t := w.throttled(arriving)
		return spread(0, min(cpu+t.mean, longest), cpu*cpu+t.variance), timing{}
	}
	each := max(1_000_000_000_000/c, 1)
	s := station{servers: 1, think: each}
	s.fill(arriving)
	all, _ := s.queue(h, arriving, backlog*1000, million, from)
	_, waits := w.quota().LeftOver(arriving, backlog)
	alone := w.alone()
	return spread(0, min(cpu+alone.mean, longest), cpu*cpu+alone.variance), all.only(waits)
}

// queued is how long a request takes on a core once a worker does it, and how long it waits
// for one. Besides CPU it holds the worker for a time of some variance.
func (w *Work) queued(h *handled, arriving, cpu, hold, variance int64, from crowd) (own, wait timing) {
	c := w.CapacityMilliRPS
	if c >= 0 && cpu > 0 && w.limited() {
		return w.held(h, arriving, cpu, hold, variance, from)
	}
	s := station{servers: w.Workers, think: (hold + cpu) * 1000}
	if c < 0 || cpu == 0 {
		s.most = max(c, 0)
	} else {
		s.each = max(1_000_000_000_000/c, 1)
		s.think = max(s.think-s.each, hold*1000)
	}
	s.fill(arriving)
	if c < 0 || h.fits <= c {
		h.fits = s.pace
	}
	square := cpu * cpu
	stays, wait := w.lined(h, &s, arriving, cpu+hold, square+variance, from)
	if more := max(stays-s.each, 0) / 1000; more > 0 {
		cpu = min(cpu+more, longest)
		// what is before it is geometric, or if all are busy always about the same
		few := max(million-product(stays, million, max(s.full, stays)), 0)
		if s.full == 0 {
			few = million
		}
		square = max(square, product(cpu*cpu, few*(few*2+million)/(3*million), million)+product(cpu, s.each/1000, 1))
	}
	return spread(0, cpu, square), wait
}

// lined is how long a request stays at what workers share, in nanoseconds, and how long it waits
// for one of them. By itself it holds a worker for a time of some variance.
func (w *Work) lined(h *handled, s *station, arriving, holds, variance int64, from crowd) (stays int64, wait timing) {
	h.room = s.pace
	took := min(holds+max(s.stays-s.each, 0)/1000, longest)
	chance := min(product(min(variance, longest*longest), million, max(took*took, 1)), 10*million)
	if s.each+s.most > 0 { // those who wait see CPU done one by one, as far as it is CPU they wait for
		used := min(product(s.pace, million, max(w.CapacityMilliRPS, 1)), million)
		chance = product(chance, million-used, million) + used
	}
	wait, many := s.queue(h, arriving, min(w.Queue, 4_000_000)*1000, chance, from)
	return s.stays + product(s.full-min(s.stays, s.full), many, nano), wait // who comes from the line makes all busy
}

// held is queued under a limit. As far as it is the quota that limits what workers get done, it is
// as if it let requests pass one by one, but most come while there is some of it left.
func (w *Work) held(h *handled, arriving, cpu, hold, variance int64, from crowd) (own, wait timing) {
	alone := w.alone()
	own = spread(0, min(cpu+alone.mean, longest), cpu*cpu+alone.variance)
	r := w.ration(arriving, own[0].mean, hold)
	own = own.and(spread(0, r.slows.mean, r.slows.variance))
	k := &own[0]
	s := station{servers: w.Workers, think: (hold + k.mean) * 1000, most: r.most}
	s.fill(arriving)
	if h.fits = product(w.Workers, nano, max(hold+k.mean, 1)); r.part == 0 {
		h.fits = s.pace
	}
	stays, wait := w.lined(h, &s, arriving, k.mean+hold, k.variance+variance, from)
	if h.takes >= 0 && h.takes < arriving {
		h.takes = min(arriving-product(arriving-h.takes, million-product(million-r.over, r.part, million), million), s.pace)
	}
	us := min(stays/1000, longest)
	slow := spread(0, us, us*us)
	return own, slow.only(r.waits).and(wait.only(million - product(million-r.waits, r.part, million)))
}

// working is with how many requests a worker begins, of those that arrive or wait.
func (h *handled) working(arriving int64) int64 {
	switch {
	case h.fits < 0:
	case h.room < h.fits: // it is CPU that is not enough
		arriving = min(arriving, h.fits)
	case h.takes >= 0:
		arriving = min(arriving, h.takes)
	}
	return max(arriving, h.does)
}

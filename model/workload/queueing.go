package workload

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// Work is what a request costs a pod.
type Work struct {
	CapacityMilliRPS int64         // what it has CPU for, in thousandths of a request per second; -1 is no limit
	CPU              time.Duration // it takes on free cores
	// What a CPU limit does, if it has one: the capacity that the limit leaves, and how
	// long a request stands still for every quota it uses up by itself.
	QuotaMilliRPS int64
	Stall         time.Duration
	// What else runs where there is least CPU: the capacity without it, what it would use if nobody
	// kept it from that, as so many requests a second, and how many of them it is at a time, all
	// in thousandths; 0 if nothing does.
	WholeMilliRPS, RestMilliRPS, Busy int64
	// What a busy machine does: how many requests a second, in thousandths, there is room for on its
	// cores as others use them, if that is known, and how many requests all of them do at a time, in
	// thousandths; 0 if nobody waits for them, or if they are the pod's own.
	RoomMilliRPS, Cores int64
	Latency             time.Duration // that takes no CPU, besides calls
	Workers             int64         // requests it handles at a time; 0 is no limit
	Queue               int64         // that wait for a worker at most; others are turned away

	RequestBytes, AnswerBytes int64 // of a request and of its answer
}

// handled is what becomes of requests at a pod.
type handled struct {
	room    int64 // how many it gets done at most, -1 for no limit
	fits    int64 // as far as it is the workers that limit it, -1 for no limit
	takes   int64 // for how many of those that arrive there is a place, -1 for all
	does    int64 // how many it gets done, -1 if that is what there is a place for
	abreast bool  // all it has run at a time, and not one after the other
	outcome
	waiting timing // of that, for a worker and for CPU, the request's own included

	even, bound odds  // of who comes at any time, and of who comes when it is otherwise than on the average
	again       int64 // so many of a million who give up and try again come as if they came back
	stays       int64 // so long it stays as full as it is, in microseconds
}

// Has has it have CPU for so much.
func (w *Work) Has(c model.Capacity) {
	w.CapacityMilliRPS, w.WholeMilliRPS, w.RestMilliRPS, w.Busy = c.MilliRPS, c.Whole, c.Rest, c.Busy
	if c.Quota {
		w.QuotaMilliRPS = c.MilliRPS
	}
}

// handle computes how a pod copes with arriving requests, and with what becomes of their
// calls.
//
// What a request takes on one core is spread like an exponential distribution. Cores that are
// shared are the servers of one queue (model.AllBusy), of which others leave the pod a part. Under
// a limit it runs until the quota of a period is used up (throttled). A worker is held for all the
// time a request takes without waiting for it.
func (w *Work) handle(arriving int64, calls outcome, from crowd) handled {
	h := handled{room: w.CapacityMilliRPS, fits: -1, takes: -1, does: -1}
	cpu := min(w.CPU.Microseconds(), longest)
	square := cpu * cpu
	if w.limited() && w.RoomMilliRPS > 0 {
		cpu, square = w.competing(arriving, cpu)
	}
	own, wait := spread(0, cpu, square), timing{}
	hold := min(w.Latency.Microseconds()+calls.mean(), longest)
	switch {
	case w.CapacityMilliRPS == 0:
		h.takes = 0
	case w.Workers > 0 && cpu > 0 && w.limited():
		own, wait = w.held(&h, arriving, cpu, square, hold, calls.variance(), from)
	case w.Workers > 0 && cpu+hold > 0:
		h.fits = product(w.Workers, 1_000_000_000, cpu+hold)
		own, wait = w.queued(&h, arriving, cpu, square, hold, calls.variance(), from)
	case w.CapacityMilliRPS > 0 && cpu > 0 && w.limited():
		own = w.rationed(&h, arriving, cpu, square, from)
	case w.CapacityMilliRPS > 0 && cpu > 0:
		from.limit = max(from.limit-hold, 0)
		own = w.shared(&h, arriving, cpu, from)
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

// allBusy is how likely all cores are busy that the pod shares with others, in millionths, with
// room for so many requests and so many that arrive. Others use what they do not leave to it.
func (w *Work) allBusy(room, arriving int64) int64 {
	cpu := min(w.CPU.Microseconds(), longest)
	cores := w.Cores
	if cores == 0 {
		cores = (product(room, cpu, million) + 999) / 1000 * 1000
	}
	return model.AllBusy(cores, product(max(room-arriving, 0), cpu, million))
}

// stays is how long a request waits on the average because all cores are busy, in nanoseconds:
// as on one that does all that there is room for, if they are.
func (w *Work) stays(room, arriving int64) int64 {
	alone := product(million*million, 1, max(room-arriving, 1))
	return min(product(alone, w.allBusy(room, arriving), million), 1000*longest)
}

// competing is how long a request under a limit takes on cores that others use, too, and the
// variance of that.
func (w *Work) competing(arriving, cpu int64) (mean, square int64) {
	room := w.RoomMilliRPS
	all := min(w.stays(room, min(arriving, w.QuotaMilliRPS)), product(model.Backlog*million, million, room))
	t := shares(cpu, min(cpu+all/1000, longest), million)
	return t.mean(), t.variance()
}

// shared is how long a request takes on cores that others leave, with at most Backlog more of its
// pod's: as many on the average as wait for a single core that does as much.
func (w *Work) shared(h *handled, arriving, cpu int64, from crowd) timing {
	c := w.CapacityMilliRPS
	h.abreast = true
	if w.RestMilliRPS > 0 {
		return w.amid(h, arriving, cpu, from)
	}
	if from.many == 0 && from.retries == 0 && w.roomy(arriving) {
		return shares(cpu, min(cpu+w.stays(c, arriving)/1000, longest), million)
	}
	us, mean, swings := w.inLine(h, c, arriving, from)
	return shares(cpu, min(cpu+product(us+mean, w.allBusy(c, arriving), million), longest), swings)
}

// shares is how long requests take that are spread like an exponential distribution, with a mean
// if they run alone, and another one on cores that they share. The variance is (3F-1)/(F+1) of the
// mean's square if the mean is F times as long (exact for one core: Coffman, Muntz and Trotter,
// Waiting time distributions for processor-sharing systems, 1970; within 7 % for 2 to 32), or less
// if how many there are varies less, of which swings is the variance for the mean's square,
// in millionths: a third of them meet many others, the rest few.
func shares(alone, mean, swings int64) timing {
	more := min(product(mean-alone, million, max(mean+alone, 1)), swings)
	if more < million/1000 {
		return spread(0, mean, mean*mean)
	}
	few := mean - product(mean, sim.Root(uint64(more*million/2)), million)
	many := min(mean+product(mean, sim.Root(uint64(2*more*million)), million), longest)
	return timing{{share: million - million/3, mean: few, variance: few * few}, {share: million / 3, mean: many, variance: many * many}}
}

// roomy tells whether less than one of a million waits behind Backlog others.
func (w *Work) roomy(arriving int64) bool {
	c := w.CapacityMilliRPS
	return arriving < c && (c-arriving)/7*model.Backlog > 2*c // 14/Backlog
}

// rationed is how long a request takes under a limit: most come while there is some of the quota
// left (model.Quota.WhoWaits), the others share what there is of it with all that wait, as long on
// the average as in the line of one server.
func (w *Work) rationed(h *handled, arriving, cpu, square int64, from crowd) timing {
	c := w.CapacityMilliRPS
	h.abreast = true
	from.comeback = comeback{} // how long who comes then takes depends on when the quota is used up
	if w.squeezes(arriving) {
		w.inLine(h, c, arriving, from) // how many find a place
		return w.squeezed(min(arriving, c), cpu)
	}
	if w.RestMilliRPS > 0 {
		c = w.calm()
	}
	if from.many == 0 && w.roomy(arriving) {
		return w.apart(cpu, square).and(undone(w.quota(), arriving))
	}
	_, waits := w.quota().WhoWaits(arriving, model.Backlog)
	own := w.apart(cpu, square)
	_, mean, swings := w.inLine(h, c, arriving, from)
	var m mixture
	m.add(million-waits, own, 0)
	m.add(waits, shares(own.mean(), min(own.mean()+mean, longest), swings), 0)
	return m.timing()
}

// inLine is how long a request would take one server of such a capacity by itself, how long it would
// wait in its line on the average, both in microseconds, and how much the number of those that wait
// swings: the variance of the wait for its mean's square, in millionths, without what is each one's own.
func (w *Work) inLine(h *handled, c, arriving int64, from crowd) (us, mean, swings int64) {
	s := station{servers: 1, think: max(million*million/c, 1)}
	s.fill(arriving)
	s.alone = max(min(w.CPU.Microseconds(), longest), s.think/1000)
	waits, _ := s.queue(h, arriving, model.Backlog*1000, million, from)
	us, mean = s.think/1000, waits.mean()
	swings = max(waits.variance()-product(mean, us, 1), 0)
	return us, mean, min(product(swings, million, max(min(mean, longest)*min(mean, longest), 1)), million)
}

// queued is how long a request takes on a core once a worker does it, and how long it waits
// for one. Besides CPU it holds the worker for a time of some variance.
func (w *Work) queued(h *handled, arriving, cpu, square, hold, variance int64, from crowd) (own, wait timing) {
	c, alone := w.CapacityMilliRPS, cpu
	s := station{servers: w.Workers, think: (hold + cpu) * 1000}
	shared := c >= 0 && cpu > 0
	s.most = max(c, 0)
	switch {
	case shared && w.squeezesWorkers(min(arriving, h.fits), cpu):
		s.each, s.others = million*million/max(w.WholeMilliRPS, 1), w.Busy*1000
		own := min(product(s.each, million+s.others, million), cpu*1000)
		s.think, s.most, cpu = hold*1000+cpu*1000-own, 0, cpu-own/1000+s.each/1000
	case shared:
		if w.RestMilliRPS > 0 {
			s.most = w.calm()
		}
		cpu, s.each = w.core(min(arriving, h.fits), cpu)
		s.think = max((hold+cpu)*1000-s.each, hold*1000)
	}
	s.fill(arriving)
	if c < 0 || h.fits <= c {
		h.fits = s.pace
	}
	stays, wait := w.lined(h, &s, arriving, cpu+hold, square+variance, from)
	cpu = min(cpu+max(stays-s.each, 0)/1000, longest)
	// what is before it is geometric, or if all are busy always about the same
	few := max(million-product(stays, million, max(s.full, stays)), 0)
	if s.full == 0 {
		few = million
	}
	return shares(alone, cpu, few), wait
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
	s.own = spread(0, took, variance)[0]
	s.own.fixed = max(took-int64(sim.Root(uint64(min(variance, longest*longest)))), 0)
	s.own.mean -= s.own.fixed
	wait, many := s.queue(h, arriving, min(w.Queue, 4_000_000)*1000, chance, from)
	return s.stays + product(s.full-min(s.stays, s.full), many, nano), wait // who comes from the line makes all busy
}

// held is how long a request takes on a core and stands still by itself once a worker does it, and
// how long it waits for one and for the quota. As far as it is the quota that limits what workers
// get done, it is as if it let requests pass one by one, but most come while there is some of it
// left.
func (w *Work) held(h *handled, arriving, cpu, square, hold, variance int64, from crowd) (own, wait timing) {
	if w.squeezes(arriving) {
		return w.heldAmid(h, arriving, cpu, hold, variance, from)
	}
	own = w.alone().besides(cpu, square)
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

// core is how long a request takes on cores that others leave if the pod has no other one, in
// microseconds, and what of that, in nanoseconds, it takes of a single core on which its own
// wait for each other, with so many that arrive, as long as on all: the mean of λe²/(1-λe), as
// that core has it more.
func (w *Work) core(arriving, cpu int64) (alone, each int64) {
	c := w.calm()
	most := million * million / max(c, 1)
	first := w.stays(c, 0)
	alone = min(cpu+first/1000, longest)
	if arriving >= c {
		return alone, max(most, 1)
	}
	arriving = max(arriving, c/16, 1)
	more := max(w.stays(c, arriving)-first, 0)
	part := max(product(arriving, more, million), 1) // of a request that waits for others of its pod
	root := sim.Root(uint64(million*million + 4*million*million*million/part))
	return alone, min(max(product(more, root-million, 2*million), 1), max(most, 1))
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

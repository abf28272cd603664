package workload

import (
	"orrery/model"
	"orrery/sim"
)

// What else runs in a container is there beside the requests: threads that want CPU as they do, and
// get as much (CFS and EEVDF: model.Capacity). On cores that is processor sharing with r customers
// who never leave: who comes to a core that is used to ρ by requests takes (1+r)/(1-ρ) times as long on the
// average (the number of requests is negative binomial). Under a quota they run until it is used
// up: with requests for d of Q cores, for (Q-d)/r of each period. Per-request twins in tests find
// as many served, within 3 %, and means within three tenths.

// calm is how many requests there is CPU for while all that else runs has what it wants.
func (w *Work) calm() int64 {
	if w.RestMilliRPS == 0 {
		return w.CapacityMilliRPS
	}
	return max(w.WholeMilliRPS-w.RestMilliRPS, 0)
}

// amid is shared, beside something else: as long as what that leaves is enough, it is as if it came
// by chance, too, if that does not take longer.
func (w *Work) amid(h *handled, arriving, cpu int64, from crowd) timing {
	c := w.CapacityMilliRPS
	whole := c
	if arriving < c {
		whole = w.WholeMilliRPS
	}
	us, mean, swings := w.inLine(h, whole, arriving, from)
	takes := min(w.amongThreads(arriving, cpu, us+mean), product(model.Backlog*million, 1000, max(c, 1)))
	if calm := w.calm(); arriving < calm {
		takes = min(takes, cpu+w.stays(calm, arriving)/1000)
	}
	return shares(cpu, min(max(cpu, takes), longest), swings)
}

// squeezes tells whether so many requests may, by chance, take from what else runs under a quota.
func (w *Work) squeezes(arriving int64) bool {
	return w.RestMilliRPS > 0 && arriving+sway(arriving)+w.RestMilliRPS > w.WholeMilliRPS
}

// sway is √3 times the deviation of what requests need in a period, as a rate: of n exponential
// times it is √(2n). A mean over a normal distribution is that of its middle and of so much to both
// sides, with two thirds and a sixth (Gauss and Hermite).
func sway(milliRPS int64) int64 {
	return int64(sim.Root(uint64(60_000 * min(milliRPS, million*million))))
}

// runs is for how much of a period, in millionths, a container runs with so many requests a second,
// and so many at a time at most.
func (w *Work) runs(milliRPS, most int64) int64 {
	least := product(product(w.WholeMilliRPS, million, w.RestMilliRPS), w.Busy, 1000*most+w.Busy)
	return min(max(product(max(w.WholeMilliRPS-milliRPS, 0), million, w.RestMilliRPS), least, 1), million)
}

// squeezed is how long requests take under a quota beside something that uses it up: those that come
// while there is none of it left wait for the next period.
func (w *Work) squeezed(arriving, cpu int64) timing {
	const most = model.Backlog
	var m mixture
	by, least := sway(arriving), w.runs(arriving, most)/3 // as what is not done in a period is in the next
	for k, share := range [...]int64{1, 4, 1} {
		runs := max(w.runs(arriving+int64(k-1)*by, most), least, 1)
		takes := min(product(cpu, million, runs), longest)
		own := spread(0, takes, takes*takes)
		m.add(share*million, own.and(pause(runs)), 0)
	}
	t := m.timing()
	return t.and(w.late(arriving, most, t.mean()))
}

// late is what requests wait for the quota because of their own number, of which so many at most are under
// way, and each takes so long besides.
func (w *Work) late(arriving, most, takes int64) timing {
	late := undone(model.Quota{MilliRPS: w.WholeMilliRPS}, arriving)
	longer, room := late.mean(), max(product(most*million, 1000, max(w.CapacityMilliRPS, 1))-takes, 0)
	if longer > room {
		return late.stretched(room, longer)
	}
	return late
}

// pause is how long those wait who come while there is none of the quota left.
func pause(runs int64) timing {
	waits := product(model.QuotaPeriod.Microseconds(), million-runs, million)
	return spread(0, waits/2, waits*waits/12).only(million - runs)
}

// heldAmid is held, beside something that uses the quota up. Workers get no more done than they are
// for what each takes then.
func (w *Work) heldAmid(h *handled, arriving, cpu, hold, variance int64, from crowd) (own, wait timing) {
	takes := func(milliRPS int64) int64 {
		return min(product(cpu, million, w.runs(milliRPS, w.Workers)), longest)
	}
	low, high := int64(0), w.CapacityMilliRPS
	for low < high-high/1000-1 {
		if half := low + (high-low)/2; product(half, hold+takes(half), 1) < w.Workers*nano {
			low = half
		} else {
			high = half
		}
	}
	arrives := min(arriving, high)
	mean := takes(arrives)
	s := station{servers: w.Workers, think: (hold + mean) * 1000, most: max(high, 1)}
	s.fill(arriving)
	h.fits = s.pace
	_, wait = w.lined(h, &s, arriving, mean+hold, mean*mean+variance, from)
	idle := max(million-product(arrives, hold+mean, w.Workers)/1000, 0) // the others wait for a worker, and not for the quota alone
	stands := pause(w.runs(arrives, w.Workers)).and(w.late(arrives, w.Workers, mean))
	return spread(0, mean, mean*mean).and(stands.only(idle)), wait
}

// amongThreads is how long a request takes on cores beside what else runs, if it takes so long in line for
// one that does all there is room for. That is so as far as all cores are busy.
func (w *Work) amongThreads(arriving, cpu, line int64) int64 {
	cores := w.Cores
	if cores == 0 {
		cores = (product(w.WholeMilliRPS, cpu, million) + 999) / 1000 * 1000
	}
	busy := func(free int64) int64 { return model.AllBusy(cores, product(max(free-arriving, 0), cpu, million)) }
	all, without := busy(w.calm()), busy(w.WholeMilliRPS)
	alone := product(cpu, million-all, max(million-without, 1))
	return min(alone, cpu) + product(product(line, 1000+w.Busy, 1000), all, million)
}

// squeezesWorkers tells whether so many requests that workers do on shared cores take much less time if what
// else runs there is always beside them than if it came by chance.
func (w *Work) squeezesWorkers(arriving, cpu int64) bool {
	if w.RestMilliRPS == 0 {
		return false
	}
	calm, line := w.calm(), product(million, 1000, max(w.WholeMilliRPS-arriving, 1))
	return arriving >= calm || cpu+w.stays(calm, arriving)/1000 > w.amongThreads(arriving, cpu, line)*5/4
}

package workload

import (
	"orrery/model"
	"orrery/sim"
)

// quota is the CPU limit of a pod as its requests meet it.
func (w *Work) quota() model.Quota {
	q := model.Quota{MilliRPS: w.QuotaMilliRPS, Stall: w.Stall}
	if w.RestMilliRPS > 0 {
		q.MilliRPS = w.calm()
	}
	return q
}

// moments is the mean of a time and its variance, in microseconds.
type moments struct{ mean, variance int64 }

// besides is such a time and another one of such a mean and variance.
func (m moments) besides(mean, variance int64) timing {
	return spread(0, min(mean+m.mean, longest), variance+m.variance)
}

// alone is what a request stands still because it needs a quota or more by itself.
func (w *Work) alone() (m moments) {
	m.mean, m.variance = w.quota().Alone()
	return m
}

// apart is how long requests take on a core, spread like an exponential distribution, and stand still
// by themselves: those that need less than a quota, those that use up one, and the others, of which
// each uses up two and then needs as much again as any.
func (w *Work) apart(cpu, square int64) timing {
	n, rest := w.quota().EachMilli(), w.alone().besides(cpu, square)[0]
	e := sim.Exp(n) // in thousandths
	over := million * 1000 / e
	if w.Stall == 0 || over == 0 || over > million-million/1000 {
		return timing{rest}
	}
	cut := product(n, million, e-1000) // of an exponential distribution that ends at n means, its mean falls short by so much
	within := span{mean: product(cpu, million-cut, million), variance: max(product(square, million-product(product(cut, cut, million), e, 1000), million), 0)}
	uses := product(cpu, n, 1000) + w.Stall.Microseconds()
	var m mixture
	left := int64(million)
	for stalls := range int64(2) {
		ends := left - product(left, over, million)
		m.put(span{ends * million, min(stalls*uses, longest), within.mean, within.variance})
		left -= ends
	}
	m.put(span{left * million, min(2*uses, longest), rest.mean, rest.variance})
	return m.timing()
}

// undone is what requests wait as something is left undone at the end of a period, of which fewer than
// the quota allows are served: some do.
func undone(q model.Quota, served int64) timing {
	mean, variance := q.WaitsForUndone(served, model.ByChance)
	_, who := q.WhoWaits(served, model.Backlog)
	if mean == 0 || who == 0 {
		return timing{}
	}
	each := min(product(mean, million, who), longest)
	square := product(min(variance+mean*mean, longest*longest), million, who)
	return spread(0, each, min(max(square-each*each, 0), longest*longest)).only(who)
}

// ration is how workers fare under a quota, of which all together use at most so much.
type ration struct {
	most  int64   // they get done if all are busy, in thousandths a second
	part  int64   // in how far it is the quota that limits them, and not how few they are, in millionths
	slows moments // so long a request waits for the quota, as far as it is how few they are
	over  int64   // so many of a million periods end with something undone, if it is the quota
	waits int64   // so many of a million requests wait then
}

// ration is the workers' if each request takes so long of a core and besides, in microseconds.
// Workers wait for what they do, so the more the quota holds up the less they ask for: what they
// get done if all are busy is where both come to the same. For the same reason they use CPU more
// evenly then than if requests came by chance: of a cycle of c on a core and h besides, c spread
// exponentially, the variance of what is used grows by c²(h/(c+h))² and not by 2c² (the central
// limit theorem of renewal-reward processes). While few are busy it is requests that come, by
// chance.
func (w *Work) ration(arriving, cpu, hold int64) (r ration) {
	q, whole := w.quota(), max(cpu+hold, 1)
	idle := portion(million, hold, whole)
	chance := max(product(idle, idle, 2*million), 1000)
	fits := product(w.Workers, nano, whole)
	low, high := int64(0), min(fits, q.MilliRPS)
	for low < high-high/1000-1 {
		middle := low + (high-low)/2
		if mean, _ := q.WaitsForUndone(middle, chance); product(w.Workers, nano, max(middle, 1))-whole > mean {
			low = middle
		} else {
			high = middle
		}
	}
	r.most = max(low, 1)
	r.part = max(million-portion(million, q.MilliRPS, max(fits, 1)), 0)
	r.over, r.waits = q.WhoWaits(arriving, min(w.Workers+w.Queue, mostWaiting))
	r.slows.mean, r.slows.variance = q.WaitsForUndone(min(arriving, r.most), model.ByChance)
	if most := product(w.Workers, nano, r.most) - whole; r.slows.mean > most {
		r.slows.variance = product(product(r.slows.variance, most, r.slows.mean), most, r.slows.mean)
		r.slows.mean = most
	}
	r.slows.mean = product(r.slows.mean, million-r.part, million)
	r.slows.variance = product(r.slows.variance, million-r.part, million)
	return r
}

// mostWaiting is more than ever wait.
const mostWaiting = 1 << 40

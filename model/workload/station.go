package workload

import "orrery/sim"

// station is servers that each do one request at a time: workers, or cores. Some time of a
// request depends on nobody else, another part needs the one server that all share, or all
// together get no more than so many done. Times are in nanoseconds.
//
// What arrives by chance finds so many busy as the product form of queueing networks says,
// with the throughput X(k) of k requests at a time (Reiser and Lavenberg's mean value
// analysis): p(k) = p(k-1) arriving/X(k). With nothing shared these are Erlang's formulas,
// which hold however the times are spread. Of more than manyServers there are enough
// while less arrives than they get done.
type station struct {
	servers int64
	think   int64 // that a request takes besides what is shared
	each    int64 // it takes of what is shared, 0 if nothing is
	others  int64 // so many millionths of one are always there besides, at what is shared
	own     span  // how long a request takes a server, as far as that depends on nobody else
	alone   int64 // how long one takes by itself of those that share it and do not wait in line, in microseconds; 0 if they do
	most    int64 // requests a second that all get done, in thousandths; 0 is without limit

	pace  int64 // what they get done when all are busy, in thousandths a second
	sum   int64 // how likely anything is for how likely it is that all are busy, in millionths
	stays int64 // of what is shared, a request's own part and its wait for it on the average
	full  int64 // the same of those that make all busy, 0 if that hardly ever happens
}

const manyServers = 1000

// rarely is the sum that means never.
const rarely = million * million

// fill computes how many servers are busy when so many requests arrive, thousandths a second.
func (s *station) fill(arriving int64) {
	if s.servers > manyServers {
		s.plenty(arriving)
		return
	}
	arriving = max(arriving, 1)
	waits, busy := int64(0), int64(0) // what those found that came; requests at what is shared, in millionths
	s.sum = million
	for k := int64(1); k <= s.servers; k++ {
		stay := s.with(k, &busy)
		if s.pace/arriving >= million {
			s.sum = rarely
			if k == 1 {
				s.stays = stay
			}
		}
		if s.sum >= rarely { // more are hardly ever busy
			s.pace, s.full = s.best(), 0
			return
		}
		waits = product(waits, s.pace, arriving) + product(stay, s.pace, arriving)
		s.sum = million + product(s.sum, s.pace, arriving)
		s.stays, s.full = product(waits, million, s.sum-million), stay
	}
}

// with is how long a request stays at what is shared if there are so many, of which one less
// found so many there, and how many get done.
func (s *station) with(k int64, busy *int64) (stay int64) {
	if s.each > 0 {
		stay = s.each + product(s.each, *busy+s.others, million)
	}
	s.pace = product(k, 1_000_000_000_000, max(s.think+stay, 1))
	*busy = product(s.pace, stay, million)
	if s.most > 0 && s.pace > s.most {
		s.pace = s.most
		stay = max(product(k, 1_000_000_000_000, s.most)-s.think, stay)
	}
	s.pace = max(s.pace, 1)
	return stay
}

// best is what they would get done if none waited for another.
func (s *station) best() int64 {
	best := product(s.servers, 1_000_000_000_000, max(s.think+s.each, 1))
	if s.each > 0 {
		best = min(best, 1_000_000_000_000/s.each)
	}
	if s.most > 0 {
		best = min(best, s.most)
	}
	return max(best, 1)
}

// plenty is fill for very many servers.
func (s *station) plenty(arriving int64) {
	s.pace, s.sum, s.stays = s.best(), rarely, s.each
	idle := 1_000_000_000_000 - product(s.each, arriving, 1) // of what is shared
	if s.each > 0 && idle > 0 {
		s.stays = min(product(s.each, 1_000_000_000_000, idle), product(s.servers, s.each, 1))
	}
	if arriving >= s.pace {
		s.sum = min(product(million, arriving, max(arriving-s.pace, 1)), rarely)
		s.stays = max(product(s.servers, 1_000_000_000_000, s.pace)-s.think, s.each)
		s.full = s.stays
	}
}

const nano = 1_000_000_000

// hardly is how many of a billion are turned away if nobody is said to be.
const hardly = nano / 100_000

// line is how long those wait for a server who find a place, and how many of a billion wait
// at all; how many find one goes to h. There are places, in thousandths, for so many that
// wait. chance is the variance of the time for its mean's square, in millionths. If that is
// less than one, it is as if there were more places and each step took less: so a full line
// takes what it takes, and one that is never full half as long if all requests take the same
// (Pollaczek and Khinchine; Lee and Longton for several servers; MacGregor Smith for how
// many places).
func (s *station) line(h *handled, arriving, places, chance int64) (waits timing, many int64) {
	if s.sum >= rarely || arriving <= 0 {
		return timing{}, 0
	}
	l := line{over: arriving > s.pace, chance: chance}
	l.ratio = product(min(arriving, s.pace), nano, max(arriving, s.pace))
	l.places = min(product(places, million, s.wide(arriving, chance)), 4*nano)
	l.step = s.step(chance)
	l.full = sim.Power(l.ratio, l.places)
	states, lost := geometric(l.ratio, l.full, l.places), int64(0)
	all := s.sum // how likely anything is for the likeliest length of the line, in millionths
	if l.over {
		all = product(s.sum, l.full, nano) + states
		many, lost = product(product(states, l.ratio, nano), nano, max(all-million, 1)), product(million, nano, all)
	} else {
		all += product(states, l.ratio, nano)
		many, lost = product(states, nano, max(all-l.full/1000, 1)), product(l.full, million, all)
	}
	if away := product(arriving, min(lost, nano), nano); away > 0 && lost >= hardly {
		h.takes = arriving - away
	}
	many = min(many, nano)
	var m mixture
	m.put(span{share: nano - many})
	l.add(&m, many)
	return m.timing(), many
}

// line is how requests wait one after the other: that there is one more is less likely by a
// ratio than that there is not, or the other way round.
type line struct {
	places int64 // in thousandths
	step   int64 // that each wait lasts which is before, in nanoseconds
	chance int64 // the variance of a request's time for its mean's square, in millionths
	ratio  int64 // in billionths
	over   bool  // more arrives than gets done: that it is full is likeliest
	full   int64 // how likely that is for how likely it is that nobody waits, or the other way round, in billionths
}

// geometric is the sum of a ratio's powers, of which the last one is full.
func geometric(ratio, full, n int64) int64 {
	d := nano - ratio
	if product(d, n, 1000) < nano/10_000 {
		return n * 1000
	}
	return product(nano-full, million, d)
}

// add adds the waits of so many requests.
func (l *line) add(m *mixture, many int64) {
	d := nano - l.ratio
	if many <= 0 || l.places == 0 {
		return
	}
	if !l.over && l.full < nano/1000 {
		us := min(product(l.step, nano/1000, max(d, 1)), longest)
		// the third moment of a request's time, as of a gamma distribution (Takács)
		third := product(4*d, million+2*l.chance, 3*(million+l.chance)) // in billionths
		m.put(span{share: many, mean: us, variance: product(us*us, max(nano-2*d+third, 0), nano)})
		return
	}
	blocks := int64(spans - 1)
	if !l.over && l.full < nano/20 {
		blocks = 1
	}
	length := l.places / blocks
	last := sim.Power(l.ratio, length)
	at, off := within(l.ratio, last, length)
	begun := 1000 - product(million, 1000, million+l.chance) // half of what is begun is done already, if all take the same
	weight, sum := int64(nano), int64(0)
	for range blocks {
		sum, weight = sum+weight, product(weight, last, nano)
	}
	weight = nano
	for i := range blocks {
		steps := length*i + at + 500
		if l.over {
			steps = l.places - steps
		}
		m.put(l.wait(product(many, weight, sum), steps+begun, off))
		weight = product(weight, last, nano)
	}
}

// wait is how long so many wait that so many steps are before on the average, of such a
// variance, in thousandths or their squares.
func (l *line) wait(share, steps, variance int64) span {
	noise := product(2*million, l.chance, million+l.chance)
	steps = max(steps, 0)
	variance += product(steps, noise, 1000)
	return span{
		share: share, mean: min(product(steps, l.step, million), longest),
		variance: min(product(product(variance, l.step, 1000), l.step, nano), longest*longest),
	}
}

// wide is how many requests that wait are a place, in millionths: less than one if their time
// has a smaller variance than an exponential one.
func (s *station) wide(arriving, chance int64) int64 {
	ratio := product(min(arriving, s.pace), nano, max(arriving, s.pace, 1))
	near := sim.Root(uint64(ratio) * nano / million) // the root of the ratio, in millionths
	if arriving > s.pace {
		near = million
	}
	return (2*million - product(near, max(million-chance, 0), million) + max(chance-million, 0)) / 2
}

// step is how long the wait for a place is, in nanoseconds.
func (s *station) step(chance int64) int64 {
	return min(product(nano*1000, million+chance, 2*million)/s.pace, 1000*nano)
}

// within is the mean of a geometric distribution that ends after n, and its variance, all in
// thousandths or their squares.
func within(ratio, last, n int64) (mean, variance int64) {
	d := nano - ratio
	if product(d, n, 1000) <= nano {
		return (n-1000)/2 - product(product(d, n, nano), n, 12_000), max(n*n-million, 0) / 12
	}
	mean = product(ratio, 1000, d) - product(n, last, nano-last)
	variance = product(product(ratio, 1000, d), 1000*nano, d) - product(product(n, last, nano-last), product(n, nano, nano-last), 1)
	return mean, max(variance, 0)
}

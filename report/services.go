package report

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// TrafficEnd is how the requests to a Service fared, from when promises begin to the end of
// the run. Parts are in billionths of the requests that are sent, or, of where they went,
// of those that came from nodes and had an endpoint to go to.
type TrafficEnd struct {
	Name                      string // the Service's path
	MeanMilliRPS, MaxMilliRPS int64  // sent, retries included
	Served                    int64
	WorstServed               int64 // in the minute in which it is least
	WorstServedAt             sim.Time
	P50, P99                  time.Duration // of those that are served
	WorstP99                  time.Duration // of those of the minute in which it is longest
	WorstP99At                sim.Time
	Lost                      []int64 // by cause, in the order of causes
	Attempts                  int64   // for each request, in billionths
	BusyPPM                   int64   // the endpoints, at most; 0 if nothing limits them

	Placed                      bool // some requests came from nodes, or through them
	Zoned                       bool // and there is more than one zone
	SameNode, SameZone, Crossed int64
}

// flowRun is what a source's notes told, until its next one each.
type flowRun struct {
	from string
	at   []sim.Time
	told []*model.Traffic
	next int // the first that is not in force yet
}

// serviceRun is all sources of a Service.
type serviceRun struct {
	path  string
	flows []flowRun
}

// serviceRuns reads them from a history.
func serviceRuns(h *store.History) (runs []*serviceRun) {
	by := map[string]*serviceRun{}
	for i := range h.Len() {
		r := h.At(i)
		if r.Note == nil || r.Note.Traffic == nil {
			continue
		}
		sv := by[r.Note.Path()]
		if sv == nil {
			sv = &serviceRun{path: r.Note.Path()}
			by[sv.path] = sv
			runs = append(runs, sv)
		}
		k := slices.IndexFunc(sv.flows, func(f flowRun) bool { return f.from == r.Note.Traffic.From })
		if k < 0 {
			k = len(sv.flows)
			sv.flows = append(sv.flows, flowRun{from: r.Note.Traffic.From})
		}
		f := &sv.flows[k]
		f.at, f.told = append(f.at, r.At), append(f.told, r.Note.Traffic)
	}
	return runs
}

// trafficEnds is how requests to all Services fared that had any, those first of which
// least were served.
func trafficEnds(s *state, h *store.History, w Window) (out []TrafficEnd) {
	zones := map[string]bool{}
	for _, n := range s.nodeList {
		if n.object != nil {
			zones[n.object.Labels.Value(model.LabelZone)] = true
		}
	}
	for _, sv := range serviceRuns(h) {
		if t, ok := sv.end(w); ok {
			t.Zoned = t.Placed && len(zones) > 1
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b TrafficEnd) int {
		return cmp.Or(cmp.Compare(a.Served, b.Served), strings.Compare(a.Name, b.Name))
	})
	return out
}

// end goes through the minutes of a window. Those in which nothing changes are all the
// same, and one of them stands for the others.
func (sv *serviceRun) end(w Window) (TrafficEnd, bool) {
	t := TrafficEnd{Name: sv.path, WorstServed: billion}
	var all tallied
	for now := w.From; now < w.To; {
		until := min(w.To, (now/sim.Time(time.Minute)+1)*sim.Time(time.Minute))
		until = max(until, min(w.To, sv.change(now)/sim.Time(time.Minute)*sim.Time(time.Minute)))
		var minute tallied
		sv.pass(now, until, &minute)
		t.MaxMilliRPS, t.BusyPPM = max(t.MaxMilliRPS, minute.most), max(t.BusyPPM, minute.busy)
		if part, ok := minute.kept().of(&minute.offered); ok && part < t.WorstServed {
			t.WorstServed, t.WorstServedAt = part, now
		}
		if p99 := minute.quantile(990_000); p99 > t.WorstP99 {
			t.WorstP99, t.WorstP99At = p99, now
		}
		all.add(&minute)
		now = until
	}
	var sent bool
	if t.Served, sent = all.kept().of(&all.offered); !sent {
		return t, false
	}
	t.MeanMilliRPS = all.offered.over(int64(w.To - w.From))
	t.P50, t.P99 = all.quantile(500_000), all.quantile(990_000)
	t.Attempts, _ = all.offered.of(&all.first)
	for i := range causes {
		part, _ := all.lost[i].of(&all.offered)
		t.Lost = append(t.Lost, part)
	}
	if t.SameNode, t.Placed = all.node.of(&all.inside); t.Placed {
		t.SameZone, _ = all.zone.of(&all.inside)
		t.Crossed = billion - t.SameZone
	}
	return t, true
}

// change is when something changes after now.
func (sv *serviceRun) change(now sim.Time) sim.Time {
	next := sim.Never
	for i := range sv.flows {
		f := &sv.flows[i]
		for f.next < len(f.at) && f.at[f.next] <= now {
			f.next++
		}
		if f.next < len(f.at) {
			next = min(next, f.at[f.next])
		}
	}
	return next
}

// pass adds up what becomes of requests from now until another time.
func (sv *serviceRun) pass(now, until sim.Time, into *tallied) {
	for now < until {
		next := min(until, sv.change(now))
		most := int64(0)
		for i := range sv.flows {
			if f := &sv.flows[i]; f.next > 0 {
				t := f.told[f.next-1]
				into.take(t, int64(next-now))
				if f.at[f.next-1] == now {
					into.lost[broken].product(t.Lost.All(), billion)
				}
				most += t.OfferedMilliRPS
				into.busy = max(into.busy, t.BusyPPM)
			}
		}
		into.most = max(into.most, most)
		now = next
	}
}

// tallied is requests of some time, by what becomes of them.
type tallied struct {
	offered, served, first, inside, zone, node wide
	lost                                       [len(causes)]wide // by cause
	most, busy                                 int64
	times                                      []times
}

// times is what is known of how long some requests take that are served.
type times struct {
	n        int64 // thousandths of a request
	p50, p99 time.Duration
}

func (a *tallied) take(t *model.Traffic, ns int64) {
	a.offered.product(t.OfferedMilliRPS, ns)
	a.served.product(t.ServedMilliRPS, ns)
	a.first.product(t.FirstMilliRPS, ns)
	a.inside.product(t.InsideMilliRPS, ns)
	a.zone.product(t.ZoneMilliRPS, ns)
	a.node.product(t.NodeMilliRPS, ns)
	for i := range causes {
		a.lost[i].product(causes[i].of(t), ns)
	}
	if hi, lo := bits.Mul64(uint64(t.ServedMilliRPS), uint64(ns)); hi < billion {
		n, _ := bits.Div64(hi, lo, billion)
		a.last(times{int64(n), t.P50, t.P99})
	}
}

// kept is what is served and not lost under way.
func (a *tallied) kept() *wide {
	if a.served.less(&a.lost[broken]) {
		return &wide{}
	}
	lo, borrow := bits.Sub64(a.served.lo, a.lost[broken].lo, 0)
	hi, _ := bits.Sub64(a.served.hi, a.lost[broken].hi, borrow)
	return &wide{hi, lo}
}

// last adds requests to the last ones if they take as long.
func (a *tallied) last(t times) {
	if k := len(a.times) - 1; k >= 0 && a.times[k].p50 == t.p50 && a.times[k].p99 == t.p99 {
		a.times[k].n += t.n
	} else if t.n > 0 {
		a.times = append(a.times, t)
	}
}

func (a *tallied) add(b *tallied) {
	for _, x := range [...]struct{ to, from *wide }{
		{&a.offered, &b.offered}, {&a.served, &b.served}, {&a.first, &b.first}, {&a.inside, &b.inside}, {&a.zone, &b.zone}, {&a.node, &b.node},
	} {
		x.to.add(x.from)
	}
	for i := range a.lost {
		a.lost[i].add(&b.lost[i])
	}
	for _, t := range b.times {
		a.last(t)
	}
}

// quantile is within which time so many of a million of the requests are served: of all
// together, each part of which is taken to be spread evenly up to its median, and evenly
// from there to its 99th percentile.
func (a *tallied) quantile(ppm int64) time.Duration {
	var n int64
	var most time.Duration
	for _, t := range a.times {
		n, most = n+t.n, max(most, t.p99)
	}
	var want wide
	want.product(n, ppm)
	low, high := time.Duration(0), most
	for low < high {
		x := low + (high-low)/2
		var got wide
		for _, t := range a.times {
			got.product(t.n, t.within(x))
		}
		if got.less(&want) {
			low = x + 1
		} else {
			high = x
		}
	}
	return low
}

// within is how many of a million take at most x.
func (t *times) within(x time.Duration) int64 {
	switch {
	case x >= t.p99:
		return 1_000_000
	case x < t.p50:
		return 500_000 * int64(x) / int64(t.p50)
	}
	return 500_000 + 490_000*int64(x-t.p50)/int64(t.p99-t.p50)
}

// wide is a sum of products that may be more than 64 bits.
type wide struct{ hi, lo uint64 }

func (w *wide) product(a, b int64) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	w.add(&wide{hi, lo})
}

func (w *wide) add(x *wide) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, x.lo, 0)
	w.hi, _ = bits.Add64(w.hi, x.hi, carry)
}

func (w *wide) less(x *wide) bool { return w.hi < x.hi || w.hi == x.hi && w.lo < x.lo }

func (w *wide) big() *big.Int {
	n := new(big.Int).SetUint64(w.hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w.lo))
}

// of is the part it is of another one, in billionths; false if that is nothing.
func (w *wide) of(all *wide) (int64, bool) {
	if *all == (wide{}) {
		return 0, false
	}
	return shareOf(w.big(), all.big()).n, true
}

// over is it by a number, rounded down.
func (w *wide) over(n int64) int64 {
	return new(big.Int).Quo(w.big(), big.NewInt(max(n, 1))).Int64()
}

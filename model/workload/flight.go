package workload

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Requests take time, so a pod has some of each flow at any moment: as many as arrive
// there while one takes (Little's law), and no more than have arrived since it serves. In
// a queue that fills or drains they are what waits there. They were counted as served when they were sent; what ends the pod loses them.

// flight is requests of a flow that are under way at each of some pods.
type flight struct {
	flow  int32
	milli int64 // that arrive and would be served, in thousandths per second
	takes time.Duration
}

// long is how long a request takes that may still be under way when no rules lead to its
// pod any more.
const long = time.Second

// Broke tells that a pod that serves is about to lose what it has, before ServingChanged.
// A process that was told to end so long ago has finished what it got since, and ends when
// it does; from a silent machine no answer comes, not even that there will be none.
func (t *Flows) Broke(ref model.Ref, told time.Duration, silent bool) {
	if len(t.flows) == 0 {
		return
	}
	p := t.pods.Row(ref.ID)
	if !p.serving {
		return
	}
	now := t.kernel.Now()
	all, since := p.flights, max(now.Sub(p.leftAt), told)
	if p.class != 0 && !p.waitsStill(now) {
		all, since = t.flying(p.class), told
	}
	for _, x := range all {
		has := min(x.takes, now.Sub(p.upAt)) - since
		if has <= 0 {
			continue
		}
		lost := product(x.milli, int64(has), int64(time.Second))
		if silent {
			t.lose(x.flow, model.Lost{SilentMilli: lost}, 0)
		} else {
			t.lose(x.flow, model.Lost{ResetMilli: lost}, 0)
		}
	}
	p.flights = nil
}

// flying is what is under way at each pod of a class.
func (t *Flows) flying(id int32) (all []flight) {
	c := &t.classes[id]
	if len(c.pods) == 0 {
		return nil
	}
	finds := int64(0) // room, of what arrives
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			f := &t.flows[i]
			for k := range f.shares {
				x := &f.shares[k]
				if x.class != id {
					continue
				}
				names, _ := t.naming(f, f.bundles, x.lot)
				fate := t.fate(f, x, names)
				takes := time.Duration(fate.takes.mean()) * time.Microsecond
				if f.Timeout > 0 {
					takes = min(takes, f.Timeout)
				}
				all = append(all, flight{i, fate.good / c.n(), takes})
				finds += fate.room
			}
		}
	}
	if drains := c.drains(); drains > 0 && finds > 0 {
		for i := range all {
			x, takes := &all[i], t.lasts(c)
			if most := t.flows[x.flow].Timeout; most > 0 {
				takes = min(takes, most)
			}
			x.milli, x.takes = product(x.milli, drains*c.n(), finds), takes
		}
	}
	return all
}

// lasts is how long a pod of a class takes to get done what waits there, 0 if no more waits than at rest.
func (t *Flows) lasts(c *class) time.Duration {
	if drains := c.drains(); drains > 0 {
		return time.Duration(product(c.tank.now(t.kernel.Now()), 1000, drains))
	}
	return 0
}

// remember has the classes of a backend know what is under way of requests that take long, before it is
// found out which pods are still theirs.
func (t *Flows) remember(b *backend) {
	for _, id := range b.classes {
		t.rememberOf(id)
	}
	for _, id := range b.pods {
		if k := t.pods.Row(id).class; t.classes[k].single == id {
			t.rememberOf(k)
		}
	}
}

func (t *Flows) rememberOf(id int32) {
	c := &t.classes[id]
	if c.flights = nil; c.ok.mean() >= long.Microseconds() || t.lasts(c) >= long {
		c.flights = t.flying(id)
	}
}

// left is a pod to which no rules of a Service lead any more; it finishes what it has. If it has that
// of another Service still that it left before, what came since is not counted.
func (p *pod) left(c *class, now sim.Time) {
	if !p.waitsStill(now) {
		p.flights, p.leftAt = c.flights, now
	}
}

// waitsStill tells whether some of what a pod had is still under way that it had when it left a Service.
func (p *pod) waitsStill(now sim.Time) bool {
	return slices.ContainsFunc(p.flights, func(x flight) bool { return x.takes > now.Sub(p.leftAt) })
}

// mostAbove is how many calls, one above another, a loss is followed at most: those who
// call one another in a circle are above themselves.
const mostAbove = 64

// lose has requests of a flow lost at this instant. Who called tries again, as often as
// calls are, and loses its own request if all that fails.
func (t *Flows) lose(i int32, lost model.Lost, above int) {
	f := &t.flows[i]
	all := lost.All()
	if all == 0 || above > mostAbove {
		return
	}
	f.broken.ResetMilli += lost.ResetMilli
	f.broken.SilentMilli += lost.SilentMilli
	f.broken.FailedMilli += lost.FailedMilli
	if !f.changed {
		f.changed = true
		t.changed = append(t.changed, i)
	}
	t.post()
	if f.call == nil || f.call.Probes {
		return
	}
	for range f.Retries {
		all = product(all, f.now.OfferedMilliRPS-f.now.ServedMilliRPS, max(f.now.OfferedMilliRPS, 1))
	}
	total := int64(0)
	for id := range f.classes {
		total += f.calls(&t.classes[id])
	}
	for id := range f.classes {
		c := &t.classes[id]
		part := product(all, f.calls(c), max(total, 1))
		for _, b := range t.in(c) {
			for _, k := range t.backends[b].flows {
				for _, x := range t.flows[k].shares {
					if x.class == id && c.arriving > 0 {
						t.lose(k, model.Lost{FailedMilli: product(part, x.milli, c.arriving)}, above+1)
					}
				}
			}
		}
	}
}

// fate is what becomes of a share of a flow.
type fate struct {
	room         int64 // for so many there is room
	late         int64 // of those, nobody waits for any more
	good         int64 // of the rest, are served
	takes, fails timing
}

// fate computes it, for those who wait for names first. An endpoint that gets more than it
// has room for serves the same share of everybody's requests, of each source rounded down.
func (t *Flows) fate(f *flow, x *share, names timing) (out fate) {
	p := &t.classes[x.class]
	way := names.and(x.way)
	out.room, out.takes = x.milli, way.and(p.ok)
	if p.takes >= 0 {
		out.room = portion(x.milli-x.vain, p.all(p.n()), p.arriving-p.vain)
	}
	some, all := t.boundTo(f, x)
	if away := x.milli - x.vain - out.room; away > 0 {
		out.room = x.milli - x.vain - min(product(away, than(p.even.full, p.bound.full, some, all), million), x.milli-x.vain)
	}
	late := int64(0)
	out.good = product(out.room, p.good, million)
	failed := out.room - out.good
	if f.Timeout > 0 {
		out.takes, late = out.takes.within(f.Timeout)
		if known := p.lateOf(f, x, some); known >= 0 {
			late = known
		}
		out.late = product(out.good, late, million)
		out.good -= out.late
	}
	if failed > 0 {
		out.fails = way.and(p.bad)
		if f.Timeout > 0 {
			out.fails, late = out.fails.within(f.Timeout)
			out.late += product(failed, late, million)
		}
	}
	return out
}

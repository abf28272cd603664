package workload

import (
	"slices"
	"time"

	"orrery/model"
)

// Probe is a pod's probe that fares like the requests that arrive, as far as it goes
// their way. It costs nothing but, where it asks another Service, that one a request.
type Probe struct {
	Container int // of all, init containers first
	Kind      model.ProbeKind
	Timeout   time.Duration
	Period    time.Duration
	Queues    bool   // it waits for a worker and for CPU
	Works     bool   // it does all that a request does
	Needs     string // a Service that it asks, "" for none
}

// risk is how many of a million requests are not answered in time, and how many are
// told no before.
type risk struct{ late, refused int64 }

const million = 1_000_000

// certain rounds what hardly ever or nearly always happens. How requests fare is known
// no better than that, and what is known of all probes needs no luck.
func (r risk) certain() risk {
	const hardly = million / 1000
	switch {
	case r.late+r.refused > million-hardly && r.late >= r.refused:
		return risk{late: million}
	case r.late+r.refused > million-hardly:
		return risk{refused: million}
	}
	if r.late < hardly {
		r.late = 0
	}
	if r.refused < hardly {
		r.refused = 0
	}
	return r
}

// and is the risk of something that comes after, or that comes to its end before.
func (r risk) and(next risk) risk {
	left := million - r.late - r.refused
	return risk{r.late + product(left, next.late, million), r.refused + product(left, next.refused, million)}
}

// turnedAway is the risk that there is no room for a request. Where requests queue, a
// connection is not even accepted; where they do not, somebody says so.
func (c *class) turnedAway() (r risk) {
	all := c.all(c.n())
	if c.takes < 0 || c.was <= all {
		return r
	}
	away := million - product(all, million, c.was)
	if c.work.Workers > 0 && c.work.Queue == 0 {
		return risk{refused: away}
	}
	return risk{late: away}
}

// request is the risk of a request that waits so long.
func (c *class) request(timeout time.Duration) risk {
	return c.turnedAway().and(c.risk(timeout))
}

// after is what becomes of a request of its pods that takes so long on its way.
func (c *class) after(way timing) *outcome {
	o := c.outcome
	if o.ok = o.ok.and(way); o.good < million {
		o.bad = o.bad.and(way)
	}
	return &o
}

// asked is how a probe of its pods fares, but for what it asks of others.
func (c *class) asked(x *Probe) (r risk) {
	switch {
	case x.Works:
		return c.request(x.Timeout)
	case x.Queues:
		return c.turnedAway().and(risk{late: c.waiting.exceeds(x.Timeout)})
	}
	return r
}

// interview finds out about a pod's probes.
func (t *Flows) interview(ref model.Ref, p *pod) {
	all := t.World.Probes(ref)
	k := slices.IndexFunc(t.interviews, func(x []Probe) bool { return slices.Equal(x, all) })
	if k < 0 {
		k = len(t.interviews)
		t.interviews = append(t.interviews, all)
	}
	p.probes, p.risks = int32(k), make([]risk, len(all))
}

// reprobe has the probes of a pod looked at again.
func (t *Flows) reprobe(id uint32, p *pod) {
	if len(p.risks) > 0 && !p.probed {
		p.probed = true
		t.probed = append(t.probed, id)
	}
}

// reprobeClass does so with a class, if its probes fare otherwise.
func (t *Flows) reprobeClass(c *class) {
	all := t.interviews[c.probes]
	same := len(c.risks) == len(all)
	c.risks = slices.Grow(c.risks[:0], len(all))[:len(all)]
	for i := range all {
		r := c.asked(&all[i])
		same = same && r.certain() == c.risks[i].certain()
		c.risks[i] = r
	}
	for k := 0; k < len(c.pods) && !same; k++ {
		t.reprobe(c.pods[k], t.pods.Row(c.pods[k]))
	}
}

// reprobeCallers does so with those whose probes ask what a flow asks.
func (t *Flows) reprobeCallers(f *flow) {
	if f.call == nil || !f.call.Probes {
		return
	}
	for _, id := range f.members {
		t.reprobe(id, t.pods.Row(id))
	}
}

// probe tells machines how probes fare from now on.
func (t *Flows) probe() {
	for _, id := range t.probed {
		p := t.pods.Row(id)
		p.probed = false
		all, c := t.interviews[p.probes], t.classOf(p)
		for i := range all {
			x := &all[i]
			r := c.asked(x).and(t.needed(p, x)).certain()
			if r != p.risks[i] && p.machine != nil {
				p.risks[i] = r
				p.machine.Probed(id, x.Container, x.Kind, uint32(r.late), uint32(r.refused))
			}
		}
		t.awaitDrained(id, p)
	}
	t.probed = t.probed[:0]
}

// classOf is what pods have in common with one, which if no rules lead to it has only what waited
// there before.
func (t *Flows) classOf(p *pod) *class {
	if p.class != 0 {
		return &t.classes[p.class]
	}
	c := &class{likeness: likeness{work: p.work}, handled: t.empty(p)}
	if waits, _ := t.waiting(p); waits > 0 {
		c.handled = c.behind(waits, 0, p.work.chance(&c.handled), p.drains)
	}
	return c
}

// empty is how a pod copes that gets nothing.
func (t *Flows) empty(p *pod) handled {
	return p.work.handle(0, t.calling(t.crewOf(p, p.sort)), crowd{})
}

// reprobeIdle has the probes of idle pods looked at again that make a call.
func (t *Flows) reprobeIdle(f *flow) {
	if len(t.interviews) == 1 {
		return // nobody has any
	}
	for _, id := range f.members {
		if p := t.pods.Row(id); p.class == 0 {
			t.reprobe(id, p)
		}
	}
}

// needed is how a probe fares with the Service that it needs.
func (t *Flows) needed(p *pod, x *Probe) (r risk) {
	if x.Needs == "" || !p.homed || p.seen == nil {
		return r
	}
	for _, i := range t.sorts[p.sort] {
		f := &t.flows[i]
		if f.call == nil || !f.call.Probes || f.Service != x.Needs {
			continue
		}
		if j, sends := f.at[t.place(f, p.home)]; sends {
			one, _ := t.single(f, &f.senders[j], x.Timeout)
			r = r.and(one)
		}
	}
	return r
}

// single is how one request of a flow fares that one of its senders sends, or would if it
// sent any; and for what part it is answered with an error, or nobody is there.
func (t *Flows) single(f *flow, s *sender, timeout time.Duration) (r risk, hears told) {
	if f.lookups >= 0 {
		l, one := &t.flows[f.lookups], *s
		if one.milli == 0 {
			one.milli = 1000
		}
		r.late = min(product(t.unresolved(l, &one)+t.misled(l, &one), million, one.milli), million)
	}
	if s.live < 0 {
		return r, hears
	}
	route := &t.backends[f.backend].routes[s.live]
	n := int64(len(route.route.Endpoints))
	switch {
	case n == 0 && route.route.Dropped:
		return risk{late: million}, hears
	case n == 0:
		return r.and(risk{refused: million}), told{nobody: million - r.late - r.refused}
	}
	var all risk
	before, whole := int64(0), t.net.Whole()
	for k := range route.parts {
		c := &t.classes[route.parts[k].class]
		many := route.parts[k].upTo - before
		before = route.parts[k].upTo
		one := risk{late: million}
		switch {
		case !c.known || !t.net.Connected(s.site, c.site) || !c.serving && c.hangs:
		case !c.serving:
			one = risk{refused: million}
			hears.nobody += million * many
		default:
			arrive, way := int64(million), timing{}
			if !whole {
				arrive, way = t.passes(f, s.site, c, s.site, f.udp(&route.route))
			}
			answered := risk{million - arrive, 0}.and(risk{refused: c.fails})
			heard := answered.and(c.turnedAway())
			one = heard.and(c.after(way).risk(timeout))
			hears.errors += (answered.refused + one.refused - heard.refused) * many
		}
		all.late, all.refused = all.late+one.late*many, all.refused+one.refused*many
	}
	left := million - r.late - r.refused
	return r.and(risk{all.late / n, all.refused / n}), told{product(left, hears.errors/n, million), product(left, hears.nobody/n, million)}
}

// asks is how many requests a second, in thousandths, a pod's probes send to a Service
// that they need.
func (t *Flows) asks(p *pod, service string) (milli int64) {
	for i := range t.interviews[p.probes] {
		if x := &t.interviews[p.probes][i]; x.Needs == service {
			milli += max(1, int64(1000*time.Second/x.Period))
		}
	}
	return milli
}

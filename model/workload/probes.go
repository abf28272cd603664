package workload

import (
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
func (p *pod) turnedAway() (r risk) {
	if p.room < 0 || p.was <= p.room {
		return r
	}
	away := million - product(p.room, million, p.was)
	if p.work.Workers > 0 && p.work.Queue == 0 {
		return risk{refused: away}
	}
	return risk{late: away}
}

// reprobe has the probes of a pod looked at again.
func (t *Flows) reprobe(id uint32, p *pod) {
	if len(p.work.Probes) > 0 && !p.probed {
		p.probed = true
		t.probed = append(t.probed, id)
	}
}

// reprobeAll does so with those that ask what the flow asks.
func (t *Flows) reprobeAll(f *flow) {
	if f.call == nil || !f.call.Probes {
		return
	}
	for _, v := range f.alive {
		t.reprobe(v.pod, t.pods.Row(v.pod))
	}
}

// probe tells machines how probes fare from now on.
func (t *Flows) probe() {
	for _, id := range t.probed {
		p := t.pods.Row(id)
		p.probed = false
		for i := range p.work.Probes {
			x := &p.work.Probes[i]
			r := t.risk(id, p, x).certain()
			if r != p.risks[i] && p.machine != nil {
				p.risks[i] = r
				p.machine.Probed(id, x.Container, x.Kind, uint32(r.late), uint32(r.refused))
			}
		}
	}
	t.probed = t.probed[:0]
}

// risk is how a probe fares.
func (t *Flows) risk(id uint32, p *pod, x *Probe) (r risk) {
	switch {
	case x.Works:
		r = p.turnedAway().and(risk{late: p.exceeds(x.Timeout)}).and(risk{refused: million - p.good})
	case x.Queues:
		r = p.turnedAway().and(risk{late: p.waiting.exceeds(x.Timeout)})
	}
	for _, i := range p.sends {
		f := &t.flows[i]
		if f.call == nil || !f.call.Probes || f.Service != x.Needs {
			continue
		}
		for _, v := range f.alive {
			if v.pod == id {
				r = r.and(t.fare(f, &f.senders[v.sender], x.Timeout))
			}
		}
	}
	return r
}

// fare is how a single request of a flow fares that one of its senders sends.
func (t *Flows) fare(f *flow, s *sender, timeout time.Duration) (r risk) {
	if f.lookups >= 0 && s.milli > 0 {
		r.late = min(product(t.unresolved(&t.flows[f.lookups], s), million, s.milli), million)
	}
	n := int64(len(s.route.Endpoints))
	switch {
	case n == 0 && s.route.Dropped:
		return risk{late: million}
	case n == 0:
		return r.and(risk{refused: million})
	}
	var all risk
	for k := range s.route.Endpoints {
		p := t.pods.Row(s.route.Endpoints[k].Pod.ID)
		one := risk{late: million}
		switch {
		case !p.known || !t.net.Connected(s.site, p.site) || !p.serving && p.hangs > 0:
		case !p.serving:
			one = risk{refused: million}
		default:
			one = p.turnedAway().and(risk{late: p.exceeds(timeout)}).and(risk{refused: million - p.good})
		}
		all.late, all.refused = all.late+one.late, all.refused+one.refused
	}
	return r.and(risk{all.late / n, all.refused / n})
}

// asks is how many requests a second, in thousandths, a pod's probes send to a Service
// that they need.
func (p *pod) asks(service string) (milli int64) {
	for i := range p.work.Probes {
		if x := &p.work.Probes[i]; x.Needs == service {
			milli += max(1, int64(1000*time.Second/x.Period))
		}
	}
	return milli
}

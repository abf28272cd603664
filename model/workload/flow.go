package workload

import (
	"slices"

	"orrery/model"
)

// compute brings the flows that are stale up to date, then the pods at which
// another rate arrives, and notes the flows of which that changes what becomes.
func (t *Flows) compute() {
	retell := slices.Clone(t.stale)
	for _, i := range t.stale {
		f := &t.flows[i]
		f.stale = false
		if f.respread {
			t.spread(f)
		}
		t.route(f)
		t.share(i)
	}
	t.stale = t.stale[:0]
	for _, id := range t.touched {
		p := t.pods.Row(id)
		p.touched = false
		if p.arriving == p.loaded {
			continue
		}
		if p.capacity >= 0 && max(p.arriving, p.loaded) > p.capacity {
			retell = append(retell, p.flows...)
		}
		p.loaded = p.arriving
		if p.machine != nil {
			p.machine.Load(id, p.loaded)
		}
	}
	t.touched = t.touched[:0]
	for _, id := range t.recount { // some of them because of what arrives now
		p, now := t.pods.Row(id), int64(-1)
		if rate, limited := p.machine.CapacityMilliRPS(id); limited {
			now = rate
		}
		if now != p.capacity {
			p.capacity = now
			retell = append(retell, p.flows...)
		}
	}
	t.recount = t.recount[:0]
	slices.Sort(retell)
	for _, i := range slices.Compact(retell) {
		if f, now := &t.flows[i], t.total(&t.flows[i]); now != f.told {
			f.told = now
			t.note(f)
		}
	}
}

// route asks the proxies of a flow's senders anew.
func (t *Flows) route(f *flow) {
	for j := range f.senders {
		if s := &f.senders[j]; s.stale {
			s.stale = false
			s.route = s.proxy.Route(f.Namespace, f.Service)
			if s.route.Service.ID != 0 {
				f.service = s.route.Service
			}
		}
	}
}

// share computes what every endpoint gets of a flow.
func (t *Flows) share(i int32) {
	f := &t.flows[i]
	for _, x := range f.shares {
		t.touch(x.pod).arriving -= x.milli
	}
	f.shares = f.shares[:0]
	f.lost = model.Traffic{From: f.From}
	whole := t.net.Whole()
	for j := 0; j < len(f.senders); j++ {
		// Where nothing is wrong with the network, senders whose rules are the
		// same are as good as one.
		s, milli := &f.senders[j], f.senders[j].milli
		for whole && j+1 < len(f.senders) && sameRoute(s.route, f.senders[j+1].route) {
			j++
			milli += f.senders[j].milli
		}
		t.send(i, s, milli)
	}
	for k := range f.shares {
		x := &f.shares[k]
		p := t.touch(x.pod)
		x.milli, p.scratch = p.scratch, 0
		p.arriving += x.milli
	}
}

// touch is a pod at which another rate may arrive.
func (t *Flows) touch(id uint32) *pod {
	p := t.pods.Row(id)
	if !p.touched {
		p.touched = true
		t.touched = append(t.touched, id)
	}
	return p
}

// sameRoute tells whether nothing changed; routes are immutable, so it is
// enough to compare where they are.
func sameRoute(a, b model.Route) bool {
	return a.Service == b.Service && a.Dropped == b.Dropped && len(a.Endpoints) == len(b.Endpoints) &&
		(len(a.Endpoints) == 0 || &a.Endpoints[0] == &b.Endpoints[0])
}

// send computes what becomes of a sender's requests on their way to endpoints.
// Every endpoint gets the same; thousandths that cannot be divided go to the first
// ones.
func (t *Flows) send(i int32, s *sender, all int64) {
	f := &t.flows[i]
	f.lost.OfferedMilliRPS += all
	n := int64(len(s.route.Endpoints))
	switch {
	case n == 0 && s.route.Dropped:
		f.lost.TimedOutMilliRPS += all
	case n == 0:
		f.lost.RefusedMilliRPS += all
	}
	for k := range s.route.Endpoints {
		milli := all / n
		if int64(k) < all%n {
			milli++
		}
		p := t.endpoint(i, &s.route.Endpoints[k])
		switch {
		case !p.known || !t.net.Connected(s.site, p.site):
			f.lost.TimedOutMilliRPS += milli
		case !p.serving:
			f.lost.RefusedMilliRPS += milli
		case milli > 0:
			if p.scratch == 0 {
				f.shares = append(f.shares, share{pod: s.route.Endpoints[k].Pod.ID})
			}
			p.scratch += milli
		}
	}
}

// endpoint is a pod that is one of a flow's.
func (t *Flows) endpoint(i int32, e *model.Endpoint) *pod {
	p := t.pods.Row(e.Pod.ID)
	if !slices.Contains(p.flows, i) {
		p.flows = append(p.flows, i)
	}
	if !p.asked {
		p.asked, p.capacity = true, -1
		p.site, p.known = t.World.Site(e.Node)
		p.machine = t.World.Machine(e.Node)
		if rate, limited := t.World.CapacityMilliRPS(e.Pod); limited {
			p.capacity = rate
		}
	}
	return p
}

// total is what becomes of a flow. An endpoint that gets more than it has CPU for
// serves the same share of everybody's requests, of each source rounded down.
func (t *Flows) total(f *flow) model.Traffic {
	now := f.lost
	for _, x := range f.shares {
		served := x.milli
		if p := t.pods.Row(x.pod); p.capacity >= 0 {
			served = portion(x.milli, p.capacity, p.arriving)
		}
		now.ServedMilliRPS += served
		now.OverloadMilliRPS += x.milli - served
	}
	return now
}

func (t *Flows) note(f *flow) {
	m := model.Meta{Kind: model.KindService, Namespace: f.Namespace, Name: f.Service}
	told := f.told
	t.store.Note(t.self, model.Note{
		Object: f.service, Name: m.Path(),
		Warning: told.ServedMilliRPS < told.OfferedMilliRPS,
		Reason:  model.ReasonTrafficChanged, Message: message(&told), Traffic: &told,
	})
}

package workload

import (
	"slices"

	"orrery/model"
)

// mostRounds is how often, for each call one below another, rates that depend on one
// another are computed at most; then they are left as they are.
const mostRounds = 64

// compute brings the flows that are stale up to date, then the pods at which another
// rate arrives, then what becomes of requests; that may change what is called, and so
// on until nothing changes. What arrives goes all the way down the calls before what
// becomes of it comes up, level by level: so each flow is computed once each way unless
// something fails, and not once for every level below it. It notes what became another at last. What arrives at first,
// before those who fared badly notice that they fare better, is a surge.
func (t *Flows) compute() {
	for round := int32(0); round < mostRounds*(1+t.deepest); round++ {
		t.recapacitate()
		if len(t.stale)+len(t.touched) > 0 {
			t.reshare()
			t.rehandle()
		} else if len(t.untold) > 0 {
			t.reckon()
		} else if len(t.loaded) > 0 {
			t.load()
		} else {
			break
		}
	}
	t.load()
	t.probe()
	for _, i := range t.stale {
		t.flows[i].stale = false
	}
	for _, id := range t.touched {
		t.pods.Row(id).touched = false
	}
	for _, i := range t.untold {
		t.flows[i].untold = false
	}
	t.stale, t.touched, t.untold, t.recount = t.stale[:0], t.touched[:0], t.untold[:0], t.recount[:0]
	slices.Sort(t.changed)
	for _, i := range t.changed {
		f := &t.flows[i]
		f.changed = false
		if f.now != f.told {
			f.told = f.now
			t.note(f)
		}
	}
	t.changed = t.changed[:0]
}

// load tells machines what arrives at their pods.
func (t *Flows) load() {
	for _, id := range t.loaded {
		p := t.pods.Row(id)
		p.listed = false
		if p.peak > max(p.arriving, p.loaded) {
			p.machine.Surge(id, p.peak)
		}
		if w := p.handled.working(p.arriving); p.arriving != p.loaded || w != p.working {
			p.loaded, p.working = p.arriving, w
			p.machine.Load(id, p.loaded, w)
		}
	}
	t.loaded = t.loaded[:0]
}

// recapacitate finds the pods that have CPU for another rate, some of them because of
// what arrives now.
func (t *Flows) recapacitate() {
	for _, id := range t.recount {
		p, now := t.pods.Row(id), int64(-1)
		if rate, limited := p.machine.CapacityMilliRPS(id); limited {
			now = rate
		}
		if now != p.work.CapacityMilliRPS {
			p.work.CapacityMilliRPS = now
			t.touch(id)
		}
	}
	t.recount = t.recount[:0]
}

// reshare makes the shares of stale flows anew.
func (t *Flows) reshare() {
	now := t.stale
	t.stale = nil
	slices.Sort(now)
	for _, i := range now {
		f := &t.flows[i]
		f.stale = false
		if (f.respread || f.recall) && f.lookups >= 0 {
			t.respread(f.lookups)
		}
		if f.respread {
			t.spread(f)
		} else if f.recall {
			t.callAgain(f)
		}
		t.route(f)
		t.share(i)
		t.untell(i)
	}
	if t.stale == nil {
		t.stale = now[:0]
	}
}

// rehandle computes how pods fare at which something else arrives, or whose calls do.
func (t *Flows) rehandle() {
	now := t.touched
	t.touched = nil
	slices.Sort(now)
	for _, id := range now {
		p := t.pods.Row(id)
		p.touched = false
		calls, good := t.calling(p)
		h := p.handle(calls)
		if p.machine != nil && !p.listed && (p.arriving != p.loaded || h.working(p.arriving) != p.working) {
			p.listed, p.peak = true, 0
			t.loaded = append(t.loaded, id)
		}
		p.peak = max(p.peak, p.arriving)
		t.reprobe(id, p)
		before, after := p.served(), min(p.arriving, h.room)
		if h.room < 0 {
			after = p.arriving
		}
		overloaded := before < p.was || after < p.arriving
		if h != p.handled || good != p.good || overloaded {
			for _, i := range p.flows {
				t.untell(i)
			}
		}
		p.handled, p.good, p.was = h, good, p.arriving
		if len(p.sends) > 0 && after != p.sent {
			p.sent = after
			depth := t.below(p)
			for _, i := range p.sends {
				t.sink(i, depth)
				if t.flows[i].call != nil {
					t.recall(i)
				}
			}
		}
	}
	if t.touched == nil {
		t.touched = now[:0]
	}
}

// below is how deep in the calls what a pod sends is.
func (t *Flows) below(p *pod) int32 {
	var depth int32
	for _, i := range p.flows {
		depth = max(depth, t.flows[i].depth)
	}
	return depth + 1
}

// sink has a flow be at least so deep. Those that call one another in a circle are as
// deep as can be.
func (t *Flows) sink(i, depth int32) {
	f := &t.flows[i]
	f.depth = max(f.depth, min(depth, mostRounds))
	t.deepest = max(t.deepest, f.depth)
	if f.lookups >= 0 {
		t.flows[f.lookups].depth = f.depth + 1
		t.deepest = max(t.deepest, f.depth+1)
	}
}

// untell has what becomes of a flow computed anew.
func (t *Flows) untell(i int32) {
	if f := &t.flows[i]; !f.untold {
		f.untold = true
		t.untold = append(t.untold, i)
	}
}

// reckon computes what becomes of the deepest flows, and what that means for those who
// call.
func (t *Flows) reckon() {
	var depth int32
	for _, i := range t.untold {
		depth = max(depth, t.flows[i].depth)
	}
	now, rest := t.untold, t.rest[:0]
	for _, i := range now {
		f := &t.flows[i]
		if f.depth < depth {
			rest = append(rest, i)
			continue
		}
		f.untold = false
		t.total(f)
		t.reprobeAll(f)
		if f.now != f.told && !f.changed {
			f.changed = true
			t.changed = append(t.changed, i)
		}
		if f.of >= 0 {
			t.answer(i)
		}
		if f.call == nil {
			continue
		}
		if a := f.tried(); a != f.attempt {
			again := a.attempts != f.attempt.attempts
			f.attempt = a
			for _, id := range f.members {
				t.touch(id)
			}
			if again {
				t.recall(i)
			}
		}
	}
	t.untold, t.rest = rest, now[:0]
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
	f.lost, f.asked = model.Traffic{From: f.From}, 0
	t.bundle(f)
	t.locate(i)
	for j := range f.bundles {
		t.send(i, &f.bundles[j])
	}
	for k := range f.shares {
		x := &f.shares[k]
		p := t.touch(x.pod)
		x.milli, p.scratch = p.scratch, 0
		p.arriving += x.milli
	}
}

// bundle puts senders together whose rules are the same. Where nothing is wrong with
// the network, they are as good as one.
func (t *Flows) bundle(f *flow) {
	f.bundles = f.bundles[:0]
	whole := t.net.Whole()
next:
	for i := range f.senders {
		s := &f.senders[i]
		if s.milli == 0 {
			continue
		}
		milli := t.resolving(f, s)
		s.sent = milli
		for j := len(f.bundles) - 1; j >= 0 && whole; j-- {
			if b := &f.bundles[j]; sameRoute(b.route, s.route) {
				b.milli += milli
				s.next, b.last = b.last, int32(i)
				continue next
			}
		}
		s.next = -1
		f.bundles = append(f.bundles, bundle{s.route, s.site, milli, int32(i)})
	}
}

// recall has what callers send added up anew.
func (t *Flows) recall(i int32) {
	t.flows[i].recall = true
	t.outdate(i)
}

// resolving is how many of a sender's requests get an address, or need none.
func (t *Flows) resolving(f *flow, s *sender) int64 {
	if f.lookups < 0 {
		return s.milli
	}
	l := &t.flows[f.lookups]
	lost := t.unresolved(l, s)
	f.asked += t.asking(l, s)
	f.lost.OfferedMilliRPS += lost
	f.lost.UnresolvedMilliRPS += lost
	return s.milli - lost
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

// sameRoute tells whether rules are the same; routes are immutable, and proxies that
// see the same share them, so it is enough to compare where they are.
func sameRoute(a, b model.Route) bool {
	return a.Service == b.Service && a.Dropped == b.Dropped && len(a.Endpoints) == len(b.Endpoints) &&
		(len(a.Endpoints) == 0 || &a.Endpoints[0] == &b.Endpoints[0])
}

// send computes what becomes of a bundle's requests on their way to endpoints.
// Every endpoint gets the same; thousandths that cannot be divided go to the first
// ones.
func (t *Flows) send(i int32, s *bundle) {
	f, all := &t.flows[i], s.milli
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
		case !p.known || !t.net.Connected(s.site, p.site) || !p.serving && p.hangs > 0:
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
	t.know(p, e.Pod, e.Node)
	return p
}

// know finds out about a pod on a node.
func (t *Flows) know(p *pod, ref model.Ref, node string) {
	if p.asked {
		return
	}
	p.asked = true
	p.site, p.known = t.World.Site(node)
	p.machine = t.World.Machine(node)
	p.work = t.World.Work(ref)
	p.risks = make([]risk, len(p.work.Probes))
	p.handled, p.good = p.work.handle(0, timing{}), 1_000_000
	t.touch(ref.ID)
}

// handle computes how the pod copes with what arrives, its calls taking a time.
func (p *pod) handle(calls timing) handled {
	w := p.work
	w.Latency += p.slow
	return w.handle(p.arriving, calls)
}

// working is how many of the requests that arrive a worker begins with.
func (h *handled) working(arriving int64) int64 {
	if h.fits < 0 {
		return arriving
	}
	return min(arriving, h.fits)
}

// served is how many of the requests that arrive a pod has room for.
func (p *pod) served() int64 {
	if p.room < 0 {
		return p.was
	}
	return min(p.was, p.room)
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

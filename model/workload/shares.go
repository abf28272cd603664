package workload

import (
	"orrery/model"
	"orrery/model/network"
)

// share computes what every class of endpoints gets of a flow, if it is not about the
// same as before.
func (t *Flows) share(i int32) {
	f := &t.flows[i]
	unsent := t.bundle(f)
	if !f.must && f.lookups < 0 && t.asBefore(f) {
		if f.recast { // by others, who may be nearer
			f.recast, f.moved, f.shifted = false, true, true
			t.untell(i)
		}
		return
	}
	f.shifted = f.shifted || !f.evenly()
	f.recast = false
	f.must = false
	for k := range f.calling {
		f.calling[k].passed = f.calling[k].sends
	}
	t.unshare(f)
	f.bundles, t.fresh = t.fresh, f.bundles
	f.cut.milli = 0
	f.moved = true
	for k := range f.lots {
		l := &f.lots[k]
		l.lost, l.nameless = model.Traffic{From: f.From}, 0
	}
	f.lots[0].lost.OfferedMilliRPS, f.lots[0].lost.TimedOutMilliRPS = unsent, unsent
	f.passings = f.passings[:0]
	f.lost = model.Traffic{From: f.From}
	for k := range f.lots {
		t.shareOut(f, int32(k))
		addRates(&f.lost, &f.lots[k].lost)
	}
	t.untell(i)
}

// shareOut divides what a lot sends.
func (t *Flows) shareOut(f *flow, lot int32) {
	l, begun := &f.lots[lot], len(f.shares)
	for j := range f.bundles {
		if b := &f.bundles[j]; b.lot == lot {
			t.send(f, b)
		}
	}
	for k := begun; k < len(f.shares); k++ {
		x := &f.shares[k]
		c := t.touch(x.class)
		x.milli, c.scratch = c.scratch, 0
		x.meets, c.meets = product(c.meets, 1000, x.milli), 0
		if x.way = (timing{}); c.ways.n > 0 {
			x.way, c.ways = c.ways.timing(), mixture{}
		}
		c.arriving += x.milli
	}
	t.vainly(l, f.shares[begun:])
	t.comesBack(l, f.shares[begun:])
}

// asBefore tells whether a flow's senders send as before, or so nearly that it waits.
func (t *Flows) asBefore(f *flow) bool {
	if len(t.fresh) != len(f.bundles) {
		return false
	}
	p := same
	for k := range t.fresh {
		a, b := &t.fresh[k], &f.bundles[k]
		if a.tie != b.tie {
			return false
		}
		p = min(p, change(a.milli, b.milli))
	}
	if !t.holds(&f.delayed.down, p) {
		return false
	}
	for k := range t.fresh {
		f.bundles[k].last = t.fresh[k].last // of senders that are linked anew
	}
	return true
}

// unshare takes what a flow sends back from those who get it.
func (t *Flows) unshare(f *flow) {
	for _, x := range f.shares {
		c := t.touch(x.class)
		c.arriving, c.vain, c.back = c.arriving-x.milli, c.vain-x.vain, c.back-x.back
	}
	f.shares = f.shares[:0]
}

// bundle puts senders together whose rules are the same and whose requests fare the
// same, and tells what is not even sent.
func (t *Flows) bundle(f *flow) (unsent int64) {
	unsent = f.unsent
	t.fresh, f.through = t.fresh[:0], f.through[:0]
	for i := range f.senders {
		s := &f.senders[i]
		if s.milli == 0 {
			continue
		}
		if f.balanced && !t.net.Connected(t.Site, s.site) {
			unsent += s.milli
			continue
		}
		x := bundle{tie: tie{s.live, s.group, 0, s.lot, 0}, site: s.site, milli: s.milli, last: -1}
		t.address(f, s, &x)
		if f.sticks {
			t.apportion(f, int32(i), &x)
			continue
		}
		s.sent = x.milli
		b := t.tie(&x)
		s.next, b.last = b.last, int32(i)
	}
	return unsent
}

// tie adds what senders send to a bundle of the flow that is looked at.
func (t *Flows) tie(x *bundle) *bundle {
	for j := len(t.fresh) - 1; j >= 0; j-- {
		if b := &t.fresh[j]; b.tie == x.tie {
			b.milli, b.none, b.lies, b.asked = b.milli+x.milli, b.none+x.none, b.lies+x.lies, b.asked+x.asked
			return b
		}
	}
	t.fresh = append(t.fresh, *x)
	return &t.fresh[len(t.fresh)-1]
}

// address takes off what of a sender's requests gets no address that is right.
func (t *Flows) address(f *flow, s *sender, x *bundle) {
	if f.lookups < 0 {
		return
	}
	l := &t.flows[f.lookups]
	x.names = t.namesOf(l, s)
	x.none, x.lies, x.asked = t.unresolved(l, s), t.misled(l, s), t.asking(l, s)
	x.milli -= x.none + x.lies
}

// send computes what becomes of a bundle's requests on their way to endpoints. Every
// endpoint gets the same; of thousandths that cannot be divided the first classes get
// more.
func (t *Flows) send(f *flow, s *bundle) {
	r, l, all := &t.backends[f.backend].routes[s.live], &f.lots[s.lot], s.milli
	lost := &l.lost
	lost.OfferedMilliRPS += all + s.none + s.lies
	lost.UnresolvedMilliRPS += s.none
	lost.TimedOutMilliRPS += s.lies
	silent, passed := lost.TimedOutMilliRPS, len(f.passings)
	n := int64(len(r.route.Endpoints))
	switch {
	case n == 0 && r.route.Headless:
		lost.UnresolvedMilliRPS += all
		l.nameless += all
	case n == 0 && r.route.Dropped:
		lost.TimedOutMilliRPS += all
	case n == 0:
		lost.NoEndpointMilliRPS += all
	}
	before, whole, from := int64(0), t.net.Whole(), t.origin(f, &r.route, s.site)
	for k := range r.parts {
		x := &r.parts[k]
		upTo := all/n*x.upTo + (all%n*x.upTo+n-1)/n
		milli := upTo - before
		before = upTo
		c := &t.classes[x.class]
		switch {
		case !c.known || !t.net.Connected(from, c.site) || !c.serving && c.hangs:
			lost.TimedOutMilliRPS += milli
			if t.cutAt > 0 && c.serving && t.net.Severed(c.site, from, t.cutSince) {
				f.cut.milli += milli
			}
		case !c.serving && f.udp(&r.route): // nobody tells the sender
			lost.TimedOutMilliRPS += milli
		case !c.serving:
			lost.RefusedMilliRPS += milli
		case milli > 0:
			way := timing{}
			if !whole || t.wired() {
				milli, way = t.weaken(f, s, c, from, f.udp(&r.route), milli)
			}
			if c.fails > 0 {
				failed := product(milli, c.fails, 1_000_000)
				lost.ErrorMilliRPS += failed
				milli -= failed
			}
			if c.scratch == 0 && milli > 0 {
				c.slot = len(f.shares)
				f.shares = append(f.shares, share{class: x.class, lot: s.lot})
			}
			c.scratch += milli
			t.meets(f, c, n, milli)
			if milli > 0 && len(f.bundles) > 1 {
				f.passings = append(f.passings, passing{int32(c.slot), milli, way})
			}
		}
	}
	s.silent, s.from, s.upTo = lost.TimedOutMilliRPS-silent, int32(passed), int32(len(f.passings))
}

// origin is where a bundle's requests come from by the address in them: outside, although
// they pass a node, if externalTrafficPolicy is Local; else that node's kube-proxy puts its own
// there (pkg/proxy/iptables/proxier.go: traffic to an external address is masqueraded unless
// the policy is Local).
func (t *Flows) origin(f *flow, r *model.Route, at network.Site) network.Site {
	if f.balanced && r.Local {
		return t.Site
	}
	return at
}

// weaken takes off what is lost on the way to an endpoint and back, and remembers how long
// the rest takes there.
func (t *Flows) weaken(f *flow, s *bundle, c *class, from network.Site, udp bool, milli int64) (int64, timing) {
	_, way := t.passes(f, s.site, c, from, udp)
	all := milli
	for i := range t.onWay { // of a few thousandths some get through as long as not all are lost
		milli -= product(milli, t.onWay[i].LostPPM, million)
	}
	f.lots[s.lot].lost.TimedOutMilliRPS += all - milli
	milli, wire := t.weigh(f, s, c, milli)
	way = way.and(wire)
	c.ways.add(milli, way, 0)
	return milli, way
}

// passes is how many of a million requests that go from a machine to an endpoint come there, and
// their answers back, and how long that takes. A request is taken for one message, and so is its
// answer; one that keeps no connection opens one before.
func (t *Flows) passes(f *flow, at network.Site, c *class, from network.Site, udp bool) (arrive int64, way timing) {
	t.onWay = t.net.Harms(t.onWay[:0], from, c.site, udp)
	t.onWay = t.net.Harms(t.onWay, c.site, from, udp)
	through := f.balanced && from != t.Site
	if through { // from outside, and back
		t.onWay = t.net.Harms(t.onWay, t.Site, at, udp)
		t.onWay = t.net.Harms(t.onWay, at, t.Site, udp)
	}
	if !udp && f.Connections == nil && f.of < 0 { // a resolver that asks over TCP keeps its connection
		t.onWay = t.net.Opening(t.onWay, from, c.site, f.Timeout)
		if through {
			t.onWay = t.net.Opening(t.onWay, t.Site, at, f.Timeout)
		}
	}
	arrive = million
	for i := range t.onWay {
		h := &t.onWay[i]
		arrive -= product(arrive, h.LostPPM, million)
		way = way.and(spread(0, h.Mean, h.Variance)).and(resent(h))
	}
	return arrive, way
}

// resent is how long messages wait until they are sent again.
func resent(h *network.Harm) timing {
	var m mixture
	for n, many := range h.Resent {
		m.add(many, fixed(h.Waited(n).Microseconds()), 0)
	}
	return m.timing()
}

package workload

import (
	"orrery/model"
	"orrery/model/network"
)

// share computes what every class of endpoints gets of a flow, if it is not about the
// same as before.
func (t *Flows) share(i int32) {
	f := &t.flows[i]
	lost, asked := t.bundle(f)
	if !f.must && f.lookups < 0 && t.asBefore(f) {
		if f.recast { // by others, who may be nearer
			f.recast, f.moved = false, true
			t.untell(i)
		}
		return
	}
	f.recast = false
	f.must = false
	t.unshare(f)
	f.bundles, t.fresh = t.fresh, f.bundles
	f.lost, f.asked, f.nameless, f.cut.milli = lost, asked, 0, 0
	f.moved = true
	for j := range f.bundles {
		t.send(f, &f.bundles[j])
	}
	for k := range f.shares {
		x := &f.shares[k]
		c := t.touch(x.class)
		x.milli, c.scratch = c.scratch, 0
		x.meets, c.meets = product(c.meets, 1000, x.milli), 0
		if x.way = (timing{}); c.ways.n > 0 {
			x.way, c.ways = c.ways.timing(), mixture{}
		}
		c.arriving += x.milli
	}
	t.vainly(f)
	t.untell(i)
}

// asBefore tells whether a flow's senders send as before, or so nearly that it waits.
func (t *Flows) asBefore(f *flow) bool {
	if len(t.fresh) != len(f.bundles) {
		return false
	}
	p := same
	for k := range t.fresh {
		a, b := &t.fresh[k], &f.bundles[k]
		if a.live != b.live || a.group != b.group {
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
		c.arriving, c.vain = c.arriving-x.milli, c.vain-x.vain
	}
	f.shares = f.shares[:0]
}

// bundle puts senders together whose rules are the same and whose requests fare the
// same, and tells what is lost before that.
func (t *Flows) bundle(f *flow) (lost model.Traffic, asked int64) {
	lost = model.Traffic{From: f.From, OfferedMilliRPS: f.unsent, TimedOutMilliRPS: f.unsent}
	t.fresh, f.through = t.fresh[:0], f.through[:0]
next:
	for i := range f.senders {
		s := &f.senders[i]
		if s.milli == 0 {
			continue
		}
		if f.balanced && !t.net.Connected(t.Site, s.site) {
			lost.OfferedMilliRPS += s.milli
			lost.TimedOutMilliRPS += s.milli
			continue
		}
		milli := t.resolving(f, s, &lost, &asked)
		if f.sticks {
			t.apportion(f, s, milli)
			continue
		}
		s.sent = milli
		for j := len(t.fresh) - 1; j >= 0; j-- {
			if b := &t.fresh[j]; b.live == s.live && b.group == s.group {
				b.milli += milli
				s.next, b.last = b.last, int32(i)
				continue next
			}
		}
		s.next = -1
		t.fresh = append(t.fresh, bundle{s.live, s.group, s.site, milli, int32(i)})
	}
	return lost, asked
}

// resolving is how many of a sender's requests get an address, or need none.
func (t *Flows) resolving(f *flow, s *sender, lost *model.Traffic, asked *int64) int64 {
	if f.lookups < 0 {
		return s.milli
	}
	l := &t.flows[f.lookups]
	none := t.unresolved(l, s)
	*asked += t.asking(l, s)
	lost.OfferedMilliRPS += none
	lost.UnresolvedMilliRPS += none
	lies := t.misled(l, s)
	lost.OfferedMilliRPS += lies
	lost.TimedOutMilliRPS += lies
	return s.milli - none - lies
}

// send computes what becomes of a bundle's requests on their way to endpoints. Every
// endpoint gets the same; of thousandths that cannot be divided the first classes get
// more.
func (t *Flows) send(f *flow, s *bundle) {
	r, all := &t.backends[f.backend].routes[s.live], s.milli
	f.lost.OfferedMilliRPS += all
	n := int64(len(r.route.Endpoints))
	switch {
	case n == 0 && r.route.Headless:
		f.lost.UnresolvedMilliRPS += all
		f.nameless += all
	case n == 0 && r.route.Dropped:
		f.lost.TimedOutMilliRPS += all
	case n == 0:
		f.lost.NoEndpointMilliRPS += all
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
			f.lost.TimedOutMilliRPS += milli
			if t.cutAt > 0 && c.serving && t.net.Severed(c.site, from, t.cutSince) {
				f.cut.milli += milli
			}
		case !c.serving && f.udp(&r.route): // nobody tells the sender
			f.lost.TimedOutMilliRPS += milli
		case !c.serving:
			f.lost.RefusedMilliRPS += milli
		case milli > 0:
			if !whole || t.wired() {
				milli = t.weaken(f, s, c, from, f.udp(&r.route), milli)
			}
			if c.fails > 0 {
				lost := product(milli, c.fails, 1_000_000)
				f.lost.RefusedMilliRPS += lost
				milli -= lost
			}
			if c.scratch == 0 && milli > 0 {
				f.shares = append(f.shares, share{class: x.class})
			}
			c.scratch += milli
			t.meets(f, c, n, milli)
		}
	}
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
// the rest takes there. A request is taken for one message, and so is its answer; one that
// keeps no connection opens one before.
func (t *Flows) weaken(f *flow, s *bundle, c *class, from network.Site, udp bool, milli int64) int64 {
	way, all := timing{}, milli
	t.onWay = t.net.Harms(t.onWay[:0], from, c.site, udp)
	t.onWay = t.net.Harms(t.onWay, c.site, from, udp)
	through := f.balanced && from != t.Site
	if through { // from outside, and back
		t.onWay = t.net.Harms(t.onWay, t.Site, s.site, udp)
		t.onWay = t.net.Harms(t.onWay, s.site, t.Site, udp)
	}
	if !udp && f.Connections == nil && f.of < 0 { // a resolver that asks over TCP keeps its connection
		t.onWay = t.net.Opening(t.onWay, from, c.site, f.Timeout)
		if through {
			t.onWay = t.net.Opening(t.onWay, t.Site, s.site, f.Timeout)
		}
	}
	for i := range t.onWay {
		h := &t.onWay[i]
		milli -= product(milli, h.LostPPM, million)
		way = way.and(spread(0, h.Mean, h.Variance)).and(resent(h))
	}
	f.lost.TimedOutMilliRPS += all - milli
	milli, wire := t.weigh(f, s, c, milli)
	c.ways.add(milli, way.and(wire), 0)
	return milli
}

// resent is how long messages wait until they are sent again.
func resent(h *network.Harm) timing {
	var m mixture
	for n, many := range h.Resent {
		m.add(many, fixed(h.Waited(n).Microseconds()), 0)
	}
	return m.timing()
}

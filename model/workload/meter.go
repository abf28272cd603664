package workload

import (
	"orrery/model/network"
)

// claim finds what a flow wants of machines: entries of their tables of connections, one
// on each machine that a connection passes, and bytes that go from one machine to another, or
// to or from a pod with a lane.
func (t *Flows) claim(f *flow) {
	f.passages = f.passages[:0]
	senders := f.senders
	if f.sticks {
		senders = f.through
	}
	for j := range f.bundles {
		t.carry(f, &f.bundles[j], senders)
	}
	for _, s := range t.passed {
		f.passages = append(f.passages, t.passages[s])
		t.passages[s] = passage{}
	}
	t.passed = t.passed[:0]
}

// passage is what the flow that is looked at wants of a site: a machine, or a pod with a lane.
func (t *Flows) passage(s network.Site) *passage {
	for len(t.passages) <= int(s) {
		t.passages = append(t.passages, passage{})
	}
	p := &t.passages[s]
	if !p.counted {
		p.site, p.counted = s, true
		t.passed = append(t.passed, s)
	}
	return p
}

// carry adds what a bundle of a flow wants. What a machine sends to itself is one entry
// there, and no bytes on its connection, unless they come from outside through it.
func (t *Flows) carry(f *flow, b *bundle, senders []sender) {
	r := &t.backends[f.backend].routes[b.live]
	n := int64(len(r.route.Endpoints))
	if n == 0 {
		return
	}
	t.freight(f, b, r)
	of, opens := f.entry(f.udp(&r.route)), t.opens(r)
	all := here{}
	for k := b.last; k >= 0; k = senders[k].next {
		s := &senders[k]
		if len(s.machines) == 0 {
			continue // it sends no more, and what it sent is about to be computed anew
		}
		milli, entries := s.sent/s.pods(), f.entries(s, of)
		if of == closing {
			entries = product(entries, opens, million)
		}
		for _, host := range s.machines {
			p := t.passage(host)
			p.entries[of] += entries
			p.here.sent, p.here.entries = p.here.sent+milli, p.here.entries+entries
			all.sent, all.entries = all.sent+milli, all.entries+entries
		}
	}
	each, sender := t.unload(r, of, &all)
	for k := b.last; k >= 0; k = senders[k].next {
		s := &senders[k]
		for _, host := range s.machines {
			p := t.passage(host)
			milli := s.sent / s.pods()
			p.out += product(milli, each.out+p.here.nearer.out, n*million)
			p.in += product(milli, each.in+p.here.nearer.in, n*million)
		}
	}
	if t.lane(b.site) != nil {
		p := t.passage(b.site)
		p.out += product(all.sent, sender.out, n*million)
		p.in += product(all.sent, sender.in, n*million)
	}
	for k := b.last; k >= 0; k = senders[k].next {
		for _, host := range senders[k].machines {
			t.passage(host).here = here{}
		}
	}
	for k := range r.route.Endpoints {
		if e := t.endpoint(&r.route.Endpoints[k]); e.known {
			t.passage(t.net.Host(e.site)).here = here{}
		}
	}
}

// unload adds what a bundle wants of the machines that the endpoints are on, and of those with
// a lane, and tells what a request to each endpoint, all of them added up, wants of the sender's
// machine, if none is on it, and of the sender's lane.
func (t *Flows) unload(r *live, of entryKind, all *here) (each, sender bytes) {
	n := int64(len(r.route.Endpoints))
	for k := range r.route.Endpoints {
		e := t.endpoint(&r.route.Endpoints[k])
		if !e.known {
			continue
		}
		x := &t.freights[t.classes[e.class].slot]
		p := t.passage(t.net.Host(e.site))
		near, far := p.here.sent, all.sent-p.here.sent
		p.entries[of] += product(all.entries-p.here.entries, x.comes, n*million)
		p.out += product(far, x.far.at[to].wants.out, n*million)
		p.in += product(far, x.far.at[to].wants.in, n*million)
		p.here.nearer.out += x.near.at[from].wants.out - x.far.at[from].wants.out
		p.here.nearer.in += x.near.at[from].wants.in - x.far.at[from].wants.in
		each.out, each.in = each.out+x.far.at[from].wants.out, each.in+x.far.at[from].wants.in
		sender.out, sender.in = sender.out+x.far.at[lane].wants.out, sender.in+x.far.at[lane].wants.in
		if t.lane(e.site) != nil {
			p := t.passage(e.site)
			p.out += product(far, x.far.at[own].wants.out, n*million) + product(near, x.near.at[own].wants.out, n*million)
			p.in += product(far, x.far.at[own].wants.in, n*million) + product(near, x.near.at[own].wants.in, n*million)
		}
	}
	return each, sender
}

// freight finds what a request of a bundle wants of the connections it passes, class of
// endpoints by class.
func (t *Flows) freight(f *flow, b *bundle, r *live) {
	t.freights = t.freights[:0]
	for k := range r.parts {
		c := &t.classes[r.parts[k].class]
		c.slot = len(t.freights)
		x := freight{near: t.stops(f, b.site, c.site), comes: million}
		x.far = x.near
		x.near.far, x.far.far = false, true
		request, answer := c.work.RequestBytes, t.answers(c)
		if !c.known || !c.serving && !c.hangs {
			request = 0 // of a connection that is not opened
		}
		if f.Connections == nil {
			x.comes -= x.far.at[from].is.dropped
		}
		opened := x.comes
		if request > 0 {
			x.comes = product(x.comes, million-x.far.at[lane].is.out.lost, million)
			if f.balanced {
				x.comes = product(x.comes, million-x.far.at[from].is.in.lost, million)
			}
			x.comes = product(x.comes, million-x.far.at[from].is.out.lost, million)
		}
		x.near.load(request, answer, opened)
		if f.Connections == nil {
			opened = product(opened, million-x.far.at[to].is.dropped, million)
		}
		x.far.load(request, answer, opened)
		t.freights = append(t.freights, x)
	}
}

// freight is what a request to an endpoint of a class and its answer want of connections, where
// it is on the machine that the request comes from, or passes, and where it is on another one.
type freight struct {
	near, far stops
	comes     int64 // of a million requests, so many come to another machine
}

// here is what a bundle has at a machine.
type here struct {
	sent    int64 // from there, in thousandths a second
	entries int64
	nearer  bytes // how much more a request to the endpoints there wants of it than to others
}

// answers is how many bytes a request to a pod of a class that comes there is answered with on the
// average. What a pod has no room for is not answered.
func (t *Flows) answers(c *class) int64 {
	switch {
	case !c.known || !c.serving:
		return 0
	case c.room >= 0 && c.arriving > 0:
		return portion(c.work.AnswerBytes, c.all(c.n()), c.arriving)
	}
	return c.work.AnswerBytes
}

// opens is how many of a million requests to endpoints of a route open a connection: those
// to a pod that listens, or hangs. Of one that is refused the kernel forgets the entry at
// once (net/netfilter/nf_conntrack_proto_tcp.c), and it gives up that of one that nobody
// answers before any other.
func (t *Flows) opens(r *live) int64 {
	open, before := int64(0), int64(0)
	for k := range r.parts {
		c := &t.classes[r.parts[k].class]
		if c.known && (c.serving || c.hangs) {
			open += r.parts[k].upTo - before
		}
		before = r.parts[k].upTo
	}
	return product(open, million, int64(len(r.route.Endpoints)))
}

// entry is what entries a flow's requests are.
func (f *flow) entry(udp bool) entryKind {
	switch {
	case f.Connections != nil:
		return staying
	case udp || f.of >= 0:
		return brief
	}
	return closing
}

// entries is for how many connections of each pod of a sender a kernel has entries, in
// thousandths: for those it keeps, if they are counted, or one for each request, for as
// long as it takes and a while after that. A and AAAA of a name are asked for through one
// socket.
func (f *flow) entries(s *sender, of entryKind) int64 {
	if c := f.Connections; c != nil {
		return product(c.Each*1000, s.sent, max(s.milli, 1))
	}
	after := closedFor
	if of == brief {
		after = unheardOf
	}
	n := product(s.sent/s.pods(), f.lasts+after.Microseconds(), million)
	if f.of >= 0 {
		n /= 2
	}
	return n
}

package workload

import (
	"orrery/model/network"
)

// claim finds what a flow wants of machines: entries of their tables of connections, one
// on each machine that a connection passes, and bytes that go from one machine to another, or
// to or from a pod with a lane.
func (t *Flows) claim(f *flow) {
	f.passages = f.passages[:0]
	if t.Tables != nil {
		f.lasts = t.lasting(f)
	}
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
	of := f.entry(f.udp(&r.route))
	t.freight(f, b, r, of)
	opens, hang := t.opens(r)
	hung, all := max(f.Timeout.Microseconds()-f.lasts, 0), here{}
	for k := b.last; k >= 0; k = senders[k].next {
		s := &senders[k]
		if len(s.machines) == 0 {
			continue // it sends no more, and what it sent is about to be computed anew
		}
		milli, entries := s.sent/s.pods(), f.entries(s, of)
		for _, host := range s.machines {
			p := t.passage(host)
			p.entries[of] += product(entries, opens, million) + product(product(milli, hung, million), hang, million)
			p.here.sent, p.here.entries = p.here.sent+milli, p.here.entries+entries
			all.sent, all.entries = all.sent+milli, all.entries+entries
		}
	}
	each, sender := t.unload(r, of, &all, hung)
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
// a lane, where a connection to one that hangs lasts so much longer. It tells what a request to each
// endpoint, all of them added up, wants of the sender's machine, if none is on it, and of the
// sender's lane.
func (t *Flows) unload(r *live, of entryKind, all *here, hung int64) (each, sender bytes) {
	n := int64(len(r.route.Endpoints))
	for k := range r.route.Endpoints {
		e := t.endpoint(&r.route.Endpoints[k])
		if !e.known {
			continue
		}
		x := &t.freights[t.classes[e.class].slot]
		p := t.passage(t.net.Host(e.site))
		near, far := p.here.sent, all.sent-p.here.sent
		p.entries[of] += product(all.entries-p.here.entries, x.opens, n*million)
		if x.hangs {
			p.entries[of] += product(product(far, hung, million), x.opens, n*million)
		}
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

// freight finds what a request of a bundle wants of the connections it passes, and of tables whose
// entries are of that kind, class of endpoints by class. Of a connection that is refused the kernel
// forgets the entry at once (net/netfilter/nf_conntrack_proto_tcp.c), and it gives up that of one that
// nobody answers before any other.
func (t *Flows) freight(f *flow, b *bundle, r *live, of entryKind) {
	t.freights = t.freights[:0]
	origin := t.origin(f, &r.route, b.site)
	for k := range r.parts {
		c := &t.classes[r.parts[k].class]
		c.slot = len(t.freights)
		x := freight{near: t.stops(f, b.site, c.site), opens: million, hangs: of == closing && !c.serving}
		x.far = x.near
		x.near.far, x.far.far = false, true
		request, answer, listens := c.work.RequestBytes, t.answers(c), c.known && (c.serving || c.hangs)
		if !listens {
			request = 0 // of a connection that is not opened
		}
		if f.Connections == nil {
			x.opens -= x.far.at[from].is.dropped
		}
		opened := x.opens
		if request > 0 {
			x.opens = product(x.opens, million-x.far.at[lane].is.out.lost, million)
			if f.balanced {
				x.opens = product(x.opens, million-x.far.at[from].is.in.lost, million)
			}
			x.opens = product(x.opens, million-x.far.at[from].is.out.lost, million)
		}
		x.near.load(request, answer, opened)
		if f.Connections == nil {
			opened = product(opened, million-x.far.at[to].is.dropped, million)
		}
		x.far.load(request, answer, opened)
		if x.shut = of == closing && !(listens && t.net.Connected(origin, c.site)); x.shut {
			x.opens = 0
		}
		t.freights = append(t.freights, x)
	}
}

// freight is what a request to an endpoint of a class and its answer want of connections, where
// it is on the machine that the request comes from, or passes, and where it is on another one.
type freight struct {
	near, far stops
	shut      bool  // no connection is opened
	hangs     bool  // nobody answers what comes by it
	opens     int64 // so many of a million requests have an entry on another machine
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

// opens is how many of a million requests to endpoints of a route, whose freights are known, open a
// connection: those to a pod within reach that listens, or hangs; and how many of these hang.
func (t *Flows) opens(r *live) (open, hang int64) {
	before, n := int64(0), int64(len(r.route.Endpoints))
	for k := range r.parts {
		x, many := &t.freights[k], r.parts[k].upTo-before
		if before = r.parts[k].upTo; x.shut {
			continue
		}
		if open += many; x.hangs {
			hang += many
		}
	}
	return product(open, million, n), product(hang, million, n)
}

// lasting is how long a connection for one of a flow's requests lasts on the average, in microseconds,
// that opens where somebody serves: until the answer comes, or who sent it gives up. What is dropped or
// what nobody listens to opens none, and while a name is looked up there is none yet.
func (t *Flows) lasting(f *flow) (lasts int64) {
	all := int64(0)
	for k := range f.shares {
		all += f.shares[k].milli
	}
	if all == 0 { // nobody is let in just now
		return f.lasts
	}
	for k := range f.shares {
		fate := t.fate(f, &f.shares[k], timing{})
		lasts += product(fate.takes.mean(), fate.good, all) + product(fate.fails.mean(), fate.room-fate.late-fate.good, all)
		lasts += product(f.Timeout.Microseconds(), fate.late, all)
	}
	return lasts
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

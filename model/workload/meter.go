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
// there, and no bytes on its connection. What is lost on the way out arrives nowhere.
func (t *Flows) carry(f *flow, b *bundle, senders []sender) {
	r := &t.backends[f.backend].routes[b.live]
	endpoints := r.route.Endpoints
	n := int64(len(endpoints))
	if n == 0 {
		return
	}
	request, answer, arriving := t.sizes(r)
	of, opens := f.entry(f.udp(&r.route)), t.opens(r)
	is := &t.wire(b.site).is
	arrive := int64(million)
	if f.Connections == nil {
		arrive -= is.dropped
	}
	if request > 0 {
		arrive = product(arrive, million-is.out.lost, million)
		if l := t.lane(b.site); l != nil {
			arrive = product(arrive, million-l.is.out.lost, million)
		}
	}
	all, bytes := int64(0), int64(0) // entries, and requests a second in thousandths, that are sent
	t.show(r)
	for k := b.last; k >= 0; k = senders[k].next {
		s := &senders[k]
		if len(s.machines) == 0 {
			continue // it sends no more, and what it sent is about to be computed anew
		}
		milli, entries := s.sent/s.pods(), f.entries(s, of)
		if of == closing {
			entries = product(entries, opens, million)
		}
		for _, site := range s.machines {
			p, own := t.passage(t.net.Host(site)), t.locality.at[t.net.Host(site)]
			p.entries[of] += entries
			p.out += product(milli*(n-own), request, 1000*n)
			p.in += product(milli*(n-own), arriving, 1000*n)
			if f.balanced { // from outside, and back
				p.in += product(milli, request, 1000)
				p.out += product(milli, arriving, 1000)
			}
			// what is added for all endpoints below
			p.entries[of] -= product(entries*own, arrive, n*million)
			p.in -= product(milli*own, arrive, n*million) * request / 1000
			p.out -= product(milli*own, arrive, n*million) * answer / 1000
			all += entries
			bytes += milli
			if l := t.lane(site); l != nil {
				p := t.passage(site)
				p.out += product(milli, request, 1000)
				p.in += product(milli, arriving, 1000)
			}
		}
	}
	for k := range endpoints {
		if e := t.endpoint(&endpoints[k]); e.known {
			p := t.passage(t.net.Host(e.site))
			p.entries[of] += product(all, arrive, n*million)
			p.in += product(bytes, arrive, n*million) * request / 1000
			p.out += product(bytes, arrive, n*million) * answer / 1000
			if t.lane(e.site) != nil {
				p := t.passage(e.site)
				p.in += product(bytes, arrive, n*million) * request / 1000
				p.out += product(bytes, arrive, n*million) * answer / 1000
			}
		}
	}
}

// sizes is the bytes of a request to endpoints of a route, and of its answer, on the
// average, and what arrives of this. What a pod has no room for is not answered.
func (t *Flows) sizes(r *live) (request, answer, arriving int64) {
	n, before := int64(len(r.route.Endpoints)), int64(0)
	for k := range r.parts {
		c := &t.classes[r.parts[k].class]
		pods := r.parts[k].upTo - before
		before = r.parts[k].upTo
		request += pods * c.work.RequestBytes
		if !c.known || !c.serving {
			continue
		}
		answered := c.work.AnswerBytes
		if c.room >= 0 && c.arriving > 0 {
			answered = portion(answered, c.all(c.n()), c.arriving)
		}
		is, lane := &t.wire(c.site).is, &condition{}
		if l := t.lane(c.site); l != nil {
			lane = &l.is
		}
		if c.work.RequestBytes > 0 {
			answered = product(product(answered, million-is.in.lost, million), million-lane.in.lost, million)
		}
		answer += pods * answered
		arriving += pods * product(product(answered, million-is.out.lost, million), million-lane.out.lost, million)
	}
	return request / n, answer / n, arriving / n
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

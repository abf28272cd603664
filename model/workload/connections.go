package workload

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Connections is how requests share connections. Without it each request has one of its
// own, and chooses an endpoint anew.
type Connections struct {
	// Each is how many connections a pod or machine that sends keeps; each of them
	// chooses by its own luck. 0 is so many that they are spread evenly.
	Each int64
	// Lifetime is how long a connection is kept on the average, whatever its age; 0 is for
	// ever. Only with Each 0.
	Lifetime time.Duration
	// Silence is how long a client waits for one that answers nothing before it gives it
	// up.
	Silence time.Duration
}

// Silence is Linux's: an established connection is given up after 15 retransmissions
// (ip-sysctl, tcp_retries2: 924.6 s).
const Silence = 924_600 * time.Millisecond

// many stands for more connections than anybody counts.
const many = 1 << 20

// renewals is in how many steps connections are renewed within a lifetime.
const renewals = 10

// held is the endpoints that clients stay with, of a machine or of those with the same rules:
// by their connections, by conntrack's entries of UDP, or by session affinity. The rules are
// asked only when one of them has to choose. Senders whose requests fare differently on the
// network are among them together. Deviation: each flow has its own, where the affinity of an
// address is one for all that it sends to a Service.
type held struct {
	of      int32    // the first of their senders
	clients int64    // of all of them
	milli   int64    // that these send, in thousandths of a request per second
	strands []strand // by pod
	loose   int64    // clients that have no endpoint to choose
	unnamed int64    // clients that find no address
	nth     uint64   // how many have chosen
	tickAt  sim.Time // some connections are renewed then; 0 while that changes nothing
	idleAt  sim.Time // since when nothing is sent; 0 if something is
}

// strand is clients that stay with an endpoint.
type strand struct {
	endpoint model.Endpoint
	live     int32 // the route that leads to it alone
	n        int64
	silentAt sim.Time // since when it answers nothing, 0 if it does
}

// hold has the clients of a flow choose that have to.
func (t *Flows) hold(i int32) {
	f := &t.flows[i]
	f.sticks, f.through = false, f.through[:0]
	for k := range f.held {
		f.held[k].of, f.held[k].clients, f.held[k].milli = -1, 0, 0
	}
	for j := range f.senders {
		s := &f.senders[j]
		if r := &t.backends[f.backend].routes[s.live].route; f.Connections != nil || r.Sticky > 0 {
			f.heldAt(s).add(int32(j), f.clients(s, r), s)
		}
	}
	t.shed(f)
	for j := range f.senders {
		s := &f.senders[j]
		r := t.backends[f.backend].routes[s.live].route
		if f.Connections == nil && r.Sticky == 0 {
			continue
		}
		f.sticks, f.must = true, true
		if h := f.heldAt(s); h.of == int32(j) {
			t.holdAt(i, h, s, r)
		}
	}
}

// add counts the clients of a sender, unless it sends no more.
func (h *held) add(j int32, clients int64, s *sender) {
	if h.of < 0 {
		h.of = j
	}
	if h.milli += s.milli; s.pods() > 0 {
		h.clients = min(h.clients+clients, many)
	}
}

func (t *Flows) holdAt(i int32, h *held, s *sender, r model.Route) {
	f, now := &t.flows[i], t.kernel.Now()
	if t.idle(f, h, &r) {
		return
	}
	if f.Connections == nil && h.brief(r.Sticky) {
		t.release(f, h)
		return
	}
	stay, kept, unnamed := int64(0), h.strands[:0], h.unnamed
	for _, x := range h.strands {
		if t.parts(f, s, &x, &r, now) {
			t.backends[f.backend].routes[x.live].users--
			continue
		}
		stay += x.n
		kept = append(kept, x)
	}
	h.strands = kept
	free := h.clients - stay
	if free < 0 {
		t.drop(f, h, -free)
		free = 0
	}
	if h.tickAt > 0 && h.tickAt <= now {
		free += t.renew(f, h, &r)
	}
	if t.unnamed(f, s) {
		h.loose, h.unnamed = 0, free
	} else {
		h.unnamed = 0
		t.choose(f, h, s, &r, free)
	}
	t.awaitRenewal(i, h, s, &r)
	t.awaitSilence(i, h)
	if h.unnamed != unnamed {
		t.respread(f.lookups)
	}
}

// shed forgets the clients of pods that are gone, once they are more than the others.
func (t *Flows) shed(f *flow) {
	gone := 0
	for k := range f.held {
		if f.held[k].of < 0 {
			gone++
		}
	}
	if !f.alone() || gone < mostGone+len(f.held)/2 {
		return
	}
	kept := f.held[:0]
	clear(f.holds)
	for k := range f.held {
		h := &f.held[k]
		if h.of < 0 {
			t.release(f, h)
			continue
		}
		f.holds[f.senders[h.of].holds()] = int32(len(kept))
		kept = append(kept, *h)
	}
	f.held = kept
}

// mostGone is how many pods that are gone are remembered at most, but for as many as there are.
const mostGone = 64

// drop takes away clients that are no more, those of the youngest pods first.
func (t *Flows) drop(f *flow, h *held, n int64) {
	for n > 0 && len(h.strands) > 0 {
		x := &h.strands[len(h.strands)-1]
		gone := min(n, x.n)
		x.n -= gone
		n -= gone
		if x.n == 0 {
			t.backends[f.backend].routes[x.live].users--
			h.strands = h.strands[:len(h.strands)-1]
		}
	}
}

// idle tells whether nothing is sent; affinity is forgotten when that has lasted for its timeout.
func (t *Flows) idle(f *flow, h *held, r *model.Route) bool {
	now := t.kernel.Now()
	if h.milli == 0 {
		if h.idleAt == 0 {
			h.idleAt = now
		}
		return true
	}
	if h.idleAt > 0 && f.Connections == nil && now.Sub(h.idleAt) >= r.Sticky {
		t.release(f, h)
	}
	h.idleAt = 0
	return false
}

// release has nobody stay anywhere.
func (t *Flows) release(f *flow, h *held) {
	for k := range h.strands {
		t.backends[f.backend].routes[h.strands[k].live].users--
	}
	h.strands, h.loose, h.unnamed = nil, 0, 0
}

// restless is how long clients stay with an endpoint on the average that are taken to be
// everywhere.
const restless = 10 * time.Minute

// brief tells whether affinity is over so often, because a client has not sent for so long,
// that its requests are spread evenly. Requests come by chance at a rate λ, so the pause
// before a part e^(-λ·timeout) of them is longer, and a client stays for e^(λ·timeout)/λ
// (pkg/proxy/iptables/proxier.go: "-m recent --rcheck --seconds N --reap", and --set at each
// request). How often each of many clients sends nobody knows.
func (h *held) brief(timeout time.Duration) bool {
	if h.milli == 0 || h.clients >= many {
		return false
	}
	milli := h.milli / max(1, h.clients)
	x := product(milli, int64(timeout), int64(time.Second))
	if x >= 16_000 {
		return false
	}
	return sim.Exp(x) < max(2000, product(milli, int64(restless), int64(time.Second)))
}

// heldAt is what the clients of a sender stay with, however its requests fare: a link that
// is slow makes nobody choose.
func (f *flow) heldAt(s *sender) *held {
	at := s.holds()
	k, ok := f.holds[at]
	if !ok {
		if f.holds == nil {
			f.holds = map[place]int32{}
		}
		k = int32(len(f.held))
		f.holds[at] = k
		f.held = append(f.held, held{of: -1})
	}
	return &f.held[k]
}

// holds is whose clients a sender's are.
func (s *sender) holds() place { return place{seat: s.seat, node: s.node, pod: s.pod} }

// clients is how many clients there are at a machine: connections, or addresses that
// affinity goes by: all connections from an address go where its last one went.
func (f *flow) clients(s *sender, r *model.Route) int64 {
	switch {
	case r.Sticky > 0 && (f.sentByPods() || f.node != ""):
		return max(1, s.pods())
	case f.Connections != nil && f.Connections.Each > 0:
		return f.Connections.Each * max(1, s.pods())
	}
	return many
}

// parts tells whether clients leave an endpoint.
//
// A TCP connection stays with its endpoint, whatever the rules say, until the process
// ends, or until the client gives up one that has fallen silent
// (pkg/proxy/conntrack/cleanup.go: only UDP is cleaned). A UDP entry stays as long as
// packets come, until kube-proxy deletes it: when the endpoint does not serve by what it
// knows, and some other does. An affinity stays as long as the rules have the endpoint, so
// a connection that is opened anew goes there too.
func (t *Flows) parts(f *flow, s *sender, x *strand, r *model.Route, now sim.Time) bool {
	if f.Connections == nil {
		return !leadsTo(r.Endpoints, x.endpoint.Pod)
	}
	if bound(r, x) {
		x.silentAt = 0
		return false
	}
	if f.udp(r) {
		return len(r.Serving) > 0 && !leadsTo(r.Serving, x.endpoint.Pod)
	}
	p := t.endpoint(&x.endpoint)
	if !p.known || !t.net.Connected(t.origin(f, r, s.site), p.site) || !p.serving && p.hangs > 0 {
		if x.silentAt == 0 {
			x.silentAt = now
		}
		return now.Sub(x.silentAt) >= f.Connections.Silence
	}
	x.silentAt = 0
	return !p.serving
}

// bound tells whether affinity leads clients to the endpoint that they have, whatever becomes of
// their connections.
func bound(r *model.Route, x *strand) bool {
	return r.Sticky > 0 && leadsTo(r.Endpoints, x.endpoint.Pod)
}

func leadsTo(endpoints []model.Endpoint, pod model.Ref) bool {
	return slices.ContainsFunc(endpoints, func(e model.Endpoint) bool { return e.Pod == pod })
}

// renew has some of the connections be closed, which choose anew.
func (t *Flows) renew(f *flow, h *held, r *model.Route) (free int64) {
	h.tickAt = 0
	kept := h.strands[:0]
	for _, x := range h.strands {
		n := x.n / renewals
		switch {
		case bound(r, &x):
			n = 0
		case n == 0:
			n = x.n
		}
		free += n
		if x.n -= n; x.n > 0 {
			kept = append(kept, x)
		} else {
			t.backends[f.backend].routes[x.live].users--
		}
	}
	h.strands = kept
	return free
}

// choose gives clients an endpoint of those that the rules lead to, evenly, or each by
// its luck. A connection that is refused is tried again at once, so one that refuses is
// chosen only if all do, or affinity leads the next attempt there again.
func (t *Flows) choose(f *flow, h *held, s *sender, r *model.Route, free int64) {
	among := r.Endpoints
	if f.Connections != nil && !f.udp(r) && r.Sticky == 0 {
		among = slices.DeleteFunc(slices.Clone(among), func(e model.Endpoint) bool {
			p := t.endpoint(&e)
			return p.known && !p.serving && p.hangs == 0 && t.net.Connected(t.origin(f, r, s.site), p.site)
		})
		if len(among) == 0 {
			among = r.Endpoints
		}
	}
	n := int64(len(among))
	h.loose = 0
	if n == 0 {
		h.loose = free
		return
	}
	if h.clients < many {
		for ; free > 0; free-- {
			h.nth++
			luck := t.chooses.Draw(sim.HashName(f.From+" "+s.name), uint64(s.pod)<<32|h.nth)
			t.stay(f, h, &among[luck.Below(uint64(n))], r, 1)
		}
		return
	}
	for k := range among {
		each := free / n
		if int64(k) < free%n {
			each++
		}
		if each > 0 {
			t.stay(f, h, &among[k], r, each)
		}
	}
}

// stay has clients stay with an endpoint.
func (t *Flows) stay(f *flow, h *held, e *model.Endpoint, r *model.Route, n int64) {
	k, ok := slices.BinarySearchFunc(h.strands, e.Pod.ID, func(x strand, id uint32) int { return int(int64(x.endpoint.Pod.ID) - int64(id)) })
	if !ok {
		h.strands = slices.Insert(h.strands, k, strand{endpoint: *e, live: t.use(f.backend, t.alone(f.backend, e, r))})
	}
	h.strands[k].n += n
}

// alone is the route that leads to one endpoint of a route only.
func (t *Flows) alone(backend int32, e *model.Endpoint, of *model.Route) model.Route {
	b := &t.backends[backend]
	for k := range b.routes {
		if r := &b.routes[k].route; r.Alone && r.Local == of.Local && r.Endpoints[0].Pod == e.Pod {
			return *r
		}
	}
	return model.Route{Endpoints: []model.Endpoint{*e}, Alone: true, Local: of.Local, TCP: of.TCP, UDP: of.UDP}
}

// awaitRenewal has connections be renewed while that changes where they go, or whether they
// are there.
func (t *Flows) awaitRenewal(i int32, h *held, s *sender, r *model.Route) {
	f := &t.flows[i]
	if f.Connections == nil || f.Connections.Lifetime == 0 || h.tickAt > 0 {
		return
	}
	rests := len(r.Endpoints) == 0 || fair(r.Endpoints, h.strands)
	if r.Sticky > 0 {
		rests = rests || !slices.ContainsFunc(h.strands, func(x strand) bool { return !bound(r, &x) })
	}
	if t.unnamed(f, s) {
		rests = len(h.strands) == 0
	}
	if rests {
		return
	}
	h.tickAt = t.kernel.Now().Add(f.Connections.Lifetime / renewals)
	t.kernel.Post(h.tickAt, t.self, whyRenewed, uint64(i))
}

// fair tells whether clients are spread as the rules would spread them, or so nearly that
// it does not matter: within a thousandth.
func fair(endpoints []model.Endpoint, strands []strand) bool {
	n := int64(len(endpoints))
	for k := range strands {
		x := &strands[k]
		part := int64(0)
		if leadsTo(endpoints, x.endpoint.Pod) {
			part = many / n
		}
		if off := x.n - part; off > many/1000 || off < -many/1000 {
			return false
		}
	}
	return int64(len(strands)) >= n
}

// awaitSilence has a flow computed when clients give up.
func (t *Flows) awaitSilence(i int32, h *held) {
	for k := range h.strands {
		if at := h.strands[k].silentAt; at == t.kernel.Now() && at > 0 {
			t.kernel.Post(at.Add(t.flows[i].Connections.Silence), t.self, whyRenewed, uint64(i))
			return
		}
	}
}

// apportion divides what a sender sends, and has an address for, among the endpoints that its
// clients stay with.
func (t *Flows) apportion(f *flow, i int32, all *bundle) {
	s := &f.senders[i]
	h, total := f.heldAt(s), int64(0)
	if f.Connections != nil && f.Connections.Each > 0 {
		all.held = f.holds[s.holds()] + 1
	}
	for k := range h.strands {
		total += h.strands[k].n
	}
	total += h.loose
	sum, before, milli := int64(0), int64(0), all.milli
	for k := range h.strands {
		x := &h.strands[k]
		sum += x.n
		upTo := product(milli, sum, total)
		all.live = x.live
		t.put(f, i, all, upTo-before)
		before = upTo
	}
	all.live = s.live
	t.put(f, i, all, milli-before)
}

// put adds a part of what a sender sends to a bundle of a flow; what gets no address is in the first.
func (t *Flows) put(f *flow, i int32, part *bundle, milli int64) {
	if part.milli = milli; milli+part.none+part.lies == 0 {
		return
	}
	x := f.senders[i]
	x.live, x.sent, x.nth = part.live, milli, i
	b := t.tie(part)
	x.next, b.last = b.last, int32(len(f.through))
	f.through = append(f.through, x)
	part.none, part.lies, part.asked = 0, 0, 0
}

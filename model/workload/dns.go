package workload

import (
	"path"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// DNS is where pods look up what they send requests to: servers that are ordinary pods
// behind a Service, whose lookups are a flow like any other. Only what pods send needs
// names; an ingress and nodes outside of it know their backends otherwise.
type DNS struct {
	Namespace, Service string
	LookupsMilli       int64         // names of Services that a request needs, in thousandths
	ExternalMilli      int64         // other names that it needs
	Ndots              int64         // a name with so many dots is asked for as it is before it is searched for, unless a pod says otherwise
	TTL                time.Duration // for which an answer is kept, if anybody keeps it
	Cache              DNSCache
	// ServeStale is for how long after that a cache answers with what it had while no
	// server does, or only with SERVFAIL (RFC 8767; the serve_stale of CoreDNS' plugin cache).
	ServeStale time.Duration
}

// DNSCache is who keeps answers between the program and the servers.
type DNSCache uint8

// The caches. What a node keeps stands for NodeLocal DNSCache, which never fails here.
const (
	NoCache   DNSCache = iota // every request asks, as in many runtimes
	PodCache                  // every pod keeps answers for itself
	NodeCache                 // all pods of a node share what it keeps
)

// stalled is how long a resolver waits for an answer before it asks again, once
// (resolv.conf(5): timeout 5 s, attempts 2). A query may then reach another server. The
// queries for A and AAAA go out of one socket, hence to one server, and fare the same.
const stalled = 5 * time.Second

// resolved is what becomes of a request's queries, for those that have to ask. It is good
// if there is an address in time.
type resolved struct {
	asks   int64   // queries of a request, in millionths, of all attempts, for A and for AAAA
	lies   int64   // requests of a million that get a wrong address
	denied bool    // some are told that there is no such name
	known  outcome // for a cache, which gets the answer also if who asked has given up
	outcome
}

// DNSHarm is something that is wrong with the program behind the DNS Service.
type DNSHarm struct {
	Names  []string      // of Services, with or without their namespace, as path.Match has patterns; none is all
	Down   bool          // nobody answers
	Errors int64         // of a million queries are answered with SERVFAIL
	Denied int64         // of the others so many with NXDOMAIN, which a resolver does not ask again
	Wrong  int64         // of a million requests that ask get an address at which there is nobody
	Slow   time.Duration // a query takes so much longer
}

// about tells whether the harm is about a Service's name.
func (h *DNSHarm) about(namespace, service string) bool {
	return len(h.Names) == 0 || slices.ContainsFunc(h.Names, func(pattern string) bool {
		short, _ := path.Match(pattern, service)
		long, _ := path.Match(pattern, service+"."+namespace)
		return short || long
	})
}

// harmOf is all that is wrong with lookups: shares are independent of one another, and
// delays add up. A server that is down is one whose answers come when nobody waits any more.
func (t *Flows) harmOf(l *flow) (all DNSHarm) {
	of := &t.flows[l.of]
	for i := range t.harms {
		h := &t.harms[i]
		if !h.about(of.Namespace, of.Service) {
			continue
		}
		all.Errors, all.Denied, all.Wrong = either(all.Errors, h.Errors), either(all.Denied, h.Denied), either(all.Wrong, h.Wrong)
		all.Slow += h.Slow
		if h.Down {
			all.Slow += 2 * stalled
		}
	}
	return all
}

// HarmDNS makes the DNS servers answer like that from now on.
func (t *Flows) HarmDNS(all ...DNSHarm) {
	t.harms = all
	for i := range t.flows {
		if l := &t.flows[i]; l.of >= 0 {
			before := l.harm.Wrong
			if l.harm, l.unheard = t.harmOf(l), true; l.harm.Wrong != before {
				t.lie(l, before)
			}
			t.untell(int32(i))
		}
	}
	t.post()
}

// spoil is what becomes of a lot's queries by what is wrong with the program that
// answers them: late ones have timed out, and an error counts as one of any other Service
// does. That there is no such name, or a wrong address, is an answer.
func (f *flow) spoil(l *lot) {
	q, served := l.single, l.now.ServedMilliRPS
	if f.harm.Slow > 0 {
		q.ok = q.ok.and(fixed(f.harm.Slow.Microseconds()))
		q = q.within(stalled)
	}
	answered := product(served, q.good, max(l.single.good, 1))
	wrong := product(answered, f.harm.Errors, million)
	if errors := product(q.good, f.harm.Errors, million); errors > 0 {
		var bad mixture
		bad.add(million-q.good, q.bad, 0)
		bad.add(errors, q.ok, 0)
		q.good, q.bad = q.good-errors, bad.timing()
		l.errors += errors
	}
	if q.good == 0 {
		q.ok = timing{}
	}
	l.single = q
	l.now.ServedMilliRPS = answered - wrong
	l.now.ErrorMilliRPS += wrong
	l.now.TimedOutMilliRPS += served - answered
}

// addLookups adds a flow of lookups for every flow that pods send.
func (t *Flows) addLookups() {
	for i := range t.flows {
		t.flows[i].lookups, t.flows[i].of = -1, -1
	}
	if t.DNS == nil {
		return
	}
	t.caches = t.kernel.Luck().Lane("dns/cache")
	for i := range len(t.flows) {
		f := &t.flows[i]
		if !f.sentByPods() {
			continue
		}
		f.lookups = int32(len(t.flows))
		of := model.Meta{Kind: model.KindService, Namespace: f.Namespace, Name: f.Service}
		from := model.LookupsOf + of.Path() + " by " + f.From
		l := flow{
			Traffic: Traffic{Namespace: t.DNS.Namespace, Service: t.DNS.Service, From: from, Timeout: stalled}, lookups: -1, of: int32(i),
			told: model.Traffic{From: from}, now: model.Traffic{From: from}, ndots: []int8{int8(t.DNS.Ndots)},
		}
		t.enter(l)
		entered := &t.flows[len(t.flows)-1]
		entered.lots[0].resolved = t.resolveAll(entered, &once)
	}
}

// ask makes the senders of lookups anew: those whose names they are.
func (t *Flows) ask(l *flow) {
	f := &t.flows[l.of]
	for j := range f.senders {
		s := &f.senders[j]
		queries := t.queries(l, s)
		if h, ok := t.homeOf(s.name); ok {
			h.site = s.site
			k := t.count(l, h, queries)
			if n := len(s.machines); n > 1 {
				l.senders[k].machines = append(l.senders[k].machines, s.machines[:n-1]...)
			}
		}
	}
}

// queries is what a sender's requests ask until they have an address or give up, in thousandths
// per second.
func (t *Flows) queries(l *flow, s *sender) int64 {
	needed, asks := t.dials(&t.flows[l.of], s), t.resolvedOf(l, s).asks
	all := product(needed, asks, million)
	switch {
	case needed == 0 && s.milli > 0:
		return listens
	case needed == 0 || t.DNS.Cache == NoCache || t.expired(l, s):
		return all
	}
	return min(all, max(1, nearest(product(needed, asks, 1000), t.absent(l, s), 1000*billion)))
}

// asking is how many of a sender's requests have to ask, in thousandths per second: those
// that need a name and find no answer.
func (t *Flows) asking(l *flow, s *sender) int64 {
	needed := t.dials(&t.flows[l.of], s)
	if needed == 0 || t.DNS.Cache == NoCache || t.expired(l, s) {
		return needed
	}
	return min(needed, max(1, nearest(needed, t.absent(l, s), billion)))
}

// billion is how many parts absent tells apart.
const billion = 1_000_000_000

// nearest is product, rounded to the nearest.
func nearest(a, b, c int64) int64 { return (product(2*a, b, c) + 1) / 2 }

// absent is the part of the time, in billionths, in which a cache has no answer for a
// sender: it keeps one for the TTL, and has none from then on until it gets the next. Who
// asks comes by chance, so of requests it is the same part: if lookups take no time, a cache
// at which λ of them arrive asks λ/(1+λ·TTL) times a second. While nobody answers at all, a
// cache is taken to ask as often as if somebody did at once, until its answer is too old.
func (t *Flows) absent(l *flow, s *sender) int64 {
	milli := t.dials(&t.flows[l.of], s) / max(1, s.pods())
	if t.DNS.Cache == NodeCache {
		milli = t.backends[t.flows[l.of].backend].pool[s.node].milli
	}
	known := &t.resolvedOf(l, s).known
	if known.good == 0 {
		known = &sure
	}
	without := known.awaited(max(1, milli))
	return product(without, billion, without+int64(t.DNS.TTL))
}

// awaited is how long it takes on the average, in nanoseconds, from when an answer is too old
// until the next is there, if so many requests come in a thousand seconds. All of them ask, whoever
// asked before: neither a resolver nor CoreDNS joins equal questions
// (plugin/cache/handler.go ServeDNS). The first answer ends it, which may be that of a later
// question: none came after a time t with e^(-λ·∫F), if F of the answers take no longer.
func (a *outcome) awaited(milli int64) int64 {
	each := min(product(1_000_000_000_000, million, max(1, product(milli, a.good, 1))), 1_000_000_000_000_000)
	sum, none, within, before := int64(0), int64(million), int64(0), int64(0)
	for i := 0; i < spans && a.ok[i].share > 0; i++ {
		long := a.ok[i].whole()*1000 - before
		before += long
		if within == 0 {
			sum = long
		} else {
			mean := product(each, million, within)
			still := product(none, 1_000_000, 1000*sim.Exp(min(product(long, 1000, mean), 16_000)))
			sum += product(mean, none-still, million)
			none = still
		}
		within += a.ok[i].share
	}
	return sum + product(each, none, million)
}

// pooled is what the pods of a node send to a Service together and need its name for, in
// thousandths of a request per second, as the node's cache of it has it.
type pooled struct{ milli, passed int64 }

// pool adds what a flow's senders send to what their nodes' caches know of, and has all
// flows to the same Service computed anew if that is another rate for them.
func (t *Flows) pool(f *flow) {
	if f.lookups < 0 || t.DNS.Cache != NodeCache {
		return
	}
	b, others := &t.backends[f.backend], false
	for j := range f.senders {
		s := &f.senders[j]
		for len(b.pool) <= int(s.node) {
			b.pool = append(b.pool, pooled{})
		}
		x := &b.pool[s.node]
		needed := t.dials(f, s)
		x.milli += needed - s.pooled
		s.pooled = needed
		if !t.holds(&f.delayed.down, change(x.milli, x.passed)) {
			x.passed, others = x.milli, true
		}
	}
	if !others {
		return
	}
	for _, i := range b.flows {
		if g := &t.flows[i]; g != f && g.lookups >= 0 {
			t.outdate(i)
			t.respread(g.lookups)
		}
	}
}

// namesOf is a number that senders share that fare the same with names: those of one lot of the
// lookups and with the same resolvers, whose answers are too old, or of which as many are wrong.
func (t *Flows) namesOf(l *flow, s *sender) int32 {
	same := t.lotNumber(l, s) + mostLots*l.resolver(s)
	switch {
	case t.DNS.Cache == NoCache:
		return same
	case t.expired(l, s):
		return same + mostLots*mostNdots
	}
	return same + 2*mostLots*mostNdots*int32(t.keptLies(l, s))
}

// namesAs is the lot of lookups of those who have that number, and which of flow.ndots is theirs.
func namesAs(names int32) (lot, ndots int) {
	return int(names % mostLots), int(names / mostLots % mostNdots)
}

// lotNumber is the lot of lookups by those who send what they are the names of.
func (t *Flows) lotNumber(l *flow, s *sender) int32 {
	if len(l.lots) == 1 {
		return 0
	}
	return t.lotOf(l, home{site: s.site, seat: s.seat})
}

func (t *Flows) lotOfSender(l *flow, s *sender) *lot { return &l.lots[t.lotNumber(l, s)] }

// resolvedOf is what becomes of the queries of a sender's requests.
func (t *Flows) resolvedOf(l *flow, s *sender) *resolved {
	return &t.lotOfSender(l, s).resolved[l.resolver(s)]
}

// unresolved is how many of a sender's requests end without an address.
func (t *Flows) unresolved(l *flow, s *sender) int64 {
	lot := t.lotOfSender(l, s)
	if t.DNS.Cache != NoCache && lot.dark.since > 0 && !t.expired(l, s) {
		return 0
	}
	return product(t.asking(l, s), million-lot.resolved[l.resolver(s)].good, million)
}

// answer brings up to date what lookups mean for those whose names they are, if something
// else becomes of them, or is wrong with the servers.
func (t *Flows) answer(i int32) {
	l := &t.flows[i]
	for k := range l.lots {
		lot := &l.lots[k]
		a := l.tried(lot)
		if !l.unheard && (t.rounds(l, lot, &a) || t.holds(&l.delayed.up, a.change(&lot.attempt))) {
			continue
		}
		t.heed(lot, a)
		now := t.resolveAll(l, &a)
		if slices.Equal(now, lot.resolved) {
			continue
		}
		lot.resolved = now
		switch at := t.kernel.Now(); {
		case now[0].known.good == 0: // whatever ndots is, as some name is found sooner or later, or none
			lot.dark.see(&now[0], at)
		case lot.dark.since > 0:
			lot.darkAt, lot.litAt, lot.dark = lot.dark.since, at, dark{}
		}
		t.respread(i)
		t.outdate(l.of)
	}
	l.unheard = false
}

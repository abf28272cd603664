package workload

import (
	"slices"
	"strings"

	"orrery/model"
)

// A resolver asks for a name in one search domain after another and for the name itself: first if
// it has ndots dots, else last (resolv.conf(5); RFC 1535, section 6). What it does about one that it
// gets no answer to is glibc's (resolv/res_query.c __res_context_search): after an error (SERVFAIL)
// it goes on, as after NXDOMAIN; if nobody answers it asks for no other domain, but still for the
// name itself; if it is told that nobody is there (ECONNREFUSED) it gives up. After the name itself,
// asked for first, it goes on whatever became of that.
//
// Others differ: musl's gives up after an error, too, and searches nothing for a name that has ndots
// dots (src/network/lookup_name.c name_from_dns_search); Go's always goes on
// (net/dnsclient_unix.go goLookupIPCNAMEOrder).

// searched is how many search domains there are: the three that a pod has of the cluster,
// and the one of the machine.
const searched = 4

// lookup is the names that are asked for to find one.
type lookup struct {
	itself bool // the name itself is asked for first, else last
	found  int  // which of them is there, from 1; none if it is 0
}

// external is the lookup of an external name, which is taken to have two dots. If it has less
// than ndots it is tried in every search domain first: "ndots:5 = 10 queries per external
// lookup" (Zalando, postmortem of January 2019).
func external(ndots int8) lookup {
	if ndots > 2 {
		return lookup{found: searched + 1}
	}
	return lookup{itself: true, found: 1}
}

// lookup is that of a Service's name, which is in the first search domain, that of the own
// namespace; one in another namespace, as db.data, is in the second.
func (t *Flows) lookup(l *flow, ndots int8) lookup {
	f := &t.flows[l.of]
	dots, s := strings.Count(f.Service, "."), lookup{found: 1}
	if f.home != f.Namespace {
		dots, s.found = dots+1, 2
	}
	if dots >= int(ndots) {
		s.itself, s.found = true, s.found+1
	}
	if l.absent {
		s.found = 0
	}
	return s
}

// told is what those are told whose lookups are not answered, of a million: an error, or that
// nobody is there. The others hear nothing.
type told struct{ errors, nobody int64 }

// tells is what the servers tell those who ask.
func (l *lot) tells() told {
	offered := max(l.now.OfferedMilliRPS, 1)
	return told{
		errors: product(l.now.FailedMilliRPS+l.lost.ErrorMilliRPS, million, offered),
		nobody: product(l.lost.NoEndpointMilliRPS+l.lost.RefusedMilliRPS, million, offered),
	}
}

// asked is what becomes of one of the names that are asked for, whichever it is, after both attempts.
type asked struct {
	sent     int64 // queries, in millionths
	answered branch
	denied   int64  // of answered, that there is no such name
	errors   branch // one or both attempts are answered with an error, and none otherwise
	silent   branch // one or both hear nothing, and none an answer
	nobody   branch // both are told that nobody is there
}

// branch is so many of a million, and how long they take.
type branch struct {
	many  int64
	takes timing
}

// twice is what becomes of a name by what becomes of an attempt, if so many answers of a million
// are that there is no such name. Both attempts fail independently; after what is refused, or is an
// error, comes the other at once.
func twice(query *attempt, denied int64) (a asked) {
	fails := million - query.good
	errors := min(query.errors, fails)
	nobody := min(query.nobody, fails-errors)
	silent := fails - errors - nobody
	wait := fixed(stalled.Microseconds())
	heard := query.heard()
	a.sent = 2 * (million + fails)

	var m mixture
	again := product(fails, query.good, million)
	m.add(query.good, query.ok, 0)
	m.add(again, query.bad.and(query.ok), 0)
	a.answered = branch{query.good + again, m.timing()}
	a.denied = product(a.answered.many, denied, million)

	m = mixture{}
	a.nobody.many = product(nobody, nobody, million)
	m.add(silent*silent, wait.and(wait), 0)
	m.add(2*silent*nobody, wait, 0)
	a.silent = branch{product(silent, silent+2*nobody, million), m.timing()}

	m = mixture{}
	m.add(errors*errors, heard.and(heard), 0)
	m.add(2*errors*silent, heard.and(wait), 0)
	m.add(2*errors*nobody, heard, 0)
	if errors > 0 {
		a.errors = branch{max(million-a.answered.many-a.nobody.many-a.silent.many, 0), m.timing()}
	} else if silent > 0 {
		a.silent.many = million - a.answered.many - a.nobody.many
	}
	return a
}

// heard is how long it takes until an error comes: longer than until somebody says that nobody is
// there, which takes no time, and not so long as those wait who hear nothing.
func (a *attempt) heard() timing {
	var m mixture
	for _, k := range a.bad {
		if us := k.whole(); us > 0 && us < stalled.Microseconds() {
			m.put(k)
		}
	}
	return m.timing()
}

// rest is what becomes of a search from one of its names on.
type rest struct {
	sent int64 // queries, in millionths
	outcome
}

// walk is what becomes of all of it. At its end, zero, nothing is found.
func (s lookup) walk(a *asked) rest {
	var next, last rest
	for n := searched + 1; n > 0; n-- {
		var silent, nobody rest
		switch {
		case s.itself && n == 1:
			silent, nobody = next, next
		case !s.itself:
			silent = last
		}
		next = a.then(n == s.found, &next, &silent, &nobody)
		if n == searched+1 {
			last = next
		}
	}
	return next
}

// then is a search from a name on, if it goes on so: after an error or if it is not there, if
// nobody answers, and if nobody is there.
func (a *asked) then(found bool, next, silent, nobody *rest) rest {
	all := rest{sent: a.sent}
	var ok, bad mixture
	add := func(many int64, takes timing, r *rest) {
		if many == 0 {
			return
		}
		good := product(many, r.good, million)
		all.sent += product(many, r.sent, million)
		all.good += good
		if good > 0 {
			ok.add(good, takes.and(r.ok), 0)
		}
		bad.add(many-good, takes.and(r.bad), 0)
	}
	gone := a.answered.many
	if found {
		gone = a.denied
		add(a.answered.many-gone, a.answered.takes, &rest{outcome: sure})
	}
	add(gone, a.answered.takes, next)
	add(a.errors.many, a.errors.takes, next)
	add(a.silent.many, a.silent.takes, silent)
	add(a.nobody.many, a.nobody.takes, nobody)
	all.ok, all.bad = ok.timing(), bad.timing()
	return all
}

// times is so many names, in thousandths, one after the other until one is not found.
func (r rest) times(milli int64) rest {
	all, left := rest{outcome: r.repeated(milli, outcome.then)}, int64(million)
	for ; milli > 0; milli -= 1000 {
		some := min(milli, 1000)
		all.sent += product(product(left, some, 1000), r.sent, million)
		left = product(left, million-product(million-r.good, some, 1000), million)
	}
	return all
}

// mostNdots is how many numbers of dots there are: a resolver takes more than 15 for 15 (glibc's
// resolv/res_init.c, RES_MAXNDOTS).
const mostNdots = 16

// ndots is a pod's: its dnsConfig overrides what the cluster has (v1.35
// pkg/kubelet/network/dns/dns.go mergeDNSOptions). It is part of what makes senders different, so
// pods of a Deployment that rolls out another one each search as their own template says.
func (t *Flows) ndots(spec *model.PodSpec) int8 {
	switch {
	case spec.Ndots != nil:
		return *spec.Ndots
	case t.DNS != nil:
		return int8(t.DNS.Ndots)
	}
	return 0
}

// resolver is which of the numbers of dots is a sender's.
func (l *flow) resolver(s *sender) int32 {
	return int32(slices.Index(l.ndots, s.ndots))
}

// search has the lookups of a flow know a number of dots that one of its senders has.
func (t *Flows) search(f *flow, ndots int8) {
	if f.lookups < 0 {
		return
	}
	l := &t.flows[f.lookups]
	if slices.Contains(l.ndots, ndots) {
		return
	}
	l.ndots = append(l.ndots, ndots)
	for k := range l.lots {
		l.lots[k].resolved = t.resolveAll(l, &l.lots[k].attempt)
	}
}

// resolveAll computes what becomes of requests' queries by what becomes of one, for each number of
// dots.
func (t *Flows) resolveAll(l *flow, query *attempt) []resolved {
	a := twice(query, l.harm.Denied)
	all := make([]resolved, len(l.ndots))
	for k, ndots := range l.ndots {
		all[k] = t.resolve(l, &a, ndots)
	}
	return all
}

// resolve is what becomes of them by what becomes of a name, for its Services'
// names and then the external ones. Who waits no longer has given up by then.
func (t *Flows) resolve(l *flow, a *asked, ndots int8) resolved {
	services := t.lookup(l, ndots).walk(a).times(t.DNS.LookupsMilli)
	others := external(ndots).walk(a).times(t.DNS.ExternalMilli)
	r := resolved{asks: services.sent + product(services.good, others.sent, million), lies: l.harm.Wrong}
	r.denied = a.answered.many > 0 && (l.absent || a.denied > 0)
	r.known = services.then(others.outcome)
	r.outcome = r.known
	if limit := t.flows[l.of].Timeout; limit > 0 {
		r.outcome = r.outcome.within(limit)
	}
	return r
}

// Package network says how long a message takes and whether it arrives. Its
// one idea: every process lives at a site, and what one site can tell another
// is decided here and nowhere else, so one fault on one link hits everybody
// who used it. It refuses to know what a message says.
package network

import (
	"time"

	"orrery/sim"
)

// Site is a machine in the network, or a place on one of its own: a pod's. Sites are dense,
// from 0.
type Site uint32

// Profile is how long a message takes from one site to another, one way.
type Profile struct {
	Loopback  sim.Dist // within one site
	SameZone  sim.Dist
	CrossZone sim.Dist
}

// DefaultProfile is a data centre with three zones a few kilometres apart.
// The figures are a modelling choice in the range cloud providers publish:
// well under a millisecond inside a zone, about one between zones.
func DefaultProfile() Profile {
	return Profile{
		Loopback:  sim.Constant(50 * time.Microsecond),
		SameZone:  sim.Uniform(150*time.Microsecond, 350*time.Microsecond),
		CrossZone: sim.Uniform(400*time.Microsecond, 900*time.Microsecond),
	}
}

// retransmission is TCP's first retransmission timeout, which doubles with
// every further loss of the same message (RFC 6298, Linux minimum).
const retransmission = 200 * time.Millisecond

// losses is how many losses in a row count as no connection at all.
const losses = 6

// resends is after how long a message of a connection that is open is sent again, each time.
var resends = func() (after [losses]time.Duration) {
	for n := range after {
		after[n] = retransmission * (2<<n - 1)
	}
	return after
}()

// Impairment makes the way from any site of From to any other site of To
// worse, in that direction only, or in both: a message it concerns either way it
// concerns once. What a site sends to itself stays as it is.
type Impairment struct {
	From, To []Site
	Both     bool     // also the way from To to From
	Cut      bool     // nothing arrives
	LossPPM  uint64   // losses per million messages; each costs a retransmission; of all of them it is a cut
	Delay    sim.Dist // added to every message
	// CorrelationPPM is how many of a million messages fare like the one that their sender
	// sent before.
	CorrelationPPM uint64
}

// Handle names an Impairment in force.
type Handle int

// Listener hears that reachability may have changed.
type Listener interface{ LinksChanged(now sim.Time) }

type site struct {
	name, zone string
	host       Site // its machine, itself if it is one
	off        bool // of a machine
}

type rule struct {
	Impairment
	from, to []bool // by site
	lifted   bool

	mean, variance int64 // of Delay, in microseconds and their squares
}

// Network is all sites and what is wrong between them.
type Network struct {
	kernel    *sim.Kernel
	profile   Profile
	delays    sim.Lane
	harms     sim.Lane // what impairments with a correlation do to a message
	kin       sim.Lane // whether it fares like the one before
	sites     []site
	rules     []rule
	active    int // rules in force and sites without power: 0 is the fast path
	listeners []Listener
	groups    []uint32 // of sites, while something is wrong; nil if they are to be found anew
}

// New is a network without sites.
func New(k *sim.Kernel, p Profile) *Network {
	return &Network{kernel: k, profile: p, delays: k.Luck().Lane("network"), harms: k.Luck().Lane("network/harm"), kin: k.Luck().Lane("network/kin")}
}

// AddSite adds a machine in a zone ("" is a zone, too).
func (n *Network) AddSite(name, zone string) Site {
	n.sites = append(n.sites, site{name: name, zone: zone, host: Site(len(n.sites))})
	n.groups = nil
	return Site(len(n.sites) - 1)
}

// AddPlace adds a place on a machine. What is wrong with the machine's ways is wrong with
// the place's, and what is wrong with the place's is so also with those on the machine.
func (n *Network) AddPlace(name string, on Site) Site {
	s := n.AddSite(name, n.sites[on].zone)
	n.sites[s].host = on
	return s
}

// Host is the machine of a site.
func (n *Network) Host(s Site) Site { return n.sites[s].host }

// Name is what the site was added as.
func (n *Network) Name(s Site) string { return n.sites[s].name }

// Zone is the zone the site is in.
func (n *Network) Zone(s Site) string { return n.sites[s].zone }

// Sites is how many there are.
func (n *Network) Sites() int { return len(n.sites) }

// Listen adds l to those told of changes, which happens inside Impair, Lift
// and SetPower.
func (n *Network) Listen(l Listener) { n.listeners = append(n.listeners, l) }

// Impair puts i in force until Lift.
func (n *Network) Impair(i Impairment) Handle {
	i.Cut = i.Cut || i.LossPPM >= million
	r := rule{Impairment: i, from: n.set(i.From), to: n.set(i.To)}
	r.mean, r.variance = i.Delay.Moments()
	n.rules = append(n.rules, r)
	n.active++
	n.changed()
	return Handle(len(n.rules) - 1)
}

// Lift ends an impairment; lifting twice is lifting once.
func (n *Network) Lift(h Handle) {
	if n.rules[h].lifted {
		return
	}
	n.rules[h].lifted = true
	n.active--
	n.changed()
}

// SetPower cuts a site off from everybody, itself included, or connects it.
func (n *Network) SetPower(s Site, on bool) {
	if n.sites[s].off == !on {
		return
	}
	n.sites[s].off = !on
	if on {
		n.active--
	} else {
		n.active++
	}
	n.changed()
}

func (n *Network) set(sites []Site) []bool {
	in := make([]bool, len(n.sites))
	for _, s := range sites {
		in[s] = true
	}
	return in
}

func (n *Network) changed() {
	n.groups = nil
	for _, l := range n.listeners {
		l.LinksChanged(n.kernel.Now())
	}
}

// Reaches tells whether a message from one site would arrive at the other now,
// given enough retransmissions.
func (n *Network) Reaches(from, to Site) bool {
	if n.active == 0 {
		return true
	}
	if !n.powered(from) || !n.powered(to) {
		return false
	}
	for i := range n.rules {
		if r := &n.rules[i]; r.Cut && n.concerns(r, from, to) {
			return false
		}
	}
	return true
}

// Rules is how many impairments there have been; the next one gets this Handle.
func (n *Network) Rules() Handle { return Handle(len(n.rules)) }

// Lifted tells whether an impairment has ended.
func (n *Network) Lifted(h Handle) bool { return n.rules[h].lifted }

// Severed tells whether nothing arrives on a way only because of impairments since one.
func (n *Network) Severed(from, to Site, since Handle) bool {
	if !n.powered(from) || !n.powered(to) {
		return false
	}
	cut := false
	for i := range n.rules {
		if r := &n.rules[i]; r.Cut && n.concerns(r, from, to) {
			if Handle(i) < since {
				return false
			}
			cut = true
		}
	}
	return cut
}

// Group is a number that sites share which reach the same sites now, as well and as fast,
// and are reached by the same: who asks about one need not ask about the others.
func (n *Network) Group(s Site) uint32 {
	if n.active == 0 {
		return 0
	}
	if n.groups == nil {
		n.group()
	}
	return n.groups[s]
}

// group finds the groups: sites that are in the same impairments. If something is wrong
// between them, each still reaches itself as ever.
func (n *Network) group() {
	n.groups = make([]uint32, len(n.sites))
	count := uint32(1)
	split := func(in func(Site) bool) {
		apart := make([]uint32, count)
		for s := range n.groups {
			if g := n.groups[s]; in(Site(s)) {
				if apart[g] == 0 {
					apart[g] = count
					count++
				}
				n.groups[s] = apart[g]
			}
		}
	}
	split(func(s Site) bool { return !n.powered(s) })
	for i := range n.rules {
		if r := &n.rules[i]; !r.lifted {
			split(func(s Site) bool { return n.among(r.from, s) })
			split(func(s Site) bool { return n.among(r.to, s) })
			split(r.names)
		}
	}
	first := make([]Site, count)
	for s := len(n.groups) - 1; s >= 0; s-- {
		first[n.groups[s]] = Site(s)
	}
	for s, g := range n.groups {
		if f := first[g]; f != Site(s) && n.powered(Site(s)) && !n.Unimpaired(f, Site(s)) {
			n.groups[s] = count
			count++
		}
	}
}

// powered tells whether a site's machine has power.
func (n *Network) powered(s Site) bool { return !n.sites[n.sites[s].host].off }

// among tells whether a site, or its machine, is in a set. None that was added later is.
func (n *Network) among(set []bool, s Site) bool {
	host := n.sites[s].host
	return int(s) < len(set) && set[s] || int(host) < len(set) && set[host]
}

// names tells whether the rule is about the site itself, and not only about its machine.
func (r *rule) names(s Site) bool {
	return int(s) < len(r.from) && r.from[s] || int(s) < len(r.to) && r.to[s]
}

// concerns tells whether the rule is about that way now. What is said of a machine is not
// about ways on it; what is said of a place on it is.
func (n *Network) concerns(r *rule, from, to Site) bool {
	if r.lifted || from == to || !n.leads(r, from, to) && !(r.Both && n.leads(r, to, from)) {
		return false
	}
	a, b := n.sites[from].host, n.sites[to].host
	return a != b || from != a && r.names(from) || to != b && r.names(to)
}

// leads tells whether a way goes from the rule's one side to the other.
func (n *Network) leads(r *rule, from, to Site) bool {
	return n.among(r.from, from) && n.among(r.to, to)
}

// Whole tells whether nothing is wrong with any way, and every site has power.
func (n *Network) Whole() bool { return n.active == 0 }

// Connected tells whether both directions work, which is what a connection
// needs.
func (n *Network) Connected(a, b Site) bool { return n.Reaches(a, b) && n.Reaches(b, a) }

// Delay is how long the nth message of sender takes, and whether it arrives.
// The pair (sender, nth) names the message's luck: equal pairs, equal draws,
// whatever else was sent in between.
func (n *Network) Delay(from, to Site, sender, nth uint64) (time.Duration, bool) {
	s := n.delays.Draw(sender, nth)
	d := n.base(from, to).Draw(&s)
	if n.active == 0 {
		return d, true
	}
	if !n.Reaches(from, to) {
		return 0, false
	}
	for i := range n.rules {
		r := &n.rules[i]
		if !n.concerns(r, from, to) {
			continue
		}
		more, arrives := n.suffers(Handle(i), &s, sender, nth)
		if !arrives {
			return 0, false
		}
		d += more
	}
	return d, true
}

// suffers is how much later a message is because of an impairment, and whether it arrives:
// by the luck of its way, or of its own if messages fare alike.
func (n *Network) suffers(h Handle, luck *sim.Stream, sender, nth uint64) (time.Duration, bool) {
	r := &n.rules[h]
	if r.CorrelationPPM > 0 {
		as := sender ^ uint64(h+1)<<48 // each impairment has luck of its own
		own := n.harms.Draw(as, n.like(as, nth, r.CorrelationPPM))
		luck = &own
	}
	return r.harm(luck)
}

// harm is how much later a message is because of an impairment, and whether it arrives.
func (r *rule) harm(luck *sim.Stream) (d time.Duration, arrives bool) {
	d = r.Delay.Draw(luck)
	wait := retransmission
	for lost := 0; luck.Chance(r.LossPPM); lost++ {
		if lost == losses {
			return 0, false
		}
		d += wait
		wait *= 2
	}
	return d, true
}

// kindred is how many messages in a row have one luck at most.
const kindred = 1000

// like is the message of a sender whose luck its nth one has, which may be itself. So
// neighbours have the same luck with the correlation's probability, which is then the
// correlation of their delays (netem's is one of neighbouring draws, too: tc-netem(8)), and
// who asks first does not matter.
func (n *Network) like(sender, nth, ppm uint64) uint64 {
	for range kindred {
		s := n.kin.Draw(sender, nth)
		if nth == 0 || !s.Chance(ppm) {
			break
		}
		nth--
	}
	return nth
}

// Unimpaired tells whether nothing is wrong with the way from one site to the
// other.
func (n *Network) Unimpaired(from, to Site) bool {
	if n.active == 0 {
		return true
	}
	if !n.powered(from) || !n.powered(to) {
		return false
	}
	for i := range n.rules {
		if n.concerns(&n.rules[i], from, to) {
			return false
		}
	}
	return true
}

// UnimpairedDelay is Delay as it is while nothing is wrong with the way.
func (n *Network) UnimpairedDelay(from, to Site, sender, nth uint64) time.Duration {
	s := n.delays.Draw(sender, nth)
	return n.base(from, to).Draw(&s)
}

func (n *Network) base(from, to Site) sim.Dist {
	switch {
	case n.sites[from].host == n.sites[to].host:
		return n.profile.Loopback
	case n.sites[from].zone == n.sites[to].zone:
		return n.profile.SameZone
	}
	return n.profile.CrossZone
}

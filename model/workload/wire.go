package workload

import (
	"fmt"
	"slices"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// Requests meet two limits of the machines they come from and go to: the kernel's table
// of connections, and the connection to the network. What all flows want of a machine is
// added up here, by the machine; what that means for them is its condition, which changes
// in steps, and then what goes through the machine is computed anew. Nobody adds anything
// up unless the scenario counts connections or says how large requests are. A pod may have
// a connection of its own besides, which is slower than its machine's: its lane.

// wire is a machine's part in that, or that of a pod with a lane.
type wire struct {
	about    *model.Meta // the node, or the pod; nil outside of all nodes, where there are no limits
	machine  Machine     // nil if nothing really runs there
	asked    bool        // that is known
	table    table
	narrow   int64    // the share of its speed that is left, in millionths
	limits   []int64  // of a pod: bytes a second each way, of which the least counts; none if it has no lane
	bytes             // a second
	swings   [3]swing // of both, and of the table
	is       condition
	said     condition // for people
	judged   bool      // among Flows.judged
	strained bool      // among Flows.strained
}

// passage is what a flow wants of a machine.
type passage struct {
	site    network.Site
	counted bool              // among Flows.passed
	entries [entryKinds]int64 // of the table of connections, in thousandths
	bytes                     // a second
	here    here              // of the bundle that is looked at
}

// bytes is how many want to go each way.
type bytes struct{ out, in int64 }

// The reasons of the notes about these limits.
const (
	ReasonConntrackFull = "ConntrackFull"
	ReasonConntrackFree = "ConntrackFree"
	ReasonLinkFull      = "LinkFull"
	ReasonLinkFree      = "LinkFree"
)

// wired tells whether anybody adds anything up.
func (t *Flows) wired() bool { return t.Tables != nil || t.Bandwidth > 0 }

// wire is that of a machine, or of the one that a site is on; everything is found out that
// does not change when it is first asked for: by then its node is one.
func (t *Flows) wire(s network.Site) *wire {
	s = t.net.Host(s)
	w := t.own(s)
	if w.asked {
		return w
	}
	w.asked = true
	name := t.net.Name(s)
	if at, ok := t.World.Site(name); ok && at == s {
		node := t.store.Lookup(model.KindNode, "", name).Head()
		w.about, w.machine, w.is.speed = node, t.World.Machine(name), t.Bandwidth
		if t.Tables != nil {
			w.table.size = t.Tables(name)
		}
	}
	return w
}

// own is what there is of a site itself.
func (t *Flows) own(s network.Site) *wire {
	for len(t.wires) <= int(s) {
		t.wires = append(t.wires, wire{narrow: million})
	}
	return &t.wires[s]
}

// lane is that of a pod at a place of its own, nil if there is none.
func (t *Flows) lane(s network.Site) *wire {
	if t.net.Host(s) == s || int(s) >= len(t.wires) || len(t.wires[s].limits) == 0 {
		return nil
	}
	return &t.wires[s]
}

// common is what machines have in common whose requests fare the same.
//
//tidy:key a map's
type common struct {
	group uint32
	is    condition
	site  network.Site // of one that is in a bad way; another may be in the same by chance
}

// group is a number that sites share whose requests fare the same.
func (t *Flows) group(s network.Site) uint32 {
	g := t.net.Group(s)
	if !t.wired() {
		return g
	}
	w := t.wire(s)
	as := common{group: g, is: w.is}
	if w.narrow < million || w.is.dropped+w.is.out.lost+w.is.in.lost > 0 {
		as.site = s + 1
	}
	if l := t.lane(s); l != nil {
		as.site, as.is = s+1, l.is
	}
	n, known := t.groups[as]
	if !known {
		n = uint32(len(t.groups)) + 1
		t.groups[as] = n
	}
	return n
}

// FillConntrack has something else take so many of a million entries of a machine's table
// of connections from now on.
func (t *Flows) FillConntrack(s network.Site, ppm int64) {
	if t.Tables != nil {
		t.hear()
		t.wire(s).table.taken = ppm
		t.strain(s)
	}
}

// Narrow leaves a machine a share of its connection's speed, in millionths.
func (t *Flows) Narrow(s network.Site, ppm int64) {
	if t.Bandwidth > 0 {
		t.hear()
		t.wire(s).narrow = ppm
		t.strain(s)
	}
}

// Choke leaves a pod at a place of its own so many bytes a second each way, for what it sends
// and is asked; a negative number takes that back.
func (t *Flows) Choke(s network.Site, pod *model.Meta, bytes int64) {
	if t.Bandwidth == 0 {
		return
	}
	w := t.own(s)
	w.about = pod
	if bytes > 0 {
		w.limits = append(w.limits, bytes)
	} else if i := slices.Index(w.limits, -bytes); i >= 0 {
		w.limits = slices.Delete(w.limits, i, i+1)
	}
	t.strain(s)
	t.LinksChanged(t.kernel.Now()) // what the pod asks for was not added up
}

// strain has a machine looked at, or a pod with a lane.
func (t *Flows) strain(s network.Site) {
	if w := t.own(s); !w.strained {
		w.strained = true
		t.strained = append(t.strained, s)
	}
	t.post()
}

// meter has what a flow wants of machines added up anew.
func (t *Flows) meter(i int32) {
	if f := &t.flows[i]; t.wired() && !f.metered {
		f.metered = true
		t.metered = append(t.metered, i)
	}
}

// mostTurns is how often conditions of machines turn in an instant. Then they wait for the
// next full minute: what is lost and who sends again may chase each other. If that is so in
// mostChases instants, they turn once in each.
const (
	mostTurns  = 16
	mostChases = 8
)

// settle adds up what flows want of machines, and tells whether requests fare otherwise
// at one of them now.
func (t *Flows) settle() (changed bool) {
	if now := t.kernel.Now(); t.turnedAt != now {
		t.turnedAt, t.turns = now, 0
		if t.turned.been(t, mostChases) {
			t.turns = mostTurns - 1
		}
	}
	if t.turns >= mostTurns {
		t.waits = t.waits || len(t.metered)+len(t.strained) > 0
		return false
	}
	for _, i := range t.metered {
		f := &t.flows[i]
		f.metered = false
		t.charge(f, -1)
		t.claim(f)
		t.charge(f, 1)
	}
	t.metered = t.metered[:0]
	slices.Sort(t.strained)
	for _, s := range t.strained {
		changed = t.judge(s) || changed
	}
	t.strained = t.strained[:0]
	if changed {
		if t.turns++; t.turns == mostTurns {
			t.turned.more(t, mostChases)
		}
		t.reroute()
	}
	return changed
}

// charge adds what a flow wants to what machines are asked for, or takes it off.
func (t *Flows) charge(f *flow, sign int64) {
	for _, p := range f.passages {
		w := t.own(p.site)
		if w.about == nil {
			continue
		}
		for of, n := range p.entries {
			w.table.wanted[of] += sign * n
		}
		w.out += sign * p.out
		w.in += sign * p.in
		t.strain(p.site)
	}
}

// judge finds a machine's condition, or that of a pod with a lane, and tells whether it is
// another one.
func (t *Flows) judge(s network.Site) bool {
	w, now := t.own(s), t.kernel.Now()
	w.strained = false
	is := condition{speed: product(t.Bandwidth, w.narrow, million)}
	if t.net.Host(s) != s {
		is.speed = w.limit()
	}
	if is.speed > 0 {
		is.out, is.in = busy(w.out, is.speed).after(w.is.out, &w.swings[0], t.turns > 0), busy(w.in, is.speed).after(w.is.in, &w.swings[1], t.turns > 0)
	}
	if t.Tables != nil && w.table.size > 0 {
		w.table.look(now, max(toldApart, now.Sub(t.heardAt)/melts))
		is.dropped = w.after(w.table.drops(), t.turns > 0)
	}
	if m := w.machine; m != nil && is.dropped != w.is.dropped {
		m.Untracked(uint32(is.dropped))
	}
	if !w.judged {
		w.judged = true
		t.judged = append(t.judged, s)
	}
	was := w.is
	w.is = is
	return is != was
}

// strides is how many times as far, in millionths, what a table drops goes towards where it
// rests: with retries it creeps there.
const strides = 8 * million

// after is what a table drops that would drop so many of a million, if it was others before;
// in steps.
func (w *wire) after(drops int64, again bool) int64 {
	drops = w.swings[2].meet(w.is.dropped, drops, strides, again)
	return min(max(drops, 0), million) / lostStep * lostStep
}

// limit is how fast a pod's lane is in bytes a second, 0 if it has none.
func (w *wire) limit() int64 {
	if len(w.limits) == 0 {
		return 0
	}
	return slices.Min(w.limits)
}

// announce says what became of machines' limits in this instant, and when to look at their
// tables again if nothing else happens.
func (t *Flows) announce() {
	for _, s := range t.judged {
		w := t.own(s)
		was := w.said
		w.judged, w.said = false, w.is
		t.tellOf(w, &was)
		if b := &w.table; b.nextAt != b.wakeAt {
			if b.wakeAt = b.nextAt; b.wakeAt != sim.Never {
				t.kernel.Post(b.wakeAt, t.self, whyFull, uint64(s))
			}
		}
	}
	t.judged = t.judged[:0]
}

// full tells whether more wants to go through the connection than can.
func (c *condition) full() bool { return max(c.out.used, c.in.used) >= 1000 }

// tellOf says what became of the limits of a machine or a pod, for people.
func (t *Flows) tellOf(w *wire, was *condition) {
	switch dropped := w.is.dropped > 0; {
	case dropped == (was.dropped > 0):
	case dropped:
		t.noteOf(w, model.Note{Warning: true, Reason: ReasonConntrackFull, Message: w.table.complaint()})
	default:
		t.noteOf(w, model.Note{Reason: ReasonConntrackFree, Message: "nf_conntrack takes all new connections again"})
	}
	switch full := w.is.full(); {
	case full == was.full():
	case full:
		t.noteOf(w, model.Note{Warning: true, Reason: ReasonLinkFull, Message: fmt.Sprintf(
			"%d bytes a second want to go out and %d in, with room for %d each way", w.out, w.in, w.is.speed)})
	default:
		t.noteOf(w, model.Note{Reason: ReasonLinkFree, Message: "its connection has room for all that wants to go"})
	}
}

// noteOf notes something about a node or a pod.
func (t *Flows) noteOf(w *wire, n model.Note) {
	n.About = w.about
	t.store.Note(t.self, n)
}

// weigh takes off what machines' kernels and connections lose of a bundle's requests to
// endpoints of a class and of the answers, and tells how long the rest takes.
func (t *Flows) weigh(f *flow, s *bundle, c *class, milli int64) (int64, timing) {
	if !t.wired() {
		return milli, timing{}
	}
	all, lost := milli, &f.lots[s.lot].lost
	x := t.stops(f, s.site, c.site)
	if f.Connections == nil {
		milli = product(milli, million-x.at[from].is.dropped, million)
		if x.far {
			milli = product(milli, million-x.at[to].is.dropped, million)
		}
	}
	lost.UntrackedMilliRPS += all - milli
	tracked, way := milli, timing{}
	var room [mostHops]hop
	for _, h := range x.path(room[:0], c.work.RequestBytes, c.work.AnswerBytes) {
		takes, arrive := x.at[h.out].is.way(&x.at[h.in].is, h.bytes)
		way, milli = way.and(takes), product(milli, arrive, million)
	}
	lost.CongestedMilliRPS += tracked - milli
	lost.TimedOutMilliRPS += all - milli
	return milli, way
}

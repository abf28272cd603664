package fault

import (
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// The reasons of the notes about faults; their Name is "fault/" and the
// Spec's ID.
const (
	ReasonStarted       = "FaultStarted"
	ReasonEnded         = "FaultEnded"
	ReasonWithoutTarget = "FaultWithoutTarget"
)

// effect is what one fault in force does. begin returns what to say about it
// besides its name and targets, and whether there was anything it could do; if
// not, it does not end either. Effects that may overlap count in the Director
// and leave the doing to settle.
type effect interface {
	begin(d *Director, s *Spec, targets []model.Object) (said string, done bool)
	end(d *Director)
}

// course is one fault of the timeline and how far it is.
type course struct {
	Spec
	kind    *Kind
	effect  effect // once it began
	targets string // as the notes tell them
	begun   bool
	endAt   sim.Time
}

// Director makes the faults of a timeline happen, and stop happening.
type Director struct {
	kernel  *sim.Kernel
	world   World
	self    sim.ActorID
	courses []course

	machines   store.Table[machine] // by node ID
	unsettled  []uint32
	registries []*registry      // of which a fault ever said something, all of them first
	etcd       []etcdMember     // by member, as far as faults named them
	held       [4][]heldReplica // by component that elects a leader, and machine
	apiservers []apiserver      // by machine of the control plane, as far as faults named them
	user       *store.Client    // who kills pods; nil if nobody has yet
	etcdFull   int
	etcdFilled bool
	webhooks   []webhook // as far as faults named them
	dns        []*dnsHarm
	dnsChanged bool // what they are
}

// Wake-up reasons; about is the index of a course.
const (
	whyBegin sim.Why = iota
	whyEnd
)

// New is a director of specs, whose Fault names are all registered.
func New(k *sim.Kernel, w World, specs []Spec) *Director {
	d := &Director{kernel: k, world: w}
	d.self = k.Register("faults", d)
	for _, s := range specs {
		kind := Lookup(s.Fault)
		if kind == nil {
			panic("fault: " + s.ID + " is of the unregistered kind " + s.Fault)
		}
		d.courses = append(d.courses, course{Spec: s, kind: kind, endAt: sim.Never})
	}
	return d
}

// Start has every fault begin at its time.
func (d *Director) Start() {
	for i := range d.courses {
		d.kernel.Post(d.courses[i].At, d.self, whyBegin, uint64(i))
	}
}

// DescribeWake implements sim.Describer.
func (d *Director) DescribeWake(why sim.Why, about uint64) string {
	if why == whyEnd {
		return "end of fault " + d.courses[about].ID
	}
	return "begin of fault " + d.courses[about].ID
}

// Wake implements sim.Actor. Everything due at this instant is done at the
// first wake-up: what begins before what ends, so that a fault takes over from
// another without a gap.
func (d *Director) Wake(now sim.Time, why sim.Why, about uint64) {
	if why == store.WhyReply {
		d.user.Reply(about)
		return
	}
	for i := range d.courses {
		if c := &d.courses[i]; !c.begun && c.At <= now {
			d.begin(now, i, c)
		}
	}
	for i := range d.courses {
		if c := &d.courses[i]; c.endAt <= now {
			d.end(c)
		}
	}
	d.settle()
}

func (d *Director) begin(now sim.Time, i int, c *course) {
	c.begun = true
	var targets []model.Object
	if kind := c.TargetKind(c.kind); kind != model.KindNone {
		c.Target.hosts = c.NeedsHosts(c.kind)
		targets = d.choose(c.ID, &c.Target, kind)
		if len(targets) == 0 {
			d.note(c, ReasonWithoutTarget, c.selectsNone(d, kind))
			return
		}
		c.targets = " of " + list(targets)
	}
	if names := append(c.Members[:len(c.Members):len(c.Members)], c.Webhooks...); len(names) > 0 {
		c.targets = " of " + strings.Join(names, ", ")
	}
	c.effect = c.kind.effect()
	said, done := c.effect.begin(d, &c.Spec, targets)
	if !done {
		d.note(c, ReasonWithoutTarget, c.Fault+c.targets+": "+said)
		return
	}
	d.note(c, ReasonStarted, c.started(said))
	switch {
	case c.For > 0:
		c.endAt = now.Add(c.For)
		d.kernel.Post(c.endAt, d.self, whyEnd, uint64(i))
	case c.kind.Moment:
		c.endAt = now
	}
}

// selectsNone says that there is no target.
func (c *course) selectsNone(d *Director, kind model.Kind) string {
	said := c.Fault + " selects no " + kind.Short() + " now"
	if t := c.Target; t.hosts {
		if t.hosts = false; len(d.matching(&t, kind)) > 0 {
			said += " but on hollow nodes, where nothing runs"
		}
	}
	return said
}

// started is the message of a fault that starts: "partition of node/a, node/b:
// cut off from the control plane, for 10m0s".
func (c *course) started(more string) string {
	parts := []string{c.Fault + c.targets}
	if more != "" {
		parts[0] += ": " + more
	}
	if c.For > 0 {
		parts = append(parts, "for "+c.For.String())
	}
	return strings.Join(parts, ", ")
}

func (d *Director) end(c *course) {
	c.endAt = sim.Never
	c.effect.end(d)
	d.note(c, ReasonEnded, c.Fault+c.targets)
}

func (d *Director) note(c *course, reason, message string) {
	d.world.Truth().Note(d.self, model.Note{
		Named: "fault/" + c.ID, Warning: reason == ReasonWithoutTarget, Reason: reason, Message: message,
	})
}

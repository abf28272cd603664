package workload

import (
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// ReasonActionFailed is the reason of the note about an action that cannot be
// done.
const ReasonActionFailed = "ActionFailed"

// evictAgain is how long kubectl drain waits after a refused eviction
// (k8s.io/kubectl/pkg/drain/drain.go); other throttled requests wait as long.
const evictAgain = 5 * time.Second

// Kubectl does the actions of a timeline, each at its time, through a client
// of its own. Before an action it reads its target, which takes a round trip
// and, as kubectl's reads are the API server's own, is the truth of then, not
// a watched view. What is refused for the moment it asks again, as a person
// would; what makes no sense it says, and goes on.
type Kubectl struct {
	kernel  *sim.Kernel
	store   *store.Store
	net     *network.Network
	self    sim.ActorID
	client  *store.Client
	actions []Action

	calls  []call
	unused []uint32
}

// call is one request that is under way until it is done or makes no sense.
type call struct {
	action *Action // nil for the initial objects
	op     store.Op
	target model.Ref
	object model.Object // OpCreate: as the manifest says; copies of it are sent
	patch  store.Patch
	then   func(u *Kubectl, a *Action, target model.Ref) // once it is accepted; may be nil
}

// Wake-up reasons.
const (
	whyAct   sim.Why = iota // about is an action's index: its time has come
	whyRead                 // about is an action's index: its target was read
	whyAgain                // about is a call's slot: ask again
)

// NewKubectl is a person at a site with actions to do, whose Do names are all
// registered. The actions are not changed; runs may share them.
func NewKubectl(k *sim.Kernel, s *store.Store, net *network.Network, at network.Site, actions []Action) *Kubectl {
	u := &Kubectl{kernel: k, store: s, net: net, actions: actions}
	u.self = k.Register("kubectl", u)
	u.client = s.NewClient(store.ClientConfig{Name: "kubectl", Actor: u.self, Site: at})
	for i := range actions {
		if Lookup(actions[i].Do) == nil {
			panic("workload: unregistered action " + actions[i].Do)
		}
	}
	return u
}

// Start has every action done at its time.
func (u *Kubectl) Start() {
	for i := range u.actions {
		u.kernel.Post(u.actions[i].At, u.self, whyAct, uint64(i))
	}
}

// Apply creates objects, or changes those that exist, all at the same time. A
// pod with the NodeName of a node that exists is created bound to it.
func (u *Kubectl) Apply(objects []model.Object) { u.apply(nil, objects) }

// Wake implements sim.Actor.
func (u *Kubectl) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyAct:
		u.read(now, about)
	case whyRead:
		u.act(&u.actions[about])
	case whyAgain:
		u.send(uint32(about))
	case store.WhyReply:
		if r, ok := u.client.Reply(about); ok {
			u.answered(r)
		}
	}
}

// DescribeWake implements sim.Describer.
func (u *Kubectl) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyAct, whyRead:
		return u.actions[about].Do + " " + u.actions[about].path()
	case whyAgain:
		return "another " + u.calls[about].op.String()
	}
	return "news from the API server"
}

// read fetches the target of an action, and tries again later if the API
// server is out of reach.
func (u *Kubectl) read(now sim.Time, i uint64) {
	a := &u.actions[i]
	luck := sim.HashName(a.Do + " " + a.path())
	there, sent := u.net.Delay(u.client.Site, u.client.Server, luck, 2*uint64(now))
	back, came := u.net.Delay(u.client.Server, u.client.Site, luck, 2*uint64(now)+1)
	if !sent || !came {
		u.kernel.Post(now.Add(u.client.Timeout), u.self, whyAct, i)
		return
	}
	u.kernel.Post(now.Add(there+back), u.self, whyRead, i)
}

func (u *Kubectl) act(a *Action) {
	c := Lookup(a.Do)
	if c.Kinds == nil {
		c.run(u, a, nil)
		return
	}
	if !slices.Contains(c.Kinds, a.Kind) {
		u.fail(a, "not possible with this kind of object")
		return
	}
	target := u.store.Lookup(a.Kind, a.Namespace, a.Name)
	if target == nil {
		u.fail(a, fmt.Sprintf("%ss %q not found", a.Kind.Short(), a.Name))
		return
	}
	c.run(u, a, target)
}

// path is the name of the action's target, "" if it has none.
func (a *Action) path() string {
	if a.Kind == model.KindNone {
		return ""
	}
	m := model.Meta{Kind: a.Kind, Namespace: a.Namespace, Name: a.Name}
	return m.Path()
}

func (u *Kubectl) fail(a *Action, why string) {
	u.store.Note(u.self, model.Note{Name: a.path(), Warning: true, Reason: ReasonActionFailed, Message: a.Do + ": " + why})
}

// ask makes a call and keeps it until it is done.
func (u *Kubectl) ask(c call) {
	slot := uint32(len(u.calls))
	if n := len(u.unused); n > 0 {
		slot = u.unused[n-1]
		u.unused = u.unused[:n-1]
		u.calls[slot] = c
	} else {
		u.calls = append(u.calls, c)
	}
	u.send(slot)
}

func (u *Kubectl) send(slot uint32) {
	c, tag := &u.calls[slot], uint64(slot)
	switch c.op {
	case store.OpCreate:
		u.client.Create(c.object.Copy(), tag)
	case store.OpPatch:
		u.client.Patch(c.target, c.patch, tag)
	case store.OpDelete:
		u.client.Delete(c.target, store.DefaultGrace, tag)
	case store.OpEvict:
		u.client.Evict(c.target, store.DefaultGrace, tag)
	}
}

func (u *Kubectl) answered(r store.Reply) {
	slot := uint32(r.Tag)
	c := &u.calls[slot]
	switch {
	case r.Refusal == store.TooManyRequests:
		u.kernel.Post(u.kernel.Now().Add(evictAgain), u.self, whyAgain, r.Tag)
		return
	case r.Refusal == store.Conflict || r.Refusal == store.TimedOut:
		u.send(slot)
		return
	case r.Refusal == store.AlreadyExists || r.Refusal == store.NotFound && c.object != nil:
		u.turn(c)
		u.send(slot)
		return
	}
	done := *c
	u.calls[slot] = call{}
	u.unused = append(u.unused, slot)
	switch {
	case r.Refusal == store.Accepted && done.then != nil:
		done.then(u, done.action, done.target)
	case r.Refusal == store.Accepted || r.Refusal == store.NotFound && done.op != store.OpPatch:
	default:
		u.refused(&done, r.Refusal)
	}
}

func (u *Kubectl) refused(c *call, why store.Refusal) {
	a := Action{Do: "apply"}
	if c.action != nil {
		a = *c.action
	}
	if c.object != nil {
		h := c.object.Head()
		a.Kind, a.Namespace, a.Name = h.Kind, h.Namespace, h.Name
	}
	u.fail(&a, "the API server refuses to "+c.op.String()+" it: "+why.String())
}

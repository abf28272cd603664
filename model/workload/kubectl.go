package workload

import (
	"cmp"
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
// (k8s.io/kubectl/pkg/drain/drain.go).
const evictAgain = 5 * time.Second

// Kubectl does the actions of a timeline, each at its time, through a client
// of its own. Actions of the same instant are done one after another, as they
// are listed: each once the one before has its answers. Before an action it reads its target,
// which takes a round trip and, as kubectl's reads are the API server's own, is the truth of
// then, not a watched view. Only what is throttled it asks again; what is refused, or cannot be
// asked at all, it says in kubectl's words, and goes on. The objects of the beginning it asks
// for until they are there.
type Kubectl struct {
	kernel *sim.Kernel
	store  *store.Store
	net    *network.Network
	self   sim.ActorID
	site   network.Site
	etcd   Etcd
	people []*store.Client // one for each user of an action; replies are the same for all
	tasks  []task          // by time; the first is to apply the initial objects

	calls  []call
	unused []uint32
}

// task is an action and how far it is.
type task struct {
	*Action
	client *store.Client
	number uint64         // among all tasks
	rest   []model.Object // still to be applied, one after another
	open   int            // calls that are not answered
	until  sim.Time       // when a drain gives up; 0 is never
}

// call is one request that is under way until it is done or makes no sense.
type call struct {
	task   *task
	op     store.Op
	target model.Ref
	object model.Object // OpCreate: as the manifest says; copies of it are sent
	patch  store.Patch
	part   store.Part                                  // of the target, that the patch changes
	then   func(u *Kubectl, t *task, target model.Ref) // once it is accepted; may be nil
	force  bool                                        // OpDelete: without any grace
	tries  int                                         // how often it was throttled
	later  bool                                        // it was refused for the moment, and nothing waits for it any more
}

// Wake-up reasons.
const (
	whyAct    sim.Why = iota // about is a task's number: its time has come
	whyRead                  // about is a task's number: its target was read
	whyAgain                 // about is a call's slot: ask again
	whyCutOff                // about is a task's number: the server was not reached
)

// NewKubectl is a person at a site with actions to do, whose Do names are all
// registered. The actions are not changed; runs may share them.
func NewKubectl(k *sim.Kernel, s *store.Store, net *network.Network, at network.Site, actions []Action) *Kubectl {
	u := &Kubectl{kernel: k, store: s, net: net, site: at}
	u.self = k.Register("kubectl", u)
	u.tasks = []task{{Action: &Action{At: -1, Do: "apply"}, client: u.as("")}}
	for i := range actions {
		if Lookup(actions[i].Do) == nil {
			panic("workload: unregistered action " + actions[i].Do)
		}
		u.tasks = append(u.tasks, task{Action: &actions[i], client: u.as(actions[i].As)})
	}
	slices.SortStableFunc(u.tasks, func(a, b task) int { return cmp.Compare(a.At, b.At) })
	for i := range u.tasks {
		u.tasks[i].number = uint64(i)
	}
	return u
}

// as is the client with which a user's actions are done.
func (u *Kubectl) as(user string) *store.Client {
	name, as := "kubectl", store.Admin("kubectl")
	if user != "" {
		name, as = "kubectl as "+user, store.User(user)
	}
	for _, c := range u.people {
		if c.Name == name {
			return c
		}
	}
	u.people = append(u.people, u.store.NewClient(store.ClientConfig{Name: name, As: as, Actor: u.self, Site: u.site}))
	return u.people[len(u.people)-1]
}

// Start has every action done at its time.
func (u *Kubectl) Start() {
	for i := 1; i < len(u.tasks); i++ {
		if u.tasks[i].At != u.tasks[i-1].At {
			u.kernel.Post(u.tasks[i].At, u.self, whyAct, uint64(i))
		}
	}
}

// Apply creates objects, or changes those that exist, one after another, as
// the first thing of this instant. A pod with the NodeName of a node that
// exists is created bound to it.
func (u *Kubectl) Apply(objects []model.Object) {
	first := &u.tasks[0]
	first.Action = &Action{At: u.kernel.Now(), Do: "apply"}
	first.rest = objects
	u.goOn(first)
}

// goOn applies the next object of a task. When nothing is left and everything
// is answered, the next task of the instant begins.
func (u *Kubectl) goOn(t *task) {
	for t.open == 0 && len(t.rest) > 0 {
		o := t.rest[0]
		t.rest = t.rest[1:]
		u.apply(t, o)
	}
	if n := t.number + 1; t.open == 0 && n < uint64(len(u.tasks)) && u.tasks[n].At == t.At {
		u.kernel.Post(u.kernel.Now(), u.self, whyAct, n)
	}
}

// Wake implements sim.Actor.
func (u *Kubectl) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyAct:
		u.read(now, about)
	case whyRead:
		t := &u.tasks[about]
		u.act(t)
		u.goOn(t)
	case whyAgain:
		u.again(uint32(about))
	case whyCutOff:
		u.fail(&u.tasks[about], unreachable)
		u.goOn(&u.tasks[about])
	case store.WhyReply:
		if r, ok := u.people[0].Reply(about); ok {
			u.answered(r)
		}
	}
}

// DescribeWake implements sim.Describer.
func (u *Kubectl) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyAct, whyRead, whyCutOff:
		return u.tasks[about].Do + " " + u.tasks[about].path()
	case whyAgain:
		return "another " + u.calls[about].op.String()
	}
	return "news from the API server"
}

// read fetches the target of an action, unless the API server is out of reach.
func (u *Kubectl) read(now sim.Time, i uint64) {
	a, c := u.tasks[i].Action, u.tasks[i].client
	c.Redial() // each command is a process of its own
	luck := sim.HashName(a.Do + " " + a.path())
	there, sent := u.net.Delay(c.Site, c.Server, luck, 2*uint64(now))
	back, came := u.net.Delay(c.Server, c.Site, luck, 2*uint64(now)+1)
	if !sent || !came {
		u.kernel.Post(now.Add(dialTimeout), u.self, whyCutOff, i)
		return
	}
	if c.Refused() {
		u.fail(&u.tasks[i], "the connection to the API server was refused")
		u.goOn(&u.tasks[i])
		return
	}
	u.kernel.Post(now.Add(there+back), u.self, whyRead, i)
}

func (u *Kubectl) act(a *task) {
	c := Lookup(a.Do)
	if c.Kinds == nil {
		c.run(u, a, nil)
		return
	}
	if !slices.Contains(c.Kinds, a.Kind) {
		u.fail(a, "not possible with this kind of object")
		return
	}
	if !u.mayGet(a, a.Kind, a.Namespace, a.Name) {
		return
	}
	target := u.store.Lookup(a.Kind, a.Namespace, a.Name)
	if target == nil {
		u.fail(a, printed(store.NotFound, "", a.Kind, a.Name))
		return
	}
	c.run(u, a, target)
}

// mayGet tells whether the API server shows an object to whoever does the
// action; if not it says so.
func (u *Kubectl) mayGet(t *task, kind model.Kind, namespace, name string) bool {
	why := t.client.May(store.Read{Right: store.RightGet, Kind: kind, Namespace: namespace, Name: name})
	if why != store.Accepted {
		u.failNamed(t, kind, namespace, name, printed(why, "", kind, name))
	}
	return why == store.Accepted
}

// path is the name of the action's target, "" if it has none.
func (a *Action) path() string {
	if a.Kind == model.KindNone {
		return ""
	}
	m := model.Meta{Kind: a.Kind, Namespace: a.Namespace, Name: a.Name}
	return m.Path()
}

func (u *Kubectl) fail(a *task, why string) {
	u.store.Note(u.self, model.Note{Named: a.path(), Warning: true, Reason: ReasonActionFailed, Message: a.Do + ": " + why})
}

// ask makes a call and keeps it until it is done.
func (u *Kubectl) ask(c call) {
	c.task.open++
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
		c.task.client.Create(c.object.Copy(), tag)
	case store.OpPatch:
		c.task.client.PatchPart(c.target, c.part, c.patch, tag)
	case store.OpDelete:
		grace := store.DefaultGrace
		if c.force {
			grace = 0
		}
		c.task.client.Delete(c.target, grace, tag)
	case store.OpEvict:
		c.task.client.Evict(c.target, store.DefaultGrace, tag)
	}
}

func (u *Kubectl) answered(r store.Reply) {
	slot := uint32(r.Tag)
	c := &u.calls[slot]
	switch {
	case r.Refusal == store.TooManyRequests && u.throttled(slot):
		return
	case r.Refusal == store.Conflict || r.Refusal == store.TimedOut && c.task.number == 0:
		u.send(slot)
		return
	case (r.Refusal == store.AlreadyExists || r.Refusal == store.NotFound && c.object != nil && c.op == store.OpPatch) && u.turn(c):
		u.send(slot)
		return
	}
	done := *c
	u.calls[slot] = call{}
	u.unused = append(u.unused, slot)
	switch {
	case r.Refusal == store.Accepted && done.then != nil:
		done.then(u, done.task, done.target)
	case r.Refusal == store.Accepted || r.Refusal == store.NotFound && (done.op == store.OpDelete || done.op == store.OpEvict):
	case r.Refusal == store.AlreadyExists || r.Refusal == store.NotFound && done.object != nil && done.op == store.OpPatch: // turn said why
	default:
		u.refused(&done, &r)
	}
	if !done.later {
		done.task.open--
		u.goOn(done.task)
	}
}

// postpone lets what comes after an eviction not wait for it: a disruption
// budget may refuse it without end.
func (u *Kubectl) postpone(c *call) {
	if c.op == store.OpEvict && !c.later {
		c.later = true
		c.task.open--
		u.goOn(c.task)
	}
}

func (u *Kubectl) refused(c *call, r *store.Reply) {
	kind, name := c.target.Kind, c.task.Name
	switch {
	case c.object != nil:
		kind, name = c.object.Head().Kind, c.object.Head().Name
	case u.store.Get(c.target) != nil:
		name = u.store.Get(c.target).Head().Name
	}
	u.failObject(c, printed(r.Refusal, r.Message, kind, name))
}

// failObject says why a call cannot be done, about its object if it has one.
func (u *Kubectl) failObject(c *call, why string) {
	if c.object == nil {
		u.fail(c.task, why)
		return
	}
	h := c.object.Head()
	u.failNamed(c.task, h.Kind, h.Namespace, h.Name, why)
}

func (u *Kubectl) failNamed(t *task, kind model.Kind, namespace, name, why string) {
	a := *t.Action
	a.Kind, a.Namespace, a.Name = kind, namespace, name
	u.fail(&task{Action: &a}, why)
}

package workload

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Starter is a process that does not serve until an API server has told it what it
// works with.
type Starter interface {
	Waits() (pod *model.Pod, ok bool) // whether it still does
	Site() network.Site               // where it is: its machine, or the pod's own place
	Answered()
}

// Starts asks API servers for processes that start: a LIST of the EndpointSlices, from
// where each is, with the account of CoreDNS. One that fails is asked again as
// client-go's reflector does, and not when somebody knows that a server is back. A real
// one lists several kinds at the same time, and watches them; what it knows it keeps
// while no API server answers, so only its start needs one.
type Starts struct {
	kernel  *sim.Kernel
	store   *store.Store
	net     *network.Network
	self    sim.ActorID
	luck    sim.Lane
	clients map[network.Site]*store.Client
	any     *store.Client
	rows    []starting
	unused  []uint32
}

type starting struct {
	Starter
	tries uint64
}

// Reasons of notes about processes that wait for an API server, and that have what
// they need after they had to wait.
const (
	ReasonNotSynced = "NotSynced"
	ReasonSynced    = "Synced"
)

// syncList is what a starting process lists.
var syncList = store.List{Kind: model.KindEndpointSlice, ObjectBytes: 2 << 10}

// NewStarts is for processes on any machine.
func NewStarts(k *sim.Kernel, s *store.Store, net *network.Network) *Starts {
	x := &Starts{kernel: k, store: s, net: net, luck: k.Luck().Lane("starts"), clients: map[network.Site]*store.Client{}}
	x.self = k.Register("starts", x)
	return x
}

// Ask asks for a process until it is answered or waits no more.
func (x *Starts) Ask(by Starter) {
	id := uint32(len(x.rows))
	if n := len(x.unused); n > 0 {
		id, x.unused = x.unused[n-1], x.unused[:n-1]
	} else {
		x.rows = append(x.rows, starting{})
	}
	x.rows[id] = starting{Starter: by}
	x.send(id)
}

func (x *Starts) send(id uint32) {
	site := x.rows[id].Site()
	c := x.clients[site]
	if c == nil {
		as := store.User(model.AccountUser(model.NamespaceSystem, "coredns"))
		c = x.store.NewClient(store.ClientConfig{Name: "coredns@" + x.net.Name(site), As: as, Actor: x.self, Site: site})
		x.clients[site], x.any = c, c
	}
	c.List(&syncList, uint64(id))
}

// Wake implements sim.Actor.
func (x *Starts) Wake(now sim.Time, why sim.Why, about uint64) {
	if why != store.WhyReply { // an ask's wait is over
		if _, ok := x.rows[about].Waits(); ok {
			x.send(uint32(about))
		} else {
			x.drop(uint32(about))
		}
		return
	}
	r, ok := x.any.Reply(about)
	if !ok {
		return
	}
	id := uint32(r.Tag)
	row := &x.rows[id]
	pod, waits := row.Waits()
	switch {
	case !waits:
		x.drop(id)
	case r.Refusal == store.Accepted:
		if row.tries > 0 {
			x.store.Note(x.self, model.Note{Named: pod.Path(), Reason: ReasonSynced, Message: "an API server has told it what it works with"})
		}
		row.Answered()
		x.drop(id)
	default:
		if row.tries == 0 {
			x.store.Note(x.self, model.Note{Named: pod.Path(), Warning: true, Reason: ReasonNotSynced, Message: "does not serve before an API server answers: " + r.Why()})
		}
		wait := min(relistFirst<<min(row.tries, 10), relistMost)
		row.tries++
		luck := x.luck.Draw(sim.HashName(pod.Path()), row.tries<<32|uint64(now/sim.Time(time.Second))&0xffffffff)
		x.kernel.Post(now.Add(luck.Duration(wait, 2*wait)), x.self, whyAskAgain, uint64(id))
	}
}

func (x *Starts) drop(id uint32) {
	x.rows[id] = starting{}
	x.unused = append(x.unused, id)
}

// DescribeWake implements sim.Describer.
func (x *Starts) DescribeWake(sim.Why, uint64) string {
	return "a process that starts asks an API server"
}

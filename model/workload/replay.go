package workload

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Arrival is a pod of a trace.
type Arrival struct {
	At              sim.Time // when it is created
	GoneAt          sim.Time // when it is deleted, wherever it is then; sim.Never: by nobody
	Namespace, Name string
	Labels          model.Labels
	Spec            *model.PodSpec // shared by all pods of one shape
}

// Pod is the arrival as an object that is not stored yet.
func (a *Arrival) Pod() *model.Pod {
	return &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: a.Namespace, Name: a.Name, Labels: a.Labels},
		Spec: a.Spec,
	}
}

// Replay creates the pods of a trace, each at its time, and deletes them at
// theirs, through a client of its own. Unlike a person it waits for nothing:
// pods of one instant are created together, as the many users of a trace would.
// A pod is deleted once its creation was answered; what is throttled is asked
// again.
type Replay struct {
	kernel   *sim.Kernel
	store    *store.Store
	self     sim.ActorID
	client   *store.Client
	arrivals []Arrival
	next     int         // the first that has not arrived
	pods     []model.Ref // by arrival; zero until created
}

// throttledAgain is how long a client waits before it repeats what the API
// server had no room for: the Retry-After it answers
// (apiserver/pkg/server/filters/maxinflight.go).
const throttledAgain = time.Second

// Wake-up reasons; about is an arrival's number.
const (
	whyArrive     sim.Why = iota // its time has come, and that of all that come at that instant
	whyLeave                     // its deletion is due
	whyCreateMore                // create it again
)

// NewReplay is a client at a site that brings pods, sorted by At. They are not
// changed; runs may share them.
func NewReplay(k *sim.Kernel, s *store.Store, at network.Site, arrivals []Arrival) *Replay {
	r := &Replay{kernel: k, store: s, arrivals: arrivals, pods: make([]model.Ref, len(arrivals))}
	r.self = k.Register("trace", r)
	r.client = s.NewClient(store.ClientConfig{Name: "trace", As: store.Admin("trace"), Actor: r.self, Site: at})
	return r
}

// Start waits for the first arrival.
func (r *Replay) Start() { r.wait() }

// wait posts the wake-up for the next arrival.
func (r *Replay) wait() {
	if r.next < len(r.arrivals) {
		r.kernel.Post(max(r.arrivals[r.next].At, r.kernel.Now()), r.self, whyArrive, uint64(r.next))
	}
}

// Wake implements sim.Actor.
func (r *Replay) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyArrive:
		for r.next < len(r.arrivals) && r.arrivals[r.next].At <= now {
			r.create(uint64(r.next))
			r.next++
		}
		r.wait()
	case whyLeave:
		r.client.Delete(r.pods[about], store.DefaultGrace, about)
	case whyCreateMore:
		r.create(about)
	case store.WhyReply:
		if reply, ok := r.client.Reply(about); ok {
			r.answered(now, reply)
		}
	}
}

// DescribeWake implements sim.Describer.
func (r *Replay) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyArrive, whyCreateMore:
		return "create pod/" + r.arrivals[about].Name
	case whyLeave:
		return "delete pod/" + r.arrivals[about].Name
	}
	return "news from the API server"
}

func (r *Replay) create(i uint64) { r.client.Create(r.arrivals[i].Pod(), i) }

// answered goes on with the arrival that the tag of the reply numbers.
func (r *Replay) answered(now sim.Time, reply store.Reply) {
	i := reply.Tag
	a := &r.arrivals[i]
	switch {
	case reply.Refusal == store.TooManyRequests || reply.Refusal == store.TimedOut || reply.Refusal == store.Disconnected:
		again := whyCreateMore
		if reply.Op == store.OpDelete {
			again = whyLeave
		}
		r.kernel.Post(now.Add(throttledAgain), r.self, again, i)
	case reply.Op == store.OpDelete: // done, or it had gone before
	case reply.Refusal == store.AlreadyExists && r.mine(a):
		r.arrived(now, i, r.store.Lookup(model.KindPod, a.Namespace, a.Name).Head().Ref())
	case reply.Refusal != store.Accepted:
		r.store.Note(r.self, model.Note{
			Named: a.Pod().Path(), Warning: true, Reason: ReasonActionFailed, Message: "create: the API server refuses it: " + reply.Refusal.String(),
		})
	default:
		r.arrived(now, i, reply.Object.Head().Ref())
	}
}

// mine tells whether the pod of that name is the arrival: its creation was
// committed, and only the answer was lost.
func (r *Replay) mine(a *Arrival) bool {
	p, ok := r.store.Lookup(model.KindPod, a.Namespace, a.Name).(*model.Pod)
	return ok && p.Owner.IsZero() && p.CreatedAt >= a.At
}

// arrived has the pod deleted at its time.
func (r *Replay) arrived(now sim.Time, i uint64, pod model.Ref) {
	r.pods[i] = pod
	if gone := r.arrivals[i].GoneAt; gone != sim.Never {
		r.kernel.Post(max(gone, now), r.self, whyLeave, i)
	}
}

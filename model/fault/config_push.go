package fault

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Push is a change that something rolls out to many workloads, one after another.
type Push struct {
	Names      []string // paths such as "deployment/web"; none is all that match
	Namespaces []string // none is all
	Match      *model.Selector
	Patch      *model.MergePatch
	Per        time.Duration // how long Count of them take, or PPM millionths of all
	Count, PPM int64
	Rollback   bool // what was pushed is given back when the fault ends
}

// ReasonPushRefused is the reason of the note about a workload that a push may not
// change, or not so.
const ReasonPushRefused = "PushRefused"

// pushAgain is how long a push waits until it tries again what could not be asked
// ([E]: tools that push differ).
const pushAgain = 5 * time.Second

// pushed is how far the push is with a workload.
type pushed uint8

const (
	waits pushed = iota
	asked
	done
	givesBack
)

// configPush rolls out one change by a client with an administrator's rights, which
// the API servers serve or refuse like any other: to one workload after another, in
// the order of their paths. When the fault ends it stops, and may give back what
// the others had, at once.
type configPush struct {
	kernel *sim.Kernel
	truth  *store.Store
	client *store.Client
	*Push
	id      string
	before  []model.Object // the workloads, as they were when their turn came
	states  []pushed       // beside before
	next    int            // the first whose turn has not come
	startAt sim.Time
	over    bool
}

// Wake-up reasons of a push; about is the number of a workload.
const (
	whyPush sim.Why = iota
	whyAgain
)

func (f *configPush) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	f.kernel, f.truth, f.Push, f.id, f.startAt = d.kernel, d.world.Truth(), &s.Push, s.ID, d.kernel.Now()
	for _, kind := range []model.Kind{model.KindDeployment, model.KindStatefulSet, model.KindDaemonSet} {
		f.truth.Snapshot().Each(kind, func(o model.Object) bool {
			if f.means(o.Head()) {
				f.before = append(f.before, o)
			}
			return true
		})
	}
	if len(f.before) == 0 {
		return "no workload is there that it is meant for", false
	}
	slices.SortFunc(f.before, func(a, b model.Object) int { return cmp.Compare(a.Head().Path(), b.Head().Path()) })
	f.states = make([]pushed, len(f.before))
	name := "config-push/" + s.ID
	self := d.kernel.Register(name, f)
	f.client = f.truth.NewClient(store.ClientConfig{Name: name, As: store.Admin(name), Actor: self, Site: d.world.ControlPlane()[0]})
	d.kernel.Post(f.startAt, self, whyPush, 0)
	last := f.turn(len(f.before) - 1).Sub(f.startAt)
	return fmt.Sprintf("to %d workloads, the last one after %v", len(f.before), last.Round(time.Millisecond)), true
}

func (p *Push) means(m *model.Meta) bool {
	return (len(p.Names) == 0 || slices.Contains(p.Names, m.Path())) &&
		(len(p.Namespaces) == 0 || slices.Contains(p.Namespaces, m.Namespace)) &&
		(p.Match == nil || p.Match.Matches(m.Labels))
}

// turn is when a workload's turn comes.
func (f *configPush) turn(i int) sim.Time {
	gap := f.Per / time.Duration(max(1, f.Count))
	if f.PPM > 0 {
		gap = f.Per * 1_000_000 / time.Duration(f.PPM*int64(len(f.before)))
	}
	return f.startAt.Add(gap * time.Duration(i))
}

// Wake implements sim.Actor.
func (f *configPush) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyPush:
		for !f.over && f.next < len(f.before) && f.turn(f.next) <= now {
			f.push(f.next)
			f.next++
		}
		if !f.over && f.next < len(f.before) {
			f.kernel.Post(f.turn(f.next), f.client.Actor, whyPush, 0)
		}
	case whyAgain:
		f.ask(int(about))
	case store.WhyReply:
		if r, ok := f.client.Reply(about); ok {
			f.answered(int(r.Tag), &r)
		}
	}
}

// DescribeWake implements sim.Describer.
func (f *configPush) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyPush:
		return "next of the push " + f.id
	case whyAgain:
		return "another try of the push " + f.id + " at " + f.before[about].Head().Path()
	}
	return "news from the API server"
}

// push is the turn of a workload, if it still exists.
func (f *configPush) push(i int) {
	if cur := f.truth.Get(f.before[i].Head().Ref()); cur != nil {
		f.before[i] = cur
		f.states[i] = asked
		f.ask(i)
	}
}

// ask sends what is to be done with a workload now.
func (f *configPush) ask(i int) {
	var p store.Patch = f.Patch
	switch {
	case f.states[i] == givesBack:
		p = &model.Restore{Patch: f.Patch, Before: f.before[i]}
	case f.over:
		f.settled(i) // nobody knows whether the change was made
		return
	}
	f.client.Patch(f.before[i].Head().Ref(), p, uint64(i))
}

func (f *configPush) answered(i int, r *store.Reply) {
	switch r.Refusal {
	case store.Conflict:
		f.ask(i)
	case store.TooManyRequests, store.TimedOut, store.Disconnected, store.InternalError, store.NoSpace:
		f.kernel.Post(f.kernel.Now().Add(pushAgain), f.client.Actor, whyAgain, uint64(i))
	case store.Accepted, store.NotFound:
		f.settled(i)
	default:
		f.client.Note(f.before[i], true, ReasonPushRefused, "config-push "+f.id+": "+r.Why())
		f.settled(i)
	}
}

// settled goes on with a workload that has its answer, if the push is over.
func (f *configPush) settled(i int) {
	if f.states[i] == givesBack {
		f.states[i] = waits
		return
	}
	f.states[i] = done
	if f.over {
		f.giveBack(i)
	}
}

func (f *configPush) giveBack(i int) {
	if f.Rollback && f.states[i] == done {
		f.states[i] = givesBack
		f.ask(i)
	}
}

func (f *configPush) end(*Director) {
	f.over = true
	for i := range f.before {
		f.giveBack(i)
	}
}

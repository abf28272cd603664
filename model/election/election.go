// Package election is how the replicas of a component agree on which of them
// works, as client-go does it. Its one idea: who leads is what a Lease says, which
// every replica asks the API server for, in its own time and by its own clock;
// nobody is told, and who cannot renew ends itself before others may follow. As
// long as nothing is wrong with anybody's way to the Lease, all renewals and looks
// at it have known answers and are no events. It refuses to know what the replicas
// do.
package election

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// The times of leader election (k8s.io/component-base/config/v1alpha1/defaults.go).
// A request is given half of renewDeadline
// (k8s.io/client-go/tools/leaderelection/resourcelock/interface.go
// NewFromKubeconfig).
const (
	leaseDuration  = 15 * time.Second
	renewDeadline  = 10 * time.Second
	retryPeriod    = 2 * time.Second
	requestTimeout = renewDeadline / 2
	// A candidate waits retryPeriod times 1 to 2.2 between two tries
	// (k8s.io/client-go/tools/leaderelection/leaderelection.go JitterFactor).
	retryMost = retryPeriod * 22 / 10
)

// renewal is what a renewal takes in quiet times: a write, as of a node's lease. A
// leader draws it once, so that its renewals are a closed form.
var renewal = sim.Lognormal(8*time.Millisecond, 40*time.Millisecond)

// Config is what is elected, and how.
type Config struct {
	Name string         // of the Lease, in kube-system, and of the component
	As   store.Identity // who all replicas are for the API server
	QPS  int64          // of a replica's client for this alone
	// Burst is how many requests that client may make at once.
	Burst int64
	// Releases is whether who is asked to end gives the Lease back before it does,
	// as kube-scheduler, not kube-controller-manager (ReleaseOnCancel).
	Releases bool
	// SameIdentity is whether a process that is started again calls itself what the
	// one before it did, and so has its Lease at once.
	SameIdentity bool
	// Balanced is whether replicas reach any API server, not only that of their
	// machine.
	Balanced bool
	// Literal makes every renewal and every look at the Lease an event, which must
	// not change anything.
	Literal bool
}

// Election is one Lease and the replicas that want it.
type Election struct {
	Config
	kernel     *sim.Kernel
	store      *store.Store
	lease      *model.Lease // as it is in quiet times
	candidates []*Candidate
	quiet      bool // what will be answered is known; nobody waits for anything
	luck       struct{ tries, identities, starts, renewals sim.Lane }
}

// New is an election whose Lease has been there since before the run; Begin says
// who has it.
func New(k *sim.Kernel, s *store.Store, c Config) *Election {
	e := &Election{Config: c, kernel: k, store: s}
	l := k.Luck()
	e.luck.tries, e.luck.identities, e.luck.starts = l.Lane("election/tries"), l.Lane("election/identity"), l.Lane("election/start")
	e.luck.renewals = l.Lane("election/renewal")
	e.lease = &model.Lease{Meta: model.Meta{Kind: model.KindLease, Namespace: model.NamespaceSystem, Name: c.Name}, Duration: leaseDuration}
	s.Place(e.lease)
	s.OnDisturbance(e)
	return e
}

// Begin has the first candidate lead, as it has for long, and starts its process;
// the others stand by.
func (e *Election) Begin() {
	now := e.kernel.Now()
	for i, c := range e.candidates {
		c.live()
		luck := e.luck.tries.Draw(c.hash, 0)
		c.nextAt = now.Add(luck.Duration(0, retryMost))
		if i == 0 {
			c.nextAt = now.Add(luck.Duration(0, retryPeriod))
			c.leads = true
			e.lease.Holder = c.identity
			c.lead()
		}
		c.seen, c.seenAt = *e.lease, now
	}
	e.settle(now)
}

// Disturbed implements store.Disturbed.
func (e *Election) Disturbed(now sim.Time) {
	for _, c := range e.candidates {
		if e.quiet && c.running && !c.client.Undisturbed() {
			e.rouse(now)
		}
	}
}

// settle begins quiet times, if all is well: one leads and has just renewed, the
// others know it, and nothing keeps anybody from doing it again.
func (e *Election) settle(now sim.Time) {
	leaders := 0
	for _, c := range e.candidates {
		if !c.running {
			continue
		}
		if !c.client.Undisturbed() || c.doing != nothing || c.nextAt <= now || c.leads && c.failing {
			return
		}
		if c.leads {
			leaders++
			e.lease = c.seen.Copy().(*model.Lease)
		}
	}
	if leaders != 1 {
		return
	}
	for _, c := range e.candidates {
		if c.running && (c.seen.Holder != e.lease.Holder || c.seenAt.Add(leaseDuration) <= now) {
			return
		}
	}
	e.quiet = true
	if e.Literal {
		for _, c := range e.candidates {
			c.post(now)
		}
	}
}

// rouse ends quiet times: everybody is where all the requests that were not made
// would have brought them, and makes the next one.
func (e *Election) rouse(now sim.Time) {
	if !e.quiet {
		return
	}
	e.quiet = false
	if !e.Literal {
		e.skip(now)
	}
	e.store.Touch(e.lease.Copy())
	for _, c := range e.candidates {
		c.post(now)
	}
}

// skip does what was not done before now.
func (e *Election) skip(now sim.Time) {
	var leader *Candidate
	for _, c := range e.candidates {
		if c.running && c.leads {
			leader = c
		}
	}
	first, renewals := leader.nextAt, e.lease.Renewals
	every := sim.Ticker{Phase: first, Period: leader.every}
	leader.renewed(every.Count(first-1, now-1))
	for _, c := range e.candidates {
		for c.running && !c.leads && c.nextAt < now {
			c.seen = *e.lease
			c.seen.Renewals = renewals + every.Count(first-1, c.nextAt)
			c.seenAt = c.nextAt
			c.again(c.nextAt)
		}
	}
}

// step is one renewal or look at the Lease in quiet times: only literal mode makes
// it an event.
func (e *Election) step(now sim.Time, c *Candidate) {
	if c.leads {
		c.renewed(1)
	} else {
		c.seen, c.seenAt = *e.lease, now
		c.again(now)
	}
	c.post(now)
}

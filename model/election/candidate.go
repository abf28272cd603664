package election

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Process is what a replica does while it leads. Start and Stop come by turns.
type Process interface {
	Start()
	Stop()
}

// Runner is who runs a replica's process, such as a kubelet.
type Runner interface {
	// Exited tells that it ended by itself, with an exit code.
	Exited(now sim.Time, code int32)
}

// Candidate is one replica of a component. Start makes a process of it, which
// competes for the Lease and, once it has it, does the work until it ends.
type Candidate struct {
	election *Election
	kernel   *sim.Kernel
	client   *store.Client
	self     sim.ActorID
	machine  string
	hash     uint64 // of the machine's name
	work     Process
	runner   Runner

	lives    uint64 // how many processes there were
	running  bool
	held     bool // by somebody who has stopped it and will start it
	identity string
	leads    bool

	nextAt sim.Time      // the next renewal, or try to get the Lease
	tries  uint64        // that this process has made so far
	every  time.Duration // from one renewal to the next in quiet times

	seen   model.Lease // as it was last answered; the zero value if it never was
	seenAt sim.Time    // when that was first so, by its own clock

	doing   step
	request uint64   // counts requests; the one under way if doing something
	triedAt sim.Time // when the try under way, or the last one, began
	round   uint64   // counts renewals; one is tried until it is done, or renewDeadline after it began
	failing bool     // that is not done
}

// step is what a candidate waits for.
type step uint8

const (
	nothing    step = iota
	renewing        // its update of what it saw last
	looking         // the Lease
	taking          // its update of what it has just seen
	lookToGive      // the Lease, to give it back
	giving          // that
)

// Wake-up reasons.
const (
	whyTry      sim.Why = iota // to get the Lease or to renew it
	whyTimeout                 // about a request
	whyDeadline                // about a round of renewal
)

// Add makes a replica on a machine of the control plane known, which does work
// while it leads.
func (e *Election) Add(machine string, site network.Site, work Process) *Candidate {
	c := &Candidate{election: e, kernel: e.kernel, machine: machine, hash: sim.HashName(e.Name + "@" + machine), work: work}
	c.self = e.kernel.Register(e.Name+"/"+machine, c)
	c.client = e.store.NewClient(store.ClientConfig{
		Name: e.Name + "/leader-election@" + machine, As: e.As, Actor: c.self, Site: site, Local: !e.Balanced, QPS: e.QPS, Burst: e.Burst, Timeout: requestTimeout,
	})
	c.runner = &keeper{candidate: c}
	e.candidates = append(e.candidates, c)
	return c
}

// SetRunner names who runs the replica's process and starts it again when it ends.
func (c *Candidate) SetRunner(r Runner) { c.runner = r }

// Leads tells whether the replica's process runs and leads.
func (c *Candidate) Leads() bool { return c.running && c.leads }

// Running tells whether there is a process.
func (c *Candidate) Running() bool { return c.running }

// startTime is how long a process takes from its start until it competes, an
// estimate.
var startTime = sim.Uniform(time.Second, 3*time.Second)

// Start makes a new process, which competes for the Lease.
func (c *Candidate) Start() {
	c.held = false
	if c.running {
		return
	}
	now := c.kernel.Now()
	c.election.rouse(now)
	c.live()
	luck := c.election.luck.starts.Draw(c.hash, c.lives)
	c.nextAt = now.Add(startTime.Draw(&luck))
	c.post(now)
}

// live is the beginning of a process: of an identity (hostname and a UUID).
func (c *Candidate) live() {
	c.lives++
	luck := c.election.luck.identities.Draw(c.hash, c.lives)
	a, b := luck.Uint64(), luck.Uint64()
	c.identity = fmt.Sprintf("%s_%08x-%04x-4%03x-%04x-%012x", c.machine, a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
	if c.election.SameIdentity {
		c.identity = c.machine
	}
	c.running, c.leads, c.failing, c.doing = true, false, false, nothing
	c.tries, c.seen, c.seenAt = 0, model.Lease{}, 0
	c.client.Restart()
}

// Stop kills the process, if there is one; there is none until Start.
func (c *Candidate) Stop() {
	c.held = true
	c.end()
}

func (c *Candidate) end() {
	if !c.running {
		return
	}
	now := c.kernel.Now()
	c.election.rouse(now)
	c.running, c.doing = false, nothing
	c.client.Restart()
	if c.leads {
		c.leads = false
		c.work.Stop()
	}
	c.election.settle(now)
}

// Crash has the process exit with an error.
func (c *Candidate) Crash() { c.exit(1) }

// Quit is Stop by SIGTERM, which leaves the process the time to give its Lease back
// if it does that.
func (c *Candidate) Quit() {
	c.held = true
	now := c.kernel.Now()
	switch {
	case !c.running:
	case c.leads && c.election.Releases:
		c.election.rouse(now)
		c.giveBack(now)
	default:
		c.exit(0)
	}
}

func (c *Candidate) exit(code int32) {
	if c.running {
		c.end()
		c.runner.Exited(c.kernel.Now(), code)
	}
}

// lead begins the work.
func (c *Candidate) lead() {
	luck := c.election.luck.renewals.Draw(c.hash, c.lives)
	c.every = retryPeriod + renewal.Draw(&luck)
	c.work.Start()
}

// post has it woken for its next try. In quiet times only literal mode does.
func (c *Candidate) post(now sim.Time) {
	if c.running && c.doing == nothing {
		c.kernel.Post(max(now, c.nextAt), c.self, whyTry, 0)
	}
}

// again draws when the next try is, given when this one came to its end.
func (c *Candidate) again(now sim.Time) {
	c.tries++
	luck := c.election.luck.tries.Draw(c.hash^c.lives<<1, c.tries)
	c.nextAt = now.Add(luck.Duration(retryPeriod, retryMost))
}

// renewed does so many renewals of quiet times.
func (c *Candidate) renewed(times int64) {
	if times == 0 {
		return
	}
	e := c.election
	e.lease = e.lease.Copy().(*model.Lease)
	e.lease.Renewals += times
	c.seen = *e.lease
	c.seenAt = c.nextAt.Add(c.every * time.Duration(times-1))
	c.nextAt = c.seenAt.Add(c.every)
}

// Wake implements sim.Actor.
func (c *Candidate) Wake(now sim.Time, why sim.Why, about uint64) {
	switch {
	case why == store.WhyReply:
		if r, ok := c.client.Reply(about); ok && c.running && r.Tag == c.request && c.doing != nothing {
			lease, _ := r.Object.(*model.Lease)
			c.answered(now, lease)
		}
	case !c.running:
	case why == whyTimeout:
		if about == c.request && c.doing != nothing {
			c.answered(now, nil)
		}
	case why == whyDeadline:
		if c.leads && c.failing && about == c.round {
			c.lost(now)
		}
	case now != c.nextAt || c.doing != nothing:
	case c.election.quiet:
		if c.election.Literal {
			c.election.step(now, c)
		}
	default:
		c.try(now)
	}
}

// DescribeWake implements sim.Describer.
func (c *Candidate) DescribeWake(why sim.Why, _ uint64) string {
	return [...]string{"a look at the Lease, or its renewal", "a request has taken too long", "the renewal has taken too long"}[min(why, whyDeadline)]
}

// try is one try to get the Lease or to renew it (tryAcquireOrRenew).
func (c *Candidate) try(now sim.Time) {
	c.triedAt = now
	if !c.leads {
		c.look(now, looking)
		return
	}
	if !c.failing { // a new round
		c.failing = true
		c.round++
		c.kernel.Post(now.Add(renewDeadline), c.self, whyDeadline, c.round)
	}
	if c.valid() {
		c.write(now, renewing, c.identity)
		return
	}
	c.look(now, looking)
}

// valid tells whether the Lease counted when the try began, as far as it knows.
func (c *Candidate) valid() bool { return c.seenAt.Add(c.seen.Duration) > c.triedAt }

func (c *Candidate) look(now sim.Time, why step) {
	c.ask(now, why)
	c.client.Get(c.election.lease.Ref(), c.request)
}

// write asks to change the Lease as it was last seen, to be held by somebody.
func (c *Candidate) write(now sim.Time, why step, holder string) {
	next := c.seen
	if next.Holder != holder && holder != "" {
		next.Transitions++
	}
	next.Holder, next.Duration = holder, leaseDuration
	if holder == "" {
		next.Duration = time.Second
	}
	c.ask(now, why)
	c.client.Update(&next, c.request)
}

func (c *Candidate) ask(now sim.Time, why step) {
	c.doing = why
	c.request++
	c.kernel.Post(now.Add(requestTimeout), c.self, whyTimeout, c.request)
}

// answered goes on with what was asked for; lease is nil if it was refused.
func (c *Candidate) answered(now sim.Time, lease *model.Lease) {
	was := c.doing
	c.doing = nothing
	switch {
	case was == renewing && lease == nil:
		c.look(now, looking)
	case was == looking && lease != nil:
		c.saw(now, lease)
		if c.seen.Holder != "" && c.seen.Holder != c.identity && c.valid() {
			c.failed(now)
			return
		}
		c.write(now, taking, c.identity)
	case was == lookToGive && lease != nil && lease.Holder == c.identity:
		c.saw(now, lease)
		c.write(now, giving, "")
	case was == lookToGive || was == giving:
		c.gone(now)
	case lease == nil:
		c.failed(now)
	default:
		c.seen, c.seenAt = *lease, now
		c.has(now)
	}
}

// saw keeps what the Lease is now; only if that is new, its time begins anew.
func (c *Candidate) saw(now sim.Time, lease *model.Lease) {
	if c.seen.ID == 0 || lease.Renewals != c.seen.Renewals {
		c.seen, c.seenAt = *lease, now
	}
}

// has goes on with the Lease in its hands.
func (c *Candidate) has(now sim.Time) {
	c.failing = false
	c.nextAt = now.Add(retryPeriod)
	if !c.leads {
		c.leads = true
		c.client.Note(&c.seen, false, reasonElection, c.identity+" became leader")
		c.lead()
	}
	c.done(now)
}

// reasonElection is that of the Events about a Lease
// (k8s.io/client-go/tools/leaderelection/resourcelock/leaselock.go RecordEvent).
const reasonElection = "LeaderElection"

// failed goes on without: a leader tries again retryPeriod after it began, or at
// once; others after a random while.
func (c *Candidate) failed(now sim.Time) {
	if c.leads {
		c.nextAt = max(now, c.triedAt.Add(retryPeriod))
	} else {
		c.again(now)
	}
	c.done(now)
}

// done ends a try.
func (c *Candidate) done(now sim.Time) {
	c.election.settle(now)
	if !c.election.quiet {
		c.post(now)
	}
}

// lost is a leader that could not renew in time: it stops, and the process with it.
func (c *Candidate) lost(now sim.Time) {
	if c.election.Releases {
		c.giveBack(now)
		return
	}
	c.gone(now)
}

// giveBack has the Lease released (release), whatever comes of it.
func (c *Candidate) giveBack(now sim.Time) { c.look(now, lookToGive) }

// gone ends the process of a leader.
func (c *Candidate) gone(now sim.Time) {
	c.client.Note(&c.seen, false, reasonElection, c.identity+" stopped leading")
	c.exit(1)
}

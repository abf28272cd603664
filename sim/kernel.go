// Package sim says when, and who next. It is a clock that jumps, a queue of
// wake-ups in one total order (time, then first in first out), random streams
// with names, and a digest of what came of it. Its one idea: an event is only a
// wake-up and carries no news, so there is nothing to cancel and nothing to
// allocate.
//
// It refuses to know Kubernetes, floating point, goroutines and the clock on the
// wall (but for the stopwatch that can end a run). One goroutine owns a Kernel;
// only Interrupt may be called from another.
package sim

import (
	"fmt"
	"math"
	"sync/atomic" //tidy:import Interrupt comes from outside the run
	"time"
)

// Limits end a run that would not end by itself. A zero field takes the default.
type Limits struct {
	Events           uint64        // in the whole run; default 5,000,000,000
	EventsPerInstant uint64        // at one Time; default 5,000,000
	Wall             time.Duration // real time spent in Run; default none
}

// Defaults of Limits.
const (
	DefaultEvents           = 5_000_000_000
	DefaultEventsPerInstant = 5_000_000
)

// Config is what a run depends on in this package.
type Config struct {
	Seed   uint64
	Limits Limits

	// ShuffleTies, when not 0, is the seed of a permutation of the events at each
	// instant: they happen in another order than they were posted in. No verdict
	// may depend on that order; this is how to find one that does.
	ShuffleTies uint64
}

// Progress is told now and then how far a run is. It must not affect the run.
type Progress func(now Time, events uint64)

// Kernel runs one simulation: it owns the clock and the queue.
type Kernel struct {
	now     Time
	queue   queue
	actors  []Actor
	current ActorID // who is awake; nobody outside Run
	events  uint64

	lookAt  uint64 // the number of events at which something else than the next event is due
	instant uint64 // events dispatched at now
	suspect uint64 // the count at one instant from which events are remembered in recent
	recent  []Event

	ties   ties
	names  []string
	luck   Luck
	limits Limits
	wall   stopwatch

	progress      Progress
	progressEvery uint64
	interrupted   atomic.Bool
}

const nobody ActorID = math.MaxUint32

// wallEvery is how many events pass between two looks at the stopwatch: few, as one that
// computes traffic may take some milliseconds, and a look takes 50 ns.
const wallEvery = 1 << 10

// recentEvents is how many of the last events an error about a run that does not
// end is based on.
const recentEvents = 1024

// New returns a kernel at time 0 with nobody in it.
func New(c Config) *Kernel {
	k := &Kernel{luck: NewLuck(c.Seed), limits: c.Limits, current: nobody}
	if k.limits.Events == 0 {
		k.limits.Events = DefaultEvents
	}
	if k.limits.EventsPerInstant == 0 {
		k.limits.EventsPerInstant = DefaultEventsPerInstant
	}
	k.suspect = max(1, k.limits.EventsPerInstant-min(k.limits.EventsPerInstant, recentEvents))
	k.wall.limit = c.Limits.Wall
	k.ties = newTies(c.ShuffleTies)
	k.plan()
	return k
}

// Register gives an actor its id. Names should be unique and like "kubelet/n-0";
// they appear in errors.
func (k *Kernel) Register(name string, a Actor) ActorID {
	k.actors = append(k.actors, a)
	k.names = append(k.names, name)
	return ActorID(len(k.actors) - 1)
}

// ActorName returns the name that an actor was registered with.
func (k *Kernel) ActorName(id ActorID) string {
	if int(id) >= len(k.names) {
		return fmt.Sprintf("actor %d", id)
	}
	return k.names[id]
}

// Now returns the virtual time.
func (k *Kernel) Now() Time { return k.now }

// Luck returns the root of the run's random streams.
func (k *Kernel) Luck() Luck { return k.luck }

// Events returns the number of events dispatched so far.
func (k *Kernel) Events() uint64 { return k.events }

// Pending returns the number of events posted and not yet dispatched.
func (k *Kernel) Pending() int { return k.queue.count + k.ties.len() }

// Interrupt makes Run stop before its next event. It may be called from another
// goroutine; a later Run goes on where this one stopped.
func (k *Kernel) Interrupt() { k.interrupted.Store(true) }

// OnProgress has p called from Run after every everyEvents events; nil or 0 turns
// it off.
func (k *Kernel) OnProgress(p Progress, everyEvents uint64) {
	if p == nil {
		everyEvents = 0
	}
	k.progress, k.progressEvery = p, everyEvents
	k.plan()
}

// Post has an actor woken at a time, which may be now. Events of one instant
// happen in the order in which they were posted. There is no way to take one
// back: an actor that finds nothing due does nothing.
func (k *Kernel) Post(at Time, who ActorID, why Why, about uint64) {
	e := Event{At: at, Who: who, Why: why, About: about}
	if at < k.now || int(who) >= len(k.actors) {
		k.refuse(e)
	}
	if at != Never {
		k.queue.push(e)
	}
}

// Run dispatches all events up to and including until; then Now is until, or
// after Run(Never) the time of the last event. An error is a *StopError; then
// Now is the time of the last event dispatched, no event is lost, and another Run
// goes on from there.
func (k *Kernel) Run(until Time) error {
	k.wall.start()
	defer k.wall.stop()
	stop := k.dispatch(until)
	k.current = nobody
	if stop != nil {
		return stop
	}
	if until != Never && until > k.now {
		k.now, k.instant = until, 0
	}
	return nil
}

// dispatch is the loop. What is not due before every event hides behind one
// comparison each with lookAt and suspect.
func (k *Kernel) dispatch(until Time) *StopError {
	for {
		if k.events >= k.lookAt || k.instant >= k.suspect || k.interrupted.Load() {
			if stop := k.look(until); stop != nil {
				return stop
			}
		}
		e, ok := k.next(until)
		if !ok {
			return nil
		}
		if e.At != k.now {
			k.now, k.instant = e.At, 0
		}
		k.events++
		k.instant++
		k.current = e.Who
		k.actors[e.Who].Wake(e.At, e.Why, e.About)
	}
}

// next takes the next event from the queue unless it is later than until.
func (k *Kernel) next(until Time) (Event, bool) {
	if k.ties.on {
		return k.ties.pop(&k.queue, until)
	}
	return k.queue.pop(until)
}

// look does what is due only now and then. It is called between two events, and
// returns an error if the second must not happen.
func (k *Kernel) look(until Time) *StopError {
	next, ok := k.peek()
	if !ok || next.At > until {
		return nil
	}
	if k.interrupted.CompareAndSwap(true, false) {
		return k.stop(StoppedInterrupt, next)
	}
	if k.events >= k.lookAt {
		if stop := k.lookAround(next); stop != nil {
			return stop
		}
	}
	if k.instant >= k.suspect && next.At == k.now {
		return k.doubt(next)
	}
	return nil
}

// peek returns an event that is due next. With shuffled ties it may be another
// one of the same instant that comes first.
func (k *Kernel) peek() (Event, bool) {
	if k.ties.len() > 0 {
		return k.ties.batch[k.ties.next], true
	}
	return k.queue.peek()
}

// lookAround checks the budgets and reports progress.
func (k *Kernel) lookAround(next Event) *StopError {
	if k.events >= k.limits.Events {
		return k.stop(StoppedEvents, next)
	}
	if k.events%wallEvery == 0 && k.wall.over() {
		return k.stop(StoppedWall, next)
	}
	if k.progressEvery > 0 && k.events%k.progressEvery == 0 && k.events > 0 {
		k.progress(k.now, k.events)
	}
	k.plan()
	return nil
}

// plan sets the number of events at which lookAround has something to do next.
func (k *Kernel) plan() {
	k.lookAt = min(k.limits.Events, k.events-k.events%wallEvery+wallEvery)
	if k.progressEvery > 0 {
		k.lookAt = min(k.lookAt, k.events-k.events%k.progressEvery+k.progressEvery)
	}
}

// doubt remembers an event at an instant that has had suspiciously many, and
// ends the run when they are too many.
func (k *Kernel) doubt(e Event) *StopError {
	if k.instant == k.suspect {
		k.recent = k.recent[:0]
	}
	k.recent = append(k.recent, e)
	if k.instant >= k.limits.EventsPerInstant {
		return k.stopInstant()
	}
	return nil
}

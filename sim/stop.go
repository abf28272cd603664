package sim

import (
	"fmt"
	"time"
)

// StopKind is which limit ended a run.
type StopKind uint8

// The limits that end a run; see Limits and Kernel.Interrupt.
const (
	StoppedInstant   StopKind = iota + 1 // too many events at one instant: time does not pass
	StoppedEvents                        // the event budget is used up
	StoppedWall                          // the budget of real time is used up
	StoppedInterrupt                     // Kernel.Interrupt was called
)

// StopError is the answer of a run that was ended by a limit. The run is intact:
// what it knows can be reported.
type StopError struct {
	Kind   StopKind
	At     Time   // virtual time when it stopped
	Events uint64 // dispatched until then, in the whole run

	// Who is the name of the actor that was woken most often by the last Of
	// events, Times of them, and What its most frequent wake-up among them in its
	// own words. For the other kinds than StoppedInstant it is the event that
	// would have been next.
	Who, What string
	Times, Of int

	Limits Limits // in force
}

// Error says which limit it was, when, and who was busy with what.
func (e *StopError) Error() string {
	switch e.Kind {
	case StoppedInstant:
		return fmt.Sprintf("time stands still at %v: more than %d events at one instant, %d of the last %d wake %s (%s)",
			e.At, e.Limits.EventsPerInstant, e.Times, e.Of, e.Who, e.What)
	case StoppedEvents:
		return fmt.Sprintf("the budget of %d events is used up at %v; next would be %s (%s)",
			e.Limits.Events, e.At, e.Who, e.What)
	case StoppedWall:
		return fmt.Sprintf("the budget of %v of real time is used up at %v, after %d events; next would be %s (%s)",
			e.Limits.Wall, e.At, e.Events, e.Who, e.What)
	}
	return fmt.Sprintf("interrupted at %v, after %d events; next would be %s (%s)", e.At, e.Events, e.Who, e.What)
}

// Describe puts an event into words: those of its actor if it has any.
func (k *Kernel) Describe(e Event) string {
	if int(e.Who) < len(k.actors) {
		if d, ok := k.actors[e.Who].(Describer); ok {
			return d.DescribeWake(e.Why, e.About)
		}
	}
	return fmt.Sprintf("why %d about %d", e.Why, e.About)
}

// stop makes the error of a run that ends before event next.
func (k *Kernel) stop(kind StopKind, next Event) *StopError {
	return &StopError{
		Kind: kind, At: k.now, Events: k.events, Limits: k.limits,
		Who: k.ActorName(next.Who), What: k.Describe(next), Times: 1, Of: 1,
	}
}

// stopInstant makes the error of a run in which time stands still.
func (k *Kernel) stopInstant() *StopError {
	who, _ := mostFrequent(k.recent, func(e Event) Event { return Event{Who: e.Who} })
	var his []Event
	for _, e := range k.recent {
		if e.Who == who.Who {
			his = append(his, e)
		}
	}
	what, _ := mostFrequent(his, func(e Event) Event { return e })
	s := k.stop(StoppedInstant, what)
	s.Times, s.Of = len(his), len(k.recent)
	return s
}

// mostFrequent returns the most frequent key of the events and how often it
// occurs; the one that occurred first wins a tie.
func mostFrequent(events []Event, key func(Event) Event) (best Event, times int) {
	counts := make(map[Event]int)
	for _, e := range events {
		counts[key(e)]++
	}
	for _, e := range events {
		if n := counts[key(e)]; n > times {
			best, times = key(e), n
		}
	}
	return best, times
}

// refuse panics over an event that cannot be posted: a bug of the poster.
func (k *Kernel) refuse(e Event) {
	poster := "somebody outside the run"
	if k.current != nobody {
		poster = k.names[k.current]
	}
	if int(e.Who) >= len(k.actors) {
		panic(fmt.Sprintf("sim: %s posted to actor %d, but only %d are registered", poster, e.Who, len(k.actors)))
	}
	late := time.Duration(k.now - e.At)
	panic(fmt.Sprintf("sim: %s posted %s (%s) %v into the past", poster, k.ActorName(e.Who), k.Describe(e), late))
}

package model

import (
	"time"

	"orrery/sim"
)

// Backlog is how many requests wait for a pod's CPU at most, if nothing says how many it handles at
// a time: our estimate of a listen queue.
const Backlog = 100

// Inflow is the requests that arrive at each of some pods that fare alike. It is said
// once for all of them: the machine of a pod that follows it finds out when somebody asks
// what the pod uses, or is told if it has to hear of every change.
type Inflow struct {
	ID       uint32 // of those that there are, from 1
	MilliRPS int64  // that arrive at each pod, in thousandths per second
	Working  int64  // with how many of those workers begin
	// Peak is the most that arrives for a moment, while rates that depend on one another
	// find to one another; 0 if that is no more than MilliRPS.
	Peak int64

	// Keen is how many pods' machines are to be told of every change, Most the Working up
	// to which the others need not be told. Machines say so.
	Keen int
	Most int64
	past []Inflowed // ascending
}

// Inflowed is what an Inflow came to from some time on.
type Inflowed struct {
	At      sim.Time
	Working int64
}

// inflowKept is how long an Inflow remembers what it was: metrics-server's mean of a
// window, which is heard of one window later.
const inflowKept = 45 * time.Second

// Set says what arrives from now on.
func (in *Inflow) Set(now sim.Time, milliRPS, working int64) {
	in.MilliRPS, in.Working = milliRPS, working
	n := len(in.past)
	if n > 0 && in.past[n-1].At == now {
		in.past[n-1].Working = working
		return
	}
	old := 0
	for old+1 < n && in.past[old+1].At <= now.Add(-inflowKept) {
		old++
	}
	in.past = append(in.past[:copy(in.past, in.past[old:])], Inflowed{now, working})
}

// Since is what it came to at a time and after, the oldest first. What was more than
// 45 s before its last change is forgotten, but for the last of that.
func (in *Inflow) Since(at sim.Time) []Inflowed {
	i := len(in.past)
	for i > 0 && in.past[i-1].At >= at {
		i--
	}
	return in.past[i:]
}

// ChangedAt is when it was set last.
func (in *Inflow) ChangedAt() sim.Time {
	if n := len(in.past); n > 0 {
		return in.past[n-1].At
	}
	return 0
}

// NeedsTelling tells whether some of the pods' machines have to hear of it as it is now.
func (in *Inflow) NeedsTelling() bool { return in.Keen > 0 || in.Working > in.Most }

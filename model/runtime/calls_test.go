package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/sim"
)

// TestCallsToTheRuntimeWaitInLine is its slow twin: a queue with so many servers, served in
// the order in which calls are made.
func TestCallsToTheRuntimeWaitInLine(t *testing.T) {
	luck := sim.New(sim.Config{Seed: 1}).Luck().Lane("calls").Draw(1, 1)
	for range 200 {
		var c calls
		busy := []sim.Time{}
		at := sim.Time(0)
		for range 60 {
			at = at.Add(luck.Duration(0, 200*time.Millisecond))
			d := luck.Duration(0, time.Second)
			busy = slices.DeleteFunc(busy, func(until sim.Time) bool { return until <= at })
			slices.Sort(busy)
			begin := at
			if n := len(busy) - callsAtOnce; n >= 0 {
				begin = busy[n]
			}
			busy = append(busy, begin.Add(d))
			if got := c.over(at, d); got != begin.Add(d) {
				t.Fatalf("a call of %v at %v is over at %v, want %v", d, at, got, begin.Add(d))
			}
		}
	}
}

// TestAFewPodsDoNotWaitForTheRuntime, in whatever order it hears of their calls.
func TestAFewPodsDoNotWaitForTheRuntime(t *testing.T) {
	var c calls
	for i := range callsAtOnce {
		at := sim.Time(time.Second) * sim.Time(callsAtOnce-i)
		sandbox := c.over(at, 10*time.Second)
		if started := c.over(sandbox, time.Second); started != at.Add(11*time.Second) {
			t.Errorf("pod %d is started at %v", i, started)
		}
	}
}

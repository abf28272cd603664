package workload

import (
	"testing"
	"time"

	"orrery/sim"
)

// Where much is computed queues are looked at a moment later than when they come to a level, and so
// long each must be what it would be.
func TestAQueueThatIsLookedAtLateIsWhereItRests(t *testing.T) {
	for _, c := range []struct{ held, rest, each int64 }{{5, 40, 100_000}, {40, 5, -100_000}, {0, 1, 2_000_000}, {3, 0, -1}} {
		k := tank{over: true, held: c.held * request}
		k.move((c.rest-c.held)*request, c.each)
		due := k.takes(c.rest * request)
		if half := k.now(sim.Time(due / 2)); max(c.held, c.rest)*request <= half || half <= min(c.held, c.rest)*request {
			t.Errorf("from %d to %d: %d nanos of a request half the way", c.held, c.rest, half)
		}
		for _, late := range []time.Duration{0, time.Second / 8, time.Minute} {
			if held := k.now(sim.Time(due).Add(late)); held != c.rest*request {
				t.Errorf("from %d to %d: %d nanos of a request %v later", c.held, c.rest, held, late)
			}
		}
	}
}

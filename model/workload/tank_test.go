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

// A pod is as full as it is because of what arrives, and the same is found from any guess.
func TestWhatFillsAQueueIsFoundFromAnyGuess(t *testing.T) {
	w := Work{CapacityMilliRPS: 99_875, CPU: 20 * time.Millisecond, QuotaMilliRPS: 99_875, Latency: time.Millisecond, Workers: 8, Queue: 40}
	idle := w.handle(0, sure, crowd{})
	for _, held := range []int64{1, 4, 8, 20, 40} {
		first, _ := w.filled(held*request, 0, sure, crowd{}, idle.room)
		for _, guess := range []int64{1, first / 3, first - first/100, first, first + first/100, 2 * first, 1 << 62} {
			load, h := w.filled(held*request, guess, sure, crowd{}, idle.room)
			if rest := w.atRest(&h, load); max(rest-held*request, held*request-rest) > (held+1)*request/200 || apart(load, first, 64) {
				t.Errorf("%d requests: from %d it is %d nanos of one with %d, and from none with %d", held, guess, rest, load, first)
			}
		}
	}
}

// However much arrives, there are never more requests than places.
func TestWhatNothingFillsIsTurnedAwayNearlyAlways(t *testing.T) {
	w := Work{CapacityMilliRPS: 99_875, CPU: 20 * time.Millisecond, QuotaMilliRPS: 99_875, Latency: time.Millisecond, Workers: 8}
	idle := w.handle(0, sure, crowd{})
	for _, guess := range []int64{0, 1, 100_000, 1 << 40} {
		load, h := w.filled(9*request, guess, sure, crowd{}, idle.room)
		if load < farOver*idle.room || h.capped(load, 1) > 2*idle.room {
			t.Errorf("from %d: %d requests are there if %d arrive, of which %d find a place", guess, 9, load, h.capped(load, 1))
		}
	}
}

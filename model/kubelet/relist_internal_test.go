package kubelet

import (
	"testing"
	"time"

	"orrery/sim"
)

// TestRelistsAreAsIfOneRanAfterTheOther compares the closed form with a loop that lists,
// inspects what has changed, and sleeps for a second.
func TestRelistsAreAsIfOneRanAfterTheOther(t *testing.T) {
	const end = sim.Time(60 * time.Second)
	for seed := range uint64(200) {
		luck := sim.NewLuck(seed).Stream("relists")
		type change struct {
			at    sim.Time
			takes time.Duration
			seen  inspection
		}
		var changes []change
		for at := sim.Time(0); at < end-sim.Time(10*time.Second); {
			at = at.Add(luck.Duration(time.Nanosecond, [...]time.Duration{5 * time.Millisecond, 5 * time.Second}[luck.Below(2)]))
			changes = append(changes, change{at: at, takes: luck.Duration(10*time.Millisecond, 30*time.Millisecond)})
		}
		phase := sim.Time(luck.Duration(0, time.Second))
		var l relists
		l.begin(phase)
		for i := range changes {
			c := &changes[i]
			c.seen = l.inspect(c.at, c.takes)
		}
		var began, over []sim.Time
		next := 0
		for now := phase; now < end; now = now.Add(relistEvery) {
			began = append(began, now)
			for start := now; next < len(changes) && changes[next].at < start; next++ {
				c := &changes[next]
				if want := now.Add(c.takes); c.seen.at != now || c.seen.by != want {
					t.Fatalf("seed %d: a change at %v is inspected from %v to %v, want %v to %v", seed, c.at, c.seen.at, c.seen.by, now, want)
				}
				now = now.Add(c.takes)
			}
			over = append(over, now)
		}
		checkLasts(t, seed, phase, changesOf(changes, func(c change) (sim.Time, time.Duration) { return c.at, c.takes }), began, over)
	}
}

type pastChange struct {
	at    sim.Time
	takes time.Duration
}

func changesOf[T any](all []T, of func(T) (sim.Time, time.Duration)) (out []pastChange) {
	for _, c := range all {
		at, takes := of(c)
		out = append(out, pastChange{at, takes})
	}
	return out
}

// checkLasts asks every 7 ms which relist is over and when the next begins, while changes come in.
func checkLasts(t *testing.T, seed uint64, phase sim.Time, changes []pastChange, began, over []sim.Time) {
	var l relists
	l.begin(phase)
	last, next := sim.Time(0), 0
	for now := sim.Time(0); now < sim.Time(50*time.Second); now = now.Add(7 * time.Millisecond) {
		for ; len(changes) > 0 && changes[0].at < now; changes = changes[1:] {
			l.inspect(changes[0].at, changes[0].takes)
		}
		for i := range over {
			if over[i] <= now {
				last = began[i]
			}
			if began[i] <= now {
				next = i + 1
			}
		}
		if got := l.last(now); got != last {
			t.Fatalf("seed %d: at %v the newest relist that is over began at %v, want %v", seed, now, got, last)
		}
		if got := l.next(now); next < len(began) && got != began[next] {
			t.Fatalf("seed %d: at %v the next relist begins at %v, want %v", seed, now, got, began[next])
		}
	}
}

package sim

import "time"

// Ticker is a periodic thing as a closed form: it ticks at Phase, Phase+Period,
// Phase+2*Period and so on, and costs nothing until somebody asks. A lease
// renewal or a monitor loop is a Ticker for as long as its outcome is known, and
// becomes events only while something can change it.
//
// Period must be positive, Phase at or after the start of the run.
type Ticker struct {
	Phase  Time
	Period time.Duration
}

// AtOrAfter returns the first tick at or after at; Never if virtual time ends first.
func (t Ticker) AtOrAfter(at Time) Time {
	if at <= t.Phase {
		return t.Phase
	}
	return t.tick((at-t.Phase-1)/Time(t.Period) + 1)
}

// After returns the first tick later than at.
func (t Ticker) After(at Time) Time {
	if at < t.Phase {
		return t.Phase
	}
	return t.tick((at-t.Phase)/Time(t.Period) + 1)
}

// AtOrBefore returns the last tick at or before at, and false if there is none yet.
func (t Ticker) AtOrBefore(at Time) (Time, bool) {
	if at < t.Phase {
		return 0, false
	}
	return t.tick((at - t.Phase) / Time(t.Period)), true
}

// Count returns the number of ticks later than from and not later than to: what
// happened in a step from one to the other. It is 0 when to is not after from.
func (t Ticker) Count(from, to Time) int64 {
	return max(0, t.upTo(to)-t.upTo(from))
}

// upTo is the number of ticks not later than at.
func (t Ticker) upTo(at Time) int64 {
	if at < t.Phase {
		return 0
	}
	return int64((at-t.Phase)/Time(t.Period)) + 1
}

// tick is the instant of the n-th tick, counted from 0.
func (t Ticker) tick(n Time) Time {
	if n > (Never-t.Phase)/Time(t.Period) {
		return Never
	}
	return t.Phase + n*Time(t.Period)
}

package sim

import (
	"math"
	"time"
)

// Time is an instant of virtual time: nanoseconds since the start of the run,
// never negative. Lengths of time are time.Duration, as everywhere in Go.
type Time int64

// Never is the end of virtual time, some 292 years after the start. Nothing
// happens then: a wake-up posted for Never is not kept.
const Never Time = math.MaxInt64

// Add returns the instant d after t. It saturates at Never, so that "forever
// from now" needs no special case. A negative d goes back, as far as the start.
func (t Time) Add(d time.Duration) Time {
	sum := t + Time(d)
	switch {
	case t == Never || d > 0 && sum < t:
		return Never
	case d < 0 && sum < 0:
		return 0
	}
	return sum
}

// Sub returns the length of time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// String writes t for people: "5m49.512s". From one second on it is cut (not
// rounded) to milliseconds, below that to microseconds, below one millisecond it
// is exact. Never is "never". Whoever needs every digit writes the integer.
func (t Time) String() string {
	d := time.Duration(t)
	switch {
	case t == Never:
		return "never"
	case d >= time.Second:
		return d.Truncate(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Truncate(time.Microsecond).String()
	}
	return d.String()
}

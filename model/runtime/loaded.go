package runtime

import (
	"time"

	"orrery/sim"
)

// loaded is the memory that a container uses for its requests. What it needs for each per
// second is what a second of such requests leaves behind in buffers and a heap, so it takes
// them a second to bring that, or another load to be done with it, and meanwhile it is a
// straight line: a burst that ends sooner brings a part of it.
type loaded struct {
	since     sim.Time // when the newest load began
	was, will int64    // bytes it used then, and a loadedIn later and from then on
}

// loadedIn is a second, as rates are per second: so what will be less what was is also by
// how many bytes a second it grows.
const loadedIn = time.Second

// move has other requests arrive than before.
func (l *loaded) move(now sim.Time, bytes int64) {
	if bytes != l.will {
		*l = loaded{now, l.at(now), bytes}
	}
}

// at is what it uses, in bytes. Nothing is remembered of the line before the newest.
func (l *loaded) at(now sim.Time) int64 {
	passed := int64(min(max(now.Sub(l.since), 0), loadedIn))
	if l.will < l.was {
		return l.was - scale(l.was-l.will, passed, int64(loadedIn))
	}
	return l.was + scale(l.will-l.was, passed, int64(loadedIn))
}

// line is by how many bytes that grows every second, negative if it shrinks, and until
// when; Never if it is what it will be.
func (l *loaded) line(now sim.Time) (growth int64, until sim.Time) {
	if until = l.since.Add(loadedIn); l.will == l.was || now >= until {
		return 0, sim.Never
	}
	return l.will - l.was, until
}

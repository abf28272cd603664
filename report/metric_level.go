package report

import "orrery/sim"

// counter follows one number of a tally.
type counter struct {
	about target
	of    func(*tally) int64
	tally *tally // nil until the object exists
	found series
}

// openLevel measures how many pods or nodes a fact holds of.
func openLevel(f fact) func(about) instrument {
	return openTally(func(t *tally) int64 { return t.now[f] })
}

// openTotal measures how often something happened.
func openTotal(h happening) func(about) instrument {
	return openTally(func(t *tally) int64 { return t.ever[h] })
}

func openTally(of func(*tally) int64) func(about) instrument {
	return func(a about) instrument { return &counter{about: a.target, of: of} }
}

func (c *counter) see(s *state, now sim.Time, record int) {
	if c.tally == nil {
		if c.tally = s.find(c.about); c.tally == nil {
			return
		}
	}
	c.found.add(now, c.of(c.tally), 0, record)
}

func (c *counter) finish(s *state, _ sim.Time) reading {
	if len(c.found) == 0 {
		return reading{none: s.missing(c.about)}
	}
	return reading{series: c.found}
}

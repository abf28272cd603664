package report

import (
	"fmt"
	"slices"

	"orrery/sim"
)

// resolve finds the window in a run that is over. What it returns as text, if
// not "", is why there is none.
func (w when) resolve(s *state, end sim.Time) (Window, string) {
	if !w.said {
		return Window{0, end}, ""
	}
	from, why := w.from.resolve(s, end)
	if why != "" {
		return Window{}, why
	}
	to, why := w.to.resolve(s, end)
	if why != "" {
		return Window{}, why
	}
	switch {
	case from > end:
		return Window{}, fmt.Sprintf("the run ended at %v, before the window began at %v", end, from)
	case from > to:
		return Window{}, fmt.Sprintf("the window would begin at %v, after its end at %v", from, to)
	}
	return Window{from, min(to, end)}, ""
}

func (m moment) resolve(s *state, end sim.Time) (sim.Time, string) {
	if m.last {
		return end, ""
	}
	if m.fault == "" {
		return m.offset, ""
	}
	var at sim.Time
	known := false
	var ids []string
	for _, f := range s.faults {
		ids = append(ids, f.id)
		if m.fault != everyFault && m.fault != f.id {
			continue
		}
		t := f.over()
		if m.begins {
			t = f.start
		}
		if !known || t > at && !m.begins {
			at = t
		}
		known = true
	}
	switch {
	case known:
		return at.Add(m.offset.Sub(0)), ""
	case m.fault == everyFault:
		return 0, "no fault started"
	}
	slices.Sort(ids)
	return 0, "no fault/" + m.fault + " started" + didYouMean(m.fault, ids)
}

// over is when the fault ended; one that stays to the end of the run is over,
// for the purposes of "after", once it has begun: the cluster can do its part.
func (f *fault) over() sim.Time {
	if f.ended {
		return f.end
	}
	return f.start
}

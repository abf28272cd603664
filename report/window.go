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

// Planned is when a fault is to begin and to end in a run that is still to come.
type Planned struct {
	ID         string
	Start, End sim.Time // End is Never if none is planned
}

// CheckWindow finds a window that cannot be in a run that lasts until end and in
// which these faults are planned: one that begins after the run is over or after
// its own end. An error is an *ExprError. What happens in the run may prove other
// windows empty; then there are no samples.
func (e *Expect) CheckWindow(end sim.Time, faults []Planned) error {
	w := e.when
	if !w.said {
		return nil
	}
	s := newState()
	for _, f := range faults {
		if !w.from.means(f.ID) && !w.to.means(f.ID) {
			continue
		}
		s.faults = append(s.faults, &fault{id: f.ID, start: f.Start, end: f.End, ended: f.End <= end})
	}
	from, why := w.from.resolve(s, end)
	to, whyNot := w.to.resolve(s, end)
	switch {
	case why != "" || whyNot != "": // such a fault is not planned
		return nil
	case from > end:
		return &ExprError{max(1, w.from.column), fmt.Sprintf("the run is over at %v, before the window begins at %v", end, from)}
	case from > to && !w.to.vague(faults):
		return &ExprError{max(1, w.to.column), fmt.Sprintf("the window begins at %v, after its end at %v", from, to)}
	}
	return nil
}

// means tells whether the moment depends on that fault.
func (m moment) means(id string) bool { return m.fault == everyFault || m.fault != "" && m.fault == id }

// vague tells whether only the run shows when the moment is: at the end of a
// fault of which no end is planned.
func (m moment) vague(faults []Planned) bool {
	return !m.begins && slices.ContainsFunc(faults, func(f Planned) bool {
		return f.End == sim.Never && m.means(f.ID)
	})
}

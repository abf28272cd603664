package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// ThrottledEnd is how much CPU limits have held up the pods of a workload, or one that
// belongs to none.
type ThrottledEnd struct {
	Name  string        // its path
	Stood time.Duration // for which containers stood still in the run, on all CPUs together
	// WorstPPM is in how many of a million periods the one stood still that did most, and
	// WorstAt since when.
	WorstPPM int64
	WorstAt  sim.Time
	Pods     int64 // that were throttled at all
}

// throttles adds up what is told of throttling.
type throttles struct {
	ends    []*ThrottledEnd
	by      map[string]*ThrottledEnd
	open    map[stander]*standing
	pods    map[uint32]bool
	listing []*standing
}

// stander is a container of a pod.
//
//tidy:key compared as a whole
type stander struct {
	pod       uint32
	container string
}

// standing is a container that is throttled.
type standing struct {
	of    *ThrottledEnd
	since sim.Time
	milli int64
}

func (t *throttles) see(s *state, now sim.Time, _ int) {
	if s.record == nil || s.record.Note == nil || s.record.Note.Throttling == nil {
		return
	}
	n := s.record.Note
	if t.by == nil {
		t.by, t.open, t.pods = map[string]*ThrottledEnd{}, map[stander]*standing{}, map[uint32]bool{}
	}
	key := stander{n.Object().ID, n.Throttling.Container}
	x := t.open[key]
	if x == nil {
		name := n.Path()
		if row := s.pods.Row(n.Object().ID); row.pod != nil {
			name = (&news{subject: name, pod: row}).about()
		}
		x = &standing{of: t.end(name)}
		t.open[key] = x
		t.listing = append(t.listing, x)
	}
	x.pass(now)
	x.milli = n.Throttling.MilliCPU
	if !t.pods[n.Object().ID] {
		t.pods[n.Object().ID] = true
		x.of.Pods++
	}
	if n.Throttling.PeriodsPPM > x.of.WorstPPM {
		x.of.WorstPPM, x.of.WorstAt = n.Throttling.PeriodsPPM, now
	}
}

func (t *throttles) end(name string) *ThrottledEnd {
	e := t.by[name]
	if e == nil {
		e = &ThrottledEnd{Name: name}
		t.by[name] = e
		t.ends = append(t.ends, e)
	}
	return e
}

// pass lets a container stand still until now.
func (x *standing) pass(now sim.Time) {
	x.of.Stood += stoodStill(x.milli, now.Sub(x.since))
	x.since = now
}

// finish is those that stood still longest, first.
func (t *throttles) finish(end sim.Time) (out []ThrottledEnd) {
	for _, x := range t.listing {
		x.pass(end)
	}
	for _, e := range t.ends {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b ThrottledEnd) int {
		return cmp.Or(cmp.Compare(b.Stood, a.Stood), strings.Compare(a.Name, b.Name))
	})
	return out
}

// throttled writes who was held up by CPU limits.
func (p *printer) throttled(r *Report) {
	if len(r.Throttled) == 0 {
		return
	}
	p.line(p.paint(bold, "whom CPU limits held up"))
	t := table{right: []bool{false, true, true, true}}
	t.row("name", "stood still for", "pods", "periods throttled, at most")
	for _, e := range r.Throttled[:min(len(r.Throttled), mostServices)] {
		t.row(e.Name, durationText(int64(e.Stood), -1), model.Grouped(e.Pods), parts(e.WorstPPM*(billion/1_000_000))+" from "+e.WorstAt.String())
	}
	for i, l := range t.lines() {
		if i == 0 {
			l = p.paint(faint, l)
		}
		p.line("  " + l)
	}
	if left := len(r.Throttled) - mostServices; left > 0 {
		p.line("  and " + model.Counted(int64(left), "more workload"))
	}
	p.line("")
}

// jsonThrottled is a ThrottledEnd.
type jsonThrottled struct {
	Name      string   `json:"name"`
	Pods      int64    `json:"pods"`
	StoodNS   int64    `json:"stoodNs"`
	WorstAtNS sim.Time `json:"worstAtNs"`
	WorstPPM  int64    `json:"worstPPM"`
}

func (e *ThrottledEnd) json() jsonThrottled {
	return jsonThrottled{Name: e.Name, Pods: e.Pods, StoodNS: int64(e.Stood), WorstAtNS: e.WorstAt, WorstPPM: e.WorstPPM}
}

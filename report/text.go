package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"orrery/model"
)

// WriteText writes the report for people: what happened, how it ended, how requests
// fared, what was promised. Nothing in it depends on the clock on the wall, and nothing a
// scenario names gets to the terminal unescaped or is taken for a command by a
// CI system.
func (r *Report) WriteText(w io.Writer, colour bool) error {
	p := &printer{colour: colour}
	p.head(r)
	p.timeline(r)
	p.end(r)
	p.traffic(r)
	p.throttled(r)
	p.verdicts(r)
	p.foot(r)
	_, err := io.WriteString(w, p.b.String())
	return err
}

type printer struct {
	b      strings.Builder
	colour bool
}

// The colours, as SGR parameters.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
)

func (p *printer) paint(sgr, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (p *printer) line(s string) { p.b.WriteString(uncommanded(s) + "\n") }

func (p *printer) head(r *Report) {
	p.line(p.paint(bold, "scenario "+Escape(r.Scenario)))
	for _, l := range strings.Split(strings.TrimSpace(r.About), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			p.line("  " + Escape(l))
		}
	}
	p.line("")
}

func (p *printer) timeline(r *Report) {
	if len(r.Timeline) == 0 {
		return
	}
	p.line(p.paint(bold, "what happened"))
	t := table{right: []bool{true}}
	for _, m := range r.Timeline {
		text := m.Text
		if m.Until-m.At >= 1_000_000_000 {
			text += " (until " + m.Until.String() + ")"
		}
		t.row(m.At.String(), text)
	}
	for _, l := range t.lines() {
		p.line("  " + l)
	}
	p.line("")
}

// mostWorkloads is how many workloads the end of a report lists: the
// incomplete ones first.
const mostWorkloads = 30

func (p *printer) end(r *Report) {
	p.line(p.paint(bold, "at the end, after "+r.End.String()))
	if len(r.Workloads) > 0 {
		p.workloads(r.Workloads)
	}
	nodes := "  nodes: " + model.Grouped(r.Nodes.Total)
	if n := r.Nodes.ControlPlane; n > 0 {
		nodes += " (" + model.Grouped(n) + " control-plane)"
	}
	switch n := len(r.Nodes.NotReady); {
	case n > 0:
		nodes += ", " + model.Grouped(int64(n)) + " not Ready: " + Escape(some(r.Nodes.NotReady))
	case r.Nodes.Total > 0:
		nodes += ", all Ready"
	}
	p.line(nodes)
	var parts []string
	for _, c := range []struct {
		n    int64
		what string
	}{
		{r.Pods.Running, "Running"}, {r.Pods.Ready, "Ready"}, {r.Pods.Pending, "Pending"},
		{r.Pods.Terminating, "Terminating"}, {r.Pods.Succeeded, "Succeeded"}, {r.Pods.Failed, "Failed"},
	} {
		if c.n > 0 || c.what == "Running" {
			parts = append(parts, model.Grouped(c.n)+" "+c.what)
		}
	}
	p.line("  pods: " + strings.Join(parts, ", "))
	if j := r.Jobs; j != (JobsEnd{}) {
		p.line("  jobs: " + model.Grouped(j.Active) + " active, " + model.Grouped(j.Completed) + " completed, " + model.Grouped(j.Failed) + " failed")
	}
	p.line("")
}

func (p *printer) workloads(all []WorkloadEnd) {
	t := table{right: []bool{false, true, true, true, true, true, true}}
	t.row("name", "desired", "ready", "available", "up to date", "restarts", "evicted")
	left := 0
	for _, complete := range []bool{false, true} {
		for _, d := range all {
			if d.Complete != complete {
				continue
			}
			if len(t.rows) > mostWorkloads {
				left++
				continue
			}
			t.row(d.Name, model.Grouped(d.Desired), model.Grouped(d.Ready), model.Grouped(d.Available), model.Grouped(d.Updated), model.Grouped(d.Restarts), model.Grouped(d.Evicted))
		}
	}
	for i, l := range t.lines() {
		if i == 0 {
			l = p.paint(faint, l)
		}
		p.line("  " + l)
	}
	if left > 0 {
		p.line("  and " + model.Counted(int64(left), "more workload"))
	}
}

func (p *printer) verdicts(r *Report) {
	if len(r.Verdicts) == 0 {
		return
	}
	p.line(p.paint(bold, "what was promised"))
	width := 0
	for i := range r.Verdicts {
		width = max(width, utf8.RuneCountInString(Escape(r.Verdicts[i].Expect.Expr)))
	}
	for i := range r.Verdicts {
		p.verdict(&r.Verdicts[i], min(width, 72))
	}
	p.line("")
}

func (p *printer) verdict(v *Verdict, width int) {
	expr := Escape(v.Expect.Expr)
	pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(expr)))
	mark := p.paint(green, "✓")
	if !v.Held {
		mark = p.paint(red, "✗")
	}
	line := "  " + mark + " " + expr + pad + "  " + p.paint(bold, Escape(v.Measured))
	if v.Held && v.Reason != "" {
		line += p.paint(faint, " ("+Escape(v.Reason)+")")
	}
	p.line(line)
	if v.Held {
		return
	}
	detail := func(s string) { p.line("      " + Escape(s)) }
	if v.Reason != "" {
		detail(v.Reason)
	}
	if v.Expect.Why != "" {
		detail("why it matters: " + strings.Join(strings.Fields(v.Expect.Why), " "))
	}
	if place := v.Expect.Place(); place != "" {
		detail("promised at " + place)
	}
	if len(v.Before) == 0 {
		return
	}
	detail(fmt.Sprintf("what led to it, about %s:", v.Object))
	for _, l := range v.Before {
		p.line("        " + l)
	}
}

func (p *printer) foot(r *Report) {
	switch failed, of := r.Failed(), len(r.Verdicts); {
	case of == 0:
		p.line("nothing was promised")
	case failed == 0:
		p.line(p.paint(green, "held: "+model.Grouped(int64(of))+" of "+model.Counted(int64(of), "expectation")))
	default:
		p.line(p.paint(red, "failed: "+model.Grouped(int64(failed))+" of "+model.Counted(int64(of), "expectation")))
	}
	if r.Stopped != "" {
		p.line("  the run was stopped at " + r.End.String() + ": " + Escape(r.Stopped))
	}
	p.line("  seed " + fmt.Sprint(r.Seed) + ", " + model.Counted(int64(r.Events), "event") + ", " + model.Counted(int64(r.Records), "record"))
	if r.Digest != "" {
		p.line("  digest " + Escape(r.Digest))
	}
	if r.Failed() > 0 && r.Command != "" {
		p.line("  again: " + Escape(r.Command))
	}
}

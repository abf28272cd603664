package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
)

// Comparison is runs of one scenario under several policies, each with the same
// seeds, and so by pairs on the same luck. Every other policy is compared with
// the first.
type Comparison struct {
	Scenario string
	Policies []string
	Seeds    []uint64
	Measures []Measure
	Promises []Expect
	Runs     [][]Measured // by policy and seed
}

// values is what the runs of a policy came to in one measure, NaN where there is
// no value, and how many those are, with the reason of the first.
func (c *Comparison) values(policy, measure int) (out []float64, none int, why string) {
	for i := range c.Runs[policy] {
		v := c.Runs[policy][i].Values[measure]
		if v.None != "" {
			if none++; none == 1 {
				why = v.None
			}
			v.N = math.NaN()
		}
		out = append(out, v.N)
	}
	return out, none, why
}

// held is in how many runs of a policy a promise held.
func (c *Comparison) held(policy, promise int) (n int) {
	for i := range c.Runs[policy] {
		if c.Runs[policy][i].Held[promise] {
			n++
		}
	}
	return n
}

// measured is one policy's part of a measure, compared with the first policy.
type measured struct {
	values []float64
	none   int
	why    string // of the first without a value
	pair   Paired // of the first policy: with itself
}

func (c *Comparison) measured(measure int) (out []measured) {
	for p := range c.Policies {
		var m measured
		m.values, m.none, m.why = c.values(p, measure)
		first := m.values
		if p > 0 {
			first = out[0].values
		}
		m.pair = Pair(first, m.values)
		out = append(out, m)
	}
	return out
}

// WriteText writes the comparison for people: what differs first, then what
// does not, and how far to trust it.
func (c *Comparison) WriteText(w io.Writer, colour bool) error {
	p := &printer{colour: colour}
	p.line(p.paint(bold, "compare "+Escape(c.Scenario)) + ": " + Escape(strings.Join(c.Policies[1:], ", ")+" with "+c.Policies[0]) +
		", " + model.Counted(int64(len(c.Seeds)), "seed") + ", each pair of runs on the same luck")
	p.line("")
	var same, never []string
	intervals := 0
	t := table{}
	t.row("measure", "policy", "mean", "difference", "95 % interval", "")
	for i := range c.Measures {
		all := c.measured(i)
		m := &c.Measures[i]
		switch {
		case !slices.ContainsFunc(all, func(x measured) bool { return x.none < len(c.Seeds) }):
			never = append(never, m.Text+": "+all[0].why)
		case !slices.ContainsFunc(all, func(x measured) bool { return x.none > 0 || !x.pair.Equal }):
			same = append(same, m.Text+" "+m.unit().amount(mean(all[0].values)))
		default:
			intervals += c.rows(&t, m, all)
		}
	}
	if len(t.rows) > 1 {
		p.table(&t)
	}
	p.list("no difference at all in any pair of runs", same)
	p.list("no samples in any run", never)
	p.promises(c)
	for _, l := range c.trust(intervals) {
		p.line(l)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// table prints a table whose first row is its head.
func (p *printer) table(t *table) {
	for i, l := range t.lines() {
		if i == 0 {
			l = p.paint(faint, l)
		}
		p.line("  " + l)
	}
	p.line("")
}

func (p *printer) list(head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line(p.paint(bold, head))
	for _, l := range lines {
		p.line("  " + Escape(l))
	}
	p.line("")
}

// rows adds a measure to the table and returns how many intervals that shows.
func (c *Comparison) rows(t *table, m *Measure, all []measured) (intervals int) {
	for p, x := range all {
		name := ""
		if p == 0 {
			name = m.Text
		}
		mean, difference, interval, says := m.unit().amount(mean(x.values)), "", "", ""
		if p > 0 {
			difference, interval, says = m.unit().compared(x.pair)
		}
		if interval != "" {
			intervals++
		}
		if x.none > 0 {
			says = strings.TrimPrefix(says+"; ", "; ") + fmt.Sprintf("no value in %d of %s: %s", x.none, model.Counted(int64(len(c.Seeds)), "run"), x.why)
		}
		t.row(name, c.Policies[p], mean, difference, interval, says)
	}
	return intervals
}

// compared words a difference, its interval and what they say.
func (u Unit) compared(p Paired) (difference, interval, says string) {
	switch {
	case p.Pairs == 0:
		return "", "", "no pair in which both have a value"
	case p.Equal:
		return "0", "", "no difference at all"
	}
	difference = u.change(p.Difference)
	if p.Pairs == 1 {
		return difference, "", "one pair: no interval"
	}
	interval = u.change(p.Low) + " to " + u.change(p.High)
	switch more, less := u.words(); {
	case p.Constant:
		return difference, interval, "the same in every pair"
	case p.Sign() > 0:
		return difference, interval, more
	case p.Sign() < 0:
		return difference, interval, less
	}
	return difference, interval, "not significant"
}

func (u Unit) words() (more, less string) {
	if u == Duration {
		return "longer", "shorter"
	}
	return "more", "less"
}

// trust is how to read what is above.
func (c *Comparison) trust(intervals int) []string {
	switch {
	case len(c.Seeds) == 1:
		return []string{"one seed is one pair of runs: no interval can be given; compare more, as with --seeds 1..20"}
	case intervals == 0:
		return []string{"no difference to give an interval of"}
	}
	return []string{
		model.Counted(int64(intervals), "interval") + " at 95 %, by Student's t: not significant is one that contains 0.",
		fmt.Sprintf("By chance alone about 1 in 20 leaves out 0 although nothing differs, here %s of them:", significant(float64(intervals)*(1-Confidence), 2)),
		"what was looked for counts, not what was found among many.",
	}
}

// promises prints how often each promise held under each policy.
func (p *printer) promises(c *Comparison) {
	if len(c.Promises) == 0 {
		return
	}
	t, all := table{}, true
	t.row(append([]string{"what was promised, and in how many runs it held"}, c.Policies...)...)
	for i := range c.Promises {
		row := []string{c.Promises[i].Expr}
		for policy := range c.Policies {
			n := c.held(policy, i)
			all = all && n == len(c.Seeds)
			row = append(row, fmt.Sprintf("%d of %d", n, len(c.Seeds)))
		}
		t.row(row...)
	}
	if all {
		p.line(model.Counted(int64(len(c.Promises)), "promise") + " held in every run")
		p.line("")
		return
	}
	p.table(&t)
}

// amount is a mean for people, with its unit; "-" if there is none.
func (u Unit) amount(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case u == Percent:
		return significant(x*100, 5) + "%"
	case u == Duration:
		return rounded(x)
	case u == Rate:
		return significant(x/1000, 5) + "rps"
	case u == Times:
		return significant(x, 4) + "x"
	case u == Cores:
		return significant(x/1000, 4) + " cores"
	case u == Bytes:
		return bytesMean(x, 4)
	}
	return significant(x, 4)
}

// change is a difference for people, with its sign. One of shares is in
// percentage points.
func (u Unit) change(x float64) string {
	sign := "+"
	switch {
	case x < 0:
		sign = "-"
	case x == 0:
		return "0"
	}
	switch x = math.Abs(x); u {
	case Percent:
		return sign + significant(x*100, 3) + " pp"
	case Duration:
		return sign + rounded(x)
	case Rate:
		return sign + significant(x/1000, 3) + "rps"
	case Times:
		return sign + significant(x, 3) + "x"
	case Cores:
		return sign + significant(x/1000, 3) + " cores"
	case Bytes:
		return sign + bytesMean(x, 3)
	}
	return sign + significant(x, 3)
}

// significant is x with so many significant digits, none behind the point that
// say nothing, at most six of them.
func significant(x float64, digits int) string {
	whole := 1
	if a := math.Abs(x); a > 0 {
		whole = int(math.Floor(math.Log10(a))) + 1
	}
	s := strconv.FormatFloat(x, 'f', min(max(digits-whole, 0), 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if x != 0 && s == "0" {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	return s
}

// rounded is nanoseconds as a duration of four digits or so.
func rounded(ns float64) string {
	d := time.Duration(math.Round(ns))
	unit := time.Nanosecond
	for unit*10_000 <= d.Abs() && unit < time.Second {
		unit *= 10
	}
	return d.Round(unit).String()
}

package report

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Measure is a metric taken over a whole run as one number, so that runs can be
// compared. It is written as an expectation without its comparison,
//
//	measure = [ window ":" ] METRIC [ "." pick ] [ "(" [ argument { "," argument } ] ")" ]
//	pick    = "mean" | "max" | "min", of durations also "p50" | "p90" | "p95" | "p99"
//
// and is, by the metric's shape: of a level its mean over time (of a yes or no
// the share of the time that it is yes), of a count how often, of a share all
// that fared so of all that was sent, of durations the longest, unless the pick
// says otherwise. Without a window a mean and a count are about the whole run;
// the extremes of a level, and a share, begin when a promise about them would.
type Measure struct {
	Text string // how it is called

	e     Expect
	until bool // how long it takes until e's rule holds
}

// ParseMeasure reads one measure. An error is an *ExprError.
func ParseMeasure(s string) (Measure, error) {
	e, err := parse(s, (*exprParser).measure)
	m := Measure{Text: spaced(s), e: e}
	if !strings.HasSuffix(m.Text, ")") {
		m.Text += "()"
	}
	return m, err
}

// Level is the priority level the measure is about, "" if it is about none.
func (m *Measure) Level() string { return m.e.Level() }

// TellUsage is Expect.TellUsage of the measure.
func (m *Measure) TellUsage() []model.UsageOf { return m.e.TellUsage() }

// spaced is s with single spaces between its words.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *exprParser) measure() {
	p.measuring = true
	p.window()
	if t := p.peek(); slices.Contains(modeNames, t.text) {
		p.fail(t, "%s is for expectations; a measure is a metric alone, such as pods_pending.max()", t.text)
	}
	p.subject()
	switch t := p.peek(); {
	case t.text == "":
	case t.text == "within" || strings.Contains(comparing, t.text[:1]):
		p.fail(t, "a measure is not compared with anything; leave %q away", string([]rune(p.e.Expr)[t.column-1:]))
	default:
		p.fail(t, "unexpected %q", t.text)
	}
	if p.err == nil && p.e.mode == then && p.e.metric.Shape == Durations {
		p.fit()
	}
}

// pickedOfMeasure reads which of many values counts, or that all do.
func (p *exprParser) pickedOfMeasure(t token, name string) {
	m := p.e.metric
	known := append([]string{"mean"}, pickNames...)
	if m.Shape == Level {
		known = known[:3]
	}
	switch i := slices.Index(known, name); {
	case name == "" && m.Shape == Level:
		p.e.pick = pickMean
	case name == "":
	case m.Shape != Level && m.Shape != Durations:
		p.fail(t, "%s has no .%s: it is one value of the whole window", m.Name, name)
	case m.Unit == YesNo && name != "mean":
		p.fail(t, "%s has no .%s: it is the share of the time that it is yes", m.Name, name)
	case i < 0:
		p.fail(t, "%s has no .%s; there are %s", m.Name, name, strings.Join(known, ", "))
	default:
		p.e.pick = [...]pick{pickMean, pickMax, pickMin, 50, 90, 95, 99}[i]
	}
}

// Measure is what a promise is about: what is compared with its limit, or, of
// one that has to come true, how long that takes.
func (e *Expect) Measure() Measure {
	expr := spaced(e.Expr)
	m := Measure{e: *e, Text: expr}
	level, yesNo := e.metric.Shape == Level, e.metric.Unit == YesNo
	if level && (e.mode == lasting || yesNo && (e.mode == eventually || e.mode == reached)) {
		m.until, m.Text = true, "time until "+expr
		return m
	}
	subject := spaced(e.subject)
	switch {
	case yesNo:
		m.e.pick = pickMean
	case level && e.mode != then:
		once := e.mode == eventually || e.mode == reached // looks at the start, too
		suffix := ".min"
		if m.e.pick = pickMin; e.wantsLess() != (once || e.mode == never) {
			m.e.pick, suffix = pickMax, ".max"
		}
		subject = e.metric.Name + suffix + strings.TrimPrefix(subject, e.metric.Name)
		if once {
			subject = modeNames[e.mode-always] + "(" + subject + ")"
		}
	}
	m.Text = subject
	if window, _, found := strings.Cut(expr, ":"); found {
		m.Text = window + ": " + subject
	} else if i := strings.LastIndex(expr, " within "); i >= 0 {
		m.Text += expr[i:]
	}
	return m
}

// DefaultMeasures is what a comparison shows unasked: every metric that needs no
// object and is not one of OnlyIfAsked, durations by their mean and their 99th percentile.
func DefaultMeasures() (out []Measure) {
	add := func(s string) {
		m, err := ParseMeasure(s)
		if err != nil {
			panic("report: " + s + ": " + err.Error())
		}
		out = append(out, m)
	}
	for i := range metrics {
		switch m := &metrics[i]; {
		case m.needsUsage || !m.wordless() || m.Takes != "" && !m.optional():
		case m.Shape == Durations:
			add(m.Name + ".mean()")
			add(m.Name + ".p99()")
		default:
			add(m.Name + "()")
		}
	}
	return out
}

// Measured is what the measures of one run came to.
type Measured struct {
	Values []Value
	Held   []bool // by promise
}

// Value is a number in the measure's unit, or None, which says why there is
// none. Percents are from 0 to 1, durations in nanoseconds, rates in thousandths of a
// request per second, CPU in thousandths of a core.
type Value struct {
	N    float64
	None string
}

// question is what an instrument answers.
//
//tidy:key compared as a whole
type question struct {
	metric *Metric
	about  about
}

// Take reads a history once, up to end, and takes all measures of it.
func Take(h *store.History, end sim.Time, measures []Measure, promises []Expect) Measured {
	s := newState()
	converged := &cluster{is: (*state).converged}
	watchers := []watcher{converged}
	instruments := map[question]instrument{}
	ask := func(e *Expect) {
		q := question{e.metric, e.about}
		if instruments[q] == nil {
			s.want(e.about.target)
			instruments[q] = e.metric.open(e.about)
			watchers = append(watchers, instruments[q])
		}
	}
	for i := range measures {
		ask(&measures[i].e)
	}
	for i := range promises {
		ask(&promises[i])
	}
	fold(s, h, end, watchers)
	warm := warmUp(s, converged.finish(s, end).series)
	readings := map[question]reading{}
	read := func(e *Expect) *reading {
		q := question{e.metric, e.about}
		r, done := readings[q]
		if !done {
			r = instruments[q].finish(s, end)
			readings[q] = r
		}
		return &r
	}
	var out Measured
	for i := range measures {
		out.Values = append(out.Values, measures[i].value(read(&measures[i].e), s, warm, end))
	}
	for i := range promises {
		out.Held = append(out.Held, promises[i].judge(read(&promises[i]), s, warm, end).Held)
	}
	return out
}

// unit is what the measure's values are in.
func (m *Measure) unit() Unit {
	switch {
	case m.until:
		return Duration
	case m.e.metric.Unit == YesNo:
		return Percent
	}
	return m.e.metric.Unit
}

// value takes the measure from what was measured.
func (m *Measure) value(r *reading, s *state, warm, end sim.Time) Value {
	if r.none != "" {
		return Value{None: r.none}
	}
	e := &m.e
	w, why := e.when.resolve(s, end)
	if why != "" {
		return Value{None: why}
	}
	standing := e.mode == plainly || e.mode == always || e.mode == never
	extreme := e.metric.Shape == Level && e.pick != pickMean
	if !e.when.begins && standing && (extreme || e.metric.Shape == Share) {
		w.From = min(warm, w.To)
	}
	if e.metric.Shape == Durations {
		return m.duration(inWindow(r, w))
	}
	points := (&Verdict{Expect: *e}).points(r.series, w)
	if len(points) == 0 {
		return Value{None: "nothing to measure"}
	}
	if m.until {
		return m.coming(points, w)
	}
	if e.metric.Shape == Level {
		if points = slices.DeleteFunc(points, isMissing); len(points) == 0 {
			return Value{None: r.gap}
		}
	}
	last := points[len(points)-1]
	switch {
	case e.metric.Shape == Share && e.mode == then:
		return Value{N: float64(last.value(e.metric).n) / billion}
	case e.metric.Shape == Share:
		return Value{N: float64(integral(r.series.within(w), w.To).n) / billion}
	case e.metric.Shape == Total:
		return Value{N: float64(last.Num)}
	}
	n := m.level(points, r.series.within(w), w.To)
	if e.metric.Unit == Percent {
		n /= billion
	}
	return Value{N: n}
}

// level is the value of a measure of a level until a time: the last, the mean, the least or the
// largest. All is its series within the window, and points is those of it that have a value.
func (m *Measure) level(points, all series, to sim.Time) float64 {
	by := func(a, b point) int { return cmp.Compare(a.Num, b.Num) }
	switch {
	case m.e.mode == then:
		return float64(points[len(points)-1].Num)
	case m.e.pick == pickMean:
		return meanOverTime(all, to)
	case m.e.pick == pickMin:
		return float64(slices.MinFunc(points, by).Num)
	}
	return float64(slices.MaxFunc(points, by).Num)
}

// duration is the picked one of all durations, the shortest first.
func (m *Measure) duration(all []took) Value {
	if len(all) == 0 {
		return Value{None: "nothing to measure"}
	}
	if m.e.pick != pickMean {
		if n := all[rank(m.e.pick, len(all))].n; n != unending {
			return Value{N: float64(n)}
		}
		return Value{None: "never"}
	}
	sum := new(big.Int)
	for _, t := range all {
		if t.n == unending {
			return Value{None: "never"}
		}
		sum.Add(sum, big.NewInt(t.n))
	}
	return Value{N: quotient(sum, int64(len(all)))}
}

// coming is how long it takes from the beginning of the window until the rule
// holds, of one that has to last for good.
func (m *Measure) coming(points series, w Window) Value {
	e := &m.e
	holds := func(p point) bool { return e.holdsAt(p) }
	i := slices.IndexFunc(points, holds)
	if e.mode == lasting {
		for i = len(points); i > 0 && holds(points[i-1]); i-- {
		}
	}
	if i < 0 || i == len(points) {
		return Value{None: "never"}
	}
	return Value{N: float64(points[i].At - w.From)}
}

// meanOverTime is the mean of a level while it has a value.
func meanOverTime(points series, to sim.Time) float64 {
	sum, took, last := new(big.Int), int64(0), int64(0)
	for i, p := range points {
		until := to
		if i+1 < len(points) {
			until = points[i+1].At
		}
		if hasValue(p) {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(p.Num), big.NewInt(int64(until-p.At))))
			sum.Add(sum, p.triangle(until))
			took, last = took+int64(until-p.At), p.Num
		}
	}
	if took == 0 {
		return float64(last)
	}
	return quotient(sum, took)
}

// quotient is rounded once, on every processor.
func quotient(sum *big.Int, n int64) float64 {
	q, _ := new(big.Rat).SetFrac(sum, big.NewInt(n)).Float64()
	return q
}

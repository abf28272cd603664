package report

import (
	"slices"
	"strings"

	"orrery/model"
)

// rule = subject [ comparison value ]
func (p *exprParser) rule() {
	if t := p.subject(); p.err == nil {
		p.comparison(t)
	}
}

// subject = metric [ "." pick ] [ "(" [ argument { "," argument } ] ")" ]
func (p *exprParser) subject() token {
	t := p.word("a metric")
	if p.err != nil {
		return t
	}
	from := t.column
	name, picked, dotted := strings.Cut(t.text, ".")
	p.e.metric = lookup(name)
	if p.e.metric == nil {
		p.unknownMetric(t, name)
		return t
	}
	if p.skip("(") {
		p.arguments()
		p.want(")", "the arguments of "+name)
	}
	if after := p.peek(); strings.HasPrefix(after.text, ".") && picked == "" {
		t, picked, dotted = p.next(), after.text[1:], true
	}
	if dotted && picked == "" {
		p.fail(t, "nothing follows the point of %q", t.text)
	}
	p.picked(t, picked)
	p.arity(t)
	p.e.subject = strings.TrimSpace(string([]rune(p.e.Expr)[from-1 : p.peek().column-1]))
	return t
}

func (p *exprParser) unknownMetric(t token, name string) {
	hint := didYouMean(name, metricNames())
	switch {
	case slices.Contains(modeNames, name):
		hint = "; " + name + "(...) goes around the whole rule, once"
	case slices.Contains(modeNames, strings.ToLower(name)):
		hint = "; write " + strings.ToLower(name) + " in small letters"
	}
	if hint == "" {
		hint = "; the list command shows the metrics there are"
	}
	p.fail(t, "unknown metric %q%s", name, hint)
}

// pick is which of a metric's durations counts: a percentile, or the largest
// or the smallest.
type pick int8

const (
	pickMax pick = 0
	pickMin pick = -1
	// pickMean is the mean, over samples or over time; only a Measure has it.
	pickMean pick = -2
)

var pickNames = []string{"max", "min", "p50", "p90", "p95", "p99"}

func (p *exprParser) picked(t token, name string) {
	if p.measuring {
		p.pickedOfMeasure(t, name)
		return
	}
	if name == "" {
		return
	}
	m := p.e.metric
	if m.Shape != Durations {
		hint := ""
		if m.needsUsage && m.Shape == Level {
			usage, value := m.bare(), m.Unit.Example()
			hint = "; write always(" + usage + " <= " + value + ") or reached(" + usage + " >= " + value + ")"
		}
		p.fail(t, "%s has no .%s: it is one value at a time, not many durations%s", m.Name, name, hint)
		return
	}
	if !slices.Contains(pickNames, name) {
		p.fail(t, "%s has no .%s; there are %s", m.Name, name, strings.Join(pickNames, ", "))
	}
	p.e.pick = [...]pick{pickMax, pickMin, 50, 90, 95, 99}[max(0, slices.Index(pickNames, name))]
}

func (p *exprParser) arguments() {
	if p.peek().text == ")" {
		return
	}
	for {
		t := p.word("an argument")
		if p.err != nil {
			return
		}
		switch {
		case p.skip("="):
			p.option(t)
		case p.e.metric.Word == statusWord && p.e.about.word == "":
			p.status(t)
		default:
			p.argument(t)
		}
		if !p.skip(",") {
			return
		}
	}
}

// status = word { ":" word }, as in Init:1/2
func (p *exprParser) status(t token) {
	for p.skip(":") {
		t.text += ":" + p.word("the rest of "+t.text).text
	}
	if p.e.about.word = t.text; !isStatus(t.text) {
		hint := didYouMean(t.text, statuses)
		if hint == "" {
			hint = "; there are " + strings.Join(statuses, ", ") + ", OutOf and a resource, and Init: with one of them or with numbers, as in Init:1/2"
		}
		p.fail(t, "kubectl shows no pod as %q%s", t.text, hint)
	}
}

func (p *exprParser) unknownReason(t token) {
	hint := didYouMean(t.text, reasons)
	if hint == "" {
		hint = "; there are " + strings.Join(reasons, ", ")
	}
	p.fail(t, "nothing that is modeled gives the reason %q%s", t.text, hint)
}

// option = "target" "=" percentage
func (p *exprParser) option(t token) {
	m := p.e.metric
	if t.text != "target" || !m.target {
		hint := "; it has none"
		if m.target {
			hint = "; it has target=, as in target=99.9%"
		}
		p.fail(t, "%s has no option %q%s", m.Name, t.text, hint)
		return
	}
	v := p.word("a percentage")
	if p.err != nil {
		return
	}
	n, err := parsePercent(v.text)
	if err != nil {
		p.fail(v, "%v", err)
	}
	if n == 0 && p.err == nil {
		p.fail(v, "a target of 0%% is always met")
	}
	p.e.about.share = n
}

func (p *exprParser) argument(t token) {
	m, a := p.e.metric, &p.e.about
	if m.Word != "" && a.word == "" && !strings.Contains(t.text, "/") {
		a.word = t.text
		switch {
		case m.isWord(t.text):
		case m.Word == causeWord:
			p.fail(t, "no request is lost because of %q%s; there are %s", t.text, didYouMean(t.text, causeNames()), strings.Join(causeNames(), ", "))
		case m.Word == componentWord:
			p.fail(t, "nothing called %q elects a leader%s; there are %s", t.text, didYouMean(t.text, electing), strings.Join(electing, ", "))
		default:
			p.unknownReason(t)
		}
		return
	}
	if m.Takes == "" {
		p.fail(t, "%s takes no object; write %s", m.Name, m.Usage())
		return
	}
	if !a.target.none() {
		p.fail(t, "%s takes one object, not also %q", m.Name, t.text)
		return
	}
	target, ok := parseTarget(t.text)
	if !ok {
		kind, _, _ := strings.Cut(t.text, "/")
		p.fail(t, "%q is not an object%s; write %s", t.text, didYouMean(kind, m.kinds()), m.Usage())
		return
	}
	if kind := target.kindName(); !slices.Contains(m.kinds(), kind) {
		p.fail(t, "%s cannot be asked about a %s; write %s", m.Name, kind, m.Usage())
	}
	a.target = target
}

func (t target) kindName() string {
	if t.namespaced {
		return "namespace"
	}
	return t.kind.Short()
}

// kinds is the kinds of object the metric takes.
func (m *Metric) kinds() []string { return strings.Split(strings.Trim(m.Takes, "[]"), "|") }

// Usage is how the metric is written: "availability(service/NAME)".
func (m *Metric) Usage() string { return m.written(named(m.kinds())) }

// Brief is Usage with a name for each of Selections: "restarts([PODS])".
func (m *Metric) Brief() string {
	kinds := m.kinds()
	var objects []string
	for _, s := range Selections() {
		all := strings.Split(s.Kinds, "|")
		left := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return slices.Contains(all, k) })
		if len(left) == len(kinds)-len(all) {
			kinds, objects = left, append(objects, s.Name)
		}
	}
	return m.written(append(objects, named(kinds)...))
}

// named is kinds as they are written with a name.
func named(kinds []string) (out []string) {
	for _, k := range kinds {
		out = append(out, k+"/NAME")
	}
	return out
}

// written is how the metric is written about one of some objects.
func (m *Metric) written(objects []string) string {
	args := m.Word
	if m.Takes != "" {
		object := strings.Join(objects, "|")
		if m.optional() {
			object = "[" + object + "]"
		}
		if args != "" {
			object = ", " + object
		}
		args += object
	}
	return m.Name + "(" + args + ")"
}

func (m *Metric) optional() bool { return strings.HasPrefix(m.Takes, "[") }

// wordless tells whether the metric needs no argument of its own.
func (m *Metric) wordless() bool { return m.Word == "" || strings.HasPrefix(m.Word, "[") }

// arity checks that the metric was asked about what it needs.
func (p *exprParser) arity(t token) {
	m, a := p.e.metric, &p.e.about
	if m.Word != "" && !m.wordless() && a.word == "" || m.Takes != "" && !m.optional() && a.target.none() {
		p.fail(t, "about what? write %s", m.Usage())
	}
	if a.share != 0 && a.target.kind != model.KindService {
		p.fail(t, "target= is about a service's requests; a %s has none", a.target.kindName())
	}
}

func (p *exprParser) comparison(metric token) {
	m := p.e.metric
	t := p.peek()
	isComparison := t.text != "" && strings.Contains(comparing, t.text[:1])
	if m.Unit == YesNo {
		if isComparison {
			p.fail(t, "%s is yes or no and is not compared", m.Name)
		}
		return
	}
	if p.err != nil {
		return
	}
	if !isComparison {
		p.fail(t, "%s is %s: compare it with something, as in %s", m.Name, m.Unit.noun(), m.example())
		return
	}
	p.next()
	p.e.op = op(max(0, slices.Index(opText[:], t.text)))
	if p.e.op == isTrue {
		p.fail(t, "%q is no comparison; there are < <= > >= == !=", t.text)
	}
	v := p.word("a value")
	if p.err != nil {
		return
	}
	n, err := parseValue(v.text, m.Unit)
	if err != nil {
		p.fail(v, "%s is %s: %v", m.Name, m.Unit.noun(), err)
	}
	p.e.limit = n
}

// example is a rule about the metric.
func (m *Metric) example() string {
	comparison := " <= "
	if m.Unit == Percent || m.Unit == Rate {
		comparison = " >= "
	}
	return m.bare() + comparison + m.Unit.Example()
}

// bare is the metric without what may be left out.
func (m *Metric) bare() string {
	if m.wordless() && (m.optional() || m.Takes == "") {
		return m.Name + "()"
	}
	return m.Usage()
}

// fit refuses what makes no sense together.
func (p *exprParser) fit() {
	e, at := p.e, token{column: 1}
	switch {
	case e.mode == lasting && (e.metric.Shape == Total || e.metric.Shape == Durations):
		e.mode = plainly // the window's length is all that "within" says of them
	case e.mode == then && e.metric.Shape == Durations:
		p.fail(at, `%s is measured over time and has no value at one moment; write "between" or "after"`, e.metric.Name)
	case e.mode != plainly && e.pick != pickMax:
		p.fail(at, "a percentile or minimum is one value of the whole window: leave %s away", modeNames[e.mode-always])
	}
}

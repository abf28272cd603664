package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"orrery/sim"
)

// longest is the length in bytes of the longest expression that is read.
const longest = 1000

// ParseExpect reads one promise in the language the package comment
// describes. An error is an *ExprError.
func ParseExpect(s string) (Expect, error) { return parse(s, (*exprParser).promise) }

func parse(s string, as func(*exprParser)) (Expect, error) {
	e := Expect{Expr: s}
	if len(s) > longest {
		return e, &ExprError{1, fmt.Sprintf("the expression has %d bytes, more than %d", len(s), longest)}
	}
	if !utf8.ValidString(s) {
		return e, &ExprError{1, "the expression is not valid UTF-8"}
	}
	p := &exprParser{tokens: lex(s), e: &e}
	as(p)
	if p.err != nil {
		return e, p.err
	}
	return e, nil
}

// exprParser goes through the tokens; the first mistake ends it.
type exprParser struct {
	tokens    []token
	e         *Expect
	err       *ExprError
	measuring bool // it is a Measure, not a promise
}

func (p *exprParser) peek() token { return p.tokens[0] }

func (p *exprParser) next() token {
	t := p.tokens[0]
	if t.text != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// fail notes a mistake; only the first one counts, and nothing is read after it.
func (p *exprParser) fail(at token, format string, a ...any) {
	if p.err == nil {
		p.err = &ExprError{at.column, fmt.Sprintf(format, a...)}
		p.tokens = []token{{"", at.column}}
	}
}

// skip takes the next token if it is what is given.
func (p *exprParser) skip(text string) bool {
	if p.peek().text == text {
		p.next()
		return true
	}
	return false
}

func (p *exprParser) want(text, after string) {
	if !p.skip(text) {
		p.fail(p.peek(), "%s is missing after %s%s", text, after, p.found())
	}
}

func (p *exprParser) found() string {
	if t := p.peek(); t.text != "" {
		return fmt.Sprintf("; found %q", t.text)
	}
	return ""
}

func (p *exprParser) word(what string) token {
	t := p.peek()
	if t.text == "" || t.isSign() {
		p.fail(t, "%s is missing%s", what, p.found())
		return token{column: t.column}
	}
	return p.next()
}

var modeNames = []string{"always", "never", "eventually", "reached"}

// promise = [ window ":" ] ( mode "(" rule ")" | rule ) [ "within" duration [ "after" moment ] ]
func (p *exprParser) promise() {
	p.window()
	m := slices.Index(modeNames, p.peek().text)
	if m >= 0 {
		name := p.next()
		p.want("(", name.text)
		p.claim(name, always+mode(m))
		p.rule()
		p.want(")", "what is to hold "+name.text)
	} else {
		p.rule()
	}
	p.within()
	if t := p.peek(); t.text != "" {
		p.fail(t, "unexpected %q%s", t.text, p.hintAtEnd(t))
	}
	if p.err == nil {
		p.fit()
	}
}

func (p *exprParser) hintAtEnd(t token) string {
	switch t.text {
	case "after", "during", "between", "at", "before":
		return `; a window comes first, as in "` + t.text + ` ...: ` + strings.TrimSpace(string([]rune(p.e.Expr)[:t.column-1])) + `"`
	case "and", "or", "&&", "||":
		return "; write one expectation for each"
	}
	return didYouMean(t.text, []string{"within"})
}

// claim sets the mode.
func (p *exprParser) claim(at token, m mode) {
	if p.e.mode == then {
		p.fail(at, `"at" is about one moment already; leave %s away`, at.text)
	}
	p.e.mode = m
}

// window = "at" moment | "between" moment "and" moment | "during" fault | "after" moment | "before" moment
func (p *exprParser) window() {
	w := &p.e.when
	w.to = moment{last: true}
	t := p.peek()
	switch t.text {
	case "at":
		p.next()
		p.e.mode = then
		w.from = p.moment(edgeUnsaid)
		w.to = w.from
	case "between":
		p.next()
		w.from = p.moment(edgeStart)
		p.want("and", "the beginning of the window")
		w.to = p.moment(edgeEnd)
	case "during":
		p.next()
		p.during()
	case "after":
		p.next()
		w.from = p.moment(edgeEnd)
	case "before":
		p.next()
		w.to = p.moment(edgeStart)
	default:
		return
	}
	w.said, w.begins = true, t.text != "before"
	p.want(":", "the window")
}

func (p *exprParser) during() {
	w := &p.e.when
	t := p.peek()
	w.from = p.moment(edgeStart)
	if p.err == nil && (w.from.fault == "" || strings.Contains(t.text, ".")) {
		p.fail(t, `"during" takes a fault, as in during fault/zone-b: ...; write "between" for other windows`)
	}
	w.to = w.from
	w.from.offset, w.to.begins = 0, false
}

// edge is which end of a fault is meant if it is not said.
type edge uint8

const (
	edgeUnsaid edge = iota // it must be said
	edgeStart
	edgeEnd
)

// moment = duration | ( "faults" | "fault/" id ) [ ".start" | ".end" ] [ "+" duration ]
func (p *exprParser) moment(unless edge) moment {
	t := p.word("a time or a fault")
	if p.err != nil {
		return moment{}
	}
	m := moment{column: t.column}
	name := t.text
	if base, ok := strings.CutSuffix(name, ".start"); ok {
		name, unless = base, edgeStart
	} else if base, ok := strings.CutSuffix(name, ".end"); ok {
		name, unless = base, edgeEnd
	}
	id, isFault := strings.CutPrefix(name, "fault/")
	switch {
	case isFault && id != "":
		m.fault = id
	case name == "faults":
		m.fault = everyFault
	default:
		return p.clock(t)
	}
	if unless == edgeUnsaid {
		p.fail(t, "which end of it: %s.start or %s.end?", name, name)
	}
	m.begins = unless == edgeStart
	if p.skip("+") {
		m.offset = p.duration()
	}
	return m
}

func (p *exprParser) clock(t token) moment {
	n, err := parseDuration(t.text)
	if err != nil {
		hint := didYouMean(t.text, []string{"faults", "faults.start", "faults.end"})
		if hint == "" && t.text[0] >= '0' && t.text[0] <= '9' {
			hint = "; " + err.Error()
		}
		p.fail(t, `%q is neither a time such as 5m30s nor a fault such as fault/zone-b or faults%s`, t.text, hint)
	}
	return moment{offset: sim.Time(n), column: t.column}
}

func (p *exprParser) duration() sim.Time {
	t := p.word("a duration")
	if p.err != nil {
		return 0
	}
	n, err := parseDuration(t.text)
	if err != nil {
		p.fail(t, "%v", err)
	}
	return sim.Time(n)
}

// within ends a promise: a window of a length, from a moment or from the start.
func (p *exprParser) within() {
	at := p.peek()
	if !p.skip("within") {
		return
	}
	w := &p.e.when
	if w.said {
		p.fail(at, `the window is said twice; leave "within" or the part before the colon away`)
	}
	length := p.duration()
	w.said, w.begins, w.from = true, true, moment{}
	if p.skip("after") {
		w.from = p.moment(edgeEnd)
	}
	w.to = w.from
	w.to.offset = sim.Time(w.to.offset).Add(length.Sub(0))
	if p.e.mode == plainly {
		p.e.mode = lasting
	}
}

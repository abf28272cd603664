package report

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// describe is everything that was understood of an expression.
func describe(e *Expect) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", [...]string{"plainly", "always", "never", "eventually", "reached", "then", "lasting"}[e.mode], e.metric.Name)
	if e.pick != pickMax {
		fmt.Fprintf(&b, ".%d", e.pick)
	}
	if o := e.Object(); o != "" {
		fmt.Fprintf(&b, " of %s", o)
	}
	if e.about.word != "" {
		fmt.Fprintf(&b, " word %s", e.about.word)
	}
	if e.about.share != 0 {
		fmt.Fprintf(&b, " target %d", e.about.share)
	}
	if e.op != isTrue {
		fmt.Fprintf(&b, " %s %d", opText[e.op], e.limit)
	}
	if e.when.said {
		fmt.Fprintf(&b, " from %s to %s", describeMoment(e.when.from), describeMoment(e.when.to))
	}
	return b.String()
}

func describeMoment(m moment) string {
	switch {
	case m.last:
		return "the end"
	case m.fault == "":
		return m.offset.String()
	case m.begins:
		return fmt.Sprintf("start of %s + %v", m.fault, m.offset)
	}
	return fmt.Sprintf("end of %s + %v", m.fault, m.offset)
}

// TestParse goes through testdata/parse.txt: an expression a line, each
// followed by what was understood or by what is wrong and where.
func TestParse(t *testing.T) {
	lineByLine(t, "parse.txt", func(l string) string {
		e, err := ParseExpect(l)
		if err == nil {
			return fmt.Sprintf("    %s\n", describe(&e))
		}
		x := err.(*ExprError)
		return fmt.Sprintf("    %s^\n    %s\n", strings.Repeat(" ", x.Column-1), x.Message)
	})
}

// lineByLine goes through a file of testdata whose lines are each followed by what is said
// of them, which is indented; lines that are empty or begin with # are for people.
func lineByLine(t *testing.T, file string, say func(line string) string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		if strings.HasPrefix(l, " ") {
			continue
		}
		b.WriteString(l + "\n")
		if l != "" && !strings.HasPrefix(l, "#") {
			b.WriteString(say(l))
		}
	}
	golden(t, file, strings.ReplaceAll(b.String(), "\n\n\n", "\n\n"))
}

func TestEveryMetricIsWrittenAsItsUsageSays(t *testing.T) {
	names := metricNames()
	if !slices.IsSorted(names) {
		t.Errorf("the metrics are not sorted: %v", names)
	}
	bounds := map[Unit]string{
		Count: " <= 3", Percent: " >= 99.9%", Duration: " <= 5m", Rate: " >= 0.5rps", Times: " <= 1.5x",
		Cores: " <= 1.25", Bytes: " <= 512Mi", YesNo: "",
	}
	for _, m := range Metrics() {
		object := map[bool]string{true: strings.Split(strings.Trim(m.Takes, "[]"), "|")[0] + "/x"}[m.Takes != ""]
		word := map[string]string{"REASON": "BackOff", "LEVEL": "system", "[COMPONENT]": "etcd", statusWord: "Init:1/2", causeWord: "timeout"}[m.Word]
		if m.Word != "" {
			object = strings.TrimSuffix(word+", "+object, ", ")
		}
		s := m.Name + "(" + object + ")" + bounds[m.Unit]
		if _, err := ParseExpect(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if m.optional() {
			if _, err := ParseExpect(strings.Replace(s, strings.TrimPrefix(object, word+", "), "", 1)); err != nil && m.Word == "" {
				t.Errorf("%s about the whole cluster: %v", s, err)
			}
		}
	}
}

// seeds is the expressions of the transcript.
func seeds() []string {
	text, _ := os.ReadFile("testdata/parse.txt")
	var out []string
	for _, l := range strings.Split(string(text), "\n") {
		if l != "" && !strings.HasPrefix(l, "    ") && !strings.HasPrefix(l, "#") {
			out = append(out, l)
		}
	}
	return out
}

func FuzzParseExpect(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	h := nodeLoss()
	s := newState()
	fold(s, h.History(), h.now(), nil)
	f.Fuzz(func(t *testing.T, expr string) {
		if m, err := ParseMeasure(expr); err == nil {
			if again, err := ParseMeasure(m.Text); err != nil || again.Text != m.Text {
				t.Fatalf("%q is called %q, which is called %q, %v", expr, m.Text, again.Text, err)
			}
		}
		e, err := ParseExpect(expr)
		if err != nil {
			x := err.(*ExprError)
			if x.Column < 1 || x.Column > utf8.RuneCountInString(expr)+1 || x.Message == "" {
				t.Fatalf("%q: %v", expr, err)
			}
			return
		}
		if again, err := ParseExpect("  " + strings.ReplaceAll(expr, " ", "\t")); err != nil || describe(&again) != describe(&e) {
			t.Fatalf("%q means %s, with other spaces %s, %v", expr, describe(&e), describe(&again), err)
		}
		if m := e.Measure(); m.Text == "" {
			t.Fatalf("%q has a measure without a name", expr)
		} else if v := Take(h.History(), h.now(), []Measure{m}, nil).Values[0]; v.N != v.N || v.None != "" && v.N != 0 {
			t.Fatalf("%q measures %v", expr, v)
		}
		for _, v := range New(Meta{End: h.now()}, h.History(), []Expect{e}).Verdicts {
			if v.Measured == "" {
				t.Fatalf("%q measured nothing and does not say so", expr)
			}
		}
	})
}

// Brief names what many metrics are asked about, and loses none of it.
func TestBriefSaysWhatUsageSays(t *testing.T) {
	for i := range metrics {
		m := &metrics[i]
		long := m.Brief()
		for _, s := range Selections() {
			long = strings.Replace(long, s.Name, strings.Join(named(strings.Split(s.Kinds, "|")), "|"), 1)
		}
		sorted := func(s string) []string {
			words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("()[]|", r) })
			slices.Sort(words)
			return words
		}
		if !slices.Equal(sorted(long), sorted(m.Usage())) {
			t.Errorf("%s is %s, want %s", m.Brief(), long, m.Usage())
		}
		if len(m.Brief()) > 60 {
			t.Errorf("%s is not brief", m.Brief())
		}
	}
}

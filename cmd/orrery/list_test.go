package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"orrery/model/fault"
	"orrery/report"
	"orrery/scenarios"
)

// What is long is read, not scrolled sideways.
func TestListsFitIntoAHundredColumns(t *testing.T) {
	_, out, _ := say("list", "metrics", "faults", "options")
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > listWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// The lists say all there is, and how a value is written.
func TestListsSayAllThereIs(t *testing.T) {
	_, out, _ := say("list", "metrics", "faults", "options")
	words := strings.Join(strings.Fields(out), " ")
	for _, m := range report.Metrics() {
		such := ""
		if m.Unit != report.Count && m.Unit != report.YesNo {
			such = " such as " + m.Unit.Example()
		}
		if !strings.Contains(words, m.Brief()+": "+string(m.Unit)+such+" "+m.Help) {
			t.Errorf("it does not say %s: %s", m.Brief(), m.Help)
		}
	}
	for i := range fault.Kinds {
		k := &fault.Kinds[i]
		if !strings.Contains(words, k.Name+" "+k.Help+" keys: "+strings.Join(scenarios.FaultKeys(k), ", ")) {
			t.Errorf("it does not say %s: %s", k.Name, k.Help)
		}
	}
	for _, o := range scenarios.KnownOptions() {
		for _, said := range []string{o.Path() + ": " + o.Unit, o.Help + " " + o.Name + ": " + o.Example} {
			if said = strings.Join(strings.Fields(said), " "); !strings.Contains(words, said) {
				t.Errorf("it does not say %s", said)
			}
		}
	}
}

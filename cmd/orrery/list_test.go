package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"orrery/report"
)

// A list of metrics is read, not scrolled sideways, and says all there is.
func TestTheListOfMetricsFitsIntoAHundredColumns(t *testing.T) {
	_, out, _ := say("list", "metrics")
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > listWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	words := strings.Join(strings.Fields(out), " ")
	for _, m := range report.Metrics() {
		if !strings.Contains(words, m.Brief()+": "+string(m.Unit)+" "+m.Help) {
			t.Errorf("it does not say %s: %s", m.Brief(), m.Help)
		}
	}
}

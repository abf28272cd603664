package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMeasure goes through testdata/measure.txt: measures, and behind "expect"
// promises, each followed by what it measures and its value on the history of a
// lost node, or by what is wrong and where.
func TestMeasure(t *testing.T) {
	text, err := os.ReadFile("testdata/measure.txt")
	if err != nil {
		t.Fatal(err)
	}
	tape := nodeLoss()
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		if strings.HasPrefix(l, "    ") {
			continue
		}
		b.WriteString(l + "\n")
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		var m Measure
		if promise, ok := strings.CutPrefix(l, "expect "); ok {
			e, err := ParseExpect(promise)
			if err != nil {
				t.Fatal(err)
			}
			m = e.Measure()
			fmt.Fprintf(&b, "    %s\n", m.Text)
		} else if m, err = ParseMeasure(l); err != nil {
			fmt.Fprintf(&b, "    %v\n", err)
			continue
		}
		v := Take(tape.History(), tape.now(), []Measure{m}, nil).Values[0]
		if v.None != "" {
			fmt.Fprintf(&b, "    no value: %s\n", v.None)
			continue
		}
		fmt.Fprintf(&b, "    %s\n", m.unit().amount(v.N))
	}
	golden(t, "measure.txt", b.String())
}

// TestMeasuresAgreeWithVerdicts compares, for promises that judge compares as a
// whole, the measure of the promise with what the verdict shows.
func TestMeasuresAgreeWithVerdicts(t *testing.T) {
	tape := nodeLoss()
	for _, promise := range []string{
		"availability(service/web) >= 100%", "evictions() >= 0", "after faults: evictions() >= 0", "time_to_detect() <= 1ns",
		"time_to_replace.p50() <= 1ns", "always(ready() >= 1000)", "always(pods_pending() <= 0)", "never(ready() >= 0)",
		"unavailable(deployment/web) <= 0", "during faults: ready() >= 1000",
	} {
		e, err := ParseExpect(promise)
		if err != nil {
			t.Fatal(err)
		}
		r := New(Meta{End: tape.now()}, tape.History(), []Expect{e})
		m := e.Measure()
		v := Take(tape.History(), tape.now(), []Measure{m}, []Expect{e})
		if held := r.Verdicts[0].Held; v.Held[0] != held {
			t.Errorf("%s: held is %v, in the report %v", promise, v.Held[0], held)
		}
		n := int64(v.Values[0].N)
		if e.metric.Unit == Percent {
			n = int64(v.Values[0].N*billion + 0.5)
		}
		if got := (value{n: n}).text(e.metric.Unit, e.limit); v.Values[0].None != "" || got != r.Verdicts[0].Measured {
			t.Errorf("%s: the measure %s is %v (%s), the verdict shows %s", promise, m.Text, v.Values[0], got, r.Verdicts[0].Measured)
		}
	}
}

// TestEveryMetricWithoutAnObjectIsCompared: what is added to the registry is in
// a comparison without another line, unless the history has it only if somebody asks.
func TestEveryMetricWithoutAnObjectIsCompared(t *testing.T) {
	known := map[string]bool{}
	for _, m := range DefaultMeasures() {
		known[m.e.metric.Name] = true
	}
	for _, m := range Metrics() {
		if free := !m.needsUsage && m.wordless() && (m.Takes == "" || m.optional()); free != known[m.Name] {
			t.Errorf("%s: compared is %v, needs no object is %v", m.Usage(), known[m.Name], free)
		}
	}
}

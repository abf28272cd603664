package main

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"

	"orrery/report"
)

// compared is what a comparison of node-loss prints with so many processors.
func compared(t *testing.T, processors int, policies ...string) string {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	var out, talk bytes.Buffer
	c := &console{out: &out, err: &talk}
	s, err := c.load("node-loss", &options{})
	if err != nil {
		t.Fatal(err)
	}
	measures, err := measuresOf(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &report.Comparison{Scenario: "node-loss", Policies: policies, Seeds: []uint64{1, 2, 7}, Measures: measures, Promises: s.Expect}
	if code := c.runAll(s, x); code != exitHeld {
		t.Fatalf("exit %d: %s", code, talk.String())
	}
	for _, write := range []error{x.WriteText(&out, false), x.WriteJSON(&out)} {
		if write != nil {
			t.Fatal(write)
		}
	}
	return out.String()
}

// TestRunsSideBySideAreTheRunsOneByOne: how many processors there are changes
// not a byte. The race detector, if on, sees what the runs share.
func TestRunsSideBySideAreTheRunsOneByOne(t *testing.T) {
	want := compared(t, 1, "default", "default")
	for range 3 {
		if got := compared(t, 8, "default", "default"); got != want {
			t.Fatalf("8 processors print\n%s\nand one\n%s", got, want)
		}
	}
}

// TestAPolicyDoesNotDifferFromItself: the same seed is the same luck.
func TestAPolicyDoesNotDifferFromItself(t *testing.T) {
	out := compared(t, 2, "default", "default")
	if strings.Contains(out, "95 % interval") || !strings.Contains(out, "no difference at all in any pair of runs") {
		t.Errorf("a policy differs from itself:\n%s", out)
	}
}

func TestParseSeeds(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []uint64
		err  string
	}{
		{"1..4", []uint64{1, 2, 3, 4}, ""},
		{"1,2,7", []uint64{1, 2, 7}, ""},
		{"5", []uint64{5}, ""},
		{"7, 1..2", []uint64{7, 1, 2}, ""},
		{"18446744073709551615", []uint64{18446744073709551615}, ""},
		{"18446744073709551614..18446744073709551615", []uint64{18446744073709551614, 18446744073709551615}, ""},
		{"", nil, "neither a seed nor a span"},
		{"1..", nil, "neither a seed nor a span"},
		{"1-4", nil, "neither a seed nor a span"},
		{"0..3", nil, "seeds begin with 1"},
		{"4..1", nil, "write 1..4"},
		{"1,2,1", nil, "seed 1 is there twice"},
		{"1..3,2", nil, "seed 2 is there twice"},
		{"1..10001", nil, "more than 10000"},
		{"1..9999,20000..20001", nil, "more than 10000"},
		{"1..18446744073709551615", nil, "more than 10000"},
	} {
		got, err := parseSeeds(c.in)
		if c.err == "" && (err != nil || !slices.Equal(got, c.want)) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: %v, %v; want %v, %q", c.in, got, err, c.want, c.err)
		}
	}
}

// TestABrokenRunIsNamed: of runs that do not end the first is told of, whatever
// the order in which they stop, and nothing is compared.
func TestABrokenRunIsNamed(t *testing.T) {
	var out, talk bytes.Buffer
	c := &console{out: &out, err: &talk}
	s, err := c.load("node-loss", &options{maxEvents: 50})
	if err != nil {
		t.Fatal(err)
	}
	x := &report.Comparison{Policies: []string{"default", "default"}, Seeds: []uint64{3, 4, 5}}
	if code := c.runAll(s, x); code != exitUnfinished || !strings.Contains(talk.String(), "policy default, seed 3: nothing is compared") {
		t.Errorf("exit %d, %s", code, talk.String())
	}
}

// TestATerminalSeesHowManyRunsAreDone, and data stays free of it.
func TestATerminalSeesHowManyRunsAreDone(t *testing.T) {
	var out, talk bytes.Buffer
	c := &console{out: &out, err: &talk, terminal: true}
	code := compareCommand.execute(c, []string{"--policy", "default,bin-pack", "--seeds", "1..3", "--metric", "evictions", "node-loss"})
	bar := talk.String()
	if code != exitHeld || !strings.Contains(bar, "0 of 6 runs") || !strings.Contains(bar, "] 6 of 6 runs") || !strings.HasSuffix(bar, "\r\x1b[K") {
		t.Errorf("exit %d, on the terminal: %q", code, bar)
	}
	if strings.Contains(out.String(), "runs\x1b") || !strings.HasPrefix(out.String(), "compare node-loss") {
		t.Errorf("data: %q", out.String())
	}
}

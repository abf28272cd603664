package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios"
	"orrery/scenarios/strict"
)

var compareCommand = command{
	name:  "compare",
	args:  "--policy A,B[,C] [--seeds 1..20] FILE|NAME [FLAGS]",
	short: "compare scheduling policies on the same luck, with confidence intervals",
	example: `orrery compare --policy default,bin-pack node-loss
orrery compare --policy default,bin-pack,random --seeds 1..50 burst.yaml
orrery compare --policy default,bin-pack --metric 'pod_start_seconds.p99()' --metric 'pods_pending.max()' burst.yaml
orrery compare --policy default,bin-pack -o json burst.yaml | jq .measures`,
	flags: func(f *pflag.FlagSet, o *options) {
		f.StringVar(&o.policy, "policy", "", "the policies; each is compared with the first. Besides the scenario's own there are "+strings.Join(scheduler.PolicyNames(), ", "))
		f.StringVar(&o.seeds, "seeds", "1..20", "the seeds each of them is run with, such as 1..20 or 1,2,7")
		f.StringArrayVar(&o.metrics, "metric", nil, "what to compare, may be given several times (default: what the scenario expects, "+
			"and every metric that needs no object but "+strings.Join(report.OnlyIfAsked(), ", ")+", which make histories long)")
		f.StringVarP(&o.output, "output", "o", "text", "text or json")
		runFlags(f, o)
	},
	run: compare,
}

// compare exits with 0 whatever the difference and whether or not promises
// held: neither is what was asked.
func compare(c *console, o *options, args []string) int {
	if len(args) != 1 {
		return c.wrong("compare", fmt.Errorf("compare takes one scenario, a file or a name, got %d", len(args)))
	}
	if o.output != "text" && o.output != "json" {
		return c.wrong("compare", fmt.Errorf("--output is text or json, not %q", o.output))
	}
	seeds, err := parseSeeds(o.seeds)
	if err != nil {
		return c.wrong("compare", err)
	}
	policies, err := parsePolicies(o)
	if err != nil {
		return c.wrong("compare", err)
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("compare", err)
	}
	for _, name := range policies {
		if _, err := s.Policy(name); err != nil {
			return c.wrong("compare", fmt.Errorf("--policy: %w", err))
		}
	}
	measures, err := measuresOf(s, o.metrics)
	if err != nil {
		return c.wrong("compare", err)
	}
	for i := range measures {
		s.Config.TellUsage = append(s.Config.TellUsage, measures[i].TellUsage()...)
	}
	if o.output == "text" {
		c.notes(s.Notes)
	}
	x := &report.Comparison{Scenario: s.Config.Name, Policies: policies, Seeds: seeds, Measures: measures, Promises: s.Expect}
	if code := c.runAll(s, x); code != exitHeld {
		return code
	}
	if o.output == "json" {
		err = x.WriteJSON(c.out)
	} else {
		err = x.WriteText(c.out, c.colour)
	}
	if err != nil {
		fmt.Fprintln(c.err, err)
		return exitUsage
	}
	return exitHeld
}

// mostSeeds is how many seeds one comparison takes.
const mostSeeds = 10_000

// parseSeeds reads "1..20", "1,2,7" or both in one.
func parseSeeds(s string) (out []uint64, err error) {
	for _, part := range strings.Split(s, ",") {
		first, last, span := strings.Cut(strings.TrimSpace(part), "..")
		from, err := strconv.ParseUint(first, 10, 64)
		to := from
		if err == nil && span {
			to, err = strconv.ParseUint(last, 10, 64)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("--seeds: %q is neither a seed nor a span; write 1..20 or 1,2,7", part)
		case from == 0:
			return nil, fmt.Errorf("--seeds: seeds begin with 1")
		case to < from:
			return nil, fmt.Errorf("--seeds: %q ends before it begins; write %d..%d", part, to, from)
		case to-from >= mostSeeds || len(out)+int(to-from) >= mostSeeds:
			return nil, fmt.Errorf("--seeds: more than %d seeds", mostSeeds)
		}
		for seed := from; ; seed++ {
			if slices.Contains(out, seed) {
				return nil, fmt.Errorf("--seeds: seed %d is there twice; a run repeated is no second pair", seed)
			}
			if out = append(out, seed); seed == to {
				break
			}
		}
	}
	return out, nil
}

// parsePolicies reads --policy and leaves it empty.
func parsePolicies(o *options) ([]string, error) {
	names := strings.Split(o.policy, ",")
	for i, n := range names {
		if names[i] = strings.TrimSpace(n); names[i] == "" && len(names) > 1 {
			return nil, fmt.Errorf("--policy: a name is missing in %s", strict.Quote(o.policy))
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("--policy: %s is there twice", strict.Quote(n))
		}
	}
	if len(names) < 2 {
		return nil, fmt.Errorf("--policy: a comparison takes at least two policies, such as default,bin-pack; there are %s", strings.Join(scheduler.PolicyNames(), ", "))
	}
	o.policy = ""
	return names, nil
}

// measuresOf is what to compare: what was asked for, or what the scenario
// expects and then every metric that needs no object but report.OnlyIfAsked.
func measuresOf(s *scenarios.Scenario, asked []string) (out []report.Measure, err error) {
	add := func(m report.Measure) {
		if !slices.ContainsFunc(out, func(x report.Measure) bool { return x.Text == m.Text }) {
			out = append(out, m)
		}
	}
	for _, text := range asked {
		m, err := report.ParseMeasure(text)
		if err != nil {
			return nil, fmt.Errorf("--metric %s: %w", strict.Quote(text), err)
		}
		if level := m.Level(); level != "" && !slices.Contains(s.Levels, level) {
			return nil, fmt.Errorf("--metric %s: there is no priority level %s; there are %s", strict.Quote(text), strict.Quote(level), strings.Join(s.Levels, ", "))
		}
		add(m)
	}
	if len(asked) > 0 {
		return out, nil
	}
	for i := range s.Expect {
		add(s.Expect[i].Measure())
	}
	for _, m := range report.DefaultMeasures() {
		add(m)
	}
	return out, nil
}

// batch is the runs of a comparison, handed out in order to as many workers as
// there are processors. Each run is single-threaded and shares nothing that
// anybody writes.
type batch struct {
	console *console
	x       *report.Comparison

	mu     sync.Mutex
	next   int
	done   int
	broken *brokenRun // the earliest; no run is begun after it
	bar    *bar
}

// brokenRun is a run that came to no end.
type brokenRun struct {
	index int
	code  int
	say   string
	panic any
}

// runAll runs the scenario under each policy with each seed and takes the
// measures. What it is not exitHeld about has been told.
func (c *console) runAll(s *scenarios.Scenario, x *report.Comparison) int {
	b := &batch{console: c, x: x}
	total := len(x.Policies) * len(x.Seeds)
	for range x.Policies {
		x.Runs = append(x.Runs, make([]report.Measured, len(x.Seeds)))
	}
	b.bar = newBar(c, "compare "+report.Escape(x.Scenario), total)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), total) {
		workers.Go(func() {
			for i, ok := b.take(total); ok; i, ok = b.take(total) {
				b.finish(b.one(*s, i))
			}
		})
	}
	workers.Wait()
	b.bar.clear()
	switch broken := b.broken; {
	case broken == nil:
		return exitHeld
	case broken.panic != nil:
		panic(broken.panic)
	default:
		fmt.Fprintln(c.err, broken.say)
		return broken.code
	}
}

// take is the next run to do: by policy and, fastest, by seed.
func (b *batch) take(total int) (index int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == total || b.broken != nil {
		return 0, false
	}
	b.next++
	return b.next - 1, true
}

func (b *batch) finish(broken *brokenRun) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if broken != nil && (b.broken == nil || broken.index < b.broken.index) {
		b.broken = broken
	}
	b.done++
	b.bar.draw(b.done)
}

// one does one run. s is a copy; what it points to is only read.
func (b *batch) one(s scenarios.Scenario, index int) (broken *brokenRun) {
	name, i := b.x.Policies[index/len(b.x.Seeds)], index%len(b.x.Seeds)
	s.Config.Seed = b.x.Seeds[i]
	which := fmt.Sprintf("policy %s, seed %d: ", name, s.Config.Seed)
	defer func() {
		if p := recover(); p != nil {
			broken = &brokenRun{index: index, panic: fmt.Sprintf("%s%v\n%s", which, p, debug.Stack())}
		}
	}()
	profile, err := s.Policy(name)
	if err != nil {
		return &brokenRun{index: index, code: exitUsage, say: err.Error()}
	}
	s.Config.Scheduler.Profile = profile
	quiet := &console{out: b.console.err, err: b.console.err, maxMemory: b.console.maxMemory}
	r, err := quiet.live(&s)
	if err != nil {
		return &brokenRun{index: index, code: exitUsage, say: which + err.Error()}
	}
	if r.stop != nil {
		return &brokenRun{index: index, code: r.code(), say: which + "nothing is compared, because the run did not come to its end: " + quiet.stopped(r)}
	}
	b.x.Runs[index/len(b.x.Seeds)][i] = report.Take(r.cluster.Store.History(), r.cluster.Kernel.Now(), b.x.Measures, b.x.Promises)
	return nil
}

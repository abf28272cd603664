package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"orrery/model/cluster"
	"orrery/model/scheduler"
	"orrery/report"
	"orrery/scenarios"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// progressEvents is how many events pass between two looks at the wall clock
// and at the memory.
const progressEvents = 1 << 14

// defaultMaxMemory is how much memory a run may use before it is stopped.
const defaultMaxMemory = "12Gi"

// modelFlags declares the flags that decide what a run does.
func modelFlags(f *pflag.FlagSet, o *options) {
	f.Uint64Var(&o.seed, "seed", 0, "seed of all luck; 0 takes the scenario's own")
	f.StringVar(&o.policy, "policy", "", "how the scheduler chooses, instead of as the scenario says: one of its policies, or "+strings.Join(scheduler.PolicyNames(), ", "))
	f.StringVar(&o.ties, "ties", "", tiesHelp+", instead of as the scenario says")
	runFlags(f, o)
}

// momentFlags declares --at and the flags of modelFlags, for a command that prints something at
// a moment of a run.
func momentFlags(f *pflag.FlagSet, o *options, what string) {
	modelFlags(f, o)
	f.StringVar(&o.at, "at", "", "print "+what+" at this moment of the run instead of its end")
}

// moments is what --at and --every say of a run that would last as long as whole: until when it
// goes on, and at which interval it is looked at before that, 0 if it is not.
func (o *options) moments(whole time.Duration) (until, every time.Duration, err error) {
	until = whole
	if o.at != "" {
		if until, err = strict.ParseDuration(o.at); err != nil {
			return 0, 0, fmt.Errorf("--at: %w", err)
		}
		if until > whole {
			return 0, 0, fmt.Errorf("--at %v is after the end of the run, %v", sim.Time(until), sim.Time(whole))
		}
	}
	if o.every != "" {
		if every, err = strict.ParseDuration(o.every); err != nil {
			return 0, 0, fmt.Errorf("--every: %w", err)
		}
		if every < time.Second {
			return 0, 0, fmt.Errorf("--every is %v; the least is 1s", every)
		}
	}
	return until, every, nil
}

// runFlags declares those flags of modelFlags that are not what a comparison varies.
func runFlags(f *pflag.FlagSet, o *options) {
	f.StringVar(&o.root, "root", "", "folder that manifests, snapshots and traces may come from (default: the scenario's own)")
	f.BoolVar(&o.literal, "literal", false, "run every periodic tick as an event: slower, with the same history")
	f.Uint64Var(&o.shuffle, "shuffle-ties", 0, "permute events of one instant with this seed; 0 keeps first in, first out")
	f.Uint64Var(&o.maxEvents, "max-events", 0, "stop after so many events; 0 is five billion")
	f.DurationVar(&o.maxWall, "max-wall", 0, "stop after so much real time; 0 is no limit")
	f.StringVar(&o.maxMemory, "max-memory", defaultMaxMemory, "stop when the history has grown so large")
}

// load reads a scenario: a file, or the name of one that is built in.
func (c *console) load(name string, o *options) (*scenarios.Scenario, error) {
	s, err := scenarios.Open(name, scenarios.Options{Root: o.root})
	if err != nil {
		return nil, err
	}
	if o.seed != 0 {
		s.Config.Seed = o.seed
	}
	if o.policy != "" {
		if s.Config.Scheduler.Profile, err = s.Policy(o.policy); err != nil {
			return nil, fmt.Errorf("--policy: %w", err)
		}
	}
	if o.ties != "" {
		if s.Config.Scheduler.Ties, err = ties(o.ties); err != nil {
			return nil, err
		}
	}
	s.Config.Literal = o.literal
	s.Config.ShuffleTies = o.shuffle
	s.Config.Limits = sim.Limits{Events: o.maxEvents, Wall: o.maxWall}
	if o.maxWall < 0 {
		return nil, fmt.Errorf("--max-wall is %v: a budget cannot be negative", o.maxWall)
	}
	if o.maxMemory != "" {
		if c.maxMemory, err = strict.ParseBytes(o.maxMemory); err != nil {
			return nil, fmt.Errorf("--max-memory: %w", err)
		}
	}
	return s, nil
}

// outcome is a run that ended, one way or another.
type outcome struct {
	cluster *cluster.Cluster
	report  *report.Report // nil until simulate made it
	stop    *sim.StopError // nil if the run reached its end
	full    bool           // it was stopped because it used too much memory
}

// simulate runs a scenario to its end, a budget's, or Ctrl-C, and reports.
func (c *console) simulate(s *scenarios.Scenario, command string) (*outcome, error) {
	out, err := c.live(s)
	if err != nil {
		return nil, err
	}
	x := out.cluster
	meta := report.Meta{
		Scenario: s.Config.Name, About: s.About, Seed: s.Config.Seed,
		Events: x.Kernel.Events(), End: x.Kernel.Now(), Command: command, Stopped: c.stopped(out),
	}
	h := x.Store.History()
	meta.Digest = report.Digest(h).Sum()
	out.report = report.New(meta, h, s.Expect)
	return out, nil
}

// stopped is why a run ended before its time, "" if it did not.
func (c *console) stopped(r *outcome) string {
	switch {
	case r.stop == nil:
		return ""
	case r.full:
		return fmt.Sprintf("at %v the history is larger than %d MiB; --max-memory allows more", r.stop.At, c.maxMemory>>20)
	}
	return r.stop.Error()
}

// live runs a scenario to its end, a budget's, or Ctrl-C.
func (c *console) live(s *scenarios.Scenario) (*outcome, error) {
	return c.looking(s, 0, func(*cluster.Cluster) {})
}

// looking is live, and calls look at this interval, unless it is 0, and at the end.
func (c *console) looking(s *scenarios.Scenario, every time.Duration, look func(*cluster.Cluster)) (*outcome, error) {
	x, err := cluster.New(s.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Config.Name, err)
	}
	end := sim.Time(s.Config.Duration)
	out := &outcome{cluster: x}
	p := newProgress(c, report.Escape(s.Config.Name), end)
	x.Kernel.OnProgress(func(now sim.Time, events uint64) {
		p.draw(now, events)
		out.full = out.full || events%memoryEvents == 0 && c.tooLarge()
		if out.full {
			x.Kernel.Interrupt()
		}
	}, progressEvents)
	stopListening := interruptible(x.Kernel)
	invariants := cluster.Watch(x.Store)
	for at := sim.Time(every); every > 0 && at < end && err == nil; at = at.Add(every) {
		if err = x.Run(at); err == nil {
			look(x)
		}
	}
	if err == nil {
		if err = x.Run(end); err == nil {
			look(x)
		}
	}
	stopListening()
	p.clear()
	if broken := invariants.Broken; len(broken) > 0 {
		panic("an invariant of the model does not hold: " + strings.Join(broken, "; "))
	}
	if err != nil && !errors.As(err, &out.stop) {
		return nil, err
	}
	return out, nil
}

// memoryEvents is how many events pass between two looks at the memory.
const memoryEvents = progressEvents << 6

// tooLarge tells whether the process uses more memory than it may.
func (c *console) tooLarge() bool {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return c.maxMemory > 0 && int64(m.HeapAlloc) > c.maxMemory
}

// interruptible lets Ctrl-C end a run, which then reports what it knows.
func interruptible(k *sim.Kernel) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			k.Interrupt()
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// code is the exit code of an outcome.
func (r *outcome) code() int {
	switch {
	case r.stop != nil && r.stop.Kind == sim.StoppedInterrupt && !r.full:
		return exitInterrupted
	case r.stop != nil:
		return exitUnfinished
	case !r.report.Held():
		return exitFailed
	}
	return exitHeld
}

// reproduce is the command line that does the same again.
func reproduce(name string, o *options, seed uint64) string {
	line := "orrery run " + quote(name) + " --seed " + strconv.FormatUint(seed, 10)
	if o.root != "" {
		line += " --root " + quote(o.root)
	}
	if o.policy != "" {
		line += " --policy " + quote(o.policy)
	}
	if o.literal {
		line += " --literal"
	}
	if o.ties != "" {
		line += " --ties " + quote(o.ties)
	}
	if o.shuffle != 0 {
		line += " --shuffle-ties " + strconv.FormatUint(o.shuffle, 10)
	}
	if o.maxEvents != 0 {
		line += " --max-events " + strconv.FormatUint(o.maxEvents, 10)
	}
	if o.maxWall != 0 {
		line += " --max-wall " + o.maxWall.String()
	}
	if o.maxMemory != defaultMaxMemory {
		line += " --max-memory " + quote(o.maxMemory)
	}
	return line
}

// quote makes s one word for a shell.
func quote(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./=:@%+,", r)
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// speed tells on the console how fast a run was, which is nobody's result.
func (c *console) speed(r *outcome, took time.Duration) {
	events := float64(r.report.Events)
	fmt.Fprintf(c.err, "%v of cluster time in %v: %s events, %s/s\n",
		r.report.End, took.Round(time.Millisecond), short(events), short(events/max(took.Seconds(), 1e-6)))
}

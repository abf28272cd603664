package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/report"
	"orrery/scenarios"
	"orrery/sim"
)

var verifyCommand = command{
	name:  "verify",
	args:  "FILE|NAME [FLAGS]",
	short: "prove that a scenario's run is deterministic",
	example: `orrery verify node-loss
orrery verify zone.yaml --seed 7`,
	flags: modelFlags,
	run:   verify,
}

// surroundings are what a run must not depend on, as variables of a fresh
// process.
var surroundings = [][]string{
	nil,
	{"GOMAXPROCS=1", "TZ=Pacific/Kiritimati", "LC_ALL=tr_TR.UTF-8", "GOGC=20"},
	{"GOMAXPROCS=8", "TZ=America/St_Johns", "LC_ALL=C", "GODEBUG=cpu.fma=off"},
}

func verify(c *console, o *options, args []string) int {
	if len(args) != 1 {
		return c.wrong("verify", fmt.Errorf("verify takes one scenario, a file or a name, got %d", len(args)))
	}
	s, err := c.load(args[0], o)
	if err != nil {
		return c.wrong("verify", err)
	}
	first, err := c.simulate(s, "")
	if err != nil {
		return c.wrong("verify", err)
	}
	if first.stop != nil {
		fmt.Fprintln(c.err, first.stop)
		return first.code()
	}
	fmt.Fprintf(c.out, "%s  seed %d  %s  %s\n", report.Escape(s.Config.Name), s.Config.Seed, model.Counted(int64(first.report.Records), "record"), first.report.Digest)
	// A twin may take more events than the run itself.
	s.Config.Limits = sim.Limits{}
	for _, check := range []func(*scenarios.Scenario, *outcome, *options, string) error{c.again, c.everyTick, c.elsewhere} {
		if err := check(s, first, o, args[0]); err != nil {
			return c.unproven(err)
		}
	}
	if err := c.shuffled(s, first); err != nil {
		var stopped *stoppedError
		if errors.As(err, &stopped) {
			return c.unproven(err)
		}
		fmt.Fprintf(c.out, "  but: %v\n", err)
	}
	fmt.Fprintln(c.out, "deterministic")
	return exitHeld
}

// differs is a difference between two runs of one scenario.
type differs struct{ what string }

func (d differs) Error() string { return d.what }

// stoppedError is a twin that did not reach its end, so that nothing was proved.
type stoppedError struct{ outcome *outcome }

func (e *stoppedError) Error() string { return e.outcome.report.Stopped }

// errInterrupted is Ctrl-C while a fresh process runs, which hears it, too.
var errInterrupted = errors.New("interrupted")

// unproven reports why a check ended the proof.
func (c *console) unproven(err error) int {
	var difference differs
	var stopped *stoppedError
	switch {
	case errors.As(err, &difference):
		fmt.Fprintf(c.out, "NOT DETERMINISTIC: %v\n", err)
		return exitNondeterministic
	case errors.As(err, &stopped):
		fmt.Fprintf(c.err, "nothing is proved: %v\n", err)
		return stopped.outcome.code()
	case errors.Is(err, errInterrupted):
		fmt.Fprintf(c.err, "nothing is proved: %v\n", err)
		return exitInterrupted
	}
	return c.wrong("verify", err)
}

// twin runs a scenario once more, to its end.
func (c *console) twin(s *scenarios.Scenario) (*outcome, error) {
	r, err := c.simulate(s, "")
	if err == nil && r.stop != nil {
		return nil, &stoppedError{r}
	}
	return r, err
}

// again runs a second time in this process.
func (c *console) again(s *scenarios.Scenario, first *outcome, _ *options, _ string) error {
	return c.compare("a second run in one process", s, first)
}

// everyTick runs with every periodic tick an event.
func (c *console) everyTick(s *scenarios.Scenario, first *outcome, _ *options, _ string) error {
	literal := *s
	literal.Config.Literal = !s.Config.Literal
	return c.compare("a run with every tick an event", &literal, first)
}

func (c *console) compare(what string, s *scenarios.Scenario, first *outcome) error {
	second, err := c.twin(s)
	if err != nil {
		return err
	}
	if d, differ := report.FirstDifference(first.cluster.Store.History(), second.cluster.Store.History()); differ {
		var b bytes.Buffer
		if err := d.WriteText(&b); err != nil {
			return err
		}
		return differs{fmt.Sprintf("%s differs\n%s", what, b.String())}
	}
	if first.report.Digest != second.report.Digest {
		return differs{fmt.Sprintf("%s has the digest %s", what, second.report.Digest)}
	}
	fmt.Fprintf(c.out, "  same: %s (%s)\n", what, model.Counted(int64(second.report.Events), "event"))
	return nil
}

// elsewhere runs in fresh processes with other surroundings and compares
// every byte of the report and of the history file.
func (c *console) elsewhere(s *scenarios.Scenario, first *outcome, o *options, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "orrery-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "history.ndjson")
	args := []string{"run", name, "--seed", strconv.FormatUint(s.Config.Seed, 10), "--shuffle-ties", strconv.FormatUint(o.shuffle, 10),
		"--history", file, "--literal=" + strconv.FormatBool(o.literal)}
	if o.root != "" {
		args = append(args, "--root", o.root)
	}
	if o.policy != "" {
		args = append(args, "--policy", o.policy)
	}
	if o.ties != "" {
		args = append(args, "--ties", o.ties)
	}
	var here bytes.Buffer
	if err := report.WriteHistory(&here, first.cluster.Store.History()); err != nil {
		return err
	}
	var printed []byte
	for i, env := range surroundings {
		text, history, err := runElsewhere(self, args, env, file)
		if err != nil {
			return err
		}
		if i == 0 {
			printed = text
		}
		if !bytes.Equal(history, here.Bytes()) {
			return differs{fmt.Sprintf("a fresh process%s has another history: %s", with(env), firstByte(here.Bytes(), history))}
		}
		if !bytes.Equal(text, printed) {
			return differs{fmt.Sprintf("a fresh process%s has another report: %s", with(env), firstByte(printed, text))}
		}
		fmt.Fprintf(c.out, "  same: a fresh process%s\n", with(env))
	}
	return nil
}

// with says which variables a process was given, if any.
func with(env []string) string {
	if len(env) == 0 {
		return ""
	}
	return " with " + strings.Join(env, " ")
}

// runElsewhere is a run in a fresh process: its report and its history.
func runElsewhere(self string, args, env []string, file string) (report, history []byte, err error) {
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), env...)
	report, err = cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitInterrupted {
		return nil, nil, errInterrupted
	}
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitFailed) {
		return nil, nil, fmt.Errorf("a run in a fresh process failed: %w", err)
	}
	history, err = os.ReadFile(file)
	return report, history, err
}

// firstByte says where two outputs part.
func firstByte(a, b []byte) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	line := 1 + bytes.Count(a[:n], []byte{'\n'})
	return fmt.Sprintf("line %d: %q, and %q", line, around(a, n), around(b, n))
}

func around(b []byte, at int) []byte {
	from := bytes.LastIndexByte(b[:at], '\n') + 1
	to := bytes.IndexByte(b[at:], '\n')
	if to < 0 {
		return b[from:]
	}
	return b[from : at+to]
}

// shuffled permutes the events of equal instants. What happens may differ; if
// a verdict does, it hangs on the order in which one instant's events happen.
func (c *console) shuffled(s *scenarios.Scenario, first *outcome) error {
	for seed := uint64(1); seed <= 3; seed++ {
		other := *s
		other.Config.ShuffleTies = seed
		r, err := c.twin(&other)
		if err != nil {
			return err
		}
		for i, v := range r.report.Verdicts {
			if v.Held != first.report.Verdicts[i].Held {
				return fmt.Errorf("the verdict on %q hangs on the order of events of one instant (see --shuffle-ties %d)", v.Expect.Expr, seed)
			}
		}
	}
	fmt.Fprintln(c.out, "  same verdicts: events of one instant in three other orders")
	return nil
}

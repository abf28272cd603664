package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"orrery/report"
	"orrery/scenarios"
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
	fmt.Fprintf(c.out, "%s  seed %d  %d records  %s\n", report.Escape(s.Config.Name), s.Config.Seed, first.report.Records, first.report.Digest)
	for _, check := range []func(*scenarios.Scenario, *outcome, *options, string) error{
		c.again, c.everyTick, c.elsewhere, c.shuffled,
	} {
		if err := check(s, first, o, args[0]); err != nil {
			fmt.Fprintf(c.out, "NOT DETERMINISTIC: %v\n", err)
			return exitNondeterministic
		}
	}
	fmt.Fprintln(c.out, "deterministic")
	return exitHeld
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
	second, err := c.simulate(s, "")
	if err != nil {
		return err
	}
	if d, differ := report.FirstDifference(first.cluster.Store.History(), second.cluster.Store.History()); differ {
		var b bytes.Buffer
		if err := d.WriteText(&b); err != nil {
			return err
		}
		return fmt.Errorf("%s differs\n%s", what, b.String())
	}
	if first.report.Digest != second.report.Digest {
		return fmt.Errorf("%s has the digest %s", what, second.report.Digest)
	}
	fmt.Fprintf(c.out, "  same: %s (%d events)\n", what, second.report.Events)
	return nil
}

// elsewhere runs in fresh processes with other surroundings and compares
// every byte of the report.
func (c *console) elsewhere(_ *scenarios.Scenario, _ *outcome, o *options, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"run", name, "-o", "json", "--seed", strconv.FormatUint(o.seed, 10), "--shuffle-ties", strconv.FormatUint(o.shuffle, 10)}
	if o.root != "" {
		args = append(args, "--root", o.root)
	}
	if o.literal {
		args = append(args, "--literal")
	}
	var want []byte
	for i, env := range append([][]string{nil}, surroundings...) {
		cmd := exec.Command(self, args...)
		cmd.Env = append(os.Environ(), env...)
		got, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitFailed) {
			return fmt.Errorf("a run in a fresh process failed: %w", err)
		}
		if i == 0 {
			want = got
			continue
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("with %v the report differs: %s", env, firstByte(want, got))
		}
		fmt.Fprintf(c.out, "  same: a fresh process with %v\n", env)
	}
	return nil
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

// shuffled permutes the events of equal instants: what happens may differ, the
// verdicts may not.
func (c *console) shuffled(s *scenarios.Scenario, first *outcome, _ *options, _ string) error {
	for seed := uint64(1); seed <= 3; seed++ {
		other := *s
		other.Config.ShuffleTies = seed
		r, err := c.simulate(&other, "")
		if err != nil {
			return err
		}
		for i, v := range r.report.Verdicts {
			if v.Held != first.report.Verdicts[i].Held {
				return fmt.Errorf("with events of one instant in another order (--shuffle-ties %d), the verdict on %q turns", seed, v.Expect.Expr)
			}
		}
	}
	fmt.Fprintln(c.out, "  same verdicts: events of one instant in three other orders")
	return nil
}

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"orrery/report"
	"orrery/scenarios"
)

var testCommand = command{
	name:  "test",
	args:  "[PATHS|NAMES] [FLAGS]",
	short: "run many scenarios, like go test",
	example: `orrery test                        # every built-in scenario
orrery test ./scenarios/...        # every scenario below a folder
orrery test ./outages --run zone   # those whose name matches
orrery test node-loss --count 20   # seeds 1 to 20`,
	flags: func(f *pflag.FlagSet, o *options) {
		modelFlags(f, o)
		f.StringVar(&o.match, "run", "", "only scenarios whose name matches this regular expression")
		f.IntVar(&o.count, "count", 1, "run each with so many seeds, from its own upwards")
		f.BoolVarP(&o.verbose, "verbose", "v", false, "print every promise, not only broken ones")
	},
	run: testScenarios,
}

func testScenarios(c *console, o *options, args []string) int {
	match, err := regexp.Compile(o.match)
	if err != nil {
		return c.wrong("test", fmt.Errorf("--run: %w", err))
	}
	if o.count < 1 {
		return c.wrong("test", fmt.Errorf("--count is at least 1, not %d", o.count))
	}
	names, err := find(args)
	if err != nil {
		return c.wrong("test", err)
	}
	worst, ran := exitHeld, 0
	for _, name := range names {
		code, n := c.testOne(name, o, match)
		ran += n
		worst = worse(worst, code)
		if code == exitInterrupted {
			break
		}
	}
	if ran == 0 && worst == exitHeld {
		return c.wrong("test", fmt.Errorf("no scenario matches"))
	}
	if worst == exitHeld {
		fmt.Fprintln(c.out, "PASS")
	} else {
		fmt.Fprintln(c.out, "FAIL")
	}
	return worst
}

// worse is the exit code to report of two: a failed promise counts less than
// a run that could not be judged.
func worse(a, b int) int { return max(a, b) }

// testOne runs one scenario with every seed asked for.
func (c *console) testOne(name string, o *options, match *regexp.Regexp) (worst, ran int) {
	s, err := c.load(name, o)
	if err != nil {
		if !match.MatchString(name) {
			return exitHeld, 0
		}
		fmt.Fprintf(c.out, "FAIL  %s\n", report.Escape(name))
		fmt.Fprintln(c.err, err)
		return exitUsage, 1
	}
	if !match.MatchString(s.Config.Name) {
		return exitHeld, 0
	}
	first := s.Config.Seed
	for i := range o.count {
		s.Config.Seed = first + uint64(i)
		code := c.testSeed(name, s, o)
		ran++
		worst = worse(worst, code)
		if code == exitInterrupted {
			break
		}
	}
	return worst, ran
}

// testSeed runs one scenario once. A bug of ours in it does not keep the
// others from running.
func (c *console) testSeed(name string, s *scenarios.Scenario, o *options) (code int) {
	again := reproduce(name, o, s.Config.Seed)
	defer func() {
		if p := recover(); p != nil {
			code = c.bug(p)
			fmt.Fprintf(c.out, "FAIL  %-28s seed %d: a bug of ours; again: %s\n", report.Escape(s.Config.Name), s.Config.Seed, again)
		}
	}()
	started := time.Now()
	r, err := c.simulate(s, again)
	if err != nil {
		fmt.Fprintln(c.err, err)
		return exitUsage
	}
	c.verdict(s, r, o)
	fmt.Fprintf(c.err, "      %s seed %d took %v\n", report.Escape(s.Config.Name), s.Config.Seed, time.Since(started).Round(time.Millisecond))
	return r.code()
}

// verdict prints one line about a run that held, and the report of one that
// did not.
func (c *console) verdict(s *scenarios.Scenario, r *outcome, o *options) {
	word := "ok  "
	if r.code() != exitHeld {
		word = "FAIL"
	}
	held := len(r.report.Verdicts) - r.report.Failed()
	fmt.Fprintf(c.out, "%s  %-28s seed %-6s %d of %d held  %v  %s\n", word, report.Escape(s.Config.Name),
		strconv.FormatUint(s.Config.Seed, 10), held, len(r.report.Verdicts), r.report.End, r.report.Digest)
	if r.code() != exitHeld || o.verbose {
		if err := r.report.WriteText(c.out, c.colour); err != nil {
			fmt.Fprintln(c.err, err)
		}
	}
}

// find turns what was asked for into scenarios: built-in names, files, and
// every .yaml below a folder (with or without the /... of the go command).
// Manifests below a folder are not scenarios and are passed over.
func find(args []string) ([]string, error) {
	if len(args) == 0 {
		return scenarios.Names(), nil
	}
	var out []string
	for _, a := range args {
		dir := strings.TrimSuffix(a, "/...")
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			out = append(out, a)
			continue
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (filepath.Ext(path) == ".yaml" || filepath.Ext(path) == ".yml") && scenarios.IsScenario(path) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Compact(out), nil
}

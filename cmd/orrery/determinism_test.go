package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"orrery/scenarios"
)

// build makes the program with extra variables and flags, and returns where
// it is.
func build(t *testing.T, name string, env []string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %v %v: %v\n%s", env, flags, err, out)
	}
	return path
}

// printed runs a built program on a scenario and returns its standard output
// and its history file.
func printed(t *testing.T, program, scenario string, env ...string) (out, history []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "history.ndjson")
	cmd := exec.Command(program, "run", scenario, "--history", file)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run %s with %v: %v", scenario, env, err)
	}
	if history, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	return out, history
}

// TestOutputDependsOnNothingButTheScenario compares every byte of every
// shipped scenario's output between processes, processor counts, time zones,
// locales and builds.
func TestOutputDependsOnNothingButTheScenario(t *testing.T) {
	plain := build(t, "orrery", nil)
	others := []struct {
		what, program string
		env           []string
	}{
		{"a second process", plain, nil},
		{"GOMAXPROCS=1, another time zone and locale", plain, []string{"GOMAXPROCS=1", "TZ=Pacific/Kiritimati", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8"}},
		{"GOMAXPROCS=8, a busy garbage collector", plain, []string{"GOMAXPROCS=8", "GOGC=10", "TZ=America/St_Johns"}},
	}
	if runtime.GOARCH == "amd64" {
		others = append(others, struct {
			what, program string
			env           []string
		}{"GODEBUG=cpu.fma=off", plain, []string{"GODEBUG=cpu.fma=off"}})
		if levelThree() {
			v3 := build(t, "orrery-v3", []string{"GOAMD64=v3"})
			others = append(others, struct {
				what, program string
				env           []string
			}{"GOAMD64=v3", v3, nil})
		}
	}
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantOut, wantHistory := printed(t, plain, name)
			for _, o := range others {
				out, history := printed(t, o.program, name, o.env...)
				if !bytes.Equal(out, wantOut) {
					t.Errorf("%s: the report differs: %s", o.what, firstByte(wantOut, out))
				}
				if !bytes.Equal(history, wantHistory) {
					t.Errorf("%s: the history differs: %s", o.what, firstByte(wantHistory, history))
				}
			}
		})
	}
}

// levelThree tells whether this processor runs GOAMD64=v3 programs.
func levelThree() bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(info), " avx2 ") && strings.Contains(string(info), " bmi2 ")
}

// TestOtherArchitecturesCompile builds for arm64, where x*y+z would be fused.
func TestOtherArchitecturesCompile(t *testing.T) {
	build(t, "orrery-arm64", []string{"GOARCH=arm64", "CGO_ENABLED=0"})
}

// TestTheCheckerCatchesACanary builds the program with a deliberate map
// iteration that decides something; verify must find it and name the record.
func TestTheCheckerCatchesACanary(t *testing.T) {
	canary := build(t, "orrery-canary", nil, "-tags", "canary")
	out, err := exec.Command(canary, "verify", "node-loss").Output()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != exitNondeterministic {
		t.Fatalf("verify of a run that depends on map order: %v, want exit %d\n%s", err, exitNondeterministic, out)
	}
	if !bytes.Contains(out, []byte("CanarySang")) {
		t.Errorf("verify does not name the record that differs:\n%s", out)
	}
}

// TestVerifyProvesTheRunThatWasAskedFor: every flag that decides what a run does
// holds for the fresh processes, too, whose histories are compared with that of
// this one.
func TestVerifyProvesTheRunThatWasAskedFor(t *testing.T) {
	plain := build(t, "orrery", nil)
	for _, flags := range [][]string{nil, {"--seed", "7", "--shuffle-ties", "3", "--policy", "default"}, {"--ties", "random"}, {"--literal"}} {
		out, err := exec.Command(plain, append([]string{"verify", "node-loss"}, flags...)...).Output()
		if err != nil || bytes.Count(out, []byte("same: a fresh process")) != 3 || !bytes.HasSuffix(out, []byte("\ndeterministic\n")) {
			t.Errorf("verify node-loss %v: %v\n%s", flags, err, out)
		}
	}
}

// TestEveryShippedScenarioIsDeterministic is what orrery verify does in one
// process: twice, with every tick an event, and with ties permuted; and every
// tick an event with ties permuted.
func TestEveryShippedScenarioIsDeterministic(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &console{out: &out, err: &out}
			s, err := c.load(name, &options{})
			if err != nil {
				t.Fatal(err)
			}
			first, err := c.simulate(s, "")
			if err != nil {
				t.Fatal(err)
			}
			if !first.report.Held() || first.stop != nil {
				var text bytes.Buffer
				if err := first.report.WriteText(&text, false); err != nil {
					t.Fatal(err)
				}
				t.Errorf("a promise did not hold:\n%s", text.String())
			}
			for _, check := range []func(*scenarios.Scenario, *outcome, *options, string) error{c.again, c.everyTick} {
				if err := check(s, first, &options{}, name); err != nil {
					t.Error(err)
				}
			}
			if err := c.shuffled(s, first); err != nil {
				t.Error(err)
			}
			s.Config.ShuffleTies = 1
			if first, err = c.simulate(s, ""); err != nil {
				t.Fatal(err)
			}
			if err := c.everyTick(s, first, &options{}, name); err != nil {
				t.Errorf("with ties permuted: %v", err)
			}
		})
	}
}

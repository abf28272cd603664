package main

import (
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestARunStopsAtItsWallClockBudget(t *testing.T) {
	code, out, _ := say("run", "testdata/long.yaml", "--max-wall", "100ms")
	if code != exitUnfinished || !strings.Contains(out, "the run was stopped") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestARunStopsAtItsMemoryBudget(t *testing.T) {
	code, out, _ := say("run", "testdata/long.yaml", "--max-memory", "1Mi")
	if code != exitUnfinished || !strings.Contains(out, "--max-memory allows more") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// TestCtrlCPrintsWhatIsKnown interrupts this very process, again and again
// until the run has heard it.
func TestCtrlCPrintsWhatIsKnown(t *testing.T) {
	safe := make(chan os.Signal, 1)
	signal.Notify(safe, os.Interrupt) // or the first signals would end the test
	defer signal.Stop(safe)
	type result struct {
		code int
		out  string
	}
	done := make(chan result)
	go func() {
		code, out, _ := say("run", "testdata/long.yaml")
		done <- result{code, out}
	}()
	for {
		select {
		case r := <-done:
			if r.code != exitInterrupted || !strings.Contains(r.out, "the run was stopped") || !strings.Contains(r.out, "at the end, after") {
				t.Errorf("exit %d\n%s", r.code, r.out)
			}
			return
		default:
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			runtime.Gosched()
		}
	}
}

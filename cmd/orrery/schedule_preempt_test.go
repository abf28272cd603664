package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every line is, byte for byte, what kube-scheduler v1.35.4's DefaultPreemption
// did.
func TestSchedulePreemptIsThatOfKubeScheduler(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/conformance/preemption/*.want.jsonl")
	if len(files) == 0 {
		t.Skip("no conformance data beside the checkout: shared/conformance/preemption")
	}
	for _, f := range files {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var out, talk bytes.Buffer
		args := []string{"schedule", "--cluster", strings.TrimSuffix(f, ".want.jsonl") + ".json", "--ties", "first", "--preempt"}
		if code := dispatch(&console{out: &out, err: &talk}, args); code != exitHeld || out.String() != string(want) {
			t.Errorf("%s: exit code %d, %s\n got %s\nwant %s", filepath.Base(f), code, talk.String(), out.String(), want)
		}
	}
}

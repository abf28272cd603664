package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every decision is the one that kube-scheduler v1.35.4's own plugin framework
// took: which nodes can take the pod, each plugin's weighted score, the totals,
// why the others cannot and which plugin said so first, and the choice.
func TestDecisionsAreThoseOfKubeScheduler(t *testing.T) {
	const folder = "../../../shared/conformance/scheduler/"
	cases, _ := filepath.Glob(folder + "*.want.jsonl")
	if len(cases) == 0 {
		t.Skip("no conformance data beside the checkout: shared/conformance/scheduler")
	}
	decisions, scores := 0, 0
	for _, want := range cases {
		list := strings.TrimSuffix(want, ".want.jsonl")
		args := []string{"schedule", "--cluster", list + ".json", "--ties", "first", "--explain"}
		if policy, _, special := strings.Cut(filepath.Base(list), "-"); special {
			args = append(args, "--config", folder+policy+".config.yaml")
		}
		exit, got, talk := say(args...)
		if exit != exitHeld {
			t.Fatalf("%s: exit %d:\n%s", list, exit, talk)
		}
		data, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		a, b := parseLines(t, []byte(got)), parseLines(t, data)
		if len(a) != len(b) {
			t.Fatalf("%s: %d decisions, want %d", list, len(a), len(b))
		}
		for i := range a {
			if !reflect.DeepEqual(a[i], b[i]) {
				t.Fatalf("%s: decision %d:\n got %+v\nwant %+v", list, i, a[i], b[i])
			}
			decisions++
			scores += len(a[i].Feasible)
		}
	}
	t.Logf("%d cases, %d decisions, %d nodes scored", len(cases), decisions, scores)
}

// parseLines reads lines of --explain. Plugins that gave 0 may be missing, and the
// order of a node's reasons is nobody's promise.
func parseLines(t *testing.T, data []byte) (out []line) {
	t.Helper()
	for text := range bytes.Lines(data) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for i := range l.Feasible {
			maps.DeleteFunc(l.Feasible[i].Plugins, func(_ string, score int64) bool { return score == 0 })
			if len(l.Feasible[i].Plugins) == 0 {
				l.Feasible[i].Plugins = nil
			}
		}
		for _, reasons := range l.Infeasible {
			slices.Sort(reasons)
		}
		out = append(out, l)
	}
	return out
}

package scenarios_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"orrery/scenarios"
)

// Each case is "## title", what a scenario says of its trace, "== NAME" and what
// is in that file, "----" and what becomes of it.
func TestTraceTranscript(t *testing.T) {
	const file = "testdata/trace.txt"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(old), "\n## ")
	out := bytes.NewBufferString(strings.TrimRight(parts[0], "\n") + "\n")
	for _, part := range parts[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		in, want, _ := strings.Cut(rest, "\n----\n")
		got := traced(t, in)
		if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
			t.Errorf("%s:\n%s\nwant:\n%s", title, got, want)
		}
		fmt.Fprintf(out, "\n## %s\n%s\n----\n%s\n", title, in, strings.TrimSpace(got))
	}
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// traced is what a scenario with that trace comes to: its nodes and arrivals, or
// what is wrong.
func traced(t *testing.T, in string) string {
	pieces := strings.Split(in, "\n== ")
	files := map[string]string{}
	for _, p := range pieces[1:] {
		name, text, _ := strings.Cut(p, "\n")
		files[name] = text + "\n"
	}
	head := "apiVersion: orrery/v1\nname: zone\nduration: 1h\n"
	if !strings.Contains(pieces[0], "  nodes:") {
		head += "cluster: {nodes: [{name: a, cpu: 4, memory: 16Gi}]}\n"
	}
	files["zone.yaml"] = head + pieces[0] + "\n"
	dir := folder(t, files)
	s, err := scenarios.Load(filepath.Join(dir, "zone.yaml"), scenarios.Options{})
	if err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	var b strings.Builder
	for _, n := range s.Config.Nodes {
		fmt.Fprintf(&b, "node %s in zone %q: %dm %d bytes, %d pods, GPUs %q\n", n.Name, n.Zone(), n.Allocatable.CPUMilli, n.Allocatable.MemoryBytes, n.Allocatable.Pods, n.GPU)
	}
	for i := range s.Config.Arrivals {
		a := &s.Config.Arrivals[i]
		fmt.Fprintf(&b, "%v to %v: %s/%s: %dm %d bytes, priority %d, GPUs %q", a.At, a.GoneAt, a.Namespace, a.Name,
			a.Spec.Request.CPUMilli, a.Spec.Request.MemoryBytes, a.Spec.Priority, a.Spec.GPU)
		if run := s.Config.Behaviors.For(a.Pod(), "main").Run; !run.IsZero() {
			fmt.Fprintf(&b, ", runs for %v", run.Median())
		}
		b.WriteString("\n")
	}
	for _, n := range s.Notes {
		fmt.Fprintln(&b, "note:", strings.ReplaceAll(n, dir+"/", ""))
	}
	return b.String()
}

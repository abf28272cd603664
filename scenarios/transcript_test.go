package scenarios_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"orrery/scenarios"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// A case that begins with "..." is put behind a good beginning.
func TestTranscript(t *testing.T) { transcript(t, "testdata/wrong.txt", said) }

// transcript goes through the cases of a file: each is "## title", what is read, "----"
// and what is said of it. After a change that is meant to be one, run the tests with
// -update, read the diff, then commit it.
func transcript(t *testing.T, file string, say func(in string) string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(old), "\n## ")
	out := bytes.NewBufferString(strings.TrimRight(parts[0], "\n") + "\n")
	for _, part := range parts[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		in, want, _ := strings.Cut(rest, "\n----\n")
		got := say(in)
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

func said(in string) string {
	if rest, ok := strings.CutPrefix(in, "...\n"); ok {
		in = beginning + rest
	}
	s, err := scenarios.Read("zone.yaml", []byte(in+"\n"))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d nodes, %d objects, %d faults, %d actions, %d expectations",
		len(s.Config.Nodes), len(s.Config.Objects), len(s.Config.Faults), len(s.Config.Actions), len(s.Expect))
}

const beginning = `apiVersion: orrery/v1
name: zone
duration: 1h
cluster: {nodes: [{name: web, count: 6, cpu: 4, memory: 16Gi, zones: [a, b, c], labels: {pool: web}}]}
workload:
  manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "web:1"}, {name: proxy, image: "proxy:1"}]}}
    - apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {selector: {app: web}, ports: [{port: 80}]}
`

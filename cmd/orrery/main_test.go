package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// say runs one command line in this process and returns what it printed.
func say(args ...string) (code int, out, talk string) {
	var o, e bytes.Buffer
	code = dispatch(&console{out: &o, err: &e}, args)
	return code, o.String(), e.String()
}

// TestTranscripts runs the command lines in testdata/*.txt: a line that starts
// with $, then what it prints to standard output, what it says on standard
// error (each line behind "! "), and its exit code if that is not 0.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("not as in %s; -update, and read the difference. Got:\n%s", file, got)
			}
		})
	}
}

func replay(script string) string {
	var b strings.Builder
	skipping := false
	for line := range strings.Lines(script) {
		command, isCommand := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ orrery")
		if !isCommand {
			if strings.HasPrefix(line, "#") {
				if skipping {
					b.WriteString("\n")
				}
				skipping = false
				b.WriteString(line)
			}
			continue
		}
		skipping = true
		b.WriteString(line)
		code, out, talk := say(strings.Fields(command)...)
		b.WriteString(out)
		for l := range strings.Lines(talk) {
			if !strings.Contains(l, " of cluster time in ") && !strings.Contains(l, " took ") {
				b.WriteString("! " + l)
			}
		}
		if code != 0 {
			b.WriteString("exit " + string(rune('0'+code)) + "\n")
		}
	}
	return b.String()
}

func TestAFolderWithoutScenariosIsAMistake(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"validate", dir}, {"validate", dir + "/..."}, {"test", dir}} {
		if code, out, talk := say(args...); code != exitUsage || out != "" || !strings.Contains(talk, "no scenario") {
			t.Errorf("orrery %v: exit %d\n%s%s", args, code, out, talk)
		}
	}
}

// TestWhatIsNotModeledIsSaidWithEveryOutput: a pipe that reads JSON from
// standard output must not cost the notes on standard error.
func TestWhatIsNotModeledIsSaidWithEveryOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.yaml")
	text := `apiVersion: orrery/v1
name: x
duration: 1m
cluster: {nodes: [{name: n, count: 1, cpu: 4, memory: 16Gi}]}
workload:
  manifests:
    - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: someone}}
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"text", "json"} {
		_, _, talk := say("run", file, "-o", output)
		if !strings.Contains(talk, "x.yaml:7: networkpolicy/someone: kind NetworkPolicy: not modeled") {
			t.Errorf("-o %s says\n%s", output, talk)
		}
	}
}

// What was typed reaches no terminal as it is: it could clear the screen.
func TestWhatWasTypedIsEscapedInErrors(t *testing.T) {
	for _, args := range [][]string{
		{"explain", "node-loss", "pod/\x1b[2J"}, {"top", "node-loss", "pod/\x1b[2J"}, {"run", "node-loss", "--\x1b[2J"}, {"run", "node-\x1b[2J"}, {"\x1b[2J"},
	} {
		code, out, err := say(args...)
		if code != exitUsage || strings.Contains(out+err, "\x1b") || !strings.Contains(err, "[2J") {
			t.Errorf("%q: %d %q %q", args, code, out, err)
		}
	}
}

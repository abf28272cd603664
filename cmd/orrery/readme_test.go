package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"orrery/scenarios"
)

// TestTheReadmeNamesEveryScenario once, but for the twins of those that it names.
func TestTheReadmeNamesEveryScenario(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## What happens when\n")
	_, table, _ = strings.Cut(table, "|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var named, want []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table, -1) {
		named = append(named, m[1])
	}
	for _, name := range scenarios.Names() {
		if !strings.HasSuffix(name, "-broken") {
			want = append(want, name)
		}
	}
	slices.Sort(named)
	slices.Sort(want)
	if !slices.Equal(named, want) {
		t.Errorf("the README names\n%q\nand there are\n%q", named, want)
	}
}

// TestTheReadmeShowsWhatTheProgramPrints compares every console block of the
// README that runs a scenario with what the program prints; -update rewrites
// them.
func TestTheReadmeShowsWhatTheProgramPrints(t *testing.T) {
	const file, open, end = "../../README.md", "```console\n$ go run ./cmd/orrery ", "```\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rest, blocks := string(text), 0
	for {
		before, after, found := strings.Cut(rest, open)
		out.WriteString(before)
		if !found {
			break
		}
		command, body, _ := strings.Cut(after, "\n")
		_, rest, _ = strings.Cut(body, end)
		code, printed, _ := say(strings.Fields(command)...)
		if code != exitHeld {
			t.Errorf("orrery %s exits with %d", command, code)
		}
		out.WriteString(open + command + "\n" + printed + end)
		blocks++
	}
	if blocks == 0 {
		t.Fatal("the README shows no run")
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(text) {
		t.Error("the README shows something else than the program prints; run go test ./cmd/orrery -update")
	}
}

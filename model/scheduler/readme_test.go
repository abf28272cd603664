package scheduler_test

import (
	"os"
	"strings"
	"testing"
)

// TestTheReadmesPolicyIsTheExample keeps what the README shows a program that runs.
func TestTheReadmesPolicyIsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks, lines := 0, 0
	for _, part := range strings.Split(string(readme), "```go\n")[1:] {
		code, _, _ := strings.Cut(part, "```")
		if !strings.Contains(string(example), code) {
			t.Errorf("the README shows what is not in the example:\n%s", code)
		}
		blocks++
		lines += strings.Count(code, "\n")
	}
	if blocks != 2 || lines > 20 {
		t.Errorf("the README shows %d pieces of Go with %d lines, want 2 with at most 20", blocks, lines)
	}
}

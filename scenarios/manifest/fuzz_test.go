package manifest_test

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"orrery/scenarios/manifest"
)

// FuzzDecode reads anything as manifests and as a snapshot. Nothing may panic,
// and what is said is safe to print.
func FuzzDecode(f *testing.F) {
	f.Add(least)
	for _, file := range []string{"testdata/wrong.txt", "testdata/snapshot.txt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "\n## ")[1:] {
			_, rest, _ := strings.Cut(part, "\n")
			in, _, _ := strings.Cut(rest, "\n----\n")
			f.Add(in)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range []func(*manifest.Decoder) *manifest.Set{(*manifest.Decoder).Manifests, (*manifest.Decoder).Snapshot} {
			for _, r := range read(text, mode) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%U is said", r)
				}
			}
		}
	})
}

package manifest_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// Each case of a transcript is "## title", what is read, "----" and what is said
// of it. After a change that is meant to be one, run the tests with -update, read
// the diff, then commit it.
func TestTranscripts(t *testing.T) {
	for _, x := range []struct {
		file string
		say  func(string) string
	}{
		{"testdata/wrong.txt", func(in string) string { return read(in, (*manifest.Decoder).Manifests) }},
		{"testdata/snapshot.txt", func(in string) string { return read(in, (*manifest.Decoder).Snapshot) }},
	} {
		old, err := os.ReadFile(x.file)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(old), "\n## ")
		out := bytes.NewBufferString(strings.TrimRight(parts[0], "\n") + "\n")
		for _, part := range parts[1:] {
			title, rest, _ := strings.Cut(part, "\n")
			in, want, _ := strings.Cut(rest, "\n----\n")
			got := x.say(in + "\n")
			if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
				t.Errorf("%s: %s:\n%s\nwant:\n%s", x.file, title, got, want)
			}
			fmt.Fprintf(out, "\n## %s\n%s\n----\n%s\n", title, in, strings.TrimSpace(got))
		}
		if *update {
			if err := os.WriteFile(x.file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// read is everything that is said of one file: mistakes, or objects and notes.
func read(in string, mode func(*manifest.Decoder) *manifest.Set) string {
	d := manifest.NewDecoder()
	s := mode(d)
	s.AddFile(manifest.File{Name: "shop.yaml", Data: []byte(in)})
	s.ResolveOwners()
	if err := d.Err(); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, o := range s.Objects {
		b.WriteString(o.Head().Path())
		if p, ok := o.(*model.Pod); ok && p.NodeName != "" {
			b.WriteString(" on " + p.NodeName)
		}
		b.WriteByte('\n')
	}
	for _, n := range d.Notes() {
		b.WriteString("note: " + n.String() + "\n")
	}
	return b.String()
}

package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/scenarios"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// FuzzLoad reads anything as a scenario. Nothing may panic, every mistake has a
// place and is safe to print, and what is accepted can be run.
func FuzzLoad(f *testing.F) {
	for _, name := range scenarios.Names() {
		text, err := scenarios.Source(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	corpus, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(corpus), "\n## ")[1:] {
		_, rest, _ := strings.Cut(part, "\n")
		in, _, _ := strings.Cut(rest, "\n----\n")
		if rest, ok := strings.CutPrefix(in, "...\n"); ok {
			in = beginning + rest
		}
		f.Add(in)
	}
	for _, text := range hostile {
		if len(text) < 10_000 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenarios.Read("zone.yaml", []byte(text))
		if err != nil {
			checkAnswer(t, err)
			return
		}
		c := s.Config
		if len(c.Nodes) > 50 || len(c.Faults)+len(c.Actions) > 50 || pods(s) > 200 {
			return
		}
		x, err := cluster.New(c)
		if err != nil {
			t.Fatalf("accepted, but: %v", err)
		}
		if err := x.Run(sim.Time(min(c.Duration, time.Minute))); err != nil {
			t.Fatalf("accepted, but: %v", err)
		}
	})
}

func checkAnswer(t *testing.T, err error) {
	var es *strict.Errors
	if !errors.As(err, &es) || len(es.List) == 0 || len(es.List) > 20 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, e := range es.List {
		if e.Line < 1 || e.Column < 1 || e.Message == "" || filepath.Base(e.File) != "zone.yaml" {
			t.Errorf("no place: %v", e)
		}
	}
	for _, r := range err.Error() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("the answer holds %U: %q", r, err)
		}
	}
}

// pods is how many pods a scenario starts with, or is scaled to.
func pods(s *scenarios.Scenario) (n int32) {
	for _, o := range s.Config.Objects {
		switch o := o.(type) {
		case *model.Deployment:
			n += o.Replicas
		case *model.ReplicaSet:
			n += o.Replicas
		default:
			n++
		}
	}
	for _, a := range s.Config.Actions {
		n += a.Replicas + int32(len(a.Objects))*10
	}
	return n
}

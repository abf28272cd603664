package strict

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzParse reads anything as a scenario and as manifests. Nothing may panic, and
// whatever is said must be safe to print and point into the file.
func FuzzParse(f *testing.F) {
	for _, c := range hostile {
		if len(c.input) < 2000 {
			f.Add([]byte(c.input))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse("zone.yaml", data)
		if err == nil {
			scenario(doc)
			readEverything(t, doc.Root())
			err = doc.Err()
		}
		checkErrors(t, data, err)
		docs, err := DefaultLimits.ParseAll("all.yaml", data)
		for _, d := range docs {
			if text := d.Root().JSON(); text != nil && !json.Valid(text) {
				t.Errorf("not JSON: %q", text)
			}
			err = d.Err()
		}
		checkErrors(t, data, err)
	})
}

func checkErrors(t *testing.T, data []byte, err error) {
	if err == nil {
		return
	}
	printable(t, err.Error())
	var es *Errors
	if !errors.As(err, &es) || len(es.List) == 0 || len(es.List) > maxErrors {
		t.Fatalf("%T: %v", err, err)
	}
	lines := 2 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + len(data)/2
	for _, e := range es.List {
		if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Column > len(data)+2 || e.Message == "" {
			t.Errorf("no such place: %v", e)
		}
	}
}

// readEverything reads every value in every way.
func readEverything(t *testing.T, v Value) {
	v.Text()
	v.Prose()
	v.Name()
	v.DNSLabel()
	v.Bool()
	v.Int(-5, 5)
	v.Milli(-5, 5)
	v.Dist()
	v.Amount()
	v.Percent()
	v.CPU()
	v.Bytes()
	v.LabelMap()
	v.Enum("word", "one", "other")
	v.ErrorfAt(len(v.Raw())/2, "half way")
	if d, err := ParseDuration(v.Raw()); err == nil {
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
			t.Errorf("%d is formatted as %q", d, FormatDuration(d))
		}
	}
	if v.IsList() {
		for _, item := range v.List() {
			readEverything(t, item)
		}
	}
	if v.IsMap() {
		for _, e := range v.Entries() {
			readEverything(t, e.Key)
			readEverything(t, e.Value)
		}
	}
}

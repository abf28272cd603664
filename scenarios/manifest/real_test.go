package manifest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// shared is the inputs nobody here wrote. They lie beside the checkout and are
// not part of it.
const shared = "../../../shared/data"

func files(t *testing.T, path string) []manifest.File {
	t.Helper()
	if _, err := os.Stat(filepath.Join(shared, path)); err != nil {
		t.Skipf("the real inputs are not there: %v", err)
	}
	var list []manifest.File
	err := filepath.WalkDir(filepath.Join(shared, path), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".json"}, filepath.Ext(name)) {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(shared, name)
		list = append(list, manifest.File{Name: rel, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOnlineBoutiqueLoads(t *testing.T) {
	d := manifest.NewDecoder()
	s := d.Manifests()
	for _, f := range files(t, "online-boutique") {
		s.AddFile(f)
	}
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range d.Notes() {
		t.Log(n)
	}
	for _, o := range s.Objects {
		t.Logf("%T %s", o, o.Head().Path())
		_ = model.KindPod
		_ = strings.Cut
	}
}

func TestHotel(t *testing.T) {
	d := manifest.NewDecoder()
	s := d.Manifests()
	for _, f := range files(t, "hotel-reservation") {
		s.AddFile(f)
	}
	s2 := d.Snapshot()
	for _, f := range files(t, "cluster-dump") {
		s2.AddFile(f)
	}
	for _, n := range d.Notes() {
		t.Log(n)
	}
	for _, o := range append(s.Objects, s2.Objects...) {
		t.Logf("%T %s %+v", o, o.Head().Path(), o.Head().Labels)
	}
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
}

package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"orrery/scenarios/strict"
)

// library is the scenarios that are built in, and the manifests they include.
//
//go:embed library
var library embed.FS

// Names is the built-in scenarios, in alphabetical order.
func Names() []string {
	entries, err := library.ReadDir("library")
	if err != nil {
		panic("scenarios: the library is not embedded: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func isBuiltIn(name string) bool { return slices.Contains(Names(), name) }

// Embedded reads a built-in scenario.
func Embedded(name string) (*Scenario, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(library, "library")
	if err != nil {
		return nil, err
	}
	return read(name+".yaml", data, &includes{files: files, here: "."})
}

// Source is the text of a built-in scenario, for people to start from.
func Source(name string) ([]byte, error) {
	if !isBuiltIn(name) {
		return nil, fmt.Errorf("no built-in scenario is named %s%s", strict.Quote(name), strict.DidYouMean(name, Names()))
	}
	return library.ReadFile("library/" + name + ".yaml")
}

// Entry is a built-in scenario as a list shows it.
type Entry struct{ Name, About string }

// Library is all built-in scenarios, in alphabetical order.
func Library() []Entry {
	var out []Entry
	for _, name := range Names() {
		e := Entry{Name: name}
		if s, err := Embedded(name); err == nil {
			e.About = s.About
		}
		out = append(out, e)
	}
	return out
}

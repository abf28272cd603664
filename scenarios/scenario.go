// Package scenarios finds out what the user meant. Its one idea: a scenario is
// read whole before anything runs, and every mistake in it is told at once with
// its place and what would be right. What it makes is a cluster.Config, which
// is everything a run depends on, and the promises to judge the run by. It
// refuses to run anything, and to read any file outside the folder it was
// allowed.
package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
)

// Version is the apiVersion of the scenarios we read.
const Version = "orrery/v1"

// Scenario is a file that was read.
type Scenario struct {
	About  string
	Config cluster.Config
	Expect []report.Expect
	Notes  []string // what the manifests say that is not modeled: "FILE:LINE: OBJECT: ..."
}

// Options is what the command line may say about reading.
type Options struct {
	// Root is the folder that manifests and snapshots may come from, "" for the
	// scenario's own. Paths in a scenario are relative to its folder anyway.
	Root string
}

// Open reads the scenario of that name: a built-in one, or a file. Whatever has
// a "/" or ends in .yaml or .yml is a file.
func Open(name string, o Options) (*Scenario, error) {
	isFile := strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	if isFile {
		return Load(name, o)
	}
	if isBuiltIn(name) {
		return Embedded(name)
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return Load(name, o)
	}
	return nil, fmt.Errorf("there is no scenario %s, built in or as a file%s", strict.Quote(name), strict.DidYouMean(name, Names()))
}

// Load reads a scenario from a file, and the files it names. An error about
// what is in the files is a *strict.Errors.
func Load(file string, o Options) (*Scenario, error) {
	data, err := readScenario(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	inc := &includes{here: ".", shown: filepath.ToSlash(filepath.Dir(file)), root: dir, chosen: o.Root != ""}
	if inc.chosen {
		if inc.root, err = filepath.Abs(o.Root); err != nil {
			return nil, err
		}
		if inc.here, err = filepath.Rel(inc.root, dir); err != nil {
			return nil, err
		}
		inc.here, inc.shown = filepath.ToSlash(inc.here), filepath.ToSlash(o.Root)
	}
	root, err := os.OpenRoot(inc.root)
	if err != nil {
		return nil, fmt.Errorf("--root: %s", strict.Escape(err.Error()))
	}
	defer root.Close()
	inc.files = root.FS()
	return read(file, data, inc)
}

// readScenario reads a file that the user named, unless it is too large.
func readScenario(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", strict.Quote(file))
	case err != nil:
		return nil, errors.New(strict.Escape(err.Error()))
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a scenario", strict.Quote(file))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", strict.Quote(file))
	case info.Size() > int64(strict.DefaultLimits.Bytes):
		return nil, fmt.Errorf("%s:1:1: the file has %d bytes: at most %d are read", strict.Escape(file), info.Size(), strict.DefaultLimits.Bytes)
	}
	return os.ReadFile(file)
}

// Read reads a scenario that includes no files, for instance one that a test or
// a fuzzer made up. The name is for messages.
func Read(name string, data []byte) (*Scenario, error) {
	return read(name, data, &includes{files: noFiles{}, here: "."})
}

type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func read(name string, data []byte, inc *includes) (*Scenario, error) {
	doc, err := strict.Parse(name, data)
	if err != nil {
		return nil, err
	}
	l := &loader{decoder: manifest.NewDecoder(), includes: inc, scenario: &Scenario{}, suggestions: 20, comparisons: 5_000_000}
	l.top(doc.Root())
	if err := strict.Join(append([]error{doc.Err(), l.decoder.Err()}, l.errs...)...); err != nil {
		return nil, err
	}
	for _, n := range l.decoder.Notes() {
		l.scenario.Notes = append(l.scenario.Notes, n.String())
	}
	return l.scenario, nil
}

// IsScenario tells whether the file says that it is a scenario, so that
// manifests in the same folder can be told apart. A file that cannot be read is
// taken for one, to be told why when it is loaded.
func IsScenario(file string) bool {
	data, err := readScenario(file)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "apiVersion:"); ok {
			return strings.HasPrefix(strings.Trim(strings.TrimSpace(rest), `"'`), path.Dir(Version)+"/")
		}
	}
	return false
}

// DidYouMean is `; did you mean "run"?` if one of the known words is close to
// word, or "".
func DidYouMean(word string, known []string) string { return strict.DidYouMean(word, known) }

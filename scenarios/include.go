package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
)

// How much a scenario may include.
const (
	maxFiles = 10_000
	maxTotal = 64 << 20 // bytes of all files together
)

// includes is the files that a scenario may include: those below one folder.
// The operating system refuses to leave it, by ".." and by symbolic links too
// (os.Root); the checks here are for better messages.
type includes struct {
	files  fs.FS
	here   string // the scenario's folder as seen from files' root; may be outside it
	shown  string // the root as the user named it, for messages
	root   string // the root's place in the file system, "" if it has none
	chosen bool   // the user chose the root
	total  int64  // bytes read so far
}

// read reads what an include names: a file, all manifests below a folder, or
// all files that match a pattern; in the order of their names.
func (inc *includes) read(given string, l strict.Limits) ([]manifest.File, error) {
	name, err := inc.resolve(given)
	if err != nil {
		return nil, err
	}
	names, err := inc.expand(given, name)
	if err != nil {
		return nil, err
	}
	var out []manifest.File
	for _, n := range names {
		data, err := inc.readFile(n, l)
		if err != nil {
			return nil, err
		}
		out = append(out, manifest.File{Name: inc.show(n), Data: data})
	}
	return out, nil
}

// resolve is the place of an include below the root.
func (inc *includes) resolve(given string) (string, error) {
	name := path.Join(inc.here, filepath.ToSlash(given))
	if filepath.IsAbs(given) {
		rel, err := filepath.Rel(inc.root, given)
		if inc.root == "" || err != nil {
			return "", inc.outside(given)
		}
		name = filepath.ToSlash(rel)
	}
	if !fs.ValidPath(name) {
		return "", inc.outside(given)
	}
	return name, nil
}

func (inc *includes) outside(given string) error {
	switch {
	case inc.root == "":
		return fmt.Errorf("%s is outside the scenario's folder: a built-in scenario includes only what is built in", strict.Quote(given))
	case inc.chosen:
		return fmt.Errorf("%s is outside %s, the folder chosen with --root", strict.Quote(given), strict.Quote(inc.root))
	}
	return fmt.Errorf("%s is outside the scenario's folder; run with --root DIR to allow includes from below DIR", strict.Quote(given))
}

// expand is the files that a resolved include stands for.
func (inc *includes) expand(given, name string) ([]string, error) {
	info, err := fs.Stat(inc.files, name)
	switch {
	case err == nil && info.IsDir():
		return inc.below(given, name)
	case err == nil:
		return []string{name}, nil
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?["):
		names, err := fs.Glob(folders{inc.files}, name)
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("no file matches %s", strict.Quote(given))
		}
		return names, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s%s", strict.Quote(given), inc.similar(name))
	}
	return nil, plainly(given, err)
}

// folders is files of which nothing is opened to look inside but folders: who opens a pipe waits
// for somebody to write.
type folders struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (f folders) ReadDir(name string) ([]fs.DirEntry, error) {
	info, err := fs.Stat(f.FS, name)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	return fs.ReadDir(f.FS, name)
}

// plainly is an error of the operating system about an include, without what
// only we know, such as the names of system calls.
func plainly(given string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if strings.Contains(err.Error(), "escapes") { // os.Root's error is not exported
		return fmt.Errorf("%s leads out of the folder that includes may come from, by a symbolic link", strict.Quote(given))
	}
	return fmt.Errorf("%s cannot be read: %s", strict.Quote(given), strict.Escape(err.Error()))
}

// similar suggests another file of the folder.
func (inc *includes) similar(name string) string {
	entries, err := fs.ReadDir(inc.files, path.Dir(name))
	if err != nil || len(entries) > 1000 {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strict.DidYouMean(path.Base(name), names)
}

// below is all manifests below a folder. Symbolic links are not followed.
func (inc *includes) below(given, dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(inc.files, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			names = append(names, name)
		}
		if len(names) > maxFiles {
			return fmt.Errorf("there are more than %d files below %s", maxFiles, strict.Quote(given))
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("there is no .yaml, .yml or .json file below %s", strict.Quote(given))
	}
	return names, err
}

// readFile reads a file after a look at what it is: a pipe would never end.
func (inc *includes) readFile(name string, l strict.Limits) ([]byte, error) {
	info, err := fs.Stat(inc.files, name)
	switch {
	case err != nil:
		return nil, plainly(inc.show(name), err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", strict.Quote(inc.show(name)))
	case info.Size() > int64(l.Bytes):
		return nil, fmt.Errorf("%s has %d bytes: at most %d are read", strict.Quote(inc.show(name)), info.Size(), l.Bytes)
	}
	if inc.total += info.Size(); inc.total > maxTotal {
		return nil, fmt.Errorf("the files included have more than %d bytes together", maxTotal)
	}
	data, err := fs.ReadFile(inc.files, name)
	if err != nil {
		return nil, plainly(inc.show(name), err)
	}
	return data, nil
}

// show is the name of an included file as the user would open it.
func (inc *includes) show(name string) string { return path.Join(inc.shown, name) }

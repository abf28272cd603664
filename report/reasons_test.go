package report

import (
	"bytes"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReasonsAreThoseOfTheModel collects the reasons of all notes from the
// source of the model: what is given to Note or to a model.Note, be it a text,
// a constant, a parameter (then what callers give) or a result (then what is
// returned).
func TestReasonsAreThoseOfTheModel(t *testing.T) {
	m := readModel(t)
	found := map[string]bool{}
	for _, pkg := range m.packages {
		for _, f := range pkg {
			m.collect(f, found)
		}
	}
	prefix := 0
	for s := range found {
		if s == outOf {
			prefix++
			delete(found, s)
		}
	}
	for _, x := range []string{"pods", "cpu", "memory", "ephemeral-storage"} {
		found[outOf+x] = true
	}
	if prefix == 0 || len(m.lost) > 0 {
		t.Errorf("the kubelet's %s... found %d times; not understood: %v", outOf, prefix, m.lost)
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, reasons) {
		t.Errorf("the model's notes have the reasons\n%q\nand the list\n%q", got, reasons)
	}
}

// modelSource is the source of the model, its functions by package.
type modelSource struct {
	packages  map[string][]*ast.FuncDecl
	constants map[string]string
	seen      map[variable]bool // already followed
	lost      []string          // reasons whose origin was not found
}

// variable is a parameter or a local variable of a function.
type variable struct {
	of   *ast.FuncDecl
	name string
}

func readModel(t *testing.T) *modelSource {
	m := &modelSource{packages: map[string][]*ast.FuncDecl{}, constants: map[string]string{}, seen: map[variable]bool{}}
	err := filepath.WalkDir("../model", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if first, _, _ := bytes.Cut(text, []byte("\n")); constraint.IsGoBuild(string(first)) {
			return nil
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), path, text, 0)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				m.packages[filepath.Dir(path)] = append(m.packages[filepath.Dir(path)], fn)
			}
		}
		ast.Inspect(f, m.constant)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *modelSource) constant(n ast.Node) bool {
	if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
		for i, name := range v.Names {
			if s, ok := text(v.Values[i]); ok {
				m.constants[name.Name] = s
			}
		}
	}
	return true
}

// text is a string literal, or the one a sum begins with.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == gotoken.STRING
	case *ast.BinaryExpr:
		return text(e.X)
	}
	return "", false
}

// collect adds the reasons of the notes fn makes. The store passes notes on.
func (m *modelSource) collect(fn *ast.FuncDecl, found map[string]bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Note" && len(n.Args) == 4 {
				m.follow(fn, n.Args[2], found)
			}
		case *ast.CompositeLit:
			if !isNote(n.Type) || fn.Name.Name == "Note" {
				return true
			}
			for _, e := range n.Elts {
				if kv := e.(*ast.KeyValueExpr); kv.Key.(*ast.Ident).Name == "Reason" {
					m.follow(fn, kv.Value, found)
				}
			}
		}
		return true
	})
}

// isNote tells whether a type is model.Note, as it is called within that package or
// elsewhere.
func isNote(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name == "Note"
	case *ast.Ident:
		return e.Name == "Note"
	}
	return false
}

// follow finds what e, an expression in fn, can be. A note that a plan carries
// along has been collected where it was made.
func (m *modelSource) follow(fn *ast.FuncDecl, e ast.Expr, found map[string]bool) {
	if s, ok := text(e); ok {
		if s != "" {
			found[s] = true
		}
		return
	}
	name := ""
	switch e := e.(type) {
	case *ast.SelectorExpr:
		if name = e.Sel.Name; name == "Reason" {
			return
		}
	case *ast.Ident:
		name = e.Name
	}
	v := variable{fn, name}
	if m.seen[v] {
		return
	}
	m.seen[v] = true
	if m.given(fn, name, found) || m.returned(fn, name, found) {
		return // whatever a constant elsewhere is called
	}
	if s, ok := m.constants[name]; ok {
		found[s] = true
	} else {
		m.lost = append(m.lost, name+" in "+fn.Name.Name)
	}
}

// given follows a parameter of fn to its callers.
func (m *modelSource) given(fn *ast.FuncDecl, name string, found map[string]bool) bool {
	at, n := -1, 0
	for _, p := range fn.Type.Params.List {
		for _, x := range p.Names {
			if x.Name == name {
				at = n
			}
			n++
		}
	}
	if at < 0 {
		return false
	}
	for caller, call := range m.calls(fn) {
		if len(call.Args) == n {
			m.follow(caller, call.Args[at], found)
		}
	}
	return true
}

// calls yields the calls of a function of ours, from its own package unless it
// is exported, with who calls.
func (m *modelSource) calls(of *ast.FuncDecl) func(func(*ast.FuncDecl, *ast.CallExpr) bool) {
	return func(yield func(*ast.FuncDecl, *ast.CallExpr) bool) {
		for _, pkg := range m.packages {
			if !of.Name.IsExported() && !slices.Contains(pkg, of) {
				continue
			}
			for _, fn := range pkg {
				ast.Inspect(fn, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && called(call) == of.Name.Name {
						yield(fn, call)
					}
					return true
				})
			}
		}
	}
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// returned follows a variable of fn to the first results of the function it is
// set from.
func (m *modelSource) returned(fn *ast.FuncDecl, name string, found map[string]bool) bool {
	known := false
	ast.Inspect(fn, func(n ast.Node) bool {
		set, ok := n.(*ast.AssignStmt)
		if !ok || len(set.Rhs) != 1 {
			return true
		}
		x, ok := set.Lhs[0].(*ast.Ident)
		call, isCall := set.Rhs[0].(*ast.CallExpr)
		if ok && isCall && x.Name == name {
			known = true
			m.results(called(call), found)
		}
		return true
	})
	return known
}

func (m *modelSource) results(of string, found map[string]bool) {
	for _, pkg := range m.packages {
		for _, fn := range pkg {
			if fn.Name.Name != of || fn.Type.Results == nil || len(fn.Type.Results.List) == 0 || !isReasonResult(fn) {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
					if call, ok := r.Results[0].(*ast.CallExpr); ok {
						m.results(called(call), found)
					} else {
						m.follow(fn, r.Results[0], found)
					}
				}
				return true
			})
		}
	}
}

func isReasonResult(fn *ast.FuncDecl) bool {
	names := fn.Type.Results.List[0].Names
	return len(names) > 0 && names[0].Name == "reason"
}

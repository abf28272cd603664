package orrery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// imports is the house: which of our packages each package may import. A
// package that is not in the table fails.
var imports = map[string][]string{
	"sim":                {},
	"model":              {"sim"},
	"model/network":      {"sim", "model"},
	"model/etcd/raft":    {},
	"model/etcd":         {"sim", "model", "model/network", "model/etcd/raft"},
	"model/store":        {"sim", "model", "model/network", "model/etcd"},
	"model/apiserver":    {"sim", "model", "model/network", "model/etcd", "model/store"},
	"model/election":     {"sim", "model", "model/network", "model/store"},
	"model/scheduler":    {"sim", "model", "model/network", "model/store"},
	"model/controller":   {"sim", "model", "model/network", "model/store"},
	"model/autoscaler":   {"sim", "model", "model/network", "model/store", "model/cloud"},
	"model/runtime":      {"sim", "model"},
	"model/kubelet":      {"sim", "model", "model/network", "model/store", "model/runtime"},
	"model/proxy":        {"sim", "model", "model/network", "model/store"},
	"model/workload":     {"sim", "model", "model/network", "model/store"},
	"model/cloud":        {"sim", "model", "model/network", "model/store"},
	"model/fault":        {"sim", "model", "model/network", "model/store"},
	"model/cluster":      {"sim", "model", "model/*"},
	"report":             {"sim", "model", "model/store"},
	"scenarios/strict":   {"sim"},
	"scenarios/manifest": {"sim", "model", "model/*", "scenarios/strict"},
	"scenarios":          {"sim", "model", "model/*", "report", "scenarios/*"},
	"cmd/orrery":         {"sim", "model", "scenarios", "scenarios/strict", "report", "model/*"},
}

const functionLines = 70

// A row that is not closed ends the table, and what follows is shown as text.
func TestRowsOfTheReadmesTablesAreClosed(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|") {
			t.Errorf("README.md:%d: close the row with |", i+1)
		}
	}
}

// pkg is one of our packages, parsed and type-checked without its tests.
type pkg struct {
	path  string // below the module: "model/store"
	dir   string
	files []*ast.File
	info  *types.Info
	lines map[string][]string // file name -> source lines
}

// inRun tells whether the package's code runs inside a run, where nothing may
// depend on anything but the scenario.
func (p *pkg) inRun() bool {
	return p.path == "sim" || p.path == "model" || strings.HasPrefix(p.path, "model/")
}

var (
	fset   = token.NewFileSet()
	loaded []*pkg
)

func load(t *testing.T) []*pkg {
	t.Helper()
	if loaded != nil {
		return loaded
	}
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles,Module", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	type listed struct {
		ImportPath, Export, Dir string
		GoFiles                 []string
		Module                  *struct{ Main bool }
	}
	exports := map[string]string{}
	var ours []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[l.ImportPath] = l.Export
		if l.Module != nil && l.Module.Main {
			ours = append(ours, l)
		}
	}
	imp := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, l := range ours {
		if len(l.GoFiles) == 0 {
			continue // the root: only this test
		}
		p := &pkg{path: strings.TrimPrefix(l.ImportPath, "orrery/"), dir: l.Dir, lines: map[string][]string{}}
		p.info = &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
			Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		}
		for _, name := range l.GoFiles {
			full := filepath.Join(l.Dir, name)
			src, err := os.ReadFile(full)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(fset, full, src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, f)
			p.lines[full] = strings.Split(string(src), "\n")
		}
		conf := types.Config{Importer: imp}
		if _, err := conf.Check(l.ImportPath, fset, p.files, p.info); err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, p)
	}
	return loaded
}

// marked tells whether the line of pos, or the one above, excuses itself with
// "//tidy:word reason".
func (p *pkg) marked(pos token.Pos, word string) bool {
	at := fset.Position(pos)
	lines := p.lines[at.Filename]
	for _, n := range []int{at.Line - 1, at.Line - 2} {
		if n < 0 || n >= len(lines) {
			continue
		}
		if _, reason, ok := strings.Cut(lines[n], "//tidy:"+word+" "); ok && strings.TrimSpace(reason) != "" {
			return true
		}
	}
	return false
}

func place(pos token.Pos) string {
	at := fset.Position(pos)
	wd, _ := os.Getwd()
	rel, err := filepath.Rel(wd, at.Filename)
	if err != nil {
		rel = at.Filename
	}
	return fmt.Sprintf("%s:%d", rel, at.Line)
}

func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	for _, p := range load(t) {
		allowed, known := imports[p.path]
		if !known {
			t.Errorf("package %s is not in the import table", p.path)
			continue
		}
		for _, f := range p.files {
			for _, s := range f.Imports {
				path, ours := strings.CutPrefix(strings.Trim(s.Path.Value, `"`), "orrery/")
				if ours && !slices.ContainsFunc(allowed, func(a string) bool {
					below, all := strings.CutSuffix(a, "*")
					return a == path || all && strings.HasPrefix(path, below)
				}) {
					t.Errorf("%s: %s may not import %s", place(s.Pos()), p.path, path)
				}
			}
		}
	}
}

func TestSourceIsFormattedAndVetted(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if want, err := format.Source(src); err != nil || !bytes.Equal(src, want) {
			t.Errorf("%s: not as gofmt writes it (%v)", path, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("go", "vet", "./...").CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func TestFunctionsFitOnAScreen(t *testing.T) {
	for _, p := range load(t) {
		for _, f := range p.files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > functionLines {
					t.Errorf("%s: %s has %d lines, more than %d", place(fn.Pos()), fn.Name.Name, n, functionLines)
				}
				bools := 0
				for _, arg := range fn.Type.Params.List {
					if id, ok := arg.Type.(*ast.Ident); ok && id.Name == "bool" {
						bools += max(1, len(arg.Names))
					}
				}
				if bools > 1 {
					t.Errorf("%s: %s takes %d bools", place(fn.Pos()), fn.Name.Name, bools)
				}
			}
		}
	}
}

// banned is what must not be used inside a run, by package.
var banned = map[string]string{
	"time.Now": "", "time.Since": "", "time.Until": "", "time.Sleep": "", "time.After": "", "time.AfterFunc": "",
	"time.NewTimer": "", "time.NewTicker": "", "time.Tick": "", "time.Local": "", "time.LoadLocation": "",
	"os.Getenv": "", "os.LookupEnv": "", "os.Environ": "", "runtime.NumCPU": "", "runtime.GOMAXPROCS": "",
	"sort.Slice": "ties may fall either way: use slices.SortStableFunc or end in a unique key",
	"sort.Sort":  "ties may fall either way",
	"math.Exp":   "differs between processors", "math.Exp2": "differs between processors",
	"math.Log": "differs between processors", "math.Log2": "differs between processors", "math.Log10": "differs between processors",
	"math.Log1p": "differs between processors", "math.Pow": "differs between processors", "math.Sin": "differs between processors",
	"math.Cos": "differs between processors", "math.Tan": "differs between processors", "math.Hypot": "differs between processors",
	"math.FMA": "fuses",
}

// bannedImports may not be imported inside a run, unless the file says why.
var bannedImports = []string{"math/rand", "crypto/rand", "sync", "sync/atomic", "hash/maphash", "os", "os/signal", "context"}

func TestNothingInARunDependsOnAnythingButTheScenario(t *testing.T) {
	for _, p := range load(t) {
		if !p.inRun() {
			continue
		}
		for _, f := range p.files {
			for _, s := range f.Imports {
				path := strings.Trim(s.Path.Value, `"`)
				if slices.Contains(bannedImports, path) && !p.marked(s.Pos(), "import") {
					t.Errorf("%s: imports %s inside a run", place(s.Pos()), path)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool { p.purity(t, n); return true })
		}
	}
}

func (p *pkg) purity(t *testing.T, n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		t.Errorf("%s: starts a goroutine inside a run", place(n.Pos()))
	case *ast.SelectStmt:
		t.Errorf("%s: select inside a run", place(n.Pos()))
	case *ast.ChanType:
		t.Errorf("%s: channel inside a run", place(n.Pos()))
	case *ast.SelectorExpr:
		if id, ok := n.X.(*ast.Ident); ok {
			if name, ok := p.info.Uses[id].(*types.PkgName); ok {
				call := name.Imported().Path() + "." + n.Sel.Name
				if why, bad := banned[call]; bad && !p.marked(n.Pos(), "wall") {
					t.Errorf("%s: uses %s inside a run %s", place(n.Pos()), call, why)
				}
				if path := name.Imported().Path(); path == "math/rand/v2" && !strings.HasPrefix(n.Sel.Name, "PCG") && n.Sel.Name != "NewPCG" {
					t.Errorf("%s: uses rand.%s; only the PCG source is allowed", place(n.Pos()), n.Sel.Name)
				}
			}
		}
	case *ast.RangeStmt:
		if _, isMap := p.info.TypeOf(n.X).Underlying().(*types.Map); isMap && !p.marked(n.Pos(), "sorted") && !p.marked(n.Pos(), "commutative") {
			t.Errorf("%s: ranges over a map; sort the keys (//tidy:sorted how) or say why the order cannot matter (//tidy:commutative why)", place(n.Pos()))
		}
	case *ast.BinaryExpr:
		p.fused(t, n)
	case *ast.Ident:
		if b, ok := p.info.Uses[n].(*types.TypeName); ok && (b.Type() == types.Typ[types.Float64] || b.Type() == types.Typ[types.Float32]) && !p.marked(n.Pos(), "float") {
			t.Errorf("%s: a float inside a run; use an integer, or say why it cannot decide or cannot differ (//tidy:float why)", place(n.Pos()))
		}
	}
}

// fused reports x*y+z and x*y-z on floats, which some processors round once
// and others twice. float64(x*y)+z is safe.
func (p *pkg) fused(t *testing.T, n *ast.BinaryExpr) {
	if n.Op != token.ADD && n.Op != token.SUB {
		return
	}
	basic, ok := p.info.TypeOf(n).Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsFloat == 0 {
		return
	}
	for _, side := range []ast.Expr{ast.Unparen(n.X), ast.Unparen(n.Y)} {
		if m, ok := side.(*ast.BinaryExpr); ok && m.Op == token.MUL && p.info.Types[m].Value == nil {
			t.Errorf("%s: a product inside a sum of floats may be fused; write float64(x*y)", place(n.Pos()))
		}
	}
}

// doors is which packages may call which methods of the store, inside a run.
// What is committed, only the API server decides; the first nodes are there
// before it is. The truth is not for components, who watch; kubectl's reads are
// the API server's own. Methods that are not here are for everybody: to become a
// client, to read the history.
var doors = map[string][]string{
	"Create": {"model/apiserver", "model/cluster"}, "Update": {"model/apiserver"}, "Delete": {"model/apiserver"},
	"Answer": {"model/apiserver"}, "Request": {"model/apiserver"}, "AddServer": {"model/apiserver"},
	"SetGuard": {"model/apiserver"}, "Guard": {"model/apiserver"}, "RightsChanged": {"model/apiserver"},
	"Restore":    {"model/apiserver"}, // of a backup: for etcd, whose operator does it
	"SetServing": {"model/apiserver"}, "SetListening": {"model/apiserver"}, "SetRenewals": {"model/apiserver"}, "Arrive": {"model/apiserver"}, "Reply": {"model/apiserver"},
	"Expire": {"model/fault"}, "Renew": {"model/fault"},
	"Get": truth, "Lookup": truth, "Snapshot": truth, "Existing": {"model/apiserver"}, "NodeName": truth, "NodeNumber": {"model/apiserver"}, "Count": truth,
	"Sever": {"model/fault"}, "Mend": {"model/fault"}, "Delay": {"model/fault"},
	"Place": {"model/election"}, "Touch": {"model/apiserver", "model/election"}, // what is no record
	"SetSteady": {"model/apiserver"}, "OnDisturbance": {"model/election", "model/kubelet"}, // who knows what would be answered
	"Note":    {"model/apiserver", "model/workload", "model/fault", "model/cluster", "model/cloud"}, // what people are told who use no API
	"Reserve": {"model/cloud"},                                                                      // a machine has a number before anybody registers its node
	"Observe": {"model/apiserver", "model/cluster"},
}

var truth = []string{"model/apiserver", "model/workload", "model/fault", "model/cluster"}

// open is the store's methods that anybody may call.
var open = []string{"NewClient", "Leases", "History", "Revision", "LinksChanged"}

func TestTheAPIServerIsTheOnlyDoorToTheStore(t *testing.T) {
	calls := 0
	for _, p := range load(t) {
		if !p.inRun() || p.path == "model/store" {
			continue
		}
		for e, s := range p.info.Selections {
			if s.Kind() == types.FieldVal || s.Recv().String() != "*orrery/model/store.Store" {
				continue
			}
			calls++
			name := e.Sel.Name
			switch allowed, known := doors[name]; {
			case slices.Contains(open, name):
			case !known:
				t.Errorf("%s: who may call store.%s? Say so in doors", place(e.Pos()), name)
			case !slices.Contains(allowed, p.path):
				t.Errorf("%s: %s calls store.%s, which is not for it: it has to ask an API server", place(e.Pos()), p.path, name)
			}
		}
	}
	if calls < 50 {
		t.Errorf("only %d calls of the store were found", calls)
	}
}

func TestNoFieldIsDead(t *testing.T) {
	declared, read := map[string]token.Pos{}, map[string]bool{}
	for _, p := range load(t) {
		for _, f := range p.files {
			p.fields(f, declared)
			p.reads(f, read)
		}
	}
	var dead []string
	for name, pos := range declared {
		if !read[name] {
			dead = append(dead, place(pos)+": "+name+" is never read")
		}
	}
	sort.Strings(dead)
	for _, d := range dead {
		t.Error(d)
	}
}

// fieldName identifies a field across packages that were checked apart.
func fieldName(v *types.Var) string {
	at := fset.Position(v.Pos())
	return fmt.Sprintf("%s:%d:%s", filepath.Base(filepath.Dir(at.Filename))+"/"+filepath.Base(at.Filename), at.Line, v.Name())
}

// fields collects the fields of f's structs that somebody must read by name:
// not those with a tag, embedded ones, or those of structs used as keys.
func (p *pkg) fields(f *ast.File, declared map[string]token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok || p.marked(spec.Pos(), "key") {
			return true
		}
		for _, field := range s.Fields.List {
			if field.Tag != nil {
				continue
			}
			for _, id := range field.Names {
				if v, ok := p.info.Defs[id].(*types.Var); ok && id.Name != "_" {
					declared[fieldName(v)] = id.Pos()
				}
			}
		}
		return true
	})
}

// reads collects every field that f uses other than by assigning to it.
func (p *pkg) reads(f *ast.File, read map[string]bool) {
	written := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.ASSIGN {
				for _, l := range n.Lhs {
					if s, ok := l.(*ast.SelectorExpr); ok {
						written[s.Sel] = true
					}
				}
			}
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok {
				written[id] = true
			}
		case *ast.Ident:
			if v, ok := p.info.Uses[n].(*types.Var); ok && v.IsField() && !written[n] {
				read[fieldName(v)] = true
			}
		}
		return true
	})
}

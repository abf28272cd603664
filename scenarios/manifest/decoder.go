// Package manifest reads Kubernetes objects as people and clusters write them:
// YAML or JSON, many documents, kinds List and NodeList. Its one idea: a
// manifest is checked against the real API types, and what it says is either
// acted on, refused with its place, or told as a note; nothing is dropped
// silently. It refuses to guess what Kubernetes does not: defaults are those of
// the API server, and nothing else is filled in.
package manifest

import (
	"reflect"
	"strings"

	"orrery/model"
	"orrery/scenarios/strict"
)

// SnapshotLimits are for what a cluster printed: the description of about a
// thousand nodes, with everything kubectl shows of them.
var SnapshotLimits = strict.Limits{Bytes: 32 << 20, Nodes: 1_000_000, Depth: 64}

// MaxPods is how many pods one cluster may be asked to have.
const MaxPods = 1_000_000

// Decoder reads any number of files. Mistakes do not stop it; they are in Err,
// and the objects concerned are left out.
type Decoder struct {
	notes      notes
	untold     []untold
	errs       []func() error // of files, each of which may have none
	wrong      int            // mistakes so far, told or not
	priorities map[string]int32
	polite     map[string]bool // priority classes that preempt nobody
	runtimes   map[string]*runtimeClass
	fallback   int32                         // the priority of pods that name no class
	general    string                        // the class that is theirs, if any
	structs    map[reflect.Type]structFields // of the API types met so far
	queues     int64                         // of all priority levels
	configUses []configUse                   // of all pods met so far
	accounts   []accountUse                  // of all pods met so far
}

// NewDecoder is a decoder that knows the priority classes every cluster has.
func NewDecoder() *Decoder {
	return &Decoder{structs: map[reflect.Type]structFields{}, runtimes: map[string]*runtimeClass{}, polite: map[string]bool{}, priorities: map[string]int32{
		"system-cluster-critical": 2_000_000_000, // k8s.io/kubernetes/pkg/apis/scheduling/types.go
		"system-node-critical":    2_000_001_000,
	}}
}

// File is a name, for messages, and what is in it.
type File struct {
	Name string
	Data []byte
}

// Set is the objects of one kubectl apply, in the order in which they are
// written, each with the place it came from.
type Set struct {
	decoder   *Decoder
	snapshot  bool // printed by a cluster, not written by people
	state     bool // to be taken as it is, pods with controllers and all
	owners    map[*model.Pod]string
	sorts     []Owner
	labels    map[string]model.Labels // of namespaces
	storage   model.Storage
	ephemeral bool // some pod has a generic ephemeral volume
	budgets   []*model.PodDisruptionBudget
	seen      map[string]strict.Position
	Objects   []model.Object
	Places    []strict.Value // of the objects, by the same index
	bare      []owned
	limits    strict.Limits
}

// owned is a pod of a snapshot and the controller it says it has.
type owned struct {
	pod  *model.Pod
	at   strict.Value
	kind string
	name string
}

// Manifests is a set of objects that people wrote: a field that the API does not
// know is a mistake.
func (d *Decoder) Manifests() *Set {
	return &Set{decoder: d, seen: map[string]strict.Position{}, limits: strict.DefaultLimits}
}

// Snapshot is a set of objects that a cluster printed (kubectl get -o yaml): a
// field that this version of the API does not know is let pass, and what only
// the cluster itself writes is not worth a note.
func (d *Decoder) Snapshot() *Set {
	return &Set{decoder: d, snapshot: true, seen: map[string]strict.Position{}, limits: SnapshotLimits}
}

// State is a set of objects that a cluster printed, to be taken as it is: every
// pod that has not finished is there, whoever made it, and every taint counts.
func (d *Decoder) State() *Set {
	s := d.Snapshot()
	s.state, s.owners, s.labels = true, map[*model.Pod]string{}, map[string]model.Labels{}
	return s
}

// Owner is the kind and name of the controller that the pod of a State says it
// has, such as ReplicaSet/web-7f, or "".
func (s *Set) Owner(p *model.Pod) string { return s.owners[p] }

// Owner is a controller of a State that the model does not run: what it selects
// says which pods are spread together.
type Owner struct {
	Namespace, Name string // the name as Set.Owner has it
	Selector        *model.Selector
}

// Owners is the StatefulSets and ReplicationControllers of a State.
func (s *Set) Owners() []Owner { return s.sorts }

// Namespaces is the labels of the namespaces in a State, by name.
func (s *Set) Namespaces() map[string]model.Labels { return s.labels }

// Limits is how large a file of the set may be.
func (s *Set) Limits() strict.Limits { return s.limits }

// AddFile reads all objects of a file.
func (s *Set) AddFile(f File) {
	docs, err := s.limits.ParseAll(f.Name, f.Data)
	if err != nil {
		s.decoder.errs = append(s.decoder.errs, func() error { return err })
		s.decoder.wrong++
		return
	}
	for _, classes := range []bool{true, false} { // of priority and runtimes, which pods name, first
		for _, doc := range docs {
			kind := string(doc.Root().Peek("kind").JSON())
			if isClass := kind == `"PriorityClass"` || kind == `"RuntimeClass"`; isClass == classes {
				s.Add(doc.Root())
			}
		}
	}
	if len(docs) > 0 { // which share their mistakes; some are found later
		s.decoder.errs = append(s.decoder.errs, docs[0].Err)
	}
}

// Err is the mistakes of all files, or nil.
func (d *Decoder) Err() error {
	var all []error
	for _, of := range d.errs {
		all = append(all, of())
	}
	return strict.Join(all...)
}

// Lost tells whether objects were left out because of mistakes, told or not.
func (d *Decoder) Lost() bool { return d.wrong > 0 }

// Add reads the object, or the list of objects, at v. Its mistakes are in the
// document of v.
func (s *Set) Add(v strict.Value) { s.add(v, typed{}) }

// typed is an object's apiVersion and kind.
type typed struct{ version, kind string }

func (t typed) String() string { return t.version + " " + t.kind }

func (s *Set) add(v strict.Value, inherited typed) {
	if !v.IsMap() {
		s.decoder.wrong++
		v.Map("a Kubernetes object") // says what it found instead
		return
	}
	t, ok := s.typeOf(v, inherited)
	if !ok {
		return
	}
	if of, isList := strings.CutSuffix(t.kind, "List"); isList && v.Peek("items").Given() {
		if of == "" || t.version == "" {
			t = typed{}
		} else {
			t.kind = of
		}
		if items := v.Peek("items"); !items.IsNull() {
			for _, item := range items.List() {
				s.add(item, t)
			}
		}
		return
	}
	k := lookup(t)
	if k == nil {
		s.unmodeled(v, t)
		return
	}
	if k.version != t.version {
		s.decoder.wrong++
		v.Peek("apiVersion").Errorf("%s is in %s, not in %s, in every supported version of Kubernetes", t.kind, k.version, strict.Quote(t.version))
		return
	}
	o := &object{set: s, v: v, kind: k}
	if o.identify() {
		k.read(o)
	}
}

// typeOf is the type of the object at v. The items of a list that an API server
// answered with do not name theirs again.
func (s *Set) typeOf(v strict.Value, inherited typed) (typed, bool) {
	kind, version := v.Peek("kind"), v.Peek("apiVersion")
	if !kind.Given() && !version.Given() && inherited.kind != "" {
		return inherited, true
	}
	switch {
	case !kind.Given():
		v.Errorf("%q is missing: this is no Kubernetes object", "kind")
	case !version.Given():
		v.Errorf("%q is missing: this is no Kubernetes object", "apiVersion")
	default:
		t := typed{version: version.Text(), kind: kind.Text()}
		if t.kind != "" && t.version != "" {
			return t, true
		}
	}
	s.decoder.wrong++
	return typed{}, false
}

// unmodeled tells of an object of a kind the model does not know.
func (s *Set) unmodeled(v strict.Value, t typed) {
	name := "?"
	if n := v.Peek("metadata").Peek("name"); n.IsScalar() && !n.IsNull() {
		name = n.Text()
	}
	what := "kind " + t.kind + ": not modeled"
	if t.kind == "ReplicationController" {
		what += ", so its pods do not exist here"
	}
	key := t.String()
	if s.snapshot {
		key = "snapshot " + key
	}
	s.decoder.notes.add(key, Note{Position: v.Pos(), Object: strings.ToLower(t.kind) + "/" + name, What: what})
}

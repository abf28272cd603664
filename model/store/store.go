// Package store holds what is true and says who knows it, and how late. Its
// one idea: the truth changes only by commits, each one a revision and a line
// of history; everybody else sees it through a watch, some milliseconds old.
// It refuses to judge: the API server decides what is committed, and only it
// may call Create, Update and Delete.
package store

import (
	"github.com/google/btree"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// Observer sees every record right after it became true. Invariants are
// observers; a component never is.
type Observer interface{ Recorded(r *Record) }

//tidy:key an object by name
type key struct {
	kind            model.Kind
	namespace, name string
}

type item struct {
	ref model.Ref
	obj model.Object
}

// Store is the cluster's truth.
type Store struct {
	kernel    *sim.Kernel
	net       *network.Network
	revision  int64
	current   [model.Kinds][]model.Object // by ID; nil where deleted
	latest    [model.Kinds][]int32        // by ID: the object's newest record
	changes   [model.Kinds][]int32        // every record of the kind
	existing  [model.Kinds]int64          // how many there are
	ids       map[key]uint32
	former    map[string]uint32 // by name: the number of a node that was deleted, or is not registered yet
	machines  []string          // by ID: the name of a node that was not there from the beginning
	keyspace  *btree.BTreeG[item]
	history   History
	observers []Observer

	wire       *wire
	watches    []*Watch
	byKind     [model.Kinds][]*Watch // watches of everything of a kind
	byNode     []*Watch              // by node ID: its kubelet's watch of pods
	ofNode     []*Watch              // by node ID: its kubelet's watch of the node
	podsOn     [][]uint32            // by node ID: pods bound to it, and some that are gone
	leases     *Leases
	clients    []*Client
	guard      Guard
	alert      []Disturbed
	alertOnce  []Disturbed // and then no more
	unsteady   bool        // something is wrong with etcd
	lags       sim.Lane    // of watches
	reconnects sim.Lane    // of broken connections
	timeouts   sim.Lane    // of watches
}

// New is an empty store.
func New(k *sim.Kernel, net *network.Network) *Store {
	s := &Store{
		kernel:     k,
		net:        net,
		ids:        map[key]uint32{},
		former:     map[string]uint32{},
		lags:       k.Luck().Lane("watch"),
		reconnects: k.Luck().Lane("reconnect"),
		timeouts:   k.Luck().Lane("watch timeout"),
		keyspace:   btree.NewG(64, func(a, b item) bool { return a.ref.Pack() < b.ref.Pack() }),
	}
	s.history.ActorName = k.ActorName
	s.wire = newWire(s)
	s.leases = newLeases(k, s.wire)
	net.Listen(s)
	return s
}

// History is the run so far.
func (s *Store) History() *History { return &s.history }

// Revision is the number of the last commit.
func (s *Store) Revision() int64 { return s.revision }

// Leases is the nodes' heartbeats.
func (s *Store) Leases() *Leases { return s.leases }

// Observe adds an observer.
func (s *Store) Observe(o Observer) { s.observers = append(s.observers, o) }

// Get is the truth about r now, nil if there is no such object. Components do
// not ask the truth; they watch.
func (s *Store) Get(r model.Ref) model.Object {
	if t := s.current[r.Kind]; int(r.ID) < len(t) {
		return t[r.ID]
	}
	return nil
}

// NodeNumber is the number that the node of a name has, had or will have, 0 if none ever was.
func (s *Store) NodeNumber(name string) uint32 {
	if id := s.ids[key{kind: model.KindNode, name: name}]; id != 0 {
		return id
	}
	return s.former[name]
}

// NodeName is the name of the node that has, had or will have a number.
func (s *Store) NodeName(id uint32) string {
	switch t := s.latest[model.KindNode]; {
	case id == 0 || int(id) >= len(t):
		return ""
	case t[id] == unborn:
		return s.machines[id]
	default:
		return s.history.At(int(t[id])).Object().Head().Name
	}
}

// unborn is the newest record of a node that was never registered.
const unborn = -1

// Reserve hands out the number that the node of a machine will have once
// somebody registers it under that name, so that its kubelet can be made before.
func (s *Store) Reserve(node string) uint32 {
	if id := s.former[node]; id != 0 {
		return id
	}
	s.begin(model.KindNode)
	id := s.number(&model.Meta{Kind: model.KindNode, Name: node})
	s.former[node] = id
	s.latest[model.KindNode][id] = unborn
	for int(id) >= len(s.machines) {
		s.machines = append(s.machines, "")
	}
	s.machines[id] = node
	return id
}

// begin makes sure that no object of a kind has number 0.
func (s *Store) begin(kind model.Kind) {
	if len(s.current[kind]) == 0 {
		s.current[kind] = append(s.current[kind], nil)
		s.latest[kind] = append(s.latest[kind], 0)
	}
}

// Lookup is the object of that name, nil if there is none.
func (s *Store) Lookup(kind model.Kind, namespace, name string) model.Object {
	return s.Get(model.Ref{Kind: kind, ID: s.ids[key{kind, namespace, name}]})
}

// Count is one more than the largest ID of a kind: the length of a table
// indexed by ID.
func (s *Store) Count(kind model.Kind) int { return len(s.current[kind]) }

// Existing is how many objects of a kind there are.
func (s *Store) Existing(kind model.Kind) int64 { return s.existing[kind] }

// Snapshot is every object as it is now, whatever is committed later; taking
// it costs next to nothing.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s.keyspace.Clone()} }

// Snapshot is a consistent state of all objects at one revision.
type Snapshot struct{ tree *btree.BTreeG[item] }

// Each calls f for every object of a kind in the order they were first created,
// until f returns false.
func (s *Snapshot) Each(kind model.Kind, f func(model.Object) bool) {
	from, to := item{ref: model.Ref{Kind: kind}}, item{ref: model.Ref{Kind: kind + 1}}
	s.tree.AscendRange(from, to, func(i item) bool { return f(i.obj) })
}

// Create makes obj true, owned by the store from now on, and hands out its
// number. It refuses a name that is taken.
func (s *Store) Create(by sim.ActorID, obj model.Object) Refusal {
	m := obj.Head()
	k := key{m.Kind, m.Namespace, m.Name}
	if s.ids[k] != 0 {
		return AlreadyExists
	}
	s.begin(m.Kind)
	m.ID = s.number(m)
	m.CreatedAt = s.kernel.Now()
	m.Generation = 1
	s.current[m.Kind][m.ID] = obj
	s.ids[k] = m.ID
	s.commit(Record{By: by, Verb: Created, New: obj})
	return Accepted
}

// number is the ID of a new object: the next one of its kind. Only a node that
// comes back has the one it had, because a node is its machine: pods, leases
// and whoever watches it name it, and do not ask whether it is the same object.
func (s *Store) number(m *model.Meta) uint32 {
	if id := s.former[m.Name]; m.Kind == model.KindNode && id != 0 {
		delete(s.former, m.Name)
		return id
	}
	s.current[m.Kind] = append(s.current[m.Kind], nil)
	s.latest[m.Kind] = append(s.latest[m.Kind], 0)
	return uint32(len(s.current[m.Kind]) - 1)
}

// Update makes obj the truth about its Ref. The caller has checked the
// resourceVersion.
func (s *Store) Update(by sim.ActorID, obj model.Object) {
	m := obj.Head()
	old := s.current[m.Kind][m.ID]
	s.current[m.Kind][m.ID] = obj
	s.commit(Record{By: by, Verb: Updated, Old: old, New: obj})
}

// Delete removes the object for good.
func (s *Store) Delete(by sim.ActorID, r model.Ref) {
	old := s.current[r.Kind][r.ID]
	m := old.Head()
	s.current[r.Kind][r.ID] = nil
	delete(s.ids, key{m.Kind, m.Namespace, m.Name})
	if m.Kind == model.KindNode {
		s.former[m.Name] = m.ID
	}
	s.commit(Record{By: by, Verb: Deleted, Old: old})
}

func (s *Store) commit(r Record) {
	s.revision++
	r.At, r.Revision = s.kernel.Now(), s.revision
	ref := r.Object().Head().Ref()
	if r.New != nil {
		r.New.Head().ResourceVersion = s.revision
		s.keyspace.ReplaceOrInsert(item{ref, r.New})
	} else {
		s.keyspace.Delete(item{ref: ref})
	}
	s.latest[ref.Kind][ref.ID] = int32(s.history.n)
	s.count(ref.Kind, &r)
	rec := s.history.add(r)
	s.tell(ref, rec)
	for _, o := range s.observers {
		o.Recorded(rec)
	}
}

// count adds the record that comes next to those of its kind.
func (s *Store) count(kind model.Kind, r *Record) {
	s.changes[kind] = append(s.changes[kind], int32(s.history.n))
	switch {
	case r.Old == nil:
		s.existing[kind]++
	case r.New == nil:
		s.existing[kind]--
	}
}

// Note adds what a component tells people to the history. Real Kubernetes
// writes Events through the API server and may lose them; here a note stands
// where and when it was said.
func (s *Store) Note(by sim.ActorID, n model.Note) {
	s.record(Record{At: s.kernel.Now(), By: by, Verb: Noted, Note: s.history.keep(n)})
}

// record adds what no watch is told of.
func (s *Store) record(r Record) {
	rec := s.history.add(r)
	for _, o := range s.observers {
		o.Recorded(rec)
	}
}

package store

import (
	"slices"
	"sort"
	"strconv"
	"time"

	"orrery/model"
	"orrery/sim"
)

// BumpedRevisions is by how much the revision of a restored backup is raised if
// somebody thinks of it: the example of etcd's documentation, and more than a
// backup can be old (etcd.io/docs/v3.6/op-guide/recovery, "Restoring with
// revision bump").
const BumpedRevisions = 1_000_000_000

// Restore makes everything as it was when a backup was taken, and the revision,
// too, raised by a bump. What differs is in the history, one record for each
// object, with the revision that everything has now. Connections break. The
// watches' clients come back with the revision they had, which bookmarks keep
// up to date (k8s.io/apiserver/pkg/storage/cacher/cacher.go bookmarkFrequency). With
// a bump it was compacted, and they list anew. Without one it is a revision that
// is still to come: such a watch gets nothing up to it, whatever happens
// (k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go process), and what its
// client believed of the time that is gone it believes on. A note tells of it, which
// has the revision, as there may be nothing that differs. Only API servers call it.
func (s *Store) Restore(by sim.ActorID, taken sim.Time, bump int64) {
	n, before := s.history.n, s.revision
	first := sort.Search(n, func(i int) bool { return s.history.At(i).At > taken })
	s.revision = s.revisionAt(taken) + bump
	refs, was := s.changedSince(first)
	for i, ref := range refs {
		if was[i] == nil && s.Get(ref) != nil {
			s.revert(by, ref, nil)
		}
	}
	for i, ref := range refs {
		if was[i] != nil && s.Get(ref) != was[i] {
			s.revert(by, ref, was[i])
		}
	}
	for _, w := range s.watches {
		if !w.open {
			continue
		}
		if !w.broken {
			w.breaks++
		}
		w.broken, w.refused, w.stalled, w.brokenAt = true, true, false, s.kernel.Now()
		if s.revision < before && !w.reads() {
			w.ahead, w.seen = before, s.history.n
		}
	}
	s.record(Record{By: by, Verb: Noted, Restored: true, At: s.kernel.Now(), Revision: s.revision, Note: &model.Note{
		Named: "etcd", Reason: ReasonRestored,
		Message: "from the backup of " + time.Duration(taken).String() + ": revision " + strconv.FormatInt(s.revision, 10) + " after " + strconv.FormatInt(before, 10),
	}})
}

// ReasonRestored is the reason of the note of a restored backup.
const ReasonRestored = "EtcdRestored"

// reads tells whether the watch stands for what its client gets each time it
// wants to know: a kubelet asks for its node, and does not watch it
// (pkg/kubelet/kubelet_node_status.go tryUpdateNodeStatus).
func (w *Watch) reads() bool { return w.kind == model.KindNode && w.node != 0 }

// changedSince is what changed from a record on, in the order in which it did,
// and how it was before.
func (s *Store) changedSince(first int) (refs []model.Ref, was []model.Object) {
	known := map[model.Ref]bool{}
	for i := first; i < s.history.n; i++ {
		r := s.history.At(i)
		if r.Verb == Noted {
			continue
		}
		if ref := r.Object().Head().Ref(); !known[ref] {
			known[ref] = true
			refs, was = append(refs, ref), append(was, r.Old)
		}
	}
	return refs, was
}

// revert makes an object what it was, nil if there was none.
func (s *Store) revert(by sim.ActorID, ref model.Ref, was model.Object) {
	r := Record{By: by, Verb: Updated, Old: s.Get(ref), New: was, Restored: true, At: s.kernel.Now(), Revision: s.revision}
	m := r.Object().Head()
	k := key{m.Kind, m.Namespace, m.Name}
	s.current[ref.Kind][ref.ID] = was
	switch {
	case was == nil:
		r.Verb = Deleted
		delete(s.ids, k)
		s.keyspace.Delete(item{ref: ref})
		if ref.Kind == model.KindNode {
			s.former[m.Name] = ref.ID
		}
	default:
		if r.Old == nil {
			r.Verb = Created
			delete(s.former, m.Name)
		}
		s.ids[k] = ref.ID
		s.keyspace.ReplaceOrInsert(item{ref, was})
	}
	if p, ok := was.(*model.Pod); ok && p.NodeID != 0 {
		if s.reach(p.NodeID); !slices.Contains(s.podsOn[p.NodeID], p.ID) {
			s.podsOn[p.NodeID] = append(s.podsOn[p.NodeID], p.ID)
		}
	}
	s.latest[ref.Kind][ref.ID] = int32(s.history.n)
	s.count(ref.Kind, &r)
	s.record(r)
}

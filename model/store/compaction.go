package store

import (
	"sort"
	"time"

	"orrery/sim"
)

// compactEvery is how often an API server has etcd forget history, up to the
// revision that was current that long before
// (k8s.io/apiserver/pkg/storage/etcd3/compact.go), so that 5 to 10 minutes of it
// stay. Nothing happens then but that, so it is no event.
const compactEvery = 5 * time.Minute

// compacted is the revision up to which there is no history now.
func (s *Store) compacted(now sim.Time) int64 {
	return s.revisionAt(sim.Time((int64(now)/int64(compactEvery) - 1) * int64(compactEvery)))
}

// revisionAt is the revision that was current at a time.
func (s *Store) revisionAt(at sim.Time) int64 {
	i := sort.Search(s.history.n, func(i int) bool { return s.history.At(i).At > at }) - 1
	for ; i >= 0; i-- {
		if r := s.history.At(i); r.Verb != Noted {
			return r.Revision
		}
	}
	return 0
}

// goOn has a watch go on whose server can reach etcd again. The server resumes its
// own watch of etcd where it was, unless that was compacted meanwhile: then it lists,
// fills its watch cache anew and ends its clients' watches
// (k8s.io/apiserver/pkg/storage/cacher/cacher.go startCaching). They come back with a
// resourceVersion that the new cache does not have, are told that it is too old, and
// list after the first wait of their back-off
// (k8s.io/client-go/tools/cache/reflector.go).
func (s *Store) goOn(w *Watch, now sim.Time) {
	if s.revisionAt(w.brokenAt)+1 >= s.compacted(now) {
		s.catchUp(w)
		return
	}
	s.wire.server(w.client.Server).cache = s.history.n
	w.stalled, w.refused = false, true
	w.breaks++
	s.kernel.Post(now, s.wire.reflector, whyReconnect, uint64(w.ID))
}

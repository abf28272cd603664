package store

import (
	"slices"
	"sort"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Of each kind a server's watch cache has the newest changes: at least 100, at most
// 102,400, and in between what is younger than 75 s, as it doubles its room when it
// is full sooner than that
// (k8s.io/apiserver/pkg/storage/cacher/watch_cache.go). Here it has exactly that,
// though a real one may have more: its room is halved late.
const (
	leastWindow = 100
	mostWindow  = 102_400
	freshWindow = 75 * time.Second
)

// bookmarkEvery is how often a watch is told up to where it has seen everything
// (k8s.io/apiserver/pkg/storage/cacher/cacher.go bookmarkFrequency).
const bookmarkEvery = time.Minute

// resumes tells whether a watch goes on where it stopped. If its server has not
// what came since, or never had it because it started later, the answer is 410 "too
// old resource version".
func (s *Store) resumes(w *Watch) bool {
	if !w.listed {
		return false
	}
	seen := max(w.seen, s.history.before(w.brokenAt.Add(-bookmarkEvery)))
	if seen < s.wire.server(w.client.Server).cache {
		return false
	}
	all := s.changes[w.kind]
	from, _ := slices.BinarySearch(all, int32(seen))
	missed := all[from:]
	if len(missed) <= leastWindow {
		return true
	}
	return len(missed) <= mostWindow && s.kernel.Now().Sub(s.history.At(int(missed[0])).At) <= freshWindow
}

// list has a watch begin with all there is, streamed, as client-go asks for it
// since v1.35 (the gate WatchListClient): nothing of it arrives before the server
// has sent it all. After a 410 the reflector waits before it asks. At the beginning
// of time every watch has long begun.
func (s *Store) list(w *Watch) {
	now := s.kernel.Now()
	if now == 0 {
		return
	}
	if w.listed {
		luck := s.reconnects.Draw(w.hash, w.breaks<<32)
		now = now.Add(luck.Duration(firstRetry, 2*firstRetry))
	}
	objects := s.existing[w.kind]
	switch {
	case w.node != 0 && int(w.node) < len(s.podsOn) && w.kind != model.KindNode:
		objects = int64(len(s.podsOn[w.node])) // there is an index (pkg/registry/core/pod/strategy.go Indexers)
	case w.node != 0:
		objects = 1
	}
	w.last = max(w.last, s.wire.server(w.client.Server).lister.Stream(now, objects))
}

// before is the number of records older than at.
func (h *History) before(at sim.Time) int {
	return sort.Search(h.n, func(i int) bool { return h.At(i).At >= at })
}

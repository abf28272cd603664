package etcd

import (
	"time"

	"orrery/sim"
)

// Growth is what a write does to the number of objects.
type Growth int8

// The growths.
const (
	Deletes Growth = iota - 1
	Replaces
	Creates
	CreatesEvent // an object that is gone after an hour
)

// eventTTL is how long Events are kept (--event-ttl), in intervals of compactEvery.
// They go with leases that several share, up to a minute late
// (k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go); here up to an interval.
const eventTTL = 12

// The API server compacts every 5 minutes, up to the revision it saw 5 minutes
// before (k8s.io/apiserver/pkg/storage/etcd3/compact.go), so that 5 to 10
// minutes of history stay.
const compactEvery = 5 * time.Minute

// defaultQuota is etcd's (server/storage/quota.go).
const defaultQuota = 2 << 30

// space is how large the database is: an entry for each object, and for each
// version that was replaced since the last compaction. What is freed is used
// again but not given back, so the file only grows.
type space struct {
	quota     int64
	objects   int64
	events    [eventTTL + 1]int64 // of the objects, by interval in which they were created, by turns
	revisions int64
	seen      int64   // revisions at the last compaction
	compacted int64   // revisions up to which it compacted
	interval  int64   // the number of the last compaction
	files     []int64 // by member: how large its file is
	full      bool    // the alarm NOSPACE is raised, until somebody disarms it
}

func newSpace(quota int64, members int) space {
	if quota == 0 {
		quota = defaultQuota
	}
	return space{quota: quota, files: make([]int64, members)}
}

// refuses tells whether a write is turned down: all but deletions are while
// the alarm is on (server/etcdserver/apply/apply.go applierV3Capped).
func (s *space) refuses(g Growth) bool { return s.full && g != Deletes }

func (s *space) wrote(at sim.Time, g Growth) {
	if s.refuses(g) {
		return
	}
	if k := int64(at) / int64(compactEvery); k > s.interval {
		s.compacted = s.seen
		if k > s.interval+1 {
			s.compacted = s.revisions
		}
		s.seen = s.revisions
		s.expire(k)
	}
	s.revisions++
	switch g {
	case CreatesEvent:
		s.objects++
		s.events[s.interval%(eventTTL+1)]++
	default:
		s.objects = max(0, s.objects+int64(g))
	}
	used := s.used()
	for i := range s.files {
		s.files[i] = max(s.files[i], used)
		s.full = s.full || s.files[i] > s.quota
	}
}

// expire begins an interval: the Events of an hour ago are deleted.
func (s *space) expire(interval int64) {
	for i := max(s.interval, interval-eventTTL-1) + 1; i <= interval; i++ {
		old := &s.events[i%(eventTTL+1)]
		s.objects -= *old
		s.revisions += *old
		*old = 0
	}
	s.interval = interval
}

// used is what the database takes without what was freed.
func (s *space) used() int64 { return (s.objects + s.revisions - s.compacted) * entryBytes }

// snapshotBytesPerSecond is how fast a member's whole database reaches another:
// a modelling choice for a network of 10 Gbit/s and disks that keep up with half.
const snapshotBytesPerSecond = 500 << 20

// transfer is how long a member's database is under way to another.
func (s *space) transfer(seat int) time.Duration {
	return time.Duration(s.files[seat]) * time.Second / snapshotBytesPerSecond
}

// Fill makes the database as large as its quota: the alarm NOSPACE is raised.
func (g *Group) Fill() {
	for i := range g.space.files {
		g.space.files[i] = g.space.quota + 1
	}
	g.space.full = true
}

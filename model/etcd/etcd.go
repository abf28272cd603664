// Package etcd says how long it takes until a write is agreed. Its one idea:
// a write counts once a majority has it on disk, so its latency is a disk
// sync plus, with several members, a round trip. It refuses to know what is
// written; that is the store's.
package etcd

import (
	"time"

	"orrery/sim"
)

// Cluster is the replicated log behind the API servers. Its members are
// modeled as always up and in agreement: the cost of a commit is here, the
// loss of members is not.
type Cluster struct {
	commits sim.Lane
	fsync   sim.Dist
	round   sim.Dist
	members int
}

// New is a cluster of that many members, at least one.
//
// A WAL sync on SSD takes about a millisecond, with a p99 of 10 ms on disks
// that etcd's documentation calls sufficient; a round trip between zones about
// two (etcd.io/docs/v3.6/op-guide/hardware).
func New(luck sim.Luck, members int) *Cluster {
	c := &Cluster{
		commits: luck.Lane("etcd"),
		fsync:   sim.Lognormal(1200*time.Microsecond, 10*time.Millisecond),
		members: members,
	}
	if members > 1 {
		c.round = sim.Uniform(500*time.Microsecond, 1500*time.Microsecond)
	}
	return c
}

// CommitDelay is the time from a proposal to its commit: the leader's sync,
// or a follower's behind a round trip, whichever is later in the majority. The
// pair (sender, nth) names the write's luck.
func (c *Cluster) CommitDelay(sender, nth uint64) time.Duration {
	s := c.commits.Draw(sender, nth)
	own := c.fsync.Draw(&s)
	if c.members == 1 {
		return own
	}
	return max(own, c.round.Draw(&s)+c.fsync.Draw(&s))
}

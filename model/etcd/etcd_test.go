package etcd_test

import (
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/sim"
)

// Source: "Commit latency = max(local fsync, majority-th fastest of RTT +
// follower fsync)" and 1.6 ms for one client's write on SSD
// (etcd.io/docs/v3.6/op-guide/performance).
func TestAMajorityCostsARoundTrip(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	mean := func(members int) (sum time.Duration) {
		c := etcd.New(k.Luck(), members)
		for i := range uint64(2000) {
			sum += c.CommitDelay(1, i) / 2000
		}
		return sum
	}
	one, three := mean(1), mean(3)
	if one < 500*time.Microsecond || one > 5*time.Millisecond {
		t.Errorf("one member commits in %v", one)
	}
	if three <= one+500*time.Microsecond {
		t.Errorf("three members commit in %v, one in %v", three, one)
	}
}

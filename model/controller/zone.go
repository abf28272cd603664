package controller

import (
	"time"

	"orrery/sim"
)

// Evictions per zone, as the time from one to the next
// (cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go:
// node-eviction-rate 0.1 and secondary-node-eviction-rate 0.01 per second,
// large-cluster-size-threshold 50, unhealthy-zone-threshold 0.55).
const (
	evictEvery          = 10 * time.Second
	evictEverySecondary = 100 * time.Second
	largeZone           = 50
	unhealthyPercent    = 55
)

// zoneState is how much of a zone is not ready
// (pkg/controller/nodelifecycle/node_lifecycle_controller.go).
type zoneState uint8

const (
	zoneUnseen zoneState = iota
	zoneNormal
	zonePartial
	zoneFull
)

// String is the state as the controller logs it.
func (s zoneState) String() string {
	return [...]string{"Initial", "Normal", "PartialDisruption", "FullDisruption"}[s]
}

// stateOf judges a zone by its nodes (ComputeZoneState).
func stateOf(ready, notReady int) zoneState {
	switch {
	case ready == 0 && notReady > 0:
		return zoneFull
	case notReady > 2 && 100*notReady >= unhealthyPercent*(ready+notReady):
		return zonePartial
	}
	return zoneNormal
}

// limiter is a token bucket that holds one token, and none ever if it has no
// rate.
type limiter struct {
	every  time.Duration // per token; 0 is never
	fullAt sim.Time      // when the token is there
}

// accept takes the token if it is there.
func (l *limiter) accept(now sim.Time) bool {
	if l.every == 0 || now < l.fullAt {
		return false
	}
	l.fullAt = now.Add(l.every)
	return true
}

// swap changes the rate. The new bucket starts empty if the old one was empty
// or gave nothing at all (scheduler/rate_limited_queue.go SwapLimiter).
func (l *limiter) swap(now sim.Time, every time.Duration) {
	if l.every == every {
		return
	}
	fresh := limiter{every: every, fullAt: now}
	if every > 0 && !l.accept(now) {
		fresh.accept(now)
	}
	*l = fresh
}

// zone is a failure domain: its nodes share the right to evict.
type zone struct {
	state   zoneState
	limiter limiter
	queue   []uint32 // nodes that wait for their NoExecute taint
	turns   uint64   // nodes chosen so far

	ready, notReady int // in this pass
}

// rate is how fast a zone in a state evicts.
func (z *zone) rate(s zoneState) time.Duration {
	if s != zonePartial {
		return evictEvery
	}
	if z.ready+z.notReady > largeZone {
		return evictEverySecondary
	}
	return 0
}

// choose is the node whose turn it is. In Kubernetes every pass puts all
// waiting nodes back in the order in which it happens to come to them, so any
// of them may be next; here each has its own luck at each turn.
func (z *zone) choose(lane sim.Lane, name func(id uint32) uint64) uint32 {
	best, least := z.queue[0], uint64(0)
	for i, id := range z.queue {
		s := lane.Draw(name(id), z.turns)
		if u := s.Uint64(); i == 0 || u < least {
			best, least = id, u
		}
	}
	z.turns++
	return best
}

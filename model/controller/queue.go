package controller

import (
	"time"

	"orrery/model/store"
	"orrery/sim"
)

// The default rate limiter of a workqueue: the longer of 5 ms doubled with
// every failure of the key, and a bucket of 10 tokens a second, 100 at once,
// that all keys share (k8s.io/client-go/util/workqueue/default_rate_limiters.go).
const (
	retryFirst = 5 * time.Millisecond
	retryLast  = 1000 * time.Second
	retryQPS   = 10
	retryBurst = 100
	// failuresMost keeps the doubling within 64 bits; by then retryLast rules.
	failuresMost = 20
)

// key is what a workqueue knows of one object.
type key struct {
	waiting  bool // in the queue
	working  bool // a worker has it
	again    bool // added while a worker had it
	failures uint8
	laterAt  sim.Time // when a delayed addition is due; 0 is none
}

// workqueue holds the objects a controller has to look at, each at most once,
// and hands one to a worker only when no other worker has it
// (k8s.io/client-go/util/workqueue/queue.go). Keys are dense object IDs.
type workqueue struct {
	workers int
	busy    int
	ids     []uint32
	head    int
	keys    store.Table[key]
	retries store.Bucket
	first   time.Duration // the delay after a first failure
	last    time.Duration // the longest
}

func newWorkqueue(workers int) workqueue {
	return workqueue{workers: workers, retries: store.NewBucket(retryQPS, retryBurst), first: retryFirst, last: retryLast}
}

// add asks for a look at the object: once, however often it is asked before
// the look; and once more if it is asked during the look.
func (q *workqueue) add(id uint32) {
	k := q.keys.Row(id)
	switch {
	case k.working:
		k.again = true
	case !k.waiting:
		k.waiting = true
		q.ids = append(q.ids, id)
	}
}

// take hands the next object to a worker, if one is free.
func (q *workqueue) take() (uint32, bool) {
	if q.head == len(q.ids) || q.busy == q.workers {
		return 0, false
	}
	id := q.ids[q.head]
	q.head++
	if q.head == len(q.ids) {
		q.ids, q.head = q.ids[:0], 0
	}
	k := q.keys.Row(id)
	k.waiting, k.working = false, true
	q.busy++
	return id, true
}

// release is the worker's last word on an object.
func (q *workqueue) release(id uint32) {
	k := q.keys.Row(id)
	k.working = false
	q.busy--
	if k.again {
		k.again = false
		q.add(id)
	}
}

// delay is how long a key that failed once more has to wait.
func (q *workqueue) delay(now sim.Time, id uint32) time.Duration {
	k := q.keys.Row(id)
	own := min(q.first<<k.failures, q.last)
	k.failures = min(k.failures+1, failuresMost)
	return max(own, q.retries.Take(now).Sub(now))
}

// later notes a delayed addition. It is false if an earlier one is under way
// already, which then stands for both
// (k8s.io/client-go/util/workqueue/delaying_queue.go).
func (q *workqueue) later(at sim.Time, id uint32) bool {
	k := q.keys.Row(id)
	if k.laterAt != 0 && k.laterAt <= at {
		return false
	}
	k.laterAt = at
	return true
}

// arrive adds an object whose delay is over.
func (q *workqueue) arrive(now sim.Time, id uint32) {
	k := q.keys.Row(id)
	if k.laterAt != 0 && k.laterAt <= now {
		k.laterAt = 0
		q.add(id)
	}
}

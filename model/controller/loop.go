package controller

import (
	"strconv"
	"time"

	"orrery/model/store"
	"orrery/sim"
)

// whyLater wakes a loop for a delayed addition to its queue: about is the
// object's ID. A controller's own reasons follow it.
const (
	whyLater sim.Why = iota
	whyOwn
)

// loop is what every controller has: its own client with its own token bucket,
// and its queue.
type loop struct {
	*Process
	nth        uint64 // which process of the replica it belongs to
	controller controller
	self       sim.ActorID
	client     *store.Client
	queue      workqueue
}

// Wake implements sim.Actor.
func (l *loop) Wake(now sim.Time, why sim.Why, about uint64) {
	if l.nth != l.lives || !l.running { // its process has ended
		if why == store.WhyReply {
			l.client.Reply(about)
		}
		return
	}
	switch why {
	case store.WhyReply:
		if r, ok := l.client.Reply(about); ok {
			l.controller.replied(now, r)
		}
	case whyLater:
		l.queue.arrive(now, uint32(about))
	default:
		l.controller.due(now, why, about)
	}
	l.settle(now)
}

// DescribeWake implements sim.Describer.
func (l *loop) DescribeWake(why sim.Why, about uint64) string {
	switch {
	case why == whyLater:
		return "delayed look at object " + strconv.FormatUint(about, 10)
	case why >= store.ReservedWhys:
		return "news from the API server"
	}
	return "timer " + strconv.Itoa(int(why)) + " about " + strconv.FormatUint(about, 10)
}

// firstAt is when a loop that goes around every so often first does: at once
// (k8s.io/apimachinery/pkg/util/wait Until), but in a process that has run since before the
// beginning at any time.
func (l *loop) firstAt(luck *sim.Stream, every time.Duration) sim.Time {
	if now := l.kernel.Now(); now > 0 {
		return now
	}
	return sim.Time(luck.Duration(0, every))
}

// done frees the worker: the look came to its end.
func (l *loop) done(id uint32) {
	l.queue.keys.Row(id).failures = 0
	l.queue.release(id)
}

// failed frees the worker and asks for another look after the rate limit.
func (l *loop) failed(now sim.Time, id uint32) {
	l.after(now, id, l.queue.delay(now, id))
	l.queue.release(id)
}

// after asks for a look at an object in a while.
func (l *loop) after(now sim.Time, id uint32, d time.Duration) {
	if at := now.Add(d); l.queue.later(at, id) {
		l.kernel.Post(at, l.self, whyLater, uint64(id))
	}
}

// A tag says what a request was for: an operation of the controller's own
// counting and an object's ID.
func tag(op uint8, id uint32) uint64 { return uint64(op)<<32 | uint64(id) }

func untag(t uint64) (op uint8, id uint32) { return uint8(t >> 32), uint32(t) }

// spamFilter is how many notes one source may make about one object: 25, and
// one more every 5 minutes; the rest is dropped
// (k8s.io/client-go/tools/record/events_cache.go EventSourceObjectSpamFilter).
type spamFilter struct{ full sim.Time }

const (
	notesAtOnce = 25
	noteEvery   = 300 * time.Second
)

func (f *spamFilter) allow(now sim.Time) bool {
	full := max(f.full, now)
	if full.Sub(now) > (notesAtOnce-1)*noteEvery {
		return false
	}
	f.full = full.Add(noteEvery)
	return true
}

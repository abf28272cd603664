package scheduler

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// place is where a pod is in the queue.
type place uint8

const (
	nowhere       place = iota
	active              // activeQ
	backoff             // backoffQ: rejected before, waits out its backoff
	errorBackoff        // errorBackoffQ: the last attempt ended in an error
	unschedulable       // unschedulablePods: rejected, waits for an event
	inFlight            // in a scheduling cycle
)

// podRow is everything the scheduler knows of a pod.
type podRow struct {
	pod *model.Pod // the newest version seen; of a pod that is gone, the last
	// placed is the version of the pod that the cache has on node, nil if it is
	// not there. An assumed pod is there before it was seen bound.
	placed *model.Pod
	node   uint32

	at        int32     // place in group
	group     *group    // if it is unschedulable
	since     sim.Time  // QueuedPodInfo.Timestamp
	expiry    sim.Time  // BackoffExpiration, cut to the second; -1 if it owes none
	seq       uint32    // counts pods in the order in which they were first seen
	stamp     uint32    // counts its moves between places
	rejectors pluginSet // UnschedulablePlugins
	rejected  uint32    // UnschedulableCount
	errors    uint32    // ConsecutiveErrorsCount
	told      uint32    // hash of the condition last sent; 0 if none was

	exists  bool
	assumed bool
	place   place
	gate    pluginSet // the PreEnqueue plugin that gates it; then place is unschedulable

	heard   int         // of the queue's news, while it is in flight: what is older came before it was popped
	permit  *permit     // what holds up its binding, nil if nothing does
	volumes *volumeWait // what it waits for, in a binding that waits for volumes

	nominated uint32    // the node it waits for, 0 if for none
	eviction  *eviction // of its victims, while they are being asked
}

// group is the unschedulable pods of one class that the same plugins rejected:
// an event helps all of them or none.
type group struct {
	groupKey
	pods []uint32 // in no order that matters
	at   int      // place among the groups that are not empty
}

// groupKey tells groups apart.
//
//tidy:key compared as a whole
type groupKey struct {
	class     *class
	rejectors pluginSet
}

// The queue's timing, where a Config does not say otherwise
// (pkg/scheduler/backend/queue/scheduling_queue.go, backoff_queue.go). A pod's
// backoff ends on a whole second, and so does the wait of the flush.
const (
	backoffWindow            = time.Second
	flushUnschedulableEvery  = 30 * time.Second
	maxInUnschedulable       = 5 * time.Minute
	neverBackedOff           = sim.Time(-1)
	defaultPodInitialBackoff = time.Second
	defaultPodMaxBackoff     = 10 * time.Second
)

// left is an unschedulable pod in the order in which the flush finds them.
type left struct {
	since sim.Time
	pod   uint32
	stamp uint32
}

// queue is the pods that wait for a node
// (pkg/scheduler/backend/queue/scheduling_queue.go).
type queue struct {
	framework      *Framework
	classes        *classes
	rows           *store.Table[podRow]
	initialBackoff time.Duration
	maxBackoff     time.Duration

	activeQ       podHeap
	tenants       []podHeap // instead of activeQ, if sharing
	sharing       TenantSortPlugin
	backoffQ      podHeap
	errorBackoffQ podHeap
	groups        map[groupKey]*group
	unschedulable []*group // those that are not empty, in no order that matters
	leftover      []left   // unschedulable pods, oldest first; some are dead
	oldest        int      // of leftover: what comes before is gone
	seen          uint32

	// Pods are in flight from when they are popped until their binding begins.
	// flying is the one in the scheduling cycle, 0 if there is none, aside are
	// those that wait for permission, oldest first. news is what happened since
	// the first of them was popped.
	flying uint32
	aside  []uint32
	news   []Event
	trimAt int // so many news are worth looking for old ones
}

func newQueue(k *classes, rows *store.Table[podRow], c Config) *queue {
	f := k.framework
	q := &queue{framework: f, classes: k, rows: rows, groups: map[groupKey]*group{}}
	q.initialBackoff, q.maxBackoff = c.PodInitialBackoff, c.PodMaxBackoff
	q.activeQ.less = func(a, b *QueuedPodInfo) bool {
		if f.queueSort.Less(a, b) {
			return true
		}
		return a.seq < b.seq && !f.queueSort.Less(b, a)
	}
	steady := q.activeQ.less
	if q.sharing, _ = f.queueSort.(TenantSortPlugin); q.sharing != nil {
		steady = func(a, b *QueuedPodInfo) bool {
			return prioritySort{}.Less(a, b) || a.seq < b.seq && !prioritySort{}.Less(b, a)
		}
	}
	q.backoffQ.less = func(a, b *QueuedPodInfo) bool {
		return a.window < b.window || a.window == b.window && steady(a, b)
	}
	q.errorBackoffQ.less = func(a, b *QueuedPodInfo) bool {
		return a.window < b.window || a.window == b.window && a.seq < b.seq
	}
	return q
}

// add takes a pod that was not seen before.
func (q *queue) add(now sim.Time, id uint32) {
	r := q.rows.Row(id)
	q.seen++
	r.seq, r.since, r.expiry = q.seen, now, neverBackedOff
	q.toActive(id)
}

// toActive moves a pod to the active queue, unless a PreEnqueue plugin gates
// it.
func (q *queue) toActive(id uint32) {
	q.leave(id)
	if r := q.rows.Row(id); !q.gate(r, id) {
		q.enter(q.lane(r), r, id, active)
	}
}

func (q *queue) toBackoff(id uint32) {
	q.leave(id)
	r := q.rows.Row(id)
	switch {
	case q.gate(r, id):
	case r.rejectors == 0:
		q.enter(&q.errorBackoffQ, r, id, errorBackoff)
	default:
		q.enter(&q.backoffQ, r, id, backoff)
	}
}

func (q *queue) enter(h *podHeap, r *podRow, id uint32, p place) {
	r.place = p
	e := QueuedPodInfo{Timestamp: r.since, Priority: r.pod.Spec.Priority, Pod: id, window: r.expiry, seq: r.seq, stamp: r.stamp}
	if q.sharing != nil {
		e.Tenant = q.sharing.Tenant(r.pod)
	}
	h.push(e)
}

// gate runs the PreEnqueue plugins. A gated pod waits among the unschedulable
// ones and owes no backoff.
func (q *queue) gate(r *podRow, id uint32) bool {
	st := q.framework.preEnqueued(r.pod)
	if r.gate = 0; st == nil {
		return false
	}
	r.gate = st.rejector
	r.rejectors |= st.rejector
	q.toUnschedulable(id)
	return true
}

func (q *queue) toUnschedulable(id uint32) {
	q.leave(id)
	r := q.rows.Row(id)
	q.regroup(r, id)
	r.place = unschedulable
	if r.gate == 0 {
		q.leftover = append(q.leftover, left{r.since, id, r.stamp})
	}
}

// regroup puts an unschedulable pod into the group of its class.
func (q *queue) regroup(r *podRow, id uint32) {
	k := groupKey{q.classes.of(r.pod), r.rejectors}
	g := q.groups[k]
	if g == nil {
		g = &group{groupKey: k}
		q.groups[k] = g
	}
	if len(g.pods) == 0 {
		g.at = len(q.unschedulable)
		q.unschedulable = append(q.unschedulable, g)
	}
	r.group, r.at = g, int32(len(g.pods))
	g.pods = append(g.pods, id)
}

// leave takes a pod from where it is. Its entries elsewhere are dead from now
// on.
func (q *queue) leave(id uint32) {
	r := q.rows.Row(id)
	if r.place == unschedulable {
		q.ungroup(r)
	}
	r.place = nowhere
	r.stamp++
}

func (q *queue) ungroup(r *podRow) {
	g := r.group
	last := len(g.pods) - 1
	moved := g.pods[last]
	g.pods[r.at] = moved
	q.rows.Row(moved).at = r.at
	g.pods = g.pods[:last]
	r.group = nil
	if last > 0 {
		return
	}
	end := len(q.unschedulable) - 1
	q.unschedulable[g.at] = q.unschedulable[end]
	q.unschedulable[g.at].at = g.at
	q.unschedulable = q.unschedulable[:end]
}

// remove forgets a pod, unless it is in flight: whoever has it will find out.
func (q *queue) remove(id uint32) {
	if q.rows.Row(id).place != inFlight {
		q.leave(id)
	}
}

// head is the first living entry of h, nil if there is none.
func (q *queue) head(h *podHeap) *QueuedPodInfo {
	for len(h.entries) > 0 {
		e := &h.entries[0]
		if q.rows.Row(e.Pod).stamp == e.stamp {
			return e
		}
		h.drop()
	}
	return nil
}

// pop takes the next pod for a scheduling cycle. If nothing is active it takes
// one out of its backoff, but not out of that of an error
// (pkg/scheduler/backend/queue/active_queue.go).
func (q *queue) pop() (id uint32, ok bool) {
	h, e := q.nextActive()
	if e == nil {
		h = &q.backoffQ
		if e = q.head(h); e == nil {
			return 0, false
		}
	}
	id = e.Pod
	h.drop()
	q.leave(id)
	r := q.rows.Row(id)
	r.place, r.rejectors, r.gate, r.heard = inFlight, 0, 0, len(q.news)
	q.flying = id
	return id, true
}

// done ends the flight of the pod that was popped.
func (q *queue) done() {
	q.landed(q.flying)
}

// setAside lets the pod that was popped stay in flight while others are popped.
func (q *queue) setAside() {
	q.aside = append(q.aside, q.flying)
	q.flying = 0
}

// landed ends the flight of a pod, if it was in flight. News that nobody is to
// hear any more are forgotten, some of them late.
func (q *queue) landed(id uint32) {
	if r := q.rows.Row(id); r.place == inFlight {
		r.place = nowhere
	}
	if q.flying == id {
		q.flying = 0
	} else if i := slices.Index(q.aside, id); i >= 0 {
		q.aside = slices.Delete(q.aside, i, i+1)
	}
	if q.flying == 0 && len(q.aside) == 0 {
		q.news, q.trimAt = q.news[:0], minTrim
	} else if len(q.news) >= q.trimAt {
		q.trim()
	}
}

// minTrim is how many news are kept without a thought.
const minTrim = 1024

// trim forgets the news from before the oldest flight.
func (q *queue) trim() {
	aloft := q.aside
	if q.flying != 0 {
		aloft = append(slices.Clone(aloft), q.flying)
	}
	oldest := len(q.news)
	for _, id := range aloft {
		oldest = min(oldest, q.rows.Row(id).heard)
	}
	for _, id := range aloft {
		q.rows.Row(id).heard -= oldest
	}
	q.news = slices.Delete(q.news, 0, oldest)
	q.trimAt = max(minTrim, 2*len(q.news))
}

// back takes a pod whose attempt came to nothing: rejected by plugins, or by
// none if it was an error. If anything happened meanwhile that may help it, it
// only waits out its backoff (AddUnschedulableIfNotPresent).
func (q *queue) back(now sim.Time, id uint32, rejectors pluginSet) {
	r := q.rows.Row(id)
	var news []Event
	if r.place == inFlight {
		news = q.news[r.heard:]
	}
	q.leave(id)
	r.rejectors, r.since = rejectors, now
	if rejectors == 0 {
		r.errors++
	} else {
		r.rejected++
		r.errors = 0
	}
	r.expiry = q.expiry(r)
	again := rejectors == 0
	for i := range news {
		again = again || q.framework.worthRequeuing(r.pod, rejectors, &news[i])
	}
	q.landed(id)
	if !again {
		q.toUnschedulable(id)
		return
	}
	q.requeue(now, id)
}

// expiry is the end of the pod's backoff, cut to the second: 1 s after the
// first failure, doubling up to 10 s.
func (q *queue) expiry(r *podRow) sim.Time {
	n := r.rejected
	if r.errors > 0 {
		n = r.errors
	}
	d := q.initialBackoff
	for ; n > 1 && d < q.maxBackoff; n-- {
		d *= 2
	}
	return window(r.since.Add(min(d, q.maxBackoff)))
}

func window(t sim.Time) sim.Time { return t - t%sim.Time(backoffWindow) }

// backingOff tells whether the pod's backoff is not over: the second in which
// it ends still counts.
func (r *podRow) backingOff(now sim.Time) bool { return r.expiry >= window(now) }

// requeue moves a pod on that deserves another attempt.
func (q *queue) requeue(now sim.Time, id uint32) {
	if q.rows.Row(id).backingOff(now) {
		q.toBackoff(id)
		return
	}
	q.toActive(id)
}

// happened lets an event move the unschedulable pods it may help
// (MoveAllToActiveOrBackoffQueue).
func (q *queue) happened(now sim.Time, e Event) {
	interested := q.framework.interested(e.ClusterEvent)
	if interested == 0 {
		return
	}
	q.hear(e)
	for i := len(q.unschedulable) - 1; i >= 0; i-- {
		g := q.unschedulable[i]
		if g.rejectors&interested == 0 || !q.framework.worthRequeuing(q.rows.Row(g.pods[0]).pod, g.rejectors, &e) {
			continue
		}
		for j := len(g.pods) - 1; j >= 0; j-- {
			id := g.pods[j]
			if r := q.rows.Row(id); r.gate&^interested == 0 {
				q.requeue(now, id) // a gate is opened by nothing but what its plugin asked to know
			}
		}
	}
}

// hear notes what happened for the pods in flight.
func (q *queue) hear(e Event) {
	if q.flying != 0 || len(q.aside) > 0 {
		q.news = append(q.news, e)
	}
}

// activate moves a pod that waits to the active queue (Activate).
func (q *queue) activate(id uint32) {
	switch q.rows.Row(id).place {
	case unschedulable, backoff, errorBackoff:
		q.toActive(id)
	}
}

// update takes a new version of a pod that waits; the row has it already
// (PriorityQueue.Update). Two things about it may help: that its last scheduling gate is
// gone, and that it asks for less (framework/events.go PodSchedulingPropertiesChange).
func (q *queue) update(now sim.Time, id uint32, old *model.Pod) {
	r := q.rows.Row(id)
	e := Event{Pod: r.pod}
	if len(old.Gates) > 0 && len(r.pod.Gates) == 0 {
		e.ClusterEvent |= PodUpdateSchedulingGatesEliminated
	}
	if smaller(old, r.pod) {
		e.ClusterEvent |= PodUpdateScaleDown
	}
	switch r.place {
	case inFlight:
		if e.ClusterEvent != 0 {
			q.hear(e)
		}
	case unschedulable:
		if r.pod.Spec != old.Spec {
			q.ungroup(r)
			q.regroup(r, id)
		}
		if e.ClusterEvent != 0 && q.framework.worthRequeuing(r.pod, r.rejectors, &e) {
			q.requeue(now, id)
		}
	case nowhere:
		r.since = now
		q.toActive(id)
	}
}

// flushBackoff moves pods whose backoff is over. It runs on every whole second.
func (q *queue) flushBackoff(now sim.Time) {
	for _, h := range [...]*podHeap{&q.backoffQ, &q.errorBackoffQ} {
		for e := q.head(h); e != nil && e.window < window(now); e = q.head(h) {
			id := e.Pod
			h.drop()
			q.leave(id)
			q.enter(q.lane(q.rows.Row(id)), q.rows.Row(id), id, active)
		}
	}
}

// backoffDue is the whole second at which flushBackoff next has something to
// do, if pods stay where they are.
func (q *queue) backoffDue() sim.Time {
	due := sim.Never
	for _, h := range [...]*podHeap{&q.backoffQ, &q.errorBackoffQ} {
		if e := q.head(h); e != nil {
			due = min(due, e.window.Add(backoffWindow))
		}
	}
	return due
}

// flushUnschedulable moves pods that nothing has helped for more than 5
// minutes. It runs every 30 seconds.
func (q *queue) flushUnschedulable(now sim.Time) {
	moved := false
	for l := q.oldestLeft(); l != nil && now.Sub(l.since) > maxInUnschedulable; l = q.oldestLeft() {
		q.requeue(now, l.pod)
		moved = true
	}
	if moved {
		q.hear(Event{ClusterEvent: wildCard})
	}
}

// unschedulableDue is the moment from which on flushUnschedulable has
// something to do.
func (q *queue) unschedulableDue() sim.Time {
	l := q.oldestLeft()
	if l == nil {
		return sim.Never
	}
	return l.since.Add(maxInUnschedulable + 1)
}

// oldestLeft is the unschedulable pod that came first, nil if there is none.
func (q *queue) oldestLeft() *left {
	for q.oldest < len(q.leftover) {
		l := &q.leftover[q.oldest]
		if q.rows.Row(l.pod).stamp == l.stamp {
			return l
		}
		q.oldest++
	}
	q.leftover, q.oldest = q.leftover[:0], 0
	return nil
}

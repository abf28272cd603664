package controller

import (
	"math/bits"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// statefulSets keeps the pods of each StatefulSet: creates them from the lowest
// number up and removes them from the highest down, each with its own name and
// one at a time unless the set says otherwise (pkg/controller/statefulset).
// Pods without an owner are not adopted.
type statefulSets struct {
	*loop
	plans store.Table[plan] // of the looks under way
}

func newStatefulSets(l *loop) controller { return &statefulSets{loop: l} }

func (c *statefulSets) statefulSet(_ sim.Time, old, next *model.StatefulSet) {
	switch {
	case next != nil:
		c.queue.add(next.ID)
	case old != nil:
		c.queue.add(old.ID)
	}
}

// pod wakes its set up. A pod that became ready also does so when it becomes
// available, a second late (stateful_set.go updatePod).
func (c *statefulSets) pod(now sim.Time, old, next *model.Pod) {
	some := old
	if next != nil {
		some = next
	}
	if some.Owner.Kind != model.KindStatefulSet {
		return
	}
	c.queue.add(some.Owner.ID)
	if next == nil || !next.IsReady() || old != nil && old.IsReady() {
		return
	}
	if set := *c.view.statefulSets.Row(next.Owner.ID); set != nil && set.MinReady > 0 {
		c.after(now, set.ID, set.MinReady+time.Second)
	}
}

// due implements controller; nothing is posted but delayed looks.
func (c *statefulSets) due(sim.Time, sim.Why, uint64) {}

// sync is one look at a set. It decides everything from the view and then makes
// its requests (stateful_set_control.go UpdateStatefulSet).
func (c *statefulSets) sync(now sim.Time, id uint32) {
	set := *c.view.statefulSets.Row(id)
	if set == nil {
		c.done(id)
		return
	}
	p := c.plans.Row(id)
	p.reset()
	l := &setLook{now: now, set: set, next: *set, plan: p, history: history{set.Ref(), set.Template, set.HistoryLimit}}
	for _, pod := range *c.view.owned[model.KindStatefulSet].Row(id) {
		l.pods = append(l.pods, c.view.pod(pod))
	}
	l.revise(c.view.revisionList(set.Ref()))
	l.sort()
	l.claims = &c.view
	l.update()
	l.writeStatus()
	if l.blocked {
		c.after(now, id, c.queue.delay(now, id))
	}
	l.history.truncate(p, l.revisions, l.live)
	if set.MinReady > 0 && l.next.AvailableReplicas != set.Replicas {
		c.after(now, id, set.MinReady)
	}
	c.advance(now, p, id)
}

func (c *statefulSets) replied(now sim.Time, r store.Reply) {
	c.goOn(now, c.plans.Row(uint32(r.Tag)), r)
}

// setLook is one look at one StatefulSet.
type setLook struct {
	now       sim.Time
	set       *model.StatefulSet
	next      model.StatefulSet // with the status to be written
	plan      *plan
	history   history
	revisions []*model.ControllerRevision // oldest first
	current   *model.ControllerRevision   // of pods below the partition
	newest    *model.ControllerRevision   // of all others
	pods      []*model.Pod
	replicas  []*model.Pod // by ordinal, from the set's first; nil where there is none
	condemned []*model.Pod // beyond the replicas, the highest first
	firstBad  *model.Pod   // the lowest of the condemned that is not available; nil if all are
	group     int          // of the last request about a pod
	rolled    int32        // pods of old revisions that are deleted
	claims    *view        // for the claims of its pods
	blocked   bool         // a claim that is being deleted is in the way of its pod
}

// revise finds out which revisions pods are made from, and plans to make or
// raise the newest (getStatefulSetRevisions).
func (l *setLook) revise(revisions []*model.ControllerRevision) {
	l.newest, l.revisions = l.history.newest(l.plan, revisions, l.set)
	l.current = l.newest
	for _, r := range l.revisions {
		if r.Name == l.set.CurrentRevision {
			l.current = r
		}
	}
	l.next.ObservedGeneration = l.set.Generation
	l.next.CurrentRevision, l.next.UpdateRevision = l.current.Name, l.newest.Name
}

// sort tells the pods that should be there from those that should not.
func (l *setLook) sort() {
	l.replicas = make([]*model.Pod, l.set.Replicas)
	for _, p := range l.pods {
		n, ok := ordinal(l.set.Name, p.Name)
		switch {
		case !ok:
		case n >= l.set.Start && n < l.set.Start+l.set.Replicas:
			l.replicas[n-l.set.Start] = p
		default:
			l.condemned = append(l.condemned, p)
			for i := len(l.condemned) - 1; i > 0; i-- {
				if m, _ := ordinal(l.set.Name, l.condemned[i-1].Name); m < n {
					l.condemned[i-1], l.condemned[i] = l.condemned[i], l.condemned[i-1]
				}
			}
		}
	}
	for _, p := range l.condemned {
		if l.unavailable(p) {
			l.firstBad = p
		}
	}
}

// ordinal is the number of a pod of a set, by its name.
func ordinal(set, pod string) (int32, bool) {
	if len(pod) <= len(set)+1 || pod[:len(set)] != set || pod[len(set)] != '-' || len(pod) > len(set)+10 {
		return 0, false
	}
	var n int32
	for _, c := range []byte(pod[len(set)+1:]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int32(c-'0')
	}
	return n, true
}

// available is IsPodAvailable of a pod that runs.
func (l *setLook) available(p *model.Pod) bool {
	return p.Phase == model.PodRunning && p.IsReady() && l.now >= p.AvailableAt(l.set.MinReady)
}

func (l *setLook) unavailable(p *model.Pod) bool { return p == nil || p.Deleting() || !l.available(p) }

// update plans what brings the set nearer to what it should be
// (updateStatefulSet).
func (l *setLook) update() {
	if l.set.Deleting() {
		return
	}
	for i := range l.replicas {
		if l.keep(i) && !l.set.Parallel {
			return
		}
	}
	for i := range l.condemned {
		if l.condemn(i); !l.set.Parallel {
			return
		}
	}
	if !l.set.OnDelete {
		l.roll()
	}
}

// keep plans for one pod that should be there, and tells whether an ordered set
// has to wait for it (processReplica).
func (l *setLook) keep(i int) bool {
	p := l.replicas[i]
	switch {
	case p == nil:
		l.create(i)
		return true
	case p.Phase.Terminal():
		if !p.Deleting() {
			l.ask(call{op: store.OpDelete, target: p.Ref()}, batchOf(i), "delete", p.Name)
		}
		return true
	}
	return p.Deleting() || !l.available(p)
}

// condemn plans for one pod that should not be there. An ordered set waits for
// those that are on their way, but for the one that is the reason to wait
// (processCondemned).
func (l *setLook) condemn(i int) {
	p := l.condemned[i]
	if p.Deleting() || !l.set.Parallel && !l.available(p) && p != l.firstBad {
		return
	}
	l.leave(p)
	l.ask(call{op: store.OpDelete, target: p.Ref()}, condemnedBatch+batchOf(i), "delete", p.Name)
}

// roll plans to delete pods of old revisions, the highest first, as long as no
// more than maxUnavailable are missing, which is rounded down, but at least 1
// (stateful_set_utils.go getStatefulSetMaxUnavailable,
// updateStatefulSetAfterInvariantEstablished).
func (l *setLook) roll() {
	missing := int32(0)
	for i := range l.replicas {
		if l.unavailable(l.replicas[i]) {
			missing++
		}
	}
	room := max(1, l.set.MaxUnavailable.Of(l.set.Replicas, false)) - missing
	for i := int32(len(l.replicas)) - 1; i >= l.set.Partition && room > 0; i-- {
		if p := l.replicas[i]; p != nil && p.Labels.Value(model.LabelRevision) != l.newest.Name && !p.Deleting() {
			l.ask(call{op: store.OpDelete, target: p.Ref()}, 0, "delete", p.Name)
			l.rolled++
			room--
		}
	}
}

// create plans to make the pod of an ordinal: of the old revision below the
// partition (newVersionedStatefulSetPod).
func (l *setLook) create(i int) {
	n := l.set.Start + int32(i)
	from := l.newest
	if !l.set.OnDelete && int32(i) < l.set.Partition {
		from = l.current
	}
	number := decimal(n)
	name := l.set.Name + "-" + number
	if !l.claim(name) {
		l.blocked = true
		return
	}
	labels := from.Template.Labels.With(model.LabelPodName, name).With(model.LabelPodIndex, number).With(model.LabelRevision, from.Name)
	pod := &model.Pod{
		Meta: model.Meta{Kind: model.KindPod, Namespace: l.set.Namespace, Name: name, Owner: l.set.Ref(), Labels: labels},
		Spec: l.withClaims(from.Template.Spec, name), Finalizers: from.Template.Finalizers,
	}
	l.ask(call{op: store.OpCreate, object: pod}, batchOf(i), "create", name)
}

// condemnedBatch tells the batches of condemned pods from those of replicas.
const condemnedBatch = 1 << 20

// batchMost is how many pods one batch has at most (MaxBatchSize).
const batchMost = 500

// batchOf is the batch, from 1, of the ith pod, if batches double until they are
// batchMost.
func batchOf(i int) int {
	const doubled = 511 // pods in the batches of 1 to 256
	if i < doubled {
		return bits.Len(uint(i + 1))
	}
	return bits.Len(doubled) + 1 + (i-doubled)/batchMost
}

// ask plans a request about a pod. A parallel set makes those of one batch
// together: the batches are the first pod, the next two, the next four and so
// on, whether or not there is anything to do about them (slowStartBatch). Batch 0
// is no batch.
func (l *setLook) ask(c call, batch int, verb, pod string) {
	done, failed := verb+" Pod "+pod+" in StatefulSet "+l.set.Name+" successful", verb+" Pod "+pod+" in StatefulSet "+l.set.Name+" failed error: "
	c.noteOn = l.set
	if c.op == store.OpCreate {
		c.note, c.failNote = model.Note{Reason: "SuccessfulCreate", Message: done}, model.Note{Warning: true, Reason: "FailedCreate", Message: failed}
	} else {
		c.note, c.failNote = model.Note{Reason: "SuccessfulDelete", Message: done}, model.Note{Warning: true, Reason: "FailedDelete", Message: failed}
	}
	c.together = l.set.Parallel && batch > 0 && batch == l.group
	l.group = batch
	l.plan.add(c)
}

// writeStatus counts the pods as they were seen, and plans to write that if it
// says something new (updateStatefulSetStatus).
func (l *setLook) writeStatus() {
	n, s := &l.next, l.set
	n.StatusReplicas, n.ReadyReplicas, n.AvailableReplicas, n.CurrentReplicas, n.UpdatedReplicas = 0, 0, 0, 0, 0
	for _, p := range l.pods {
		n.StatusReplicas++
		if p.Phase == model.PodRunning && p.IsReady() {
			n.ReadyReplicas++
			if l.available(p) {
				n.AvailableReplicas++
			}
		}
		if !p.Deleting() {
			n.CurrentReplicas += int32(one(p.Labels.Value(model.LabelRevision) == l.current.Name))
			n.UpdatedReplicas += int32(one(p.Labels.Value(model.LabelRevision) == l.newest.Name))
		}
	}
	n.CurrentReplicas -= l.rolled
	if !s.OnDelete && n.UpdatedReplicas == n.StatusReplicas && n.ReadyReplicas == n.StatusReplicas {
		n.CurrentReplicas, n.CurrentRevision = n.UpdatedReplicas, n.UpdateRevision // completeRollingUpdate
	}
	if n.ObservedGeneration != s.ObservedGeneration || n.StatusReplicas != s.StatusReplicas || n.ReadyReplicas != s.ReadyReplicas ||
		n.AvailableReplicas != s.AvailableReplicas || n.CurrentReplicas != s.CurrentReplicas || n.UpdatedReplicas != s.UpdatedReplicas ||
		n.CurrentRevision != s.CurrentRevision || n.UpdateRevision != s.UpdateRevision {
		l.plan.add(call{op: store.OpUpdateStatus, object: n, insist: true, anyway: true})
	}
}

// live tells whether pods of a revision are there or may be made.
func (l *setLook) live(r *model.ControllerRevision) bool {
	if r.Name == l.current.Name || r.Name == l.newest.Name {
		return true
	}
	for _, p := range l.pods {
		if p.Labels.Value(model.LabelRevision) == r.Name {
			return true
		}
	}
	return false
}

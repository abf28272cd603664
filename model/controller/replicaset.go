package controller

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// burstReplicas is how many pods are created or deleted in one look
// (pkg/controller/replicaset/replica_set.go).
const burstReplicas = 500

// replicaSets keeps as many pods as each ReplicaSet asks for. It never lists
// pods to count them: tally carries every change of a pod into the counts of
// its ReplicaSet.
type replicaSets struct {
	*loop
	rows  store.Table[setRow]
	names sim.Lane
}

// counts is how many of a ReplicaSet's pods are what; for one pod each is 0 or
// 1. All but unfinished count active pods only.
type counts struct {
	active     int32
	ready      int32
	available  int32 // ready for minReadySeconds
	unfinished int32 // not in a terminal phase, terminating ones included
}

func (c *counts) add(o counts, sign int32) {
	c.active += sign * o.active
	c.ready += sign * o.ready
	c.available += sign * o.available
	c.unfinished += sign * o.unfinished
}

// setRow is what the controller knows of one ReplicaSet.
type setRow struct {
	pods     counts
	minReady time.Duration // what available is counted with
	waits    waits         // ready pods that are not available yet
	claim    bool          // there may be orphans to adopt, or pods to release
	names    uint64        // pod names drawn so far
	notes    spamFilter

	expectations

	// The look under way, while a worker has the ReplicaSet.
	set    *model.ReplicaSet
	found  counts // when it began, which is what it reports
	again  bool   // it has reported, and was refused
	batch  int32  // requests of this batch
	open   int32  // of those, not answered
	left   int32  // pods to create after this batch
	failed bool
}

// Operations of the ReplicaSet controller's requests.
const (
	opCreatePod  uint8 = iota // about the ReplicaSet
	opDeletePod               // about the pod
	opAdoptPod                // about the ReplicaSet
	opReleasePod              // about the ReplicaSet
	opSetStatus               // about the ReplicaSet
)

const whyAvailable = whyOwn // about a ReplicaSet: a pod's minReadySeconds are over

func newReplicaSets(l *loop) controller {
	return &replicaSets{loop: l, names: l.kernel.Luck().Lane("pod name")}
}

func (c *replicaSets) replicaSet(_ sim.Time, old, next *model.ReplicaSet) {
	if next == nil {
		if old != nil {
			row := c.rows.Row(old.ID)
			row.creations, row.deletions = 0, 0
			c.queue.add(old.ID)
		}
		return
	}
	row := c.rows.Row(next.ID)
	if old == nil {
		row.claim = true
		for _, id := range *c.view.owned[model.KindReplicaSet].Row(next.ID) {
			c.judge(c.view.pod(id))
		}
	}
	if row.minReady != next.MinReady || old == nil {
		row.minReady = next.MinReady
		c.recount(next.ID)
	}
	c.queue.add(next.ID)
}

// pod carries a change of a pod into the counts of its owner and wakes it up.
func (c *replicaSets) pod(now sim.Time, old, next *model.Pod) {
	var from, to model.Ref
	if old != nil {
		from = old.Owner
	}
	if next != nil {
		to = next.Owner
		if to.IsZero() {
			c.orphan(old, next)
		}
	}
	if from.Kind == model.KindReplicaSet && from != to {
		c.left(now, old)
	}
	if to.Kind == model.KindReplicaSet {
		c.mine(now, old, next, from != to)
	}
}

// left handles a pod that a ReplicaSet no longer has.
func (c *replicaSets) left(now sim.Time, pod *model.Pod) {
	c.tally(now, pod.ID, nil, pod.Owner.ID)
	c.view.pods.Row(pod.ID).stray = false
	c.rows.Row(pod.Owner.ID).seeDeletionOf(c.view.pods.Row(pod.ID))
	c.queue.add(pod.Owner.ID)
}

func (c *replicaSets) mine(now sim.Time, old, next *model.Pod, fresh bool) {
	set := next.Owner.ID
	if fresh && !next.Deleting() {
		c.rows.Row(set).seeCreation()
	}
	if next.Deleting() && (old == nil || !old.Deleting()) {
		c.rows.Row(set).seeDeletionOf(c.view.pods.Row(next.ID))
	}
	if fresh || !sameLabels(old.Labels, next.Labels) {
		c.judge(next)
	}
	c.tally(now, next.ID, next, set)
	c.queue.add(set)
}

// judge tells whether a pod's ReplicaSet still selects it. One that it does not
// select counts for nothing, and is to be released.
func (c *replicaSets) judge(pod *model.Pod) {
	set := *c.view.replicaSets.Row(pod.Owner.ID)
	stray := set != nil && !set.Selector.Matches(pod.Labels)
	c.view.pods.Row(pod.ID).stray = stray
	if stray {
		c.rows.Row(set.ID).claim = true
	}
}

// tally replaces what a pod counts for. pod is nil if it counts for nothing
// any more.
func (c *replicaSets) tally(now sim.Time, id uint32, pod *model.Pod, set uint32) {
	row := c.rows.Row(set)
	if c.view.pods.Row(id).stray {
		pod = nil
	}
	counted := &c.view.pods.Row(id).counted
	row.pods.add(*counted, -1)
	*counted = count(now, pod, row.minReady)
	row.pods.add(*counted, 1)
	if counted.ready > counted.available {
		due := pod.AvailableAt(row.minReady)
		if row.waits.push(wait{due, id}) {
			c.kernel.Post(due, c.self, whyAvailable, uint64(set))
		}
	}
}

// count is what one pod counts for.
func count(now sim.Time, p *model.Pod, minReady time.Duration) counts {
	var n counts
	if p == nil || p.Phase.Terminal() {
		return n
	}
	n.unfinished = 1
	if p.Deleting() {
		return n
	}
	n.active = 1
	if p.IsReady() {
		n.ready = 1
		if now >= p.AvailableAt(minReady) {
			n.available = 1
		}
	}
	return n
}

// recount counts a ReplicaSet's pods anew, with another minReadySeconds.
func (c *replicaSets) recount(set uint32) {
	now := c.kernel.Now()
	for _, id := range *c.view.owned[model.KindReplicaSet].Row(set) {
		c.tally(now, id, c.view.pod(id), set)
	}
}

// due counts the pods that have become available and looks at the ReplicaSet.
func (c *replicaSets) due(now sim.Time, _ sim.Why, about uint64) {
	set := uint32(about)
	row := c.rows.Row(set)
	for row.waits.due(now) {
		id := row.waits.pop()
		if p := c.view.pod(id); p != nil && p.Owner == (model.Ref{Kind: model.KindReplicaSet, ID: set}) {
			c.tally(now, id, p, set)
		}
	}
	if len(row.waits) > 0 {
		c.kernel.Post(row.waits[0].at, c.self, whyAvailable, about)
	}
	c.queue.add(set)
}

// sync is one look at a ReplicaSet: adopt, create or delete, report.
func (c *replicaSets) sync(now sim.Time, id uint32) {
	set := *c.view.replicaSets.Row(id)
	row := c.rows.Row(id)
	if set == nil {
		c.done(id)
		return
	}
	row.set, row.found, row.failed = set, row.pods, false
	if row.claim {
		row.claim = false
		if c.adopt(now, set) {
			return
		}
	}
	c.manage(now, id)
}

// orphan has every ReplicaSet that selects a pod without an owner look for
// orphans to adopt, if the pod is new as an orphan.
func (c *replicaSets) orphan(old, next *model.Pod) {
	if !next.Active() || old != nil && old.Owner.IsZero() && sameLabels(old.Labels, next.Labels) {
		return
	}
	for id := range c.view.replicaSets.Len() {
		if set := *c.view.replicaSets.Row(uint32(id)); set != nil && set.Namespace == next.Namespace && set.Selector.Matches(next.Labels) {
			c.rows.Row(set.ID).claim = true
			c.queue.add(set.ID)
		}
	}
}

// adopt asks for the orphans that the ReplicaSet selects, and gives up what it has
// and no longer selects, if there are any.
// Like creations they are expected: until the view shows them nothing else is
// created (pkg/controller/controller_ref_manager.go ClaimPods; there the pods
// count at once).
func (c *replicaSets) adopt(now sim.Time, set *model.ReplicaSet) bool {
	row := c.rows.Row(set.ID)
	var found []uint32
	for _, id := range *c.view.owned[model.KindNone].Row(0) {
		p := c.view.pod(id)
		if p.Active() && p.Namespace == set.Namespace && set.Selector.Matches(p.Labels) {
			found = append(found, id)
		}
	}
	strays := c.strays(set)
	if len(found)+len(strays) == 0 || set.Deleting() {
		return false
	}
	row.open = int32(len(found) + len(strays))
	for _, id := range strays {
		c.client.Patch(model.Ref{Kind: model.KindPod, ID: id}, disown{set.Ref()}, tag(opReleasePod, set.ID))
	}
	if len(found) == 0 {
		return true
	}
	row.creations, row.expectedAt = int32(len(found)), now
	for _, id := range found {
		c.client.Patch(model.Ref{Kind: model.KindPod, ID: id}, own{set.Ref()}, tag(opAdoptPod, set.ID))
	}
	return true
}

// strays is the pods of a ReplicaSet that it does not select.
func (c *replicaSets) strays(set *model.ReplicaSet) (ids []uint32) {
	for _, id := range *c.view.owned[model.KindReplicaSet].Row(set.ID) {
		if c.view.pods.Row(id).stray {
			ids = append(ids, id)
		}
	}
	return ids
}

// adopted takes the answer to a request of adopt. A pod that could not be released
// is tried again (ReleasePod: unless it is gone).
func (c *replicaSets) adopted(now sim.Time, id uint32, r store.Reply) {
	row := c.rows.Row(id)
	op, _ := untag(r.Tag)
	switch {
	case r.Refusal == store.Accepted:
	case op == opAdoptPod:
		row.forget(1)
	case r.Refusal != store.NotFound:
		row.failed, row.claim = true, true
	}
	if row.open--; row.open == 0 {
		row.found = row.pods
		c.manage(now, id)
	}
}

// own makes an object without an owner somebody's, unless it is going.
type own struct{ owner model.Ref }

// Apply implements store.Patch.
func (o own) Apply(cur model.Object) model.Object {
	if m := cur.Head(); !m.Owner.IsZero() || m.Deleting() {
		return cur
	}
	next := cur.Copy()
	next.Head().Owner = o.owner
	return next
}

// disown makes an object nobody's that is still somebody's.
type disown struct{ owner model.Ref }

// Apply implements store.Patch.
func (o disown) Apply(cur model.Object) model.Object {
	if cur.Head().Owner != o.owner {
		return cur
	}
	next := cur.Copy()
	next.Head().Owner = model.Ref{}
	return next
}

func (c *replicaSets) manage(now sim.Time, id uint32) {
	row := c.rows.Row(id)
	diff := row.found.active - row.set.Replicas
	if !row.satisfied(now) || row.set.Deleting() {
		diff = 0
	}
	switch {
	case diff < 0:
		n := min(-diff, burstReplicas)
		row.expect(now, int(n), 0)
		row.left, row.batch = n, 0
		c.create(now, id)
	case diff > 0:
		c.delete(now, id, min(diff, burstReplicas))
	default:
		c.report(now, id)
	}
}

// create starts the next batch: 1 pod, then 2, then 4, as long as all of a
// batch succeed.
func (c *replicaSets) create(now sim.Time, id uint32) {
	row := c.rows.Row(id)
	row.batch = min(max(1, 2*row.batch), row.left)
	row.left -= row.batch
	row.open = row.batch
	for range row.batch {
		c.createPod(row)
	}
}

func (c *replicaSets) createPod(row *setRow) {
	set := row.set
	row.names++
	c.client.Create(&model.Pod{
		Meta: model.Meta{
			Kind:      model.KindPod,
			Namespace: set.Namespace,
			Name:      model.GenerateName(set.Name, c.names.Draw(set.NameHash(), row.names)),
			Owner:     set.Ref(),
			Labels:    set.Template.Labels,
		},
		Spec:       set.Template.Spec,
		Finalizers: set.Template.Finalizers,
	}, tag(opCreatePod, set.ID))
}

func (c *replicaSets) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	switch op {
	case opCreatePod:
		c.created(now, id, r)
	case opDeletePod:
		c.deleted(now, id, r)
	case opAdoptPod, opReleasePod:
		c.adopted(now, id, r)
	case opSetStatus:
		c.reported(now, id, r)
	}
}

func (c *replicaSets) created(now sim.Time, id uint32, r store.Reply) {
	row := c.rows.Row(id)
	switch {
	case r.Refusal == store.Accepted:
		c.note(now, row, false, "SuccessfulCreate", "Created pod: ", r.Object.Head().Name)
	case r.Refusal == store.AlreadyExists:
		// The API server itself draws another name.
		c.createPod(row)
		return
	default:
		if !r.Terminating() { // else nobody is told, and it is not tried again
			c.note(now, row, true, "FailedCreate", "Error creating: ", r.Why())
			row.failed = true
		}
		row.forget(1)
	}
	if row.open--; row.open > 0 {
		return
	}
	switch {
	case row.failed:
		row.forget(row.left)
		c.report(now, id)
	case row.left > 0:
		c.create(now, id)
	default:
		c.report(now, id)
	}
}

// delete asks for the deletion of the n pods that rank first.
func (c *replicaSets) delete(now sim.Time, id uint32, n int32) {
	row := c.rows.Row(id)
	victims := c.victims(now, row.set, int(n))
	row.expect(now, 0, len(victims))
	row.open = int32(len(victims))
	for _, v := range victims {
		p := c.view.pods.Row(v)
		p.leaving, p.deleter = true, id
		c.client.Delete(model.Ref{Kind: model.KindPod, ID: v}, store.DefaultGrace, tag(opDeletePod, v))
	}
}

func (c *replicaSets) deleted(now sim.Time, pod uint32, r store.Reply) {
	id := c.view.pods.Row(pod).deleter
	row := c.rows.Row(id)
	switch {
	case r.Refusal == store.Accepted:
		if p := c.view.pod(pod); p != nil {
			c.note(now, row, false, "SuccessfulDelete", "Deleted pod: ", p.Name)
		}
	default:
		c.rows.Row(id).seeDeletionOf(c.view.pods.Row(pod))
		if r.Refusal != store.NotFound {
			c.note(now, row, true, "FailedDelete", "Error deleting: ", r.Why())
			row.failed = true
		}
	}
	if row.open--; row.open == 0 {
		c.report(now, id)
	}
}

func (c *replicaSets) note(now sim.Time, row *setRow, warning bool, reason, message, name string) {
	if row.notes.allow(now) {
		c.client.Note(row.set, warning, reason, message+name)
	}
}

// report writes the status if it changed. It counts the pods as they were when
// the look began, as Kubernetes does.
func (c *replicaSets) report(now sim.Time, id uint32) {
	row := c.rows.Row(id)
	old, next := row.set, row.status(now)
	if next.StatusReplicas == old.StatusReplicas && next.ReadyReplicas == old.ReadyReplicas && next.AvailableReplicas == old.AvailableReplicas &&
		next.Terminating == old.Terminating && next.Failure == old.Failure && next.ObservedGeneration == old.ObservedGeneration {
		c.finish(now, id)
		return
	}
	row.again = false
	c.client.UpdateStatus(next, tag(opSetStatus, id))
}

// status is the ReplicaSet with the status that the look found (replica_set_utils.go
// calculateStatus). A failure that lasts keeps its reason.
func (r *setRow) status(now sim.Time) *model.ReplicaSet {
	next := *r.set
	next.StatusReplicas, next.ReadyReplicas, next.AvailableReplicas = r.found.active, r.found.ready, r.found.available
	next.Terminating, next.ObservedGeneration = r.found.unfinished-r.found.active, next.Generation
	switch {
	case !r.failed:
		next.Failure = model.Condition{}
	case next.Failure.Reason != "":
	case r.found.active < r.set.Replicas:
		next.Failure = model.Condition{Status: model.True, SinceAt: now, Reason: "FailedCreate"}
	default:
		next.Failure = model.Condition{Status: model.True, SinceAt: now, Reason: "FailedDelete"}
	}
	return &next
}

// reported tries a refused status once more, on top of what is stored by now.
func (c *replicaSets) reported(now sim.Time, id uint32, r store.Reply) {
	row := c.rows.Row(id)
	switch {
	case r.Refusal == store.Conflict && !row.again:
		row.again = true
		next := row.status(now)
		next.ResourceVersion = 0
		c.client.UpdateStatus(next, tag(opSetStatus, id))
		return
	case r.Refusal != store.Accepted && r.Refusal != store.NotFound:
		row.failed = true
	}
	c.finish(now, id)
}

func (c *replicaSets) finish(now sim.Time, id uint32) {
	if c.rows.Row(id).failed {
		c.failed(now, id)
		return
	}
	c.done(id)
}

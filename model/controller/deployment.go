package controller

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// deployments turns the template of each Deployment into a ReplicaSet, and
// moves replicas from the ReplicaSets of older templates to it
// (pkg/controller/deployment).
type deployments struct {
	*loop
	plans store.Table[plan] // of the looks under way
}

// A key is dropped after this many failures in a row
// (pkg/controller/deployment/deployment_controller.go maxRetries).
const deploymentRetries = 15

// Reasons of the Progressing and Available conditions
// (pkg/controller/deployment/util/deployment_util.go).
const (
	reasonNewSet      = "NewReplicaSetCreated"
	reasonNoSet       = "ReplicaSetCreateError"
	reasonFoundSet    = "FoundNewReplicaSet"
	reasonUpdated     = "ReplicaSetUpdated"
	reasonComplete    = "NewReplicaSetAvailable"
	reasonTimedOut    = "ProgressDeadlineExceeded"
	reasonPaused      = "DeploymentPaused"
	reasonResumed     = "DeploymentResumed"
	reasonAvailable   = "MinimumReplicasAvailable"
	reasonUnavailable = "MinimumReplicasUnavailable"
)

func newDeployments(l *loop) controller { return &deployments{loop: l} }

func (c *deployments) deployment(_ sim.Time, old, next *model.Deployment) {
	switch {
	case next != nil:
		c.queue.add(next.ID)
	case old != nil:
		c.queue.add(old.ID)
	}
}

func (c *deployments) replicaSet(_ sim.Time, old, next *model.ReplicaSet) {
	if old != nil && old.Owner.Kind == model.KindDeployment {
		c.queue.add(old.Owner.ID)
	}
	if next == nil {
		return
	}
	if next.Owner.Kind == model.KindDeployment {
		c.queue.add(next.Owner.ID)
	}
	if next.Owner.IsZero() && (old == nil || !old.Owner.IsZero() || !sameLabels(old.Labels, next.Labels)) {
		c.offer(next)
	}
}

// offer wakes up the Deployments that select a ReplicaSet without an owner.
func (c *deployments) offer(set *model.ReplicaSet) {
	for id := range c.view.deployments.Len() {
		if d := *c.view.deployments.Row(uint32(id)); d != nil && d.Namespace == set.Namespace && d.Selector.Matches(set.Labels) {
			c.queue.add(d.ID)
		}
	}
}

// pod wakes a Deployment of strategy Recreate, which waits for the end of all
// its old pods.
func (c *deployments) pod(_ sim.Time, old, next *model.Pod) {
	if next != nil || old.Owner.Kind != model.KindReplicaSet {
		return
	}
	set := *c.view.replicaSets.Row(old.Owner.ID)
	if set == nil || set.Owner.Kind != model.KindDeployment {
		return
	}
	if d := *c.view.deployments.Row(set.Owner.ID); d != nil && d.Recreate {
		c.queue.add(d.ID)
	}
}

// due implements controller; Deployments post nothing but delayed looks.
func (c *deployments) due(sim.Time, sim.Why, uint64) {}

// sync is one look at a Deployment. It decides everything from the view and
// then makes its requests one after the other.
func (c *deployments) sync(now sim.Time, id uint32) {
	d := *c.view.deployments.Row(id)
	if d == nil {
		c.done(id)
		return
	}
	p := c.plans.Row(id)
	p.reset()
	if c.adopt(d, p) {
		c.proceed(now, id)
		return
	}
	r := rollout{now: now, d: d, next: *d, plan: p, unfinished: c.unfinished}
	r.look(c.sets(d))
	r.decide()
	r.writeStatus()
	if r.recheck > 0 {
		c.after(now, id, r.recheck)
	}
	c.proceed(now, id)
}

// sets is the Deployment's ReplicaSets, oldest first.
func (c *deployments) sets(d *model.Deployment) []*replicaSetChange {
	var sets []*replicaSetChange
	for _, id := range *c.view.setsOf.Row(d.ID) {
		set := *c.view.replicaSets.Row(id)
		if set.Owner.Kind == model.KindDeployment {
			sets = append(sets, &replicaSetChange{seen: set, ReplicaSet: *set})
		}
	}
	return sets
}

// unfinished tells whether a ReplicaSet has a pod whose containers may still
// run.
func (c *deployments) unfinished(set uint32) bool {
	return slices.ContainsFunc(*c.view.owned[model.KindReplicaSet].Row(set), func(id uint32) bool {
		return !c.view.pod(id).Phase.Terminal()
	})
}

// adopt plans to take ReplicaSets that the Deployment selects and nobody owns
// (pkg/controller/controller_ref_manager.go ClaimReplicaSets). The look ends
// with that; the next one sees them.
func (c *deployments) adopt(d *model.Deployment, p *plan) bool {
	for _, id := range *c.view.setsOf.Row(0) {
		set := *c.view.replicaSets.Row(id)
		if set.Namespace == d.Namespace && !set.Deleting() && !d.Deleting() && d.Selector.Matches(set.Labels) {
			next := *set
			next.Owner = d.Ref()
			p.add(call{op: store.OpUpdate, object: &next})
		}
	}
	return len(p.calls) > 0
}

// proceed makes the next request of the plan, or ends the look.
func (c *deployments) proceed(_ sim.Time, id uint32) {
	if !c.plans.Row(id).send(c.client, id) {
		c.done(id)
	}
}

func (c *deployments) replied(now sim.Time, r store.Reply) {
	id := uint32(r.Tag)
	p := c.plans.Row(id)
	switch {
	case !p.answered(c.client, r):
	case !p.failed:
		c.proceed(now, id)
	case p.why == store.AlreadyExists:
		// An earlier look made the ReplicaSet; the view will show it and wake
		// the Deployment again.
		c.done(id)
	case r.Terminating(): // nothing can be made there (handleErr)
		c.done(id)
	case p.calls[planned(r)].op == store.OpCreate && c.uncreated(now, id, r):
		// The look ends with the answer about the status.
	case c.queue.keys.Row(id).failures >= deploymentRetries:
		c.done(id)
	default:
		c.failed(now, id)
	}
}

// uncreated tells people that there is no new ReplicaSet and why. It is true if the status has
// to say so, too, for which it has asked then (sync.go getNewReplicaSet).
func (c *deployments) uncreated(now sim.Time, id uint32, r store.Reply) bool {
	d, p := *c.view.deployments.Row(id), c.plans.Row(id)
	if d == nil {
		return false
	}
	name := p.calls[planned(r)].object.Head().Name
	c.client.Note(d, true, reasonNoSet, "Failed to create new replica set "+strconv.Quote(name)+": "+r.Why())
	if d.ProgressDeadline == 0 {
		return false
	}
	look := rollout{now: now, d: d, next: *d}
	if look.progress(model.False, reasonNoSet); look.next.Progressing == d.Progressing {
		return false
	}
	p.add(call{op: store.OpUpdateStatus, object: &look.next, anyway: true})
	return p.send(c.client, id)
}

// replicaSetChange is a ReplicaSet as a look wants it, beside what it saw.
type replicaSetChange struct {
	model.ReplicaSet
	seen *model.ReplicaSet // nil if it is to be created
}

func (s *replicaSetChange) changed() bool {
	return s.seen == nil || s.Replicas != s.seen.Replicas || s.Revision != s.seen.Revision || s.MinReady != s.seen.MinReady ||
		s.DesiredReplicas != s.seen.DesiredReplicas || s.MaxReplicas != s.seen.MaxReplicas
}

// rollout is one look at one Deployment.
type rollout struct {
	now        sim.Time
	d          *model.Deployment
	next       model.Deployment // with the status to be written
	newest     *replicaSetChange
	old        []*replicaSetChange // oldest first
	plan       *plan
	unfinished func(set uint32) bool
	recheck    time.Duration // until progress has to be checked again; 0 is never
}

// look sorts the ReplicaSets into the one of the current template and the
// others, and brings the former up to date.
func (r *rollout) look(sets []*replicaSetChange) {
	var most int64
	for _, s := range sets {
		if r.newest == nil && s.Template.Hash == r.d.Template.Hash {
			r.newest = s
			continue
		}
		r.old = append(r.old, s)
		most = max(most, s.Revision)
	}
	if r.newest == nil || r.d.Deleting() {
		return
	}
	r.newest.Revision = max(r.newest.Revision, most+1)
	r.newest.MinReady = r.d.MinReady
	r.next.Revision = r.newest.Revision
	if r.d.ProgressDeadline > 0 && r.next.Progressing.Reason == "" {
		r.progress(model.True, reasonFoundSet)
	}
}

// decide is the order of syncDeployment.
func (r *rollout) decide() {
	if r.d.Deleting() {
		r.status()
		return
	}
	r.pause()
	switch {
	case r.d.Paused || r.scaling():
		r.scale()
		if r.d.Paused {
			r.cleanUp()
		}
		r.apply()
		r.status()
	case r.d.Recreate:
		r.recreate()
	default:
		r.roll()
	}
}

// pause keeps the Progressing condition from timing out while the Deployment
// is paused.
func (r *rollout) pause() {
	if r.d.ProgressDeadline == 0 || r.next.Progressing.Reason == reasonTimedOut {
		return
	}
	was := r.next.Progressing.Reason == reasonPaused
	if r.d.Paused && !was {
		r.progress(model.Unknown, reasonPaused)
	} else if !r.d.Paused && was {
		r.progress(model.Unknown, reasonResumed)
	}
}

// progress sets the Progressing condition and when it was last updated, unless
// it says the same already.
func (r *rollout) progress(s model.ConditionStatus, reason string) {
	if c := &r.next.Progressing; c.Status != s || c.Reason != reason {
		r.next.ProgressAt = r.now
		set(c, r.now, s, reason)
	}
}

// set changes a condition; the time moves only with the status.
func set(c *model.Condition, now sim.Time, s model.ConditionStatus, reason string) {
	if c.Reason == "" || c.Status != s {
		c.SinceAt = now
	}
	c.Status, c.Reason = s, reason
}

func (r *rollout) all() []*replicaSetChange {
	all := slices.Clone(r.old)
	if r.newest != nil {
		all = append(all, r.newest)
	}
	return all
}

func active(sets []*replicaSetChange) []*replicaSetChange {
	return slices.DeleteFunc(slices.Clone(sets), func(s *replicaSetChange) bool { return s.Replicas == 0 })
}

// wanted is the sum of the replicas asked for.
func wanted(sets []*replicaSetChange) int32 {
	var n int32
	for _, s := range sets {
		n += s.Replicas
	}
	return n
}

func available(sets []*replicaSetChange) int32 {
	var n int32
	for _, s := range sets {
		n += s.AvailableReplicas
	}
	return n
}

// apply plans the requests that make ReplicaSets what the look wants. A
// created one comes first.
func (r *rollout) apply() {
	all := r.all()
	slices.SortStableFunc(all, func(a, b *replicaSetChange) int {
		return cmp.Compare(min(1, a.ID), min(1, b.ID))
	})
	for _, s := range all {
		if !s.changed() {
			continue
		}
		c := call{op: store.OpUpdate, object: s.copy()}
		var from int32
		if s.seen == nil {
			c.op = store.OpCreate
		} else {
			from = s.seen.Replicas
		}
		if from != s.Replicas {
			c.noteOn, c.note = r.d, scaledNote(s.Name, from, s.Replicas)
		}
		r.plan.add(c)
	}
}

// copy is what to store; a change of the spec counts in its generation.
func (s *replicaSetChange) copy() *model.ReplicaSet {
	next := s.ReplicaSet
	if s.seen != nil && (s.Replicas != s.seen.Replicas || s.MinReady != s.seen.MinReady) {
		next.Generation++
	}
	return &next
}

// cleanUp plans to delete the oldest ReplicaSets beyond the history limit that
// have no pods.
func (r *rollout) cleanUp() {
	history := slices.DeleteFunc(slices.Clone(r.old), func(s *replicaSetChange) bool { return s.Deleting() })
	surplus := len(history) - int(r.d.HistoryLimit)
	if surplus <= 0 {
		return
	}
	slices.SortStableFunc(history, func(a, b *replicaSetChange) int { return cmp.Compare(a.Revision, b.Revision) })
	for _, s := range history[:surplus] {
		if s.StatusReplicas == 0 && s.seen.Replicas == 0 && s.Replicas == 0 && s.Generation <= s.ObservedGeneration {
			r.plan.add(call{op: store.OpDelete, target: s.Ref()})
		}
	}
}

// status computes the status from those of the ReplicaSets
// (pkg/controller/deployment/sync.go calculateStatus).
func (r *rollout) status() {
	n := &r.next
	n.ObservedGeneration = r.d.Generation
	n.StatusReplicas, n.UpdatedReplicas, n.ReadyReplicas, n.AvailableReplicas, n.Terminating = 0, 0, 0, 0, 0
	for _, s := range r.all() {
		n.StatusReplicas += s.StatusReplicas
		n.ReadyReplicas += s.ReadyReplicas
		n.AvailableReplicas += s.AvailableReplicas
		n.Terminating += s.Terminating
	}
	if r.newest != nil {
		n.UpdatedReplicas = r.newest.StatusReplicas
	}
	if n.AvailableReplicas >= r.d.Replicas-r.maxUnavailable() {
		set(&n.Available, r.now, model.True, reasonAvailable)
	} else {
		set(&n.Available, r.now, model.False, reasonUnavailable)
	}
}

// rolloutStatus is status and the judgement whether the rollout gets on
// (pkg/controller/deployment/progress.go syncRolloutStatus).
func (r *rollout) rolloutStatus() {
	r.status()
	r.failed()
	n, d := &r.next, r.d
	if d.ProgressDeadline == 0 {
		n.Progressing, n.ProgressAt = model.Condition{}, 0
		return
	}
	if n.StatusReplicas != n.UpdatedReplicas || n.Progressing.Reason != reasonComplete {
		switch {
		case r.complete(n):
			r.progress(model.True, reasonComplete)
		case r.progressing():
			set(&n.Progressing, r.now, model.True, reasonUpdated)
			n.ProgressAt = r.now
		case r.timedOut():
			r.progress(model.False, reasonTimedOut)
		}
	}
	switch n.Progressing.Reason {
	case "", reasonTimedOut, reasonComplete:
	default:
		r.recheck = r.patience()
	}
}

// patience is how long until a Deployment may have timed out, and a second more
// (progress.go requeueStuckDeployment). In the last second it is looked at every 5 ms or so
// there, and one that was complete and lost a pod even until that is back; of those looks
// only the first after the deadline of a rollout finds anything.
func (r *rollout) patience() time.Duration {
	left := max(0, r.deadline().Sub(r.now))
	if left < time.Second {
		return left + retryFirst
	}
	return left + time.Second
}

// deadline is until when there has to be progress. Conditions tell whole seconds.
func (r *rollout) deadline() sim.Time {
	return model.WholeSecond(r.next.ProgressAt).Add(r.d.ProgressDeadline)
}

// failed copies a failure of the newest ReplicaSet that has one, or else of the oldest, while
// there is one (progress.go getReplicaFailures).
func (r *rollout) failed() {
	var c model.Condition
	for _, s := range r.all() {
		if s.Failure.Reason != "" && (c.Reason == "" || s == r.newest) {
			c = s.Failure
		}
	}
	if c.Reason != "" && r.next.Failure.Reason != "" {
		c.SinceAt = r.next.Failure.SinceAt
	}
	r.next.Failure = c
}

func (r *rollout) complete(status *model.Deployment) bool {
	want := r.d.Replicas
	return status.UpdatedReplicas == want && status.StatusReplicas == want && status.AvailableReplicas == want &&
		status.ObservedGeneration >= r.d.Generation
}

func (r *rollout) progressing() bool {
	n, d := &r.next, r.d
	return n.UpdatedReplicas > d.UpdatedReplicas ||
		n.StatusReplicas-n.UpdatedReplicas < d.StatusReplicas-d.UpdatedReplicas ||
		n.ReadyReplicas > d.ReadyReplicas || n.AvailableReplicas > d.AvailableReplicas
}

func (r *rollout) timedOut() bool {
	switch r.next.Progressing.Reason {
	case "", reasonComplete:
		return false
	case reasonTimedOut:
		return true
	}
	return r.deadline() < r.now
}

// writeStatus plans to write the status if it changed.
func (r *rollout) writeStatus() {
	n, d := &r.next, r.d
	if n.ObservedGeneration == d.ObservedGeneration && n.StatusReplicas == d.StatusReplicas &&
		n.UpdatedReplicas == d.UpdatedReplicas && n.ReadyReplicas == d.ReadyReplicas &&
		n.AvailableReplicas == d.AvailableReplicas && n.Terminating == d.Terminating && n.Available == d.Available &&
		n.Progressing == d.Progressing && n.ProgressAt == d.ProgressAt && n.Failure == d.Failure && n.Revision == d.Revision {
		return
	}
	r.plan.add(call{op: store.OpUpdateStatus, object: n})
}

package controller

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the disruption controller (pkg/controller/disruption/disruption.go).
const (
	deletionTimeout = 2 * time.Minute // then an evicted pod that is still there counts again
	staleDisruption = 2 * time.Minute // then a pod that was to be deleted and was not is told so
)

// disruption keeps the status of PodDisruptionBudgets: how many of their pods
// may be evicted now. It never lists pods: each change of a pod is carried into
// the counts of the budgets that select it.
type disruption struct {
	*loop
	rows    store.Table[budgetRow]
	covered store.Table[coverage] // by pod
	stale   store.Table[sim.Time] // by pod: when its DisruptionTarget condition is looked at; 0 is never
	in      map[string][]uint32   // budgets by namespace, in order of ID
	there   int                   // budgets in all
}

// budgetRow is what the controller knows of one budget's pods.
type budgetRow struct {
	pods      int32
	healthy   int32 // ready and not being deleted; those that are disrupted included
	owners    []ownerCount
	notes     spamFilter
	recheckAt sim.Time // when a disruption times out; 0 is never
	postedAt  sim.Time // the same, as posted
}

// ownerCount is how many of a budget's pods an owner has; the zero Ref stands
// for pods that nobody manages.
type ownerCount struct {
	owner model.Ref
	pods  int32
}

// coverage is what a pod counts for.
type coverage struct {
	budgets []uint32
	owner   model.Ref
	healthy bool
}

const (
	whyRecheck = whyOwn + iota // about a budget
	whyStale                   // about a pod
)

const (
	opBudgetStatus uint8 = iota // about the budget
	opUndisrupt                 // about the pod
)

func newDisruption(l *loop) controller { return &disruption{loop: l, in: map[string][]uint32{}} }

func (c *disruption) podDisruptionBudget(now sim.Time, old, next *model.PodDisruptionBudget) {
	switch {
	case next == nil && old == nil:
		return
	case next == nil:
		c.enlist(old, false)
		c.recover(now, old.Namespace)
		*c.rows.Row(old.ID) = budgetRow{}
		return
	case old == nil:
		c.enlist(next, true)
		c.recover(now, next.Namespace)
	case old.Selector != next.Selector:
		c.recover(now, next.Namespace)
	}
	c.queue.add(next.ID)
}

func (c *disruption) enlist(b *model.PodDisruptionBudget, there bool) {
	list := c.in[b.Namespace]
	if there {
		insert(&list, b.ID)
		c.there++
	} else {
		without(&list, b.ID)
		c.there--
	}
	c.in[b.Namespace] = list
}

// recover finds out anew which budgets select the pods of a namespace.
func (c *disruption) recover(_ sim.Time, namespace string) {
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Namespace == namespace {
			c.cover(p, nil)
		}
	}
}

// pod carries a change of a pod into its budgets' counts, and wakes the one
// budget that is updated for its sake.
func (c *disruption) pod(now sim.Time, old, next *model.Pod) {
	some := old
	if next != nil {
		some = next
		c.watchStale(now, next)
	}
	if c.there == 0 || len(c.in[some.Namespace]) == 0 {
		return
	}
	was := *c.covered.Row(some.ID)
	c.cover(next, old)
	is := c.covered.Row(some.ID)
	if next == nil {
		is = &was
	}
	if len(is.budgets) > 1 && c.rows.Row(is.budgets[0]).notes.allow(now) {
		b := *c.view.budgets.Row(is.budgets[0])
		c.client.Note(some, true, "MultiplePodDisruptionBudgets",
			`Pod "`+some.Namespace+`"/"`+some.Name+`" matches multiple PodDisruptionBudgets.  Chose "`+b.Name+`" arbitrarily.`)
	}
	if len(is.budgets) > 0 {
		// With several budgets Kubernetes takes any one of them; here the oldest.
		c.queue.add(is.budgets[0])
	}
}

// cover replaces what a pod counts for; next is nil if it is gone, and old nil
// if the budgets may be others than before.
func (c *disruption) cover(next, old *model.Pod) {
	some := next
	if next == nil {
		some = old
	}
	row := c.covered.Row(some.ID)
	for _, id := range row.budgets {
		c.rows.Row(id).count(row, -1)
	}
	same := old != nil && next != nil && sameLabels(old.Labels, next.Labels)
	switch {
	case next == nil:
		*row = coverage{}
		return
	case !same:
		row.budgets = nil
		for _, id := range c.in[next.Namespace] {
			if (*c.view.budgets.Row(id)).Selects(next) {
				row.budgets = append(row.budgets, id)
			}
		}
	}
	row.owner, row.healthy = next.Owner, next.IsReady() && !next.Deleting()
	for _, id := range row.budgets {
		c.rows.Row(id).count(row, 1)
	}
}

func (r *budgetRow) count(p *coverage, sign int32) {
	r.pods += sign
	if p.healthy {
		r.healthy += sign
	}
	for i := range r.owners {
		if r.owners[i].owner == p.owner {
			if r.owners[i].pods += sign; r.owners[i].pods == 0 {
				r.owners = append(r.owners[:i], r.owners[i+1:]...)
			}
			return
		}
	}
	r.owners = append(r.owners, ownerCount{p.owner, sign})
}

// sync computes the status of a budget (trySync).
func (c *disruption) sync(now sim.Time, id uint32) {
	b := *c.view.budgets.Row(id)
	if b == nil {
		c.done(id)
		return
	}
	row := c.rows.Row(id)
	if row.pods == 0 {
		c.note(now, b, false, "NoPods", "No matching pods found")
	}
	next := *b
	wrong := c.expect(now, &next, row)
	if wrong != "" {
		c.note(now, b, true, "CalculateExpectedPodCountFailed", "Failed to calculate the number of expected pods: "+wrong)
		next = *b
		next.Allowed = 0 // failSafe
	} else {
		c.allow(now, &next, row)
		next.ObservedGeneration = b.Generation
	}
	if next.ObservedGeneration == b.ObservedGeneration && next.Expected == b.Expected && next.Desired == b.Desired &&
		next.Healthy == b.Healthy && next.Allowed == b.Allowed && len(next.Disrupted) == len(b.Disrupted) {
		c.recheck(row, id)
		c.done(id)
		return
	}
	c.client.UpdateStatus(&next, tag(opBudgetStatus, id))
}

func (c *disruption) note(now sim.Time, b *model.PodDisruptionBudget, warning bool, reason, message string) {
	if c.rows.Row(b.ID).notes.allow(now) {
		c.client.Note(b, warning, reason, message)
	}
}

// expect computes how many pods there should be and how many of them healthy
// (getExpectedPodCount). It returns why it cannot tell.
func (c *disruption) expect(now sim.Time, b *model.PodDisruptionBudget, row *budgetRow) (wrong string) {
	if b.MinAvailable == nil && b.MaxUnavailable == nil {
		b.Desired, b.Expected = 0, 0
		return ""
	}
	if m := b.MinAvailable; m != nil && !m.Percent {
		b.Desired, b.Expected = m.Value, row.pods
		return ""
	}
	b.Expected, wrong = c.scale(row)
	if wrong != "" {
		return wrong
	}
	if row.unmanaged() {
		c.note(now, b, true, "UnmanagedPods", "Pods selected by this PodDisruptionBudget were found to be unmanaged. "+
			"As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "+
			"To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.")
	}
	if b.MaxUnavailable != nil {
		b.Desired = max(0, b.Expected-b.MaxUnavailable.Of(b.Expected, true))
	} else {
		b.Desired = b.MinAvailable.Of(b.Expected, true)
	}
	return ""
}

func (r *budgetRow) unmanaged() bool {
	for i := range r.owners {
		if r.owners[i].owner.IsZero() {
			return true
		}
	}
	return false
}

// scale is the sum of what the distinct controllers of a budget's pods want
// (getExpectedScale). ReplicaSets of one Deployment count once, as the
// Deployment. Only the kinds with a scale count.
func (c *disruption) scale(row *budgetRow) (sum int32, wrong string) {
	var seen []model.Ref
next:
	for i := range row.owners {
		owner := row.owners[i].owner
		if owner.IsZero() {
			continue
		}
		owner, replicas, ok := c.view.scaleOf(owner)
		if !ok {
			return 0, owner.Kind.Resource() + " does not implement the scale subresource"
		}
		for _, o := range seen {
			if o == owner {
				continue next
			}
		}
		seen = append(seen, owner)
		sum += replicas
	}
	return sum, ""
}

// scaleOf is the controller that decides how many pods an owner has, and how
// many that is; it is false if none is there.
func (v *view) scaleOf(owner model.Ref) (model.Ref, int32, bool) {
	switch owner.Kind {
	case model.KindStatefulSet:
		if s := *v.statefulSets.Row(owner.ID); s != nil {
			return owner, s.Replicas, true
		}
	case model.KindReplicaSet:
		set := *v.replicaSets.Row(owner.ID)
		if set == nil {
			return owner, 0, false
		}
		if set.Owner.Kind != model.KindDeployment {
			return owner, set.Replicas, true
		}
		if d := *v.deployments.Row(set.Owner.ID); d != nil {
			return set.Owner, d.Replicas, true
		}
	}
	return owner, 0, false
}

// allow computes the rest of the status: which evictions are still to be seen,
// and how many more there may be (buildDisruptedPodMap, countHealthyPods,
// updatePdbStatus).
func (c *disruption) allow(now sim.Time, b *model.PodDisruptionBudget, row *budgetRow) {
	b.Healthy = row.healthy
	old := b.Disrupted
	b.Disrupted = nil
	row.recheckAt = 0
	for _, d := range old {
		p := c.view.pod(d.ID)
		if p == nil || p.Deleting() || !b.Selects(p) {
			continue
		}
		until := model.WholeSecond(d.At).Add(deletionTimeout)
		if until < now {
			c.client.Note(p, true, "NotDeleted", "Pod was expected by PDB "+b.Namespace+"/"+b.Name+" to be deleted but it wasn't")
			continue
		}
		b.Disrupted = append(b.Disrupted, d)
		if p.IsReady() && until > now {
			b.Healthy--
		}
		if row.recheckAt == 0 || until < row.recheckAt {
			row.recheckAt = until
		}
	}
	b.Allowed = max(0, b.Healthy-b.Desired)
	if b.Expected <= 0 {
		b.Allowed = 0
	}
}

// recheck looks again when the next disruption times out.
func (c *disruption) recheck(row *budgetRow, id uint32) {
	if row.recheckAt != 0 && row.recheckAt != row.postedAt {
		row.postedAt = max(row.recheckAt, c.kernel.Now())
		c.kernel.Post(row.postedAt, c.self, whyRecheck, uint64(id))
	}
}

func (c *disruption) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	if op == opUndisrupt {
		if r.Refusal != store.Accepted && r.Refusal != store.NotFound && c.view.pod(id) != nil {
			c.lookAgain(now, id, now.Add(retryFirst))
		}
		return
	}
	switch r.Refusal {
	case store.Accepted:
		c.recheck(c.rows.Row(id), id)
		c.done(id)
	case store.NotFound:
		c.done(id)
	default:
		c.failed(now, id)
	}
}

func (c *disruption) due(now sim.Time, why sim.Why, about uint64) {
	id := uint32(about)
	if why == whyStale {
		c.undisrupt(now, id)
		return
	}
	if c.rows.Row(id).postedAt == now {
		c.after(now, id, c.queue.delay(now, id))
	}
}

// watchStale has a pod that is marked as about to be deleted looked at again
// after a while (nonTerminatingPodHasStaleDisruptionCondition).
func (c *disruption) watchStale(now sim.Time, p *model.Pod) {
	if at := staleAt(p); at != 0 && *c.stale.Row(p.ID) == 0 {
		c.lookAgain(now, p.ID, at)
	}
}

func staleAt(p *model.Pod) sim.Time {
	if p.Deleting() || p.Disrupted.Status != model.True || p.Phase.Terminal() {
		return 0
	}
	return model.WholeSecond(p.Disrupted.SinceAt).Add(staleDisruption)
}

func (c *disruption) lookAgain(now sim.Time, pod uint32, at sim.Time) {
	at = max(at, now)
	*c.stale.Row(pod) = at
	c.kernel.Post(at, c.self, whyStale, uint64(pod))
}

func (c *disruption) undisrupt(now sim.Time, id uint32) {
	if *c.stale.Row(id) != now {
		return
	}
	*c.stale.Row(id) = 0
	p := c.view.pod(id)
	if p == nil {
		return
	}
	switch at := staleAt(p); {
	case at == 0:
	case at > now:
		c.lookAgain(now, id, at)
	default:
		c.client.PatchPart(p.Ref(), store.Status, spared{now}, tag(opUndisrupt, id))
	}
}

// spared takes back that a pod is about to be deleted.
type spared struct{ at sim.Time }

// Apply implements store.Patch.
func (s spared) Apply(cur model.Object) model.Object {
	p := *cur.(*model.Pod)
	if staleAt(&p) == 0 {
		return cur
	}
	p.Disrupted = model.Condition{Status: model.False, SinceAt: s.at}
	return &p
}

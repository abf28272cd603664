package controller

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the DaemonSet controller (pkg/controller/daemon/daemon_controller.go).
const (
	daemonBurst     = 250         // pods created, and deleted, in one look
	daemonFailFirst = time.Second // until a failed pod is deleted, doubled with every one
	daemonFailLast  = 15 * time.Minute
)

// daemonSets keeps one pod of each DaemonSet on every node that can take it. The
// pod is pinned to its node, but the scheduler binds it. A look goes over all
// nodes, as the real one does; whether a node can take a pod is remembered until
// the node or the template changes. Pods without an owner are not adopted.
type daemonSets struct {
	*loop
	rows   store.Table[daemonRow]
	byName map[string]uint32 // nodes
	names  sim.Lane
}

// daemonRow is what the controller knows of one DaemonSet.
type daemonRow struct {
	expectations
	plan  plan
	names uint64 // pod names drawn so far

	template *model.Template // what fits and specs are about
	base     *model.PodSpec  // with the tolerations every such pod gets
	fits     store.Table[fit]
	specs    store.Table[*model.PodSpec] // by node: pinned to it
	failed   store.Table[daemonFailure]  // by node
	nodes    []daemonNode                // of the look under way
	place    store.Table[int]            // by node ID: its place in nodes, plus 1
}

// fit is whether a node takes a pod.
type fit uint8

const (
	fitUnknown fit = iota
	fitNot
	fitStays // a pod that is there may stay
	fitRuns
)

// daemonFailure is the back-off after failed pods on one node.
type daemonFailure struct {
	at    sim.Time
	delay time.Duration
}

// daemonNode is a node as a look sees it.
type daemonNode struct {
	id   uint32
	name string
	fit  fit
	pods []*model.Pod // meant for it, but those that have ended and are going
}

func newDaemonSets(l *loop) controller {
	return &daemonSets{loop: l, byName: map[string]uint32{}, names: l.kernel.Luck().Lane("daemon pod name")}
}

func (c *daemonSets) daemonSet(_ sim.Time, old, next *model.DaemonSet) {
	switch {
	case next != nil:
		c.queue.add(next.ID)
	case old != nil:
		*c.rows.Row(old.ID) = daemonRow{plan: c.rows.Row(old.ID).plan}
		c.queue.add(old.ID)
	}
}

// node wakes the DaemonSets that have to make a pod for a node or to take theirs off
// it, or that count pods where none should be. Of one that merely may no longer make a
// pod there nobody takes notice: its status is right with the next look (addNode,
// updateNode, syncNodeUpdate).
func (c *daemonSets) node(_ sim.Time, old, next *model.Node) {
	switch {
	case next == nil && old != nil:
		if c.byName[old.Name] == old.ID {
			delete(c.byName, old.Name)
		}
		return
	case next == nil, old != nil && sameLabels(old.Labels, next.Labels) && slices.Equal(old.Taints, next.Taints):
		return
	}
	c.byName[next.Name] = next.ID
	for id := range c.view.daemonSets.Len() {
		d := *c.view.daemonSets.Row(uint32(id))
		if d == nil {
			continue
		}
		row := c.rows.Row(d.ID)
		*row.fits.Row(next.ID) = fitUnknown
		if row.base == nil { // no look was made yet
			continue
		}
		switch scheduled := c.has(next.ID, d); {
		case scheduled && (d.Misscheduled > 0 || c.fits(row, next) == fitNot), !scheduled && c.fits(row, next) == fitRuns:
			c.queue.add(d.ID)
		}
	}
}

// has tells whether a pod of a DaemonSet is bound to a node.
func (c *daemonSets) has(node uint32, d *model.DaemonSet) bool {
	return slices.ContainsFunc(c.view.nodes.Row(node).pods, func(id uint32) bool { return c.view.pod(id).Owner == d.Ref() })
}

// pod wakes its set up. A pod that became ready also does so when it becomes
// available, a second late; but if another look is due before, that look stands
// for both, as in the delaying queue, and if it comes too early for this pod then
// an update with maxSurge waits until something else happens to the set (what
// github.com/openkruise/kruise/pull/1014 mends in a copy of that controller).
func (c *daemonSets) pod(now sim.Time, old, next *model.Pod) {
	some := old
	if next != nil {
		some = next
	}
	if some.Owner.Kind != model.KindDaemonSet {
		return
	}
	row := c.rows.Row(some.Owner.ID)
	row.see(c.view.pods.Row(some.ID), old, next)
	d := *c.view.daemonSets.Row(some.Owner.ID)
	if d != nil && d.MinReady > 0 && next != nil && next.IsReady() && (old == nil || !old.IsReady()) {
		c.after(now, d.ID, d.MinReady+time.Second)
	}
	c.queue.add(some.Owner.ID)
}

// due implements controller; nothing is posted but delayed looks.
func (c *daemonSets) due(sim.Time, sim.Why, uint64) {}

// fits tells whether a node takes a pod (NodeShouldRunDaemonPod).
func (c *daemonSets) fits(row *daemonRow, n *model.Node) fit {
	f := row.fits.Row(n.ID)
	if *f != fitUnknown {
		return *f
	}
	*f = fitRuns
	if name := row.base.NodeName; name != "" && name != n.Name || !matchesNode(row.base, n) {
		*f = fitNot
		return *f
	}
	for i := range n.Taints {
		t := &n.Taints[i]
		if t.Effect == model.PreferNoSchedule || model.Tolerated(row.base.Tolerations, t) {
			continue
		}
		if *f = min(*f, fitStays); t.Effect == model.NoExecute {
			*f = fitNot
		}
	}
	return *f
}

// matchesNode is GetRequiredNodeAffinity(pod).Match(node).
func matchesNode(s *model.PodSpec, n *model.Node) bool {
	for _, l := range s.NodeSelector {
		if v, ok := n.Labels.Get(l.Key); !ok || v != l.Value {
			return false
		}
	}
	if s.Required == nil {
		return true
	}
	return slices.ContainsFunc(s.Required, func(t model.NodeTerm) bool { return t.Matches(n.Name, n.Labels) })
}

// daemonTaints is what pods of every DaemonSet tolerate without limit
// (pkg/controller/daemon/util/daemonset_util.go AddOrUpdateDaemonPodTolerations).
var daemonTaints = []model.Taint{
	{Key: model.TaintNotReady, Effect: model.NoExecute},
	{Key: model.TaintUnreachable, Effect: model.NoExecute},
	{Key: model.TaintDiskPressure, Effect: model.NoSchedule},
	{Key: model.TaintMemoryPressure, Effect: model.NoSchedule},
	{Key: model.TaintPIDPressure, Effect: model.NoSchedule},
	{Key: model.TaintUnschedulable, Effect: model.NoSchedule},
}

// adopt makes a template the one the row knows about.
func (r *daemonRow) adopt(t *model.Template) {
	if r.template == t {
		return
	}
	spec := *t.Spec
	spec.Tolerations = slices.Clone(spec.Tolerations)
	add := func(taint model.Taint) {
		spec.Tolerations = slices.DeleteFunc(spec.Tolerations, func(t model.Toleration) bool {
			return t.Key == taint.Key && t.Effect == taint.Effect && t.Exists
		})
		spec.Tolerations = append(spec.Tolerations, model.Toleration{Key: taint.Key, Exists: true, Effect: taint.Effect, For: model.Forever})
	}
	for _, taint := range daemonTaints {
		add(taint)
	}
	if spec.HostNetwork {
		add(model.Taint{Key: "node.kubernetes.io/network-unavailable", Effect: model.NoSchedule})
	}
	r.template, r.base = t, &spec
	r.fits, r.specs = store.Table[fit]{}, store.Table[*model.PodSpec]{}
}

// pinned is the spec of the pod for one node (ReplaceDaemonSetPodNodeNameNodeAffinity).
func (r *daemonRow) pinned(n *daemonNode) *model.PodSpec {
	s := r.specs.Row(n.id)
	if *s == nil {
		spec := *r.base
		name := []model.Requirement{{Key: "metadata.name", Op: model.In, Values: []string{n.name}}}
		spec.Required = []model.NodeTerm{{Names: name}}
		for i, t := range r.base.Required {
			if i == 0 {
				spec.Required = nil
			}
			spec.Required = append(spec.Required, model.NodeTerm{Labels: t.Labels, Names: name})
		}
		*s = &spec
	}
	return *s
}

// target is the node a pod is on or meant for; 0 if that is gone.
func (c *daemonSets) target(p *model.Pod) uint32 {
	if p.NodeID != 0 {
		return p.NodeID
	}
	if r := p.Spec.Required; len(r) > 0 && len(r[0].Names) > 0 {
		return c.byName[r[0].Names[0].Values[0]]
	}
	return 0
}

// sync is one look at a DaemonSet (syncDaemonSet).
func (c *daemonSets) sync(now sim.Time, id uint32) {
	d := *c.view.daemonSets.Row(id)
	if d == nil || d.Deleting() {
		c.done(id)
		return
	}
	row := c.rows.Row(id)
	row.adopt(d.Template)
	row.plan.reset()
	l := &daemonLook{daemonSets: c, now: now, d: d, row: row, history: history{d.Ref(), d.Template, d.HistoryLimit}}
	l.newest, l.revisions = l.history.newest(&row.plan, c.view.revisionList(d.Ref()), d)
	l.gather()
	next := *d
	if row.satisfied(now) {
		l.manage()
		if len(l.creates)+len(l.deletes) == 0 && !d.OnDelete {
			l.roll()
		}
		l.ask()
		l.history.truncate(&row.plan, l.revisions, l.live)
		next.ObservedGeneration = d.Generation
	}
	l.status(&next)
	if l.recheck > 0 {
		c.after(now, id, l.recheck)
	}
	c.advance(now, &row.plan, id)
}

func (c *daemonSets) replied(now sim.Time, r store.Reply) {
	row := c.rows.Row(uint32(r.Tag))
	call := &row.plan.calls[planned(r)]
	switch {
	case r.Refusal == store.Accepted:
	case call.op == store.OpCreate && call.object.Head().Kind == model.KindPod && r.Refusal != store.AlreadyExists:
		row.forget(1)
	case call.op == store.OpDelete && call.target.Kind == model.KindPod:
		row.seeDeletionOf(c.view.pods.Row(call.target.ID))
	}
	c.goOnMaking(now, &row.plan, &row.expectations, r)
}

// daemonLook is one look at one DaemonSet.
type daemonLook struct {
	*daemonSets
	now       sim.Time
	d         *model.DaemonSet
	row       *daemonRow
	history   history
	revisions []*model.ControllerRevision
	newest    *model.ControllerRevision
	lost      []*model.Pod // not bound, and meant for nodes that are gone
	creates   []int        // places in row.nodes
	deletes   []*model.Pod
	recheck   time.Duration
}

// gather lists the nodes in order of their IDs, each with its pods, the oldest
// first.
func (l *daemonLook) gather() {
	nodes := l.row.nodes[:0]
	for id := range l.view.nodes.Len() {
		n := l.view.node(uint32(id))
		*l.row.place.Row(uint32(id)) = 0
		if n == nil {
			continue
		}
		var room []*model.Pod
		if len(nodes) < len(l.row.nodes) {
			room = l.row.nodes[len(nodes)].pods[:0]
		}
		nodes = append(nodes, daemonNode{n.ID, n.Name, l.fits(l.row, n), room})
		*l.row.place.Row(n.ID) = len(nodes)
	}
	l.row.nodes = nodes
	for _, id := range *l.view.owned[model.KindDaemonSet].Row(l.d.ID) {
		p := l.view.pod(id)
		at := *l.row.place.Row(l.target(p))
		switch {
		case p.Phase.Terminal() && p.Deleting():
		case at > 0:
			nodes[at-1].pods = append(nodes[at-1].pods, p)
		case p.NodeID == 0:
			l.lost = append(l.lost, p)
		}
	}
	for i := range nodes {
		if len(nodes[i].pods) > 1 {
			slices.SortFunc(nodes[i].pods, olderDaemon)
		}
	}
}

// olderDaemon is podByCreationTimestampAndPhase: bound pods first, then older
// ones.
func olderDaemon(a, b *model.Pod) int {
	if (a.NodeID != 0) != (b.NodeID != 0) {
		return falseFirst(a.NodeID == 0)
	}
	return cmp.Or(cmp.Compare(model.WholeSecond(a.CreatedAt), model.WholeSecond(b.CreatedAt)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

func (l *daemonLook) available(p *model.Pod) bool {
	return p.IsReady() && l.now >= p.AvailableAt(l.d.MinReady)
}

func (l *daemonLook) updated(p *model.Pod) bool {
	return p.Labels.Value(model.LabelRevision) == l.d.Template.Hash
}

// live tells whether there are pods of a revision.
func (l *daemonLook) live(r *model.ControllerRevision) bool {
	if r.Name == l.newest.Name {
		return true
	}
	return slices.ContainsFunc(*l.view.owned[model.KindDaemonSet].Row(l.d.ID), func(id uint32) bool {
		return l.view.pod(id).Labels.Value(model.LabelRevision) == r.Template.Hash
	})
}

// status counts nodes by their oldest pod (updateDaemonSetStatus).
func (l *daemonLook) status(n *model.DaemonSet) {
	n.Desired, n.Current, n.Misscheduled, n.Ready, n.Available, n.Updated = 0, 0, 0, 0, 0, 0
	for i := range l.row.nodes {
		node := &l.row.nodes[i]
		switch {
		case node.fit != fitRuns:
			n.Misscheduled += int32(one(len(node.pods) > 0))
			continue
		case len(node.pods) == 0:
			n.Desired++
			continue
		}
		n.Desired++
		n.Current++
		p := node.pods[0]
		n.Ready += int32(one(p.IsReady()))
		n.Available += int32(one(l.available(p)))
		n.Updated += int32(one(l.updated(p)))
	}
	n.Unavailable = n.Desired - n.Available
	if l.d.MinReady > 0 && n.Ready != n.Available {
		l.recheckIn(l.d.MinReady)
	}
	d := l.d
	if n.Desired != d.Desired || n.Current != d.Current || n.Misscheduled != d.Misscheduled || n.Ready != d.Ready || n.Available != d.Available ||
		n.Unavailable != d.Unavailable || n.Updated != d.Updated || d.ObservedGeneration < d.Generation {
		l.row.plan.add(call{op: store.OpUpdateStatus, object: n, insist: true, anyway: true})
	}
}

func (l *daemonLook) recheckIn(d time.Duration) {
	if l.recheck == 0 || d < l.recheck {
		l.recheck = d
	}
}

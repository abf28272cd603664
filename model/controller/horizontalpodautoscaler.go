package controller

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Constants of the horizontal pod autoscaler
// (pkg/controller/podautoscaler/config/v1alpha1/defaults.go).
const (
	autoscaleEvery  = 15 * time.Second  // from the end of one look at an autoscaler to the next
	cpuInitialized  = 300 * time.Second // since a pod's start: until then its CPU counts only while it is ready
	initialReadying = 30 * time.Second  // since a pod's start: who was never ready after it is unready for good
	tolerancePPM    = 100_000           // how far metrics may be from what they should be
)

// autoscalers is the horizontal pod autoscaler: every 15 s it looks at the metrics
// of a target's pods and says how many there should be
// (pkg/controller/podautoscaler/horizontal.go).
//
// A look that can come to nothing new is no event: everything it depends on is seen
// to change, but for what time itself changes, and when that will be, the look
// before finds out (settled). The scale is read from the view and not by a request,
// and so are the metrics, so a look that writes nothing takes no time and costs no
// request.
type autoscalers struct {
	*loop
	rows    store.Table[autoscalerRow]
	in      map[string][]uint32   // autoscalers by namespace, in order of ID
	covered store.Table[[]uint32] // by pod: the autoscalers it is a pod of
	targets map[scaled]uint32     // by name, the IDs of what may be a target
	there   int                   // autoscalers in all
	// listen is the autoscalers whose looks are left out, by the number of an inflow that
	// some of their pods follow.
	listen  store.Table[[]uint32]
	members store.Table[membership] // by pod
	// selecting is which autoscalers' targets do; forgotten when a selector changes.
	selecting selecting
	looks     []uint32 // that are due now

	spare  *model.HorizontalPodAutoscaler // room for what a look comes to, nil while that is used
	values []model.MetricValue            // of the metrics at a look
}

// scaled is what an autoscaler calls its target.
//
//tidy:key a map's
type scaled struct {
	kind            model.Kind
	namespace, name string
}

// autoscalerRow is what the controller knows of one autoscaler.
type autoscalerRow struct {
	selector *model.Selector                // of the target, when its pods were looked for; it outlives that
	known    bool                           // others know of the selector: a look has come to metrics
	pods     []uint32                       // in order of ID
	single   []uint32                       // of them, those that are in no crew, in order of ID
	crews    []crew                         // some may be empty
	writing  *model.HorizontalPodAutoscaler // what is to be its status
	from     int32                          // replicas before they are changed
	why      string                         // of the change, for people
	notes    spamFilter

	recommended []recommendation
	raised      []scaleEvent
	lowered     []scaleEvent

	inflows []*model.Inflow // that pods followed at the last look, each once
	usedAt  sim.Time        // when a pod's use of something changed last, as far as is known
	asleep  bool            // looks are left out
	nextAt  sim.Time        // while asleep: the first look that is left out, or was
	counted bool            // the last look made a recommendation
}

// recommendation is what looks came to before it was limited, from the first to the
// last of them one after the other.
type recommendation struct {
	replicas int32
	last     sim.Time
}

// scaleEvent is how many pods were added, or taken away.
type scaleEvent struct {
	change int32
	at     sim.Time
}

const (
	whyLook           sim.Why = whyOwn + iota // about an autoscaler
	whyWakeAutoscaler                         // about one that is asleep
	whyLooks
)

const (
	opRescale uint8 = iota
	opAutoscalerStatus
)

func newAutoscalers(l *loop) controller {
	return &autoscalers{loop: l, in: map[string][]uint32{}, targets: map[scaled]uint32{}, selecting: selecting{}}
}

// horizontalPodAutoscaler has a new autoscaler looked at after 15 s
// (NewDefaultHPARateLimiter), and every 15 s from there.
func (c *autoscalers) horizontalPodAutoscaler(now sim.Time, old, next *model.HorizontalPodAutoscaler) {
	switch {
	case next == nil:
		c.enlist(old, false)
		c.forgo(old.ID)
		*c.rows.Row(old.ID) = autoscalerRow{}
		return
	case old == nil:
		c.enlist(next, true)
	}
	if old != nil && !slices.Equal(old.Metrics, next.Metrics) {
		c.disband(c.rows.Row(next.ID))
	}
	c.regather(now, next)
	c.stir(now, next.ID)
	if old == nil {
		c.lookAt(now.Add(autoscaleEvery), next.ID)
	}
}

// lookAt has an autoscaler looked at.
func (c *autoscalers) lookAt(at sim.Time, id uint32) {
	if c.queue.later(at, id) {
		c.kernel.Post(at, c.self, whyLook, uint64(id))
	}
}

func (c *autoscalers) enlist(h *model.HorizontalPodAutoscaler, there bool) {
	list := c.in[h.Namespace]
	if there {
		insert(&list, h.ID)
		c.there++
	} else {
		without(&list, h.ID)
		c.there--
	}
	c.in[h.Namespace] = list
}

func (c *autoscalers) deployment(now sim.Time, old, next *model.Deployment) {
	meta, selector := scalable(old, next)
	c.target(now, meta, selector, next != nil)
}

func (c *autoscalers) replicaSet(now sim.Time, old, next *model.ReplicaSet) {
	meta, selector := scalable(old, next)
	c.target(now, meta, selector, next != nil)
}

func (c *autoscalers) statefulSet(now sim.Time, old, next *model.StatefulSet) {
	meta, selector := scalable(old, next)
	c.target(now, meta, selector, next != nil)
}

// scalable is the newest version's metadata and selector.
func scalable[T any, P interface {
	*T
	model.Object
}](old, next P) (*model.Meta, *model.Selector) {
	if next == nil {
		next = old
	}
	return next.Head(), model.PodSelectorOf(next)
}

// target notes what there is to be scaled, and stirs who scales it.
func (c *autoscalers) target(now sim.Time, m *model.Meta, selector *model.Selector, there bool) {
	name := scaled{m.Kind, m.Namespace, m.Name}
	if there {
		c.targets[name] = m.ID
	} else if c.targets[name] == m.ID {
		delete(c.targets, name)
	}
	for _, id := range c.in[m.Namespace] {
		if h := *c.view.autoscalers.Row(id); h.TargetName == m.Name && h.TargetKind == m.Kind {
			if c.rows.Row(id).selector != selector {
				c.regather(now, h)
			}
			c.stir(now, id)
		}
	}
}

// object is an autoscaler's target as seen, nil if it is not there.
func (c *autoscalers) object(h *model.HorizontalPodAutoscaler) model.Object {
	id, ok := c.targets[scaled{h.TargetKind, h.Namespace, h.TargetName}]
	if !ok {
		return nil
	}
	switch h.TargetKind {
	case model.KindDeployment:
		return *c.view.deployments.Row(id)
	case model.KindReplicaSet:
		return *c.view.replicaSets.Row(id)
	case model.KindStatefulSet:
		return *c.view.statefulSets.Row(id)
	}
	return nil
}

// regather finds an autoscaler's pods anew if its target's selector is another one. Those
// of a target that is gone stay its pods, for others that might have them.
func (c *autoscalers) regather(now sim.Time, h *model.HorizontalPodAutoscaler) {
	o := c.object(h)
	if o == nil {
		return
	}
	if selector := model.PodSelectorOf(o); c.rows.Row(h.ID).selector != selector {
		c.forgo(h.ID)
		c.gather(now, h.ID, selector)
	}
}

// forgo is an autoscaler without pods.
func (c *autoscalers) forgo(id uint32) {
	row := c.rows.Row(id)
	c.disband(row)
	clear(c.selecting)
	for _, pod := range row.pods {
		without(c.covered.Row(pod), id)
	}
	row.selector, row.known, row.pods, row.single = nil, false, row.pods[:0], row.single[:0]
}

// gather finds an autoscaler's pods. What they used until now changed when nobody
// was told: it may have been just now.
func (c *autoscalers) gather(now sim.Time, id uint32, selector *model.Selector) {
	row := c.rows.Row(id)
	row.selector, row.usedAt = selector, now
	h := *c.view.autoscalers.Row(id)
	for pod := range c.view.pods.Len() {
		if p := c.view.pod(uint32(pod)); p != nil && p.Namespace == h.Namespace && selector.Matches(p.Labels) {
			c.leave(now, p.ID)
			row.pods, row.single = append(row.pods, p.ID), append(row.single, p.ID)
			insert(c.covered.Row(p.ID), id)
		}
	}
}

// introduce has the others that have some of an autoscaler's pods know of its selector. Those
// after it are looked at after it, if they are in the same instant.
func (c *autoscalers) introduce(now sim.Time, id uint32) {
	row := c.rows.Row(id)
	if row.known {
		return
	}
	row.known = true
	for _, pod := range row.single { // those in crews are nobody else's
		for _, other := range *c.covered.Row(pod) {
			switch {
			case other < id:
				c.stir(now, other)
			case other > id:
				c.stir(now.Add(-1), other)
			}
		}
	}
}

// beside is which other autoscalers have pods of this one, as far as their selectors are
// known, in order of ID.
func (c *autoscalers) beside(id uint32) (others []uint32) {
	for _, pod := range c.rows.Row(id).single {
		for _, other := range *c.covered.Row(pod) {
			if other != id && c.rows.Row(other).known && !slices.Contains(others, other) {
				insert(&others, other)
			}
		}
	}
	return others
}

func (c *autoscalers) pod(now sim.Time, old, next *model.Pod) {
	if c.there == 0 {
		return
	}
	some := next
	if next == nil {
		some = old
	}
	of := c.covered.Row(some.ID)
	if len(*of) > 0 {
		c.leave(now, some.ID)
	}
	if old == nil || next == nil || !sameLabels(old.Labels, next.Labels) {
		for _, id := range *of {
			without(&c.rows.Row(id).pods, some.ID)
			without(&c.rows.Row(id).single, some.ID)
			c.stir(now, id)
		}
		*of = (*of)[:0]
		if next != nil {
			c.cover(now, next)
		}
	}
	for _, id := range *of {
		c.stir(now, id)
	}
}

// cover makes a pod one of those of the autoscalers whose targets select it.
func (c *autoscalers) cover(now sim.Time, p *model.Pod) {
	for _, id := range c.selectedBy(p) {
		row := c.rows.Row(id)
		c.leave(now, p.ID)
		insert(&row.pods, p.ID)
		insert(&row.single, p.ID)
		insert(c.covered.Row(p.ID), id)
		row.usedAt = now // as gather says
	}
}

// selectedBy is the autoscalers whose targets select a pod.
func (c *autoscalers) selectedBy(p *model.Pod) []uint32 {
	return c.selecting.of(p, func() (ids []uint32) {
		for _, id := range c.in[p.Namespace] {
			if c.rows.Row(id).selector.Matches(p.Labels) {
				ids = append(ids, id)
			}
		}
		return ids
	})
}

// used tells that a pod uses something else from now on, which metrics show later.
func (c *autoscalers) used(now sim.Time, pod uint32) {
	if c.there == 0 || int(pod) >= c.covered.Len() {
		return
	}
	c.leave(now, pod)
	for _, id := range *c.covered.Row(pod) {
		c.rows.Row(id).usedAt = now
		c.stir(now, id)
	}
}

// flowed tells the same of all pods that follow an inflow. Looks that are not left out
// find it out by themselves.
func (c *autoscalers) flowed(now sim.Time, inflow uint32) {
	if c.there == 0 || int(inflow) >= c.listen.Len() {
		return
	}
	list := c.listen.Row(inflow)
	for _, id := range *list {
		c.rows.Row(id).usedAt = now
		c.stir(now, id)
	}
	*list = (*list)[:0]
}

// follow notes that a pod follows an inflow.
func (row *autoscalerRow) follow(in *model.Inflow) {
	if n := len(row.inflows); in == nil || n > 0 && row.inflows[n-1] == in || slices.Contains(row.inflows, in) {
		return
	}
	row.inflows = append(row.inflows, in)
	row.usedAt = max(row.usedAt, in.ChangedAt())
}

// stir has an autoscaler looked at again whose looks were left out, when the next
// would have been.
func (c *autoscalers) stir(now sim.Time, id uint32) {
	row := c.rows.Row(id)
	if !row.asleep {
		return
	}
	row.asleep = false
	looks := sim.Ticker{Phase: row.nextAt, Period: autoscaleEvery}
	at := row.nextAt
	if at <= now {
		at = looks.After(now)
	}
	if n := len(row.recommended); row.counted && at > row.nextAt {
		row.recommended[n-1].last = at.Add(-autoscaleEvery)
	}
	c.lookAt(at, id)
}

// due collects the looks of an instant, of which there are many after the controller
// began anew, and then makes them in order of ID, whoever was asleep.
func (c *autoscalers) due(now sim.Time, why sim.Why, about uint64) {
	id := uint32(about)
	switch why {
	case whyLook:
		if c.looks = append(c.looks, id); len(c.looks) == 1 {
			c.kernel.Post(now, c.self, whyLooks, 0)
		}
	case whyLooks:
		slices.Sort(c.looks)
		for _, id := range c.looks {
			c.queue.arrive(now, id)
		}
		c.looks = c.looks[:0]
	case whyWakeAutoscaler:
		if c.rows.Row(id).nextAt <= now {
			c.stir(now, id)
		}
	}
}

// sleep ends a look: the next is in 15 s, or when it may come to something new.
func (c *autoscalers) sleep(now sim.Time, id uint32, until sim.Time) {
	row := c.rows.Row(id)
	next := now.Add(autoscaleEvery)
	if c.literal || until <= next {
		c.lookAt(next, id)
		return
	}
	row.asleep, row.nextAt = true, next
	for _, in := range row.inflows {
		if list := c.listen.Row(in.ID); !slices.Contains(*list, id) {
			*list = append(*list, id)
		}
	}
	if until != sim.Never {
		looks := sim.Ticker{Phase: next, Period: autoscaleEvery}
		c.kernel.Post(looks.AtOrAfter(until).Add(-1), c.self, whyWakeAutoscaler, uint64(id))
	}
}

// sync looks at an autoscaler (reconcileAutoscaler).
func (c *autoscalers) sync(now sim.Time, id uint32) {
	h := *c.view.autoscalers.Row(id)
	if h == nil {
		c.done(id)
		return
	}
	row := c.rows.Row(id)
	row.counted = false
	next := c.again(h)
	target := c.object(h)
	if target == nil {
		missing := strings.ToLower(h.TargetKind.String()) + `s.apps "` + h.TargetName + `" not found`
		c.say(now, h, true, "FailedGetScale", missing)
		c.condition(now, &next.AbleToScale, model.False, "FailedGetScale")
		c.finish(now, h, next, now)
		return
	}
	c.condition(now, &next.AbleToScale, model.True, "SucceededGetScale")
	current := *model.ReplicasOf(target)
	row.inflows = row.inflows[:0]
	if len(row.recommended) == 0 {
		row.recommended = append(row.recommended, recommendation{current, now})
	}
	next.CurrentReplicas = current
	s := scaling{autoscalers: c, now: now, row: row, seen: h, hpa: next, current: current, until: sim.Never}
	desired, reason, failed := s.decide()
	switch {
	case failed != "":
		c.say(now, h, true, "FailedComputeMetricsReplicas", failed)
		c.finish(now, h, next, now)
	case desired == current || current == 0:
		next.DesiredReplicas = current
		c.finish(now, h, next, s.until)
	default:
		next.DesiredReplicas = desired
		c.rescale(h, next, target, reason)
	}
}

// again is an autoscaler as it was, to be changed.
func (c *autoscalers) again(h *model.HorizontalPodAutoscaler) *model.HorizontalPodAutoscaler {
	next := c.spare
	if c.spare = nil; next == nil {
		next = new(model.HorizontalPodAutoscaler)
	}
	*next = *h
	return next
}

// rescale asks for another number of replicas. A conflict would have the scale read
// and the same asked again, so it is asked whatever version there is.
func (c *autoscalers) rescale(h, next *model.HorizontalPodAutoscaler, target model.Object, reason string) {
	row := c.rows.Row(h.ID)
	row.writing, row.from = next, *model.ReplicasOf(target)
	row.why = "New size: " + strconv.Itoa(int(next.DesiredReplicas)) + "; reason: " + reason
	scale := target.Copy()
	scale.Head().ResourceVersion = 0
	*model.ReplicasOf(scale) = next.DesiredReplicas
	c.client.UpdateScale(scale, tag(opRescale, h.ID))
}

// finish writes the status if it is another one, and ends the look.
func (c *autoscalers) finish(now sim.Time, h, next *model.HorizontalPodAutoscaler, until sim.Time) {
	if equalStatus(h, next) {
		c.spare = next
		c.done(h.ID)
		c.sleep(now, h.ID, until)
		return
	}
	c.rows.Row(h.ID).writing = next
	c.client.UpdateStatus(next, tag(opAutoscalerStatus, h.ID))
}

func equalStatus(a, b *model.HorizontalPodAutoscaler) bool {
	return slices.Equal(a.CurrentMetrics, b.CurrentMetrics) &&
		a.CurrentReplicas == b.CurrentReplicas && a.DesiredReplicas == b.DesiredReplicas && a.LastScaleAt == b.LastScaleAt &&
		a.AbleToScale == b.AbleToScale && a.ScalingActive == b.ScalingActive && a.ScalingLimited == b.ScalingLimited
}

// replied takes the answer to a request. Whatever comes of a look, the next is 15 s
// after it.
func (c *autoscalers) replied(now sim.Time, r store.Reply) {
	op, id := untag(r.Tag)
	h, row := *c.view.autoscalers.Row(id), c.rows.Row(id)
	next := row.writing
	switch {
	case h == nil || next == nil: // it was deleted meanwhile
	case op == opRescale && r.Refusal == store.Accepted:
		c.say(now, h, false, "SuccessfulRescale", row.why)
		c.condition(now, &next.AbleToScale, model.True, "SucceededRescale")
		next.LastScaleAt = now
		row.scaled(now, next)
		c.client.UpdateStatus(next, tag(opAutoscalerStatus, id))
		return
	case op == opRescale:
		c.say(now, h, true, "FailedRescale", row.why+"; error: "+r.Refusal.String())
		c.condition(now, &next.AbleToScale, model.False, "FailedUpdateScale")
		next.DesiredReplicas = h.DesiredReplicas
		c.client.UpdateStatus(next, tag(opAutoscalerStatus, id))
		return
	case r.Refusal != store.Accepted:
		c.say(now, h, true, "FailedUpdateStatus", r.Refusal.String())
	}
	row.writing = nil
	c.done(id)
	c.lookAt(now.Add(autoscaleEvery), id)
}

// condition sets a condition (setConditionInList).
func (c *autoscalers) condition(now sim.Time, x *model.Condition, status model.ConditionStatus, reason string) {
	if x.Status != status || x.Reason == "" {
		x.SinceAt = now
	}
	x.Status, x.Reason = status, reason
}

func (c *autoscalers) say(now sim.Time, h *model.HorizontalPodAutoscaler, warning bool, reason, message string) {
	if c.rows.Row(h.ID).notes.allow(now) {
		c.client.Note(h, warning, reason, message)
	}
}

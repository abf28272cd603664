package controller

import (
	"cmp"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// A slice holds up to 100 endpoints
// (pkg/controller/endpointslice/config/v1alpha1/defaults.go). A failed sync is
// tried again after 1 s, doubling, 15 times; then it waits for news of the Service
// (endpointslice_controller.go defaultSyncBackOff, maxRetries). A change of a slice by
// somebody else leads to a look after a second (endpointSliceChangeMinSyncDelay).
const (
	endpointsMost       = 100
	endpointRetryFirst  = time.Second
	endpointRetriesMost = 15
	sliceChangeDelay    = time.Second
)

// endpointSlices lists, for every Service, the pods it selects. A change of a
// pod touches only the slice the pod is in. The controller is the only writer
// of slices, and looks at a Service only when it has seen what it wrote last: so
// a change that comes while it writes often waits for a second.
type endpointSlices struct {
	*loop
	rows  store.Table[serviceRow]
	names sim.Lane

	selecting selecting // which Services do; forgotten when one changes
	nodes     topology  // as they are
	topology  topology  // as they were at the last look at them
}

type serviceRow struct {
	slices  []sliceRow
	places  map[uint32]place // of each pod listed
	dirty   []uint32         // pods to look at
	strays  []uint32         // pods that were left out because their nodes do not exist
	all     bool             // look at every pod
	rebuild bool             // take the slices from the view: the memory may be wrong
	known   bool
	unseen  []uint32 // slices created or deleted of which the view does not tell yet
	plan    plan
	sent    []int // by call of the plan: the slice it writes
	names   uint64

	hinted   []zoneHints // under topology-mode Auto; empty while there are no hints
	unhinted string      // why there are none, as was told last
}

type place struct{ slice, at int32 }

// sliceRow is an EndpointSlice as last written and as it should be.
type sliceRow struct {
	stored    *model.EndpointSlice // nil until created
	endpoints []model.Endpoint
	shared    bool // endpoints belongs to a stored object: copy it before the first change
	changed   bool
	gone      bool // the place is free
}

func newEndpointSlices(l *loop) controller {
	l.queue.first = endpointRetryFirst
	return &endpointSlices{loop: l, names: l.kernel.Luck().Lane("endpointslice name"), selecting: selecting{}}
}

func (c *endpointSlices) service(_ sim.Time, old, next *model.Service) {
	if old == nil && next == nil {
		return
	}
	clear(c.selecting)
	m := old
	if next != nil {
		m = next
	}
	c.rows.Row(m.ID).all = true
	c.queue.add(m.ID)
}

// endpointSlice notices slices that somebody else deleted.
func (c *endpointSlices) endpointSlice(now sim.Time, old, next *model.EndpointSlice) {
	m := next
	if m == nil {
		m = old
	}
	if m == nil {
		return
	}
	row := c.rows.Row(m.Service.ID)
	row.unseen = slices.DeleteFunc(row.unseen, func(id uint32) bool { return id == m.ID })
	if next != nil {
		return
	}
	for i := range row.slices {
		if s := &row.slices[i]; !s.gone && s.stored != nil && s.stored.ID == old.ID {
			row.rebuild = true
			c.after(now, old.Service.ID, sliceChangeDelay)
		}
	}
}

// pod takes in a pod's new version. It is a reason to look at the Services that select it; if
// nothing but its labels is new, at those that select it only now, or no longer
// (k8s.io/endpointslice/util/controller_utils.go determineNeededServiceUpdates). What is no reason
// counts at their next look.
func (c *endpointSlices) pod(_ sim.Time, old, next *model.Pod) {
	moved := old == nil || next == nil || changed(old, next)
	relabeled := old != nil && next != nil && !sameLabels(old.Labels, next.Labels)
	if !moved && !relabeled && alike(old, next) {
		return
	}
	var before, after []uint32
	if next != nil {
		after = c.selectedBy(next)
	}
	if old != nil && (next == nil || relabeled) {
		before = c.selectedBy(old)
	}
	for _, id := range after {
		c.touch(id, next.ID, moved || relabeled && !slices.Contains(before, id))
	}
	for _, id := range before {
		if !slices.Contains(after, id) {
			c.touch(id, old.ID, true)
		}
	}
}

// touch has a Service's next look take in a pod, which is a reason for one or not.
func (c *endpointSlices) touch(id, pod uint32, reason bool) {
	row := c.rows.Row(id)
	row.dirty = append(row.dirty, pod)
	if reason {
		c.queue.add(id)
	}
}

// changed tells whether a new version of a pod is a reason for its Services to be looked at
// (k8s.io/endpointslice/util/controller_utils.go podEndpointsChanged). Every one of a pod that is
// being deleted is: its timestamps are compared by where they are kept. Its phase is none: a
// pod that was not ready and has ended stays listed until another reason comes.
func changed(a, b *model.Pod) bool {
	return a.Deleting() || b.Deleting() || a.IsReady() != b.IsReady() || a.IP != b.IP
}

// alike tells whether two versions of a pod that are no reason for a look make the same endpoint.
func alike(a, b *model.Pod) bool {
	return a.NodeID == b.NodeID && a.Phase.Terminal() == b.Phase.Terminal()
}

// selectedBy is the Services that select a pod.
func (c *endpointSlices) selectedBy(p *model.Pod) []uint32 {
	return c.selecting.of(p, func() (ids []uint32) {
		for id := range c.view.services.Len() {
			if s := *c.view.services.Row(uint32(id)); s != nil && s.Namespace == p.Namespace && s.Selector.Matches(p.Labels) {
				ids = append(ids, uint32(id))
			}
		}
		return ids
	})
}

// due implements controller; nothing is posted but delayed looks.
func (c *endpointSlices) due(sim.Time, sim.Why, uint64) {}

// rehouse marks the pods of a node that came or went for their Services' next looks. It is no
// reason for a look by itself.
func (c *endpointSlices) rehouse(node uint32) {
	for _, id := range c.view.nodes.Row(node).pods {
		for _, svc := range c.selectedBy(c.view.pod(id)) {
			c.touch(svc, id, false)
		}
	}
}

// sync brings a Service's slices up to date.
func (c *endpointSlices) sync(now sim.Time, id uint32) {
	svc := *c.view.services.Row(id)
	row := c.rows.Row(id)
	if svc == nil || svc.Selector == nil {
		*row = serviceRow{names: row.names}
		c.done(id)
		return
	}
	if c.stale(row) {
		c.retry(now, id)
		return
	}
	if !row.known || row.rebuild {
		c.load(id, row)
	}
	if row.all {
		c.lookAtAll(svc, row)
	}
	added := c.update(svc, row)
	row.relabel(svc)
	row.place(added)
	if svc.TopologyAuto {
		c.hint(svc, row)
	} else {
		c.noMoreHints(svc, row)
	}
	c.write(svc, row)
	c.proceed(now, id, row)
}

// stale tells whether the view lacks some of what was written. Such a look fails, and comes again
// as late as any other that does (endpointslice_controller.go syncService,
// k8s.io/endpointslice/util EndpointSliceTracker.StaleSlices).
func (c *endpointSlices) stale(row *serviceRow) bool {
	return len(row.unseen) > 0 || slices.ContainsFunc(row.slices, func(s sliceRow) bool {
		if s.stored == nil {
			return false
		}
		seen := *c.view.slices.Row(s.stored.ID)
		return seen != nil && seen.Generation < s.stored.Generation
	})
}

// load takes the slices from the view.
func (c *endpointSlices) load(id uint32, row *serviceRow) {
	row.known, row.rebuild, row.all = true, false, true
	row.slices, row.places = row.slices[:0], map[uint32]place{}
	for _, sid := range *c.view.slicesOf.Row(id) {
		s := *c.view.slices.Row(sid)
		for i := range s.Endpoints {
			row.places[s.Endpoints[i].Pod.ID] = place{int32(len(row.slices)), int32(i)}
		}
		row.slices = append(row.slices, sliceRow{stored: s, endpoints: s.Endpoints, shared: true})
	}
}

func (c *endpointSlices) lookAtAll(svc *model.Service, row *serviceRow) {
	row.all = false
	for i := range row.slices {
		for j := range row.slices[i].endpoints {
			row.dirty = append(row.dirty, row.slices[i].endpoints[j].Pod.ID)
		}
	}
	for id := range c.view.pods.Len() {
		if p := c.view.pod(uint32(id)); p != nil && p.Namespace == svc.Namespace && svc.Selector.Matches(p.Labels) {
			row.dirty = append(row.dirty, p.ID)
		}
	}
}

// update changes and removes the endpoints of dirty pods where they are, and
// returns the new ones.
func (c *endpointSlices) update(svc *model.Service, row *serviceRow) []model.Endpoint {
	var added []model.Endpoint
	dirty := append(row.dirty, row.strays...)
	row.strays = row.strays[:0]
	for _, id := range dirty {
		p := c.view.pod(id)
		want, listed := c.endpoint(svc, p)
		at, was := row.places[id]
		if !listed && belongs(svc, p) && !slices.Contains(row.strays, id) {
			row.strays = append(row.strays, id)
		}
		switch {
		case was && at.slice < 0: // new, and seen already
		case was && listed:
			s := &row.slices[at.slice]
			if svc.TopologyAuto && want.Ready {
				want.HintZone = s.endpoints[at.at].HintZone
			}
			if s.endpoints[at.at] != want {
				s.edit()
				s.endpoints[at.at] = want
			}
		case was:
			row.remove(id, at)
		case listed:
			row.places[id] = place{-1, 0}
			added = append(added, want)
		}
	}
	row.dirty = dirty[:0]
	return added
}

// relabel has slices written that have other labels than the Service (k8s.io/endpointslice/utils.go
// setEndpointSliceLabels).
func (r *serviceRow) relabel(svc *model.Service) {
	for i := range r.slices {
		if s := &r.slices[i]; !s.gone && s.stored != nil && !sameLabels(s.stored.Labels, svc.Labels) {
			s.edit()
		}
	}
}

// belongs tells whether a Service lists a pod if it is on a node
// (k8s.io/endpointslice/util ShouldPodBeInEndpoints). In Kubernetes a pod that no port leads
// to is in a slice without ports (getEndpointPorts), where kube-proxy finds nobody; here it
// is in none. DNS of a headless Service names it all the same.
func belongs(svc *model.Service, p *model.Pod) bool {
	return p != nil && !p.Phase.Terminal() && p.IP != 0 && svc.Selector.Matches(p.Labels) && (svc.Headless || svc.Leads(p.Spec))
}

// endpoint is what the Service lists of a pod, and whether it lists it at all
// (k8s.io/endpointslice/utils.go podToEndpoint). One whose node is not there is left out,
// unless the Service wants also those that are not ready (reconciler.go
// reconcileByAddressType).
func (c *endpointSlices) endpoint(svc *model.Service, p *model.Pod) (model.Endpoint, bool) {
	if !belongs(svc, p) {
		return model.Endpoint{}, false
	}
	n := c.view.node(p.NodeID)
	if n == nil && !svc.PublishNotReady {
		return model.Endpoint{}, false
	}
	e := model.Endpoint{
		Pod: p.Ref(), Node: model.NameOf(p.NodeName), IP: p.IP,
		Serving: p.IsReady(), Terminating: p.Deleting(),
	}
	e.Ready = svc.PublishNotReady || e.Serving && !e.Terminating
	if n != nil {
		e.Zone = model.NameOf(n.Labels.Value(model.LabelZone))
	}
	if e.Ready && !svc.TopologyAuto {
		e.HintNode = svc.PreferSameNode
		if svc.PreferSameZone {
			e.HintZone = e.Zone
		}
	}
	return e, true
}

func (s *sliceRow) edit() {
	if s.shared {
		s.endpoints = append(make([]model.Endpoint, 0, len(s.endpoints)+1), s.endpoints...)
		s.shared = false
	}
	s.changed = true
}

// remove takes a pod out of its slice; the last endpoint takes its place.
func (r *serviceRow) remove(pod uint32, at place) {
	s := &r.slices[at.slice]
	s.edit()
	last := len(s.endpoints) - 1
	s.endpoints[at.at] = s.endpoints[last]
	r.places[s.endpoints[at.at].Pod.ID] = at
	s.endpoints = s.endpoints[:last]
	delete(r.places, pod)
}

// place puts new endpoints into slices that are written anyway and not left empty, the
// fullest first; what is left goes into one slice that has room for all of it, or into new
// slices (k8s.io/endpointslice/reconciler.go reconcileByPortMapping).
func (r *serviceRow) place(added []model.Endpoint) {
	var changed []int
	for i := range r.slices {
		if s := &r.slices[i]; s.changed && len(s.endpoints) > 0 && len(s.endpoints) < endpointsMost {
			changed = append(changed, i)
		}
	}
	slices.SortStableFunc(changed, func(a, b int) int { return cmp.Compare(len(r.slices[b].endpoints), len(r.slices[a].endpoints)) })
	for _, i := range changed {
		added = r.fill(i, added)
	}
	for len(added) > 0 {
		added = r.fill(r.roomFor(len(added)), added)
	}
}

func (r *serviceRow) fill(i int, added []model.Endpoint) []model.Endpoint {
	n := min(len(added), endpointsMost-len(r.slices[i].endpoints))
	if n == 0 {
		return added
	}
	s := &r.slices[i]
	s.edit()
	for _, e := range added[:n] {
		r.places[e.Pod.ID] = place{int32(i), int32(len(s.endpoints))}
		s.endpoints = append(s.endpoints, e)
	}
	return added[n:]
}

// roomFor is the unchanged slice that n endpoints fill best, or a new one, which may be one that
// was left empty (reconciler.go finalize).
func (r *serviceRow) roomFor(n int) int {
	best := -1
	for i := range r.slices {
		s := &r.slices[i]
		if s.gone || s.changed || len(s.endpoints)+n > endpointsMost {
			continue
		}
		if best < 0 || len(s.endpoints) > len(r.slices[best].endpoints) {
			best = i
		}
	}
	if best < 0 {
		best = slices.IndexFunc(r.slices, func(s sliceRow) bool { return s.changed && !s.gone && len(s.endpoints) == 0 })
	}
	if best >= 0 {
		return best
	}
	return r.newSlice()
}

func (r *serviceRow) newSlice() int {
	fresh := sliceRow{changed: true}
	for i := range r.slices {
		if r.slices[i].gone {
			r.slices[i] = fresh
			return i
		}
	}
	r.slices = append(r.slices, fresh)
	return len(r.slices) - 1
}

// write plans the requests: creations, updates, deletions. Of slices left
// empty one is kept if there is no other.
func (c *endpointSlices) write(svc *model.Service, row *serviceRow) {
	row.plan.reset()
	row.sent = row.sent[:0]
	kept := -1
	if !slices.ContainsFunc(row.slices, func(s sliceRow) bool { return !s.gone && len(s.endpoints) > 0 }) {
		kept = row.keepOne()
	}
	for _, op := range [...]store.Op{store.OpCreate, store.OpUpdate, store.OpDelete} {
		for i := range row.slices {
			s := &row.slices[i]
			if s.gone || s.op(i != kept) != op || op != store.OpDelete && !s.changed {
				continue
			}
			row.plan.add(c.call(svc, row, s, op))
			row.sent = append(row.sent, i)
			s.changed, s.shared, s.gone = false, true, op == store.OpDelete
		}
	}
}

// keepOne is the first slice there is, or a new one.
func (r *serviceRow) keepOne() int {
	if i := slices.IndexFunc(r.slices, func(s sliceRow) bool { return !s.gone }); i >= 0 {
		return i
	}
	return r.newSlice()
}

// op is what has to be done about a slice; an empty one may go if others stay.
func (s *sliceRow) op(mayGo bool) store.Op {
	switch {
	case s.stored == nil:
		return store.OpCreate
	case len(s.endpoints) == 0 && mayGo:
		return store.OpDelete
	}
	return store.OpUpdate
}

func (c *endpointSlices) call(svc *model.Service, row *serviceRow, s *sliceRow, op store.Op) call {
	switch op {
	case store.OpCreate:
		row.names++
		return call{op: op, object: &model.EndpointSlice{
			Meta: model.Meta{
				Kind: model.KindEndpointSlice, Namespace: svc.Namespace, Owner: svc.Ref(), Labels: svc.Labels,
				Name: model.GenerateName(svc.Name, c.names.Draw(svc.NameHash(), row.names)),
			},
			Service:   svc.Ref(),
			Endpoints: s.endpoints,
			Hostnames: c.hostnames(svc, s.endpoints),
		}}
	case store.OpDelete:
		return call{op: op, target: s.stored.Ref()}
	}
	next := *s.stored
	next.Labels, next.Endpoints, next.Hostnames = svc.Labels, s.endpoints, c.hostnames(svc, s.endpoints)
	next.Generation++
	return call{op: op, object: &next}
}

// hostnames is what the pods of a headless Service are called that have a name behind it
// (k8s.io/endpointslice/utils.go podToEndpoint, ShouldSetHostname: a hostname, and the
// Service as subdomain). With a Service that has an address they are of no use.
func (c *endpointSlices) hostnames(svc *model.Service, endpoints []model.Endpoint) (names []string) {
	if !svc.Headless {
		return nil
	}
	for i := range endpoints {
		p := c.view.pod(endpoints[i].Pod.ID)
		if p == nil || p.Spec.Subdomain != svc.Name {
			continue
		}
		if names == nil {
			names = make([]string, len(endpoints))
		}
		names[i] = p.Name
	}
	return names
}

func (c *endpointSlices) proceed(now sim.Time, id uint32, row *serviceRow) {
	switch {
	case row.plan.send(c.client, id):
	case len(row.strays) > 0:
		c.retry(now, id)
	default:
		c.done(id)
	}
}

// retry has a Service looked at again later, because a look failed or left pods out whose nodes
// do not exist; but not without end.
func (c *endpointSlices) retry(now sim.Time, id uint32) {
	if c.queue.keys.Row(id).failures == endpointRetriesMost {
		c.done(id)
		return
	}
	c.failed(now, id)
}

func (c *endpointSlices) replied(now sim.Time, r store.Reply) {
	id := uint32(r.Tag)
	row := c.rows.Row(id)
	row.plan.answered(c.client, r)
	written := &row.slices[row.sent[planned(r)]]
	switch s, ok := r.Object.(*model.EndpointSlice); {
	case ok:
		if r.Op == store.OpCreate && *c.view.slices.Row(s.ID) == nil {
			row.unseen = append(row.unseen, s.ID)
		}
		written.stored = s
	case r.Op == store.OpDelete && r.Refusal == store.Accepted && *c.view.slices.Row(written.stored.ID) != nil:
		row.unseen = append(row.unseen, written.stored.ID)
	}
	if row.plan.failed {
		row.rebuild = true
		c.retry(now, id)
		return
	}
	c.proceed(now, id, row)
}

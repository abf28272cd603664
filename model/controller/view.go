package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// view is what the process has seen of the cluster so far, some milliseconds
// late, with the indexes its controllers need.
type view struct {
	nodes       store.Table[nodeRow]
	pods        store.Table[podRow]
	deployments store.Table[*model.Deployment]
	replicaSets store.Table[*model.ReplicaSet]
	services    store.Table[*model.Service]
	slices      store.Table[*model.EndpointSlice]
	budgets     store.Table[*model.PodDisruptionBudget]

	statefulSets store.Table[*model.StatefulSet]
	revisions    store.Table[*model.ControllerRevision]
	daemonSets   store.Table[*model.DaemonSet]
	jobs         store.Table[*model.Job]
	cronJobs     store.Table[*model.CronJob]
	quotas       store.Table[*model.ResourceQuota]
	claims       store.Table[*model.Claim]
	volumes      store.Table[*model.Volume]
	attachments  store.Table[*model.VolumeAttachment]
	claimNames   map[string]uint32 // by namespace/name
	volumeNames  map[string]uint32
	namespaces   store.Table[*model.Namespace]
	autoscalers  store.Table[*model.HorizontalPodAutoscaler]

	owned       [model.Kinds]store.Table[[]uint32] // pods by their owner; those of KindNone have none
	revisionsOf [model.Kinds]store.Table[[]uint32] // ControllerRevisions by their owner, in order of ID

	jobsOf   store.Table[[]uint32] // Jobs by their CronJob, in order of ID; 0 is no owner
	setsOf   store.Table[[]uint32] // ReplicaSets by their Deployment, in order of ID; 0 is no owner
	slicesOf store.Table[[]uint32] // EndpointSlices by their Service, in order of ID
}

type nodeRow struct {
	node *model.Node
	pods []uint32 // bound to it
}

// podRow is everything about one pod in one place, so that a change of a pod
// touches one row.
type podRow struct {
	pod     *model.Pod
	ownedAt int32 // place in owned
	nodeAt  int32 // place in its node's pods

	counted  counts   // what the ReplicaSet controller counts it as
	stray    bool     // its ReplicaSet no longer selects it
	leaving  bool     // its owner's controller has asked for its deletion and has not seen it
	deleter  uint32   // the ReplicaSet that asked last
	evicting bool     // the taint eviction controller is deleting it
	evictAt  sim.Time // when the taint eviction controller deletes it; 0 is never
}

// replace puts a version into a table by ID and returns the one before.
func replace[T any](t *store.Table[T], id uint32, next T) T {
	row := t.Row(id)
	old := *row
	*row = next
	return old
}

// setNode keeps the row even of a node that is gone: its pods are still there.
func (v *view) setNode(id uint32, next *model.Node) *model.Node {
	row := v.nodes.Row(id)
	old := row.node
	row.node = next
	return old
}

func (v *view) node(id uint32) *model.Node { return v.nodes.Row(id).node }

func (v *view) pod(id uint32) *model.Pod { return v.pods.Row(id).pod }

func (v *view) setPod(id uint32, next *model.Pod) *model.Pod {
	row := v.pods.Row(id)
	old := row.pod
	row.pod = next
	v.indexOwner(id, old, next)
	v.indexNode(id, old, next)
	return old
}

func (v *view) indexOwner(id uint32, old, next *model.Pod) {
	if old != nil && next != nil && old.Owner == next.Owner {
		return
	}
	if old != nil {
		list := v.owned[old.Owner.Kind].Row(old.Owner.ID)
		at := v.pods.Row(id).ownedAt
		if moved, ok := drop(list, at); ok {
			v.pods.Row(moved).ownedAt = at
		}
	}
	if next != nil {
		list := v.owned[next.Owner.Kind].Row(next.Owner.ID)
		v.pods.Row(id).ownedAt = int32(len(*list))
		*list = append(*list, id)
	}
}

func (v *view) indexNode(id uint32, old, next *model.Pod) {
	var from, to uint32
	if old != nil {
		from = old.NodeID
	}
	if next != nil {
		to = next.NodeID
	}
	if from == to {
		return
	}
	if from != 0 {
		at := v.pods.Row(id).nodeAt
		if moved, ok := drop(&v.nodes.Row(from).pods, at); ok {
			v.pods.Row(moved).nodeAt = at
		}
	}
	if to != 0 {
		list := &v.nodes.Row(to).pods
		v.pods.Row(id).nodeAt = int32(len(*list))
		*list = append(*list, id)
	}
}

// drop removes the element at a place by moving the last one there, and says
// which one that is.
func drop(list *[]uint32, at int32) (moved uint32, ok bool) {
	l := *list
	last := int32(len(l) - 1)
	moved = l[last]
	l[at] = moved
	*list = l[:last]
	return moved, at != last
}

func (v *view) setReplicaSet(id uint32, next *model.ReplicaSet) *model.ReplicaSet {
	old := replace(&v.replicaSets, id, next)
	from, to := model.Ref{}, model.Ref{}
	if old != nil {
		from = old.Owner
	}
	if next != nil {
		to = next.Owner
	}
	if old != nil && (next == nil || from != to) {
		without(v.setsOf.Row(from.ID), id)
	}
	if next != nil && (old == nil || from != to) {
		insert(v.setsOf.Row(to.ID), id)
	}
	return old
}

func (v *view) setEndpointSlice(id uint32, next *model.EndpointSlice) *model.EndpointSlice {
	old := replace(&v.slices, id, next)
	switch {
	case old == nil && next != nil:
		insert(v.slicesOf.Row(next.Service.ID), id)
	case old != nil && next == nil:
		without(v.slicesOf.Row(old.Service.ID), id)
	}
	return old
}

func (v *view) setRevision(id uint32, next *model.ControllerRevision) *model.ControllerRevision {
	old := replace(&v.revisions, id, next)
	switch {
	case old == nil && next != nil:
		insert(v.revisionsOf[next.Owner.Kind].Row(next.Owner.ID), id)
	case old != nil && next == nil:
		without(v.revisionsOf[old.Owner.Kind].Row(old.Owner.ID), id)
	}
	return old
}

func (v *view) setJob(id uint32, next *model.Job) *model.Job {
	old := replace(&v.jobs, id, next)
	switch {
	case old == nil && next != nil:
		insert(v.jobsOf.Row(next.Owner.ID), id)
	case old != nil && next == nil:
		without(v.jobsOf.Row(old.Owner.ID), id)
	}
	return old
}

func (v *view) setClaim(id uint32, next *model.Claim) *model.Claim {
	old := replace(&v.claims, id, next)
	if next != nil && old == nil {
		if v.claimNames == nil {
			v.claimNames = map[string]uint32{}
		}
		v.claimNames[next.Key()] = id
	}
	return old
}

func (v *view) setVolume(id uint32, next *model.Volume) *model.Volume {
	old := replace(&v.volumes, id, next)
	if next != nil && old == nil {
		if v.volumeNames == nil {
			v.volumeNames = map[string]uint32{}
		}
		v.volumeNames[next.Name] = id
	}
	return old
}

// claimOf is the claim of a namespace/name, nil if there is none.
func (v *view) claimOf(key string) *model.Claim {
	if id, ok := v.claimNames[key]; ok {
		return *v.claims.Row(id)
	}
	return nil
}

// volumeOf is the volume of a name, nil if there is none.
func (v *view) volumeOf(name string) *model.Volume {
	if id, ok := v.volumeNames[name]; ok {
		return *v.volumes.Row(id)
	}
	return nil
}

// insert puts id into a short sorted list.
func insert(list *[]uint32, id uint32) {
	l := append(*list, id)
	for i := len(l) - 1; i > 0 && l[i-1] > id; i-- {
		l[i-1], l[i] = l[i], l[i-1]
	}
	*list = l
}

// without takes id out of a short sorted list.
func without(list *[]uint32, id uint32) {
	l := *list
	for i := range l {
		if l[i] == id {
			*list = append(l[:i], l[i+1:]...)
			return
		}
	}
}

// selecting remembers which objects select pods with certain labels: all pods of a
// template share theirs.
type selecting map[labelsOf][]uint32

// labelsOf names a shared set of labels by where it is kept.
//
//tidy:key of the map selecting
type labelsOf struct {
	namespace string
	first     *model.Label
	n         int
}

// of is which objects select a pod, as find finds out.
func (s selecting) of(p *model.Pod, find func() []uint32) []uint32 {
	k := labelsOf{namespace: p.Namespace, n: len(p.Labels)}
	if k.n > 0 {
		k.first = &p.Labels[0]
	}
	ids, ok := s[k]
	if !ok {
		ids = find()
		s[k] = ids
	}
	return ids
}

// sameLabels tells whether two sets are equal. Versions of one object mostly
// share theirs.
func sameLabels(a, b model.Labels) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

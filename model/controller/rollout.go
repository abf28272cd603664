package controller

import (
	"cmp"
	"slices"
	"strconv"

	"orrery/model"
)

// maxSurge is how many pods there may be beyond the replicas; a percentage is
// rounded up (pkg/controller/deployment/util/deployment_util.go).
func (r *rollout) maxSurge() int32 {
	if r.d.Recreate {
		return 0
	}
	return r.d.MaxSurge.Of(r.d.Replicas, true)
}

// maxUnavailable is how many of the replicas may be missing; a percentage is
// rounded down. If surge and this both come to 0 it is 1, so that the rollout
// can move at all.
func (r *rollout) maxUnavailable() int32 {
	if r.d.Recreate || r.d.Replicas == 0 {
		return 0
	}
	n := r.d.MaxUnavailable.Of(r.d.Replicas, false)
	if n == 0 && r.maxSurge() == 0 {
		n = 1
	}
	return min(n, r.d.Replicas)
}

// create makes the ReplicaSet of the current template if there is none.
func (r *rollout) create() {
	if r.newest != nil {
		return
	}
	t := r.d.Template
	labels := t.Labels.With(model.LabelTemplateHash, t.Hash)
	selector := &model.Selector{Requirements: append(slices.Clone(r.d.Selector.Requirements), model.Requirement{
		Key: model.LabelTemplateHash, Op: model.In, Values: []string{t.Hash},
	})}
	var most int64
	for _, s := range r.old {
		most = max(most, s.Revision)
	}
	r.newest = &replicaSetChange{ReplicaSet: model.ReplicaSet{
		Meta: model.Meta{
			Kind: model.KindReplicaSet, Namespace: r.d.Namespace, Name: r.d.Name + "-" + t.Hash,
			Owner: r.d.Ref(), Labels: labels,
		},
		Selector: selector,
		Template: &model.Template{Labels: labels, Spec: t.Spec, Finalizers: t.Finalizers, Hash: t.Hash},
		MinReady: r.d.MinReady,
		Revision: most + 1,
	}}
	r.resize(r.newest, r.newestReplicas())
	r.annotate(r.newest)
	r.next.Revision = r.newest.Revision
	if r.d.ProgressDeadline > 0 {
		r.progress(model.True, reasonNewSet)
	}
}

// newestReplicas is how far the newest ReplicaSet may grow now
// (deployment_util.go NewRSNewReplicas).
func (r *rollout) newestReplicas() int32 {
	if r.d.Recreate {
		return r.d.Replicas
	}
	room := r.d.Replicas + r.maxSurge() - wanted(r.all())
	if room <= 0 {
		return r.newest.Replicas
	}
	return r.newest.Replicas + min(room, r.d.Replicas-r.newest.Replicas)
}

// resize gives a ReplicaSet another size, and tells it what the Deployment's
// whole size is. It tells whether the size is another.
func (r *rollout) resize(s *replicaSetChange, n int32) bool {
	if s.Replicas == n {
		return false
	}
	s.Replicas = n
	r.annotate(s)
	return true
}

func (r *rollout) annotate(s *replicaSetChange) {
	s.DesiredReplicas, s.MaxReplicas = r.d.Replicas, r.d.Replicas+r.maxSurge()
}

// roll is one step of a rolling update: either the newest ReplicaSet grows, or
// old ones shrink (pkg/controller/deployment/rolling.go).
func (r *rollout) roll() {
	existed := r.newest != nil
	r.create()
	grown := existed && r.grow()
	shrunk := !grown && r.shrink()
	if !grown && !shrunk && r.complete(r.d) {
		r.cleanUp()
	}
	r.apply()
	r.rolloutStatus()
}

func (r *rollout) grow() bool {
	switch {
	case r.newest.Replicas == r.d.Replicas:
		return false
	case r.newest.Replicas > r.d.Replicas:
		return r.resize(r.newest, r.d.Replicas)
	}
	return r.resize(r.newest, r.newestReplicas())
}

// shrink takes replicas from old ReplicaSets: first those that are not
// available anyway, then as many as the available ones allow.
func (r *rollout) shrink() bool {
	old := active(r.old)
	if wanted(old) == 0 {
		return false
	}
	least := r.d.Replicas - r.maxUnavailable()
	missing := r.newest.Replicas - r.newest.AvailableReplicas
	most := wanted(r.all()) - least - missing
	if most <= 0 {
		return false
	}
	cleaned, known := r.shrinkUnhealthy(old, most)
	if !known {
		return false
	}
	return r.shrinkHealthy(old, least)+cleaned > 0
}

// shrinkUnhealthy takes replicas that are not available. It also tells whether
// it is known how many are: a ReplicaSet with more available pods than it is to
// have was told to shrink and has not reported yet. Then this look takes no
// more; else those pods would be counted on, and traded for a new one a second
// time ("got invalid request to scale down").
func (r *rollout) shrinkUnhealthy(old []*replicaSetChange, most int32) (done int32, known bool) {
	for _, s := range old {
		if done >= most {
			break
		}
		if s.Replicas == 0 || s.Replicas == s.AvailableReplicas {
			continue
		}
		n := min(most-done, s.Replicas-s.AvailableReplicas)
		if n < 0 {
			return done, false
		}
		r.resize(s, s.Replicas-n)
		done += n
	}
	return done, true
}

func (r *rollout) shrinkHealthy(old []*replicaSetChange, least int32) int32 {
	most := available(old) + r.newest.AvailableReplicas - least
	var done int32
	for _, s := range old {
		if done >= most {
			break
		}
		n := min(s.Replicas, most-done)
		if r.resize(s, s.Replicas-n) {
			done += n
		}
	}
	return done
}

// recreate ends all old pods before it makes new ones
// (pkg/controller/deployment/recreate.go).
func (r *rollout) recreate() {
	var shrunk bool
	for _, s := range active(r.old) {
		shrunk = r.resize(s, 0) || shrunk
	}
	if !shrunk && !r.oldRunning() {
		r.create()
		r.resize(r.newest, r.d.Replicas)
		if r.complete(r.d) {
			r.cleanUp()
		}
	}
	r.apply()
	r.rolloutStatus()
}

func (r *rollout) oldRunning() bool {
	return slices.ContainsFunc(r.old, func(s *replicaSetChange) bool { return s.StatusReplicas > 0 || r.unfinished(s.ID) })
}

// scaling tells whether the Deployment's size was changed since its
// ReplicaSets were last sized, as far as they were: one that was adopted may say nothing
// (sync.go isScalingEvent).
func (r *rollout) scaling() bool {
	return slices.ContainsFunc(active(r.all()), func(s *replicaSetChange) bool {
		return s.DesiredReplicas != 0 && s.DesiredReplicas != r.d.Replicas
	})
}

// scale spreads a new size over the ReplicaSets
// (pkg/controller/deployment/sync.go scale).
func (r *rollout) scale() {
	sets := active(r.all())
	switch {
	case len(sets) == 0 && r.newest != nil:
		r.resize(r.newest, r.d.Replicas)
	case len(sets) == 0 && len(r.old) > 0:
		r.resize(r.old[len(r.old)-1], r.d.Replicas)
	case len(sets) == 1:
		r.resize(sets[0], r.d.Replicas)
	case len(sets) == 0:
	case r.saturated():
		for _, s := range active(r.old) {
			r.resize(s, 0)
		}
	case !r.d.Recreate:
		r.scaleInProportion(sets)
	}
}

func (r *rollout) saturated() bool {
	n := r.newest
	return n != nil && n.Replicas == r.d.Replicas && n.DesiredReplicas == r.d.Replicas && n.AvailableReplicas == r.d.Replicas
}

// scaleInProportion gives each ReplicaSet its share of what is added or taken
// away, and the rest to the largest.
func (r *rollout) scaleInProportion(sets []*replicaSetChange) {
	var allowed int32
	if r.d.Replicas > 0 {
		allowed = r.d.Replicas + r.maxSurge()
	}
	add := allowed - wanted(sets)
	slices.SortFunc(sets, func(a, b *replicaSetChange) int {
		older := cmp.Compare(a.ID, b.ID)
		if add > 0 {
			older = -older
		}
		return cmp.Or(cmp.Compare(b.Replicas, a.Replicas), older)
	})
	var added int32
	sizes := make([]int32, len(sets))
	for i, s := range sets {
		share := r.share(s, add, added)
		sizes[i] = s.Replicas + share
		added += share
	}
	sizes[0] = max(0, sizes[0]+add-added)
	for i, s := range sets {
		r.resize(s, sizes[i])
		r.annotate(s)
	}
}

// share is what one ReplicaSet gets of add, of which added is given away
// already (deployment_util.go GetReplicaSetProportion).
func (r *rollout) share(s *replicaSetChange, add, added int32) int32 {
	if s.Replicas == 0 || add == added {
		return 0
	}
	n := r.fraction(s)
	if add > 0 {
		return min(n, add-added)
	}
	return max(n, add-added)
}

// fraction is how much a ReplicaSet would grow with the Deployment, rounded to
// the nearest.
func (r *rollout) fraction(s *replicaSetChange) int32 {
	if r.d.Replicas == 0 {
		return -s.Replicas
	}
	before := int64(s.MaxReplicas)
	if before == 0 {
		before = int64(r.d.StatusReplicas)
	}
	if before == 0 {
		return 0
	}
	now := int64(s.Replicas) * int64(r.d.Replicas+r.maxSurge())
	return int32((2*now+before)/(2*before)) - s.Replicas
}

func scaledNote(set string, from, to int32) model.Note {
	way := "up"
	if to < from {
		way = "down"
	}
	return model.Note{Reason: "ScalingReplicaSet", Message: "Scaled " + way + " replica set " + set +
		" from " + strconv.Itoa(int(from)) + " to " + strconv.Itoa(int(to))}
}

package scheduler

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// sawClaim takes a version of a claim. What was assumed of it counts no more: this
// is newer (pkg/scheduler/util/assumecache/assume_cache.go add).
func (s *Scheduler) sawClaim(now sim.Time, id uint32, obj model.Object) {
	all := &s.cache.volumes
	next, _ := obj.(*model.Claim)
	seen := all.seenClaims.Row(id)
	old := *seen
	*seen = next
	all.version++
	s.cache.changes++
	switch {
	case next == nil && old == nil:
	case next == nil:
		if k := (claimKey{old.Namespace, old.Name}); all.claims[k] != nil && all.claims[k].ID == id {
			delete(all.claims, k)
		}
	case old == nil:
		own := *next
		all.claims[claimKey{next.Namespace, next.Name}] = &own
		s.queue.happened(now, Event{ClusterEvent: PersistentVolumeClaimAdd, Claim: next})
	default:
		*all.claims[claimKey{next.Namespace, next.Name}] = *next
		s.queue.happened(now, Event{ClusterEvent: PersistentVolumeClaimUpdate, Claim: next})
	}
}

// sawVolume does the same for a volume.
func (s *Scheduler) sawVolume(now sim.Time, id uint32, obj model.Object) {
	all := &s.cache.volumes
	next, _ := obj.(*model.Volume)
	seen := all.seenVolumes.Row(id)
	old := *seen
	*seen = next
	all.version++
	s.cache.changes++
	switch {
	case next == nil && old == nil:
		return
	case next == nil:
		if own := all.volumes[old.Name]; own != nil && own.ID == id {
			delete(all.volumes, old.Name)
			all.byClass[old.Class] = slices.DeleteFunc(all.byClass[old.Class], func(x *model.Volume) bool { return x == own })
		}
		return
	case old == nil:
		own := *next
		all.volumes[next.Name] = &own
		all.byClass[next.Class] = append(all.byClass[next.Class], &own)
	default:
		*all.volumes[next.Name] = *next
	}
	s.queue.happened(now, Event{ClusterEvent: PersistentVolumeChange})
}

// sawAttachment keeps what is attached to each node, or is to be: it counts although
// no pod may use it any more.
func (s *Scheduler) sawAttachment(now sim.Time, id uint32, obj model.Object) {
	all := &s.cache.volumes
	next, _ := obj.(*model.VolumeAttachment)
	seen := all.seenAttachments.Row(id)
	old := *seen
	*seen = next
	switch {
	case old == nil && next != nil:
		all.attached[next.Node] = append(all.attached[next.Node], next.Volume)
	case old != nil && next == nil:
		list := all.attached[old.Node]
		at := slices.Index(list, old.Volume)
		all.attached[old.Node] = slices.Delete(list, at, at+1)
		s.queue.happened(now, Event{ClusterEvent: VolumeAttachmentDelete})
	default:
		return
	}
	all.version++
	s.cache.changes++
}

// restore forgets what was assumed for a pod (assume_cache.go Restore).
func (v *volumes) restore(b binding) {
	if seen := *v.seenClaims.Row(b.claim.ID); b.volume == nil && seen != nil {
		*b.claim = *seen
	}
	if b.volume == nil {
		return
	}
	if seen := *v.seenVolumes.Row(b.volume.ID); seen != nil {
		*b.volume = *seen
	}
}

package scheduler

import (
	"slices"

	"orrery/model"
)

// volumeRestrictions refuses nodes with a pod that uses a disk which cannot be
// shared, and lets nobody use a claim of access mode ReadWriteOncePod that
// somebody uses
// (pkg/scheduler/framework/plugins/volumerestrictions/volume_restrictions.go).
type volumeRestrictions struct {
	handle     *Handle
	disk, once *Status
}

func newVolumeRestrictions(h *Handle) Plugin {
	p := &volumeRestrictions{handle: h}
	p.disk = h.Status(p.Name(), Unschedulable, "node(s) had no available disk")
	p.once = h.Status(p.Name(), Unschedulable, "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod")
	return p
}

func (*volumeRestrictions) Name() string { return "VolumeRestrictions" }

// SignPod implements SignPlugin.
func (*volumeRestrictions) SignPod(key []byte, pod *model.Pod) []byte {
	disks := disksOf(pod)
	key = signNumber(signClaims(key, pod), int64(len(disks)))
	for _, d := range disks {
		key = signWords(signText(signText(key, d.Kind), d.Name), d.Monitors)
		if d.ReadOnly {
			key = append(key, '!')
		}
	}
	return key
}

// restrictionView is what a class of pods cannot share.
type restrictionView struct {
	claimWatch
	plugin *volumeRestrictions
	disks  []model.Disk
	alone  []claimKey // claims of access mode ReadWriteOncePod
}

// View implements WidePlugin.
func (p *volumeRestrictions) View(pod *model.Pod) View {
	v := &restrictionView{claimWatch: p.handle.cache.volumes.watch(pod), plugin: p, disks: disksOf(pod)}
	for _, u := range claimsOf(pod) {
		c := p.handle.cache.volumes.of(pod, u)
		switch {
		case u.Ephemeral:
		case c == nil:
			return View{Watcher: v, Refused: p.handle.once(p.Name(), UnschedulableAndUnresolvable, notFound(u.Name))}
		case c.Modes&model.ReadWriteOncePod != 0:
			v.alone = append(v.alone, claimKey{c.Namespace, c.Name})
		}
	}
	if len(v.disks)+len(v.alone) == 0 {
		return View{Watcher: v}
	}
	return View{Watcher: v, Filter: v}
}

// Filter implements WideFilter. The one pod that uses a claim is in the way on
// every node, and preempting it helps on its own.
func (v *restrictionView) Filter(id uint32) *Status {
	c := v.plugin.handle.cache
	if len(v.disks) > 0 {
		for _, p := range c.rows[id].Pods {
			if sharesDisk(v.disks, disksOf(p)) {
				return v.plugin.disk
			}
		}
	}
	for _, k := range v.alone {
		if c.volumes.users[k] > 0 {
			return v.plugin.once
		}
	}
	return nil
}

func sharesDisk(a, b []model.Disk) bool {
	return slices.ContainsFunc(a, func(d model.Disk) bool { return slices.ContainsFunc(b, d.Conflicts) })
}

// EventsToRegister implements EnqueueExtensions: a pod goes that uses the same
// disk, or the same claim, or a node comes.
func (*volumeRestrictions) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{AssignedPodDelete, func(pod *model.Pod, e *Event) bool {
			if e.Pod.Namespace != pod.Namespace {
				return false
			}
			return sharesDisk(disksOf(pod), disksOf(e.Pod)) || slices.ContainsFunc(claimsOf(pod), func(u model.ClaimUse) bool {
				return !u.Ephemeral && slices.Contains(claimsOf(e.Pod), u)
			})
		}},
		{PersistentVolumeClaimAdd | PersistentVolumeClaimUpdate, ownClaim},
		{Event: NodeAdd},
	}
}

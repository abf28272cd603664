package kubelet

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Volumes that have to be attached; for the one with a token see token.go. A kubelet says in
// its node's status that it needs one, at the next of its status intervals, and mounts it when
// the attach/detach controller says there that it may use it: that it sees in its own view of the
// node, within a turn of 100 ms, which is left out, however long it has waited
// (pkg/kubelet/volumemanager/reconciler/reconciler_common.go waitForVolumeAttach,
// pkg/volume/util/operationexecutor/operation_generator.go
// GenerateVerifyControllerAttachedVolumeFunc). Only then the pod's sandbox is made.

// volumesWait is how long a pod's worker waits for its volumes
// (pkg/kubelet/volumemanager/volume_manager.go podAttachAndMountTimeout).
const volumesWait = 2*time.Minute + 3*time.Second

// needed is a volume that pods of this node need attached.
type needed struct {
	volume string
	pods   int
	said   bool // the node says so, and did at a look of the status loop since a pod here needs it
}

// volumesOf is the volumes that a pod needs attached. The claims and volumes are read
// where they are: two requests, which are left out.
func (k *Kubelet) volumesOf(p *model.Pod) (names []string) {
	if k.volumes == nil {
		return nil
	}
	for _, u := range p.Uses() {
		if name, attached := k.volumes(p.Namespace + "/" + u.Of(p)); attached {
			names = append(names, name)
		}
	}
	return names
}

// hold says that a pod needs its volumes.
func (k *Kubelet) hold(r *row, volumes []string) {
	r.volumes = volumes
	for _, v := range volumes {
		at, there := slices.BinarySearchFunc(k.disks, v, byVolume)
		if !there {
			k.disks = slices.Insert(k.disks, at, needed{volume: v})
		}
		k.disks[at].pods++
	}
	k.doubtNode()
}

func byVolume(d needed, volume string) int { return strings.Compare(d.volume, volume) }

// letGo says that a pod needs its volumes no more: they are unmounted.
func (k *Kubelet) letGo(r *row) {
	if len(r.volumes) == 0 {
		return
	}
	for _, v := range r.volumes {
		at, _ := slices.BinarySearchFunc(k.disks, v, byVolume)
		if k.disks[at].pods--; k.disks[at].pods == 0 {
			k.disks = slices.Delete(k.disks, at, at+1)
		}
	}
	r.volumes, r.mounted, r.mountsFailed = nil, false, 0
	if r.box != nil {
		r.box.Volumes = nil
	}
	k.doubtNode()
}

// remount takes over what a process before has mounted for a pod. After a boot it is mounted anew, at once, as
// it counts as attached (pkg/kubelet/volumemanager/reconciler/reconstruct.go reconstructVolumes).
func (k *Kubelet) remount(r *row) {
	if r.box == nil || len(r.box.Volumes) == 0 {
		return
	}
	k.hold(r, r.box.Volumes)
	if r.mounted = r.box.Ready; !r.mounted {
		r.mountAt = k.kernel.Now().Add(k.machine.MountTime(r.box))
	}
}

// inUse is what the node's status should say, sorted.
func (k *Kubelet) inUse() (names []string) {
	for i := range k.disks {
		names = append(names, k.disks[i].volume)
	}
	return names
}

// usesOthers tells whether the node says otherwise.
func (k *Kubelet) usesOthers() bool {
	return !slices.EqualFunc(k.disks, k.node.VolumesInUse, func(d needed, v string) bool { return d.volume == v })
}

// awaitVolumes has a pod wait for its volumes and its token; it is false if they are there.
// The mount goes on while the worker does not wait for it.
func (k *Kubelet) awaitVolumes(r *row, now sim.Time) bool {
	k.fetchToken(r)
	mounted := r.box.Ready || r.mounted
	if r.configs == configsUnread { // also of a pod that runs, which this process has not mounted anything for
		k.mountConfigs(r, now)
	}
	if !mounted && len(r.volumes) == 0 {
		volumes := k.volumesOf(r.pod)
		if mounted = len(volumes) == 0; !mounted {
			k.hold(r, volumes)
			r.mountAt = sim.Never
		}
	}
	if mounted && r.hasToken() && r.configs != configsMissing {
		return false
	}
	if mounted {
		r.mountAt = now
	}
	k.waitForVolumes(r, now)
	k.verify(r, now)
	return true
}

// waitForVolumes has a pod's worker wait as long as it does.
func (k *Kubelet) waitForVolumes(r *row, now sim.Time) {
	r.giveUpAt = now.Add(volumesWait)
	k.wait(r, attaching, r.giveUpAt)
}

// verify finds out when a pod's volumes will be mounted, once all are attached and its
// token is there. Nobody's worker has to wait for that.
func (k *Kubelet) verify(r *row, now sim.Time) {
	if r.mountAt == sim.Never {
		for _, v := range r.volumes {
			i, _ := slices.BinarySearchFunc(k.disks, v, byVolume)
			if !k.disks[i].said || !slices.Contains(k.node.VolumesAttached, v) {
				return
			}
		}
		r.mountAt = now.Add(k.machine.MountTime(r.box))
	}
	if r.doing == attaching && r.hasToken() && r.configs != configsMissing && r.mountAt < r.stepAt {
		k.wait(r, attaching, max(now, r.mountAt))
	}
}

// verifyAll looks at the pods whose volumes are not mounted.
func (k *Kubelet) verifyAll() {
	if len(k.disks) == 0 {
		return
	}
	now := k.kernel.Now()
	for _, r := range k.rows {
		if r != nil && len(r.volumes) > 0 && !r.mounted {
			k.verify(r, now)
		}
	}
}

// markSaid notes at a look of the status loop which volumes the node says are in use
// (pkg/kubelet/kubelet_node_status.go markVolumesFromNode).
func (k *Kubelet) markSaid() {
	for i := range k.disks {
		d := &k.disks[i]
		d.said = d.said || slices.Contains(k.node.VolumesInUse, d.volume)
	}
}

// unsaid tells whether the status loop has to look at volumes.
func (k *Kubelet) unsaid() bool {
	return slices.ContainsFunc(k.disks, func(d needed) bool { return !d.said })
}

// mountFails is an attempt to mount what is attached and not there
// (pkg/volume/util/operationexecutor/operation_generator.go GenerateMountVolumeFunc), which is
// made again and again, ever later. One whose time comes while the pod's worker rests is made
// when that is over, and a pod that comes anew has one at once.
func (k *Kubelet) mountFails(r *row, now sim.Time) bool {
	if k.lostDisk == nil || r.mounted || now < r.mountAt {
		return false
	}
	i := slices.IndexFunc(r.volumes, k.lostDisk)
	if i < 0 {
		return false
	}
	k.client.Note(r.face(), true, "FailedMount", "MountVolume.MountDevice failed for volume \""+r.volumes[i]+"\" : rpc error: code = Internal desc = no such device")
	r.mountAt = now.Add(r.mountsFailed.another())
	k.wait(r, attaching, min(r.mountAt, r.giveUpAt))
	return true
}

// volumesDue is the end of a pod's wait for volumes: they are mounted, or it gives up
// for a while (WaitForAttachAndMount), of which there is no Event
// (pkg/kubelet/kubelet.go SyncPod, wait.Interrupted).
func (k *Kubelet) volumesDue(r *row, now sim.Time) {
	r.doing = nothing
	if k.mountFails(r, now) {
		return
	}
	if now < r.mountAt || !r.hasToken() || r.configs == configsMissing {
		k.endStep(r, errorRetry)
		return
	}
	r.mounted, r.box.Volumes = true, r.volumes
	k.mount(r, now)
}

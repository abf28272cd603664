package kubelet

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Limits of local storage (eviction_manager.go localStorageEviction): a pass of the
// eviction manager evicts, all at once and whatever the node has, the pods that have more
// on its disk than they may: in an emptyDir; in all their containers and emptyDirs
// together; or in one container, in this order. The real kubelet kills them one after the
// other, each as soon as the one before has ended or taken 10 s. Of containers that have
// ended, and of a pod none of whose containers runs, nothing is measured
// (pkg/kubelet/stats/cri_stats_provider.go removeTerminatedContainers). What containers have
// is taken as it is. What volumes have was measured up to two minutes ago
// (server/stats/volume_stat_calculator.go), at an interval that is drawn once for each pod
// here, and a tmpfs is full, never over its limit.

// overLimit is why a pod is to be evicted, "" if it is not.
func (k *Kubelet) overLimit(r *row, now sim.Time) string {
	spec := r.pod.Spec
	if !limited(spec) || !r.measured() {
		return ""
	}
	measured := now
	if len(spec.EmptyDirs) > 0 {
		measured, _ = k.measures(r).AtOrBefore(now)
	}
	var total int64
	for i := range spec.EmptyDirs {
		v := &spec.EmptyDirs[i]
		if v.Memory {
			continue
		}
		used := r.box.EmptyDirUsed(v, measured)
		total += used
		if v.SizeLimit > 0 && used > v.SizeLimit {
			return fmt.Sprintf("Usage of EmptyDir volume %q exceeds the limit %q. ", v.Name, model.BinarySI(v.SizeLimit))
		}
	}
	for i := range r.box.Processes {
		total += r.box.Processes[i].DiskMeasured(now)
	}
	if limit := spec.EphemeralLimit; limit > 0 && total > limit {
		return fmt.Sprintf("Pod ephemeral local storage usage exceeds the total limit of containers %s. ", model.BinarySI(limit))
	}
	for i := len(spec.InitContainers); i < len(r.box.Processes); i++ {
		c := containerOf(spec, i)
		if limit := c.Limits.EphemeralBytes; limit > 0 && r.box.Processes[i].DiskMeasured(now) > limit {
			return fmt.Sprintf("Container %s exceeded its local ephemeral storage limit %q. ", c.Name, model.BinarySI(limit))
		}
	}
	return ""
}

// limited tells whether pods of a spec have any limit of local storage.
func limited(s *model.PodSpec) bool { return s.EphemeralLimit > 0 || len(s.EmptyDirs) > 0 }

// measures is when a pod's volumes are measured.
func (k *Kubelet) measures(r *row) sim.Ticker {
	luck := k.luck.volumes.Draw(r.hash, 0)
	period := luck.Duration(time.Minute, 2*time.Minute)
	return sim.Ticker{Phase: sim.Time(luck.Duration(0, period)), Period: period}
}

// evictWriters evicts those that are over a limit.
func (k *Kubelet) evictWriters(now sim.Time) {
	for _, r := range k.rows {
		if !r.evictable() {
			continue
		}
		if message := k.overLimit(r, now); message != "" {
			k.evict(r, byLimit, evictGrace, message)
		}
	}
}

// overwrittenAt is the first instant at which that may be so of any.
func (k *Kubelet) overwrittenAt() sim.Time {
	first, now := sim.Never, k.kernel.Now()
	for _, r := range k.rows {
		if r.evictable() && limited(r.pod.Spec) {
			first = min(first, k.overAt(r, now))
		}
	}
	return first
}

func (k *Kubelet) overAt(r *row, now sim.Time) sim.Time {
	spec := r.pod.Spec
	if k.overLimit(r, now) != "" {
		return now
	}
	at := sim.Never
	if !r.measured() { // until one starts
		return at
	}
	for i := range spec.EmptyDirs {
		v := &spec.EmptyDirs[i]
		if v.Memory || v.SizeLimit == 0 {
			continue
		}
		switch over := r.box.EmptyDirOver(v, now, v.SizeLimit); {
		case over == sim.Never:
		case over == now: // since the last measurement
			at = min(at, k.measures(r).After(now))
		default:
			at = min(at, k.measures(r).AtOrAfter(over))
		}
	}
	if spec.EphemeralLimit > 0 { // at the latest: volumes are measured later
		at = min(at, r.box.WrittenAt(now, spec.EphemeralLimit))
	}
	for i := len(spec.InitContainers); i < len(r.box.Processes); i++ {
		if limit := containerOf(spec, i).Limits.EphemeralBytes; limit > 0 {
			at = min(at, r.box.ContainerWrittenAt(i, now, limit))
		}
	}
	return at
}

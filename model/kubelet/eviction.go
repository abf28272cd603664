package kubelet

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Node-pressure eviction (pkg/kubelet/eviction/eviction_manager.go): every 10 s
// a pass looks whether the machine is short of something. While it is, and for 5
// minutes after, the node says so; and each pass fails one pod, the one that
// uses the most beyond what it asked for, waits until that is killed and cleaned up, or has
// taken too long, and looks again at once. A pod that cannot be killed yet, because its
// worker waits for a pull or a hook, may be chosen again and again. What a pod uses is
// taken as it is; the real kubelet's measurement is up to 15 s old.
//
// A process that starts looks at once, a second before it lists its pods
// (config/apiserver.go WaitForAPIServerSyncPeriod), so under pressure it rejects them as new ones. But
// without the node in its informer there is no summary to look at (server/stats/summary.go Get, "failed
// to get node info"): one that is cut off, or whose node is new, tries again every 10 s.
const (
	evictEvery   = 10 * time.Second // monitoringInterval, from the end of the pass before
	evictGrace   = time.Second      // immediateEvictionGracePeriodSeconds
	killLeast    = 10 * time.Second // pkg/kubelet/pod_workers.go killPodNow minTimeout
	cleanupEvery = time.Second      // podCleanupPollFreq
	cleanupMost  = 30 * time.Second // podCleanupTimeout, from the kill on, or from when that took too long
)

// pressures is which of the node's conditions hold.
type pressures [conditions]bool

// evictions is the eviction manager.
type evictions struct {
	pressed pressures            // what the node is to say
	seenAt  [conditions]sim.Time // when a pass last found too little
	acted   [allSignals]acts     // which thresholds the last pass acted upon
	softAt  [allSignals]sim.Time // since when each has found less than the soft threshold, Never if the last did not
	leaving []uint32             // the pods that a pass waits for
	killBy  sim.Time             // until when it waits for their kill; 0 if it waits for their cleanup already
	leftAt  sim.Time             // since when it waits for their cleanup
}

// acts is which thresholds of a signal a pass acts upon: hard ones at once, soft ones after
// their grace.
type acts struct{ hard, soft bool }

func newEvictions() (e evictions) {
	for s := range e.softAt {
		e.softAt[s] = sim.Never
	}
	return e
}

// MemoryChanged implements runtime.Observer.
func (k *Kubelet) MemoryChanged() { k.aimEvictions(k.kernel.Now()) }

// SystemOOM implements runtime.Observer (pkg/kubelet/oom/oom_watcher_linux.go: an Event if
// the victim's cgroup is "/", which cadvisor's utils/oomparser says of every kill that is not
// for a cgroup's limit, whoever dies of it). Which process it was, and its number, it leaves
// out here.
func (k *Kubelet) SystemOOM() {
	if k.running {
		k.client.Note(k.node, true, "SystemOOM", "System OOM encountered")
	}
}

// DiskChanged implements runtime.Observer.
func (k *Kubelet) DiskChanged() { k.aimEvictions(k.kernel.Now()) }

// aimEvictions has the first pass run, not before at, that may find something to
// do.
func (k *Kubelet) aimEvictions(at sim.Time) {
	if !k.running {
		return
	}
	e := &k.evictions
	if len(e.leaving) > 0 {
		k.want(&k.evicting, whyEviction, at)
	}
	if !k.hasSummary() {
		return
	}
	from, next := max(at, k.kernel.Now()), sim.Never
	for s := range stocks {
		next = min(next, k.scarceAt(s, from, k.levels.highest[s]))
	}
	for p := range conditions {
		if e.pressed[p] {
			next = min(next, e.seenAt[p].Add(k.levels.config.Stays))
		}
	}
	for s := range e.softAt {
		if e.softAt[s] != sim.Never || e.acted[s] != (acts{}) && k.levels.reclaim[s] > 0 {
			next = min(next, from) // it may end
		}
	}
	k.aimImageGC(from)
	if next = min(next, k.overwrittenAt()); next != sim.Never {
		k.want(&k.evicting, whyEviction, max(at, next))
	}
}

// hasSummary tells whether the eviction manager is told what the machine is short of: by the runtime, about a
// node that is known.
func (k *Kubelet) hasSummary() bool { return k.seesNode && !k.machine.RuntimeDown() }

// evictionPass is one look (synchronize).
func (k *Kubelet) evictionPass(now sim.Time) {
	if k.awaits(now) {
		k.want(&k.evicting, whyEviction, now+1)
		return
	}
	e := &k.evictions
	e.leaving = nil
	k.evicting.Ticker = sim.Ticker{Phase: now, Period: evictEvery}
	if !k.hasSummary() {
		return
	}
	first, hard := k.observe(now)
	if k.evictWriters(now); len(e.leaving) == 0 && first < allSignals {
		k.reclaim(first, hard, now)
	}
	k.aimEvictions(now + 1)
}

// awaits tells whether the pass before still waits for the pods that it evicted (killPodNow,
// waitForPodsCleanup). It waits until they are killed, or says that this took too long; and
// then until they are cleaned up.
func (k *Kubelet) awaits(now sim.Time) bool {
	e := &k.evictions
	if e.killBy == 0 {
		return now.Sub(e.leftAt) < cleanupMost && slices.ContainsFunc(e.leaving, k.stays)
	}
	if now < e.killBy {
		return true
	}
	for _, pod := range e.leaving {
		if k.unkilled(pod) {
			k.client.Note(k.find(pod).face(), true, "ExceededGracePeriod", "Container runtime did not kill the pod within specified grace period.")
		}
	}
	k.awaitCleanup(now)
	return true
}

// podKilled is called when nothing of a pod runs any more, for good. A pass that waited for
// its kill now waits for its cleanup.
func (k *Kubelet) podKilled(now sim.Time) {
	if e := &k.evictions; e.killBy > 0 && !slices.ContainsFunc(e.leaving, k.unkilled) {
		k.awaitCleanup(now)
	}
}

// awaitCleanup has the manager look every second from now on whether those that it evicted
// are cleaned up.
func (k *Kubelet) awaitCleanup(now sim.Time) {
	k.evictions.killBy, k.evictions.leftAt = 0, now
	k.evicting.Ticker = sim.Ticker{Phase: now.Add(cleanupEvery), Period: cleanupEvery}
	k.want(&k.evicting, whyEviction, now+1)
}

// unkilled tells whether something of a pod may still run.
func (k *Kubelet) unkilled(pod uint32) bool {
	r := k.find(pod)
	return r != nil && r.stage < terminated
}

// stays tells whether a pod that is to go is still there.
func (k *Kubelet) stays(pod uint32) bool {
	r := k.find(pod)
	return r != nil && r.stage != finished
}

// observe compares what is free with the thresholds. It returns the first signal that it
// is time to act upon, allSignals if there is none, and whether that is a hard one's.
func (k *Kubelet) observe(now sim.Time) (first Signal, hard bool) {
	e, l := &k.evictions, &k.levels
	first = allSignals
	var short pressures
	for _, s := range inOrder {
		scarce, gentle := k.met(s, l.hard[s], e.acted[s].hard, now), k.met(s, l.soft[s], e.acted[s].soft, now)
		switch {
		case !gentle:
			e.softAt[s] = sim.Never
		case e.softAt[s] == sim.Never:
			e.softAt[s] = now
		}
		e.acted[s] = acts{hard: scarce, soft: gentle && now.Sub(e.softAt[s]) >= l.softGrace[s]}
		if e.acted[s] != (acts{}) && first == allSignals {
			first, hard = s, scarce
		}
		if scarce || gentle {
			short[pressureOf[stockOf[s]]] = true
		}
	}
	for p := range conditions {
		switch {
		case short[p]:
			e.seenAt[p] = now
			k.press(p, true)
		case now.Sub(e.seenAt[p]) >= l.config.Stays:
			k.press(p, false)
		}
	}
	return first, hard
}

// press has the node say whether it is short of something, with its next status.
func (k *Kubelet) press(p pressure, pressed bool) {
	if e := &k.evictions; e.pressed[p] != pressed {
		e.pressed[p] = pressed
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
		k.mayResize()
	}
}

// reclaim gets some of what is short back: of the disk by removing dead containers and
// images that nobody uses, all of them, and if a threshold is met even so by evicting a
// pod.
func (k *Kubelet) reclaim(s Signal, hard bool, now sim.Time) {
	of, least := stockOf[s], k.levels.soft[s]
	if hard {
		least = k.levels.hard[s]
	}
	available := k.free(of, now)
	if of == podMemory { // from here on it is memory: that is ranked, and told
		of = memory
	}
	k.client.Note(k.node, true, "EvictionThresholdMet", "Attempting to reclaim "+of.String())
	if (of == disk || of == inodes) && k.cleanUp(now) {
		return
	}
	r := k.worst(of, now)
	if r == nil {
		return
	}
	grace := evictGrace
	if !hard {
		grace = max(min(k.levels.config.MostPodGrace, time.Duration(r.pod.Spec.GraceSeconds)*time.Second), evictGrace)
	}
	k.evict(r, byPressure, grace, fmt.Sprintf("The node was low on resource: %v. Threshold quantity: %s, available: %s. %s",
		of, k.threshold(s, least), amount(of, max(available, 0)), r.blame(of, now)))
}

// cleanUp removes dead containers and images that nobody uses, and tells whether that is
// enough for all thresholds there are, each with its minimum reclaim and also for a soft one in
// its grace (reclaimNodeLevelResources).
func (k *Kubelet) cleanUp(now sim.Time) bool {
	k.machine.CollectContainers()
	k.machine.CollectImages(now, math.MaxInt64)
	for s := range allSignals {
		if k.met(s, k.levels.hard[s], true, now) || k.met(s, k.levels.soft[s], true, now) {
			return false
		}
	}
	return true
}

// evict fails a pod, and has the next pass wait until it is gone (evictPod). A stop that is
// under way goes on as it was. If the pod was evicted before, the newest message counts, and
// the shortest grace.
func (k *Kubelet) evict(r *row, by ouster, grace time.Duration, message string) {
	now, e := k.kernel.Now(), &k.evictions
	e.leaving, e.killBy = append(e.leaving, r.pod.ID), now.Add(max(killLeast, (grace+grace/2).Truncate(time.Second)))
	k.evicting.Ticker = sim.Ticker{Phase: e.killBy, Period: cleanupEvery}
	if r.ousted != byPressure {
		r.ousted = by
	}
	r.hasten(grace)
	r.why = message
	k.client.Note(r.face(), true, "Evicted", message)
	k.trigger(r, now)
}

// measured tells whether there are any measurements of a pod: while a container of it runs
// (pkg/kubelet/stats/cri_stats_provider.go listPodStatsPartiallyFromCRI).
func (r *row) measured() bool { return r.box != nil && r.box.Alive() }

// uses is how much of what is short a pod has, and how much was set aside for it
// (pkg/kubelet/kubelet.go: the manager is given getAllocatedPods).
func (k *Kubelet) uses(r *row, s stock, now sim.Time) (used, asked int64) {
	switch s {
	case memory:
		return r.box.MemoryUsed(now), r.allotted().Request.MemoryBytes
	case disk:
		return r.box.DiskMeasured(now), r.pod.Spec.Request.EphemeralBytes
	case inodes:
		return r.box.InodesMeasured(now), 0
	}
	return k.machine.PIDsUsed(r.box, now), 0
}

// evictable tells whether a pod may be evicted: a critical or static one never is; one
// that is terminating is, be it evicted or rejected, as long as its containers may run and
// its object is there (pkg/kubelet/kubelet_pods.go GetActivePods, isPodInactive).
func (r *row) evictable() bool {
	return r != nil && r.stage < terminated && !r.gone && !r.refused && r.static == nil && !r.pod.Spec.Critical()
}

// worst is the pod to be evicted, nil if there is none (rankMemoryPressure,
// rankDiskPressureFunc, rankPIDPressure): first of whom nothing is measured, then who uses
// more than they asked for, then the lower priority, then by how much more. If it is about
// processes, the priority comes before all that, and it does not matter what was asked for.
func (k *Kubelet) worst(s stock, now sim.Time) *row {
	var worst *row
	for _, r := range k.rows {
		if r.evictable() && (worst == nil || k.before(r, worst, s, now)) {
			worst = r
		}
	}
	return worst
}

// before tells whether r goes before o.
func (k *Kubelet) before(r, o *row, s stock, now sim.Time) bool {
	if s == pids {
		if c := cmp.Compare(r.pod.Spec.Priority, o.pod.Spec.Priority); c != 0 {
			return c < 0
		}
	}
	if r.measured() != o.measured() {
		return o.measured()
	}
	if !r.measured() {
		return cmp.Or(cmp.Compare(r.pod.Spec.Priority, o.pod.Spec.Priority), cmp.Compare(r.hash, o.hash)) < 0
	}
	used, asked := k.uses(r, s, now)
	oUsed, oAsked := k.uses(o, s, now)
	within := func(used, asked int64) int {
		if used > asked || s == pids {
			return 0
		}
		return 1
	}
	first := cmp.Compare(within(used, asked), within(oUsed, oAsked))
	if s == inodes { // from which helpers.go disk takes off what is asked for of the disk
		asked, oAsked = r.pod.Spec.Request.EphemeralBytes, o.pod.Spec.Request.EphemeralBytes
	}
	return cmp.Or(
		first,
		cmp.Compare(r.pod.Spec.Priority, o.pod.Spec.Priority),
		cmp.Compare(oUsed-oAsked, used-asked),
		cmp.Compare(r.hash, o.hash),
	) < 0
}

// blame names the containers that use more memory or disk than they asked for, and the pod
// if it asks for memory itself, whether it uses more or not (evictionMessage).
func (r *row) blame(s stock, now sim.Time) string {
	var text strings.Builder
	if s != memory && s != disk || !r.measured() {
		return ""
	}
	if l := r.pod.Spec.PodLevel; s == memory && l != nil && l.HasMemory {
		fmt.Fprintf(&text, "Pod %s was using %s, request is %s, has larger consumption of %v. ", r.pod.Name, model.BinarySI(r.box.MemoryUsed(now)), model.BinarySI(l.MemoryBytes), s)
	}
	for i := range r.box.Processes {
		p, c := &r.box.Processes[i], containerOf(r.allotted(), i)
		used, asked := p.MemoryUsed(now), c.Requests.MemoryBytes
		if s == disk {
			used, asked = p.DiskMeasured(now), c.Requests.EphemeralBytes
		}
		if used > asked {
			fmt.Fprintf(&text, "Container %s was using %s, request is %s, has larger consumption of %v. ", c.Name, model.BinarySI(used), model.BinarySI(asked), s)
		}
	}
	return text.String()
}

// admitUnderPressure is the eviction manager's say about a new pod (Admit): a
// node short of memory takes no BestEffort pods, unless they tolerate it, and one
// short of disk or processes takes none at all; critical and static ones it always takes.
func (k *Kubelet) admitUnderPressure(pod *model.Pod) (reason, message string) {
	pressed := &k.evictions.pressed
	if *pressed == (pressures{}) || critical(pod) {
		return "", ""
	}
	if *pressed == (pressures{memoryPressure: true}) && (pod.Spec.QoS() != model.BestEffort ||
		model.Tolerated(pod.Spec.Tolerations, &model.Taint{Key: model.TaintMemoryPressure, Effect: model.NoSchedule})) {
		return "", ""
	}
	var names []string
	for p := range conditions {
		if pressed[p] {
			names = append(names, p.String())
		}
	}
	return "Evicted", "The node had condition: [" + strings.Join(names, " ") + "]. "
}

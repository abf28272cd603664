package kubelet

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Node-pressure eviction (pkg/kubelet/eviction/eviction_manager.go): every 10 s
// a pass looks whether the machine is short of something. While it is, and for 5
// minutes after, the node says so; and each pass fails one pod, the one that
// uses the most beyond what it asked for, waits until it is gone, and looks
// again at once. What a pod uses is taken as it is; the real kubelet's
// measurement is up to 15 s old.
const (
	evictEvery    = 10 * time.Second // monitoringInterval, from the end of the pass before
	pressureStays = 5 * time.Minute  // evictionPressureTransitionPeriod, from when it was last seen
	evictGrace    = time.Second      // immediateEvictionGracePeriodSeconds
	cleanupEvery  = time.Second      // podCleanupPollFreq
	cleanupMost   = 30 * time.Second // podCleanupTimeout
)

// The defaults of evictionHard (defaults_linux.go): memory.available < 100Mi and
// imagefs.available < 15%. As there is one filesystem, that of nodefs, 10 %, is
// never the first, and neither is the image collector's own, which is 15 %, too.
// There are inodes enough.
const (
	leastMemory      = model.HardMemoryBytes
	leastDiskPercent = 15
)

// signal is what a machine can be short of, in the order of importance
// (byEvictionPriority: memory first).
type signal uint8

const (
	memory signal = iota
	disk
	signals
)

// String is the resource as messages have it.
func (s signal) String() string { return [...]string{"memory", "ephemeral-storage"}[s] }

// pressures is which of the node's conditions hold, by signal.
type pressures [signals]bool

// evictions is the eviction manager.
type evictions struct {
	pressed pressures         // what the node is to say
	seenAt  [signals]sim.Time // when a pass last found too little
	softAt  [signals]sim.Time // since when each has found less than the soft threshold, Never if the last did not
	leaving uint32            // the pod that a pass waits for, 0 if none
	leftAt  sim.Time          // since when
}

// MemoryChanged implements runtime.Observer.
func (k *Kubelet) MemoryChanged() { k.aimEvictions(k.kernel.Now()) }

// DiskChanged implements runtime.Observer.
func (k *Kubelet) DiskChanged() { k.aimEvictions(k.kernel.Now()) }

// least is how much must be free of what signal s is about.
func (k *Kubelet) least(s signal) int64 {
	if s == memory {
		return leastMemory
	}
	return k.machine.Disk() / 100 * leastDiskPercent
}

// Soft is the soft eviction thresholds of a kubelet, none by default: less than that
// for a grace period, and pods go, with more grace than under a hard one
// (evictionSoft, evictionSoftGracePeriod, evictionMaxPodGracePeriod). The node says at
// once that it is short.
type Soft struct {
	MemoryBytes            int64
	DiskPercent            int64
	MemoryGrace, DiskGrace time.Duration
	MostPodGrace           time.Duration // that a pod gets, if it has so much itself; 0 is a second
}

// softLeast is how much must be free of what signal s is about for how long, 0 if that
// does not matter.
func (k *Kubelet) softLeast(s signal) (least int64, grace time.Duration) {
	if s == memory {
		return k.soft.MemoryBytes, k.soft.MemoryGrace
	}
	return k.machine.Disk() / 100 * k.soft.DiskPercent, k.soft.DiskGrace
}

// scarceAt is the first instant from now on at which less than least is free.
func (k *Kubelet) scarceAt(s signal, now sim.Time, least int64) sim.Time {
	switch {
	case least == 0:
		return sim.Never
	case s == memory:
		return k.machine.MemoryScarceAt(now, least)
	}
	return k.machine.DiskScarceAt(now, least)
}

// met is what a pass finds of signal s: whether less is free than must be, by the soft
// or the hard threshold, and how much that is if it is time to act, 0 if not.
func (k *Kubelet) met(s signal, now sim.Time) (short bool, act int64) {
	e, least := &k.evictions, k.least(s)
	soft, grace := k.softLeast(s)
	gentle := k.scarceAt(s, now, soft) == now
	switch {
	case !gentle:
		e.softAt[s] = sim.Never
	case e.softAt[s] == sim.Never:
		e.softAt[s] = now
	}
	switch {
	case k.scarceAt(s, now, least) == now:
		return true, least
	case gentle && now.Sub(e.softAt[s]) >= grace:
		return true, soft
	}
	return gentle, 0
}

func (k *Kubelet) free(s signal, now sim.Time) int64 {
	if s == memory {
		return k.machine.MemoryFree(now)
	}
	return k.machine.DiskFree(now)
}

// aimEvictions has the first pass run, not before at, that may find something to
// do.
func (k *Kubelet) aimEvictions(at sim.Time) {
	if !k.running || k.machine.RuntimeDown() { // which measures
		return
	}
	e := &k.evictions
	next := sim.Never
	if e.leaving != 0 {
		next = at
	}
	for s := range signals {
		from := max(at, k.kernel.Now())
		soft, _ := k.softLeast(s)
		switch scarce := min(k.scarceAt(s, from, k.least(s)), k.scarceAt(s, from, soft)); {
		case e.pressed[s]:
			next = min(next, scarce, e.seenAt[s].Add(pressureStays))
		default:
			next = min(next, scarce)
		}
		if e.softAt[s] != sim.Never {
			next = min(next, from) // it may end
		}
	}
	k.aimImageGC(max(at, k.kernel.Now()))
	if next = min(next, k.overwrittenAt()); next != sim.Never {
		k.want(&k.evicting, whyEviction, max(at, next))
	}
}

// evictionPass is one look (synchronize).
func (k *Kubelet) evictionPass(now sim.Time) {
	if k.machine.RuntimeDown() {
		return
	}
	e := &k.evictions
	k.evicting.Ticker = sim.Ticker{Phase: now, Period: cleanupEvery}
	if e.leaving != 0 {
		if r := k.find(e.leaving); r != nil && r.stage != finished && now.Sub(e.leftAt) < cleanupMost {
			k.want(&k.evicting, whyEviction, now+1)
			return
		}
		e.leaving = 0
	}
	first, threshold := signals, int64(0)
	for s := range signals {
		short, act := k.met(s, now)
		if act > 0 && first == signals {
			first, threshold = s, act
		}
		switch {
		case short:
			e.seenAt[s] = now
			k.press(s, true)
		case now.Sub(e.seenAt[s]) >= pressureStays:
			k.press(s, false)
		}
	}
	if !k.evictWriters(now) && first < signals {
		k.reclaim(first, now, threshold)
	}
	if e.leaving == 0 {
		k.evicting.Period = evictEvery
	}
	k.aimEvictions(now + 1)
}

// press has the node say whether it is short of something, with its next status.
func (k *Kubelet) press(s signal, pressed bool) {
	if e := &k.evictions; e.pressed[s] != pressed {
		e.pressed[s] = pressed
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// reclaim gets some of what is short back: of the disk by removing dead containers and
// images that nobody uses, all of them, and if that is not enough by evicting a pod.
func (k *Kubelet) reclaim(s signal, now sim.Time, threshold int64) {
	k.client.Note(k.node, true, "EvictionThresholdMet", "Attempting to reclaim "+s.String())
	if s == disk && k.machine.CollectContainers()+k.machine.CollectImages(now, k.machine.Disk()) > 0 && k.scarceAt(s, now, threshold) > now {
		return
	}
	r := k.worst(s, now)
	if r == nil {
		return
	}
	e := &k.evictions
	e.leaving, e.leftAt = r.pod.ID, now
	grace := evictGrace
	if threshold != k.least(s) {
		grace = max(min(k.soft.MostPodGrace, time.Duration(r.pod.Spec.GraceSeconds)*time.Second), evictGrace)
	}
	k.evict(r, byPressure, grace, fmt.Sprintf("The node was low on resource: %v. Threshold quantity: %s, available: %s. %s",
		s, quantity(threshold), quantity(max(k.free(s, now), 0)), r.blame(s, now)))
}

// evict fails a pod (evictPod). One that is going already has no more than that grace
// left.
func (k *Kubelet) evict(r *row, by ouster, grace time.Duration, message string) {
	now := k.kernel.Now()
	r.ousted, r.oustBy, r.why = by, grace, message
	k.client.Note(r.face(), true, "Evicted", message)
	if r.stage == terminating && now.Add(r.grace()) < r.killAt {
		k.killContainers(r)
		return
	}
	k.trigger(r, now)
}

// uses is how much of what is short a pod has, and how much it asked for.
func (r *row) uses(s signal, now sim.Time) (used, asked int64) {
	if s == memory {
		return r.box.MemoryUsed(now), r.pod.Spec.Request.MemoryBytes
	}
	return r.box.DiskUsed(now), r.pod.Spec.Request.EphemeralBytes
}

// evictable tells whether a pod may be evicted: a critical or static one never is; one
// that is terminating is, as long as its containers may run and its object is there
// (pkg/kubelet/kubelet_pods.go GetActivePods).
func (r *row) evictable() bool {
	return r != nil && r.stage < terminated && r.box != nil && !r.gone && r.ousted != byPressure && r.ousted != byLimit &&
		r.static == nil && !r.pod.Spec.Critical()
}

// worst is the pod to be evicted, nil if there is none (rankMemoryPressure,
// rankDiskPressureFunc): first who uses more than they asked for, then the lower
// priority, then by how much more.
func (k *Kubelet) worst(s signal, now sim.Time) *row {
	var worst *row
	for _, r := range k.rows {
		if r.evictable() && (worst == nil || r.before(worst, s, now)) {
			worst = r
		}
	}
	return worst
}

func (r *row) before(o *row, s signal, now sim.Time) bool {
	used, asked := r.uses(s, now)
	oUsed, oAsked := o.uses(s, now)
	within := func(used, asked int64) int {
		if used > asked {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(within(used, asked), within(oUsed, oAsked)),
		cmp.Compare(r.pod.Spec.Priority, o.pod.Spec.Priority),
		cmp.Compare(oUsed-oAsked, used-asked),
		cmp.Compare(r.hash, o.hash),
	) < 0
}

// blame names the containers that use more than they asked for (evictionMessage).
func (r *row) blame(s signal, now sim.Time) string {
	var text strings.Builder
	for i := range r.box.Processes {
		p, c := &r.box.Processes[i], containerOf(r.pod.Spec, i)
		used, asked := p.MemoryUsed(now), c.Requests.MemoryBytes
		if s == disk {
			used, asked = p.DiskUsed(now), c.Requests.EphemeralBytes
		}
		if used > asked {
			fmt.Fprintf(&text, "Container %s was using %s, request is %s, has larger consumption of %v. ", c.Name, quantity(used), quantity(asked), s)
		}
	}
	return text.String()
}

// evictWriters evicts, all in one pass, the pods of which a container wrote more
// than its limit of ephemeral storage (localStorageEviction), and tells whether
// there were any. Volumes of a limited size are not modeled.
func (k *Kubelet) evictWriters(now sim.Time) bool {
	any := false
	for _, r := range k.rows {
		if !r.evictable() {
			continue
		}
		for i := range r.box.Processes {
			c := containerOf(r.pod.Spec, i)
			if limit := c.Limits.EphemeralBytes; limit > 0 && r.box.Processes[i].DiskUsed(now) > limit {
				k.evict(r, byLimit, evictGrace, fmt.Sprintf("Container %s exceeded its local ephemeral storage limit %q. ", c.Name, quantity(limit)))
				any = true
				break
			}
		}
	}
	return any
}

// overwrittenAt is when a container will first have written more than its limit.
func (k *Kubelet) overwrittenAt() sim.Time {
	first, now := sim.Never, k.kernel.Now()
	for _, r := range k.rows {
		if !r.evictable() {
			continue
		}
		for i := range r.box.Processes {
			if limit := containerOf(r.pod.Spec, i).Limits.EphemeralBytes; limit > 0 {
				first = min(first, r.box.Processes[i].WrittenAt(now, limit))
			}
		}
	}
	return first
}

// quantity is bytes as Kubernetes prints them.
func quantity(bytes int64) string {
	for i, unit := range []string{"Gi", "Mi", "Ki"} {
		if size := int64(1) << (30 - 10*i); bytes > 0 && bytes%size == 0 {
			return strconv.FormatInt(bytes/size, 10) + unit
		}
	}
	return strconv.FormatInt(bytes, 10)
}

// admitUnderPressure is the eviction manager's say about a new pod (Admit): a
// node short of memory takes no BestEffort pods, unless they tolerate it, and one
// short of disk takes none at all; critical and static ones it always takes.
func (k *Kubelet) admitUnderPressure(pod *model.Pod) (reason, message string) {
	p := &k.evictions.pressed
	if *p == (pressures{}) || pod.Mirror() || pod.Spec.Critical() {
		return "", ""
	}
	var conditions []string
	if p[memory] {
		conditions = append(conditions, "MemoryPressure")
	}
	if p[disk] {
		conditions = append(conditions, "DiskPressure")
	} else if pod.Spec.QoS() != model.BestEffort ||
		model.Tolerated(pod.Spec.Tolerations, &model.Taint{Key: model.TaintMemoryPressure, Effect: model.NoSchedule}) {
		return "", ""
	}
	return "Evicted", "The node had condition: [" + strings.Join(conditions, " ") + "]. "
}

package kubelet

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Node-pressure eviction (pkg/kubelet/eviction/eviction_manager.go): every 10 s
// a pass looks whether the machine is short of something. While it is, and for 5
// minutes after, the node says so; and each pass fails one pod, the one that
// uses the most beyond what it asked for, waits until it is gone, and looks
// again at once. A pod's use is taken as it is; the real one is up to 15 s old.
const (
	evictEvery     = 10 * time.Second // monitoringInterval, from the end of the pass before
	pressureStays  = 5 * time.Minute  // evictionPressureTransitionPeriod, from when it was last seen
	evictGrace     = time.Second      // immediateEvictionGracePeriodSeconds
	cleanupEvery   = time.Second      // podCleanupPollFreq
	cleanupMost    = 30 * time.Second // podCleanupTimeout
	memoryTooScant = 100 << 20        // the default of evictionHard memory.available
)

// evictions is the eviction manager.
type evictions struct {
	pressed bool     // the node is to say MemoryPressure
	seenAt  sim.Time // when a pass last found too little
	leaving uint32   // the pod that a pass waits for, 0 if none
	leftAt  sim.Time // since when
}

// MemoryChanged implements runtime.Observer.
func (k *Kubelet) MemoryChanged() {
	if k.running {
		k.aimEvictions()
	}
}

// aimEvictions has the first pass run that will find something to do.
func (k *Kubelet) aimEvictions() {
	now, e := k.kernel.Now(), &k.evictions
	at := k.machine.MemoryScarceAt(now, memoryTooScant)
	switch {
	case e.leaving != 0:
		at = now
	case e.pressed && at > e.seenAt.Add(pressureStays):
		at = e.seenAt.Add(pressureStays)
	}
	if at != sim.Never {
		k.want(&k.evicting, whyEviction, at)
	}
}

// evictionPass is one look (synchronize).
func (k *Kubelet) evictionPass(now sim.Time) {
	e := &k.evictions
	if e.leaving != 0 {
		if r := k.find(e.leaving); r != nil && r.stage != finished && now.Sub(e.leftAt) < cleanupMost {
			k.evicting.Ticker = sim.Ticker{Phase: now, Period: cleanupEvery}
			k.want(&k.evicting, whyEviction, now+1)
			return
		}
		e.leaving = 0
	}
	k.evicting.Ticker = sim.Ticker{Phase: now, Period: evictEvery}
	if k.machine.MemoryScarceAt(now, memoryTooScant) == now {
		e.seenAt = now
		k.press(true)
		k.evictFor(now, k.machine.MemoryFree(now))
	} else if now.Sub(e.seenAt) >= pressureStays {
		k.press(false)
	}
	if e.leaving != 0 {
		k.evicting.Ticker.Period = cleanupEvery
	}
	k.want(&k.evicting, whyEviction, k.nextEviction(now))
}

// nextEviction is when the next pass may find something to do.
func (k *Kubelet) nextEviction(now sim.Time) sim.Time {
	switch e := &k.evictions; {
	case e.seenAt == now && e.pressed:
		return now + 1
	case e.pressed:
		return min(e.seenAt.Add(pressureStays), k.machine.MemoryScarceAt(now+1, memoryTooScant))
	}
	return max(now+1, k.machine.MemoryScarceAt(now, memoryTooScant))
}

// press has the node say whether it is short of memory, with its next status.
func (k *Kubelet) press(pressed bool) {
	if e := &k.evictions; e.pressed != pressed {
		e.pressed = pressed
		k.want(&k.nodeStatus, whyNodeStatus, k.kernel.Now())
	}
}

// candidate is a pod that may be evicted.
type candidate struct {
	row          *row
	used, wanted int64
}

// evictFor evicts one pod, the first by rank that is not critical (rankMemoryPressure:
// who uses more than they asked for, then the lower priority, then by how much
// more).
func (k *Kubelet) evictFor(now sim.Time, free int64) {
	k.client.Note(k.node, true, "EvictionThresholdMet", "Attempting to reclaim memory")
	var worst *candidate
	for _, r := range k.rows {
		if r == nil || r.stage != syncing || r.box == nil || r.evicted != "" || r.pod.Spec.Critical() {
			continue
		}
		c := candidate{r, r.box.MemoryUsed(now), r.pod.Spec.Request.MemoryBytes}
		if worst == nil || c.before(worst) {
			worst = &c
		}
	}
	if worst == nil {
		return
	}
	e := &k.evictions
	e.leaving, e.leftAt = worst.row.pod.ID, now
	worst.row.evicted = fmt.Sprintf("The node was low on resource: memory. Threshold quantity: %s, available: %s.%s",
		quantity(memoryTooScant), quantity(max(free, 0)), worst.blame(now))
	k.client.Note(worst.row.pod, true, "Evicted", worst.row.evicted)
	k.trigger(worst.row, now)
}

// before tells whether c is evicted before d.
func (c *candidate) before(d *candidate) bool {
	exceeds := func(c *candidate) int {
		if c.used > c.wanted {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(exceeds(c), exceeds(d)),
		cmp.Compare(c.row.pod.Spec.Priority, d.row.pod.Spec.Priority),
		cmp.Compare(d.used-d.wanted, c.used-c.wanted),
		cmp.Compare(c.row.hash, d.row.hash),
	) < 0
}

// blame names the containers that use more than they asked for (evictionMessage).
func (c *candidate) blame(now sim.Time) string {
	text := ""
	for i := range c.row.box.Processes {
		p, spec := &c.row.box.Processes[i], containerOf(c.row.pod.Spec, i)
		used := p.MemoryUsed(now)
		if used > spec.Requests.MemoryBytes {
			text += fmt.Sprintf(" Container %s was using %s, request is %s, has larger consumption of memory.", spec.Name, quantity(used), quantity(spec.Requests.MemoryBytes))
		}
	}
	return text
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

// admitUnderPressure is the eviction manager's say about a new pod: a node short
// of memory takes no BestEffort pods, unless they are critical or tolerate it.
func (k *Kubelet) admitUnderPressure(pod *model.Pod) (reason, message string) {
	if !k.evictions.pressed || pod.Spec.Critical() || pod.Spec.QoS() != model.BestEffort {
		return "", ""
	}
	if model.Tolerated(pod.Spec.Tolerations, &model.Taint{Key: model.TaintMemoryPressure, Effect: model.NoSchedule}) {
		return "", ""
	}
	return "Evicted", "The node had condition: [MemoryPressure]. "
}

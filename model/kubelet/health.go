package kubelet

import (
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// A container runtime that does not answer (pkg/kubelet/runtime.go, kubelet.go
// syncLoop, updateRuntimeUp; pleg/generic.go). Every call to it fails at once. Relists
// show nothing, so the pod cache stays what it was and whoever needs a newer one
// waits. When the last good status is 30 s old the main loop stalls: it sleeps, looks
// whether all is well, and acts upon nothing, neither what the API says nor what
// probes find, of which only their Events tell; and the node's next status says not
// ready. The lease is renewed as ever.
const (
	runtimeStale = 30 * time.Second // maxWaitForContainerRuntime
	plegStale    = 3 * time.Minute  // relistThreshold
	firstSleep   = 100 * time.Millisecond
	mostSleep    = 5 * time.Second
)

// unavailable is what a call to a runtime says that is not there.
const unavailable = "rpc error: code = Unavailable desc = connection error"

// health is what a kubelet knows of its runtime. A time that is not to come is
// Never.
type health struct {
	goodAt  sim.Time // the newest poll that was answered, as far as it counts; negative if none was in this run
	staleAt sim.Time // when the last good status is or was too old
	upAt    sim.Time // when the runtime was last started
	downAt  sim.Time // and when it last ended
	frozen  sim.Time // when there is or was none: the newest relist before
	stallAt sim.Time // when the main loop finds out, and begins to sleep
	awakeAt sim.Time // when it finds that all is well
	stalled bool     // it sleeps
}

// beginHealth is for a process that begins: the runtime's status is asked for
// once, and then every 5 s.
func (k *Kubelet) beginHealth(luck *sim.Stream) {
	now := k.kernel.Now()
	k.polling.Period, k.polling.Phase = pollEvery, now
	h := &k.health
	*h = health{goodAt: now, staleAt: sim.Never, stallAt: sim.Never, awakeAt: sim.Never, upAt: h.upAt, downAt: h.downAt}
	if k.synced { // it has long been running
		k.polling.Phase = now.Add(luck.Duration(0, pollEvery))
		h.goodAt = k.polling.Phase.Add(-pollEvery)
	}
}

// readyNow is what the node is to say of itself: that it is ready while its runtime answers
// and has a network for pods, and nobody shuts it down.
func (k *Kubelet) readyNow() (s model.ConditionStatus, reason string) {
	if now := k.kernel.Now(); now >= k.networkAt && now < k.health.staleAt && !k.closing.on {
		return model.True, "KubeletReady"
	}
	return model.False, "KubeletNotReady"
}

// StopRuntime implements fault.Machine.
func (k *Kubelet) StopRuntime() {
	wasDown := k.machine.RuntimeDown()
	k.machine.StopRuntime()
	if !wasDown {
		k.RuntimeChanged()
	}
}

// StartRuntime implements fault.Machine.
func (k *Kubelet) StartRuntime() {
	k.machine.StartRuntime()
	if !k.machine.RuntimeDown() {
		k.RuntimeChanged()
	}
}

// RuntimeChanged implements runtime.Observer.
func (k *Kubelet) RuntimeChanged() {
	if k.machine.RuntimeDown() {
		k.runtimeGone()
	} else {
		k.runtimeBack()
	}
}

// DaemonsBehind implements runtime.Observer: a kubelet that lacks CPU notices too late
// that a probe was answered.
func (k *Kubelet) DaemonsBehind() { k.allProbesChanged() }

// allProbesChanged has the probes of all pods counted anew from now on.
func (k *Kubelet) allProbesChanged() {
	for _, r := range k.rows {
		if r != nil && r.box != nil {
			k.ProbesChanged(r.box)
		}
	}
}

func (k *Kubelet) runtimeGone() {
	now := k.kernel.Now()
	frozen, h := k.lastRelist(now), &k.health
	h.downAt = now
	if !k.running {
		return
	}
	k.allProbesChanged()
	h.frozen = frozen
	if h.staleAt != sim.Never {
		h.awakeAt = sim.Never
	}
	if at, ok := k.polling.AtOrBefore(now); ok && at >= h.upAt && !k.literal {
		h.goodAt = max(h.goodAt, at)
	}
	if h.staleAt == sim.Never {
		h.staleAt = h.goodAt.Add(runtimeStale)
		k.kernel.Post(h.staleAt, k.self, whyStale, uint64(k.epoch))
	}
	for _, r := range k.rows {
		if r != nil {
			k.breakOff(r, now)
		}
	}
	k.loseInspections(now)
	k.aimImageGC(now)
	k.aimContainerGC()
}

func (k *Kubelet) runtimeBack() {
	now := k.kernel.Now()
	k.health.upAt = now
	if !k.running {
		return
	}
	k.want(&k.polling, whyPoll, now)
	k.allProbesChanged()
	for i := range k.slots {
		if n := k.slots[i].news; n != sim.Never {
			k.awaitRelist(n, now)
		}
		if r := k.rows[i]; r != nil && r.doing == unmounting && r.stepAt == sim.Never {
			_, unmount := k.machine.StopTime(r.hash)
			k.wait(r, unmounting, k.inspect(r).by.Add(unmount))
		}
	}
	k.inspectMissed()
	k.aimEvictions(now)
}

// polled is a look at the runtime's status. A good one ends a stall, as soon as a
// relist has succeeded, too, if the last one is long ago.
func (k *Kubelet) polled(now sim.Time) {
	h := &k.health
	if k.machine.RuntimeDown() {
		return
	}
	h.goodAt = now
	if now <= h.staleAt && h.staleAt != sim.Never {
		h.staleAt, h.stallAt = sim.Never, sim.Never // just in time
	}
	if h.staleAt == sim.Never || h.awakeAt != sim.Never {
		return
	}
	well := now
	if first := k.relist.next(h.upAt); first > h.frozen.Add(plegStale) {
		well = max(now, first)
	}
	if h.awakeAt = h.wakes(well); well < h.stallAt { // it has not noticed yet
		h.stallAt, h.awakeAt = sim.Never, well
	}
	k.kernel.Post(well, k.self, whyStale, uint64(k.epoch))
	k.kernel.Post(h.awakeAt, k.self, whyAwake, uint64(k.epoch))
}

// wakes is the first time not before at that the main loop wakes up to look.
func (h *health) wakes(at sim.Time) sim.Time {
	wake := h.stallAt.Add(firstSleep)
	for sleep := 2 * firstSleep; wake < at; sleep = min(2*sleep, mostSleep) {
		wake = wake.Add(sleep)
	}
	return wake
}

// healthDue is a time at which the node's status becomes another, or the main loop
// stalls or goes on.
func (k *Kubelet) healthDue(now sim.Time, why sim.Why, epoch uint64) {
	h := &k.health
	if !k.running || epoch != uint64(k.epoch) {
		return
	}
	switch {
	case why == whyAwake && now == h.stallAt:
		h.stalled = true
	case why == whyAwake && now == h.awakeAt:
		h.awakeAt, h.stallAt = sim.Never, sim.Never
		k.goOn(now)
	case why == whyStale && now == h.staleAt:
		// The loop waits for something to do before it looks, at most until its own
		// next tick. What it does that moment it still does.
		h.stallAt = k.work.AtOrAfter(now) + 1
		k.kernel.Post(h.stallAt, k.self, whyAwake, uint64(k.epoch))
		k.want(&k.nodeStatus, whyNodeStatus, now)
	case why == whyStale && h.awakeAt != sim.Never:
		h.staleAt = sim.Never
		k.want(&k.nodeStatus, whyNodeStatus, now)
	}
}

// goOn is the main loop going on after a stall.
func (k *Kubelet) goOn(now sim.Time) {
	if !k.health.stalled {
		return
	}
	k.health.stalled = false
	if !k.synced {
		k.want(&k.housekeeping, whyHousekeeping, now)
	}
	k.look()
	for i := range k.slots {
		if k.slots[i].lookAt != sim.Never {
			k.want(&k.work, whyWork, k.slots[i].lookAt)
		}
		if r := k.rows[i]; r != nil {
			k.scheduleProbes(r, now)
		}
	}
}

// breakOff fails what a pod's worker waits for from the runtime. Volumes that are
// being mounted count as a part of the sandbox; a hook goes on.
func (k *Kubelet) breakOff(r *row, now sim.Time) {
	switch {
	case r.doing == settingUp || r.doing == starting && !r.box.Ready:
		k.sandboxFailed(r, unavailable)
	case r.doing == starting:
		k.createFailed(r, unavailable)
	case r.doing == pulling:
		k.Pulled(r.pod.ID, runtime.Pull{Outcome: runtime.PullBroken})
	case r.stage == syncing && (r.doing == killing || r.doing == ending || r.doing == stopping), r.doing == resizing:
		r.forgetStops()
		r.failed = true
		k.endPass(r)
	case r.doing == killing || r.doing == stopping:
		k.stopFailed(r, unavailable)
	case r.doing == unmounting && r.stepEnd >= k.cacheAt(r, now):
		r.stepAt = sim.Never
	}
}

// mounted goes on with a pod whose volumes are mounted, and which had no runtime or no
// network plugin to make its sandbox when that began.
func (k *Kubelet) mounted(r *row, now sim.Time) {
	switch {
	case k.machine.RuntimeDown():
		k.sandboxFailed(r, unavailable)
		return
	case k.networkless(r):
		k.sandboxFailed(r, noSetup)
		return
	}
	k.askSandbox(r, now)
}

func (k *Kubelet) sandboxFailed(r *row, why string) {
	k.client.Note(r.face(), true, "FailedCreatePodSandBox", "Failed to create pod sandbox: "+why)
	r.failed = true
	k.endPass(r)
}

// stopFailed ends a terminating step without success. Each housekeeping has the worker of a pod whose
// object is gone try again; here it does at the main loop's next tick after that
// (pod_workers.go removeTerminatedWorker).
func (k *Kubelet) stopFailed(r *row, why string) {
	if r.stage == terminating {
		k.client.Note(r.face(), true, "FailedKillPod", "error killing pod: "+why)
	}
	r.forgetStops()
	if !r.gone {
		k.endStep(r, errorRetry)
		return
	}
	k.endStep(r, 0)
	k.queueAt(r, k.housekeeping.AtOrAfter(k.kernel.Now()+1))
}

// forgetStops has containers that were being stopped be stopped anew, hooks and grace
// and all.
func (r *row) forgetStops() {
	for i := range r.containers {
		r.containers[i].stopBy, r.containers[i].termAt, r.containers[i].asleep = 0, 0, 0
	}
}

package kubelet

import (
	"time"

	"orrery/model/runtime"
	"orrery/sim"
)

// orphanGrace is what a running pod gets that nobody knows any more
// (pkg/kubelet/kubelet_pods.go HandlePodCleanups).
const orphanGrace = time.Second

// terminate begins to stop a pod (pkg/kubelet/kubelet.go SyncTerminatingPod).
// From here the worker never goes back.
func (k *Kubelet) terminate(r *row) {
	r.stage = terminating
	k.queueAt(r, sim.Never)
	k.stop(r)
}

// stop stops what runs of a pod. Without a runtime it fails, and is tried again. Once it has
// begun nothing hurries it: a shorter grace, an eviction and a shutdown cancel the context of
// the pod's worker, but containers are stopped in another one (kubernetes/kubernetes#83916,
// which v1.35 still has).
func (k *Kubelet) stop(r *row) {
	r.stoppedFor, r.stoppedWhy = r.ousted, r.why
	k.publish(r, false)
	if k.machine.RuntimeDown() {
		k.stopFailed(r, unavailable)
		return
	}
	r.doing = killing
	k.killContainers(r)
	k.stopNext(r)
}

// grace is how long the pod's containers have from SIGTERM to SIGKILL: what
// the API says, else the spec, and at least a second.
func (r *row) grace() time.Duration {
	seconds := r.pod.Spec.GraceSeconds
	if r.pod.Deleting() {
		seconds = r.pod.GraceSeconds
	}
	if r.orphan {
		return orphanGrace
	}
	grace := max(time.Duration(seconds)*time.Second, time.Second)
	if r.oustBy > 0 {
		grace = min(grace, r.oustBy)
	}
	return grace
}

// hasten gives a pod that is ousted no more than so much grace.
func (r *row) hasten(grace time.Duration) {
	if r.oustBy == 0 || grace < r.oustBy {
		r.oustBy = grace
	}
}

// killContainers begins to stop all containers that ran as the kubelet has it, also those that have
// ended meanwhile (pkg/kubelet/container/helpers.go ConvertPodStatusToRunningPod). Those of a pod that
// nobody knows are what the runtime says.
func (k *Kubelet) killContainers(r *row) {
	if r.box == nil {
		return
	}
	cache := k.cacheAt(r, k.kernel.Now())
	for i := range r.box.Processes {
		if r.box.Processes[i].Running || !r.orphan && r.sight(i, cache) == running {
			k.client.Note(r.face(), false, "Killing", "Stopping container "+containerOf(r.pod.Spec, i).Name)
			k.beginStop(r, i, r.grace())
		}
	}
}

// beginStop stops a container: its preStop hook runs, for at most the grace, and
// what that leaves, less the time that it waits for its turn, is the time from SIGTERM to SIGKILL:
// of both only whole seconds are taken off, of each by itself
// (pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer). The hook of a
// container that is stopped again, by a process after this one, runs again. So does that of one that
// has ended: a sleep lasts as long as ever, a command or a request finds nobody.
func (k *Kubelet) beginStop(r *row, i int, grace time.Duration) {
	now, c, runs := k.kernel.Now(), &r.containers[i], r.box.Processes[i].Running
	c.termAt, c.asleep, c.hookFails, c.asked = now, 0, false, false
	if !r.orphan {
		hook, fails := k.machine.PreStop(r.box, i)
		sleeps := k.machine.PreStopSleeps(r.box, i)
		if !runs && !sleeps {
			hook, fails = 0, hook > 0
		}
		if c.termAt, c.hookFails = now.Add(min(grace, hook)), fails && hook < grace; sleeps {
			c.asleep = c.termAt
		}
	}
	c.stopBy = c.termAt.Add(grace - c.termAt.Sub(now).Truncate(time.Second))
	switch {
	case c.termAt > now:
		k.termLater(r, c.termAt)
	case runs:
		k.term(r, i)
	default:
		k.preStopOver(r, c)
	}
}

func (k *Kubelet) termLater(r *row, at sim.Time) {
	k.kernel.Post(at, k.self, whyTerm, k.aboutPod(r))
}

// termsDue has the containers of a pod whose hooks are over get SIGTERM.
func (k *Kubelet) termsDue(now sim.Time, about uint64) {
	r := k.awaited(about)
	if r == nil || r.box == nil {
		return
	}
	awake := false
	for i := range r.containers {
		switch c, p := &r.containers[i], &r.box.Processes[i]; {
		case c.stopBy == 0 || c.termAt > now || c.asked:
		case p.Running:
			k.preStopOver(r, c)
			k.term(r, i)
		default:
			awake = awake || c.asleep == now
		}
	}
	if awake {
		k.goOnStopping(r)
	}
}

// stops tells whether the kill of the ith container is not over: while it runs, and as long as a sleep
// goes on before its stop, which does not end with it (pkg/kubelet/lifecycle/handlers.go
// runSleepHandler).
func (r *row) stops(i int, now sim.Time) bool {
	return r.box.Processes[i].Running || r.containers[i].asleep > now
}

// goOnStopping goes on when a container that is stopped has ended, or the sleep before its stop has.
func (k *Kubelet) goOnStopping(r *row) {
	switch {
	case r.doing == ending, r.doing == killing && r.stage == terminating:
		k.stopNext(r)
	case r.doing == killing && !r.stops(int(r.cursor), k.kernel.Now()):
		r.doing = nothing
		k.kill(r)
	}
}

// preStopOver says so if a hook that is over has failed. The stop goes on
// (kuberuntime_container.go executePreStopHook).
func (k *Kubelet) preStopOver(r *row, c *container) {
	if c.hookFails {
		c.hookFails = false
		k.client.Note(r.face(), true, "FailedPreStopHook", "PreStopHook failed")
	}
}

// term sends SIGTERM to a container, if it is its turn: sidecars stop after all
// others, the last first, but wait no longer than the grace
// (kuberuntime_termination_order.go waitForTurn).
func (k *Kubelet) term(r *row, i int) {
	if (r.stage == terminating || r.doing == ending) && k.kernel.Now() < r.containers[i].stopBy && !r.hasTurn(i, k.kernel.Now()) {
		k.termLater(r, r.containers[i].stopBy)
		return
	}
	k.sendStop(r, i)
}

// hasTurn tells whether all containers that stop before the ith have ended: before a sidecar the app
// containers do, and the next sidecar if that is being stopped, too, but no other init container
// (newTerminationOrdering).
func (r *row) hasTurn(i int, now sim.Time) bool {
	spec := r.pod.Spec
	if i >= len(spec.InitContainers) || plainInit(spec, i) || r.orphan {
		return true
	}
	for j := len(spec.InitContainers); j < len(r.containers); j++ {
		if r.stops(j, now) {
			return false
		}
	}
	for j := i + 1; j < len(spec.InitContainers); j++ {
		if spec.InitContainers[j].Sidecar {
			return !r.stops(j, now) && (r.containers[j].stopBy == 0 || r.hasTurn(j, now))
		}
	}
	return true
}

// sendStop gives a container what is left of its grace; begun seconds are not taken
// off (killContainer).
func (k *Kubelet) sendStop(r *row, i int) {
	c := &r.containers[i]
	left := c.stopBy.Sub(k.kernel.Now()) + time.Second - 1
	c.asked = true
	k.machine.Stop(r.box, i, max(left.Truncate(time.Second), runtime.MinimumKill))
}

// stopNext goes on when a container has ended: with the sidecar whose turn it is, or
// with the sandbox.
func (k *Kubelet) stopNext(r *row) {
	if r.box == nil {
		k.stopped(r)
		return
	}
	alive, now := false, k.kernel.Now()
	for i := range r.box.Processes {
		c, p := &r.containers[i], &r.box.Processes[i]
		alive = alive || r.stops(i, now)
		if p.Running && !c.asked && c.stopBy > 0 && c.termAt <= now && r.hasTurn(i, now) {
			k.sendStop(r, i)
		}
	}
	if alive {
		return
	}
	switch {
	case !r.box.Ready:
		k.stopped(r)
		return
	case k.networkless(r):
		k.stopFailed(r, noTeardown)
		return
	}
	sandbox, _ := k.machine.StopTime(r.hash)
	k.wait(r, stopping, now.Add(sandbox))
}

// stopped is the end of the terminating step: nothing of the pod runs, so the
// terminal phase may be shown. The next step waits for a relist and for the
// volumes. If the pod is still syncing, it is the end of a pass that stopped its sidecars.
func (k *Kubelet) stopped(r *row) {
	now := k.kernel.Now()
	if r.stage == syncing {
		k.machine.StopSandbox(r.box)
		r.forgetStops()
		k.endStep(r, 0)
		k.changed(r)
		return
	}
	r.stage, r.stepEnd = terminated, now
	if r.box != nil {
		k.machine.StopSandbox(r.box)
		k.machine.Retire(r.box)
	}
	_, unmount := k.machine.StopTime(r.hash)
	k.publish(r, true)
	k.release(r)
	k.share(r.pod.ID) // also what one had that was rejected and ran on
	k.roomMade(r.pod.ID)
	k.podKilled(now)
	k.wait(r, unmounting, k.inspect(r).by.Add(unmount))
}

// finish is the end of the terminated step: nothing of the pod runs or is
// mounted, and its object may go. What ended stays on the machine's records as
// long as the object does, but for the containers of a pod that was evicted or preempted, which the
// kubelet removes within a minute, here at once (ShouldPodContentBeRemoved).
func (k *Kubelet) finish(r *row) {
	r.stage, r.doing = finished, nothing
	if k.closing.on {
		k.kernel.Post(k.kernel.Now(), k.self, whyClosing, uint64(k.epoch))
	}
	k.letGo(r)
	k.unfollow(r)
	if r.box != nil {
		k.machine.TearDown(r.box)
	}
	if (r.stoppedFor == byPressure || r.stoppedFor == byLimit || r.stoppedFor == byCritical) && r.box != nil && k.machine.RemoveContainers(r.box) > 0 {
		k.DiskChanged()
	}
	switch {
	case r.gone:
		k.drop(r)
	case r.pod.Deleting():
		r.remove = true
		k.enqueue(r)
	}
}

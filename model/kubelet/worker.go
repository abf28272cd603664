package kubelet

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// podSeen takes a version of a pod from the watch.
func (k *Kubelet) podSeen(pod *model.Pod) {
	r := k.find(pod.ID)
	if r == nil {
		k.podAdded(pod)
		return
	}
	if pod.ResourceVersion <= r.pod.ResourceVersion {
		return
	}
	was, now := r.pod, k.kernel.Now()
	r.pod = pod
	k.resizeNews(r, was)
	switch {
	case r.stage == syncing && (pod.Deleting() || pod.Phase.Terminal() || updated(was, pod)):
		k.trigger(r, now)
	case r.runsRefused() && pod.Deleting():
		k.takeUp(r)
	case r.stage == finished && pod.Deleting() && !r.remove:
		r.remove = true
		k.enqueue(r)
	}
	k.heedGates(r)
	k.doubt(r)
}

// updated tells whether a version of a pod differs from the one before so that it is looked at now, be
// it in the middle of a wait after an error (pkg/kubelet/config/config.go podsDifferSemantically;
// what it asks for is seen to by resizeNews).
func updated(was, pod *model.Pod) bool {
	return pod.DeletionCost != was.DeletionCost || !slices.Equal(pod.Labels, was.Labels)
}

// podAdded admits a pod the kubelet has not seen before, or takes up one that
// an earlier process of this kubelet has run.
func (k *Kubelet) podAdded(pod *model.Pod) {
	r := k.add(pod)
	now := k.kernel.Now()
	if pod.Phase.Terminal() && (r.box == nil || !r.box.Alive()) {
		r.stage, r.charged = finished, r.box != nil && r.box.Admitted
		if r.box != nil {
			k.machine.Retire(r.box)
		}
		k.release(r)
		switch {
		case pod.Deleting() && k.machine.Stuck(pod.ID):
			r.stage, r.doing, r.stuck = terminated, unmounting, true
		case pod.Deleting(): // the process before had all but deleted it
			r.remove = true
			k.enqueue(r)
		}
		return
	}
	known := r.box != nil && r.box.Admitted
	if !pod.Deleting() && !pod.Phase.Terminal() {
		reason, message, victims := k.admitFound(r)
		if reason != "" {
			k.reject(r, reason, message)
			return
		}
		r.inTheWay = numbers(victims)
	}
	if r.box != nil {
		k.adopt(r)
		k.aimEvictions(now) // it may have written too much
	}
	k.remount(r)
	if known || !pod.Deleting() {
		k.charge(r)
	}
	if known {
		k.readmitted(r)
	}
	if pod.Spec.ActiveDeadline > 0 {
		since := now
		if pod.StartedAt > 0 {
			since = pod.StartedAt
		}
		r.deadline = model.WholeSecond(since).Add(pod.Spec.ActiveDeadline)
	}
	k.makeRoom(r)
}

// podGone is told that a pod's object is no more. What runs of it gets the
// grace it would have had, but counts no more when others are admitted
// (pkg/kubelet/kubelet.go HandlePodRemoves, kubelet_pods.go GetActivePods).
func (k *Kubelet) podGone(pod uint32) {
	if k.own(pod) != pod {
		k.mirrorGone(pod)
		return
	}
	r := k.find(pod)
	if r == nil {
		return
	}
	r.gone = true
	k.release(r)
	switch {
	case r.stage == syncing:
		k.trigger(r, k.kernel.Now())
	case r.runsRefused():
		k.takeUp(r)
	case r.stage == finished:
		k.drop(r)
	}
}

// runsRefused tells whether a pod was rejected that runs on.
func (r *row) runsRefused() bool {
	return r.refused && r.stage == finished && r.box != nil && r.box.Alive()
}

// takeUp gives such a pod a worker when it is deleted, which stops it as any other
// (pod_workers.go UpdatePod).
func (k *Kubelet) takeUp(r *row) {
	r.stage, r.refused = syncing, false
	k.trigger(r, k.kernel.Now())
}

// adoptReady is how long before the kubelet a container must have started to
// keep its ready state over the kubelet's restart
// (pkg/kubelet/status, feature ChangeContainerStatusOnKubeletRestart off).
const adoptReady = 10 * time.Second

// adopt takes over from the API what the process before knew about a pod that
// the machine has.
func (k *Kubelet) adopt(r *row) {
	if len(r.pod.Containers) != len(r.containers) {
		return
	}
	first := len(r.pod.Spec.InitContainers)
	for i := range r.containers {
		p, c := &r.box.Processes[i], &r.containers[i]
		if i >= first && p.Instances > 0 && p.StartedAt >= r.box.MadeAt {
			r.initialized = r.box.Ready
		}
		if p.Running && p.StartedAt.Add(adoptReady) < k.startedAt && p.StartedAt == r.pod.Containers[i].StartedAt {
			c.ready, c.started = r.pod.Containers[i].Ready, r.pod.Containers[i].Started
		}
	}
}

// trigger has a pod's worker look again: now, or when the step it is in is
// over and a relist has shown what came of it
// (pkg/kubelet/pod_workers.go: a step waits for a pod cache newer than the
// end of the step before).
func (k *Kubelet) trigger(r *row, now sim.Time) {
	switch {
	case r.doing == attaching && r.ends(): // its wait is cut short
		r.doing = nothing
		k.sync(r, now)
	case r.doing != nothing:
		r.pending = true
	case r.stepEnd < k.cacheAt(r, now):
		k.sync(r, now)
	default:
		k.expect(r, r.stepEnd)
	}
}

// StartupChanged implements runtime.Observer: probes will have other answers.
func (k *Kubelet) StartupChanged(box *runtime.Sandbox) {
	if !k.running {
		return
	}
	if r := k.find(box.Pod.ID); r != nil && r.box == box {
		k.scheduleProbes(r, k.kernel.Now())
	}
}

// workDue looks at the pods whose time in the work queue has come.
func (k *Kubelet) workDue(now sim.Time) {
	if k.health.stalled {
		return
	}
	next := sim.Never
	for i := range k.slots {
		if s := &k.slots[i]; s.lookAt <= now {
			s.lookAt = sim.Never
			k.trigger(k.rows[i], now)
		}
		next = min(next, k.slots[i].lookAt)
	}
	if next != sim.Never {
		k.want(&k.work, whyWork, next)
	}
}

// queueAt puts the pod into the work queue.
func (k *Kubelet) queueAt(r *row, at sim.Time) {
	k.slot(r).lookAt = at
	if at != sim.Never {
		k.want(&k.work, whyWork, at)
	}
}

// sync is one step of a pod's worker (pkg/kubelet/kubelet.go SyncPod).
func (k *Kubelet) sync(r *row, now sim.Time) {
	if r.stage == terminating && r.doing == nothing {
		k.stop(r)
	}
	if r.stage != syncing {
		return
	}
	if r.awaitsRoom() && !r.ends() {
		return
	}
	r.pending = false
	if r.static != nil {
		k.reflect(r.static)
	}
	if !r.overdue && now >= r.deadline {
		r.overdue = true
		k.client.Note(r.face(), false, reasonOverdue, messageOverdue)
	}
	if r.ends() {
		k.terminate(r)
		return
	}
	k.queueAt(r, r.deadline)
	if k.publish(r, false).Terminal() { // the next step stops what is left of it
		r.over = true
		k.queueAt(r, sim.Never)
		k.endStep(r, 0)
		k.expect(r, now)
		return
	}
	if now < k.networkAt && !r.pod.Spec.HostNetwork && (r.box == nil || !r.box.Ready) {
		if !r.awaitsNet { // once, where a kubelet repeats the Event at every look
			r.awaitsNet = true
			k.client.Note(r.face(), true, "NetworkNotReady", networkNotReady)
		}
		k.endStep(r, networkRetry)
		return
	}
	k.pass(r, now)
}

// networkNotReady is what pods are told until the runtime has found a configuration of the
// network (pkg/kubelet/kubelet.go SyncPod and updateRuntimeUp, in containerd's words).
const networkNotReady = "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady " +
	"message:Network plugin returns error: cni plugin not initialized"

// ends tells whether a pod is not to run any more.
func (r *row) ends() bool {
	return r.over || r.gone || r.ousted != nobody || r.pod.Deleting() || r.pod.Phase.Terminal()
}

// Requeue times (pkg/kubelet/pod_workers.go completeWork, kubelet.go). Each is
// stretched 1 to 1.5 times. A sync without error is looked at again after 60
// to 90 s in Kubernetes; as that look finds nothing the other ways have not
// shown, it is no event here.
const (
	errorRetry   = 10 * time.Second
	networkRetry = time.Second
	crashRetry   = 60 * time.Second // at most, for a container in crash back-off
)

// endStep ends a step. With a delay the pod is looked at again.
func (k *Kubelet) endStep(r *row, delay time.Duration) {
	now := k.kernel.Now()
	r.doing, r.stepEnd = nothing, now
	if delay > 0 {
		luck := k.luck.requeue.Draw(r.hash, uint64(k.epoch)<<32|r.looks)
		r.looks++
		k.queueAt(r, min(r.deadline, now.Add(luck.Duration(delay, delay+delay/2))))
	}
	if r.pending {
		r.pending = false
		k.trigger(r, now)
	}
}

// wait has the worker go on after what it is doing, at a time.
func (k *Kubelet) wait(r *row, what doing, at sim.Time) {
	r.doing, r.stepAt = what, at
	k.kernel.Post(at, k.self, whyStep, k.aboutPod(r))
}

// step goes on with what a pod's worker waited for.
func (k *Kubelet) step(now sim.Time, about uint64) {
	r := k.awaited(about)
	if r == nil || r.stepAt != now {
		return
	}
	if k.cannotWrite(r) {
		return
	}
	switch r.doing {
	case attaching:
		k.volumesDue(r, now)
	case mounting:
		k.mounted(r, now)
	case resizing:
		k.actuated(r, now)
	case settingUp, starting:
		k.proceed(r, now)
	case hooking:
		if _, fails := k.machine.PostStart(r.box, int(r.cursor)); fails {
			k.postStartFailed(r)
			return
		}
		k.next(r, now)
	case stopping:
		k.stopped(r)
	case unmounting:
		if r.stuck = k.machine.Stuck(r.pod.ID); !r.stuck {
			k.finish(r)
		}
	}
}

// proceed makes the sandbox that a worker has waited for, and starts the container, unless
// it has waited for too long. Each needs a process, at least.
func (k *Kubelet) proceed(r *row, now sim.Time) {
	switch {
	case r.late && r.doing == settingUp:
		k.sandboxFailed(r, tooLate)
		return
	case !r.box.Ready && k.machine.Full():
		k.sandboxFailed(r, noFork)
		return
	}
	k.setUp(r)
	if r.doing == settingUp {
		k.next(r, now)
		return
	}
	i := int(r.cursor)
	switch {
	case k.machine.DiskFull():
		k.createFailed(r, noSpace)
		return
	case r.late:
		k.createFailed(r, tooLate)
		return
	}
	if !k.machine.Forks(r.box) {
		r.containers[i].reason = runFailed
		k.unstarted(r, i, true)
		k.client.Note(r.face(), true, "Failed", "Error: failed to create containerd task: "+noFork)
		k.giveUp(r, i)
		k.next(r, now)
		return
	}
	k.start(r, i)
	if hook, _ := k.machine.PostStart(r.box, i); hook > 0 {
		k.wait(r, hooking, now.Add(hook))
		return
	}
	k.next(r, now)
}

// noFork is what fork says where there may be no more processes (EAGAIN).
const noFork = "resource temporarily unavailable"

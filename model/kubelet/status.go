package kubelet

import (
	"slices"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// publish makes the pod's status from what the kubelet has seen and, if it
// differs from the last one, gives it to the status writer. It returns the
// phase the pod is in; a terminal one is shown only when final, that is, when
// nothing of the pod runs (pkg/kubelet/kubelet_pods.go generateAPIPodStatus,
// status/status_manager.go mergePodStatus).
func (k *Kubelet) publish(r *row, final bool) model.Phase {
	if r.refused {
		return r.shown.Phase
	}
	now := k.kernel.Now()
	cache := k.cacheAt(r, now)
	if final {
		cache = sim.Never
	}
	last := r.basis()
	var buffer [8]model.ContainerStatus
	statuses := r.statuses(buffer[:0], cache)
	phase := r.phase(statuses, final)
	if final {
		r.closeStatuses(statuses)
	}
	next := *last
	next.Spec = r.pod.Spec // a status tells of a resize to this one
	// Of a static pod that is what its file says: no phase.
	api := r.pod
	switch {
	case phase.Terminal():
	case last.Phase.Terminal(): // as was said when it was rejected
		phase = last.Phase
	case api.Phase.Terminal(): // as somebody else said
		phase = api.Phase
	}
	next.Phase = max(last.Phase, phase)
	if phase.Terminal() && !final {
		next.Phase = last.Phase
	}
	switch {
	case api.Phase.Terminal():
		next.Phase, next.Reason, next.Message = api.Phase, api.Reason, api.Message
	case final:
		r.explain(&next, phase, now)
	}
	if next.StartedAt == 0 {
		next.StartedAt = now
	}
	r.conditions(&next, phase, statuses, now, cache)
	next.Containers = last.Containers
	if !slices.Equal(statuses, last.Containers) {
		next.Containers = slices.Clone(statuses)
	}
	next.Resize = r.resizeShown(last.Resize, cache)
	k.noteResized(r, last, &next)
	r.noteShown(last, &next, now)
	if r.shown == nil || !sameStatus(last, &next) {
		k.show(r, next)
	}
	k.aimProbes(r, now)
	return phase
}

// explain says in the last status of a pod why its kubelet ended it. That of one that was
// ousted begins as Failed with a reason, which stay only if its containers do not make it
// another phase: if all exit with 0 it has succeeded, and nothing is left of it but the
// condition (pkg/kubelet/kubelet.go SyncTerminatingPod, kubelet_pods.go generateAPIPodStatus).
func (r *row) explain(next *model.Pod, phase model.Phase, now sim.Time) {
	switch {
	case r.overdue: // which is asked again at the end (ShouldEvict)
		next.Reason, next.Message = reasonOverdue, messageOverdue
	case r.stoppedFor != nobody && phase == model.PodFailed:
		next.Reason, next.Message = oustedFor[r.stoppedFor], r.stoppedWhy
	}
	if r.stoppedFor != nobody && r.stoppedFor != byLimit { // localStorageEviction says nothing of that condition
		set(&next.Disrupted, true, "", now)
		next.Disrupted.Reason = model.ReasonKubeletTerminates
	}
}

// What is said of a pod whose activeDeadlineSeconds are over
// (pkg/kubelet/active_deadline.go).
const (
	reasonOverdue  = "DeadlineExceeded"
	messageOverdue = "Pod was active on the node longer than the specified deadline"
)

// show makes next the newest status.
func (k *Kubelet) show(r *row, next model.Pod) {
	c := &next
	r.shown, r.sent = c, false
	if !r.gone {
		r.dirty = true
		k.enqueue(r)
	}
}

// sameStatus tells whether the kubelet's part of two pods' status is the same.
// When a condition changed does not count.
func sameStatus(a, b *model.Pod) bool {
	return a.Phase == b.Phase && a.Reason == b.Reason && a.Message == b.Message && a.IP == b.IP &&
		a.Ready.Status == b.Ready.Status && a.ContainersUp.Status == b.ContainersUp.Status &&
		a.Initialized.Status == b.Initialized.Status && a.Sandbox.Status == b.Sandbox.Status &&
		slices.Equal(a.Containers, b.Containers) && a.Resize.Same(b.Resize)
}

// statuses appends the status of every container
// (kubelet_pods.go convertToAPIContainerStatuses).
func (r *row) statuses(out []model.ContainerStatus, cache sim.Time) []model.ContainerStatus {
	for i := range r.containers {
		out = append(out, r.status(i, cache))
	}
	return out
}

func (r *row) status(i int, cache sim.Time) model.ContainerStatus {
	var s model.ContainerStatus
	c := &r.containers[i]
	saw := r.sight(i, cache)
	if saw == unseen {
		s.Reason = r.whyWaiting(i)
		return s
	}
	p := &r.box.Processes[i]
	s.Restarts, s.StartedAt, s.FinishedAt, s.ExitCode = p.Instances-1, p.StartedAt, p.FinishedAt, p.ExitCode
	s.OOMKilled = p.FinishedAt > 0 && p.Cause == runtime.OOMKilled
	if p.StartedAt >= cache {
		s.Restarts--
	}
	if saw == running {
		if !p.Running { // it has ended, but nobody saw that yet
			s.FinishedAt, s.ExitCode, s.OOMKilled = r.lastEnd(i)
		}
		s.State = model.ContainerRunning
		plain := plainInit(r.pod.Spec, i)
		s.Started = !plain && r.hasStarted(i)
		s.Ready = s.Started && (containerOf(r.pod.Spec, i).Readiness == nil || c.ready)
		return s
	}
	s.State, s.Reason, s.EndedBefore = model.ContainerTerminated, endReason(p), p.EndedBefore
	if plainInit(r.pod.Spec, i) {
		s.Ready = p.ExitCode == 0
	}
	if c.reason != noReason && !r.pod.Deleting() && r.startsAgain(i, cache) {
		s.State, s.Reason, s.EndedBefore = model.ContainerWaiting, waitingNames[c.reason], 0
	}
	return s
}

// startsAgain tells whether a container that has ended counts as one that waits: if it is to
// start again, but not an init container that ended with 0, not even a sidecar; nor does it
// matter how one has ended that went with the sandbox before (kubelet_pods.go
// convertToAPIContainerStatuses).
func (r *row) startsAgain(i int, cache sim.Time) bool {
	code := r.box.Processes[i].ExitCode
	if i >= len(r.pod.Spec.InitContainers) {
		return restarts(r.pod.Spec, i, code)
	}
	return r.box.Ready && r.sightHere(i, cache) == unseen || code != 0 && restarts(r.pod.Spec, i, code)
}

// What is said of a container that waits when its pod has ended.
const (
	reasonNotFound = "ContainerStatusUnknown"
	codeNotFound   = 137
)

// closeStatuses has containers that still wait have failed when nothing of their pod runs
// any more: app containers if the API shows that the pod was initialized, init containers up to
// the last that has begun, or the first (pkg/kubelet/status/status_manager.go TerminatePod).
func (r *row) closeStatuses(statuses []model.ContainerStatus) {
	first := len(r.pod.Spec.InitContainers)
	begun := min(1, first)
	for i := range first {
		if s := &statuses[i]; s.State != model.ContainerWaiting || s.FinishedAt > 0 {
			begun = i + 1
		}
	}
	initialized := r.shownInitialized()
	for i := range statuses {
		s := &statuses[i]
		if app := i >= first; s.State == model.ContainerWaiting && (i < begun || app && initialized) {
			s.State, s.Reason, s.ExitCode, s.OOMKilled = model.ContainerTerminated, reasonNotFound, codeNotFound, false
			s.EndedBefore, s.FinishedAt = s.FinishedAt, 0
		}
	}
}

// shownInitialized tells whether the API shows that the pod's init containers once were
// done, if it has any (hasPodInitialized).
func (r *row) shownInitialized() bool {
	init, shown := r.pod.Spec.InitContainers, r.pod.Containers
	switch {
	case len(init) == 0:
		return true
	case len(shown) != len(r.containers):
		return false
	}
	for i := range shown[len(init):] {
		if s := &shown[len(init)+i]; s.State != model.ContainerWaiting || s.FinishedAt > 0 {
			return true
		}
	}
	last := &shown[len(init)-1]
	if init[len(init)-1].Sidecar {
		return last.State == model.ContainerRunning && last.Started
	}
	return last.FinishedAt > 0 && last.ExitCode == 0
}

// lastEnd is the last end of a container that was shown.
func (r *row) lastEnd(i int) (at sim.Time, code int32, oomKilled bool) {
	if r.shown == nil || i >= len(r.shown.Containers) {
		return 0, 0, false
	}
	s := &r.shown.Containers[i]
	return s.FinishedAt, s.ExitCode, s.OOMKilled
}

func (r *row) whyWaiting(i int) string {
	c := &r.containers[i]
	switch {
	case c.reason != noReason && !r.pod.Deleting():
		return waitingNames[c.reason]
	case len(r.pod.Spec.InitContainers) > 0: // also when they are done
		return "PodInitializing"
	}
	return "ContainerCreating"
}

// endReason is the reason of a terminated container as containerd gives it
// (containerd/internal/cri/server/container_status.go).
func endReason(p *runtime.Process) (reason string) {
	switch {
	case p.Cause == runtime.OOMKilled:
		return "OOMKilled"
	case p.Cause == runtime.Lost:
		return "Unknown"
	case p.ExitCode == 0:
		return "Completed"
	}
	return "Error"
}

// tally counts containers for the phase.
type tally struct {
	pendingInit, waiting, running, stopped, succeeded int

	overInit, over int // of init containers that failed, and of others that stopped, those that do not start again
}

// count sorts the containers by what they say about the pod's phase.
func (r *row) count(statuses []model.ContainerStatus) tally {
	var t tally
	spec := r.pod.Spec
	for i := range statuses {
		s := &statuses[i]
		hadEnd := s.FinishedAt > 0
		plain, sidecar := plainInit(spec, i), i < len(spec.InitContainers) && spec.InitContainers[i].Sidecar
		switch {
		case plain && hadEnd && s.State != model.ContainerRunning:
			if s.ExitCode != 0 && !restarts(spec, i, s.ExitCode) {
				t.overInit++
			}
		case plain:
			t.pendingInit++
		case sidecar && s.State == model.ContainerRunning:
			t.running++
			if !s.Started && !r.initialized {
				t.pendingInit++
			}
		case sidecar && hadEnd: // how does not matter
		case sidecar:
			t.pendingInit++
		case s.State == model.ContainerRunning:
			t.running++
		case s.State == model.ContainerWaiting && !hadEnd:
			t.waiting++
		default:
			t.stopped++
			if !restarts(spec, i, s.ExitCode) {
				t.over++
			}
			if s.State == model.ContainerTerminated && s.ExitCode == 0 {
				t.succeeded++
			}
		}
	}
	return t
}

// phase is where the pod is in its life (kubelet_pods.go getPhase). A pod whose app
// containers all ended for good is terminal when its sidecars have, too. One that is
// stopped has succeeded if they all exited with 0, whoever stopped it, and has failed if
// not.
func (r *row) phase(statuses []model.ContainerStatus, final bool) model.Phase {
	spec := r.pod.Spec
	t := r.count(statuses)
	apps := len(spec.Containers)
	if r.overdue {
		return model.PodFailed
	}
	if final {
		if t.succeeded == apps {
			return model.PodSucceeded
		}
		return model.PodFailed
	}
	over := t.stopped == apps && t.over == apps && t.running == 0
	switch {
	case t.overInit > 0:
		return model.PodFailed
	case t.pendingInit > 0 || t.waiting > 0:
		return model.PodPending
	case over && t.succeeded == apps:
		return model.PodSucceeded
	case over:
		return model.PodFailed
	}
	return model.PodRunning
}

// conditions sets the pod's conditions (pkg/kubelet/status/generate.go). Those
// of a terminal phase are shown before the phase is.
func (r *row) conditions(p *model.Pod, phase model.Phase, statuses []model.ContainerStatus, now, cache sim.Time) {
	spec := r.pod.Spec
	initialized, begun, up := true, false, true
	for i := range statuses {
		s := &statuses[i]
		switch {
		case plainInit(spec, i):
			initialized = initialized && s.Ready
		case i < len(spec.InitContainers):
			initialized = initialized && s.Started
			up = up && s.Ready
		default:
			up, begun = up && s.Ready, begun || s.State != model.ContainerWaiting
		}
	}
	initialized = initialized || begun // whatever sidecars do later, while not all wait
	notUp, notInit := "ContainersNotReady", "ContainersNotInitialized"
	if phase.Terminal() {
		up = false
		notUp = "PodFailed"
		if phase == model.PodSucceeded {
			notUp, initialized = "PodCompleted", true
		}
	}
	box := r.box != nil && r.box.Ready && r.box.MadeAt < cache
	if box {
		p.IP = r.box.IP
	}
	set(&p.Scheduled, true, "", now) // which no scheduler says of a pod that was made for this node
	set(&p.Sandbox, box, "", now)
	set(&p.Initialized, initialized, notInit, now)
	if phase == model.PodSucceeded { // which is said of this condition although it holds
		p.Initialized.Reason = notUp
	}
	set(&p.ContainersUp, up, notUp, now)
	if up && r.face().Gated() {
		up, notUp = false, "ReadinessGatesNotReady"
	}
	set(&p.Ready, up, notUp, now)
}

// heedGates has a pod looked at when what its readiness gates ask for has changed
// (status_manager.go NeedToReconcilePodReadiness).
func (k *Kubelet) heedGates(r *row) {
	if p := r.face(); len(r.pod.Spec.ReadinessGates) > 0 && r.stage == syncing && p.IsReady() != (p.ContainersUp.Status == model.True && !p.Gated()) {
		k.trigger(r, k.kernel.Now())
	}
}

// set gives a condition its status; the time changes with the status only, or
// when the condition is set for the first time.
func set(c *model.Condition, holds bool, otherwise string, now sim.Time) {
	never := c.SinceAt == 0 && c.Reason == ""
	if status := model.BoolStatus(holds); never || c.Status != status {
		c.Status, c.SinceAt = status, now
	}
	c.Reason = otherwise
	if holds {
		c.Reason = ""
	}
}

// noteShown remembers since when containers are shown running, started or ended.
func (r *row) noteShown(last, next *model.Pod, now sim.Time) {
	for i := range next.Containers {
		if r.shown == nil || i >= len(last.Containers) || !sameStage(&last.Containers[i], &next.Containers[i]) {
			r.containers[i].shownAt = now
		}
	}
}

// sameStage tells whether two statuses are of one instance that runs, or has started, or has ended.
func sameStage(a, b *model.ContainerStatus) bool {
	runs := a.State == model.ContainerRunning
	return runs == (b.State == model.ContainerRunning) && a.StartedAt == b.StartedAt && (!runs || a.Started == b.Started)
}

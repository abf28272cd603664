package kubelet

import (
	"fmt"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// A pass is the part of a sync that changes the machine: kill what must go,
// make the sandbox, start the containers that are due, one after another
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod). It runs to its end
// whatever happens to the pod meanwhile. What needs no look at anything but
// the clock is one wait.

// pass begins one.
func (k *Kubelet) pass(r *row, now sim.Time) {
	if r.box == nil {
		r.box = k.machine.Add(r.asGranted(), r.hash)
		r.box.Admitted = r.charged
	}
	r.failed, r.requeue = false, 0
	if k.awaitVolumes(r, now) {
		return
	}
	cache := k.cacheAt(now)
	if !r.box.Ready && !r.getsSandbox(cache) {
		k.endPass(r)
		return
	}
	r.plan(cache)
	if !r.box.Ready {
		if r.box.Attempts > 0 {
			k.client.Note(r.face(), false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
		}
		mounted := now.Add(k.machine.VolumesTime(r.box))
		k.startProbes(r, mounted)
		if k.machine.RuntimeDown() || k.networkless(r) {
			k.wait(r, mounting, mounted)
			return
		}
		k.askSandbox(r, mounted)
		return
	}
	k.startProbes(r, now)
	if r.isLeftWithSidecars(cache) {
		r.doing = ending
		k.killContainers(r)
		k.stopNext(r)
		return
	}
	k.restartToResize(r)
	k.kill(r)
}

// isLeftWithSidecars tells whether all app containers have ended for good. Then the pass stops
// the sidecars and the sandbox, and only after that the status shows that the pod has ended
// (kuberuntime_manager.go computePodActions: KillPod).
func (r *row) isLeftWithSidecars(cache sim.Time) bool {
	if !r.initialized {
		return false
	}
	for i := len(r.pod.Spec.InitContainers); i < len(r.containers); i++ {
		if r.containers[i].wanted || r.sight(i, cache) != ended {
			return false
		}
	}
	return true
}

// askSandbox asks the runtime, at a time now or later, for a sandbox. The pass goes on when that
// is there, or when the kubelet has given it up.
func (k *Kubelet) askSandbox(r *row, at sim.Time) {
	by, inTime := k.machine.SandboxBy(r.box, at)
	if r.late = !inTime; r.late {
		k.wait(r, settingUp, by)
		return
	}
	k.next(r, by)
}

// askStart asks the runtime, at a time now or later, to create and start a container.
func (k *Kubelet) askStart(r *row, i int, at sim.Time) {
	by, inTime := k.machine.StartBy(r.box, i, at)
	r.late = !inTime
	k.wait(r, starting, by)
}

// CallChanged implements runtime.Observer: the call that a pod's worker waits for is over at
// another time than the worker was told.
func (k *Kubelet) CallChanged(box *runtime.Sandbox, a runtime.Answer) {
	r := k.find(box.Pod.ID)
	if !k.running || r == nil || r.box != box || r.doing != settingUp && r.doing != starting {
		return
	}
	r.late = !a.InTime
	if a.Starts {
		k.wait(r, starting, a.By)
		return
	}
	k.wait(r, settingUp, a.By)
}

// tooLate is what a kubelet says of a call to the runtime that it has given up
// (k8s.io/cri-client/pkg/remote_runtime.go).
const tooLate = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"

// setUp makes the sandbox that was waited for.
func (k *Kubelet) setUp(r *row) {
	if !r.box.Ready {
		k.machine.MakeSandbox(r.box)
	}
}

// plan marks the containers that the pass is to kill and to start. What a probe finds while
// the pass is under way is for the next one (kuberuntime_manager.go computePodActions).
func (r *row) plan(cache sim.Time) {
	spec := r.pod.Spec
	for i := range r.containers {
		c := &r.containers[i]
		c.wanted, c.killed, c.sentence = false, false, spared
	}
	if !r.box.Ready {
		r.initialized = false
	}
	if !r.planInit(cache) {
		return
	}
	r.initialized = true
	for i := len(spec.InitContainers); i < len(r.containers); i++ {
		c := &r.containers[i]
		switch r.sight(i, cache) {
		case unseen:
			c.wanted = true
		case running:
			if c.doomed {
				r.condemn(i, unhealthy)
				c.wanted = spec.RestartsKilled(containerOf(spec, i))
			}
		case ended:
			c.wanted = r.box.Ready && restarts(spec, i, r.box.Processes[i].ExitCode) || !r.box.Ready && r.runsAnew(i)
		}
	}
}

// getsSandbox tells whether a pod without a sandbox gets one: not if it had one, anything
// of it was ever created, and either its policy is Never, whatever its containers' are, or
// there is no app container to run. One that has not ended for all that hangs
// (kuberuntime_manager.go computePodActions).
func (r *row) getsSandbox(cache sim.Time) bool {
	created, apps, left := false, false, false
	for i := range r.containers {
		saw, app := r.sight(i, cache), i >= len(r.pod.Spec.InitContainers)
		created = created || saw != unseen
		apps = apps || app && saw != unseen
		left = left || app && (saw != ended || r.runsAnew(i))
	}
	if r.box.Attempts > 0 && created && r.pod.Spec.RestartPolicy == model.RestartNever {
		return false
	}
	return left || !apps
}

// runsAnew tells whether an app container that has ended is started in a new sandbox:
// there rules do not count, and of the policies only OnFailure does.
func (r *row) runsAnew(i int) bool {
	spec := r.pod.Spec
	return r.box.Processes[i].ExitCode != 0 || spec.PolicyOf(containerOf(spec, i)) != model.RestartOnFailure
}

// planInit marks the init containers to start, and tells whether all are done
// (kuberuntime_container.go computeInitContainerActions). It goes from the last to the
// first: the last one that has begun decides how far the pod is, and of those before it
// only sidecars matter, which are kept running. In a new sandbox all run again.
func (r *row) planInit(cache sim.Time) (done bool) {
	init := r.pod.Spec.InitContainers
	if len(init) == 0 {
		return true
	}
	last := len(init) - 1
	done = r.appRuns(cache)
	begun := done // one after this has
	for i := last; i >= 0; i-- {
		c, saw, sidecar := &r.containers[i], r.sightHere(i, cache), init[i].Sidecar
		over := saw == running && sidecar && r.hasStarted(i) || saw == ended && !sidecar && r.box.Processes[i].ExitCode == 0
		switch {
		case saw == unseen:
			c.wanted = c.wanted || begun && sidecar
			continue
		case begun && !sidecar:
			continue
		case over && i == last:
			done = true
		case over && !begun:
			r.containers[i+1].wanted = true
		}
		switch {
		case saw == running:
			if c.doomed {
				r.condemn(i, unhealthy)
				c.wanted = true
			}
		case over:
		case restarts(r.pod.Spec, i, r.box.Processes[i].ExitCode):
			c.wanted = true
		default: // the pod has failed
			for j := range init {
				r.containers[j].wanted = false
			}
			return false
		}
		begun = true
	}
	if !begun {
		r.containers[0].wanted = true
	}
	return done
}

// sightHere is what the kubelet believes about the ith container in the sandbox that is
// there.
func (r *row) sightHere(i int, cache sim.Time) sight {
	if !r.box.Ready || r.box.Processes[i].StartedAt < r.box.MadeAt {
		return unseen
	}
	return r.sight(i, cache)
}

// appRuns tells whether an app container runs, so that the init containers once were
// done.
func (r *row) appRuns(cache sim.Time) bool {
	for i := len(r.pod.Spec.InitContainers); i < len(r.containers); i++ {
		if r.sightHere(i, cache) == running {
			return true
		}
	}
	return false
}

// hasStarted tells whether a running container counts as started.
func (r *row) hasStarted(i int) bool {
	return containerOf(r.pod.Spec, i).Startup == nil || r.containers[i].started
}

// condemn has the pass kill a container that it saw running. If the pass starts it again, the
// back-off counts from the end of the instance before the killed one. Without a sandbox nothing
// is left to kill.
func (r *row) condemn(i int, why sentence) {
	c, p := &r.containers[i], &r.box.Processes[i]
	c.killed, c.killedFrom = true, 0
	if r.box.Ready {
		c.sentence = why
	}
	switch {
	case p.Instances > 1 && p.Running:
		c.killedFrom = p.FinishedAt
	case p.Instances > 1:
		c.killedFrom = p.EndedBefore
	}
}

// kill ends the containers that the pass is to kill, one after another, and then lets the pass
// go on. The Event comes with the kill (kuberuntime_container.go killContainer), also for a
// container that has ended by itself meanwhile.
func (k *Kubelet) kill(r *row) {
	for i := range r.containers {
		c := &r.containers[i]
		if c.sentence == spared {
			continue
		}
		k.client.Note(r.face(), false, "Killing", r.killMessage(i))
		if k.machine.RuntimeDown() {
			r.failed = true
			k.endPass(r)
			return
		}
		c.doomed, c.sentence = true, spared
		if r.box.Processes[i].Running {
			k.beginStop(r, i, c.killGrace)
			r.doing, r.cursor = killing, int16(i)
			return
		}
	}
	k.actuate(r)
}

// killMessage is what is said of a container that a pass kills (kuberuntime_manager.go
// computePodActions, kuberuntime_container.go computeInitContainerActions).
func (r *row) killMessage(i int) string {
	spec := r.pod.Spec
	c := containerOf(spec, i)
	if r.containers[i].sentence == toResize {
		return "Container " + c.Name + " resize requires restart"
	}
	failed := c.Name + " failed liveness probe"
	if !r.hasStarted(i) {
		failed = c.Name + " failed startup probe"
	}
	switch {
	case i < len(spec.InitContainers):
		return "Init container " + failed
	case spec.RestartsKilled(c):
		return "Container " + failed + ", will be restarted"
	}
	return "Container " + failed
}

// next goes on to the next container that is to start, the sandbox being
// there at a time, now or later. What is sure of one that has never run and whose image
// is here is one wait; all others are asked about when the sandbox is there, once for
// each start, as a restart that is let through makes the next one wait longer.
func (k *Kubelet) next(r *row, at sim.Time) {
	now := k.kernel.Now()
	for i := range r.containers {
		c := &r.containers[i]
		if !c.wanted {
			continue
		}
		if at > now && (r.box.Processes[i].Instances > 0 || !k.hasImage(containerOf(r.pod.Spec, i))) {
			k.wait(r, settingUp, at)
			return
		}
		if k.refused(r, i, now) {
			k.giveUp(r, i)
			continue
		}
		switch k.image(r, i) {
		case imageHere:
			r.cursor, r.fetched = int16(i), false
			k.askStart(r, i, at)
			return
		case imageAsked:
			r.cursor = int16(i)
			return
		}
		k.giveUp(r, i)
	}
	if at > now {
		k.wait(r, settingUp, at)
		return
	}
	k.endPass(r)
}

// giveUp leaves a container for a later pass. Nothing comes after an init
// container.
func (k *Kubelet) giveUp(r *row, i int) {
	r.failed = true
	r.containers[i].wanted = false
	if plainInit(r.pod.Spec, i) {
		for j := range r.containers {
			r.containers[j].wanted = false
		}
	}
}

func (k *Kubelet) endPass(r *row) {
	for i := range r.containers {
		r.containers[i].killed = false
	}
	switch {
	case r.requeue > 0:
		k.endStep(r, min(r.requeue, crashRetry))
	case r.failed:
		k.endStep(r, errorRetry)
	default:
		k.endStep(r, 0)
	}
}

// start runs a container that was created.
func (k *Kubelet) start(r *row, i int) {
	c := &r.containers[i]
	c.wanted, c.ready, c.started, c.doomed, c.reason, c.termAt, c.stopBy = false, false, false, false, noReason, 0, 0
	c.restartProbes()
	k.machine.Start(r.box, i)
	k.note(r, i, model.Note{Reason: model.StartedContainer, Started: true, Present: !r.fetched})
}

// note tells of a container of a pod.
func (k *Kubelet) note(r *row, i int, n model.Note) {
	n.Container, n.Init = containerOf(r.pod.Spec, i), i < len(r.pod.Spec.InitContainers)
	k.client.NoteContainer(r.face(), n)
}

// unstarted tells what has been done for a container that could not be started in the
// end.
func (k *Kubelet) unstarted(r *row, i int, created bool) {
	if !r.fetched {
		k.note(r, i, model.Note{Reason: model.PulledImage})
	}
	if created {
		k.note(r, i, model.Note{Reason: model.CreatedContainer})
	}
}

// createFailed is a container that the runtime could not create. The Event has the description
// of a gRPC error without its code (kuberuntime_container.go startContainer).
func (k *Kubelet) createFailed(r *row, why string) {
	i := int(r.cursor)
	r.containers[i].reason = createError
	k.unstarted(r, i, false)
	if _, says, coded := strings.Cut(why, " desc = "); coded {
		why = says
	}
	k.client.Note(r.face(), true, "Failed", "Error: "+why)
	k.giveUp(r, i)
	k.next(r, k.kernel.Now())
}

// noSpace is what a runtime says on a full disk.
const noSpace = "no space left on device"

// postStartFailed is a postStart hook that failed, or the end of its container in the
// middle of it. A container that runs is killed, hook, grace and all, before the pass
// goes on (pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer).
func (k *Kubelet) postStartFailed(r *row) {
	i := int(r.cursor)
	r.containers[i].reason = hookFailed
	k.client.Note(r.face(), true, "FailedPostStartHook", "PostStartHook failed")
	k.giveUp(r, i)
	if r.box.Processes[i].Running && !k.machine.RuntimeDown() {
		r.doing = killing
		k.client.Note(r.face(), false, "Killing", "FailedPostStartHook")
		k.beginStop(r, i, time.Duration(r.pod.Spec.GraceSeconds)*time.Second)
		return
	}
	k.next(r, k.kernel.Now())
}

// imageState is what came of looking for an image.
type imageState uint8

const (
	imageHere imageState = iota
	imageAsked
	imageMissing
)

// image sees to a container's image (pkg/kubelet/images/image_manager.go
// EnsureImageExists): it is here, or the pass waits for a pull, or gives up.
func (k *Kubelet) image(r *row, i int) imageState {
	spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
	if k.machine.RuntimeDown() {
		c.reason = inspectFailed
		k.client.Note(r.face(), true, "InspectFailed", fmt.Sprintf("Failed to inspect image %q: %s", spec.Image, unavailable))
		k.noImage(r, c.reason)
		return imageMissing
	}
	if k.hasImage(spec) {
		return imageHere
	}
	now := k.kernel.Now()
	if reason, why := unpullable(spec); reason != noReason {
		if c.reason != reason {
			if reason == neverPull {
				k.client.Note(r.face(), true, "ErrImageNeverPull", why)
			} else {
				k.client.Note(r.face(), true, "InspectFailed", why)
			}
			k.noImage(r, reason)
		}
		c.reason = reason
		return imageMissing
	}
	if b := r.pulls(i); b.left(b.at, now) > 0 {
		if c.reason != pullBackoff {
			k.client.Note(r.face(), false, "BackOff", fmt.Sprintf("Back-off pulling image %q", spec.Image))
			k.noImage(r, pullBackoff)
		}
		c.reason = pullBackoff
		return imageMissing
	}
	r.doing, r.cursor, r.stepAt = pulling, int16(i), now
	k.note(r, i, model.Note{Reason: model.PullingImage})
	k.machine.Pull(r.pod, spec)
	return imageAsked
}

// noImage tells that a container cannot be started because of its image, which it does
// after it has told why, and of both only once in a row
// (kuberuntime_container.go startContainer).
func (k *Kubelet) noImage(r *row, why waiting) {
	k.client.Note(r.face(), true, "Failed", "Error: "+waitingNames[why])
}

// hasImage tells whether a container's image is here and nobody has to be asked.
func (k *Kubelet) hasImage(c *model.Container) bool {
	return c.PullPolicy != model.PullAlways && k.machine.Cached(c.Image)
}

// unpullable is why a container's image that is not here is not asked for at all.
func unpullable(c *model.Container) (reason waiting, why string) {
	switch {
	case !runtime.ValidImage(c.Image):
		return invalidImage, fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: invalid reference format", c.Image, c.Image)
	case c.PullPolicy == model.PullNever:
		return neverPull, fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
	}
	return noReason, ""
}

// pullErrors is what the runtime or the kubelet itself says of a pull that failed.
var pullErrors = [...]string{
	runtime.PullFailed:   "registry is unavailable",
	runtime.PullTimedOut: "dial tcp: i/o timeout",
	runtime.PullLimited:  "429 Too Many Requests",
	runtime.PullTooFast:  "pull QPS exceeded",
	runtime.PullBroken:   unavailable,
	runtime.PullNoSpace:  noSpace,
}

// pullError is what is said of a pull that failed.
func (k *Kubelet) pullError(o runtime.Outcome) string {
	if o == runtime.PullUnwritten {
		return "failed to copy: failed to open writer: " + errnoText[k.machine.Unwritten()]
	}
	return pullErrors[o]
}

// Pulled implements runtime.Observer. A failure makes the next attempts wait
// longer and longer, counted from the failure.
func (k *Kubelet) Pulled(pod uint32, pull runtime.Pull) {
	r := k.find(pod)
	if !k.running || r == nil || r.doing != pulling {
		return
	}
	now, i := k.kernel.Now(), int(r.cursor)
	spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
	switch pull.Outcome {
	case runtime.PulledNow, runtime.PullNeedless:
		k.note(r, i, model.Note{Reason: model.PulledImage, Message: fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			spec.Image, now.Sub(pull.BegunAt).Truncate(time.Millisecond), now.Sub(r.stepAt).Truncate(time.Millisecond), pull.Bytes)})
	default:
		r.pulls(i).next(now, now, DefaultMostBackoff)
		c.reason = pullError
		k.client.Note(r.face(), true, "Failed", fmt.Sprintf("Failed to pull image %q: %s", spec.Image, k.pullError(pull.Outcome)))
		k.noImage(r, pullError)
		k.giveUp(r, i)
		k.next(r, now)
		return
	}
	r.fetched = true
	k.askStart(r, i, now)
}

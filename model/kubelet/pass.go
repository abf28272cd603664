package kubelet

import (
	"slices"
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
	r.failed, r.backAt = false, 0
	k.follow(r)
	if !k.awaitVolumes(r, now) {
		r.mountAt = now
		k.mount(r, now)
	}
}

// mount goes on with a pass when nothing keeps the pod's volumes from being mounted any more.
func (k *Kubelet) mount(r *row, now sim.Time) {
	cache := k.cacheAt(r, now)
	if !r.box.Ready && !r.getsSandbox(cache) {
		k.endPass(r)
		return
	}
	isThrough := r.plan(cache)
	if !r.box.Ready {
		if r.box.Attempts > 0 {
			k.client.Note(r.face(), false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
		}
		mounted := max(now, r.mountAt.Add(k.machine.VolumesTime(r.box)))
		k.expectToken(r, mounted)
		k.startProbes(r, mounted)
		if k.machine.RuntimeDown() || k.networkless(r) {
			k.wait(r, mounting, mounted)
			return
		}
		k.askSandbox(r, mounted)
		return
	}
	k.startProbes(r, now)
	if isThrough {
		r.doing = ending
		k.killContainers(r)
		k.stopNext(r)
		return
	}
	k.restartToResize(r)
	k.kill(r)
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

// next goes on to the next container that is to start, the sandbox being there at a time, now
// or later. What is sure is one wait; all others are asked about when the sandbox is there, once
// for each start, as a restart that is let through makes the next one wait longer.
func (k *Kubelet) next(r *row, at sim.Time) {
	now := k.kernel.Now()
	for i := range r.containers {
		c := &r.containers[i]
		if !c.wanted {
			continue
		}
		if at > now && !k.startsSurely(r, i) {
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
			if !k.misconfigured(r, i) {
				k.askStart(r, i, at)
				return
			}
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

// startsSurely tells whether nothing will keep a container from being created when its sandbox is
// there: it has never run, its image is here, and its environment needs nothing that may be missing.
func (k *Kubelet) startsSurely(r *row, i int) bool {
	c := containerOf(r.pod.Spec, i)
	reads := slices.ContainsFunc(c.Env, func(u model.ConfigUse) bool { return u.Known })
	return r.box.Processes[i].Instances == 0 && k.hasImage(c) && !c.RootDenied && !reads
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
	case r.backAt > 0: // which may be over: others of the pod were pulled and started meanwhile
		k.endStep(r, max(1, min(r.backAt.Sub(k.kernel.Now()), crashRetry)))
	case r.failed:
		k.endStep(r, errorRetry)
	default:
		k.endStep(r, 0)
	}
}

// start runs a container that was created.
func (k *Kubelet) start(r *row, i int) {
	c := &r.containers[i]
	c.wanted, c.ready, c.started, c.doomed, c.reason, c.termAt, c.asleep, c.stopBy = false, false, false, false, noReason, 0, 0, 0
	c.restartProbes()
	if k.layout != nil {
		k.layout.releaseInits(r.pod.ID, r.pod.Spec, i)
	}
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
// middle of it. The container is killed, hook, grace and all, also one that has ended, before the
// pass goes on (pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer).
func (k *Kubelet) postStartFailed(r *row) {
	i := int(r.cursor)
	r.containers[i].reason = hookFailed
	k.client.Note(r.face(), true, "FailedPostStartHook", "PostStartHook failed")
	k.giveUp(r, i)
	k.client.Note(r.face(), false, "Killing", "FailedPostStartHook")
	if !k.machine.RuntimeDown() {
		r.doing = killing
		if k.beginStop(r, i, time.Duration(r.pod.Spec.GraceSeconds)*time.Second); r.stops(i, k.kernel.Now()) {
			return
		}
	}
	k.next(r, k.kernel.Now())
}

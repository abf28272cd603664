package kubelet

import (
	"orrery/model"
	"orrery/sim"
)

// What a pass is to do is planned before it does anything, from what the kubelet believes and
// nothing else (pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions).

// plan marks the containers that the pass is to kill and to start. What a probe finds while
// the pass is under way is for the next one (kuberuntime_manager.go computePodActions). It tells
// whether no app container of an initialized pod is left to run: all have ended for good, or are to be
// killed for good. Then the pass stops everything, sidecars and sandbox and all, with the pod's
// grace, and only after that the status shows that the pod has ended (KillPod).
func (r *row) plan(cache sim.Time) (isThrough bool) {
	spec := r.pod.Spec
	for i := range r.containers {
		c := &r.containers[i]
		c.wanted, c.killed, c.sentence = false, false, spared
	}
	if !r.box.Ready {
		r.initialized = false
	}
	if !r.planInit(cache) {
		return false
	}
	r.initialized, isThrough = true, true
	for i := len(spec.InitContainers); i < len(r.containers); i++ {
		c := &r.containers[i]
		saw := r.sight(i, cache)
		switch saw {
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
		isThrough = isThrough && !c.wanted && (c.killed || saw == ended)
	}
	return isThrough
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

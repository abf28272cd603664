package kubelet

// A pass first ends what its plan has condemned, then it starts anything.

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
		if k.beginStop(r, i, c.killGrace); r.stops(i, k.kernel.Now()) {
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

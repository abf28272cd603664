package kubelet

import (
	"time"

	"orrery/sim"
)

// The container collector (v1.35 pkg/kubelet/kubelet.go StartGarbageCollection,
// kuberuntime/kuberuntime_gc.go) asks the runtime every minute. What it would remove is
// removed when it can be (finish, runtime.Machine), so that only its failures are events.
const containerGCEvery = time.Minute // ContainerGCPeriod

// beginContainerGC is the collector of a process that starts, which looks at once, when there is a
// runtime, or of one that has long been running.
func (k *Kubelet) beginContainerGC(looks *sim.Stream) {
	var first time.Duration
	if k.synced {
		first = looks.Duration(0, containerGCEvery)
	}
	k.containerGC.Ticker = sim.Ticker{Phase: k.kernel.Now().Add(first), Period: containerGCEvery}
}

// aimContainerGC has the collector look if it will fail.
func (k *Kubelet) aimContainerGC() {
	if k.running && k.machine.RuntimeDown() {
		k.want(&k.containerGC, whyContainerGC, k.kernel.Now())
	}
}

// collectContainers is one look, which fails without a runtime.
func (k *Kubelet) collectContainers(now sim.Time) {
	if k.machine.RuntimeDown() {
		k.client.Note(k.node, true, "ContainerGCFailed", unavailable)
		k.want(&k.containerGC, whyContainerGC, now+1)
	}
}

package kubelet

import (
	"fmt"

	"orrery/model"
)

// The CPU manager with the policy static (pkg/kubelet/cm/cpumanager): containers of
// Guaranteed pods that ask for whole CPUs have them for themselves, from admission until
// the pod has ended, and without a quota; all others share the rest. CPUs that are reserved,
// rounded up, are never given away. Which CPUs those are makes no difference here: sockets,
// cores, NUMA nodes and the topology manager are not modeled. The others leave them at
// once, not within the 10 s of the reconcile loop, and so do processes of the system, which
// in fact may run there, too.

// exclusively tells why a pod cannot have the CPUs it wants for itself, "" if it can. It is
// asked before it is looked whether the node has as much free as the pod asks for.
func (k *Kubelet) exclusively(spec *model.PodSpec) (message string) {
	if !k.staticCPUs {
		return ""
	}
	left := k.machine.UnpinnedCPUs()
	for i := range len(spec.InitContainers) + len(spec.Containers) {
		n := spec.ExclusiveCPUs(containerOf(spec, i))
		if n > left {
			return fmt.Sprintf("Allocate failed due to not enough cpus available to satisfy request: requested=%d, available=%d, which is unexpected", n, left)
		}
		if !plainInit(spec, i) { // whose CPUs are used again
			left -= n
		}
	}
	return ""
}

// pin gives a pod that is admitted its CPUs, or takes them back.
func (k *Kubelet) pin(spec *model.PodSpec, times int64) {
	if n := spec.PodExclusiveCPUs(); k.staticCPUs && n > 0 {
		k.machine.Pin(n * times)
	}
}

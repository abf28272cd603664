package kubelet

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// GPUs are devices of a plugin, which registers them with each process of the kubelet anew.
// Until it has there are none: the node's status says so, and no container that needs one is let
// in but those that run already (v1.35 pkg/kubelet/cm/devicemanager/manager.go readCheckpoint,
// devicesToAllocate). So a restart of the kubelet costs no pod anything, and the boot of
// a machine all pods with devices. The plugin itself is not modeled, and when it registers is our
// estimate: it finds a new process soon, and after a boot is a pod that has to start first. A
// machine that the cloud has just made has its devices from its registration.
var (
	pluginTime      = sim.Uniform(time.Second, 5*time.Second)    // from the start of the process
	pluginStartTime = sim.Uniform(5*time.Second, 15*time.Second) // from the network, after a boot
)

// expectDevices is for a process that starts.
func (k *Kubelet) expectDevices() {
	luck := k.luck.devices.Draw(k.hash, uint64(k.epoch))
	switch {
	case k.isNew || k.ownDevices() == 0:
		k.devicesAt = -1
	case k.rebooted:
		k.devicesAt = k.networkAt.Add(pluginStartTime.Draw(&luck))
	default:
		k.devicesAt = k.startedAt.Add(pluginTime.Draw(&luck))
	}
}

// ownDevices is how many the machine has.
func (k *Kubelet) ownDevices() int64 { return k.first.Allocatable.ExtendedCount(model.ResourceGPU) }

// devices is how many the kubelet knows of.
func (k *Kubelet) devices() int64 {
	if k.kernel.Now() < k.devicesAt {
		return 0
	}
	return k.ownDevices()
}

// devicesDiffer tells whether the node says otherwise.
func (k *Kubelet) devicesDiffer() bool {
	return k.node.Allocatable.ExtendedCount(model.ResourceGPU) != k.devices()
}

// setDevices has a node say how many it has, and tells whether that is news.
func setDevices(n *model.Node, count int64) bool {
	if n.Allocatable.ExtendedCount(model.ResourceGPU) == count {
		return false
	}
	n.Capacity, n.Allocatable = n.Capacity.WithExtended(model.ResourceGPU, count), n.Allocatable.WithExtended(model.ResourceGPU, count)
	return true
}

// withoutDevices tells why a pod cannot have its devices, "" if it can, or needs none.
func (k *Kubelet) withoutDevices(pod *model.Pod) (reason, message string) {
	if k.kernel.Now() >= k.devicesAt {
		return "", ""
	}
	box := k.machine.Sandbox(pod.ID)
	for i := range len(pod.Spec.InitContainers) + len(pod.Spec.Containers) {
		needs := containerOf(pod.Spec, i).Requests.ExtendedCount(model.ResourceGPU) > 0
		if runs := box != nil && box.Processes[i].Running; needs && (k.synced || !runs) {
			return unexpected, "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices " + model.ResourceGPU + ", which is unexpected"
		}
	}
	return "", ""
}

package cluster

import (
	"orrery/model/kubelet"
	"orrery/model/runtime"
)

// Kubelet is a node's kubelet, which is not hollow.
func (x *Cluster) Kubelet(node uint32) *kubelet.Kubelet { return x.kubelets[node].(*kubelet.Kubelet) }

// Sandboxes is the pods on a node's machine, none if the node is hollow or there is no
// machine any more.
func (x *Cluster) Sandboxes(node uint32) []*runtime.Sandbox {
	if k, real := x.kubelets[node].(*kubelet.Kubelet); real {
		return k.Machine().Sandboxes()
	}
	return nil
}

// Crash has a component's process on a machine of the control plane exit.
func (x *Cluster) Crash(component string, machine int) { x.replicas[component][machine].Crash() }

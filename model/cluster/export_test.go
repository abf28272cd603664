package cluster

import "orrery/model/kubelet"

// Kubelet is a node's kubelet, which is not hollow.
func (x *Cluster) Kubelet(node uint32) *kubelet.Kubelet { return x.kubelets[node].(*kubelet.Kubelet) }

// Crash has a component's process on a machine of the control plane exit.
func (x *Cluster) Crash(component string, machine int) { x.replicas[component][machine].Crash() }

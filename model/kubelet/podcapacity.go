package kubelet

import "orrery/model"

// PodCapacity is how many pods the kubelet of a machine of that size takes: size.Pods
// (maxPods of a KubeletConfiguration), or as many for each core as podsPerCore says if
// that is fewer; 0 says nothing (v1.35 pkg/kubelet/nodestatus/setters.go MachineInfo). A
// part of a core is one.
func PodCapacity(size model.Resources, podsPerCore int64) int64 {
	if podsPerCore == 0 {
		return size.Pods
	}
	return min(size.Pods, (size.CPUMilli+999)/1000*podsPerCore)
}

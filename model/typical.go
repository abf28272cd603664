package model

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// TypicalPod is a shape that many pods have, as far as GPUs are concerned.
type TypicalPod struct {
	CPUMilli int64
	GPU      *GPURequest // nil if it wants none
	Pods     int64       // how many have it
}

// typicalPercent is how much of all pods the typical shapes make up
// (hkust-adsl/kubernetes-scheduler-simulator scripts/generate_config_and_run.py,
// PodPopularityThreshold).
const typicalPercent = 95

// typicalKey is what tells shapes apart.
//
//tidy:key compared as a whole
type typicalKey struct {
	cpuMilli, devices, milliEach int64
	models                       string
}

// TypicalPods is the most frequent shapes of pods, as many as are needed for 95 %
// of them, and how many pods there are of all shapes; given are specs and how many
// pods have each. It is the workload by which the fragmentation of GPUs is measured
// (hkust-adsl/kubernetes-scheduler-simulator pkg/utils/frag.go GetTypicalPods).
func TypicalPods(pods iter.Seq2[*PodSpec, int64]) (all []TypicalPod, total int64) {
	index := map[typicalKey]int{}
	for spec, n := range pods {
		key := typicalKey{cpuMilli: spec.Request.CPUMilli}
		if g := spec.GPU; g != nil {
			key.devices, key.milliEach, key.models = g.Devices, g.MilliEach, strings.Join(g.Models, "|")
		}
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			all = append(all, TypicalPod{CPUMilli: spec.Request.CPUMilli, GPU: spec.GPU})
		}
		all[i].Pods += n
		total += n
	}
	slices.SortStableFunc(all, func(a, b TypicalPod) int { return compareShapes(&b, &a) })
	enough := int64(0)
	for i := range all {
		if enough*100 >= total*typicalPercent {
			return all[:i], total
		}
		enough += all[i].Pods
	}
	return all, total
}

// compareShapes puts rarer shapes first and, of equally frequent ones, smaller ones
// (pkg/type/resource.go TargetPodList.Less).
func compareShapes(a, b *TypicalPod) int {
	var none GPURequest
	x, y := cmp.Or(a.GPU, &none), cmp.Or(b.GPU, &none)
	return cmp.Or(
		cmp.Compare(a.Pods, b.Pods),
		cmp.Compare(a.CPUMilli, b.CPUMilli),
		cmp.Compare(x.MilliEach, y.MilliEach),
		cmp.Compare(x.Devices, y.Devices),
		strings.Compare(strings.Join(x.Models, "|"), strings.Join(y.Models, "|")),
	)
}

// Unusable is how much of the GPUs that are free on a node is of no use to a pod
// of the shape: all of it if the pod wants no GPU or does not fit the node,
// otherwise what is free of devices with less than it wants of each. The node has
// GPUs of the model, so many milli free of each, and so much CPU free.
func (t *TypicalPod) Unusable(model string, cpuMilli int64, free []int64) int64 {
	var fit, total, rest int64
	for _, f := range free {
		f = max(f, 0)
		total += f
		if t.GPU != nil && f >= t.GPU.MilliEach {
			fit++
		} else {
			rest += f
		}
	}
	if t.GPU == nil || cpuMilli < t.CPUMilli || !t.GPU.Accepts(model) || fit < t.GPU.Devices {
		return total
	}
	return rest
}

package manifest

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/scenarios/strict"
)

// gpuAnnotations is what a pod can say of GPUs by the convention of
// open-gpu-share
// (hkust-adsl/kubernetes-scheduler-simulator pkg/type/open-gpu-share/utils/pod.go).
var gpuAnnotations = []string{model.AnnotationGPUCount, model.AnnotationGPUMilli, model.AnnotationGPUModel}

// onlyGPUs tells whether the annotations of a pod or template say nothing but
// what it asks of GPUs.
func onlyGPUs(path string, v strict.Value) bool {
	return strings.HasSuffix(path, "metadata.annotations") && only(v, model.AnnotationGPUIndex, gpuAnnotations...)
}

// only tells whether a map has no other keys than those.
func only(v strict.Value, key string, more ...string) bool {
	return v.IsMap() && !slices.ContainsFunc(v.Entries(), func(e strict.Entry) bool {
		return lastStep(e) != key && !slices.Contains(more, lastStep(e))
	})
}

// gpus is what the annotations of a pod ask of GPUs or else, in whole ones, its
// containers; nil if neither does. It is called when the requests are summed up.
func gpus(p *place, annotations map[string]string, spec *model.PodSpec) *model.GPURequest {
	number := func(name, otherwise string, most int64) int64 {
		text, ok := annotations[name]
		if !ok {
			text = otherwise
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > most {
			p.field(name).errorf("%s is out of range: a whole number from 0 to %d", strict.Quote(text), most)
		}
		return n
	}
	if !slices.ContainsFunc(gpuAnnotations, func(name string) bool { _, ok := annotations[name]; return ok }) {
		if n := spec.Request.ExtendedCount(model.ResourceGPU); n > 0 {
			return &model.GPURequest{Devices: n, MilliEach: model.GPUMilli}
		}
		return nil
	}
	r := &model.GPURequest{Devices: number(model.AnnotationGPUCount, "1", model.MaxGPUs), MilliEach: number(model.AnnotationGPUMilli, "1000", model.GPUMilli)}
	if r.Devices > 1 && r.MilliEach != model.GPUMilli {
		p.field(model.AnnotationGPUMilli).errorf("must be %d for a pod that wants several GPUs: only a single one can be shared", model.GPUMilli)
	}
	for m := range strings.SplitSeq(annotations[model.AnnotationGPUModel], "|") {
		if m != "" {
			r.Models = append(r.Models, m)
		}
	}
	if r.Milli() == 0 {
		return nil
	}
	return r
}

// gpuIndexes is which GPUs of its node a pod has, as its scheduler wrote it:
// "0-1"; 0 if it does not say.
func gpuIndexes(p *place, annotations map[string]string) (set uint64) {
	text := annotations[model.AnnotationGPUIndex]
	if text == "" {
		return 0
	}
	for part := range strings.SplitSeq(text, "-") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || n >= model.MaxGPUs {
			p.field(model.AnnotationGPUIndex).errorf("%s is not a list of devices such as 0-1, each from 0 to %d", strict.Quote(text), model.MaxGPUs-1)
			return 0
		}
		set |= 1 << n
	}
	return set
}

// nodeGPUs is the GPUs of a node, from what its device plugin and its labels
// say.
func nodeGPUs(p *place, n *model.Node) (g model.GPUs) {
	for _, name := range []string{model.ResourceGPU, model.AnnotationGPUCount} {
		if c := n.Allocatable.ExtendedCount(name); c > 0 {
			g.Devices = c
		}
	}
	if g.Devices > model.MaxGPUs {
		p.errorf("%d GPUs are more than a node can have here: at most %d", g.Devices, model.MaxGPUs)
	}
	for _, label := range []string{model.LabelGPUProduct, model.AnnotationGPUModel} {
		if m := n.Labels.Value(label); m != "" && g.Devices > 0 {
			g.Model = m
		}
	}
	return g
}

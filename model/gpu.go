package model

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// GPUMilli is a whole GPU, in thousandths.
const GPUMilli = 1000

// MaxGPUs is the most GPUs that a node can have.
const MaxGPUs = 64

// The names of the open-gpu-share convention: annotations of a pod, the resource
// and the label of a node
// (hkust-adsl/kubernetes-scheduler-simulator pkg/type/open-gpu-share/utils/const.go),
// and those of NVIDIA's device plugin and feature discovery.
const (
	AnnotationGPUCount = "alibabacloud.com/gpu-count"      // also a resource of nodes
	AnnotationGPUMilli = "alibabacloud.com/gpu-milli"      // of each GPU
	AnnotationGPUModel = "alibabacloud.com/gpu-card-model" // "A|B"; also a label of nodes
	AnnotationGPUIndex = "alibabacloud.com/gpu-index"      // of the devices a pod got: "0-1"
	ResourceGPU        = "nvidia.com/gpu"
	LabelGPUProduct    = "nvidia.com/gpu.product"
)

// GPUs is the graphics processors of a node: Devices of them, all of one model.
type GPUs struct {
	Devices int64  // 0 to MaxGPUs
	Model   string // "" if nobody says
}

// GPURequest is what a pod asks of GPUs: so many devices, and of each the same
// share. Whoever wants several wants whole ones.
type GPURequest struct {
	Devices   int64    // 1 to MaxGPUs
	MilliEach int64    // 1 to GPUMilli of each
	Models    []string // any of these will do; nil is any model
}

// Milli is the sum over the devices, 0 for nil.
func (r *GPURequest) Milli() int64 {
	if r == nil {
		return 0
	}
	return r.Devices * r.MilliEach
}

// Accepts tells whether a device of the model will do.
func (r *GPURequest) Accepts(model string) bool {
	return r.Models == nil || slices.Contains(r.Models, model)
}

// DeviceIndexes is a set of GPUs, a bit each, as AnnotationGPUIndex writes it:
// "0-1", "" for none.
func DeviceIndexes(set uint64) string {
	var b []byte
	for ; set != 0; set &= set - 1 {
		if b != nil {
			b = append(b, '-')
		}
		b = strconv.AppendInt(b, int64(bits.TrailingZeros64(set)), 10)
	}
	return string(b)
}

// String is "8 V100M32", "" if there is none.
func (g GPUs) String() string {
	if g.Devices == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.FormatInt(g.Devices, 10) + " " + g.Model)
}

// String is "1 of 460m, V100M16 or V100M32", "" for nil.
func (r *GPURequest) String() string {
	if r == nil {
		return ""
	}
	s := strconv.FormatInt(r.Devices, 10)
	if r.MilliEach < GPUMilli {
		s += " of " + strconv.FormatInt(r.MilliEach, 10) + "m"
	}
	if r.Models != nil {
		s += ", " + strings.Join(r.Models, " or ")
	}
	return s
}

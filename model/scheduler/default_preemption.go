package scheduler

import (
	"slices"
	"strconv"
)

// defaultPreemption looks for pods to evict in favour of one that fits nowhere
// (pkg/scheduler/framework/plugins/defaultpreemption,
// pkg/scheduler/framework/preemption/preemption.go). Here it differs: it never
// looks at the pods on a node and answers as kube-scheduler does when none of
// them has a lower priority, which is exact as long as no pod has a priority
// above another's.
type defaultPreemption struct{}

func newDefaultPreemption(*Handle) Plugin { return defaultPreemption{} }

func (defaultPreemption) Name() string { return "DefaultPreemption" }

// PostFilter implements PostFilterPlugin.
func (defaultPreemption) PostFilter(d *Diagnosis) string {
	potential := d.count(Unschedulable)
	var reasons []string
	if potential > 0 {
		reasons = append(reasons, strconv.Itoa(potential)+" No preemption victims found for incoming pod")
	}
	if rest := d.NumAllNodes - potential; rest > 0 {
		reasons = append(reasons, strconv.Itoa(rest)+" Preemption is not helpful for scheduling")
	}
	slices.Sort(reasons)
	return "preemption: " + noNodeAvailable(d.NumAllNodes, reasons)
}

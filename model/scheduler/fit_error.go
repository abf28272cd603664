package scheduler

import (
	"slices"
	"strconv"
	"strings"
)

// noNodesMessage is what a pod is told in a cluster without nodes
// (pkg/scheduler/scheduler.go ErrNoNodesAvailable).
const noNodesMessage = "no nodes available to schedule pods"

// Diagnosis is why a pod fits nowhere
// (pkg/scheduler/framework/types.go Diagnosis).
type Diagnosis struct {
	NumAllNodes          int
	UnschedulablePlugins pluginSet
	PreFilterMsg         string

	// NodeToStatus counts the nodes that were examined, by their answer.
	NodeToStatus []statusCount
	// AbsentNodesStatus stands for the nodes that were not.
	AbsentNodesStatus statusCount
}

type statusCount struct {
	status *Status
	nodes  int
}

// count is how many nodes answered with a code.
func (d *Diagnosis) count(c Code) (n int) {
	for _, s := range d.NodeToStatus {
		if s.status.Code == c {
			n += s.nodes
		}
	}
	if a := d.AbsentNodesStatus; a.nodes > 0 && a.status.Code == c {
		n += a.nodes
	}
	return n
}

// Error is the message "0/5 nodes are available: 3 Insufficient cpu, 2 ...", as
// pkg/scheduler/framework/types.go FitError.Error words it: reasons counted
// over nodes and sorted as text.
func (d *Diagnosis) Error(postFilter string) string {
	reasons := []string{d.PreFilterMsg}
	if d.PreFilterMsg == "" {
		reasons = d.reasons()
	}
	msg := noNodeAvailable(d.NumAllNodes, reasons)
	if postFilter != "" {
		msg += " " + postFilter
	}
	return msg
}

func (d *Diagnosis) reasons() []string {
	var words []string
	var counts []int
	for _, s := range append(slices.Clone(d.NodeToStatus), d.AbsentNodesStatus) {
		if s.nodes == 0 {
			continue
		}
		for _, r := range s.status.Reasons {
			i := slices.Index(words, r)
			if i < 0 {
				i = len(words)
				words, counts = append(words, r), append(counts, 0)
			}
			counts[i] += s.nodes
		}
	}
	for i := range words {
		words[i] = strconv.Itoa(counts[i]) + " " + words[i]
	}
	slices.Sort(words)
	return words
}

func noNodeAvailable(all int, reasons []string) string {
	msg := "0/" + strconv.Itoa(all) + " nodes are available:"
	if len(reasons) > 0 {
		msg += " " + strings.Join(reasons, ", ") + "."
	}
	return msg
}

// bracketed prints a list as Go prints a slice, sorted.
func bracketed(list []string) string {
	slices.Sort(list)
	return "[" + strings.Join(list, " ") + "]"
}

// noteLimit is how long the message of a Kubernetes Event may be, in bytes
// (pkg/apis/core/validation/events.go NoteLengthLimit).
const noteLimit = 1024

func truncated(message string) string {
	const suffix = " ..."
	if len(message) <= noteLimit {
		return message
	}
	return message[:noteLimit-len(suffix)] + suffix
}

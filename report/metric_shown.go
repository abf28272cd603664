package report

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/sim"
)

// statusWord stands for what kubectl prints in a metric's usage.
const statusWord = "STATUS"

// statuses is every STATUS that kubectl can print of a pod, sorted, but for what isStatus
// knows besides: what model.Pod.Line makes of phases, of why a kubelet failed or rejected a
// pod, and of what its containers say. A test holds it against the model's source.
var statuses = []string{
	"Completed",
	"ContainerCreating",
	"ContainerStatusUnknown",
	"CrashLoopBackOff",
	"CreateContainerConfigError",
	"CreateContainerError",
	"DeadlineExceeded",
	"ErrImageNeverPull",
	"ErrImagePull",
	"Error",
	"Evicted",
	"Failed",
	"ImageInspectError",
	"ImagePullBackOff",
	"InvalidImageName",
	"NodeAffinity",
	"NodePorts",
	"NodeShutdown",
	"NotReady",
	"OOMKilled",
	"Pending",
	"PodInitializing",
	"PodOSSelectorNodeLabelDoesNotMatch",
	"PostStartHookError",
	"Preempting",
	"RunContainerError",
	"Running",
	"SMTAlignmentError",
	"SchedulingGated",
	"Succeeded",
	"SysctlForbidden",
	"TaintToleration",
	"Terminated",
	"Terminating",
	"TopologyAffinityError",
	"UnexpectedAdmissionError",
	"Unknown",
}

// isStatus tells whether kubectl can print s: one of statuses, what a kubelet has too little
// of, or, behind "Init:", what an init container says or how many are done ("1/2").
func isStatus(s string) bool {
	if s, init := strings.CutPrefix(s, "Init:"); init {
		done, all, counted := strings.Cut(s, "/")
		return counted && isNumber(done) && isNumber(all) || slices.Contains(statuses, s)
	}
	return slices.Contains(statuses, s) || strings.HasPrefix(s, outOf) && len(s) > len(outOf)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// shown counts the pods of which kubectl prints one STATUS.
type shown struct {
	about  target
	status string
	scope  *tally
	pods   map[uint32]bool // those, by ID
	found  series
}

func openShown(a about) instrument {
	return &shown{about: a.target, status: a.word, pods: map[uint32]bool{}}
}

func (m *shown) see(s *state, now sim.Time, record int) {
	if len(m.found) == 0 {
		m.found.add(now, 0, 0, record)
	}
	if s.record == nil || s.record.Note != nil {
		return
	}
	p, ok := s.record.Object().(*model.Pod)
	if !ok {
		return
	}
	if m.scope == nil {
		m.scope = s.find(m.about)
	}
	delete(m.pods, p.ID)
	if s.record.New != nil && m.scope != nil && s.pods.Row(p.ID).counts(m.scope) && p.Line().Status == m.status {
		m.pods[p.ID] = true
	}
	m.found.add(now, int64(len(m.pods)), 0, record)
}

func (m *shown) finish(s *state, _ sim.Time) reading {
	if len(m.found) == 0 || s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	return reading{series: m.found}
}

package report

import (
	"orrery/model"
	"strconv"
	"strings"

	"orrery/sim"
)

// cluster follows something that is so or not so of the whole cluster. A
// cluster without anything to run has no answer before the run is over.
type cluster struct {
	is    func(*state) bool
	found series
}

func openCluster(is func(*state) bool) func(about) instrument {
	return func(about) instrument { return &cluster{is: is} }
}

func (c *cluster) see(s *state, now sim.Time, record int) {
	if s.empty() {
		return
	}
	var yes int64
	if c.is(s) {
		yes = 1
	}
	c.found.add(now, yes, 0, record)
}

func (c *cluster) finish(s *state, _ sim.Time) reading {
	if s.empty() && c.is(s) {
		c.found.add(0, 1, 0, -1)
	} else if s.empty() {
		c.found.add(0, 0, 0, -1)
	}
	return reading{series: c.found}
}

// doubtsConverged says what keeps the cluster from having converged.
func doubtsConverged(s *state) string {
	var list []string
	for _, f := range s.faults {
		if !f.ended {
			list = append(list, "fault/"+f.id+" is in force")
		}
	}
	if s.clients == model.Unanswered {
		list = append(list, "no API server answers")
	}
	var lost []string
	for _, n := range s.nodeList {
		if n.marks.has(isNodeNotReady) {
			lost = append(lost, n.path)
		}
	}
	if len(lost) > 0 {
		list = append(list, some(lost)+" not ready")
	}
	if n := s.all.now[isLeaving]; n > 0 {
		list = append(list, model.Counted(n, "pod")+" Terminating")
	}
	if rest := doubtsWorkloads(s); rest != "" {
		list = append(list, rest)
	}
	return strings.Join(list, "; ")
}

// incomplete says what a workload lacks, or has too much.
func (w *workload) incomplete() string {
	if !w.is.there {
		return w.path + " is deleted and " + model.Counted(w.now[isActive], "pod") + " of it left"
	}
	text := w.path + " has " + strconv.FormatInt(w.upToDate(isAvailable), 10) + " of " +
		model.Counted(w.desired(), "pod") + " available and up to date"
	if n := w.surplus(); n > 0 {
		text += ", and " + model.Counted(n, "pod") + " too many"
	}
	return text
}

// doubtsWorkloads says what keeps the workloads from being ready.
func doubtsWorkloads(s *state) string {
	var list []string
	for _, d := range s.workloads {
		if d.unsettled && len(list) < 3 {
			list = append(list, d.incomplete())
		}
	}
	if rest := s.unsettled - len(list); rest > 0 {
		list = append(list, model.Counted(int64(rest), "more workload")+" not complete")
	}
	if n := s.all.now[isPending]; n > 0 {
		list = append(list, model.Counted(n, "pod")+" Pending")
	}
	return strings.Join(list, "; ")
}

package report

import "orrery/sim"

// what is the kind of a piece of news: a happening of a pod, or one of those
// below.
type what uint8

const (
	faultBegan what = iota + what(happenings)
	faultOver
	nodeLost // no longer Ready
	nodeBack
	nodeJoined      // Ready for the first time, and not from the beginning
	nodeGone        // its object was deleted
	workloadLacking // fewer pods available than wanted
	workloadWhole
	workloadGone // deleted while lacking
	workloadUp   // whole for the first time
	rolloutBegan
	rolloutDone
	trafficMoved
	gateRejects // a priority level of an API server answers 429
	gateOpen    // and no longer
	gateSlow    // an API server is
	gateFast
)

func happened(h happening) what { return what(h) }

// news is a turn the last record brought, worked out once for everybody who
// measures it or tells it.
type news struct {
	what     what
	subject  string // path of the fault, node, Deployment, Service or API server
	level    string // gateRejects, gateOpen: the priority level
	pod      *podRow
	workload *workload
	since    sim.Time // podReplaced: when the trouble began
}

func (s *state) tell(n news) { s.news = append(s.news, n) }

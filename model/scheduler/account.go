package scheduler

import (
	"cmp"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// Account is a decision that was made in a run, with its reasons: from what the
// scheduler had seen by then, not from what was true. Feasible has the best
// first, the winner before those that tie with it.
type Account struct {
	Explanation
	At  sim.Time
	Pod *model.Pod // as the scheduler had seen it
	// Nodes is how many there were, Examined how many gave an answer: the search
	// stops when enough can take the pod.
	Nodes, Examined int
	// Nominated is the node that the pod was nominated for, which is asked
	// first and, if it can take the pod, alone.
	Nominated string
	// Preempts is whom the pod asks to leave, nil if nobody.
	Preempts *PreemptionCandidate
}

// Witness is asked at every decision where its account is to go; nil if it is
// not to be given. It must change nothing.
type Witness func(now sim.Time, pod *model.Pod) func(*Account)

// testify gives an account of the decision just made, if it is asked for one.
// start is where its search began.
func (s *Scheduler) testify(now sim.Time, row *podRow, start int) {
	if s.Witness == nil {
		return
	}
	if tell := s.Witness(now, row.pod); tell != nil {
		a := s.search.account(row, start, s.decision)
		a.At = now
		tell(a)
	}
}

// account asks every node that the decision was made from once more, in the
// same order and with every plugin. It leaves no trace.
func (s *search) account(row *podRow, start int, d decision) *Account {
	c, all := s.classes.of(row.pod), s.cache.tree.list()
	a := &Account{Pod: row.pod, Nodes: len(all), Examined: d.examined}
	if node := row.nominated; node != 0 {
		changes := s.cache.changes
		s.nominate(row.pod, node, 0)  // it does not stand in its own way
		s.cache.changes = changes - 1 // as it was then; the nomination came back since
		defer func() {
			s.nominate(row.pod, 0, node)
			s.cache.changes = changes
		}()
		if s.cache.rows[node].Node != nil {
			a.Nominated = s.nodeName(node)
		}
	}
	if f := d.failure; f != nil {
		a.Message = f.message
		if len(f.candidates) > 0 {
			best := ties(f.candidates)[0]
			a.Preempts = &PreemptionCandidate{*best, s.nodeName(best.Node)}
		}
	} else {
		a.Node = s.nodeName(d.node)
	}
	if st := c.refusal(); st != nil {
		a.PreFilter = st.Reasons[0]
		return a
	}
	s.polled(a, c, s.asked(c, all, start, row, d))
	return a
}

// asked is the nodes that gave an answer, in the order in which they did.
func (s *search) asked(c *class, all []uint32, start int, row *podRow, d decision) (out []uint32) {
	if row.nominated != 0 && d.failure == nil && d.node == row.nominated && s.fits(c, d.node) == nil {
		return []uint32{d.node}
	}
	nodes := all
	if c.pinned {
		nodes = s.named(c)
	}
	for i := range d.examined {
		out = append(out, nodes[(start+i)%len(nodes)])
	}
	return out
}

// polled fills in what the nodes answer.
func (s *search) polled(a *Account, c *class, asked []uint32) {
	var feasible []uint32
	for _, id := range asked {
		st := s.fits(c, id)
		if st == nil {
			a.Feasible = append(a.Feasible, NodeScore{Node: s.nodeName(id), Place: len(feasible)})
			feasible = append(feasible, id)
			continue
		}
		a.Infeasible = append(a.Infeasible, Rejection{Node: s.nodeName(id), Plugin: s.framework.plugin(st), Reasons: st.Reasons, Changes: s.changes(c, id)})
	}
	if c.pinned {
		absent := &Status{Reasons: []string{unsatisfied(s.framework.list(c.involve))}, rejector: c.involve}
		for _, id := range s.cache.tree.list() {
			if !slices.Contains(asked, id) {
				a.Infeasible = append(a.Infeasible, Rejection{
					Node: s.nodeName(id), Plugin: s.framework.plugin(absent), Reasons: absent.Reasons,
					Changes: []Change{{Text: "let the pod's node affinity name it"}},
				})
			}
		}
	}
	if len(feasible) > 1 {
		s.explain(c, feasible, a.Feasible)
	}
	slices.SortStableFunc(a.Feasible, func(x, y NodeScore) int {
		if o := cmp.Compare(y.Total, x.Total); o != 0 {
			return o
		}
		return cmp.Compare(rank(x.Node == a.Node), rank(y.Node == a.Node))
	})
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

func (s *search) nodeName(id uint32) string { return s.cache.rows[id].Node.Name }

// plugin is the name of the plugin that made a status.
func (f *Framework) plugin(st *Status) string {
	list := f.list(st.rejector)
	return list[1 : len(list)-1]
}

package scheduler

import (
	"cmp"
	"slices"

	"orrery/model"
	"orrery/sim"
)

// Planner is the scheduler's decisions without its clock: it is told what is in
// a cluster and answers, one pod after the other, where each goes and why.
type Planner struct {
	search   *search   // of the profile in use
	searches []*search // by profile
	names    []string  // the schedulers that pods ask for, by profile
	owners   uint32
	gangs    gangs
}

// PlannerConfig is how a Planner decides.
type PlannerConfig struct {
	Profile                  *Profile
	PercentageOfNodesToScore int64 // 0 adapts to the cluster
	// Others are more profiles; a pod's schedulerName chooses.
	Others []PlannerProfile
	Ties   Ties
	Luck   sim.Luck // of TiesRandom, and of plugins that draw
}

// PlannerProfile is a profile and how much of the cluster it searches.
type PlannerProfile struct {
	*Profile
	PercentageOfNodesToScore int64
}

// NewPlanner plans for an empty cluster.
func NewPlanner(c PlannerConfig) *Planner {
	cache := newCache()
	cache.luck = c.Luck
	ties := c.Luck.Stream("scheduler ties")
	p := &Planner{}
	for _, x := range append([]PlannerProfile{{c.Profile, c.PercentageOfNodesToScore}}, c.Others...) {
		f := newFramework(x.Profile, cache, nil)
		f.holder = &p.gangs
		p.searches = append(p.searches, &search{
			framework: f, cache: cache, classes: newClasses(f), percentage: x.PercentageOfNodesToScore, ties: c.Ties, luck: &ties,
		})
		p.names = append(p.names, cmp.Or(x.SchedulerName, Name))
	}
	p.search = p.searches[0]
	return p
}

// Responsible tells whether any profile is for the pod.
func (p *Planner) Responsible(pod *model.Pod) bool {
	return slices.Contains(p.names, pod.Spec.SchedulerName)
}

// choose takes the profile that the pod asks for, the first if there is none.
// Searches of all profiles go on from where the last one stopped.
func (p *Planner) choose(pod *model.Pod) {
	next := p.searches[max(0, slices.Index(p.names, pod.Spec.SchedulerName))]
	next.nextStartNodeIndex = p.search.nextStartNodeIndex
	p.search = next
}

// AddNode adds a node to the end of the list.
func (p *Planner) AddNode(n *model.Node) {
	n.ID = uint32(max(len(p.search.cache.rows), 1))
	p.search.cache.setNode(n.ID, n)
}

// AddService adds a Service.
func (p *Planner) AddService(s *model.Service) {
	p.owners++
	s.ID = p.owners
	p.search.cache.setService(s.ID, s.Namespace, s)
}

// AddOwner adds a controller that selects pods, and names it as their owner: a
// ReplicaSet, a StatefulSet or a ReplicationController.
func (p *Planner) AddOwner(selector *model.Selector) model.Ref {
	p.owners++
	ref := model.Ref{Kind: model.KindReplicaSet, ID: p.owners}
	p.search.cache.setOwner(ref, selector)
	return ref
}

// SetNamespace tells the labels of a namespace; one that is not told of has
// none but its name.
func (p *Planner) SetNamespace(name string, l model.Labels) { p.search.cache.namespaces[name] = l }

// Assign puts a pod on the node that it names, if there is one.
func (p *Planner) Assign(pod *model.Pod) bool {
	id, ok := p.search.cache.byName[pod.NodeName]
	if ok {
		pod.NodeID = id
		p.know(pod)
		p.search.cache.addPod(id, pod)
	}
	return ok
}

// Decision is where a pod goes.
type Decision struct {
	Node    string // "" if it fits nowhere
	Message string // then, what kube-scheduler would tell
	// PreFilter is what ended the decision before any node was looked at, "" if
	// nothing did.
	PreFilter string
	// Refused is why the pod did not get the node that was found for it, "" if
	// it did or there was none: its gang did not come together.
	Refused string
}

// Decide finds a node for a pod; it does not put it there.
func (p *Planner) Decide(pod *model.Pod) Decision {
	p.choose(pod)
	if st := p.search.framework.preEnqueued(pod); st != nil {
		return Decision{Message: st.Reasons[0], PreFilter: st.Reasons[0]}
	}
	c := p.search.classes.of(pod)
	d := p.search.decide(c)
	if d.failure == nil {
		return Decision{Node: p.name(d.node)}
	}
	out := Decision{Message: d.failure.message}
	if st := c.refusal(); st != nil {
		out.PreFilter = st.Reasons[0]
	}
	return out
}

// Fragmentation is how much of the GPUs that are free on a node is of no use to
// typical pods, summed up over them, and all that is free times their number, in
// milli.
func (p *Planner) Fragmentation(node string, typical []TypicalPod) (wasted, free int64) {
	n := &p.search.cache.rows[p.search.cache.byName[node]]
	if n.GPU == nil {
		return 0, 0
	}
	for i := range typical {
		t := &typical[i]
		wasted += t.Pods * t.Unusable(n.Node.GPU.Model, n.Node.Allocatable.CPUMilli-n.Requested.MilliCPU, n.GPU.Free)
		free += t.Pods * n.GPU.Total()
	}
	return wasted, free
}

func (p *Planner) name(id uint32) string { return p.search.cache.rows[id].Node.Name }

// NodeScore is a node that can take a pod. Plugins are the weighted scores, nil
// if there was no other node and so nothing was scored.
type NodeScore struct {
	Node    string
	Total   int64
	Plugins []PluginScore
	Place   int // in the order in which they were found, from 0; only in an Account
}

// PluginScore is what a plugin gave a node, times its weight.
type PluginScore struct {
	Plugin string
	Score  int64
}

// Rejection is why a node cannot take a pod: the first plugin that refused.
type Rejection struct {
	Node    string
	Plugin  string
	Reasons []string
	Changes []Change // what would have to be different; only in an Account
}

// Explanation is a Decision with its reasons, nodes in the order of the list.
type Explanation struct {
	Decision
	Feasible   []NodeScore
	Infeasible []Rejection
}

// Explain is Decide with reasons. Nodes that the search did not get to are in
// neither list.
func (p *Planner) Explain(pod *model.Pod) *Explanation {
	e := &Explanation{Decision: p.Decide(pod)}
	if e.PreFilter != "" {
		return e
	}
	c := p.search.classes.of(pod)
	var feasible []uint32
	if e.Node != "" {
		p.search.list(c)
		feasible = slices.Sorted(slices.Values(p.search.feasible))
	}
	for _, id := range slices.Sorted(slices.Values(p.search.cache.tree.list())) {
		if _, found := slices.BinarySearch(feasible, id); found {
			e.Feasible = append(e.Feasible, NodeScore{Node: p.name(id)})
			continue
		}
		if st := p.search.reject(c, id); st != nil {
			plugin := p.search.framework.list(st.rejector)
			e.Infeasible = append(e.Infeasible, Rejection{Node: p.name(id), Plugin: plugin[1 : len(plugin)-1], Reasons: st.Reasons})
		}
	}
	if len(feasible) > 1 {
		p.search.explain(c, feasible, e.Feasible)
	}
	return e
}

// reject is why a node cannot take a pod, nil if it can, asked of every plugin
// anew.
func (s *search) reject(c *class, id uint32) *Status {
	node := &s.cache.rows[id]
	if c.pinned && !slices.Contains(c.names, node.Node.Name) {
		return &Status{Reasons: []string{unsatisfied(s.framework.list(c.involve))}, rejector: c.involve}
	}
	return s.refusal(c, id)
}

// explain fills in the scores of the feasible nodes.
func (s *search) explain(c *class, feasible []uint32, out []NodeScore) {
	scores := make([]int64, len(feasible))
	add := func(name string, weight int64) {
		for i := range out {
			out[i].Total += scores[i] * weight
			out[i].Plugins = append(out[i].Plugins, PluginScore{name, scores[i] * weight})
		}
	}
	for _, x := range slices.Concat(c.plain, c.relative) {
		for i, id := range feasible {
			scores[i] = x.Score(c.pod, &s.cache.rows[id])
		}
		if n, ok := x.ScorePlugin.(ScoreExtensions); ok {
			n.NormalizeScore(scores)
		}
		add(x.Name(), x.weight)
	}
	for i := range c.scores {
		if !c.scores[i].Score(feasible, scores) {
			clear(scores)
		}
		add(c.scores[i].name, c.scores[i].weight)
	}
}

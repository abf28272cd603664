package scheduler

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// Planner is the scheduler's decisions without its clock: it is told what is in
// a cluster and answers, one pod after the other, where each goes and why.
type Planner struct {
	search *search
	owners uint32
}

// PlannerConfig is how a Planner decides.
type PlannerConfig struct {
	Profile                  *Profile
	PercentageOfNodesToScore int64 // 0 adapts to the cluster
	Ties                     Ties
	Luck                     *sim.Stream // of TiesRandom
}

// NewPlanner plans for an empty cluster.
func NewPlanner(c PlannerConfig) *Planner {
	cache := newCache()
	f := newFramework(c.Profile, cache, nil)
	return &Planner{search: &search{
		framework: f, cache: cache, classes: newClasses(f), percentage: c.PercentageOfNodesToScore, ties: c.Ties, luck: c.Luck,
	}}
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

// AddReplicaSet adds a ReplicaSet, the owner of pods, and names it.
func (p *Planner) AddReplicaSet(r *model.ReplicaSet) model.Ref {
	p.owners++
	r.ID = p.owners
	ref := model.Ref{Kind: model.KindReplicaSet, ID: r.ID}
	p.search.cache.setOwner(ref, r.Selector)
	return ref
}

// SetNamespace tells the labels of a namespace; one that is not told of has
// none but its name.
func (p *Planner) SetNamespace(name string, l model.Labels) { p.search.cache.namespaces[name] = l }

// AddClaim, AddVolume and AddStorageClass tell of storage, before any pod that
// uses it.
func (p *Planner) AddClaim(c *model.Claim) {
	p.search.cache.volumes.claims[claimKey{c.Namespace, c.Name}] = c
}

// AddVolume adds a PersistentVolume.
func (p *Planner) AddVolume(v *model.Volume) { p.search.cache.volumes.volumes[v.Name] = v }

// AddStorageClass adds a StorageClass.
func (p *Planner) AddStorageClass(c *model.StorageClass) {
	p.search.cache.volumes.classes[c.Name] = c
}

// Assign puts a pod on the node that it names, if there is one.
func (p *Planner) Assign(pod *model.Pod) bool {
	id, ok := p.search.cache.byName[pod.NodeName]
	if ok {
		pod.NodeID = id
		p.search.cache.volumes.selectNode(pod, id)
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
}

// Decide finds a node for a pod; it does not put it there.
func (p *Planner) Decide(pod *model.Pod) Decision {
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

func (p *Planner) name(id uint32) string { return p.search.cache.rows[id].Node.Name }

// NodeScore is a node that can take a pod. Plugins are the weighted scores, nil
// if there was no other node and so nothing was scored.
type NodeScore struct {
	Node    string
	Total   int64
	Plugins []PluginScore
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
	for _, f := range c.local {
		if st := f.Filter(c.pod, node); st != nil {
			return st
		}
	}
	for _, f := range c.filter {
		if st := f.Filter(id); st != nil {
			return st
		}
	}
	return nil
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

package scheduler

import (
	"math"
	"slices"

	"orrery/model"
)

// podTopologySpread refuses nodes whose domain has too many of the pods that
// are to be spread already, and prefers domains with few of them
// (pkg/scheduler/framework/plugins/podtopologyspread: filtering.go, scoring.go,
// common.go).
type podTopologySpread struct {
	handle          *Handle
	args            SpreadArgs
	skewed, missing *Status
}

// SpreadArgs is PodTopologySpreadArgs.
type SpreadArgs struct {
	// List takes Defaults for pods without constraints, instead of the ones
	// built in.
	List     bool
	Defaults []model.SpreadConstraint
}

// systemDefaults is how pods are spread that say nothing
// (podtopologyspread/plugin.go systemDefaultConstraints).
var systemDefaults = []model.SpreadConstraint{
	{TopologyKey: model.LabelHostname, MaxSkew: 3},
	{TopologyKey: model.LabelZone, MaxSkew: 5},
}

func newPodTopologySpread(h *Handle) Plugin {
	p := &podTopologySpread{handle: h, args: h.profile.Spread}
	if !p.args.List {
		p.args.Defaults = systemDefaults
	}
	const mismatch = "node(s) didn't match pod topology spread constraints"
	p.skewed = h.Status(p.Name(), Unschedulable, mismatch)
	p.missing = h.Status(p.Name(), UnschedulableAndUnresolvable, mismatch+" (missing required label)")
	return p
}

func (*podTopologySpread) Name() string { return "PodTopologySpread" }

// SignPod implements SignPlugin. The pod's requirements on nodes, which can
// count, too, are signed by others.
func (*podTopologySpread) SignPod(key []byte, pod *model.Pod) []byte {
	key = signNumber(signIdentity(key, pod), int64(pod.Owner.Pack()))
	if pod.Spec.Placement == nil {
		return append(key, 0)
	}
	key = signNumber(key, int64(len(pod.Spec.Placement.Spread)))
	for i := range pod.Spec.Placement.Spread {
		c := &pod.Spec.Placement.Spread[i]
		key = signSelector(signText(key, c.TopologyKey), c.Selector)
		key = signNumber(signNumber(signWords(key, c.MatchLabelKeys), int64(c.MaxSkew)), int64(c.MinDomains))
		for _, b := range [...]bool{c.Hard, c.IgnoreAffinity, c.HonorTaints} {
			if b {
				key = append(key, '+')
			} else {
				key = append(key, '-')
			}
		}
	}
	return key
}

// spreadView is the counts of a class of pods.
type spreadView struct {
	plugin     *podTopologySpread
	pod        *model.Pod
	version    uint64          // of the selectors
	selector   *model.Selector // the default one, if the pod has no constraints
	defaulted  bool
	requireAll bool // nodes without all labels count nowhere
	hard, soft []spread

	// Scratch space of a scoring.
	ignored []bool    // by feasible node; empty if none is
	stamp   uint64    // the number of the scoring
	raws    []float64 //tidy:float by feasible node; see weigh
}

// spread is a constraint and what it counts.
type spread struct {
	*model.SpreadConstraint
	*tally
	self int64 // 1 if the pod itself is selected

	// Of soft ones, by domain: the scoring in which it was last met, and what it
	// adds to the score of its nodes there.
	stamps []uint64
	terms  []float64 //tidy:float see weigh
	met    []int32   // the domains of this scoring
}

// View implements WidePlugin.
func (p *podTopologySpread) View(pod *model.Pod) View {
	c := p.handle.cache
	v := &spreadView{plugin: p, pod: pod, version: c.selectors.version}
	var list []model.SpreadConstraint
	if pod.Spec.Placement != nil {
		list = pod.Spec.Placement.Spread
	}
	v.defaulted = len(list) == 0
	v.requireAll = !v.defaulted || p.args.List
	if v.defaulted {
		v.selector = c.selectors.of(pod)
		list = v.defaults()
	}
	v.hard = v.counted(list, true)
	v.soft = v.counted(list, false)
	out := View{Watcher: v}
	if len(v.hard) > 0 {
		out.Filter = v
	}
	if len(v.soft) > 0 {
		out.Scorer = v
	}
	return out
}

// defaults is the default constraints with the default selector.
func (v *spreadView) defaults() []model.SpreadConstraint {
	if v.selector == nil {
		return nil
	}
	out := slices.Clone(v.plugin.args.Defaults)
	for i := range out {
		out[i].Selector = v.selector
	}
	return out
}

// counted makes the tallies of the hard or of the soft constraints.
func (v *spreadView) counted(list []model.SpreadConstraint, hard bool) (out []spread) {
	var keys []string
	for i := range list {
		if list[i].Hard == hard {
			keys = append(keys, list[i].TopologyKey)
		}
	}
	if !hard && !v.requireAll {
		keys = nil
	}
	for i := range list {
		if list[i].Hard != hard {
			continue
		}
		x := spread{SpreadConstraint: &list[i]}
		selector := withKeys(x.Selector, v.pod.Labels, model.In, x.MatchLabelKeys)
		if selector.Matches(v.pod.Labels) {
			x.self = 1
		}
		x.tally = v.shared(x.SpreadConstraint, selector, keys)
		out = append(out, x)
	}
	return out
}

// shared is the tally of a constraint: one for all classes that would count the
// same pods on the same nodes, as those of a StatefulSet do, each of which has a
// label of its own.
func (v *spreadView) shared(c *model.SpreadConstraint, s *model.Selector, keys []string) *tally {
	sign := signWords(signSelector(signText(signText(nil, v.pod.Namespace), c.TopologyKey), s), keys)
	if sign = append(sign, 0); !c.IgnoreAffinity {
		sign = (*nodeAffinity)(nil).SignPod(append(sign, 1), v.pod)
	}
	if c.HonorTaints {
		sign = signTolerations(append(sign, 2), v.pod.Spec.Tolerations)
	}
	cache := v.plugin.handle.cache
	t := cache.shared[string(sign)]
	if t == nil || t.dead {
		t = cache.tally(c.TopologyKey, v.selects(s), v.admits(c, keys))
		cache.shared[string(sign)] = t
	}
	return t
}

// selects counts pods of the pod's namespace that stay. A selector that asks
// for nothing selects nothing here (common.go countPodsMatchSelector).
func (v *spreadView) selects(s *model.Selector) func(*kin) int64 {
	namespace := v.pod.Namespace
	return func(k *kin) int64 {
		if k.deleting || k.namespace != namespace || s == nil || len(s.Requirements) == 0 || !s.Matches(k.labels) {
			return 0
		}
		return 1
	}
}

// admits tells which nodes count: those with all keys, that the pod could be on
// as far as its affinity, or its tolerations, are to be honoured (common.go
// matchNodeInclusionPolicies).
func (v *spreadView) admits(c *model.SpreadConstraint, keys []string) func(*model.Node) bool {
	pod := v.pod
	return func(n *model.Node) bool {
		for _, k := range keys {
			if _, ok := n.Labels.Get(k); !ok {
				return false
			}
		}
		return (c.IgnoreAffinity || matchesRequired(pod, n)) && (!c.HonorTaints || tolerates(pod, n))
	}
}

// Stale implements Watcher: other Services or controllers may select the pod
// now.
func (v *spreadView) Stale() bool {
	s := &v.plugin.handle.cache.selectors
	if v.defaulted && v.version != s.version {
		if !sameSelector(v.selector, s.of(v.pod)) {
			return true
		}
		v.version = s.version
	}
	for _, list := range [...][]spread{v.hard, v.soft} {
		if slices.ContainsFunc(list, func(c spread) bool { return c.dead }) {
			return true
		}
	}
	return false
}

// Filter implements WideFilter.
func (v *spreadView) Filter(id uint32) *Status {
	for i := range v.hard {
		c := &v.hard[i]
		sum, ok := c.at(id)
		if !ok {
			return v.plugin.missing
		}
		least := c.minimum()
		if c.domains < int(max(c.MinDomains, 1)) {
			least = 0
		}
		if sum+c.self-least > int64(c.MaxSkew) {
			return v.plugin.skewed
		}
	}
	return nil
}

// Score implements WideScorer.
func (v *spreadView) Score(feasible []uint32, scores []int64) bool {
	n := len(feasible)
	v.raws = slices.Grow(v.raws[:0], n)[:n]
	clear(v.raws)
	v.stamp++
	counted := v.ignore(feasible)
	for i := range v.soft {
		v.weigh(&v.soft[i], feasible, counted)
	}
	for i, r := range v.raws {
		scores[i] = int64(math.Round(r))
	}
	v.normalize(scores)
	return true
}

// ignore finds out which nodes do not count and returns how many do.
func (v *spreadView) ignore(feasible []uint32) (counted int) {
	v.ignored = v.ignored[:0]
	if !v.requireAll {
		return len(feasible)
	}
	for _, id := range feasible {
		ignored := false
		for i := range v.soft {
			ignored = ignored || v.soft[i].topology.of[id] == 0
		}
		if v.ignored = append(v.ignored, ignored); !ignored {
			counted++
		}
	}
	return counted
}

// weigh adds the pods in the nodes' domains to the raw scores; a domain among
// few weighs less. A label that is missing is a domain of its own, which adds
// nothing.
func (v *spreadView) weigh(c *spread, feasible []uint32, counted int) {
	of, more := c.topology.of, float64(c.MaxSkew-1) //tidy:float a small integer
	if c.TopologyKey == model.LabelHostname {
		weight := naturalLog(counted + 2)
		for i, id := range feasible {
			if of[id] != 0 {
				//tidy:float the product is rounded before the sum, as on the processors that do not fuse
				v.raws[i] += float64(float64(c.perNode[id])*weight) + more
			}
		}
		return
	}
	c.meet(v, feasible)
	weight := naturalLog(len(c.met) + 2)
	for _, d := range c.met {
		if c.terms[d] = 0; d != 0 {
			//tidy:float as above
			c.terms[d] = float64(float64(c.total(d))*weight) + more
		}
	}
	for i, id := range feasible {
		v.raws[i] += c.terms[of[id]]
	}
}

// meet notes the domains of the nodes that count.
func (c *spread) meet(v *spreadView, feasible []uint32) {
	for n := len(c.topology.domains); n >= len(c.stamps); {
		c.stamps, c.terms = append(c.stamps, 0), append(c.terms, 0)
	}
	c.met = c.met[:0]
	for i, id := range feasible {
		d := c.topology.of[id]
		if c.stamps[d] != v.stamp && (len(v.ignored) == 0 || !v.ignored[i]) {
			c.stamps[d] = v.stamp
			c.met = append(c.met, d)
		}
	}
}

// normalize turns counts around: the fewest pods get the most. Nodes that do not
// count get 0.
func (v *spreadView) normalize(scores []int64) {
	var most, least int64 = 0, math.MaxInt64
	some := len(v.ignored) > 0
	for i, s := range scores {
		if !some || !v.ignored[i] {
			most, least = max(most, s), min(least, s)
		}
	}
	var table [64]int64 // the shares of the few counts there are: a division takes its time
	size := most - least + 1
	for more := range min(size, int64(len(table))) {
		table[more] = v.share(more, most)
	}
	for i, s := range scores {
		switch more := s - least; {
		case some && v.ignored[i]:
			scores[i] = 0
		case size <= int64(len(table)):
			scores[i] = table[more]
		default:
			scores[i] = v.share(more, most)
		}
	}
}

// share is the score of a node that has so many more than the least, of those
// that the worst has.
func (*spreadView) share(more, most int64) int64 {
	if most == 0 {
		return MaxNodeScore
	}
	return MaxNodeScore * (most - more) / most
}

// EventsToRegister implements EnqueueExtensions: pods that are to be spread
// with the pod come, change or go, or nodes that have its domains
// (plugin.go isSchedulableAfterPodChange, isSchedulableAfterNodeChange).
func (p *podTopologySpread) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{AssignedPodAdd | AssignedPodUpdateLabel | AssignedPodDelete, p.podMatters},
		{NodeAdd | NodeDelete | NodeUpdateLabel | NodeUpdateTaint, p.nodeMatters},
	}
}

func (p *podTopologySpread) podMatters(pod *model.Pod, e *Event) bool {
	return e.Pod.Namespace == pod.Namespace && slices.ContainsFunc(p.constraints(pod), func(c model.SpreadConstraint) bool {
		s := withKeys(c.Selector, pod.Labels, model.In, c.MatchLabelKeys)
		return s.Matches(e.Pod.Labels) != (e.OldPod != nil && s.Matches(e.OldPod.Labels))
	})
}

// constraints is the hard constraints of a pod.
func (p *podTopologySpread) constraints(pod *model.Pod) []model.SpreadConstraint {
	v := spreadView{plugin: p, pod: pod}
	var list []model.SpreadConstraint
	if pod.Spec.Placement != nil {
		list = pod.Spec.Placement.Spread
	}
	if len(list) == 0 {
		v.selector = p.handle.cache.selectors.of(pod)
		list = v.defaults()
	}
	return slices.DeleteFunc(slices.Clone(list), func(c model.SpreadConstraint) bool { return !c.Hard })
}

func (p *podTopologySpread) nodeMatters(pod *model.Pod, e *Event) bool {
	list := p.constraints(pod)
	has := func(n *model.Node) bool {
		return n != nil && !slices.ContainsFunc(list, func(c model.SpreadConstraint) bool { _, ok := n.Labels.Get(c.TopologyKey); return !ok })
	}
	before, after := has(e.OldNode), has(e.NewNode)
	if before != after || !after {
		return before != after
	}
	moved := slices.ContainsFunc(list, func(c model.SpreadConstraint) bool {
		return e.OldNode.Labels.Value(c.TopologyKey) != e.NewNode.Labels.Value(c.TopologyKey)
	})
	return moved || !slices.Equal(e.OldNode.Taints, e.NewNode.Taints)
}

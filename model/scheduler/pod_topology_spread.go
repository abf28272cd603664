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
	seen    []int32 // by constraint: domains among the feasible nodes
	stamps  [][]uint64
	stamp   uint64
	ignored []bool
	weights []float64 //tidy:float see naturalLog
}

// spread is a constraint and what it counts.
type spread struct {
	*model.SpreadConstraint
	*tally
	self int64 // 1 if the pod itself is selected
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
	v.survey(feasible)
	for i, id := range feasible {
		if scores[i] = 0; !v.ignored[i] {
			scores[i] = v.raw(id)
		}
	}
	v.normalize(scores)
	return true
}

// survey finds out which nodes count and how many domains they are in. A label
// that is missing is a domain of its own.
func (v *spreadView) survey(feasible []uint32) {
	if v.seen == nil {
		v.seen, v.stamps = make([]int32, len(v.soft)), make([][]uint64, len(v.soft))
		v.weights = make([]float64, len(v.soft)) //tidy:float see naturalLog
	}
	clear(v.seen)
	v.stamp++
	v.ignored = v.ignored[:0]
	counted := 0
	for _, id := range feasible {
		ignored := v.requireAll && slices.ContainsFunc(v.soft, func(c spread) bool { return c.topology.of[id] == 0 })
		v.ignored = append(v.ignored, ignored)
		if ignored {
			continue
		}
		counted++
		for i := range v.soft {
			v.see(i, v.soft[i].topology.of[id])
		}
	}
	for i := range v.soft {
		if v.soft[i].TopologyKey == model.LabelHostname {
			v.seen[i] = int32(counted)
		}
		v.weights[i] = naturalLog(int(v.seen[i]) + 2)
	}
}

func (v *spreadView) see(i int, domain int32) {
	for int(domain) >= len(v.stamps[i]) {
		v.stamps[i] = append(v.stamps[i], 0)
	}
	if v.stamps[i][domain] != v.stamp {
		v.stamps[i][domain] = v.stamp
		v.seen[i]++
	}
}

// raw is the pods in the node's domains; a domain among few weighs less.
func (v *spreadView) raw(id uint32) int64 {
	score := 0.0
	for i := range v.soft {
		c := &v.soft[i]
		if c.topology.of[id] == 0 {
			continue
		}
		n := c.perNode[id]
		if c.TopologyKey != model.LabelHostname {
			n, _ = c.at(id)
		}
		//tidy:float the product is rounded before the sum, as on the processors that do not fuse
		score += float64(float64(n)*v.weights[i]) + float64(c.MaxSkew-1)
	}
	return int64(math.Round(score))
}

// normalize turns counts around: the fewest pods get the most.
func (v *spreadView) normalize(scores []int64) {
	var most, least int64 = 0, math.MaxInt64
	for i, s := range scores {
		if !v.ignored[i] {
			most, least = max(most, s), min(least, s)
		}
	}
	for i, s := range scores {
		switch {
		case v.ignored[i]:
		case most == 0:
			scores[i] = MaxNodeScore
		default:
			scores[i] = MaxNodeScore * (most + least - s) / most
		}
	}
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

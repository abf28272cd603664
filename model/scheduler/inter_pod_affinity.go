package scheduler

import (
	"math"
	"slices"

	"orrery/model"
)

// interPodAffinity keeps pods together and apart: what a pod asks about those
// that are placed, and what those ask about it
// (pkg/scheduler/framework/plugins/interpodaffinity: filtering.go, scoring.go).
type interPodAffinity struct {
	handle                   *Handle
	args                     InterPodArgs
	affinity, anti, existing *Status
}

// InterPodArgs is InterPodAffinityArgs.
type InterPodArgs struct {
	// HardPodAffinityWeight is what a placed pod's required affinity to this
	// one adds; 1 by default.
	HardPodAffinityWeight int64
	// IgnorePreferredTermsOfExistingPods leaves those out for pods that prefer
	// nothing themselves.
	IgnorePreferredTermsOfExistingPods bool
}

func newInterPodAffinity(h *Handle) Plugin {
	p := &interPodAffinity{handle: h, args: h.profile.InterPod}
	p.affinity = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't match pod affinity rules")
	p.anti = h.Status(p.Name(), Unschedulable, "node(s) didn't match pod anti-affinity rules")
	p.existing = h.Status(p.Name(), Unschedulable, "node(s) didn't satisfy existing pods anti-affinity rules")
	return p
}

func (*interPodAffinity) Name() string { return "InterPodAffinity" }

// SignPod implements SignPlugin.
func (*interPodAffinity) SignPod(key []byte, pod *model.Pod) []byte {
	return signPlacement(signIdentity(key, pod), pod.Spec.Placement)
}

// affinityView is the sums of a class of pods.
type affinityView struct {
	plugin *interPodAffinity
	self   *kin
	termed int // how many kins with terms were looked at

	need    []*tally // by term of the pod's affinity: pods that all terms mean
	alone   bool     // the pod meets its own terms, so the first of its sort may go anywhere
	avoid   []*tally // by label key, of the pod's anti-affinity
	avoided []*tally // by label key: placed pods that want to be apart from it
	score   []*tally // by label key
}

// View implements WidePlugin.
func (p *interPodAffinity) View(pod *model.Pod) View {
	c := p.handle.cache
	v := &affinityView{plugin: p, self: arriving(pod), termed: len(c.termed)}
	v.alone = v.meant(v.self) == 1
	for i := range v.self.affinity {
		v.need = append(v.need, c.tally(v.self.affinity[i].key, v.meant, anyNode))
	}
	v.avoid = v.tallies(func(key string) func(*kin) int64 {
		return func(k *kin) int64 { return v.sum(v.self.anti, key, k, 1) }
	}, v.self.anti)
	v.avoided = v.tallies(func(key string) func(*kin) int64 {
		return func(k *kin) int64 { return v.sum(k.anti, key, v.self, 1) }
	}, v.asking(func(k *kin) []kinTerm { return k.anti })...)
	if !p.args.IgnorePreferredTermsOfExistingPods || len(v.self.preferred) > 0 {
		asking := v.asking(func(k *kin) []kinTerm { return slices.Concat(k.affinity, k.preferred) })
		v.score = v.tallies(v.preference, append(asking, v.self.preferred)...)
	}
	out := View{Watcher: v}
	if len(v.need)+len(v.avoid)+len(v.avoided) > 0 {
		out.Filter = v
	}
	if len(v.score) > 0 {
		out.Scorer = v
	}
	return out
}

func anyNode(*model.Node) bool { return true }

// meant is 1 if all terms of the pod's affinity mean the pods of k.
func (v *affinityView) meant(k *kin) int64 {
	for i := range v.self.affinity {
		if !v.plugin.handle.cache.selects(&v.self.affinity[i], k) {
			return 0
		}
	}
	if len(v.self.affinity) == 0 {
		return 0
	}
	return 1
}

// sum adds the terms of a label key that mean the pods of k, each with weight,
// or its own if that is 0.
func (v *affinityView) sum(terms []kinTerm, key string, k *kin, weight int64) (sum int64) {
	for i := range terms {
		t := &terms[i]
		if t.key != key || !v.plugin.handle.cache.selects(t, k) {
			continue
		}
		if weight != 0 {
			sum += weight
		} else {
			sum += t.weight
		}
	}
	return sum
}

// preference is what a placed pod adds to its domain's score.
func (v *affinityView) preference(key string) func(*kin) int64 {
	hard := v.plugin.args.HardPodAffinityWeight
	return func(k *kin) int64 {
		sum := v.sum(v.self.preferred, key, k, 0) + v.sum(k.preferred, key, v.self, 0)
		if hard > 0 {
			sum += v.sum(k.affinity, key, v.self, hard)
		}
		return sum
	}
}

// asking is the terms of each kin that has one which means the pod.
func (v *affinityView) asking(of func(*kin) []kinTerm) (out [][]kinTerm) {
	for _, k := range v.plugin.handle.cache.termed {
		if terms := of(k); v.asked(terms) {
			out = append(out, terms)
		}
	}
	return out
}

func (v *affinityView) asked(terms []kinTerm) bool {
	for i := range terms {
		if v.plugin.handle.cache.selects(&terms[i], v.self) {
			return true
		}
	}
	return false
}

// tallies makes a tally for every label key of the terms.
func (v *affinityView) tallies(weigh func(key string) func(*kin) int64, of ...[]kinTerm) (out []*tally) {
	var keys []string
	for _, terms := range of {
		for i := range terms {
			keys = append(keys, terms[i].key)
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		out = append(out, v.plugin.handle.cache.tally(key, weigh(key), anyNode))
	}
	return out
}

func (v *affinityView) all() []*tally { return slices.Concat(v.need, v.avoid, v.avoided, v.score) }

// Stale implements Watcher: pods with other terms may ask for or against it now.
func (v *affinityView) Stale() bool {
	termed := v.plugin.handle.cache.termed
	for ; v.termed < len(termed); v.termed++ {
		k := termed[v.termed]
		if v.asked(k.affinity) || v.asked(k.anti) || v.asked(k.preferred) {
			return v.drop()
		}
	}
	for _, list := range [...][]*tally{v.need, v.avoid, v.avoided, v.score} {
		if len(list) > 0 && list[0].dead {
			return v.drop()
		}
	}
	return false
}

func (v *affinityView) drop() bool {
	for _, t := range v.all() {
		t.dead = true
	}
	return true
}

// Filter implements WideFilter.
func (v *affinityView) Filter(id uint32) *Status {
	if !v.together(id) {
		return v.plugin.affinity
	}
	if positive(v.avoid, id) {
		return v.plugin.anti
	}
	if positive(v.avoided, id) {
		return v.plugin.existing
	}
	return nil
}

// together tells whether the node's domains have the pods that the pod wants to
// be with. If there are none anywhere, the first may go where all labels are.
func (v *affinityView) together(id uint32) bool {
	found, none := true, true
	for _, t := range v.need {
		sum, ok := t.at(id)
		if !ok || t.topology.of[id] == 0 {
			return false
		}
		found = found && sum > 0
	}
	if found {
		return true
	}
	for _, t := range v.need {
		none = none && t.empty()
	}
	return none && v.alone
}

func positive(list []*tally, id uint32) bool {
	for _, t := range list {
		if sum, ok := t.at(id); ok && sum > 0 {
			return true
		}
	}
	return false
}

// Score implements WideScorer: the lowest sum becomes 0, the highest the most.
func (v *affinityView) Score(feasible []uint32, scores []int64) bool {
	var least, most int64 = math.MaxInt64, math.MinInt64
	for i, id := range feasible {
		scores[i] = 0
		for _, t := range v.score {
			if sum, ok := t.at(id); ok {
				scores[i] += sum
			}
		}
		least, most = min(least, scores[i]), max(most, scores[i])
	}
	if most == least {
		clear(scores)
		return true
	}
	for i, s := range scores {
		share := float64(s-least) / float64(most-least) //tidy:float a quotient, rounded once on every processor
		scores[i] = int64(MaxNodeScore * share)
	}
	return true
}

// EventsToRegister implements EnqueueExtensions: a pod came that the pod wants
// to be with, one left or changed that the pod itself does not want to be with,
// or a node has a label that a term is about
// (plugin.go isSchedulableAfterPodChange, isSchedulableAfterNodeChange). A pod
// that went and did not want this one beside it is no news before v1.36
// (kubernetes/kubernetes pull request 135325): only the flush helps.
func (p *interPodAffinity) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{AssignedPodAdd, func(pod *model.Pod, e *Event) bool { return p.wants(pod, e.Pod) }},
		{AssignedPodUpdateLabel, func(pod *model.Pod, e *Event) bool {
			return !p.wants(pod, e.OldPod) && p.wants(pod, e.Pod) || p.shuns(pod, e.OldPod) && !p.shuns(pod, e.Pod)
		}},
		{AssignedPodDelete, func(pod *model.Pod, e *Event) bool { return p.shuns(pod, e.Pod) }},
		{NodeAdd | NodeUpdateLabel, p.located},
	}
}

// wants tells whether all terms of the pod's affinity mean the other.
func (p *interPodAffinity) wants(pod, other *model.Pod) bool {
	v := &affinityView{plugin: p, self: arriving(pod)}
	return v.meant(newKin(other)) == 1
}

// shuns tells whether all terms of the pod's anti-affinity mean the other. One
// would do, but kube-scheduler asks for all of them until v1.36
// (kubernetes/kubernetes pull request 139161).
func (p *interPodAffinity) shuns(pod, other *model.Pod) bool {
	self, o := arriving(pod), newKin(other)
	return len(self.anti) > 0 && !slices.ContainsFunc(self.anti, func(t kinTerm) bool { return !p.handle.cache.selects(&t, o) })
}

// located tells whether a node has a label that a term is about.
func (p *interPodAffinity) located(pod *model.Pod, e *Event) bool {
	if pod.Spec.Placement == nil {
		return false
	}
	for _, list := range [...][]model.PodTerm{pod.Spec.Placement.Affinity, pod.Spec.Placement.AntiAffinity} {
		for i := range list {
			if _, ok := e.NewNode.Labels.Get(list[i].TopologyKey); ok {
				return true
			}
		}
	}
	return false
}

package scheduler

import (
	"slices"

	"orrery/model"
)

// nodeAffinity refuses nodes that the pod's node selector or required node
// affinity does not match, and prefers those that its preferred terms match
// (pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go).
type nodeAffinity struct {
	added                              AddedAffinity
	mismatch, enforced, conflict, skip *Status
}

// AddedAffinity is what NodeAffinityArgs asks for on behalf of every pod.
type AddedAffinity struct {
	Required  []model.NodeTerm // any one must match; nil asks nothing
	Preferred []model.PreferredTerm
}

func newNodeAffinity(h *Handle) Plugin {
	p := &nodeAffinity{added: h.profile.AddedAffinity}
	p.mismatch = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't match Pod's node affinity/selector")
	p.enforced = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't match scheduler-enforced node affinity")
	p.conflict = h.Status(p.Name(), UnschedulableAndUnresolvable, "pod affinity terms conflict")
	p.skip = h.Status(p.Name(), Skip)
	return p
}

func (*nodeAffinity) Name() string { return "NodeAffinity" }

// SignPod implements SignPlugin.
func (*nodeAffinity) SignPod(key []byte, pod *model.Pod) []byte {
	key = signNumber(key, int64(len(pod.Spec.NodeSelector)))
	for _, l := range pod.Spec.NodeSelector {
		key = signText(signText(key, l.Key), l.Value)
	}
	if pod.Spec.Required != nil {
		key = append(key, '!')
	}
	key = signNumber(key, int64(len(pod.Spec.Required)))
	for i := range pod.Spec.Required {
		key = signTerm(key, &pod.Spec.Required[i])
	}
	key = signNumber(key, int64(len(pod.Spec.Preferred)))
	for i := range pod.Spec.Preferred {
		key = signTerm(signNumber(key, pod.Spec.Preferred[i].Weight), &pod.Spec.Preferred[i].Term)
	}
	return key
}

// PreFilter implements PreFilterPlugin. If every required term names nodes,
// only those are searched.
func (p *nodeAffinity) PreFilter(pod *model.Pod) (PreFilterResult, *Status) {
	if pod.Spec.NodeSelector == nil && pod.Spec.Required == nil && p.added.Required == nil {
		return PreFilterResult{}, p.skip
	}
	if len(pod.Spec.Required) == 0 {
		return PreFilterResult{}, nil
	}
	var names []string
	for i := range pod.Spec.Required {
		of, named := namesOf(&pod.Spec.Required[i])
		if !named {
			return PreFilterResult{}, nil
		}
		names = append(names, of...)
	}
	if len(names) == 0 {
		return PreFilterResult{}, p.conflict
	}
	slices.Sort(names)
	return PreFilterResult{Pinned: true, NodeNames: slices.Compact(names)}, nil
}

// namesOf is the nodes a term can match if it lists names: those that all its
// lists have in common.
func namesOf(t *model.NodeTerm) (names []string, named bool) {
	for i := range t.Names {
		r := &t.Names[i]
		if r.Op != model.In {
			continue
		}
		if !named {
			names, named = slices.Clone(r.Values), true
			continue
		}
		names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(r.Values, n) })
	}
	return names, named
}

// Filter implements FilterPlugin.
func (p *nodeAffinity) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if !matchesAny(p.added.Required, node.Node) {
		return p.enforced
	}
	if !matchesRequired(pod, node.Node) {
		return p.mismatch
	}
	return nil
}

// matchesRequired tells whether node has all labels of the pod's node selector
// and meets its required affinity, of which an empty list asks for what no
// node has (k8s.io/component-helpers/scheduling/corev1/nodeaffinity).
func matchesRequired(pod *model.Pod, node *model.Node) bool {
	for _, l := range pod.Spec.NodeSelector {
		if v, ok := node.Labels.Get(l.Key); !ok || v != l.Value {
			return false
		}
	}
	return matchesAny(pod.Spec.Required, node)
}

func matchesAny(terms []model.NodeTerm, node *model.Node) bool {
	if terms == nil {
		return true
	}
	for i := range terms {
		if terms[i].Matches(node.Name, node.Labels) {
			return true
		}
	}
	return false
}

// PreScore implements PreScorePlugin.
func (p *nodeAffinity) PreScore(pod *model.Pod) *Status {
	if len(pod.Spec.Preferred)+len(p.added.Preferred) == 0 {
		return p.skip
	}
	return nil
}

// Score implements ScorePlugin: the sum of the weights of the terms that match.
func (p *nodeAffinity) Score(pod *model.Pod, node *NodeInfo) (sum int64) {
	for _, list := range [...][]model.PreferredTerm{pod.Spec.Preferred, p.added.Preferred} {
		for i := range list {
			if t := &list[i]; t.Term.Matches(node.Node.Name, node.Node.Labels) {
				sum += t.Weight
			}
		}
	}
	return sum
}

// NormalizeScore implements ScoreExtensions.
func (*nodeAffinity) NormalizeScore(scores []int64) { normalizeToMax(scores) }

// EventsToRegister implements EnqueueExtensions.
func (p *nodeAffinity) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{NodeAdd | NodeUpdateLabel, func(pod *model.Pod, e *Event) bool {
		return matchesAny(p.added.Required, e.NewNode) && matchesRequired(pod, e.NewNode) && (e.OldNode == nil || !matchesRequired(pod, e.OldNode))
	}}}
}

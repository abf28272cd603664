package scheduler

import "orrery/model"

// taintToleration refuses nodes with a NoSchedule or NoExecute taint that the
// pod does not tolerate, and prefers those with fewer PreferNoSchedule ones
// (pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go).
type taintToleration struct{ untolerated *Status }

func newTaintToleration(h *Handle) Plugin {
	p := &taintToleration{}
	p.untolerated = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) had untolerated taint(s)")
	return p
}

func (*taintToleration) Name() string { return "TaintToleration" }

// SignPod implements SignPlugin.
func (*taintToleration) SignPod(key []byte, pod *model.Pod) []byte {
	return signTolerations(key, pod.Spec.Tolerations)
}

// Filter implements FilterPlugin.
func (p *taintToleration) Filter(pod *model.Pod, node *NodeInfo) *Status {
	if tolerates(pod, node.Node) {
		return nil
	}
	return p.untolerated
}

// tolerates tells whether the pod tolerates all taints of the node that keep
// pods away.
func tolerates(pod *model.Pod, node *model.Node) bool {
	for i := range node.Taints {
		t := &node.Taints[i]
		if (t.Effect == model.NoSchedule || t.Effect == model.NoExecute) && !model.Tolerated(pod.Spec.Tolerations, t) {
			return false
		}
	}
	return true
}

// Score implements ScorePlugin: the number of PreferNoSchedule taints that the
// pod does not tolerate.
func (*taintToleration) Score(pod *model.Pod, node *NodeInfo) (n int64) {
	for i := range node.Node.Taints {
		t := &node.Node.Taints[i]
		if t.Effect == model.PreferNoSchedule && !model.Tolerated(pod.Spec.Tolerations, t) {
			n++
		}
	}
	return n
}

// NormalizeScore implements ScoreExtensions: the fewer, the better.
func (*taintToleration) NormalizeScore(scores []int64) {
	normalizeToMax(scores)
	for i := range scores {
		scores[i] = MaxNodeScore - scores[i]
	}
}

// normalizeToMax makes the largest score MaxNodeScore and the others a share
// of it, rounded down; scores that are all 0 stay
// (pkg/scheduler/framework/plugins/helper/normalize_score.go).
func normalizeToMax(scores []int64) {
	var most int64
	for _, s := range scores {
		most = max(most, s)
	}
	if most == 0 {
		return
	}
	for i := range scores {
		scores[i] = MaxNodeScore * scores[i] / most
	}
}

// EventsToRegister implements EnqueueExtensions.
func (*taintToleration) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{NodeAdd | NodeUpdateTaint, func(pod *model.Pod, e *Event) bool {
		return tolerates(pod, e.NewNode) && (e.OldNode == nil || !tolerates(pod, e.OldNode))
	}}}
}

package scheduler

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"orrery/model"
)

// wanted is a line of what kube-scheduler v1.35.4 answered.
type wanted struct {
	Pod      string
	Node     string
	Feasible []struct {
		Node    string
		Plugins map[string]int64
	}
	Infeasible map[string]json.RawMessage
	RejectedBy map[string]string
}

// Every answer of every modeled plugin, and every reason, is the one that
// kube-scheduler's own plugins gave, in the state of the cluster that its own
// decisions led to. Plugins that are not modeled yet may reject or rate what
// they like: the choice is taken from the data. Of the binpack cases, which
// score resources otherwise, those scores are left out; the ratio cases change
// most plugins and are left out whole.
func TestPluginsAnswerAsThoseOfKubeScheduler(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/conformance/scheduler/*.want.jsonl")
	if len(files) == 0 {
		t.Skip("no conformance data beside the checkout: shared/conformance/scheduler")
	}
	var c conformance
	for _, f := range files {
		if c.t, c.file = t, filepath.Base(f); strings.HasPrefix(c.file, "ratio") {
			continue
		}
		c.run(f)
	}
	t.Logf("%d pods, %d scores, %d rejections compared", c.pods, c.scores, c.rejections)
}

type conformance struct {
	t          *testing.T
	file       string
	search     *search
	pods       int
	scores     int
	rejections int
}

func (c *conformance) run(file string) {
	nodes, pods := readList(c.t, strings.TrimSuffix(file, ".want.jsonl")+".json")
	c.search = newSearch(0, 100)
	for i, n := range nodes {
		n.ID = uint32(i + 1)
		c.search.cache.setNode(n.ID, n)
	}
	f, err := os.Open(file)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var w wanted
		if err := json.Unmarshal(line, &w); err != nil {
			c.t.Fatal(err)
		}
		p := pods[w.Pod]
		c.pods++
		c.filters(p, &w)
		c.compareScores(p, &w)
		if w.Node != "" {
			c.search.cache.charge(c.search.cache.byName[w.Node], p.Spec, 1)
		}
	}
}

// filters compares who passes and who is rejected first, by whom and why.
func (c *conformance) filters(p *model.Pod, w *wanted) {
	k := c.search.classes.of(p)
	if k.refused != nil {
		c.t.Errorf("%s %s: a PreFilter refused: %v", c.file, w.Pod, k.refused.Reasons)
	}
	for _, f := range w.Feasible {
		if st := c.reject(k, f.Node, ""); st != nil {
			c.t.Errorf("%s %s: %s rejects %s, want feasible", c.file, w.Pod, c.search.framework.pluginOf(st), f.Node)
		}
	}
	for node, by := range w.RejectedBy {
		if k.pinned && !slices.Contains(k.names, node) {
			continue
		}
		c.rejections++
		st := c.reject(k, node, by)
		modeled := registry[by] != nil
		if modeled != (st != nil) || st != nil && c.search.framework.pluginOf(st) != by {
			c.t.Errorf("%s %s: %s: got %+v, want it rejected by %s", c.file, w.Pod, node, st, by)
			continue
		}
		var reasons []string
		if json.Unmarshal(w.Infeasible[node], &reasons) != nil {
			var one string
			json.Unmarshal(w.Infeasible[node], &one)
			reasons = []string{one}
		}
		if modeled && !sameSet(st.Reasons, reasons) {
			c.t.Errorf("%s %s: %s: reasons %q, want %q", c.file, w.Pod, node, st.Reasons, reasons)
		}
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// filterOrder is where plugins that are not modeled stand in the profile.
var filterOrder = []string{"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "PodTopologySpread", "InterPodAffinity"}

// reject is the first rejection of a node by the plugins up to and with by.
func (c *conformance) reject(k *class, node, by string) *Status {
	last := slices.Index(filterOrder, by)
	for _, p := range k.filter {
		if last >= 0 && slices.Index(filterOrder, p.Name()) > last {
			return nil
		}
		if st := p.Filter(k.pod, c.search.cache.row(c.search.cache.byName[node])); st != nil {
			return st
		}
	}
	return nil
}

func (c *conformance) compareScores(p *model.Pod, w *wanted) {
	if len(w.Feasible) < 2 {
		return
	}
	k := c.search.classes.of(p)
	for _, s := range slices.Concat(k.plain, k.relative) {
		if s.Name() == "NodeResourcesFit" && strings.HasPrefix(c.file, "binpack") {
			continue
		}
		scores := make([]int64, len(w.Feasible))
		for i, f := range w.Feasible {
			scores[i] = s.Score(p, c.search.cache.row(c.search.cache.byName[f.Node]))
		}
		if x, ok := s.ScorePlugin.(ScoreExtensions); ok {
			x.NormalizeScore(scores)
		}
		for i, f := range w.Feasible {
			c.scores++
			if got, want := scores[i]*s.weight, f.Plugins[s.Name()]; got != want {
				c.t.Errorf("%s %s: %s gives %s %d, want %d", c.file, w.Pod, s.Name(), f.Node, got, want)
			}
		}
	}
}

// readList reads what the modeled plugins look at.
func readList(t *testing.T, file string) (nodes []*model.Node, pods map[string]*model.Pod) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	pods = map[string]*model.Pod{}
	for _, raw := range list.Items {
		var kind struct{ Kind string }
		json.Unmarshal(raw, &kind)
		switch kind.Kind {
		case "Node":
			var n corev1.Node
			if err := json.Unmarshal(raw, &n); err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, nodeOf(&n))
		case "Pod":
			var p corev1.Pod
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			pods[p.Namespace+"/"+p.Name] = &model.Pod{
				Meta: model.Meta{Kind: model.KindPod, Namespace: p.Namespace, Name: p.Name}, Spec: specOf(&p.Spec),
			}
		}
	}
	return nodes, pods
}

func nodeOf(n *corev1.Node) *model.Node {
	out := &model.Node{
		Meta:          model.Meta{Kind: model.KindNode, Name: n.Name, Labels: model.MakeLabels(n.Labels)},
		Unschedulable: n.Spec.Unschedulable,
		Allocatable:   resourcesOf(n.Status.Allocatable),
	}
	for _, x := range n.Spec.Taints {
		out.Taints = append(out.Taints, model.Taint{Key: x.Key, Value: x.Value, Effect: effectOf(x.Effect)})
	}
	return out
}

func effectOf(e corev1.TaintEffect) model.Effect {
	for _, x := range []model.Effect{model.NoSchedule, model.PreferNoSchedule, model.NoExecute} {
		if x.String() == string(e) {
			return x
		}
	}
	return model.AnyEffect
}

func resourcesOf(l corev1.ResourceList) (r model.Resources) {
	for name, q := range l {
		switch name {
		case corev1.ResourceCPU:
			r.CPUMilli = q.MilliValue()
		case corev1.ResourceMemory:
			r.MemoryBytes = q.Value()
		case corev1.ResourceEphemeralStorage:
			r.EphemeralBytes = q.Value()
		case corev1.ResourcePods:
			r.Pods = q.Value()
		default:
			r.Extended = append(r.Extended, model.Extended{Name: string(name), Count: q.Value()})
		}
	}
	slices.SortFunc(r.Extended, func(a, b model.Extended) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func specOf(s *corev1.PodSpec) *model.PodSpec {
	out := &model.PodSpec{SchedulerName: Name, Overhead: resourcesOf(s.Overhead)}
	for _, c := range s.Containers {
		out.Containers = append(out.Containers, model.Container{Name: c.Name, Requests: resourcesOf(c.Resources.Requests)})
	}
	for _, c := range s.InitContainers {
		out.InitContainers = append(out.InitContainers, model.Container{
			Name: c.Name, Requests: resourcesOf(c.Resources.Requests),
			Sidecar: c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways,
		})
	}
	if len(s.NodeSelector) > 0 {
		out.NodeSelector = model.MakeLabels(s.NodeSelector)
	}
	for _, x := range s.Tolerations {
		out.Tolerations = append(out.Tolerations, model.Toleration{
			Key: x.Key, Value: x.Value, Exists: x.Operator == corev1.TolerationOpExists, Effect: effectOf(x.Effect),
		})
	}
	if s.Affinity != nil && s.Affinity.NodeAffinity != nil {
		if r := s.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; r != nil {
			out.Required = []model.NodeTerm{}
			for i := range r.NodeSelectorTerms {
				out.Required = append(out.Required, termOf(&r.NodeSelectorTerms[i]))
			}
		}
		for _, x := range s.Affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			out.Preferred = append(out.Preferred, model.PreferredTerm{Weight: int64(x.Weight), Term: termOf(&x.Preference)})
		}
	}
	out.SumRequests()
	return out
}

func termOf(t *corev1.NodeSelectorTerm) model.NodeTerm {
	return model.NodeTerm{Labels: requirementsOf(t.MatchExpressions), Names: requirementsOf(t.MatchFields)}
}

func requirementsOf(list []corev1.NodeSelectorRequirement) (out []model.Requirement) {
	operators := map[corev1.NodeSelectorOperator]model.Operator{
		corev1.NodeSelectorOpIn: model.In, corev1.NodeSelectorOpNotIn: model.NotIn, corev1.NodeSelectorOpExists: model.Exists,
		corev1.NodeSelectorOpDoesNotExist: model.DoesNotExist, corev1.NodeSelectorOpGt: model.GreaterThan, corev1.NodeSelectorOpLt: model.LessThan,
	}
	for _, r := range list {
		out = append(out, model.Requirement{Key: r.Key, Op: operators[r.Operator], Values: r.Values})
	}
	return out
}

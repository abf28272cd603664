package scheduler

import (
	"math"
	"slices"
	"strings"

	"orrery/model"
)

// The slow twins of the plugins that look across nodes: everything is counted
// over all nodes and pods for every question.

type plainScores struct {
	weight int64
	scores []int64
}

// wideFilter is what the plugin called name says, if it looks across nodes.
func (p *plain) wideFilter(name string, pod *model.Pod, node *model.Node) *Status {
	find := func(plugin, reason string) *Status {
		for _, st := range p.framework.statuses {
			if p.framework.pluginOf(st) == plugin && len(st.Reasons) > 0 && st.Reasons[0] == reason {
				return st
			}
		}
		panic("no such status: " + reason)
	}
	reason := ""
	switch name {
	case "PodTopologySpread":
		reason = p.spreadFilter(pod, node)
	case "InterPodAffinity":
		reason = p.affinityFilter(pod, node)
	}
	if reason == "" {
		return nil
	}
	return find(name, reason)
}

func (p *plain) wideScores(pod *model.Pod, feasible []*NodeInfo) []plainScores {
	return []plainScores{{2, p.spreadScore(pod, feasible)}, {2, p.affinityScore(pod, feasible)}, {1, p.imageScore(pod, feasible)}}
}

// constraints is the hard or the soft constraints of a pod, selectors complete.
func (p *plain) constraints(pod *model.Pod, hard bool) (out []model.SpreadConstraint, own bool) {
	if pl := pod.Spec.Placement; pl != nil && len(pl.Spread) > 0 {
		for _, c := range pl.Spread {
			if c.Hard == hard {
				c.Selector = plainSelector(c.Selector, pod, model.In, c.MatchLabelKeys)
				out = append(out, c)
			}
		}
		return out, true
	}
	s := &model.Selector{}
	for _, x := range p.services {
		if x.Namespace == pod.Namespace && x.Selector.Matches(pod.Labels) {
			s.Requirements = append(s.Requirements, x.Selector.Requirements...)
		}
	}
	if o := p.owners[pod.Owner]; o != nil {
		s.Requirements = append(s.Requirements, o.Requirements...)
	}
	if hard || len(s.Requirements) == 0 {
		return nil, false
	}
	return []model.SpreadConstraint{
		{TopologyKey: "kubernetes.io/hostname", MaxSkew: 3, Selector: s},
		{TopologyKey: "topology.kubernetes.io/zone", MaxSkew: 5, Selector: s},
	}, false
}

func plainSelector(s *model.Selector, pod *model.Pod, op model.Operator, keys []string) *model.Selector {
	if s == nil {
		return nil
	}
	out := &model.Selector{Requirements: slices.Clone(s.Requirements)}
	for _, k := range keys {
		if v, ok := pod.Labels.Get(k); ok {
			out.Requirements = append(out.Requirements, model.Requirement{Key: k, Op: op, Values: []string{v}})
		}
	}
	return out
}

func hasAll(n *model.Node, list []model.SpreadConstraint) bool {
	for _, c := range list {
		if _, ok := n.Labels.Get(c.TopologyKey); !ok {
			return false
		}
	}
	return true
}

func included(c *model.SpreadConstraint, pod *model.Pod, n *model.Node) bool {
	return (c.IgnoreAffinity || matchesRequired(pod, n)) && (!c.HonorTaints || tolerates(pod, n))
}

// on counts the pods on a node that a constraint of pod is about.
func (p *plain) on(n *model.Node, c *model.SpreadConstraint, pod *model.Pod) (count int64) {
	for _, x := range p.pods {
		if x.node == n.ID && x.Namespace == pod.Namespace && x.DeletionAt == 0 &&
			c.Selector != nil && len(c.Selector.Requirements) > 0 && c.Selector.Matches(x.Labels) {
			count++
		}
	}
	return count
}

func (p *plain) spreadFilter(pod *model.Pod, node *model.Node) string {
	list, _ := p.constraints(pod, true)
	for i := range list {
		c := &list[i]
		value, ok := node.Labels.Get(c.TopologyKey)
		if !ok {
			return "node(s) didn't match pod topology spread constraints (missing required label)"
		}
		counts := map[string]int64{}
		for _, n := range p.joined {
			if hasAll(n, list) && included(c, pod, n) {
				counts[n.Labels.Value(c.TopologyKey)] += p.on(n, c, pod)
			}
		}
		var least int64 = math.MaxInt64
		for _, n := range counts {
			least = min(least, n)
		}
		if len(counts) < int(c.MinDomains) || len(counts) == 0 {
			least = 0
		}
		skew := counts[value] - least
		if c.Selector.Matches(pod.Labels) {
			skew++
		}
		if skew > int64(c.MaxSkew) {
			return "node(s) didn't match pod topology spread constraints"
		}
	}
	return ""
}

func (p *plain) spreadScore(pod *model.Pod, feasible []*NodeInfo) []int64 {
	scores := make([]int64, len(feasible))
	list, own := p.constraints(pod, false)
	if len(list) == 0 {
		return scores
	}
	ignored := func(n *model.Node) bool { return own && !hasAll(n, list) }
	raw := make([]float64, len(feasible))
	for i := range list {
		c := &list[i]
		values, counted := map[string]int64{}, 0
		for _, f := range feasible {
			if !ignored(f.Node) {
				values[f.Node.Labels.Value(c.TopologyKey)] = 0
				counted++
			}
		}
		size := len(values)
		if c.TopologyKey == "kubernetes.io/hostname" {
			size = counted
		}
		for _, n := range p.joined {
			if _, ok := values[n.Labels.Value(c.TopologyKey)]; ok && !ignored(n) && included(c, pod, n) {
				values[n.Labels.Value(c.TopologyKey)] += p.on(n, c, pod)
			}
		}
		for j, f := range feasible {
			v, ok := f.Node.Labels.Get(c.TopologyKey)
			count := values[v]
			if c.TopologyKey == "kubernetes.io/hostname" {
				count = p.on(f.Node, c, pod)
			}
			if ok {
				raw[j] += float64(count)*math.Log(float64(size+2)) + float64(c.MaxSkew-1)
			}
		}
	}
	var least, most int64 = math.MaxInt64, 0
	for i, f := range feasible {
		if !ignored(f.Node) {
			scores[i] = int64(math.Round(raw[i]))
			least, most = min(least, scores[i]), max(most, scores[i])
		}
	}
	for i, f := range feasible {
		switch {
		case ignored(f.Node):
			scores[i] = 0
		case most == 0:
			scores[i] = 100
		default:
			scores[i] = 100 * (most + least - scores[i]) / most
		}
	}
	return scores
}

// means tells whether a term of the pod called from is about the other.
func means(t *model.PodTerm, from, other *model.Pod) bool {
	inside := slices.Contains(t.Namespaces, other.Namespace) ||
		t.NamespaceSelector != nil && t.NamespaceSelector.Matches(model.Labels{{Key: "kubernetes.io/metadata.name", Value: other.Namespace}})
	if len(t.Namespaces) == 0 && t.NamespaceSelector == nil {
		inside = from.Namespace == other.Namespace
	}
	s := plainSelector(plainSelector(t.Selector, from, model.In, t.MatchLabelKeys), from, model.NotIn, t.MismatchLabelKeys)
	return inside && s.Matches(other.Labels)
}

// meansArriving is means for a pod that looks for a node: what it asks of
// namespaces is asked again about no labels (see arriving).
func meansArriving(t *model.PodTerm, pod, other *model.Pod) bool {
	anywhere := *t
	anywhere.Namespaces = append(slices.Clone(t.Namespaces), other.Namespace)
	return means(t, pod, other) || t.NamespaceSelector != nil && t.NamespaceSelector.Matches(nil) && means(&anywhere, pod, other)
}

func placementOf(pod *model.Pod) *model.Placement {
	if pod.Spec.Placement == nil {
		return &model.Placement{}
	}
	return pod.Spec.Placement
}

// together tells whether x is in the domain of a node.
func (p *plain) together(x plainPod, key string, n *model.Node) bool {
	v, ok := n.Labels.Get(key)
	i := slices.IndexFunc(p.joined, func(n *model.Node) bool { return n.ID == x.node })
	if !ok || i < 0 {
		return false
	}
	w, has := p.joined[i].Labels.Get(key)
	return has && v == w
}

// counts tells whether x is in any domain of the key at all.
func (p *plain) counts(x plainPod, key string) bool {
	return slices.ContainsFunc(p.joined, func(n *model.Node) bool { return n.ID == x.node && p.together(x, key, n) })
}

func (p *plain) affinityFilter(pod *model.Pod, node *model.Node) string {
	if !p.wanted(pod, node) {
		return "node(s) didn't match pod affinity rules"
	}
	for _, x := range p.pods {
		for _, t := range placementOf(pod).AntiAffinity {
			if meansArriving(&t, pod, x.Pod) && p.together(x, t.TopologyKey, node) {
				return "node(s) didn't match pod anti-affinity rules"
			}
		}
	}
	for _, x := range p.pods {
		for _, t := range placementOf(x.Pod).AntiAffinity {
			if means(&t, x.Pod, pod) && p.together(x, t.TopologyKey, node) {
				return "node(s) didn't satisfy existing pods anti-affinity rules"
			}
		}
	}
	return ""
}

func (p *plain) wanted(pod *model.Pod, node *model.Node) bool {
	terms := placementOf(pod).Affinity
	all := func(o *model.Pod) bool {
		return !slices.ContainsFunc(terms, func(t model.PodTerm) bool { return !meansArriving(&t, pod, o) })
	}
	here, anywhere := true, false
	for _, t := range terms {
		if _, ok := node.Labels.Get(t.TopologyKey); !ok {
			return false
		}
		found := false
		for _, x := range p.pods {
			if all(x.Pod) {
				found = found || p.together(x, t.TopologyKey, node)
				anywhere = anywhere || p.counts(x, t.TopologyKey)
			}
		}
		here = here && found
	}
	return here || !anywhere && all(pod)
}

func (p *plain) affinityScore(pod *model.Pod, feasible []*NodeInfo) []int64 {
	scores := make([]int64, len(feasible))
	var least, most int64 = math.MaxInt64, math.MinInt64
	for i, f := range feasible {
		for _, x := range p.pods {
			add := func(t *model.PodTerm, meant bool, weight int64) {
				if meant && p.together(x, t.TopologyKey, f.Node) {
					scores[i] += weight
				}
			}
			for _, t := range placementOf(pod).Preferred {
				add(&t, meansArriving(&t, pod, x.Pod), t.Weight)
			}
			for _, t := range placementOf(x.Pod).Preferred {
				add(&t, means(&t, x.Pod, pod), t.Weight)
			}
			for _, t := range placementOf(x.Pod).Affinity {
				add(&t, means(&t, x.Pod, pod), 1)
			}
		}
		least, most = min(least, scores[i]), max(most, scores[i])
	}
	for i := range scores {
		if most == least {
			scores[i] = 0
		} else {
			scores[i] = int64(100 * (float64(scores[i]-least) / float64(most-least)))
		}
	}
	return scores
}

func (p *plain) imageScore(pod *model.Pod, feasible []*NodeInfo) []int64 {
	scores := make([]int64, len(feasible))
	list := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	has := func(n *model.Node, name string) (int64, bool) {
		for _, x := range n.Images {
			if x.Name == name {
				return x.Bytes, true
			}
		}
		return 0, false
	}
	for i, f := range feasible {
		var sum int64
		for _, c := range list {
			name, nodes := c.Image, 0
			if strings.LastIndex(name, ":") <= strings.LastIndex(name, "/") {
				name += ":latest"
			}
			for _, n := range p.joined {
				if _, ok := has(n, name); ok {
					nodes++
				}
			}
			if size, ok := has(f.Node, name); ok {
				sum += int64(float64(size) * (float64(nodes) / float64(len(p.joined))))
			}
		}
		lo, hi := int64(23<<20), int64(1000<<20)*int64(len(list))
		scores[i] = 100 * (min(max(sum, lo), hi) - lo) / (hi - lo)
	}
	return scores
}

// pod is a template of pods.
func (c *chaos) pod() *model.Pod {
	if c.even && !c.one(4) { // nothing but requests, and perhaps a Service
		m := model.Meta{Kind: model.KindPod, Namespace: pick(c, "quiet", "one", "two"), Labels: c.labels()}
		return &model.Pod{Meta: m, Spec: spec(int64(c.n(20))*100, int64(c.n(8))*gib)}
	}
	p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: pick(c, "one", "one", "two"), Labels: c.labels()}, Spec: c.spec()}
	if c.one(3) {
		p.Owner = model.Ref{Kind: model.KindReplicaSet, ID: uint32(1 + c.n(3))}
	}
	return p
}

func (c *chaos) labels() model.Labels {
	return model.MakeLabels(map[string]string{"app": pick(c, "web", "db", "cache"), "track": pick(c, "old", "new")})
}

func (c *chaos) selector() *model.Selector {
	return pick(c,
		model.SelectorOf(model.Labels{{Key: "app", Value: pick(c, "web", "db", "cache")}}),
		model.SelectorOf(model.Labels{{Key: "app", Value: pick(c, "web", "db", "cache")}}),
		&model.Selector{Requirements: []model.Requirement{{Key: "app", Op: model.NotIn, Values: []string{"db"}}}},
		&model.Selector{}, nil,
	)
}

func (c *chaos) key() string {
	return pick(c, model.LabelHostname, model.LabelZone, model.LabelZone, "disk", "rack")
}

func (c *chaos) placement() *model.Placement {
	p := &model.Placement{}
	if c.one(4) {
		p.HostPorts = []model.HostPort{{IP: pick(c, "0.0.0.0", "10.0.0.1", "10.0.0.2"), Protocol: pick(c, "TCP", "UDP"), Port: int32(80 + c.n(3))}}
	}
	for range c.n(5) / 3 {
		p.Affinity = append(p.Affinity, c.podTerm(0))
	}
	for range c.n(4) / 3 {
		p.AntiAffinity = append(p.AntiAffinity, c.podTerm(0))
	}
	for range c.n(5) / 2 {
		p.Preferred = append(p.Preferred, c.podTerm(int64(c.n(201)-100)))
	}
	for range c.n(5) / 2 {
		s := model.SpreadConstraint{
			TopologyKey: c.key(), MaxSkew: int32(1 + c.n(4)), Hard: c.one(2), Selector: c.selector(), MinDomains: int32(1 + c.n(7)/2),
			IgnoreAffinity: c.one(3), HonorTaints: c.one(3),
		}
		if c.one(4) {
			s.MatchLabelKeys = []string{"track", "none"}
		}
		p.Spread = append(p.Spread, s)
	}
	return p
}

func (c *chaos) podTerm(weight int64) model.PodTerm {
	t := model.PodTerm{TopologyKey: c.key(), Selector: c.selector(), Weight: weight}
	if c.one(5) {
		t.Namespaces = []string{pick(c, "one", "two")}
	}
	if c.one(6) {
		t.NamespaceSelector = pick(c, &model.Selector{}, model.SelectorOf(model.Labels{{Key: "kubernetes.io/metadata.name", Value: "two"}}),
			&model.Selector{Requirements: []model.Requirement{{Key: "kubernetes.io/metadata.name", Op: model.NotIn, Values: []string{"one"}}}})
	}
	if c.one(6) {
		t.MatchLabelKeys = []string{"track"}
	} else if c.one(6) {
		t.MismatchLabelKeys = []string{"track"}
	}
	return t
}

// service adds or removes a Service in both worlds.
func (w *twins) service() {
	id := uint32(1 + w.c.n(4))
	i := slices.IndexFunc(w.slow.services, func(s *model.Service) bool { return s.ID == id })
	if i >= 0 {
		w.fast.cache.setService(id, w.slow.services[i].Namespace, nil)
		w.slow.services = slices.Delete(w.slow.services, i, i+1)
		return
	}
	s := &model.Service{Meta: model.Meta{Kind: model.KindService, ID: id, Namespace: pick(&w.c, "one", "two")},
		Selector: model.SelectorOf(model.Labels{{Key: "app", Value: pick(&w.c, "web", "db", "cache")}})}
	w.fast.cache.setService(id, s.Namespace, s)
	w.slow.services = append(w.slow.services, s)
}

// owner changes what a controller selects in both worlds.
func (w *twins) owner() {
	ref := model.Ref{Kind: model.KindReplicaSet, ID: uint32(1 + w.c.n(3))}
	s := w.c.selector()
	w.fast.cache.setOwner(ref, s)
	w.slow.owners[ref] = s
}

func libraryLog(n int) float64 { return math.Log(float64(n)) }

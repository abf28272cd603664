package scheduler

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"orrery/model"
)

// Change is something that would have to be different for a node to take a pod.
type Change struct {
	Text string // "500m CPU more", "tolerate taint a=b:NoSchedule"
	// Missing is how much of a resource is missing, in thousandths of what the
	// node has of it; 0 of what is no amount.
	Missing int64
}

// Adviser is a FilterPlugin that knows what would have to change. Of one that
// does not its reasons are told.
type Adviser interface {
	Advise(pod *model.Pod, node *NodeInfo) []Change
}

// WideAdviser is the same of a WideFilter.
type WideAdviser interface {
	Advise(node uint32) []Change
}

// changes is everything that would have to be different for a pod of class c to
// go to a node that refuses it: what each plugin wants, not only the first.
func (s *search) changes(c *class, id uint32) (out []Change) {
	row := &s.cache.rows[id]
	for _, p := range c.local {
		st := p.Filter(c.asked, row)
		if st == nil {
			continue
		}
		if x, ok := p.(Adviser); ok {
			out = append(out, x.Advise(c.asked, row)...)
		} else {
			out = append(out, told(st)...)
		}
	}
	for _, f := range c.filter {
		st := f.Filter(id)
		if st == nil {
			continue
		}
		if x, ok := f.(WideAdviser); ok {
			out = append(out, x.Advise(id)...)
		} else {
			out = append(out, told(st)...)
		}
	}
	if len(out) == 0 { // it fits but for those that are to come
		for _, p := range s.nominated.byNode[id] {
			if p.Spec.Priority >= c.pod.Spec.Priority {
				out = append(out, Change{Text: "room beside pod/" + p.Namespace + "/" + p.Name + ", which waits for the node"})
			}
		}
	}
	return out
}

// told is the reasons of a status as they are.
func told(st *Status) (out []Change) {
	for _, r := range st.Reasons {
		out = append(out, Change{Text: "not: " + r})
	}
	return out
}

// ByEffort puts the nodes that need fewer changes first, and of those with as
// many the ones that miss less.
func ByEffort(list []Rejection) []Rejection {
	out := slices.Clone(list)
	missing := func(r *Rejection) (sum int64) {
		for _, c := range r.Changes {
			sum += c.Missing
		}
		return sum
	}
	slices.SortStableFunc(out, func(a, b Rejection) int {
		return cmp.Or(cmp.Compare(len(a.Changes), len(b.Changes)), cmp.Compare(missing(&a), missing(&b)))
	})
	return out
}

// Advise implements Adviser.
func (*nodeUnschedulable) Advise(*model.Pod, *NodeInfo) []Change {
	return []Change{{Text: "uncordon it"}}
}

// Advise implements Adviser.
func (*taintToleration) Advise(pod *model.Pod, node *NodeInfo) (out []Change) {
	for i := range node.Node.Taints {
		t := &node.Node.Taints[i]
		if t.Effect != model.PreferNoSchedule && !model.Tolerated(pod.Spec.Tolerations, t) {
			out = append(out, Change{Text: "tolerate taint " + t.String()})
		}
	}
	return out
}

// Advise implements Adviser. Of several alternatives the one counts of which
// least is missing.
func (p *nodeAffinity) Advise(pod *model.Pod, node *NodeInfo) (out []Change) {
	n := node.Node
	for _, l := range pod.Spec.NodeSelector {
		if v, ok := n.Labels.Get(l.Key); !ok || v != l.Value {
			out = append(out, Change{Text: "label " + l.Key + "=" + l.Value})
		}
	}
	for _, terms := range [...][]model.NodeTerm{pod.Spec.Required, p.added.Required} {
		if matchesAny(terms, n) {
			continue
		}
		least := []Change{{Text: "a node affinity that any node meets"}}
		for i := range terms {
			if c := unmet(&terms[i], n); len(c) > 0 && (i == 0 || len(c) < len(least)) {
				least = c
			}
		}
		out = append(out, least...)
	}
	return out
}

// unmet is what a node lacks for a term.
func unmet(t *model.NodeTerm, n *model.Node) (out []Change) {
	for i := range t.Labels {
		if r := &t.Labels[i]; !r.Matches(n.Labels) {
			out = append(out, Change{Text: "label " + inWords(r)})
		}
	}
	for i := range t.Names {
		if r := &t.Names[i]; !r.Matches(model.Labels{{Key: r.Key, Value: n.Name}}) {
			out = append(out, Change{Text: "name " + inWords(r)})
		}
	}
	return out
}

// inWords is a requirement as kubectl would take it.
func inWords(r *model.Requirement) string {
	list := "(" + strings.Join(r.Values, ",") + ")"
	switch r.Op {
	case model.In:
		if len(r.Values) == 1 {
			return r.Key + "=" + r.Values[0]
		}
		return r.Key + " in " + list
	case model.NotIn:
		return r.Key + " not in " + list
	case model.Exists:
		return r.Key
	case model.DoesNotExist:
		return r.Key + " absent"
	case model.GreaterThan:
		return r.Key + " > " + strings.Join(r.Values, ",")
	}
	return r.Key + " < " + strings.Join(r.Values, ",")
}

func selectorInWords(s *model.Selector) string {
	if s == nil {
		return "none at all"
	}
	var words []string
	for i := range s.Requirements {
		words = append(words, inWords(&s.Requirements[i]))
	}
	if len(words) == 0 {
		return "any pod"
	}
	return strings.Join(words, ",")
}

// Advise implements Adviser.
func (*nodePorts) Advise(pod *model.Pod, node *NodeInfo) (out []Change) {
	for _, w := range portsOf(pod) {
		if slices.ContainsFunc(node.UsedPorts, w.Conflicts) {
			out = append(out, Change{Text: "host port " + strconv.Itoa(int(w.Port)) + "/" + w.Protocol + " free"})
		}
	}
	return out
}

// Advise implements Adviser.
func (p *nodeResourcesFit) Advise(pod *model.Pod, node *NodeInfo) (out []Change) {
	want, all, used := &pod.Spec.Request, &node.Node.Allocatable, &node.Requested
	add := func(want, all, used int64, words func(int64) string) {
		if short(1, want, all, used) == 0 {
			return
		}
		c := Change{Text: words(want-all+used) + " more", Missing: 1000 * (want - all + used) / max(all, 1)}
		if want > all {
			c.Text = words(want-all) + " more than all of it has"
		}
		out = append(out, c)
	}
	if int64(len(node.Pods))+1 > all.Pods {
		out = append(out, Change{Text: "room for another pod than the " + strconv.FormatInt(all.Pods, 10) + " it may have"})
	}
	add(want.CPUMilli, all.CPUMilli, used.MilliCPU, func(n int64) string { return cores(n) + " CPU" })
	add(want.MemoryBytes, all.MemoryBytes, used.Memory, func(n int64) string { return bytes(n) + " memory" })
	add(want.EphemeralBytes, all.EphemeralBytes, used.EphemeralStorage, func(n int64) string { return bytes(n) + " ephemeral-storage" })
	for _, x := range want.Extended {
		if !p.args.ignores(x.Name) {
			add(x.Count, all.ExtendedCount(x.Name), used.scalar(x.Name), func(n int64) string { return strconv.FormatInt(n, 10) + " " + x.Name })
		}
	}
	return out
}

func cores(milli int64) string {
	if milli%1000 == 0 {
		return strconv.FormatInt(milli/1000, 10)
	}
	return strconv.FormatInt(milli, 10) + "m"
}

// bytes is an amount of at least n in the unit that suits it.
func bytes(n int64) string {
	for _, u := range [...]struct {
		size, from int64
		name       string
	}{{1 << 30, 100 << 30, "Gi"}, {1 << 20, 100 << 20, "Mi"}, {1 << 10, 100 << 10, "Ki"}} {
		if n >= u.from || n > 0 && n%u.size == 0 {
			return strconv.FormatInt((n-1)/u.size+1, 10) + u.name
		}
	}
	return model.Counted(n, "byte")
}

// Advise implements WideAdviser.
func (v *spreadView) Advise(id uint32) (out []Change) {
	for i := range v.hard {
		c := &v.hard[i]
		sum, ok := c.at(id)
		if !ok {
			return append(out, Change{Text: "label " + c.TopologyKey})
		}
		least := c.minimum()
		if c.domains < int(max(c.MinDomains, 1)) {
			least = 0
		}
		if over := sum + c.self - least - int64(c.MaxSkew); over > 0 {
			there := v.plugin.handle.cache.domain(id, c.TopologyKey)
			out = append(out, Change{Text: model.Counted(over, "fewer pod") + " of its sort in " + there + ", or as many more elsewhere"})
		}
	}
	return out
}

// domain is a node's domain in words: "topology.kubernetes.io/zone=a".
func (c *cache) domain(id uint32, key string) string {
	return key + "=" + c.rows[id].Node.Labels.Value(key)
}

// Advise implements WideAdviser. Like Filter it tells the first of what is
// wrong.
func (v *affinityView) Advise(id uint32) []Change {
	c := v.plugin.handle.cache
	switch {
	case !v.together(id):
		for i, t := range v.need {
			if t.topology.of[id] == 0 {
				return []Change{{Text: "label " + t.topology.key}}
			}
			if sum, _ := t.at(id); sum == 0 {
				return []Change{{Text: "a pod that its affinity wants (" + selectorInWords(v.self.affinity[i].selector) + ") in " + c.domain(id, t.topology.key)}}
			}
		}
	case positive(v.avoid, id):
		return []Change{{Text: "no pod that its anti-affinity shuns in " + v.where(v.avoid, id)}}
	case positive(v.avoided, id):
		return []Change{{Text: "no pod whose anti-affinity shuns it in " + v.where(v.avoided, id)}}
	}
	return nil
}

// where is the node's domain in which such pods are.
func (v *affinityView) where(list []*tally, id uint32) string {
	for _, t := range list {
		if sum, ok := t.at(id); ok && sum > 0 {
			return v.plugin.handle.cache.domain(id, t.topology.key)
		}
	}
	return "its domain"
}

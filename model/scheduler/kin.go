package scheduler

import (
	"slices"

	"orrery/model"
)

// kin is placed pods that no other pod's affinity, spreading or selector can
// tell apart: of one namespace, with equal labels and equal inter-pod terms,
// all on their way out or none. There are few of them however many pods there
// are.
type kin struct {
	namespace string
	labels    model.Labels
	deleting  bool

	// The inter-pod terms, with the namespace and the labels of the pod put in
	// where they leave it to them.
	affinity, anti, preferred []kinTerm

	on      map[uint32]int32 // how many, by node ID
	tallies []weighed        // those that count these pods
}

// kinTerm is a term of a certain pod.
type kinTerm struct {
	key               string
	weight            int64
	selector          *model.Selector
	namespaces        []string
	namespaceSelector *model.Selector
	blind             bool // see arriving
}

type weighed struct {
	tally  *tally
	weight int64
}

// kinKey finds the kin of a pod whose spec and labels are shared, as all pods'
// of a template are.
//
//tidy:key compared as a whole
type kinKey struct {
	spec      *model.PodSpec
	labels    *model.Label
	many      int
	namespace string
	deleting  bool
}

func keyOf(pod *model.Pod) kinKey {
	k := kinKey{spec: pod.Spec, many: len(pod.Labels), namespace: pod.Namespace, deleting: pod.Deleting()}
	if k.many > 0 {
		k.labels = &pod.Labels[0]
	}
	return k
}

// kinOf is the pod's kin.
func (c *cache) kinOf(pod *model.Pod) *kin {
	short := keyOf(pod)
	if k := c.kinByPod[short]; k != nil {
		return k
	}
	sign := signPlacement(signIdentity(nil, pod), pod.Spec.Placement)
	if short.deleting {
		sign = append(sign, '!')
	}
	k := c.kinByKey[string(sign)]
	if k == nil {
		k = newKin(pod)
		c.kinByKey[string(sign)] = k
		c.enrol(k)
	}
	c.kinByPod[short] = k
	return k
}

// newKin is kin of the pod, on no node.
func newKin(pod *model.Pod) *kin {
	k := &kin{namespace: pod.Namespace, labels: pod.Labels, deleting: pod.Deleting(), on: map[uint32]int32{}}
	if p := pod.Spec.Placement; p != nil {
		k.affinity = termsOf(pod, p.Affinity)
		k.anti = termsOf(pod, p.AntiAffinity)
		k.preferred = termsOf(pod, p.Preferred)
	}
	return k
}

// arriving is kin of a pod that looks for a node. kube-scheduler v1.35 looks up
// the namespaces that the terms of such a pod select, but keeps the selector in
// the terms, and asks it again about no labels at all: a selector that these
// satisfy, such as team NotIn (a), selects every namespace
// (pkg/scheduler/framework/plugins/interpodaffinity/plugin.go
// mergeAffinityTermNamespacesIfNotEmpty changes a copy of the term; filtering.go
// and scoring.go then call Matches without labels). Up to v1.34 it did not.
func arriving(pod *model.Pod) *kin {
	k := newKin(pod)
	for _, terms := range [...][]kinTerm{k.affinity, k.anti, k.preferred} {
		for i := range terms {
			terms[i].blind = true
		}
	}
	return k
}

// enrol lets every tally know of new kin.
func (c *cache) enrol(k *kin) {
	c.kins = append(c.kins, k)
	if len(k.affinity)+len(k.anti)+len(k.preferred) > 0 {
		c.termed = append(c.termed, k)
	}
	for _, t := range c.tallies {
		if w := t.weigh(k); w != 0 && !t.dead {
			k.tallies = append(k.tallies, weighed{t, w})
		}
	}
}

// termsOf puts the pod into its terms
// (pkg/scheduler/framework/types.go newAffinityTerm; the API server merges the
// label keys when the pod is created, pkg/registry/core/pod/strategy.go).
func termsOf(pod *model.Pod, list []model.PodTerm) []kinTerm {
	out := make([]kinTerm, 0, len(list))
	for i := range list {
		t := &list[i]
		x := kinTerm{key: t.TopologyKey, weight: t.Weight, namespaces: t.Namespaces, namespaceSelector: t.NamespaceSelector}
		if len(t.Namespaces) == 0 && t.NamespaceSelector == nil {
			x.namespaces = []string{pod.Namespace}
		}
		x.selector = withKeys(withKeys(t.Selector, pod.Labels, model.In, t.MatchLabelKeys), pod.Labels, model.NotIn, t.MismatchLabelKeys)
		out = append(out, x)
	}
	return out
}

// withKeys is a selector that also compares the labels called keys with those
// of l, which need not have all of them.
func withKeys(s *model.Selector, l model.Labels, op model.Operator, keys []string) *model.Selector {
	if s == nil || len(keys) == 0 {
		return s
	}
	out := &model.Selector{Requirements: slices.Clone(s.Requirements)}
	for _, k := range keys {
		if v, ok := l.Get(k); ok {
			out.Requirements = append(out.Requirements, model.Requirement{Key: k, Op: op, Values: []string{v}})
		}
	}
	return out
}

// selects tells whether a term means the pods of k.
func (c *cache) selects(t *kinTerm, k *kin) bool {
	inside := slices.Contains(t.namespaces, k.namespace) || t.namespaceSelector.Matches(c.namespaceLabels(k.namespace)) ||
		t.blind && t.namespaceSelector.Matches(nil)
	return inside && t.selector.Matches(k.labels)
}

// namespaceLabels is the labels of a namespace. Every namespace has at least
// its name for one (k8s.io/api/core/v1/well_known_labels.go LabelMetadataName).
func (c *cache) namespaceLabels(namespace string) model.Labels {
	if l, ok := c.namespaces[namespace]; ok {
		return l
	}
	l := model.Labels{{Key: "kubernetes.io/metadata.name", Value: namespace}}
	c.namespaces[namespace] = l
	return l
}

func signIdentity(key []byte, pod *model.Pod) []byte {
	return signLabels(signText(key, pod.Namespace), pod.Labels)
}

func signLabels(key []byte, l model.Labels) []byte {
	key = signNumber(key, int64(len(l)))
	for _, x := range l {
		key = signText(signText(key, x.Key), x.Value)
	}
	return key
}

// signPlacement signs the inter-pod terms.
func signPlacement(key []byte, p *model.Placement) []byte {
	if p == nil {
		return append(key, 0)
	}
	key = append(key, 1)
	for _, list := range [...][]model.PodTerm{p.Affinity, p.AntiAffinity, p.Preferred} {
		key = signNumber(key, int64(len(list)))
		for i := range list {
			t := &list[i]
			key = signSelector(signNumber(signText(key, t.TopologyKey), t.Weight), t.Selector)
			key = signSelector(signWords(key, t.Namespaces), t.NamespaceSelector)
			key = signWords(signWords(key, t.MatchLabelKeys), t.MismatchLabelKeys)
		}
	}
	return key
}

func signSelector(key []byte, s *model.Selector) []byte {
	if s == nil {
		return append(key, 0)
	}
	return signRequirements(append(key, 1), s.Requirements)
}

func signWords(key []byte, list []string) []byte {
	key = signNumber(key, int64(len(list)))
	for _, w := range list {
		key = signText(key, w)
	}
	return key
}

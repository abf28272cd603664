package manifest

import (
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"

	"orrery/model"
	"orrery/scenarios/strict"
)

// runtimeClass is what admission gives pods that name a RuntimeClass
// (plugin/pkg/admission/runtimeclass/admission.go). Deviation: it gives it to
// templates, so that a DaemonSet already asks only nodes that the class selects.
type runtimeClass struct {
	podFixed    corev1.ResourceList
	overhead    model.Resources
	selector    map[string]string
	tolerations []model.Toleration
}

func readRuntimeClass(o *object) {
	var in nodev1.RuntimeClass
	if !decode(o, &in) {
		return
	}
	var c runtimeClass
	if in.Overhead != nil {
		c.podFixed = in.Overhead.PodFixed
		c.overhead = amounts(o.root().fields("overhead", "podFixed"), c.podFixed)
	}
	if s := in.Scheduling; s != nil {
		c.selector = s.NodeSelector
		o.labels(o.root().fields("scheduling", "nodeSelector"), c.selector)
		c.tolerations = tolerations(o.root().fields("scheduling", "tolerations"), s.Tolerations)
	}
	o.set.decoder.runtimes[o.meta.Name] = &c
}

// runsOn gives a spec what the class says that it names, and returns it with its overhead. One
// that names a class which is not here has no other overhead than it says itself.
func (o *object) runsOn(p *place, s *corev1.PodSpec, spec *model.PodSpec) *corev1.PodSpec {
	if s.RuntimeClassName == nil {
		return s
	}
	at := p.field("runtimeClassName")
	c := o.set.decoder.runtimes[*s.RuntimeClassName]
	if c == nil {
		if s.Overhead == nil {
			o.note(at, at.path()+": no RuntimeClass is named "+strict.Quote(*s.RuntimeClassName)+" here, so it has no overhead and selects no nodes")
		}
		return s
	}
	if s.Overhead != nil && o.set.snapshot { // what is there already is let in
		return s
	}
	if s.Overhead != nil && !reflect.DeepEqual(spec.Overhead, c.overhead) { // setOverhead
		p.field("overhead").errorf("differs from that of the RuntimeClass %s: leave it out", strict.Quote(*s.RuntimeClassName))
	}
	selector := maps.Clone(s.NodeSelector)
	if selector == nil {
		selector = map[string]string{}
	}
	for _, l := range model.MakeLabels(c.selector) { // setScheduling
		if own, said := selector[l.Key]; said && own != l.Value {
			p.field("nodeSelector").errorf("wants %s %s, and the RuntimeClass %s %s", l.Key, strict.Quote(own), strict.Quote(*s.RuntimeClassName), strict.Quote(l.Value))
		}
		selector[l.Key] = l.Value
	}
	spec.Overhead, spec.NodeSelector = c.overhead, model.MakeLabels(selector)
	spec.Tolerations = append(spec.Tolerations, c.tolerations...)
	with := *s
	with.Overhead = c.podFixed
	return &with
}

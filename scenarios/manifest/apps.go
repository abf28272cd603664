package manifest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"orrery/model"
	"orrery/scenarios/strict"
	"orrery/sim"
)

// readDeployment reads with the defaults of pkg/apis/apps/v1/defaults.go and
// the rules of pkg/apis/apps/validation.
func readDeployment(o *object) {
	before := o.set.decoder.wrong
	var in appsv1.Deployment
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	d := &model.Deployment{
		Meta:             o.meta,
		Replicas:         replicas(spec.field("replicas"), in.Spec.Replicas),
		ReplicasUnsaid:   in.Spec.Replicas == nil,
		MinReady:         seconds(spec.field("minReadySeconds"), int64(in.Spec.MinReadySeconds)),
		ProgressDeadline: 600 * time.Second,
		HistoryLimit:     historyLimit(spec, in.Spec.RevisionHistoryLimit),
		Paused:           in.Spec.Paused,
	}
	d.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	if p := in.Spec.ProgressDeadlineSeconds; p != nil {
		d.ProgressDeadline = seconds(spec.field("progressDeadlineSeconds"), int64(*p))
	}
	if d.ProgressDeadline <= d.MinReady {
		spec.field("progressDeadlineSeconds").errorf("%v must be more than minReadySeconds, %v", d.ProgressDeadline, d.MinReady)
	}
	strategy(spec.field("strategy"), &in.Spec.Strategy, d)
	d.Template = o.template(spec.field("template"), &in.Spec.Template)
	d.Selector = o.podSelector(spec, in.Spec.Selector, d.Template.Labels)
	o.keep(before, d)
}

func readReplicaSet(o *object) {
	before := o.set.decoder.wrong
	var in appsv1.ReplicaSet
	if !decode(o, &in) {
		return
	}
	if owner := metav1.GetControllerOf(&in); o.set.snapshot && !o.set.state && owner != nil && owner.Kind == "Deployment" {
		return // its Deployment makes it anew; without that, its pods are loaded as they are
	}
	spec := o.root().field("spec")
	r := &model.ReplicaSet{
		Meta:           o.meta,
		Replicas:       replicas(spec.field("replicas"), in.Spec.Replicas),
		ReplicasUnsaid: in.Spec.Replicas == nil,
		MinReady:       seconds(spec.field("minReadySeconds"), int64(in.Spec.MinReadySeconds)),
		Template:       o.template(spec.field("template"), &in.Spec.Template),
	}
	r.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	r.Selector = o.podSelector(spec, in.Spec.Selector, r.Template.Labels)
	o.keep(before, r)
}

// readPriorityClass notes what pods that name the class get. Which class is the
// default, admission finds out when a pod is made; of a State, all pods have been.
func readPriorityClass(o *object) {
	before := o.set.decoder.wrong
	var in schedulingv1.PriorityClass
	if !decode(o, &in) {
		return
	}
	d := o.set.decoder
	if !o.set.snapshot {
		checkPriorityClass(o, in.Value)
	}
	d.priorities[o.meta.Name] = in.Value
	d.polite[o.meta.Name] = preemptsNobody(o.root().field("preemptionPolicy"), in.PreemptionPolicy)
	if in.GlobalDefault && o.set.state {
		d.fallback, d.general = in.Value, o.meta.Name
	}
	if !o.set.state {
		c := &model.PriorityClass{Meta: o.meta, Value: in.Value, GlobalDefault: in.GlobalDefault, NeverPreempts: d.polite[o.meta.Name]}
		c.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
		o.keep(before, c)
	}
}

// highestPriority is the most that classes of users may have
// (pkg/apis/scheduling/types.go HighestUserDefinablePriority).
const highestPriority = 1_000_000_000

// checkPriorityClass checks what only the system's own classes may say
// (pkg/apis/scheduling/validation/validation.go ValidatePriorityClass).
func checkPriorityClass(o *object, value int32) {
	own, known := o.set.decoder.priorities[o.meta.Name]
	system := strings.HasPrefix(o.meta.Name, "system-")
	switch {
	case system && !(known && own == value):
		o.root().fields("metadata", "name").errorf("names with the prefix system- are for the system's own classes")
	case !system && value > highestPriority:
		o.root().field("value").errorf("%d is more than %d, the most of classes that are not the system's", value, highestPriority)
	}
}

func replicas(p *place, n *int32) int32 {
	switch {
	case n == nil:
		return 1
	case *n < 0:
		p.errorf("%d is negative: write 0 or more", *n)
		return 0
	case *n > MaxPods:
		p.errorf("%d pods are more than a cluster may have here: at most %d", *n, MaxPods)
		return 0
	}
	return *n
}

func strategy(p *place, s *appsv1.DeploymentStrategy, into *model.Deployment) {
	quarter := model.CountOrPercent{Value: 25, Percent: true}
	into.MaxSurge, into.MaxUnavailable = quarter, quarter
	rolling := p.field("rollingUpdate")
	switch s.Type {
	case "", appsv1.RollingUpdateDeploymentStrategyType:
	case appsv1.RecreateDeploymentStrategyType:
		into.Recreate = true
		into.MaxSurge, into.MaxUnavailable = model.CountOrPercent{}, model.CountOrPercent{}
		if s.RollingUpdate != nil {
			rolling.errorf("must not be given when the type is Recreate")
		}
		return
	default:
		p.field("type").unknownWord(string(s.Type), "RollingUpdate", "Recreate")
		return
	}
	if s.RollingUpdate == nil {
		return
	}
	if v := s.RollingUpdate.MaxSurge; v != nil {
		into.MaxSurge = countOrPercent(rolling.field("maxSurge"), *v)
	}
	if v := s.RollingUpdate.MaxUnavailable; v != nil {
		into.MaxUnavailable = countOrPercent(rolling.field("maxUnavailable"), *v)
		if into.MaxUnavailable.Percent && into.MaxUnavailable.Value > 100 {
			rolling.field("maxUnavailable").errorf("%d%% is more than 100%%", into.MaxUnavailable.Value)
		}
	}
	if into.MaxUnavailable.Value == 0 && into.MaxSurge.Value == 0 {
		rolling.field("maxUnavailable").errorf("must not be 0 when maxSurge is 0: nothing could be replaced")
	}
}

func countOrPercent(p *place, v intstr.IntOrString) model.CountOrPercent {
	if v.Type == intstr.Int {
		if v.IntVal < 0 {
			p.errorf("%d is negative: write 0 or more", v.IntVal)
		}
		return model.CountOrPercent{Value: v.IntVal}
	}
	number, ok := strings.CutSuffix(v.StrVal, "%")
	n, err := strconv.ParseInt(number, 10, 32)
	if !ok || err != nil || n < 0 || n > 10_000 {
		p.errorf("%s is neither a count such as 1 nor a share such as 25%%", strict.Quote(v.StrVal))
		return model.CountOrPercent{}
	}
	return model.CountOrPercent{Value: int32(n), Percent: true}
}

// template reads what pods are made from. All of them share it.
func (o *object) template(p *place, t *corev1.PodTemplateSpec) *model.Template {
	spec := p.field("spec")
	m := o.bareTemplate(p, t)
	if o.set.snapshot && !o.set.state {
		m.Labels = slices.DeleteFunc(m.Labels, func(l model.Label) bool { return l.Key == model.LabelTemplateHash })
	}
	if m.Spec.RestartPolicy != model.RestartAlways {
		spec.field("restartPolicy").errorf("must be Always in a %s", o.kind.typed.kind)
	}
	if m.Spec.ActiveDeadline != 0 {
		spec.field("activeDeadlineSeconds").errorf("must not be given in a %s", o.kind.typed.kind)
	}
	m.Hash = m.ComputeHash()
	return m
}

// bareTemplate is a template whatever it is for, without a hash.
func (o *object) bareTemplate(p *place, t *corev1.PodTemplateSpec) *model.Template {
	spec := o.podSpec(p.field("spec"), &t.Spec, &t.ObjectMeta)
	spec.NodeName = t.Spec.NodeName
	return &model.Template{
		Labels: o.labels(p.fields("metadata", "labels"), t.Labels), Spec: spec, Rest: rest(t),
		Finalizers: finalizers(p.fields("metadata", "finalizers"), t.Finalizers),
	}
}

// podSelector reads the selector of a controller, which must select the pods the
// controller makes.
func (o *object) podSelector(spec *place, s *metav1.LabelSelector, made model.Labels) *model.Selector {
	p := spec.field("selector")
	if s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		p.errorf("is missing: it says which pods belong to the %s", o.kind.typed.kind)
		return &model.Selector{}
	}
	labels := o.labels(p.field("matchLabels"), s.MatchLabels)
	if o.set.snapshot && !o.set.state {
		labels = slices.DeleteFunc(labels, func(l model.Label) bool { return l.Key == model.LabelTemplateHash })
	}
	m := model.SelectorOf(labels)
	for i := range s.MatchExpressions {
		m.Requirements = append(m.Requirements, requirement(p.field("matchExpressions").item(i), &s.MatchExpressions[i]))
	}
	for i := range m.Requirements {
		if r := &m.Requirements[i]; !r.Matches(made) {
			spec.fields("template", "metadata", "labels").errorf("the selector does not match these labels: %s", mismatch(r, made))
			break
		}
	}
	return m
}

// mismatch says what a selector asks for and what the labels say.
func mismatch(r *model.Requirement, l model.Labels) string {
	have := "have no " + r.Key
	if v, ok := l.Get(r.Key); ok {
		have = "say " + r.Key + "=" + v
	}
	if r.Op == model.In && len(r.Values) == 1 {
		return "it asks for " + r.Key + "=" + r.Values[0] + ", they " + have
	}
	return "it asks something else of " + r.Key + ", and they " + have
}

// requirement follows k8s.io/apimachinery/pkg/apis/meta/v1/validation.
func requirement(p *place, r *metav1.LabelSelectorRequirement) model.Requirement {
	m := model.Requirement{Key: r.Key, Values: r.Values}
	values := true
	switch r.Operator {
	case metav1.LabelSelectorOpIn:
	case metav1.LabelSelectorOpNotIn:
		m.Op = model.NotIn
	case metav1.LabelSelectorOpExists:
		m.Op, values = model.Exists, false
	case metav1.LabelSelectorOpDoesNotExist:
		m.Op, values = model.DoesNotExist, false
	default:
		p.field("operator").unknownWord(string(r.Operator), "In", "NotIn", "Exists", "DoesNotExist")
		return m
	}
	if r.Key == "" {
		p.field("key").errorf("is missing")
	}
	if values != (len(r.Values) > 0) {
		p.field("values").errorf("%s takes %s", r.Operator, map[bool]string{true: "at least one value", false: "no values"}[values])
	}
	return m
}

// rest sums up a template whatever of it the model acts on, but for the images,
// which kubectl set image changes. A change of a container's environment is a new
// revision, too.
func rest(t *corev1.PodTemplateSpec) uint64 {
	c := t.DeepCopy()
	for i := range c.Spec.InitContainers {
		c.Spec.InitContainers[i].Image = ""
	}
	for i := range c.Spec.Containers {
		c.Spec.Containers[i].Image = ""
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic("manifest: a pod template that was decoded does not encode: " + err.Error())
	}
	return sim.HashName(string(text))
}

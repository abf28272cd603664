package manifest

import (
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"orrery/model"
)

// readAutoscaler reads with the defaults of pkg/apis/autoscaling/v2/defaults.go and
// the rules of pkg/apis/autoscaling/validation/validation.go.
func readAutoscaler(o *object) {
	before := o.set.decoder.wrong
	var in autoscalingv2.HorizontalPodAutoscaler
	if !decode(o, &in) || o.set.state {
		return
	}
	spec := o.root().field("spec")
	h := scaler(o, in.Labels, in.Spec.ScaleTargetRef.Kind, in.Spec.ScaleTargetRef.Name, in.Spec.MinReplicas, in.Spec.MaxReplicas)
	for i := range in.Spec.Metrics {
		h.Metrics = append(h.Metrics, metric(spec.field("metrics").item(i), &in.Spec.Metrics[i]))
	}
	if len(h.Metrics) == 0 {
		h.Metrics = []model.MetricSpec{{Name: "cpu", Utilization: model.DefaultCPUUtilization}}
	}
	if b := in.Spec.Behavior; b != nil {
		at := spec.field("behavior")
		h.Behavior = &model.ScalingBehavior{
			Up:   scalingRules(at.field("scaleUp"), b.ScaleUp, model.DefaultScaleUp()),
			Down: scalingRules(at.field("scaleDown"), b.ScaleDown, model.DefaultScaleDown()),
		}
	}
	o.keep(before, h)
}

// readAutoscalerV1 reads the older version, which knows no metric but the CPU.
func readAutoscalerV1(o *object) {
	before := o.set.decoder.wrong
	var in autoscalingv1.HorizontalPodAutoscaler
	if !decode(o, &in) || o.set.state {
		return
	}
	h := scaler(o, in.Labels, in.Spec.ScaleTargetRef.Kind, in.Spec.ScaleTargetRef.Name, in.Spec.MinReplicas, in.Spec.MaxReplicas)
	h.Metrics = []model.MetricSpec{{Name: "cpu", Utilization: model.DefaultCPUUtilization}}
	if n := in.Spec.TargetCPUUtilizationPercentage; n != nil {
		h.Metrics[0].Utilization = atLeastOne(o.root().fields("spec", "targetCPUUtilizationPercentage"), *n)
	}
	o.keep(before, h)
}

func scaler(o *object, labels map[string]string, kind, name string, least *int32, most int32) *model.HorizontalPodAutoscaler {
	spec := o.root().field("spec")
	h := &model.HorizontalPodAutoscaler{Meta: o.meta, TargetName: name, Min: 1, Max: most}
	h.Labels = o.labels(o.root().fields("metadata", "labels"), labels)
	switch kind {
	case "Deployment":
		h.TargetKind = model.KindDeployment
	case "ReplicaSet":
		h.TargetKind = model.KindReplicaSet
	case "StatefulSet":
		h.TargetKind = model.KindStatefulSet
	default:
		spec.fields("scaleTargetRef", "kind").unknownWord(kind, "Deployment", "ReplicaSet", "StatefulSet")
	}
	if name == "" {
		spec.fields("scaleTargetRef", "name").errorf("is missing: it says what is scaled")
	}
	if least != nil {
		h.Min = atLeastOne(spec.field("minReplicas"), *least)
	}
	switch {
	case most < 1 || most > MaxPods:
		spec.field("maxReplicas").errorf("%d is out of range: 1 to %d", most, MaxPods)
	case most < h.Min:
		spec.field("maxReplicas").errorf("%d must not be less than minReplicas, %d", most, h.Min)
	}
	return h
}

func atLeastOne(p *place, n int32) int32 {
	if n < 1 {
		p.errorf("%d must be at least 1", n)
		return 1
	}
	return n
}

func metric(p *place, m *autoscalingv2.MetricSpec) model.MetricSpec {
	switch {
	case m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil:
		at := p.field("resource")
		return target(at, model.MetricSpec{Name: measured(at, m.Resource.Name)}, &m.Resource.Target)
	case m.Type == autoscalingv2.ContainerResourceMetricSourceType && m.ContainerResource != nil:
		r, at := m.ContainerResource, p.field("containerResource")
		if r.Container == "" {
			at.field("container").errorf("is missing: it says whose %s counts", r.Name)
		}
		return target(at, model.MetricSpec{Source: model.ContainerResourceMetric, Name: measured(at, r.Name), Container: r.Container}, &r.Target)
	case m.Type == autoscalingv2.PodsMetricSourceType && m.Pods != nil:
		return model.MetricSpec{Source: model.PodsMetric, Name: m.Pods.Metric.Name}
	case m.Type == autoscalingv2.ObjectMetricSourceType && m.Object != nil:
		return model.MetricSpec{Source: model.ObjectMetric, Name: m.Object.Metric.Name}
	case m.Type == autoscalingv2.ExternalMetricSourceType && m.External != nil:
		return model.MetricSpec{Source: model.ExternalMetric, Name: m.External.Metric.Name}
	}
	switch m.Type {
	case "Resource", "ContainerResource", "Pods", "Object", "External":
		p.errorf("type is %s, and what belongs to that is missing", m.Type)
	default:
		p.field("type").unknownWord(string(m.Type), "Resource", "ContainerResource", "Pods", "Object", "External")
	}
	return model.MetricSpec{}
}

// measured is a resource that metrics tell of.
func measured(at *place, name corev1.ResourceName) string {
	if name != corev1.ResourceCPU && name != corev1.ResourceMemory {
		at.field("name").unknownWord(string(name), "cpu", "memory")
	}
	return string(name)
}

// target reads what a metric of resources should come to.
func target(at *place, m model.MetricSpec, t *autoscalingv2.MetricTarget) model.MetricSpec {
	at = at.field("target")
	switch {
	case t.AverageUtilization != nil && t.AverageValue != nil:
		at.field("averageValue").errorf("must not be given with averageUtilization")
	case t.Type == autoscalingv2.UtilizationMetricType && t.AverageUtilization != nil:
		m.Utilization = atLeastOne(at.field("averageUtilization"), *t.AverageUtilization)
	case t.Type == autoscalingv2.AverageValueMetricType && t.AverageValue != nil:
		most, value := int64(maxBytes), (*resource.Quantity).Value
		if m.Name == "cpu" {
			most, value = maxCPUMilli, (*resource.Quantity).MilliValue
		}
		if m.Average = amount(at.field("averageValue"), *t.AverageValue, most, value); m.Average == 0 {
			at.field("averageValue").errorf("must be more than 0")
		}
	default:
		at.errorf("needs type Utilization with averageUtilization, or type AverageValue with averageValue")
	}
	return m
}

// scalingRules is what a behavior says in one direction, with the defaults for the
// rest.
func scalingRules(p *place, in *autoscalingv2.HPAScalingRules, r model.ScalingRules) model.ScalingRules {
	if in == nil {
		return r
	}
	if w := in.StabilizationWindowSeconds; w != nil {
		if r.Window = seconds(p.field("stabilizationWindowSeconds"), int64(*w)); r.Window > time.Hour {
			p.field("stabilizationWindowSeconds").errorf("%d is more than 3600", *w)
		}
	}
	if s := in.SelectPolicy; s != nil {
		switch *s {
		case autoscalingv2.MaxChangePolicySelect:
			r.Select = model.SelectMax
		case autoscalingv2.MinChangePolicySelect:
			r.Select = model.SelectMin
		case autoscalingv2.DisabledPolicySelect:
			r.Select = model.SelectDisabled
		default:
			p.field("selectPolicy").unknownWord(string(*s), "Max", "Min", "Disabled")
		}
	}
	if q := in.Tolerance; q != nil {
		amount(p.field("tolerance"), *q, 1000, (*resource.Quantity).Value)
		r.TolerancePPM = q.ScaledValue(resource.Micro)
	}
	if in.Policies == nil {
		return r
	}
	r.Policies = nil
	for i := range in.Policies {
		r.Policies = append(r.Policies, scalingPolicy(p.field("policies").item(i), &in.Policies[i]))
	}
	if len(r.Policies) == 0 {
		p.field("policies").errorf("must list at least one policy")
	}
	return r
}

func scalingPolicy(p *place, in *autoscalingv2.HPAScalingPolicy) model.ScalingPolicy {
	out := model.ScalingPolicy{Percent: in.Type == autoscalingv2.PercentScalingPolicy, Value: atLeastOne(p.field("value"), in.Value)}
	if !out.Percent && in.Type != autoscalingv2.PodsScalingPolicy {
		p.field("type").unknownWord(string(in.Type), "Pods", "Percent")
	}
	if in.PeriodSeconds < 1 || in.PeriodSeconds > 1800 {
		p.field("periodSeconds").errorf("%d is out of range: 1 to 1800", in.PeriodSeconds)
	}
	out.Period = time.Duration(in.PeriodSeconds) * time.Second
	return out
}

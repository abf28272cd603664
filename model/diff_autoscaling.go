package model

import (
	"strconv"
	"strings"
)

func (d *Differ) autoscaler(a, b *HorizontalPodAutoscaler) {
	if d.deleted {
		d.number("status.desiredReplicas", int64(a.DesiredReplicas), 0)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.behavior", a.Behavior.text(), b.Behavior.text())
	d.number("spec.maxReplicas", int64(a.Max), int64(b.Max))
	d.text("spec.metrics", metricsText(a.Metrics), metricsText(b.Metrics))
	d.number("spec.minReplicas", int64(a.Min), int64(b.Min))
	d.text("spec.scaleTargetRef.kind", a.TargetKind.String(), b.TargetKind.String())
	d.text("spec.scaleTargetRef.name", a.TargetName, b.TargetName)
	d.condition("status.conditions.AbleToScale", a.AbleToScale, b.AbleToScale)
	d.condition("status.conditions.ScalingActive", a.ScalingActive, b.ScalingActive)
	d.condition("status.conditions.ScalingLimited", a.ScalingLimited, b.ScalingLimited)
	d.text("status.currentMetrics", valuesText(a.CurrentMetrics), valuesText(b.CurrentMetrics))
	d.number("status.currentReplicas", int64(a.CurrentReplicas), int64(b.CurrentReplicas))
	d.number("status.desiredReplicas", int64(a.DesiredReplicas), int64(b.DesiredReplicas))
	d.instant("status.lastScaleTime", a.LastScaleAt, b.LastScaleAt)
}

func metricsText(all []MetricSpec) string {
	var list []string
	for i := range all {
		m := &all[i]
		if m.Source > ContainerResourceMetric {
			list = append(list, m.Name)
			continue
		}
		list = append(list, MetricValue{m.Name, m.Container, m.Utilization > 0, m.Utilization, m.Average}.text())
	}
	return strings.Join(list, "; ")
}

func valuesText(values []MetricValue) string {
	var list []string
	for _, v := range values {
		list = append(list, v.text())
	}
	return strings.Join(list, "; ")
}

// text is the value as the metric is asked for, "cpu=80%", "main/cpu=250m" or bytes; or
// as kubectl shows one that is not known.
func (v MetricValue) text() string {
	name := v.Name
	if v.Container != "" {
		name = v.Container + "/" + name
	}
	switch {
	case v.Name == "":
		return "<unknown>"
	case v.Utilized:
		return name + "=" + strconv.Itoa(int(v.Utilization)) + "%"
	case v.Name == "cpu":
		return name + "=" + strconv.FormatInt(v.Average, 10) + "m"
	}
	return name + "=" + strconv.FormatInt(v.Average, 10)
}

func (b *ScalingBehavior) text() string {
	if b == nil {
		return ""
	}
	return "up " + b.Up.text() + "; down " + b.Down.text()
}

func (r *ScalingRules) text() string {
	if r.Select == SelectDisabled {
		return "disabled"
	}
	list := []string{"after " + r.Window.String()}
	for _, p := range r.Policies {
		unit := " pods"
		if p.Percent {
			unit = "%"
		}
		list = append(list, strconv.Itoa(int(p.Value))+unit+" in "+p.Period.String())
	}
	if r.Select == SelectMin {
		list = append(list, "the smallest")
	}
	if r.TolerancePPM >= 0 {
		list = append(list, "tolerance "+strconv.FormatInt(r.TolerancePPM, 10)+" ppm")
	}
	return strings.Join(list, ", ")
}

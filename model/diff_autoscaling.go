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
	d.text("status.currentMetrics", valuesText(b.Metrics, a.CurrentMetrics), valuesText(b.Metrics, b.CurrentMetrics))
	d.number("status.currentReplicas", int64(a.CurrentReplicas), int64(b.CurrentReplicas))
	d.number("status.desiredReplicas", int64(a.DesiredReplicas), int64(b.DesiredReplicas))
	d.instant("status.lastScaleTime", a.LastScaleAt, b.LastScaleAt)
}

func (m *MetricSpec) of() string {
	if m.Container != "" {
		return m.Container + "/" + m.Name
	}
	return m.Name
}

func metricsText(all []MetricSpec) string {
	var list []string
	for i := range all {
		m := &all[i]
		switch {
		case m.Source > ContainerResourceMetric:
			list = append(list, m.of())
		default:
			list = append(list, m.of()+"="+MetricValue{m.Utilization, m.Average}.text(m))
		}
	}
	return strings.Join(list, "; ")
}

func valuesText(specs []MetricSpec, values []MetricValue) string {
	var list []string
	for i, v := range values {
		list = append(list, specs[i].of()+"="+v.text(&specs[i]))
	}
	return strings.Join(list, "; ")
}

// text is the value as the metric is asked for: "80%", "250m" or bytes.
func (v MetricValue) text(m *MetricSpec) string {
	switch {
	case m.Utilization > 0:
		return strconv.Itoa(int(v.Utilization)) + "%"
	case m.Name == "cpu":
		return strconv.FormatInt(v.Average, 10) + "m"
	}
	return strconv.FormatInt(v.Average, 10)
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

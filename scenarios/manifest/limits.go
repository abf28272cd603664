package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"orrery/model"
)

// readLimitRange reads with the defaults of pkg/apis/core/v1/defaults.go
// SetDefaults_LimitRangeItem: what a container is limited to if it says nothing is
// the maximum, and what it requests that limit, or else the minimum.
func readLimitRange(o *object) {
	before := o.set.decoder.wrong
	var in corev1.LimitRange
	if !decode(o, &in) || o.set.state {
		return
	}
	l := &model.LimitRange{Meta: o.meta}
	l.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	at := o.root().fields("spec", "limits")
	for i := range in.Spec.Limits {
		x, p := &in.Spec.Limits[i], at.item(i)
		switch x.Type {
		case corev1.LimitTypeContainer, corev1.LimitTypePod:
		case corev1.LimitTypePersistentVolumeClaim:
			o.note(p.field("type"), "spec.limits of PersistentVolumeClaims: not modeled")
			continue
		default:
			p.field("type").unknownWord(string(x.Type), "Container", "Pod", "PersistentVolumeClaim")
		}
		m := model.LimitRangeItem{
			Pod: x.Type == corev1.LimitTypePod, Min: amounts(p.field("min"), x.Min), Max: amounts(p.field("max"), x.Max),
			Default: amounts(p.field("default"), x.Default), DefaultRequest: amounts(p.field("defaultRequest"), x.DefaultRequest),
			Ratio: ratios(p.field("maxLimitRequestRatio"), x.MaxLimitRequestRatio),
		}
		if m.Pod && len(x.Default)+len(x.DefaultRequest) > 0 {
			p.errorf("default and defaultRequest are for the type Container")
		}
		checkOrder(p, &m)
		if !m.Pod {
			m.Default = otherwise(m.Default, m.Max)
			m.DefaultRequest = otherwise(otherwise(m.DefaultRequest, m.Default), m.Min)
		}
		l.Limits = append(l.Limits, m)
	}
	o.keep(before, l)
}

// checkOrder checks that amounts that are given are in order
// (pkg/apis/core/validation/validation.go ValidateLimitRange).
func checkOrder(p *place, m *model.LimitRangeItem) {
	order := []struct {
		name string
		of   model.Resources
	}{{"min", m.Min}, {"defaultRequest", m.DefaultRequest}, {"default", m.Default}, {"max", m.Max}}
	for i := range order {
		for _, more := range order[i+1:] {
			a, b := &order[i].of, &more.of
			for _, x := range [][2]int64{{a.CPUMilli, b.CPUMilli}, {a.MemoryBytes, b.MemoryBytes}, {a.EphemeralBytes, b.EphemeralBytes}} {
				if x[0] > 0 && x[1] > 0 && x[0] > x[1] {
					p.field(order[i].name).errorf("is more than %s", more.name)
				}
			}
		}
	}
}

// otherwise is r, and b for what r does not say.
func otherwise(r, b model.Resources) model.Resources {
	for _, x := range [][2]*int64{{&r.CPUMilli, &b.CPUMilli}, {&r.MemoryBytes, &b.MemoryBytes}, {&r.EphemeralBytes, &b.EphemeralBytes}} {
		if *x[0] == 0 {
			*x[0] = *x[1]
		}
	}
	return r
}

func ratios(p *place, list corev1.ResourceList) model.Ratios {
	of := func(name corev1.ResourceName) int64 {
		q, ok := list[name]
		if !ok {
			return 0
		}
		n := amount(p.field(string(name)), q, 1_000_000, (*resource.Quantity).MilliValue)
		if q.CmpInt64(1) < 0 {
			p.field(string(name)).errorf("%s is less than 1: a limit is never less than its request", q.String())
		}
		return n
	}
	return model.Ratios{CPUMilli: of(corev1.ResourceCPU), MemoryMilli: of(corev1.ResourceMemory), EphemeralMilli: of(corev1.ResourceEphemeralStorage)}
}

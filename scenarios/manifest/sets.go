package manifest

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"orrery/model"
)

// readStatefulSet reads with the defaults of pkg/apis/apps/v1/defaults.go
// SetDefaults_StatefulSet and the rules of pkg/apis/apps/validation.
func readStatefulSet(o *object) {
	before := o.set.decoder.wrong
	var in appsv1.StatefulSet
	if !decode(o, &in) {
		return
	}
	if o.set.state { // of which nothing but this is asked
		o.own(labelSelector(o.root().fields("spec", "selector"), in.Spec.Selector))
		return
	}
	spec := o.root().field("spec")
	s := &model.StatefulSet{
		Meta:           o.meta,
		Replicas:       replicas(spec.field("replicas"), in.Spec.Replicas),
		ReplicasUnsaid: in.Spec.Replicas == nil,
		MinReady:       seconds(spec.field("minReadySeconds"), int64(in.Spec.MinReadySeconds)),
		HistoryLimit:   historyLimit(spec, in.Spec.RevisionHistoryLimit),
		MaxUnavailable: model.CountOrPercent{Value: 1},
	}
	s.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	switch in.Spec.PodManagementPolicy {
	case "", appsv1.OrderedReadyPodManagement:
	case appsv1.ParallelPodManagement:
		s.Parallel = true
	default:
		spec.field("podManagementPolicy").unknownWord(string(in.Spec.PodManagementPolicy), "OrderedReady", "Parallel")
	}
	if n := in.Spec.Ordinals; n != nil {
		if s.Start = n.Start; n.Start < 0 || n.Start > MaxPods {
			spec.fields("ordinals", "start").errorf("%d is out of range: 0 to %d", n.Start, MaxPods)
		}
	}
	setStrategy(spec.field("updateStrategy"), &in.Spec.UpdateStrategy, s)
	s.Template = o.template(spec.field("template"), &in.Spec.Template)
	s.Template.Spec.Subdomain = in.Spec.ServiceName // pkg/controller/statefulset/stateful_set_utils.go initIdentity
	s.Selector = o.podSelector(spec, in.Spec.Selector, s.Template.Labels)
	s.Claims = o.claimTemplates(spec.field("volumeClaimTemplates"), in.Spec.VolumeClaimTemplates)
	if r := in.Spec.PersistentVolumeClaimRetentionPolicy; r != nil {
		at := spec.field("persistentVolumeClaimRetentionPolicy")
		s.DeleteClaimsWithSet = deletes(at.field("whenDeleted"), r.WhenDeleted)
		s.DeleteClaimsWhenDown = deletes(at.field("whenScaled"), r.WhenScaled)
	}
	o.keep(before, s)
}

// deletes reads half of a persistentVolumeClaimRetentionPolicy.
func deletes(p *place, policy appsv1.PersistentVolumeClaimRetentionPolicyType) bool {
	switch policy {
	case "", appsv1.RetainPersistentVolumeClaimRetentionPolicyType:
	case appsv1.DeletePersistentVolumeClaimRetentionPolicyType:
		return true
	default:
		p.unknownWord(string(policy), "Retain", "Delete")
	}
	return false
}

func setStrategy(p *place, s *appsv1.StatefulSetUpdateStrategy, into *model.StatefulSet) {
	rolling := p.field("rollingUpdate")
	switch s.Type {
	case "", appsv1.RollingUpdateStatefulSetStrategyType:
	case appsv1.OnDeleteStatefulSetStrategyType:
		into.OnDelete = true
		if s.RollingUpdate != nil {
			rolling.errorf("must not be given when the type is OnDelete")
		}
		return
	default:
		p.field("type").unknownWord(string(s.Type), "RollingUpdate", "OnDelete")
		return
	}
	if s.RollingUpdate == nil {
		return
	}
	if n := s.RollingUpdate.Partition; n != nil {
		if into.Partition = *n; *n < 0 {
			rolling.field("partition").errorf("%d is negative: write 0 or more", *n)
		}
	}
	if v := s.RollingUpdate.MaxUnavailable; v != nil {
		into.MaxUnavailable = share(rolling.field("maxUnavailable"), *v)
		if into.MaxUnavailable.Value == 0 {
			rolling.field("maxUnavailable").errorf("must not be 0: nothing could be replaced")
		}
	}
}

// share is a count, or at most all.
func share(p *place, v intstr.IntOrString) model.CountOrPercent {
	n := countOrPercent(p, v)
	if n.Percent && n.Value > 100 {
		p.errorf("%d%% is more than 100%%", n.Value)
	}
	return n
}

func historyLimit(spec *place, n *int32) int32 {
	if n == nil {
		return 10
	}
	if *n < 0 {
		spec.field("revisionHistoryLimit").errorf("%d is negative: write 0 or more", *n)
	}
	return *n
}

// readDaemonSet reads with the defaults of SetDefaults_DaemonSet.
func readDaemonSet(o *object) {
	before := o.set.decoder.wrong
	var in appsv1.DaemonSet
	if !decode(o, &in) {
		return
	}
	spec := o.root().field("spec")
	d := &model.DaemonSet{
		Meta:           o.meta,
		MinReady:       seconds(spec.field("minReadySeconds"), int64(in.Spec.MinReadySeconds)),
		HistoryLimit:   historyLimit(spec, in.Spec.RevisionHistoryLimit),
		MaxUnavailable: model.CountOrPercent{Value: 1},
	}
	d.Labels = o.labels(o.root().fields("metadata", "labels"), in.Labels)
	daemonStrategy(spec.field("updateStrategy"), &in.Spec.UpdateStrategy, d)
	d.Template = o.template(spec.field("template"), &in.Spec.Template)
	d.Selector = o.podSelector(spec, in.Spec.Selector, d.Template.Labels)
	o.keep(before, d)
}

func daemonStrategy(p *place, s *appsv1.DaemonSetUpdateStrategy, into *model.DaemonSet) {
	rolling := p.field("rollingUpdate")
	switch s.Type {
	case "", appsv1.RollingUpdateDaemonSetStrategyType:
	case appsv1.OnDeleteDaemonSetStrategyType:
		into.OnDelete = true
		return
	default:
		p.field("type").unknownWord(string(s.Type), "RollingUpdate", "OnDelete")
		return
	}
	if s.RollingUpdate == nil {
		return
	}
	if v := s.RollingUpdate.MaxUnavailable; v != nil {
		into.MaxUnavailable = share(rolling.field("maxUnavailable"), *v)
	}
	if v := s.RollingUpdate.MaxSurge; v != nil {
		into.MaxSurge = share(rolling.field("maxSurge"), *v)
	}
	switch unavailable, surge := into.MaxUnavailable.Value > 0, into.MaxSurge.Value > 0; {
	case !unavailable && !surge:
		rolling.field("maxUnavailable").errorf("must not be 0 when maxSurge is 0: nothing could be replaced")
	case unavailable && surge:
		rolling.field("maxSurge").errorf("must be 0 when maxUnavailable is not 0, which it is unless said: a DaemonSet has one or the other")
	}
}

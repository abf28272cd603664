package model

import (
	"strconv"
	"strings"
	"time"
)

// What the kinds beyond Deployments and Services compare, in the order of the
// paths.

func (d *Differ) budget(a, b *PodDisruptionBudget) {
	if d.deleted {
		d.number("status.disruptionsAllowed", int64(a.Allowed), 0)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.maxUnavailable", optionalCount(a.MaxUnavailable), optionalCount(b.MaxUnavailable))
	d.text("spec.minAvailable", optionalCount(a.MinAvailable), optionalCount(b.MinAvailable))
	d.selector(a.Selector, b.Selector)
	d.flag("spec.unhealthyPodEvictionPolicyAlwaysAllow", [2]bool{a.AlwaysAllow, b.AlwaysAllow})
	d.number("status.currentHealthy", int64(a.Healthy), int64(b.Healthy))
	d.number("status.desiredHealthy", int64(a.Desired), int64(b.Desired))
	d.text("status.disruptedPods", disruptedList(a.Disrupted), disruptedList(b.Disrupted))
	d.number("status.disruptionsAllowed", int64(a.Allowed), int64(b.Allowed))
	d.number("status.expectedPods", int64(a.Expected), int64(b.Expected))
	d.number("status.observedGeneration", a.ObservedGeneration, b.ObservedGeneration)
}

func optionalCount(c *CountOrPercent) string {
	if c == nil {
		return ""
	}
	return countOrPercent(*c)
}

func disruptedList(list []Disruption) string {
	var names []string
	for i := range list {
		names = append(names, list[i].Pod)
	}
	return strings.Join(names, ",")
}

func (d *Differ) statefulSet(a, b *StatefulSet) {
	if d.deleted {
		d.number("spec.replicas", int64(a.Replicas), 0)
		return
	}
	d.flag("metadata.annotations.kubectl.kubernetes.io/last-applied-configuration.withoutReplicas", [2]bool{a.ReplicasUnsaid, b.ReplicasUnsaid})
	d.meta(&a.Meta, &b.Meta)
	d.number("spec.minReadySeconds", int64(a.MinReady/time.Second), int64(b.MinReady/time.Second))
	d.number("spec.ordinals.start", int64(a.Start), int64(b.Start))
	d.flag("spec.podManagementPolicyParallel", [2]bool{a.Parallel, b.Parallel})
	d.flag("spec.persistentVolumeClaimRetentionPolicy.whenDeletedDelete", [2]bool{a.DeleteClaimsWithSet, b.DeleteClaimsWithSet})
	d.flag("spec.persistentVolumeClaimRetentionPolicy.whenScaledDelete", [2]bool{a.DeleteClaimsWhenDown, b.DeleteClaimsWhenDown})
	d.number("spec.replicas", int64(a.Replicas), int64(b.Replicas))
	d.number("spec.revisionHistoryLimit", int64(a.HistoryLimit), int64(b.HistoryLimit))
	d.selector(a.Selector, b.Selector)
	d.template(a.Template, b.Template)
	if a.OnDelete != b.OnDelete || a.Partition != b.Partition || a.MaxUnavailable != b.MaxUnavailable || d.created {
		d.emit("spec.updateStrategy", a.strategy(), b.strategy())
	}
	if d.created {
		d.text("spec.volumeClaimTemplates", "", claimNames(b.Claims))
	}
	d.number("status.availableReplicas", int64(a.AvailableReplicas), int64(b.AvailableReplicas))
	d.number("status.currentReplicas", int64(a.CurrentReplicas), int64(b.CurrentReplicas))
	d.text("status.currentRevision", a.CurrentRevision, b.CurrentRevision)
	d.number("status.observedGeneration", a.ObservedGeneration, b.ObservedGeneration)
	d.number("status.readyReplicas", int64(a.ReadyReplicas), int64(b.ReadyReplicas))
	d.number("status.replicas", int64(a.StatusReplicas), int64(b.StatusReplicas))
	d.text("status.updateRevision", a.UpdateRevision, b.UpdateRevision)
	d.number("status.updatedReplicas", int64(a.UpdatedReplicas), int64(b.UpdatedReplicas))
}

func claimNames(claims []*Claim) string {
	var names []string
	for _, c := range claims {
		names = append(names, c.Name)
	}
	return strings.Join(names, ",")
}

func (s *StatefulSet) strategy() string {
	if s.OnDelete {
		return "OnDelete"
	}
	text := "RollingUpdate maxUnavailable=" + countOrPercent(s.MaxUnavailable)
	if s.Partition != 0 {
		text += " partition=" + strconv.Itoa(int(s.Partition))
	}
	return text
}

func (d *Differ) controllerRevision(a, b *ControllerRevision) {
	if d.deleted {
		d.number("revision", a.Revision, 0)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.number("revision", a.Revision, b.Revision)
	d.template(a.Template, b.Template)
}

func (d *Differ) daemonSet(a, b *DaemonSet) {
	if d.deleted {
		d.number("status.desiredNumberScheduled", int64(a.Desired), 0)
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.number("spec.minReadySeconds", int64(a.MinReady/time.Second), int64(b.MinReady/time.Second))
	d.number("spec.revisionHistoryLimit", int64(a.HistoryLimit), int64(b.HistoryLimit))
	d.selector(a.Selector, b.Selector)
	d.template(a.Template, b.Template)
	if a.OnDelete != b.OnDelete || a.MaxSurge != b.MaxSurge || a.MaxUnavailable != b.MaxUnavailable || d.created {
		d.emit("spec.updateStrategy", a.strategy(), b.strategy())
	}
	d.number("status.currentNumberScheduled", int64(a.Current), int64(b.Current))
	d.number("status.desiredNumberScheduled", int64(a.Desired), int64(b.Desired))
	d.number("status.numberAvailable", int64(a.Available), int64(b.Available))
	d.number("status.numberMisscheduled", int64(a.Misscheduled), int64(b.Misscheduled))
	d.number("status.numberReady", int64(a.Ready), int64(b.Ready))
	d.number("status.numberUnavailable", int64(a.Unavailable), int64(b.Unavailable))
	d.number("status.observedGeneration", a.ObservedGeneration, b.ObservedGeneration)
	d.number("status.updatedNumberScheduled", int64(a.Updated), int64(b.Updated))
}

func (s *DaemonSet) strategy() string {
	if s.OnDelete {
		return "OnDelete"
	}
	return "RollingUpdate maxSurge=" + countOrPercent(s.MaxSurge) + " maxUnavailable=" + countOrPercent(s.MaxUnavailable)
}

func (d *Differ) limitRange(a, b *LimitRange) {
	if d.deleted {
		return
	}
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.limits", limitText(a.Limits), limitText(b.Limits))
}

func (d *Differ) config(a, b *Config) {
	if d.deleted {
		return
	}
	d.text("data", strings.Join(a.Keys, ","), strings.Join(b.Keys, ","))
	d.flag("immutable", [2]bool{a.Immutable, b.Immutable})
	d.meta(&a.Meta, &b.Meta)
}

func limitText(items []LimitRangeItem) string {
	var list []string
	for i := range items {
		x := &items[i]
		text := "Container"
		if x.Pod {
			text = "Pod"
		}
		for _, part := range []struct {
			name string
			r    *Resources
		}{{"default", &x.Default}, {"defaultRequest", &x.DefaultRequest}, {"min", &x.Min}, {"max", &x.Max}} {
			if s := resourceText(part.r); s != "" {
				text += " " + part.name + " (" + s + ")"
			}
		}
		if r := x.Ratio; r != (Ratios{}) {
			text += " maxLimitRequestRatio (" + strconv.FormatInt(r.CPUMilli, 10) + " " + strconv.FormatInt(r.MemoryMilli, 10) + " " +
				strconv.FormatInt(r.EphemeralMilli, 10) + " thousandths)"
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

func (d *Differ) quota(a, b *ResourceQuota) {
	if d.deleted {
		return
	}
	d.meta(&a.Meta, &b.Meta)
	for _, i := range quotaOrder {
		x, y := a.Hard[i], b.Hard[i]
		if d.created {
			x = Unlimited
		}
		d.text("spec.hard."+QuotaNames[i], limited(true, x), limited(true, y))
	}
	for _, i := range quotaOrder {
		d.number("status.used."+QuotaNames[i], a.Used[i], b.Used[i])
	}
	d.flag("status.usedKnown", [2]bool{a.Known, b.Known})
}

// quotaOrder is QuotaNames by name.
var quotaOrder = [...]int{3, 4, 0, 1, 2}

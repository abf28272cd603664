package workload

import (
	"reflect"

	"orrery/model"
	"orrery/model/store"
)

// runApply goes through the manifests one by one, as kubectl does.
func runApply(_ *Kubectl, a *task, _ model.Object) { a.rest = a.Objects }

func (u *Kubectl) apply(t *task, o model.Object) {
	c := call{task: t, object: o}
	if m := o.Head(); u.mayGet(t, m.Kind, m.Namespace, m.Name) && u.turn(&c) {
		u.ask(c)
	}
}

// turn makes c what brings its object about: a creation, or a change of what
// has the name already. It says so and is false if that cannot be.
func (u *Kubectl) turn(c *call) bool {
	m := c.object.Head()
	c.op = store.OpCreate
	cur := u.store.Lookup(m.Kind, m.Namespace, m.Name)
	if cur == nil {
		return true
	}
	if why := immutable(cur, c.object); why != "" {
		u.failObject(c, why)
		return false
	}
	c.op, c.target, c.patch = store.OpPatch, cur.Head().Ref(), merge{c.object}
	return true
}

// immutable says which field a manifest would change that must stay as it is, ""
// if none (pkg/apis/apps/validation/validation.go ValidateDeploymentUpdate,
// ValidateStatefulSetUpdate; batch/validation ValidateJobSpecUpdate;
// rbac/validation ValidateRoleBindingUpdate; scheduling/validation
// ValidatePriorityClassUpdate; core/validation ValidateServiceClusterIPsRelatedFields,
// validateUpgradeDowngradeClusterIPs, ValidateConfigMapUpdate and ValidateSecretUpdate, of the keys
// alone as the rest is not kept).
func immutable(cur, said model.Object) string {
	same := func(a, b any) bool { return reflect.DeepEqual(a, b) }
	if !same(model.PodSelectorOf(cur), model.PodSelectorOf(said)) {
		return "spec.selector: field is immutable"
	}
	switch n := cur.(type) {
	case *model.StatefulSet:
		if m := said.(*model.StatefulSet); n.Parallel != m.Parallel || !same(n.Claims, m.Claims) {
			return "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
				"'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
		}
	case *model.Job:
		m := said.(*model.Job)
		for _, f := range []struct {
			name string
			same bool
		}{
			{"completions", n.Completions == m.Completions}, {"completionMode", n.Indexed == m.Indexed},
			{"podFailurePolicy", same(n.FailurePolicy, m.FailurePolicy)}, {"backoffLimitPerIndex", n.BackoffLimitPerIndex == m.BackoffLimitPerIndex},
			{"template", n.Template.Hash == m.Template.Hash},
		} {
			if !f.same {
				return "spec." + f.name + ": field is immutable"
			}
		}
	case *model.Service:
		switch m := said.(*model.Service); {
		case m.LoadBalancer && (m.Headless || n.Headless):
			return "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"
		case m.Headless && !n.Headless:
			return "spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set"
		}
	case *model.Config:
		const isSet = "Forbidden: field is immutable when `immutable` is set"
		switch m := said.(*model.Config); {
		case n.Immutable && !m.Immutable:
			return "immutable: " + isSet
		case n.Immutable && !same(n.Keys, m.Keys):
			return "data: " + isSet
		}
	case *model.RoleBinding:
		if m := said.(*model.RoleBinding); n.Role != m.Role || n.RoleKind != m.RoleKind {
			return "roleRef: cannot change roleRef"
		}
	case *model.PriorityClass:
		m := said.(*model.PriorityClass)
		switch {
		case n.Value != m.Value:
			return "value: Forbidden: may not be changed in an update."
		case n.NeverPreempts != m.NeverPreempts:
			return "preemptionPolicy: field is immutable"
		}
	}
	return ""
}

// merge makes what is stored be as a manifest says and leaves alone what a
// manifest does not say: identity, status, and what controllers wrote.
type merge struct{ manifest model.Object }

// Apply implements store.Patch.
func (p merge) Apply(cur model.Object) model.Object {
	next := cur.Copy()
	switch n := next.(type) {
	case *model.Deployment:
		mergeDeployment(n, p.manifest.(*model.Deployment))
	case *model.ReplicaSet:
		m := p.manifest.(*model.ReplicaSet)
		n.MinReady = m.MinReady
		n.Template = settled(n.Template, m.Template)
	case *model.StatefulSet:
		m := p.manifest.(*model.StatefulSet)
		n.Start, n.Template = m.Start, settled(n.Template, m.Template)
		n.OnDelete, n.Partition, n.MaxUnavailable = m.OnDelete, m.Partition, m.MaxUnavailable
		n.MinReady, n.HistoryLimit = m.MinReady, m.HistoryLimit // podManagementPolicy and volumeClaimTemplates are immutable
		n.DeleteClaimsWithSet, n.DeleteClaimsWhenDown = m.DeleteClaimsWithSet, m.DeleteClaimsWhenDown
	case *model.DaemonSet:
		m := p.manifest.(*model.DaemonSet)
		n.Template, n.OnDelete = settled(n.Template, m.Template), m.OnDelete
		n.MaxUnavailable, n.MaxSurge, n.MinReady, n.HistoryLimit = m.MaxUnavailable, m.MaxSurge, m.MinReady, m.HistoryLimit
	case *model.Job:
		// The template and the number of completions are immutable.
		m := p.manifest.(*model.Job)
		n.Parallelism, n.BackoffLimit, n.ActiveDeadline, n.TTL, n.Suspend = m.Parallelism, m.BackoffLimit, m.ActiveDeadline, m.TTL, m.Suspend
	case *model.CronJob:
		m := p.manifest.(*model.CronJob)
		n.Schedule, n.Concurrency, n.Suspend, n.StartingDeadline = m.Schedule, m.Concurrency, m.Suspend, m.StartingDeadline
		n.SuccessfulHistory, n.FailedHistory, n.JobLabels, n.Job = m.SuccessfulHistory, m.FailedHistory, m.JobLabels, m.Job
	case *model.Service:
		headless := n.Headless // its clusterIP stays (registry/core/service/storage patchAllocatedValues)
		*n = *p.manifest.(*model.Service)
		n.Meta, n.Headless = *cur.Head(), headless
	case *model.ResourceQuota:
		n.Hard = p.manifest.(*model.ResourceQuota).Hard
	case *model.HorizontalPodAutoscaler:
		m := p.manifest.(*model.HorizontalPodAutoscaler)
		n.TargetKind, n.TargetName, n.Min, n.Max, n.Metrics, n.Behavior = m.TargetKind, m.TargetName, m.Min, m.Max, m.Metrics, m.Behavior
	case *model.LimitRange:
		n.Limits = p.manifest.(*model.LimitRange).Limits
	case *model.Config:
		m := p.manifest.(*model.Config)
		n.Keys, n.Immutable = m.Keys, m.Immutable
	case *model.PodDisruptionBudget:
		m := p.manifest.(*model.PodDisruptionBudget)
		n.Selector, n.MinAvailable, n.MaxUnavailable, n.AlwaysAllow = m.Selector, m.MinAvailable, m.MaxUnavailable, m.AlwaysAllow
	case *model.WebhookConfiguration:
		n.Webhooks = p.manifest.(*model.WebhookConfiguration).Webhooks
	case *model.FlowSchema, *model.PriorityLevel:
		next = p.manifest.Copy()
		*next.Head() = *cur.Head()
	case *model.Role:
		n.Rules = p.manifest.(*model.Role).Rules
	case *model.RoleBinding:
		n.Subjects = p.manifest.(*model.RoleBinding).Subjects // the role is immutable
	case *model.PriorityClass:
		n.GlobalDefault = p.manifest.(*model.PriorityClass).GlobalDefault // the rest is immutable
	}
	resize(next, p.manifest)
	if !reflect.DeepEqual(next, cur) {
		next.Head().Generation++
	}
	if unsaid := model.ReplicasUnsaidOf(next); unsaid != nil {
		*unsaid = *model.ReplicasUnsaidOf(p.manifest)
	}
	next.Head().Labels = p.manifest.Head().Labels
	if reflect.DeepEqual(next, cur) {
		return cur
	}
	return next
}

// resize takes over the number of replicas. Where neither a manifest nor the one before says
// it, it is somebody else's, as a HorizontalPodAutoscaler's; one that does not say it any more
// takes it back (kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale,
// "Migrating Deployments and StatefulSets to horizontal autoscaling").
func resize(next, said model.Object) {
	if n := model.ReplicasOf(next); n != nil && !(*model.ReplicasUnsaidOf(next) && *model.ReplicasUnsaidOf(said)) {
		*n = *model.ReplicasOf(said)
	}
}

// mergeDeployment takes over the spec; the selector is the same.
func mergeDeployment(n, m *model.Deployment) {
	n.Template = settled(n.Template, m.Template)
	n.Recreate, n.MaxSurge, n.MaxUnavailable = m.Recreate, m.MaxSurge, m.MaxUnavailable
	n.MinReady, n.ProgressDeadline = m.MinReady, m.ProgressDeadline
	n.HistoryLimit, n.Paused = m.HistoryLimit, m.Paused
}

// settled is cur if said says the same, so that it stays shared.
func settled(cur, said *model.Template) *model.Template {
	if cur != nil && said != nil && cur.Hash == said.Hash {
		return cur
	}
	return said
}

package apiserver

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// commit applies what etcd agreed on to the truth of this moment, and tells
// whether that was all. An eviction takes several commits, and so does a pod that counts
// towards a quota.
func (a *Server) commit(r *store.Request) (refusal store.Refusal, stored model.Object, done bool) {
	if pod, ok := a.store.Get(r.Target).(*model.Pod); r.Op == store.OpEvict && ok && r.Step < evictDelete {
		refusal = a.evict(r, pod)
		return refusal, nil, refusal != store.Accepted
	}
	if r.Op == store.OpDeleteCollection {
		return store.Accepted, nil, a.removeNext(r)
	}
	if charged, refusal := a.charge(r); charged || refusal != store.Accepted {
		return refusal, nil, !charged
	}
	refusal, stored = a.apply(r)
	return refusal, stored, true
}

// apply applies a request to the truth of this moment.
func (a *Server) apply(r *store.Request) (store.Refusal, model.Object) {
	if r.Op == store.OpCreate {
		a.locate(r.Object)
		if refusal := a.store.Create(r.Client.Actor, r.Object); refusal != store.Accepted {
			return refusal, nil
		}
		return store.Accepted, r.Object
	}
	cur := a.store.Get(r.Target)
	switch {
	case r.Op == store.OpNote, r.Op == store.OpDeleteCollection:
		return store.Accepted, nil // whether its object is still there or not; a collection without any
	case cur == nil:
		return store.NotFound, nil
	}
	switch r.Op {
	case store.OpUpdate, store.OpUpdateStatus:
		return a.update(r, cur)
	case store.OpPatch:
		next := r.Patch.Apply(cur)
		switch n, ok := next.(*model.Namespace); {
		case ok && n.Finalized && n.Deleting(), next != cur && released(next):
			a.store.Delete(r.Client.Actor, r.Target)
		case next != cur:
			a.store.Update(r.Client.Actor, next)
		}
		return store.Accepted, next
	case store.OpBind:
		return a.bind(r, cur.(*model.Pod))
	case store.OpGet:
		return store.Accepted, cur
	}
	return a.remove(r, cur)
}

// locate binds a new pod to the node that it, or the template it is made from, names: no scheduler is
// asked (pkg/scheduler/eventhandlers.go assignedPod).
func (a *Server) locate(o model.Object) {
	pod, ok := o.(*model.Pod)
	if !ok || pod.NodeID != 0 {
		return
	}
	pod.NodeName = cmp.Or(pod.NodeName, pod.Spec.NodeName)
	if pod.NodeName != "" {
		pod.NodeID = a.store.NodeNumber(pod.NodeName)
	}
}

// update replaces the whole object or only its status. A stale
// resourceVersion is refused; none at all is not checked
// (k8s.io/apiserver/pkg/registry/generic/registry/store.go).
func (a *Server) update(r *store.Request, cur model.Object) (store.Refusal, model.Object) {
	next := r.Object
	have, sent := cur.Head(), next.Head()
	if sent.ResourceVersion != 0 && sent.ResourceVersion != have.ResourceVersion {
		return store.Conflict, nil
	}
	if lease, ok := next.(*model.Lease); ok {
		return a.renew(r, lease, cur.(*model.Lease))
	}
	if r.Part == store.Scale {
		next = rescaled(cur, *model.ReplicasOf(next))
	} else if r.Op == store.OpUpdateStatus {
		keepSpec(next, cur)
	} else if sent.ResourceVersion == 0 {
		*sent = *have
	}
	if next == cur || unchanged(next, cur) {
		return store.Accepted, cur
	}
	if released(next) {
		a.store.Delete(r.Client.Actor, r.Target)
		return store.Accepted, nil
	}
	a.store.Update(r.Client.Actor, next)
	return store.Accepted, next
}

// renew writes a Lease. That its holder goes on makes a version, but no record.
func (a *Server) renew(r *store.Request, next, cur *model.Lease) (store.Refusal, model.Object) {
	if next.Renewals != cur.Renewals {
		return store.Conflict, nil
	}
	next.Renewals++
	if next.Holder == cur.Holder {
		a.store.Touch(next)
	} else {
		a.store.Update(r.Client.Actor, next)
	}
	return store.Accepted, next
}

// rescaled is cur with another number of replicas (pkg/registry/apps/*/storage
// ScaleREST).
func rescaled(cur model.Object, replicas int32) model.Object {
	if *model.ReplicasOf(cur) == replicas {
		return cur
	}
	next := cur.Copy()
	*model.ReplicasOf(next) = replicas
	next.Head().Generation++
	return next
}

// unchanged tells whether an update changes nothing, which is then not committed
// (k8s.io/apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate). Of the kinds
// that change often nobody sends such an update, so they are not compared.
func unchanged(next, cur model.Object) bool {
	if n, ok := next.(*model.HorizontalPodAutoscaler); ok && !slices.Equal(n.CurrentMetrics, cur.(*model.HorizontalPodAutoscaler).CurrentMetrics) {
		return false // as nearly always
	}
	switch next.(type) {
	case *model.StatefulSet, *model.DaemonSet, *model.Job, *model.CronJob, *model.PodDisruptionBudget, *model.ResourceQuota, *model.HorizontalPodAutoscaler,
		*model.Claim, *model.Volume, *model.VolumeAttachment:
		next.Head().ResourceVersion = cur.Head().ResourceVersion
		return reflect.DeepEqual(next, cur)
	}
	return false
}

// keepSpec makes everything but the status of next that of cur.
func keepSpec(next, cur model.Object) {
	switch n := next.(type) {
	case *model.Pod:
		c := cur.(*model.Pod)
		if n.Resize == nil && len(n.Containers) > 0 && !n.Spec.SameResources(c.Spec) { // it has what it wanted, and now wants something else
			n.Resize = &model.Resize{Allocated: n.Spec}
		}
		n.Meta, n.Spec, n.NodeName, n.NodeID, n.Gates, n.Devices, n.Finalizers, n.DeletionCost = c.Meta, c.Spec, c.NodeName, c.NodeID, c.Gates, c.Devices, c.Finalizers, c.DeletionCost
		n.NominatedNode, n.Custom = c.NominatedNode, c.Custom
		if n.Disrupted.Reason != model.ReasonKubeletTerminates {
			n.Disrupted = c.Disrupted
		}
		if c.Phase.Terminal() && !c.Mirror() {
			keepEnded(n, c)
		}
	case *model.Node:
		c := cur.(*model.Node)
		n.Meta, n.Unschedulable, n.Taints = c.Meta, c.Unschedulable, c.Taints
	case *model.Deployment:
		c, s := *cur.(*model.Deployment), *n
		*n = c
		n.ObservedGeneration, n.StatusReplicas, n.UpdatedReplicas = s.ObservedGeneration, s.StatusReplicas, s.UpdatedReplicas
		n.ReadyReplicas, n.AvailableReplicas, n.Terminating = s.ReadyReplicas, s.AvailableReplicas, s.Terminating
		n.Available, n.Progressing, n.ProgressAt, n.Failure = s.Available, s.Progressing, s.ProgressAt, s.Failure
		n.Revision = s.Revision // an annotation, which comes with the status
	case *model.ReplicaSet:
		c, s := *cur.(*model.ReplicaSet), *n
		*n = c
		n.ObservedGeneration, n.StatusReplicas, n.Failure = s.ObservedGeneration, s.StatusReplicas, s.Failure
		n.ReadyReplicas, n.AvailableReplicas, n.Terminating = s.ReadyReplicas, s.AvailableReplicas, s.Terminating
	case *model.StatefulSet:
		c, s := *cur.(*model.StatefulSet), *n
		*n = c
		n.ObservedGeneration, n.StatusReplicas, n.ReadyReplicas, n.AvailableReplicas = s.ObservedGeneration, s.StatusReplicas, s.ReadyReplicas, s.AvailableReplicas
		n.CurrentReplicas, n.UpdatedReplicas, n.CurrentRevision, n.UpdateRevision = s.CurrentReplicas, s.UpdatedReplicas, s.CurrentRevision, s.UpdateRevision
	case *model.DaemonSet:
		c, s := *cur.(*model.DaemonSet), *n
		*n = c
		n.ObservedGeneration, n.Desired, n.Current, n.Misscheduled = s.ObservedGeneration, s.Desired, s.Current, s.Misscheduled
		n.Ready, n.Available, n.Unavailable, n.Updated = s.Ready, s.Available, s.Unavailable, s.Updated
	case *model.Job:
		c, s := *cur.(*model.Job), *n
		s.Meta, s.JobSpec = c.Meta, c.JobSpec
		*n = s
	case *model.CronJob:
		c, s := *cur.(*model.CronJob), *n
		*n = c
		n.Active, n.ScheduledAt, n.SuccessfulAt = s.Active, s.ScheduledAt, s.SuccessfulAt
	case *model.ResourceQuota:
		c, s := *cur.(*model.ResourceQuota), *n
		*n = c
		n.Known, n.Used = s.Known, s.Used
	case *model.Claim, *model.Volume, *model.VolumeAttachment:
		keepStorage(next, cur)
	case *model.HorizontalPodAutoscaler:
		c, s := *cur.(*model.HorizontalPodAutoscaler), *n
		*n = c
		n.CurrentReplicas, n.DesiredReplicas, n.LastScaleAt, n.CurrentMetrics = s.CurrentReplicas, s.DesiredReplicas, s.LastScaleAt, s.CurrentMetrics
		n.AbleToScale, n.ScalingActive, n.ScalingLimited = s.AbleToScale, s.ScalingActive, s.ScalingLimited
	case *model.PodDisruptionBudget:
		c, s := *cur.(*model.PodDisruptionBudget), *n
		*n = c
		n.ObservedGeneration, n.Expected, n.Desired = s.ObservedGeneration, s.Expected, s.Desired
		n.Healthy, n.Allowed, n.Disrupted = s.Healthy, s.Allowed, s.Disrupted
	}
}

// keepEnded keeps a pod that has ended from being anything else, or ready: what its
// kubelet found out before it saw that does not count any more
// (pkg/kubelet/status/status_manager.go mergePodStatus). Only a mirror pod can begin
// anew, with its machine: what it shows is a file, which has no phase.
func keepEnded(next, cur *model.Pod) {
	next.Phase, next.Reason, next.Message = cur.Phase, cur.Reason, cur.Message
	for _, c := range []*model.Condition{&next.Ready, &next.ContainersUp} {
		if c.Status == model.True {
			*c = cur.Ready
		}
	}
}

// keepStorage is keepSpec of the objects of storage.
func keepStorage(next, cur model.Object) {
	switch n := next.(type) {
	case *model.Claim:
		phase := n.Phase
		*n = *cur.(*model.Claim)
		n.Phase = phase
	case *model.Volume:
		phase := n.Phase
		*n = *cur.(*model.Volume)
		n.Phase = phase
	case *model.VolumeAttachment:
		attached, failed := n.Attached, n.Error
		*n = *cur.(*model.VolumeAttachment)
		n.Attached, n.Error = attached, failed
	}
}

// bind puts a pod on a node, once
// (pkg/registry/core/pod/storage/storage.go assignPod).
func (a *Server) bind(r *store.Request, cur *model.Pod) (store.Refusal, model.Object) {
	node, ok := a.store.Get(r.Node).(*model.Node)
	if !ok {
		return store.NotFound, nil
	}
	if cur.NodeID != 0 || cur.Deleting() || len(cur.Gates) > 0 {
		return store.Conflict, nil
	}
	next := *cur
	next.NodeName, next.NodeID, next.NominatedNode = node.Name, node.ID, ""
	next.Devices = r.Devices
	next.Scheduled = model.Condition{Status: model.True, SinceAt: a.kernel.Now()}
	a.store.Update(r.Client.Actor, &next)
	return store.Accepted, &next
}

// remove deletes an object at once, or asks a pod that runs somewhere to end
// within its grace period
// (pkg/registry/core/pod/strategy.go CheckGracefulDelete). One with finalizers stays
// when that is over, until the last of them is taken off
// (k8s.io/apiserver/pkg/registry/generic/registry/store.go
// deletionFinalizersForGarbageCollection, ShouldDeleteDuringUpdate). The grace of a pod
// that is going already can only shrink.
func (a *Server) remove(r *store.Request, cur model.Object) (store.Refusal, model.Object) {
	if n, ok := cur.(*model.Namespace); ok {
		return a.terminate(r, n)
	}
	pod, ok := cur.(*model.Pod)
	if protected(cur) && !ok {
		return a.ask(r, cur)
	}
	if !ok {
		a.store.Delete(r.Client.Actor, r.Target)
		return store.Accepted, nil
	}
	grace := r.Grace
	if grace == store.DefaultGrace {
		grace = pod.Spec.GraceSeconds
	}
	if pod.NodeID == 0 || pod.Phase.Terminal() {
		grace = 0
	}
	if grace == 0 && !protected(pod) {
		a.store.Delete(r.Client.Actor, r.Target)
		return store.Accepted, nil
	}
	if pod.Deleting() && pod.GraceSeconds <= grace {
		return store.Accepted, pod
	}
	next := *pod
	next.DeletionAt = a.kernel.Now().Add(time.Duration(grace) * time.Second)
	if pod.Deleting() && grace == 0 { // when it was asked to go (apiserver/pkg/registry/rest/delete.go)
		next.DeletionAt = pod.DeletionAt.Add(-time.Duration(pod.GraceSeconds) * time.Second)
	}
	next.GraceSeconds = grace
	next.Generation++
	a.store.Update(r.Client.Actor, &next)
	return store.Accepted, &next
}

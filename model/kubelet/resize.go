package kubelet

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// Resources of a pod that change in place (v1.35 pkg/kubelet/allocation/allocation_manager.go):
// what is wanted is set aside if every handler of admission lets the pod in with it, beside
// what all others have; it is deferred until they do, or infeasible if the node is too small
// or the kubelet cannot. What is set aside the next pass gives to the pod
// (resize_actuate.go).
//
// All that are deferred are tried again when a pod asks for other resources, when the object
// of one is gone, when one is shown to have less, and retryEvery after they were last tried.
// That last one is no event while nothing has changed that they are asked about.
const (
	firstRetry = 30 * time.Second // after the start of the process (initialRetryDelay)
	retryEvery = 3 * time.Minute  // retryDelay
)

// allocated is the spec with what is set aside for a pod of the machine.
func allocated(s *runtime.Sandbox) *model.PodSpec {
	if s.Allocated != nil {
		return s.Allocated
	}
	return s.Pod.Spec
}

// allotted is the spec with what is set aside for a pod, or will be.
func (r *row) allotted() *model.PodSpec {
	if r.granted == nil {
		return r.pod.Spec
	}
	return r.granted
}

// asGranted is the pod with what is set aside for it.
func (r *row) asGranted() *model.Pod {
	if r.allotted() == r.pod.Spec {
		return r.pod
	}
	p := *r.pod
	p.Spec = r.granted
	return &p
}

// resizes tells whether a pod wants other resources than are set aside for it, and may have
// them. Deviation: a pod that ends may not, where a real kubelet sets them aside even then.
func (r *row) resizes() bool {
	return r.charged && r.stage == syncing && r.static == nil && r.enlarging == nil && !r.awaitsRoom() && !r.ends() && !r.granted.SameResources(r.pod.Spec)
}

// respecified takes a version of a pod that asks for other resources than the one before
// (kubelet.go HandlePodUpdates). While others make room for what it asked for before, that
// comes first.
func (k *Kubelet) respecified(r *row) {
	switch {
	case !r.charged || r.stage != syncing || r.enlarging != nil:
	case r.resizes():
		k.queueResize(r)
		k.retryResizes()
	case r.granted.SameResources(r.pod.Spec): // it has been taken back
		k.settle(r, r.pod.Spec)
	}
	k.trigger(r, k.kernel.Now())
}

// resizeNews takes what a version of a pod says of its resources. One that is shown to have
// less than before makes room (kubelet.go HandlePodReconcile).
func (k *Kubelet) resizeNews(r *row, was *model.Pod) {
	if !r.charged {
		return
	}
	if r.pod.Resize != was.Resize && k.count(r) && len(k.deferred) > 0 {
		k.retryResizes()
	}
	switch {
	case r.pod.Spec != was.Spec:
		k.respecified(r)
	case len(k.deferred) > 0 && !slices.Equal(r.pod.Labels, was.Labels): // fits looks at one of them
		k.mayResize()
	}
}

// readmitted is a pod that an earlier process of the kubelet has admitted, and what that
// has said of its resize (status_manager.go BackfillPodResizeConditions). It is tried when
// all pods of the list are known. A pod that ends counts for what is set aside for it, whatever
// its spec says by now (allocation_manager.go getAllocatedPods).
func (k *Kubelet) readmitted(r *row) {
	if x := r.pod.Resize; x != nil {
		r.postponed, r.postponedAt, r.postponedOf = x.Pending, x.PendingAt, x.Generation
	}
	switch {
	case r.resizes():
		k.count(r)
		k.queueResize(r)
		k.untried = true
	case r.granted.SameResources(r.pod.Spec):
		k.settle(r, r.pod.Spec)
	default:
		k.count(r)
	}
}

// queueResize has a pod's resize tried with the others: first those that want nothing more,
// then by priority, class and how long they have waited (sortPendingResizes).
func (k *Kubelet) queueResize(r *row) {
	if !slices.Contains(k.deferred, r.pod.ID) {
		k.deferred = append(k.deferred, r.pod.ID)
	}
	grows := func(r *row) int {
		if less(&r.granted.Request, &r.pod.Spec.Request) {
			return 1
		}
		return 0
	}
	since := func(r *row) sim.Time {
		if r.postponed == "" {
			return sim.Never
		}
		return r.postponedAt
	}
	k.deferred = slices.DeleteFunc(k.deferred, func(id uint32) bool { o := k.find(id); return o == nil || !o.resizes() })
	slices.SortStableFunc(k.deferred, func(x, y uint32) int {
		a, b := k.find(x), k.find(y)
		return cmp.Or(
			cmp.Compare(grows(a), grows(b)), cmp.Compare(b.pod.Spec.Priority, a.pod.Spec.Priority),
			cmp.Compare(b.pod.Spec.QoS(), a.pod.Spec.QoS()), cmp.Compare(since(a), since(b)),
		)
	})
}

func less(a, b *model.Resources) bool {
	return a.CPUMilli < b.CPUMilli || a.MemoryBytes < b.MemoryBytes
}

// retryResizes tries all resizes that are deferred (retryPendingResizes), once all pods of
// the first list are known.
func (k *Kubelet) retryResizes() {
	now := k.kernel.Now()
	if !k.synced && !k.orders.Drained() {
		k.untried = len(k.deferred) > 0
		k.nextRetry(now.Add(firstRetry))
		return
	}
	k.nextRetry(now.Add(retryEvery))
	queue := k.deferred
	k.deferred, k.untried = queue[:0], false
	for _, id := range queue {
		r := k.find(id)
		if r == nil || !r.resizes() {
			continue
		}
		was := r.postponed
		k.tryResize(r)
		if r.postponed == model.ResizeDeferred {
			k.deferred = append(k.deferred, id)
		}
		if r.postponed != was || r.granted == r.pod.Spec {
			k.trigger(r, now)
		}
	}
}

// beginRetries is for a process that starts, or one that has long been running.
func (k *Kubelet) beginRetries(looks *sim.Stream) {
	first := firstRetry
	if k.synced {
		first = looks.Duration(0, retryEvery)
	}
	k.retrying.Ticker = sim.Ticker{Phase: k.kernel.Now().Add(first), Period: retryEvery}
	k.deferred, k.untried = k.deferred[:0], false
}

// nextRetry has the ticker begin anew.
func (k *Kubelet) nextRetry(at sim.Time) {
	k.retrying.Ticker = sim.Ticker{Phase: at, Period: retryEvery}
	k.retrying.next = sim.Never
	if k.literal {
		k.want(&k.retrying, whyRetry, k.kernel.Now())
	}
}

// mayResize has resizes that are deferred tried at the next tick: they may now have another
// answer.
func (k *Kubelet) mayResize() {
	if len(k.deferred) > 0 {
		k.want(&k.retrying, whyRetry, k.kernel.Now())
	}
}

// tryResize sets aside what a pod wants, or says why not (handlePodResourcesResize). For a
// critical pod others may have to go first.
func (k *Kubelet) tryResize(r *row) {
	if k.resizesSwap(r) { // of which no Event tells
		k.postpone(r, model.ResizeInfeasible)
		return
	}
	if why := k.infeasible(r); why != "" {
		k.postponeAloud(r, model.ResizeInfeasible, why)
		return
	}
	k.allocate(negative(r.counted.Request), -1) // it does not stand in its own way
	_, why, victims := k.admit(r.pod, true)
	k.allocate(r.counted.Request, 1)
	switch {
	case why != "":
		k.postponeAloud(r, model.ResizeDeferred, why)
	case len(victims) > 0:
		r.enlarging, r.inTheWay = r.pod.Spec, numbers(victims)
		k.count(r)
		k.makeRoom(r)
	default:
		k.grant(r, r.pod.Spec)
	}
}

// infeasible is why a node can never give a pod what it wants, "" if it can
// (canResizePod): more than pods may have together, hard eviction thresholds included, or
// other CPUs or memory than those that it has for itself
// (resizesOf).
func (k *Kubelet) infeasible(r *row) string {
	want, l := &r.pod.Spec.Request, k.layout
	if guaranteed := r.pod.Spec.QoS() == model.Guaranteed; guaranteed && l != nil {
		cpu, memory := r.resizesOf()
		switch {
		case l.StaticCPUs && cpu:
			return `Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"`
		case l.StaticMemory && memory:
			return `Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"`
		}
	}
	has := k.node.Capacity
	cpu, memory := k.node.Reserved(k.levels.config.Kept(has).MemoryBytes)
	has.CPUMilli, has.MemoryBytes = max(has.CPUMilli-cpu, k.node.Allocatable.CPUMilli), max(has.MemoryBytes-memory, k.node.Allocatable.MemoryBytes)
	switch {
	case want.MemoryBytes > has.MemoryBytes:
		return fmt.Sprintf("Node didn't have enough capacity: memory, requested: %d, capacity: %d", want.MemoryBytes, has.MemoryBytes)
	case want.CPUMilli > has.CPUMilli:
		return fmt.Sprintf("Node didn't have enough capacity: cpu, requested: %d, capacity: %d", want.CPUMilli, has.CPUMilli)
	}
	return ""
}

// resizesOf tells whether a container, or a sidecar, wants other CPU than was set aside for it,
// and whether one wants other memory (guaranteedPodResourceResizeRequired).
func (r *row) resizesOf() (cpu, memory bool) {
	for i := range r.containers {
		if plainInit(r.pod.Spec, i) {
			continue
		}
		want, had := &containerOf(r.pod.Spec, i).Requests, &containerOf(r.granted, i).Requests
		cpu, memory = cpu || want.CPUMilli != had.CPUMilli, memory || want.MemoryBytes != had.MemoryBytes
	}
	return cpu, memory
}

// postpone has the status say that a resize waits, or cannot be, and tells whether it did
// not say so of this version of the spec (SetPodResizePendingCondition).
func (k *Kubelet) postpone(r *row, reason string) (news bool) {
	news = r.postponed != reason || r.postponedOf != r.pod.Generation
	if r.postponed != reason {
		r.postponedAt = k.kernel.Now()
	}
	r.postponed, r.postponedOf = reason, r.pod.Generation
	return news
}

// postponeAloud is the same, and tells why in an Event.
func (k *Kubelet) postponeAloud(r *row, reason, why string) {
	switch {
	case !k.postpone(r, reason):
	case reason == model.ResizeInfeasible:
		k.noteResize(r, true, "ResizeInfeasible", reason, r.pod.Spec, why)
	default:
		k.noteResize(r, true, "ResizeDeferred", reason, r.pod.Spec, why)
	}
}

// enlarged sets aside for a critical pod what others have made room for, without another
// look, and then looks whether it wants something else by now.
func (k *Kubelet) enlarged(r *row) {
	spec := r.enlarging
	r.enlarging = nil
	if r.stage != syncing {
		return
	}
	k.grant(r, spec)
	k.respecified(r)
}

// grant sets aside what a pod wants, and keeps that on the machine's disk.
func (k *Kubelet) grant(r *row, spec *model.PodSpec) {
	k.settle(r, spec)
	k.noteResize(r, false, "ResizeStarted", "started", spec, "")
}

// settle makes spec what is set aside for a pod, of which nothing waits then. The crash back-off of a
// container is that of its resources: with others it has none yet
// (kuberuntime_manager.go GetBackoffKey; what it had with those before is forgotten here).
func (k *Kubelet) settle(r *row, spec *model.PodSpec) {
	for i := range r.containers {
		if r.granted != nil && !containerOf(r.granted, i).SameResources(containerOf(spec, i)) {
			r.containers[i].restarts = backoff{}
		}
	}
	r.granted, r.postponed = spec, ""
	if r.box != nil {
		r.box.Allocated = spec
	}
	k.count(r)
}

// count has a pod count for as much as it has of what is set aside, of what the API says
// that was, and of what it has (k8s.io/component-helpers/resource/helpers.go
// determineEffectiveRequests): what it gives up is free when the API shows that. It tells
// whether that is less than before.
func (k *Kubelet) count(r *row) (shrunk bool) {
	spec := r.granted.Covering(r.enlarging)
	if x := r.pod.Resize; x != nil {
		spec = spec.Covering(x.Allocated).Covering(x.Actual)
	}
	shrunk = less(&spec.Request, &r.counted.Request)
	k.allocate(negative(r.counted.Request), 0)
	r.counted = spec
	k.allocate(spec.Request, 0)
	if shrunk {
		k.mayResize()
	}
	return shrunk
}

// resizeShown is what the status says of it, and last if that has not changed.
func (r *row) resizeShown(last *model.Resize, cache sim.Time) *model.Resize {
	unseen := r.resized > 0 && r.resized >= cache
	progress := r.lacks() || unseen
	if r.granted == nil || !progress && r.granted == r.pod.Spec {
		return nil
	}
	x := model.Resize{Allocated: r.granted, Progress: progress, Failed: progress && r.unresized != ""}
	switch {
	case unseen:
		x.Actual = r.had
	case progress:
		x.Actual = r.box.Pod.Spec
	}
	if x.Pending = r.postponed; x.Pending != "" {
		x.PendingAt, x.Generation = r.postponedAt, r.postponedOf
	}
	if last.Same(&x) {
		return last
	}
	return &x
}

package kubelet

import (
	"fmt"
	"slices"

	"orrery/model"
)

// admit tells why a pod that is new on this node cannot run here, "" if it can
// (pkg/kubelet/lifecycle/predicate.go, allocation/allocation_manager.go): the
// scheduler may have known less. What is compared is what was admitted, not
// what is used.
func (k *Kubelet) admit(pod *model.Pod) (reason, message string) {
	if reason, message := k.admitUnderPressure(pod); reason != "" {
		return reason, message
	}
	spec, has := pod.Spec, &k.node.Allocatable
	want := &spec.Request
	for _, x := range [...]struct {
		name             string
		asks, used, have int64
	}{
		{"pods", 1, k.used.Pods, has.Pods},
		{"cpu", want.CPUMilli, k.used.CPUMilli, has.CPUMilli},
		{"memory", want.MemoryBytes, k.used.MemoryBytes, has.MemoryBytes},
		{"ephemeral-storage", want.EphemeralBytes, k.used.EphemeralBytes, has.EphemeralBytes},
	} {
		if x.asks > 0 && x.used+x.asks > x.have {
			return outOf(x.name, x.asks, x.used, x.have)
		}
	}
	for _, e := range want.Extended {
		if used, have := k.used.ExtendedCount(e.Name), has.ExtendedCount(e.Name); used+e.Count > have {
			return outOf(e.Name, e.Count, used, have)
		}
	}
	if !k.matches(spec) {
		return "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
	}
	for i := range k.node.Taints {
		if t := &k.node.Taints[i]; t.Effect == model.NoExecute && !model.Tolerated(spec.Tolerations, t) {
			return "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
		}
	}
	if k.closing.on {
		return "NodeShutdown", "Pod was rejected as the node is shutting down."
	}
	return "", ""
}

func outOf(name string, asks, used, have int64) (reason, message string) {
	return "OutOf" + name, fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d", name, asks, used, have)
}

// matches tells whether the node has what the pod requires of it.
func (k *Kubelet) matches(spec *model.PodSpec) bool {
	for _, l := range spec.NodeSelector {
		if v, ok := k.node.Labels.Get(l.Key); !ok || v != l.Value {
			return false
		}
	}
	for i := range spec.Required {
		if spec.Required[i].Matches(k.node.Name, k.node.Labels) {
			return true
		}
	}
	return spec.Required == nil
}

// charge adds a pod to what is allocated on the node, unless it was there when
// the kubelet started.
func (k *Kubelet) charge(r *row) {
	r.charged = true
	if r.box == nil || !r.box.Admitted {
		k.allocate(r.pod.Spec.Request, 1)
	}
	if r.box != nil {
		r.box.Admitted = true
	}
}

func (k *Kubelet) allocate(r model.Resources, pods int64) {
	k.used = k.used.Add(r)
	k.used.Pods += pods
}

// release takes it out again.
func (k *Kubelet) release(r *row) {
	if !r.charged {
		return
	}
	r.charged = false
	if r.box != nil {
		r.box.Admitted = false
	}
	k.allocate(negative(r.pod.Spec.Request), -1)
}

// reject fails a pod for good; its controller will make another one.
func (k *Kubelet) reject(r *row, reason, message string) {
	r.stage = finished
	k.client.Note(r.face(), true, reason, message)
	next := *r.pod
	next.Phase, next.Reason = model.PodFailed, reason
	now := k.kernel.Now()
	if next.StartedAt == 0 {
		next.StartedAt = now
	}
	set(&next.ContainersUp, false, "PodFailed", now)
	set(&next.Ready, false, "PodFailed", now)
	next.Containers = slices.Clone(next.Containers)
	for i := range next.Containers {
		lose(&next.Containers[i])
	}
	k.show(r, next)
}

// negative is r with every amount negated.
func negative(r model.Resources) model.Resources {
	r.CPUMilli, r.MemoryBytes, r.EphemeralBytes = -r.CPUMilli, -r.MemoryBytes, -r.EphemeralBytes
	r.Extended = slices.Clone(r.Extended)
	for i := range r.Extended {
		r.Extended[i].Count = -r.Extended[i].Count
	}
	return r
}

// lose makes the status of a container that was shown running and is not to be
// found (pkg/kubelet/status/status_manager.go TerminatePod).
func lose(c *model.ContainerStatus) {
	c.Ready = false
	if c.State == model.ContainerRunning {
		c.State, c.Reason, c.ExitCode = model.ContainerTerminated, "ContainerStatusUnknown", 137
	}
}

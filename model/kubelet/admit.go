package kubelet

import (
	"fmt"
	"slices"
	"strings"

	"orrery/model"
	"orrery/sim"
)

// admit tells why a pod that is new on this node cannot run here, "" if it can, or why one
// that is here cannot have other resources (pkg/kubelet/lifecycle/predicate.go,
// allocation/allocation_manager.go canAdmitPod): the scheduler may have known less. What is
// compared is what was admitted, not what is used. For a critical pod it may be that others
// have to go first; not if the node is being shut down, where the real kubelet looks for that
// last.
func (k *Kubelet) admit(pod *model.Pod, isHere bool) (reason, message string, victims []*row) {
	reason, message = k.admitUnderPressure(pod)
	if reason == "" {
		reason, message = k.forbiddenSysctl(pod)
	}
	if reason == "" && !isHere { // what it has for itself it keeps (cm/cpumanager/policy_static.go Allocate)
		if reason, message = k.withoutDevices(pod); reason == "" {
			reason, message = k.exclusively(pod)
		}
	}
	if reason == "" {
		reason, message, victims = k.fits(pod)
	}
	if reason == "" && k.closing.on {
		return "NodeShutdown", "Pod was rejected as the node is shutting down.", nil
	}
	return reason, message, victims
}

// fits tells why a pod does not fit on the node beside all others (lifecycle/predicate.go
// Admit), and who has to go so that a critical one does.
func (k *Kubelet) fits(pod *model.Pod) (reason, message string, victims []*row) {
	if os, said := pod.Labels.Get(model.LabelOS); said && os != "linux" { // rejectPodAdmissionBasedOnOSSelector
		return "PodOSSelectorNodeLabelDoesNotMatch", "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label", nil
	}
	short := k.shortages(&pod.Spec.Request)
	reason, message = k.misfit(pod)
	switch {
	case len(short) > 0 && !critical(pod):
		return "OutOf" + short[0].name, short[0].String(), nil
	case reason != "":
		return reason, message, nil
	case len(short) > 0:
		if victims, message = k.victims(pod, short); message != "" {
			return unexpected, message, nil
		}
	}
	return "", "", victims
}

// admitFound is that of a pod that this process has just heard of, which an earlier one may have
// admitted.
func (k *Kubelet) admitFound(r *row) (reason, message string, victims []*row) {
	if r.box != nil && r.box.Admitted {
		reason, message = k.admitAgain(r.pod)
		return reason, message, nil
	}
	return k.admit(r.pod, false)
}

// admitAgain is the same of a pod that an earlier process of this kubelet has admitted:
// after a restart every pod is new (pkg/kubelet/kubelet.go HandlePodAdditions). What it
// asks for is still set aside; but labels and taints of the node may be others, and the process
// knows of pressure by then.
func (k *Kubelet) admitAgain(pod *model.Pod) (reason, message string) {
	reason, message = k.admitUnderPressure(pod)
	if reason == "" {
		reason, message = k.forbiddenSysctl(pod)
	}
	if reason == "" {
		reason, message = k.withoutDevices(pod)
	}
	if reason == "" {
		reason, message = k.exclusively(pod)
	}
	if reason == "" {
		reason, message = k.misfit(pod)
	}
	return reason, message
}

// shortage is that there is less of a resource than a pod asks for.
type shortage struct {
	name              string
	asks, used, total int64
}

func (s *shortage) String() string {
	return fmt.Sprintf("Node didn't have enough resource: %s, requested: %d, used: %d, capacity: %d", s.name, s.asks, s.used, s.total)
}

// missing is how much has to become free.
func (s *shortage) missing() int64 { return s.asks - (s.total - s.used) }

// shortages is what there is too little of. Of an extended resource of which the node
// knows nothing there is enough, as it may be one of the whole cluster
// (removeMissingExtendedResources).
func (k *Kubelet) shortages(want *model.Resources) (out []shortage) {
	has := &k.node.Allocatable
	for _, s := range [...]shortage{
		{"pods", 1, k.used.Pods, has.Pods},
		{"cpu", want.CPUMilli, k.used.CPUMilli, has.CPUMilli},
		{"memory", want.MemoryBytes, k.used.MemoryBytes, has.MemoryBytes},
		{"ephemeral-storage", want.EphemeralBytes, k.used.EphemeralBytes, has.EphemeralBytes},
	} {
		if s.asks > 0 && s.missing() > 0 {
			out = append(out, s)
		}
	}
	for _, e := range want.Extended {
		s := shortage{e.Name, e.Count, k.used.ExtendedCount(e.Name), has.ExtendedCount(e.Name)}
		if (s.total > 0 || isHugePages(e.Name)) && s.missing() > 0 {
			out = append(out, s)
		}
	}
	return out
}

// isHugePages tells whether a resource is huge pages, which are no extended resource: a node
// that says nothing of them has none (v1helper.IsExtendedResourceName).
func isHugePages(name string) bool { return strings.HasPrefix(name, "hugepages-") }

// misfit tells what else is in the way (generalFilter). If that is the node's labels alone,
// the real kubelet reads the node anew and looks again.
func (k *Kubelet) misfit(pod *model.Pod) (reason, message string) {
	if !k.matches(pod.Spec) {
		return "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
	}
	if k.portTaken(pod) {
		return "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
	}
	for i := range k.node.Taints {
		if pod.ID >= model.FirstStaticID {
			break // taints do not keep static pods away
		}
		if t := &k.node.Taints[i]; t.Effect == model.NoExecute && !model.Tolerated(pod.Spec.Tolerations, t) {
			return "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
		}
	}
	return "", ""
}

// portTaken tells whether another pod that is here has a port of the node that the pod wants.
func (k *Kubelet) portTaken(pod *model.Pod) bool {
	if pod.Spec.Placement == nil {
		return false
	}
	for _, r := range k.rows {
		if r == nil || !r.charged || r.pod.ID == pod.ID || r.pod.Spec.Placement == nil {
			continue
		}
		for _, has := range r.pod.Spec.Placement.HostPorts {
			if slices.ContainsFunc(pod.Spec.Placement.HostPorts, has.Conflicts) {
				return true
			}
		}
	}
	return false
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
	r.charged, r.granted = true, r.pod.Spec
	known := r.box != nil && r.box.Admitted
	if known {
		r.granted = allocated(r.box)
	}
	if r.counted = r.granted; !known {
		k.allocate(r.counted.Request, 1)
	}
	if r.box != nil {
		r.box.Admitted = true
	}
	k.mayResize() // by pushing it out
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
	if r.granted == nil {
		r.granted = allocated(r.box)
		r.counted = r.granted
	}
	k.allocate(negative(r.counted.Request), -1)
	k.share(r.pod.ID)
	k.mayResize()
}

// reject fails a pod for good; its controller will make another one (pkg/kubelet/kubelet.go
// rejectPod). It has no worker then, and so what runs of it, as an earlier process has admitted
// it, is an orphan (keepHouse). Its status says no more than that and why: it has none of the
// conditions of a kubelet, not even PodScheduled, and tells nothing of containers
// (status/status_manager.go mergePodStatus, types/pod_status.go PodConditionsByKubelet).
func (k *Kubelet) reject(r *row, reason, message string) {
	r.stage, r.refused = finished, true
	r.charged = r.box != nil && r.box.Admitted
	k.release(r)
	k.share(r.pod.ID)
	if r.box != nil && !r.box.Alive() {
		k.machine.Retire(r.box)
	}
	k.client.Note(r.face(), true, reason, message)
	next := *r.pod
	refuse(&next, reason, message, k.kernel.Now())
	k.show(r, next)
}

// refuse makes the status of a pod that of one that is rejected.
func refuse(p *model.Pod, reason, message string, now sim.Time) {
	p.Phase, p.Reason, p.Message = model.PodFailed, reason, "Pod was rejected: "+message
	if p.StartedAt == 0 {
		p.StartedAt = now
	}
	for _, c := range [...]*model.Condition{&p.Scheduled, &p.Sandbox, &p.Initialized, &p.ContainersUp, &p.Ready} {
		*c = model.Condition{}
	}
	p.IP, p.Containers = 0, nil
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

package scheduler

import "orrery/model"

// nodeVolumeLimits refuses nodes to which no more volumes of a driver can be
// attached (pkg/scheduler/framework/plugins/nodevolumelimits/csi.go). Volumes
// that are not CSI's are not counted, whether they are migrated or not.
type nodeVolumeLimits struct {
	handle *Handle
	full   *Status
}

func newNodeVolumeLimits(h *Handle) Plugin {
	p := &nodeVolumeLimits{handle: h}
	p.full = h.Status(p.Name(), Unschedulable, "node(s) exceed max volume count")
	return p
}

func (*nodeVolumeLimits) Name() string { return "NodeVolumeLimits" }

// SignPod implements SignPlugin.
func (*nodeVolumeLimits) SignPod(key []byte, pod *model.Pod) []byte { return signClaims(key, pod) }

// limitView is the pod of a class, for its claims.
type limitView struct {
	claimWatch
	plugin *nodeVolumeLimits
	pod    *model.Pod
}

// View implements WidePlugin.
func (p *nodeVolumeLimits) View(pod *model.Pod) View {
	v := &limitView{claimWatch: p.handle.cache.volumes.watch(pod), plugin: p, pod: pod}
	if len(claimsOf(pod)) == 0 {
		return View{Watcher: v}
	}
	return View{Watcher: v, Filter: v}
}

// attachable names a volume to its driver; one that is still to be made has the
// name of its claim.
//
//tidy:key compared as a whole
type attachable struct{ driver, handle string }

// Filter implements WideFilter.
func (v *limitView) Filter(id uint32) *Status {
	c := v.plugin.handle.cache
	node := &c.rows[id]
	limits := c.volumes.limits[node.Node.Name]
	if len(limits) == 0 {
		return nil
	}
	there := map[attachable]bool{}
	for _, p := range node.Pods {
		c.volumes.attach(there, p)
	}
	for _, name := range c.volumes.attached[node.Node.Name] {
		if x := c.volumes.volumes[name]; x != nil && x.Driver != "" {
			there[attachable{x.Driver, x.Handle}] = true
		}
	}
	count := map[string]int{}
	for a := range there { //tidy:commutative a count
		count[a.driver]++
	}
	want := map[attachable]bool{}
	c.volumes.attach(want, v.pod)
	grows := map[string]bool{}
	for a := range want { //tidy:commutative a count, and all must fit
		if !there[a] {
			count[a.driver]++
			grows[a.driver] = true
		}
	}
	for driver := range grows { //tidy:commutative all say the same
		if most, limited := limits[driver]; limited && count[driver] > most {
			return v.plugin.full
		}
	}
	return nil
}

// attach adds the volumes that a pod needs on its node.
func (v *volumes) attach(to map[attachable]bool, pod *model.Pod) {
	for _, u := range claimsOf(pod) {
		c := v.of(pod, u)
		if c == nil {
			continue
		}
		if x := v.volumes[c.Volume]; x != nil {
			if x.Driver != "" && x.Handle != "" {
				to[attachable{x.Driver, x.Handle}] = true
			}
		} else if class := v.classes[c.Class]; class != nil && class.Provisioner != "" {
			to[attachable{class.Provisioner, "?" + c.Namespace + "/" + c.Name}] = true
		}
	}
}

// EventsToRegister implements EnqueueExtensions: a pod goes that has volumes, or a
// volume is detached, whichever.
func (*nodeVolumeLimits) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{AssignedPodDelete, func(_ *model.Pod, e *Event) bool { return len(claimsOf(e.Pod)) > 0 }},
		{PersistentVolumeClaimAdd, ownClaim},
		{VolumeAttachmentDelete, func(pod *model.Pod, _ *Event) bool { return len(claimsOf(pod)) > 0 }},
	}
}

package scheduler

import (
	"strconv"

	"orrery/model"
)

// volumeBinding refuses nodes that cannot reach a pod's volumes, or where a
// volume that is still to be made may not be
// (pkg/scheduler/framework/plugins/volumebinding: volume_binding.go, binder.go).
// Here it differs: an unbound claim is never given a volume that exists.
type volumeBinding struct {
	handle               *Handle
	conflict, unbindable *Status
	gone, immediate      *Status
}

func newVolumeBinding(h *Handle) Plugin {
	p := &volumeBinding{handle: h}
	p.conflict = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't match PersistentVolume's node affinity")
	p.unbindable = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) didn't find available persistent volumes to bind")
	p.gone = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")
	p.immediate = h.Status(p.Name(), UnschedulableAndUnresolvable, "pod has unbound immediate PersistentVolumeClaims")
	return p
}

func (*volumeBinding) Name() string { return "VolumeBinding" }

// SignPod implements SignPlugin.
func (*volumeBinding) SignPod(key []byte, pod *model.Pod) []byte { return signClaims(key, pod) }

// bindingView is the claims of a class of pods.
type bindingView struct {
	plugin *volumeBinding
	claims []*model.Claim
}

// View implements WidePlugin.
func (p *volumeBinding) View(pod *model.Pod) View {
	v := &bindingView{plugin: p}
	out := View{Watcher: v}
	for _, name := range claimsOf(pod) {
		c := p.handle.cache.volumes.claims[claimKey{pod.Namespace, name}]
		if st := p.refusal(name, c); st != nil {
			return View{Watcher: v, Refused: st}
		}
		v.claims = append(v.claims, c)
		out.Filter = v
	}
	return out
}

// refusal is why a claim lets its pod go nowhere, nil if it does not.
func (p *volumeBinding) refusal(name string, c *model.Claim) *Status {
	because := func(why string) *Status {
		return p.handle.Status(p.Name(), UnschedulableAndUnresolvable, "persistentvolumeclaim "+strconv.Quote(name)+" "+why)
	}
	switch {
	case c == nil:
		return because("not found")
	case c.Lost:
		return because("bound to non-existent persistentvolume " + strconv.Quote(c.Volume))
	case c.Deleting:
		return because("is being deleted")
	}
	if _, waits := p.handle.cache.volumes.unbound(c); c.Volume == "" && !waits {
		return p.immediate
	}
	return nil
}

// Stale implements Watcher: what a view is made of stays as it is.
func (*bindingView) Stale() bool { return false }

// Filter implements WideFilter.
func (v *bindingView) Filter(id uint32) *Status {
	c := v.plugin.handle.cache
	node := c.rows[id].Node
	var unbindable *Status
	for _, claim := range v.claims {
		if class, waits := c.volumes.unbound(claim); waits {
			selected, taken := c.volumes.selected[claimKey{claim.Namespace, claim.Name}]
			if !class.Provisions || taken && selected != id || !matchesAny(class.Topologies, node) {
				unbindable = v.plugin.unbindable
			}
			continue
		}
		volume := c.volumes.volumes[claim.Volume]
		if volume == nil {
			return v.plugin.gone
		}
		if !matchesAny(volume.Affinity, node) {
			return v.plugin.conflict
		}
	}
	return unbindable
}

// EventsToRegister implements EnqueueExtensions.
func (*volumeBinding) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{Event: NodeAdd | NodeUpdateLabel}}
}

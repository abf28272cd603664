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
	both, goneToo        *Status // unbindable as well
}

func newVolumeBinding(h *Handle) Plugin {
	p := &volumeBinding{handle: h}
	const (
		conflict   = "node(s) didn't match PersistentVolume's node affinity"
		unbindable = "node(s) didn't find available persistent volumes to bind"
		gone       = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
	)
	p.conflict = h.Status(p.Name(), UnschedulableAndUnresolvable, conflict)
	p.unbindable = h.Status(p.Name(), UnschedulableAndUnresolvable, unbindable)
	p.gone = h.Status(p.Name(), UnschedulableAndUnresolvable, gone)
	p.both = h.Status(p.Name(), UnschedulableAndUnresolvable, conflict, unbindable)
	p.goneToo = h.Status(p.Name(), UnschedulableAndUnresolvable, unbindable, gone)
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

// Filter implements WideFilter. What is wrong with the bound claims and with
// those that wait is told together (binder.go FindPodVolumes).
func (v *bindingView) Filter(id uint32) *Status {
	p := v.plugin
	switch bound, waiting := v.bound(id), v.waiting(id); {
	case waiting == nil:
		return bound
	case bound == p.conflict:
		return p.both
	case bound == p.gone:
		return p.goneToo
	default:
		return waiting
	}
}

// bound is what the first volume that cannot be had says (checkBoundClaims).
func (v *bindingView) bound(id uint32) *Status {
	c := v.plugin.handle.cache
	for _, claim := range v.claims {
		if claim.Volume == "" {
			continue
		}
		volume := c.volumes.volumes[claim.Volume]
		if volume == nil {
			return v.plugin.gone
		}
		if !matchesAny(volume.Affinity, c.rows[id].Node) {
			return v.plugin.conflict
		}
	}
	return nil
}

// waiting is what the claims say whose volume is still to be made.
func (v *bindingView) waiting(id uint32) *Status {
	c := v.plugin.handle.cache
	for _, claim := range v.claims {
		class, waits := c.volumes.unbound(claim)
		if !waits {
			continue
		}
		selected, taken := c.volumes.selected[claimKey{claim.Namespace, claim.Name}]
		if !class.Provisions || taken && selected != id || !matchesAny(class.Topologies, c.rows[id].Node) {
			return v.plugin.unbindable
		}
	}
	return nil
}

// EventsToRegister implements EnqueueExtensions.
func (*volumeBinding) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{{Event: NodeAdd | NodeUpdateLabel}}
}

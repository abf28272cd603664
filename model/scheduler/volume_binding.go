package scheduler

import (
	"cmp"
	"slices"
	"strconv"

	"orrery/model"
)

// volumeBinding refuses nodes that cannot reach a pod's volumes, or where those
// that it still needs can neither be found nor made
// (pkg/scheduler/framework/plugins/volumebinding: volume_binding.go, binder.go).
// In a run a volume that was found is kept for the claim from Reserve on, and the
// binding waits until others have bound the two; else they are bound at once.
type volumeBinding struct {
	handle    *Handle
	statuses  [1 << len(bindingReasons)]*Status // by the reasons that apply
	immediate *Status
	reserved  map[reservation][]binding // as long as the pod may not be bound after all
}

// bindingReasons are the reasons for a node, in the order in which they are
// given.
var bindingReasons = [...]string{
	"node(s) didn't match PersistentVolume's node affinity",
	"node(s) didn't find available persistent volumes to bind",
	"node(s) did not have enough free storage",
	"node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
}

// Which reasons apply, as bits.
const (
	outOfReach = 1 << iota
	nothingToBind
	noRoom
	volumeGone
)

// binding is what was found for a claim: a volume, or nil if it is to be made.
type binding struct {
	claim  *model.Claim
	volume *model.Volume
}

func newVolumeBinding(h *Handle) Plugin {
	p := &volumeBinding{handle: h, reserved: map[reservation][]binding{}}
	for set := 1; set < len(p.statuses); set++ {
		var reasons []string
		for i, r := range bindingReasons {
			if set&(1<<i) != 0 {
				reasons = append(reasons, r)
			}
		}
		p.statuses[set] = h.Status(p.Name(), UnschedulableAndUnresolvable, reasons...)
	}
	p.immediate = h.Status(p.Name(), UnschedulableAndUnresolvable, "pod has unbound immediate PersistentVolumeClaims")
	return p
}

func (*volumeBinding) Name() string { return "VolumeBinding" }

// SignPod implements SignPlugin.
func (*volumeBinding) SignPod(key []byte, pod *model.Pod) []byte { return signClaims(key, pod) }

// bindingView is the claims of a class of pods.
type bindingView struct {
	claimWatch
	plugin *volumeBinding
	claims []*model.Claim
}

// View implements WidePlugin.
func (p *volumeBinding) View(pod *model.Pod) View {
	v := &bindingView{claimWatch: p.handle.cache.volumes.watch(pod), plugin: p}
	out := View{Watcher: v}
	for _, u := range claimsOf(pod) {
		c := p.handle.cache.volumes.of(pod, u)
		if why := refusedClaim(pod, u, c); why != "" {
			return View{Watcher: v, Refused: p.handle.once(p.Name(), UnschedulableAndUnresolvable, why)}
		}
		v.claims = append(v.claims, c)
		out.Filter = v
	}
	for _, c := range v.claims {
		if _, waits := p.handle.cache.volumes.waits(c); !c.Bound && !waits {
			return View{Watcher: v, Refused: p.immediate}
		}
	}
	return out
}

// refusedClaim is why a claim lets its pod go nowhere, "" if it does not
// (podHasPVCs).
func refusedClaim(pod *model.Pod, u model.ClaimUse, c *model.Claim) string {
	name := "persistentvolumeclaim " + strconv.Quote(u.Of(pod))
	switch {
	case c == nil && u.Ephemeral:
		return "waiting for ephemeral volume controller to create the " + name
	case c == nil:
		return notFound(u.Name)
	case c.Phase == model.ClaimLost:
		return name + " bound to non-existent persistentvolume " + strconv.Quote(c.Volume)
	case c.Deleting():
		return name + " is being deleted"
	case u.Ephemeral && c.Pod != pod.Name: // k8s.io/component-helpers/storage/ephemeral VolumeIsForPod
		return "PVC " + c.Namespace + "/" + c.Name + " was not created for pod " + pod.Namespace + "/" + pod.Name + " (pod is not owner)"
	}
	return ""
}

// Filter implements WideFilter.
func (v *bindingView) Filter(id uint32) *Status {
	_, why := v.find(v.plugin.handle.cache.rows[id].Node)
	return v.plugin.statuses[why] // nil for none
}

// find looks for a volume for each claim on a node (FindPodVolumes). Claims are
// served by rising size, so that each gets the smallest that fits.
func (v *bindingView) find(node *model.Node) (found []binding, why int) {
	all := &v.plugin.handle.cache.volumes
	why = v.reach(node)
	var unbound, make []*model.Claim
	for _, c := range v.claims {
		if _, waits := all.waits(c); !waits {
			continue
		}
		switch c.SelectedNode {
		case "":
			unbound = append(unbound, c)
		case node.Name:
			make = append(make, c)
		default:
			return nil, why | nothingToBind
		}
	}
	slices.SortFunc(unbound, func(a, b *model.Claim) int { return cmp.Compare(a.Bytes, b.Bytes) })
	var taken []*model.Volume
	for _, c := range unbound {
		x := all.match(c, node, taken)
		if x == nil {
			make = append(make, c)
			continue
		}
		taken = append(taken, x)
		found = append(found, binding{c, x})
	}
	for _, c := range make {
		class, _ := all.waits(c)
		switch {
		case class.Provisioner == "", class.Provisioner == model.NoProvisioner, !matchesAny(class.Topologies, node):
			return nil, why | nothingToBind
		case !all.enough(c, class, node):
			return nil, why | noRoom
		}
		found = append(found, binding{c, nil})
	}
	return found, why
}

// reach is what is wrong with the first volume that the node cannot use
// (checkBoundClaims).
func (v *bindingView) reach(node *model.Node) int {
	for _, c := range v.claims {
		if !c.Bound {
			continue
		}
		switch x := v.plugin.handle.cache.volumes.volumes[c.Volume]; {
		case x == nil:
			return volumeGone
		case !matchesAny(x.Affinity, node):
			return outOfReach
		}
	}
	return 0
}

// Reserve implements ReservePlugin: what was found for the node is the pod's.
func (p *volumeBinding) Reserve(pod *model.Pod, id uint32) *Status {
	if len(claimsOf(pod)) == 0 {
		return nil
	}
	node, all := p.handle.cache.rows[id].Node, &p.handle.cache.volumes
	found, _ := p.View(pod).Watcher.(*bindingView).find(node)
	for _, b := range found {
		switch {
		case b.volume == nil:
			b.claim.SelectedNode = node.Name
		case all.live:
			b.volume.Claim, b.volume.ClaimID = b.claim.Key(), b.claim.ID
		default:
			b.claim.Volume, b.claim.Bound = b.volume.Name, true
			b.volume.Claim, b.volume.Phase = b.claim.Key(), model.VolumeBound
		}
	}
	delete(p.reserved, reservationOf(pod)) // of a pod of that name before
	if len(found) > 0 {
		p.reserved[reservationOf(pod)] = found
		all.version++
		p.handle.cache.changes++
	}
	return nil
}

// reservation is a pod, whichever version of it.
//
//tidy:key compared as a whole
type reservation struct {
	claimKey
	id uint32
}

func reservationOf(pod *model.Pod) reservation {
	return reservation{claimKey{pod.Namespace, pod.Name}, pod.ID}
}

// Unreserve implements ReservePlugin.
func (p *volumeBinding) Unreserve(pod *model.Pod, _ uint32) {
	all := &p.handle.cache.volumes
	for _, b := range p.reserved[reservationOf(pod)] {
		all.version++
		switch {
		case all.live:
			all.restore(b)
		case b.volume == nil:
			b.claim.SelectedNode = ""
		default:
			b.claim.Volume, b.claim.Bound = "", false
			b.volume.Claim, b.volume.Phase = "", model.VolumeAvailable
		}
	}
	delete(p.reserved, reservationOf(pod))
}

// EventsToRegister implements EnqueueExtensions.
func (*volumeBinding) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{Event: NodeAdd | NodeUpdateLabel | PersistentVolumeChange},
		{PersistentVolumeClaimAdd | PersistentVolumeClaimUpdate, ownClaim},
	}
}

// ownClaim tells whether a claim is one that the pod uses
// (isSchedulableAfterPersistentVolumeClaimChange).
func ownClaim(pod *model.Pod, e *Event) bool {
	return e.Claim.Namespace == pod.Namespace && slices.ContainsFunc(claimsOf(pod), func(u model.ClaimUse) bool { return u.Of(pod) == e.Claim.Name })
}

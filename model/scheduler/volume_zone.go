package scheduler

import (
	"slices"
	"strconv"
	"strings"

	"orrery/model"
)

// volumeZone refuses nodes outside the zone or the region that the labels of a
// pod's volumes name (pkg/scheduler/framework/plugins/volumezone/volume_zone.go).
type volumeZone struct {
	handle   *Handle
	conflict *Status
}

func newVolumeZone(h *Handle) Plugin {
	p := &volumeZone{handle: h}
	p.conflict = h.Status(p.Name(), UnschedulableAndUnresolvable, "node(s) had no available volume zone")
	return p
}

func (*volumeZone) Name() string { return "VolumeZone" }

// SignPod implements SignPlugin.
func (*volumeZone) SignPod(key []byte, pod *model.Pod) []byte { return signClaims(key, pod) }

// topologyLabels are the labels that matter, with the ones that took the place
// of older ones.
var topologyLabels = [...]struct{ key, now string }{
	{"failure-domain.beta.kubernetes.io/zone", model.LabelZone},
	{"failure-domain.beta.kubernetes.io/region", model.LabelRegion},
	{model.LabelZone, model.LabelZone},
	{model.LabelRegion, model.LabelRegion},
}

// zoneView is where the volumes of a class of pods are: any of the values of
// each label.
type zoneView struct {
	claimWatch
	plugin *volumeZone
	wants  []model.Requirement
	now    []string // what each label is called now
}

// View implements WidePlugin.
func (p *volumeZone) View(pod *model.Pod) View {
	all := &p.handle.cache.volumes
	v := &zoneView{claimWatch: all.watch(pod), plugin: p}
	for _, u := range claimsOf(pod) {
		c := all.of(pod, u)
		if u.Ephemeral || c == nil || c.Volume == "" {
			continue // VolumeBinding's affair
		}
		if all.volumes[c.Volume] == nil {
			return View{Watcher: v, Refused: p.handle.once(p.Name(), UnschedulableAndUnresolvable, "persistentvolume "+strconv.Quote(c.Volume)+" not found")}
		}
		for _, l := range topologyLabels {
			value, ok := all.volumes[c.Volume].Labels.Get(l.key)
			if zones := zonesOf(value); ok && zones != nil {
				v.wants = append(v.wants, model.Requirement{Key: l.key, Op: model.In, Values: zones})
				v.now = append(v.now, l.now)
			}
		}
	}
	if len(v.wants) == 0 {
		return View{Watcher: v}
	}
	return View{Watcher: v, Filter: v}
}

// zonesOf is the zones that a label lists; if one of them has no name, the label
// is ignored (k8s.io/cloud-provider/volume/helpers/zones.go LabelZonesToSet).
func zonesOf(label string) (zones []string) {
	for _, z := range strings.Split(label, "__") {
		if z = strings.TrimSpace(z); z == "" {
			return nil
		}
		zones = append(zones, z)
	}
	return zones
}

// Filter implements WideFilter. A node without any of the labels is in a
// cluster of one zone.
func (v *zoneView) Filter(id uint32) *Status {
	labels := v.plugin.handle.cache.rows[id].Node.Labels
	placed := false
	for _, l := range topologyLabels {
		_, ok := labels.Get(l.key)
		placed = placed || ok
	}
	if !placed {
		return nil
	}
	for i := range v.wants {
		have, ok := labels.Get(v.wants[i].Key)
		if !ok {
			have, ok = labels.Get(v.now[i])
		}
		if !ok || !slices.Contains(v.wants[i].Values, have) {
			return v.plugin.conflict
		}
	}
	return nil
}

// EventsToRegister implements EnqueueExtensions.
func (*volumeZone) EventsToRegister() []ClusterEventWithHint {
	return []ClusterEventWithHint{
		{Event: NodeAdd | NodeUpdateLabel | PersistentVolumeChange},
		{PersistentVolumeClaimAdd | PersistentVolumeClaimUpdate, ownClaim},
	}
}

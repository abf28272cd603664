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
	plugin *volumeZone
	wants  []model.Requirement
	now    []string // what each label is called now
}

// View implements WidePlugin.
func (p *volumeZone) View(pod *model.Pod) View {
	v := &zoneView{plugin: p}
	all := &p.handle.cache.volumes
	for _, name := range claimsOf(pod) {
		c := all.claims[claimKey{pod.Namespace, name}]
		if c == nil || c.Volume == "" {
			continue // VolumeBinding's affair
		}
		if all.volumes[c.Volume] == nil {
			st := p.handle.Status(p.Name(), UnschedulableAndUnresolvable, "persistentvolume "+strconv.Quote(c.Volume)+" not found")
			return View{Watcher: v, Refused: st}
		}
		for _, l := range topologyLabels {
			if value, ok := all.volumes[c.Volume].Labels.Get(l.key); ok {
				v.wants = append(v.wants, model.Requirement{Key: l.key, Op: model.In, Values: strings.Split(value, "__")})
				v.now = append(v.now, l.now)
			}
		}
	}
	if len(v.wants) == 0 {
		return View{Watcher: v}
	}
	return View{Watcher: v, Filter: v}
}

// Stale implements Watcher: what a view is made of stays as it is.
func (*zoneView) Stale() bool { return false }

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
	return []ClusterEventWithHint{{Event: NodeAdd | NodeUpdateLabel}}
}

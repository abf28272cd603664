package scenarios

import (
	"slices"

	"orrery/model/scheduler"
	"orrery/scenarios/strict"
)

// profileReader makes a profile of what a configuration says of it.
type profileReader struct{ *scheduler.Profile }

// unmodeled are plugins of the default profile that never reject or rate
// anything here.
var unmodeled = []string{"DynamicResources"}

// pluginNames is every plugin that a profile may name.
func pluginNames() []string {
	names := append(slices.Clone(unmodeled), scheduler.OptionalPlugins()...)
	for _, e := range scheduler.DefaultProfile().Plugins {
		names = append(names, e.Name)
	}
	return names
}

// extensionPoint is where plugins can be enabled, and which have something to
// say there (pkg/scheduler/framework/plugins of v1.35).
type extensionPoint struct {
	name    string
	plugins []string
	at      scheduler.Point // 0 where the model asks nobody in particular
}

var extensionPoints = []extensionPoint{
	{"preEnqueue", []string{"SchedulingGates", "DefaultPreemption", "DynamicResources", "GangScheduling"}, scheduler.AtPreEnqueue},
	{"queueSort", append([]string{"PrioritySort"}, scheduler.SortingPlugins()...), 0},
	{"preFilter", []string{
		"NodeAffinity", "NodePorts", "NodeResourcesFit", "GPUShare", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone",
		"PodTopologySpread", "InterPodAffinity", "DynamicResources",
	}, scheduler.AtPreFilter},
	{"filter", []string{
		"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "GPUShare",
		"VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources",
	}, scheduler.AtFilter},
	{"postFilter", []string{"DefaultPreemption", "DynamicResources"}, scheduler.AtPostFilter},
	{"preScore", []string{
		"TaintToleration", "NodeAffinity", "NodeResourcesFit", "VolumeBinding", "PodTopologySpread", "InterPodAffinity",
		"NodeResourcesBalancedAllocation",
	}, 0},
	{"score", append([]string{
		"TaintToleration", "NodeAffinity", "NodeResourcesFit", "VolumeBinding", "PodTopologySpread", "InterPodAffinity",
		"NodeResourcesBalancedAllocation", "ImageLocality", "DynamicResources",
	}, scheduler.RatingPlugins()...), scheduler.AtScore},
	{"reserve", []string{"VolumeBinding", "DynamicResources", "GangScheduling"}, scheduler.AtReserve},
	{"permit", []string{"GangScheduling"}, scheduler.AtPermit},
	{"preBind", []string{"VolumeBinding", "DynamicResources"}, 0},
	{"bind", []string{"DefaultBinder"}, 0},
	{"postBind", nil, 0},
}

// chosen is a plugin that is enabled, with its weight, 0 if it has none.
type chosen struct {
	name   string
	weight int64
}

// choice is what is enabled and disabled at a point.
type choice struct {
	enabled  []chosen
	disabled []string
}

func (c *choice) disables(name string) bool { return slices.Contains(c.disabled, name) }

// has tells whether a plugin is in a list.
func has(list []chosen, name string) bool {
	return slices.ContainsFunc(list, func(c chosen) bool { return c.name == name })
}

func readChoice(point string, v strict.Value, known []string) (c choice) {
	m := v.Map(point, "enabled", "disabled")
	for _, x := range m.Optional("disabled").List() {
		name := x.Map("a disabled plugin", "name").Required("name").Enum("plugin", append(pluginNames(), "*")...)
		c.disabled = append(c.disabled, name)
	}
	for _, x := range m.Optional("enabled").List() {
		p := x.Map("an enabled plugin", "name", "weight")
		name := p.Required("name").Enum("plugin", pluginNames()...)
		weight := p.Default("weight", "0").Int(0, 1<<20)
		switch {
		case name == "":
		case !slices.Contains(known, name):
			x.Errorf("%s has nothing to say at %s", name, point)
		case has(c.enabled, name):
			x.Errorf("%s is enabled twice at %s", name, point)
		default:
			c.enabled = append(c.enabled, chosen{name, weight})
		}
	}
	return c
}

// plugins reads which plugins are asked at which point, and in which order.
func (p *profileReader) plugins(v strict.Value) {
	if !v.Given() {
		return
	}
	points := []string{"multiPoint"}
	for _, e := range extensionPoints {
		points = append(points, e.name)
	}
	m := v.Map("plugins", points...)
	multi := multiPoint(p.Plugins, readChoice("multiPoint", m.Optional("multiPoint"), pluginNames()))
	final, weights := map[string][]chosen{}, slices.Clone(multi)
	for _, e := range extensionPoints {
		c := readChoice(e.name, m.Optional(e.name), e.plugins)
		final[e.name] = expand(&e, multi, &c)
		if e.name == "score" { // what is said here counts before what multiPoint says
			weights = append(slices.Clone(c.enabled), weights...)
		}
	}
	check(v, final)
	p.take(multi, final, weights)
}

// multiPoint merges what a configuration says at multiPoint into the default
// (pkg/scheduler/apis/config/v1/default_plugins.go mergePluginSet).
func multiPoint(standard []scheduler.Enabled, c choice) (out []chosen) {
	rest := slices.Clone(c.enabled)
	for _, e := range standard {
		if c.disables("*") || c.disables(e.Name) {
			continue
		}
		x := chosen{e.Name, e.Weight}
		if i := slices.IndexFunc(rest, func(r chosen) bool { return r.name == e.Name }); i >= 0 {
			x = rest[i] // in the default's place
			rest = slices.Delete(rest, i, i+1)
		}
		out = append(out, x)
	}
	return append(out, rest...)
}

// expand is the plugins at a point: those of multiPoint that the point names
// itself, in its order, then the others of multiPoint, then the others that it
// names (pkg/scheduler/framework/runtime/framework.go expandMultiPointPlugins).
func expand(e *extensionPoint, multi []chosen, c *choice) (out []chosen) {
	if c.disables("*") {
		return c.enabled
	}
	here := func(x chosen) bool { return slices.Contains(e.plugins, x.name) && !c.disables(x.name) }
	for _, x := range c.enabled {
		if has(multi, x.name) && here(x) {
			out = append(out, x)
		}
	}
	for _, x := range multi {
		if here(x) && !has(c.enabled, x.name) {
			out = append(out, x)
		}
	}
	for _, x := range c.enabled {
		if !has(out, x.name) {
			out = append(out, x)
		}
	}
	return out
}

// check refuses what kube-scheduler would not start with, or what would end
// every cycle with an error.
func check(v strict.Value, final map[string][]chosen) {
	if len(final["queueSort"]) == 0 {
		v.Errorf("no plugin sorts the queue: enable PrioritySort at queueSort")
	}
	if len(final["queueSort"]) > 1 {
		v.Errorf("%d plugins sort the queue: only one can be enabled at queueSort", len(final["queueSort"]))
	}
	if len(final["bind"]) == 0 {
		v.Errorf("no plugin binds: enable DefaultBinder at bind")
	}
	for _, x := range []struct {
		point, before string
		fine          []string // those that look things up themselves then
	}{{"filter", "preFilter", []string{"NodeAffinity", "GPUShare", "NodeVolumeLimits", "VolumeZone"}}, {"score", "preScore", []string{"VolumeBinding"}}} {
		i := slices.IndexFunc(extensionPoints, func(e extensionPoint) bool { return e.name == x.before })
		for _, c := range final[x.point] {
			if slices.Contains(extensionPoints[i].plugins, c.name) && !has(final[x.before], c.name) && !slices.Contains(x.fine, c.name) {
				v.Errorf("%s is enabled at %s, but not at %s, where it finds out what it needs there", c.name, x.point, x.before)
			}
		}
	}
}

// take makes the profile's list of plugins, each with the points where it is
// not asked.
func (p *profileReader) take(multi []chosen, final map[string][]chosen, weights []chosen) {
	all := slices.Clone(multi)
	for _, e := range extensionPoints {
		for _, c := range final[e.name] {
			if !has(all, c.name) {
				all = append(all, c)
			}
		}
	}
	p.Plugins, p.FilterOrder = nil, nil
	for _, c := range all {
		if slices.Contains(unmodeled, c.name) {
			continue
		}
		x := scheduler.Enabled{Name: c.name}
		for _, e := range extensionPoints {
			if !has(final[e.name], c.name) {
				x.Not |= e.at
			}
		}
		if has(final["score"], c.name) && c.name != "VolumeBinding" { // which rates nothing without a feature gate
			x.Weight = max(1, weights[slices.IndexFunc(weights, func(w chosen) bool { return w.name == c.name })].weight)
		}
		p.Plugins = append(p.Plugins, x)
	}
	for _, c := range final["filter"] {
		if !slices.Contains(unmodeled, c.name) {
			p.FilterOrder = append(p.FilterOrder, c.name)
		}
	}
}

package scenarios

import (
	"os"
	"slices"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/scenarios/strict"
)

// SchedulerConfig is a KubeSchedulerConfiguration, as far as it decides where
// pods go.
type SchedulerConfig struct {
	Profile                  *scheduler.Profile
	PercentageOfNodesToScore int64 // 0 adapts to the cluster; -1 if it says nothing
}

// OpenSchedulerConfig reads a KubeSchedulerConfiguration of
// kubescheduler.config.k8s.io/v1. What would change a decision and is not
// modeled is a mistake; what only concerns the process is let pass.
func OpenSchedulerConfig(name string) (*SchedulerConfig, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	doc, err := strict.Parse(name, data)
	if err != nil {
		return nil, err
	}
	c := &SchedulerConfig{Profile: scheduler.DefaultProfile(), PercentageOfNodesToScore: -1}
	top := doc.Root().Map("a KubeSchedulerConfiguration", "apiVersion", "kind", "profiles", "extenders", "percentageOfNodesToScore",
		"parallelism", "leaderElection", "clientConnection", "enableProfiling", "enableContentionProfiling",
		"podInitialBackoffSeconds", "podMaxBackoffSeconds", "delayCacheUntilActive")
	top.Required("apiVersion").Enum("version", "kubescheduler.config.k8s.io/v1")
	top.Required("kind").Enum("kind", "KubeSchedulerConfiguration")
	if v := top.Optional("extenders"); len(v.List()) > 0 {
		v.Errorf("extenders are not modeled: they are asked over the network")
	}
	c.percentage(top.Optional("percentageOfNodesToScore"))
	profiles := top.Optional("profiles")
	for i, v := range profiles.List() {
		if i > 0 {
			v.Errorf("one profile is all that is modeled")
			break
		}
		c.profile(v)
	}
	return c, doc.Err()
}

func (c *SchedulerConfig) percentage(v strict.Value) {
	if v.Given() {
		c.PercentageOfNodesToScore = v.Int(0, 100)
	}
}

func (c *SchedulerConfig) profile(v strict.Value) {
	m := v.Map("a profile", "schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig")
	m.Default("schedulerName", scheduler.Name).Enum("scheduler: the pods' default is the one modeled", scheduler.Name)
	c.percentage(m.Optional("percentageOfNodesToScore"))
	for _, x := range m.Optional("pluginConfig").List() {
		c.args(x)
	}
	points := []string{"multiPoint", "preEnqueue", "queueSort", "preFilter", "filter", "postFilter", "preScore", "score", "reserve", "permit", "preBind", "bind", "postBind"}
	plugins := m.Optional("plugins").Map("plugins", points...)
	for _, point := range points {
		c.point(point, plugins.Optional(point))
	}
}

// unmodeled are plugins of the default profile that never reject or rate
// anything here.
var unmodeled = []string{"VolumeRestrictions", "NodeVolumeLimits", "DynamicResources"}

// pluginNames is every plugin that a profile may name.
func pluginNames() []string {
	names := slices.Clone(unmodeled)
	for _, e := range scheduler.DefaultProfile().Plugins {
		names = append(names, e.Name)
	}
	return names
}

// at is the points at which a plugin can be left out.
var at = map[string]scheduler.Point{"filter": scheduler.AtFilter, "postFilter": scheduler.AtPostFilter, "score": scheduler.AtScore}

// point reads what is enabled and disabled at an extension point
// (pkg/scheduler/apis/config/v1/default_plugins.go mergePluginSet,
// pkg/scheduler/framework/runtime/framework.go expandMultiPointPlugins).
func (c *SchedulerConfig) point(point string, v strict.Value) {
	if !v.Given() {
		return
	}
	m := v.Map(point, "enabled", "disabled")
	enabled, disabled := m.Optional("enabled"), m.Optional("disabled")
	_, known := at[point]
	if !known && point != "multiPoint" {
		if len(enabled.List())+len(disabled.List()) > 0 {
			v.Errorf("plugins cannot be chosen at %s here: only at multiPoint, filter, postFilter and score", point)
		}
		return
	}
	for _, x := range disabled.List() {
		c.disable(point, x.Map("a disabled plugin", "name").Required("name").Enum("plugin", append(pluginNames(), "*")...))
	}
	for _, x := range enabled.List() {
		p := x.Map("an enabled plugin", "name", "weight")
		name := p.Required("name").Enum("plugin", pluginNames()...)
		weight := p.Default("weight", "0").Int(0, 1<<20)
		if point != "multiPoint" && point != "score" {
			x.Errorf("a plugin enabled at %s alone would change the order of the others, which is not modeled", point)
		} else if name != "" && !slices.Contains(unmodeled, name) {
			c.enable(point, name, weight)
		}
	}
}

func (c *SchedulerConfig) disable(point, name string) {
	for i := range c.Profile.Plugins {
		if e := &c.Profile.Plugins[i]; name == "*" || e.Name == name {
			e.Not |= at[point]
			if point == "multiPoint" {
				e.Not |= scheduler.AtFilter | scheduler.AtPostFilter | scheduler.AtScore
			}
		}
	}
}

// enable sets a plugin's weight, 1 if it has none.
func (c *SchedulerConfig) enable(point, name string, weight int64) {
	for i := range c.Profile.Plugins {
		if e := &c.Profile.Plugins[i]; e.Name == name {
			e.Weight = max(weight, 1)
			e.Not &^= at[point]
			if point == "multiPoint" {
				e.Not = 0
			}
		}
	}
}

// args reads a plugin's arguments.
func (c *SchedulerConfig) args(v strict.Value) {
	m := v.Map("a pluginConfig", "name", "args")
	name, args := m.Required("name"), m.Required("args")
	fields := func(known ...string) *strict.Map {
		x := args.Map("the args of "+name.Raw(), append(known, "apiVersion", "kind")...)
		x.Default("apiVersion", "kubescheduler.config.k8s.io/v1").Enum("version", "kubescheduler.config.k8s.io/v1")
		x.Default("kind", name.Raw()+"Args").Enum("kind", name.Raw()+"Args")
		return x
	}
	switch name.Enum("plugin with args", "NodeResourcesFit", "PodTopologySpread", "InterPodAffinity", "NodeAffinity",
		"NodeResourcesBalancedAllocation", "DefaultPreemption", "VolumeBinding", "DynamicResources") {
	case "NodeResourcesFit":
		c.fit(fields("ignoredResources", "ignoredResourceGroups", "scoringStrategy"))
	case "PodTopologySpread":
		c.spread(fields("defaultConstraints", "defaultingType"))
	case "InterPodAffinity":
		x := fields("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods")
		c.Profile.InterPod.HardPodAffinityWeight = x.Default("hardPodAffinityWeight", "1").Int(0, 100)
		c.Profile.InterPod.IgnorePreferredTermsOfExistingPods = x.Default("ignorePreferredTermsOfExistingPods", "false").Bool()
	case "NodeAffinity":
		c.added(fields("addedAffinity").Optional("addedAffinity"))
	case "NodeResourcesBalancedAllocation":
		c.Profile.Balanced = resources(fields("resources").Optional("resources"))
	case "DefaultPreemption":
		x := fields("minCandidateNodesPercentage", "minCandidateNodesAbsolute")
		x.Default("minCandidateNodesPercentage", "10").Int(10, 10)
		x.Default("minCandidateNodesAbsolute", "100").Int(100, 100)
	case "VolumeBinding":
		fields("bindTimeoutSeconds", "shape")
	case "DynamicResources":
		fields("filterTimeout")
	}
}

func (c *SchedulerConfig) fit(m *strict.Map) {
	fit := &c.Profile.Fit
	for _, part := range []struct{ name, suffix string }{{"ignoredResources", ""}, {"ignoredResourceGroups", "/"}} {
		for _, v := range m.Optional(part.name).List() {
			fit.Ignored = append(fit.Ignored, v.Text()+part.suffix)
		}
	}
	s := m.Optional("scoringStrategy").Map("a scoringStrategy", "type", "resources", "requestedToCapacityRatio")
	switch s.Default("type", "LeastAllocated").Enum("strategy", "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio") {
	case "MostAllocated":
		fit.Strategy = scheduler.MostAllocated
	case "RequestedToCapacityRatio":
		fit.Strategy = scheduler.RequestedToCapacityRatio
	}
	fit.Resources = resources(s.Optional("resources"))
	shape := s.Optional("requestedToCapacityRatio").Map("requestedToCapacityRatio", "shape").Optional("shape")
	for _, v := range shape.List() {
		p := v.Map("a point of the shape", "utilization", "score")
		x := scheduler.ShapePoint{Utilization: p.Required("utilization").Int(0, 100), Score: p.Required("score").Int(0, 10)}
		if n := len(fit.Shape); n > 0 && fit.Shape[n-1].Utilization >= x.Utilization {
			v.Errorf("the utilization must rise from point to point")
		}
		fit.Shape = append(fit.Shape, x)
	}
	if fit.Strategy == scheduler.RequestedToCapacityRatio && len(fit.Shape) == 0 {
		m.Value().Errorf("RequestedToCapacityRatio needs a shape of at least one point")
	}
}

func resources(list strict.Value) []scheduler.ResourceSpec {
	return strict.Each(list, func(v strict.Value) scheduler.ResourceSpec {
		m := v.Map("a resource", "name", "weight")
		return scheduler.ResourceSpec{Name: m.Required("name").Text(), Weight: max(m.Default("weight", "1").Int(0, 100), 1)}
	})
}

func (c *SchedulerConfig) spread(m *strict.Map) {
	s := &c.Profile.Spread
	s.List = m.Default("defaultingType", "System").Enum("defaultingType", "System", "List") == "List"
	list := m.Optional("defaultConstraints")
	if !s.List && len(list.List()) > 0 {
		list.Errorf("must be empty unless defaultingType is List")
	}
	for _, v := range list.List() {
		x := v.Map("a default constraint", "maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy")
		s.Defaults = append(s.Defaults, model.SpreadConstraint{
			TopologyKey:    x.Required("topologyKey").Text(),
			MaxSkew:        int32(x.Required("maxSkew").Int(1, 1<<31-1)),
			Hard:           x.Required("whenUnsatisfiable").Enum("whenUnsatisfiable", "ScheduleAnyway", "DoNotSchedule") == "DoNotSchedule",
			MinDomains:     int32(x.Default("minDomains", "1").Int(1, 1<<31-1)),
			IgnoreAffinity: x.Default("nodeAffinityPolicy", "Honor").Enum("policy", "Honor", "Ignore") == "Ignore",
			HonorTaints:    x.Default("nodeTaintsPolicy", "Ignore").Enum("policy", "Honor", "Ignore") == "Honor",
		})
	}
}

// added reads the affinity that every pod has on top of its own.
func (c *SchedulerConfig) added(v strict.Value) {
	m := v.Map("addedAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")
	a := &c.Profile.AddedAffinity
	if r := m.Optional("requiredDuringSchedulingIgnoredDuringExecution"); r.Given() {
		terms := r.Map("required affinity", "nodeSelectorTerms").Required("nodeSelectorTerms")
		if a.Required = strict.Each(terms, nodeTerm); len(a.Required) == 0 {
			terms.Errorf("needs at least one term")
		}
	}
	a.Preferred = strict.Each(m.Optional("preferredDuringSchedulingIgnoredDuringExecution"), func(v strict.Value) model.PreferredTerm {
		x := v.Map("a preferred term", "weight", "preference")
		return model.PreferredTerm{Weight: x.Required("weight").Int(1, 100), Term: nodeTerm(x.Required("preference"))}
	})
}

func nodeTerm(v strict.Value) model.NodeTerm {
	m := v.Map("a node selector term", "matchExpressions", "matchFields")
	return model.NodeTerm{
		Labels: strict.Each(m.Optional("matchExpressions"), nodeRequirement),
		Names:  strict.Each(m.Optional("matchFields"), nodeRequirement),
	}
}

func nodeRequirement(v strict.Value) model.Requirement {
	m := v.Map("a requirement", "key", "operator", "values")
	words := []string{"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"} // in the order of model's operators
	r := model.Requirement{
		Key:    m.Required("key").Text(),
		Op:     model.Operator(max(0, slices.Index(words, m.Required("operator").Enum("operator", words...)))),
		Values: strict.Each(m.Optional("values"), strict.Value.Text),
	}
	if want := r.Op != model.Exists && r.Op != model.DoesNotExist; want != (len(r.Values) > 0) {
		v.Errorf("%s takes %s", words[r.Op], map[bool]string{true: "at least one value", false: "no values"}[want])
	}
	return r
}

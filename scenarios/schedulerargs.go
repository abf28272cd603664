package scenarios

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/scheduler"
	"orrery/scenarios/strict"
)

// args reads a plugin's arguments.
func (p *profileReader) args(v strict.Value, seen map[string]bool) {
	m := v.Map("a pluginConfig", "name", "args")
	name, args := m.Required("name"), m.Required("args")
	if seen[name.Raw()] {
		v.Errorf("a second pluginConfig for %s", strict.Quote(name.Raw()))
	}
	seen[name.Raw()] = true
	fields := func(known ...string) *strict.Map {
		x := args.Map("the args of "+name.Raw(), append(known, "apiVersion", "kind")...)
		x.Default("apiVersion", "kubescheduler.config.k8s.io/v1").Enum("version", "kubescheduler.config.k8s.io/v1")
		x.Default("kind", name.Raw()+"Args").Enum("kind", name.Raw()+"Args")
		return x
	}
	switch name.Enum("plugin with args", "NodeResourcesFit", "PodTopologySpread", "InterPodAffinity", "NodeAffinity",
		"NodeResourcesBalancedAllocation", "DefaultPreemption", "VolumeBinding", "DynamicResources") {
	case "NodeResourcesFit":
		p.fit(fields("ignoredResources", "ignoredResourceGroups", "scoringStrategy"))
	case "PodTopologySpread":
		p.spread(fields("defaultConstraints", "defaultingType"))
	case "InterPodAffinity":
		x := fields("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods")
		p.InterPod.HardPodAffinityWeight = x.Default("hardPodAffinityWeight", "1").Int(0, 100)
		p.InterPod.IgnorePreferredTermsOfExistingPods = x.Default("ignorePreferredTermsOfExistingPods", "false").Bool()
	case "NodeAffinity":
		p.added(fields("addedAffinity").Optional("addedAffinity"))
	case "NodeResourcesBalancedAllocation":
		list := fields("resources").Optional("resources")
		p.Balanced = resources(list)
		for _, r := range p.Balanced {
			if r.Weight != 1 {
				list.Errorf("the weight of %s must be 1: here all resources weigh the same", strict.Quote(r.Name))
			}
		}
	case "DefaultPreemption":
		x := fields("minCandidateNodesPercentage", "minCandidateNodesAbsolute")
		p.Preemption.MinCandidateNodesPercentage = x.Default("minCandidateNodesPercentage", "10").Int(0, 100)
		p.Preemption.MinCandidateNodesAbsolute = x.Default("minCandidateNodesAbsolute", "100").Int(0, 1<<31)
		if p.Preemption == (scheduler.PreemptionArgs{}) {
			args.Errorf("minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both be 0")
		}
	case "VolumeBinding":
		x := fields("bindTimeoutSeconds", "shape")
		x.Default("bindTimeoutSeconds", "600").Int(0, 1<<31)
		if shape := x.Optional("shape"); shape.Given() {
			shape.Errorf("needs the feature gate StorageCapacityScoring, which is off by default in v1.35 and not modeled")
		}
	case "DynamicResources":
		fields("filterTimeout")
	}
}

func (p *profileReader) fit(m *strict.Map) {
	fit := &p.Fit
	for _, part := range []struct{ name, suffix string }{{"ignoredResources", ""}, {"ignoredResourceGroups", "/"}} {
		for _, v := range m.Optional(part.name).List() {
			if strings.Contains(v.Text(), "/") && part.suffix != "" {
				v.Errorf("is what stands before the slash: a group has none")
			}
			fit.Ignored = append(fit.Ignored, v.Text()+part.suffix)
		}
	}
	s := m.Optional("scoringStrategy").Map("a scoringStrategy", "type", "resources", "requestedToCapacityRatio")
	kind := s.Default("type", "LeastAllocated")
	if s.Given() {
		kind = s.Required("type")
	}
	switch kind.Enum("strategy", "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio") {
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

func (p *profileReader) spread(m *strict.Map) {
	s := &p.Spread
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
func (p *profileReader) added(v strict.Value) {
	m := v.Map("addedAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")
	a := &p.AddedAffinity
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

package scheduler

import (
	"slices"

	"orrery/model"
)

// preferring is the default profile with other preferences of the cluster: what
// pods themselves ask for, such as affinities and constraints, counts as always;
// how full nodes are and which images they have does not, and nothing is spread
// by default. The given plugins count instead.
func preferring(plugins ...Enabled) *Profile {
	p := DefaultProfile()
	p.Spread.List = true
	p.drop("NodeResourcesBalancedAllocation")
	p.drop("ImageLocality")
	fit := p.plugin("NodeResourcesFit")
	fit.Weight, fit.Not = 0, AtScore
	binder := len(p.Plugins) - 1
	p.Plugins = slices.Insert(p.Plugins, binder, plugins...)
	return p
}

// plugin is the plugin of that name in the profile.
func (p *Profile) plugin(name string) *Enabled {
	i := slices.IndexFunc(p.Plugins, func(e Enabled) bool { return e.Name == name })
	return &p.Plugins[i]
}

// everyNode is preferring, of all nodes: without a sample, as the authors of these
// policies run them.
func everyNode(plugin string) *Profile {
	p := preferring(Enabled{Name: plugin, Weight: 1})
	p.PercentageOfNodesToScore = 100
	return p
}

// drop takes a plugin out of the profile.
func (p *Profile) drop(name string) {
	p.Plugins = slices.DeleteFunc(p.Plugins, func(e Enabled) bool { return e.Name == name })
}

func randomProfile() *Profile        { return everyNode("Random") }
func firstFitProfile() *Profile      { return everyNode("FirstFit") }
func bestFitProfile() *Profile       { return everyNode("BestFit") }
func dotProductProfile() *Profile    { return everyNode("DotProduct") }
func gpuPackingProfile() *Profile    { return everyNode("GPUPacking") }
func gpuClusteringProfile() *Profile { return everyNode("GPUClustering") }
func fragmentationProfile() *Profile { return everyNode("Fragmentation") }

// binPackProfile is what Kubernetes documents for bin packing
// (kubernetes.io/docs/concepts/scheduling-eviction/resource-bin-packing): GPUs
// count like CPU and memory for pods that ask for them. Nothing that balances or
// spreads stands against it.
func binPackProfile() *Profile {
	p := preferring()
	fit := p.plugin("NodeResourcesFit")
	fit.Weight, fit.Not = 1, 0
	p.Fit.Strategy = MostAllocated
	p.Fit.Resources = []ResourceSpec{{"cpu", 1}, {"memory", 1}, {model.ResourceGPU, 1}}
	return p
}

// loadAwareProfile has measured use in place of what is asked for, as its authors
// configure it.
func loadAwareProfile() *Profile { return preferring(Enabled{Name: "LoadAware", Weight: 1}) }

// dominantShareProfile is the default one with another order of the queue.
func dominantShareProfile() *Profile {
	p := DefaultProfile()
	p.plugin("PrioritySort").Name = "DominantShare"
	return p
}

// spreadProfile is the default profile where pods of one owner or Service are
// spread over nodes and zones ten times as eagerly, and every pod more counts.
func spreadProfile() *Profile {
	p := DefaultProfile()
	p.plugin("PodTopologySpread").Weight *= 10
	p.drop("ImageLocality")
	p.Spread = SpreadArgs{List: true, Defaults: []model.SpreadConstraint{
		{TopologyKey: model.LabelHostname, MaxSkew: 1, MinDomains: 1},
		{TopologyKey: model.LabelZone, MaxSkew: 1, MinDomains: 1},
	}}
	return p
}

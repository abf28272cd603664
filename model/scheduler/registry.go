package scheduler

import "slices"

// registry is every plugin there is. To add one, write a file and add a line
// here; a profile enables it.
var registry = map[string]func(*Handle) Plugin{
	"SchedulingGates":                 newSchedulingGates,
	"PrioritySort":                    newPrioritySort,
	"NodeUnschedulable":               newNodeUnschedulable,
	"NodeName":                        newNodeName,
	"TaintToleration":                 newTaintToleration,
	"NodeAffinity":                    newNodeAffinity,
	"NodePorts":                       newNodePorts,
	"NodeResourcesFit":                newNodeResourcesFit,
	"GPUShare":                        newGPUShare,
	"VolumeRestrictions":              newVolumeRestrictions,
	"NodeVolumeLimits":                newNodeVolumeLimits,
	"VolumeBinding":                   newVolumeBinding,
	"VolumeZone":                      newVolumeZone,
	"PodTopologySpread":               newPodTopologySpread,
	"InterPodAffinity":                newInterPodAffinity,
	"DefaultPreemption":               newDefaultPreemption,
	"NodeResourcesBalancedAllocation": newBalancedAllocation,
	"ImageLocality":                   newImageLocality,
	"DefaultBinder":                   newDefaultBinder,
	"GangScheduling":                  newGangScheduling,
	"BestFit":                         newBestFit,
	"DominantShare":                   newDominantShare,
	"DotProduct":                      newDotProduct,
	"FirstFit":                        newFirstFit,
	"Fragmentation":                   newFragmentation,
	"GPUClustering":                   newGPUClustering,
	"GPUPacking":                      newGPUPacking,
	"LoadAware":                       newLoadAware,
	"Random":                          newRandom,
}

// Enabled is a plugin of a profile. Weight multiplies the scores of one that
// scores.
type Enabled struct {
	Name   string
	Weight int64
	Not    Point // where it is not asked
	// New makes a plugin that is in no registry: code that uses this package can
	// bring its own. Nil takes the one of that name here.
	New func(*Handle) Plugin
}

// Point is an extension point at which a plugin can be left out, or several.
type Point uint8

// The points. Whoever is left out at one of Filter and Score is as if it had
// nothing to say there; what it looks up before is only of use to itself, but
// for PreFilter, which may refuse a pod or restrict the search.
const (
	AtPreEnqueue Point = 1 << iota
	AtPreFilter
	AtFilter
	AtPostFilter
	AtScore
	AtReserve
	AtPermit

	// Everywhere is all of them.
	Everywhere = AtPreEnqueue | AtPreFilter | AtFilter | AtPostFilter | AtScore | AtReserve | AtPermit
)

// Profile is a set of plugins and what they are told.
type Profile struct {
	// SchedulerName is whose pods it is for, "" for Name.
	SchedulerName string
	Plugins       []Enabled
	// FilterOrder is the names of plugins in the order in which they filter; the
	// others follow in that of Plugins.
	FilterOrder   []string
	Preemption    PreemptionArgs
	Fit           FitArgs
	Balanced      []ResourceSpec // of NodeResourcesBalancedAllocationArgs; default CPU and memory
	Spread        SpreadArgs
	InterPod      InterPodArgs
	AddedAffinity AddedAffinity
	// PercentageOfNodesToScore is how much of the cluster has to be feasible for
	// a search to stop; 0 is what the scheduler's Config says.
	PercentageOfNodesToScore int64
	Typical                  []TypicalPod // whom Fragmentation keeps GPUs for
}

// enables tells whether a plugin is in the profile.
func (p *Profile) enables(name string) bool {
	return slices.ContainsFunc(p.Plugins, func(e Enabled) bool { return e.Name == name })
}

// ReadsUsage tells whether it matters how much CPU nodes are measured to use.
func (p *Profile) ReadsUsage() bool { return p != nil && p.enables("LoadAware") }

// DefaultProfile is kube-scheduler v1.35's.
func DefaultProfile() *Profile {
	return &Profile{Plugins: slices.Clone(defaultProfile), InterPod: InterPodArgs{HardPodAffinityWeight: 1}}
}

// defaultProfile is kube-scheduler v1.35's default plugins in their order and
// with their weights, as far as they are modeled
// (pkg/scheduler/apis/config/v1/default_plugins.go). The order decides which
// plugin rejects a node that several would reject. GPUShare is not one of them: it
// has nothing to say of pods that want no GPU of open-gpu-share's.
var defaultProfile = []Enabled{
	{Name: "SchedulingGates"},
	{Name: "PrioritySort"},
	{Name: "NodeUnschedulable"},
	{Name: "NodeName"},
	{Name: "TaintToleration", Weight: 3},
	{Name: "NodeAffinity", Weight: 2},
	{Name: "NodePorts"},
	{Name: "NodeResourcesFit", Weight: 1},
	{Name: "GPUShare"},
	{Name: "VolumeRestrictions"},
	{Name: "NodeVolumeLimits"},
	{Name: "VolumeBinding"},
	{Name: "VolumeZone"},
	{Name: "PodTopologySpread", Weight: 2},
	{Name: "InterPodAffinity", Weight: 2},
	{Name: "DefaultPreemption"},
	{Name: "NodeResourcesBalancedAllocation", Weight: 1},
	{Name: "ImageLocality", Weight: 1},
	{Name: "DefaultBinder"},
}

// Policy is a profile with a name: a set of plugins, their weights and what they
// are told.
type Policy struct {
	Name    string
	About   string
	Profile func() *Profile // a new one at each call
}

// policies is every policy, in the order in which lists show them. To add one,
// write a line, and a file if it needs a plugin of its own.
var policies = []Policy{
	{"default", "the default profile of kube-scheduler v1.35", DefaultProfile},
	{"gang", "default, and the pods of a Workload's gang are bound together or not at all", gangProfile},
	{"bin-pack", "nodes that are already used the most (MostAllocated)", binPackProfile},
	{"spread", "nodes and zones that have the fewest pods of the same kind", spreadProfile},
	{"random", "any node that can take the pod, each as likely", randomProfile},
	{"first-fit", "the first node of the list that can take the pod", firstFitProfile},
	{"best-fit", "the node that would have the least CPU and GPU left", bestFitProfile},
	{"load-aware", "nodes measured to use up to 40 % of their CPU, the fullest first, then the emptiest", loadAwareProfile},
	{"dominant-share", "default, and pods of the namespace with the least dominant share come first (DRF)", dominantShareProfile},
	{"dot-product", "the node where what is free is the least like what the pod wants", dotProductProfile},
	{"gpu-packing", "shared GPUs first, then free ones of nodes in use", gpuPackingProfile},
	{"gpu-clustering", "nodes with pods that want as many GPUs", gpuClusteringProfile},
	{"fragmentation", "the node whose GPUs stay the most useful to typical pods (FGD)", fragmentationProfile},
}

// gangProfile is the default one with the feature gate GangScheduling.
func gangProfile() *Profile {
	p := DefaultProfile()
	p.Plugins = append(p.Plugins, Enabled{Name: "GangScheduling"})
	return p
}

// Policies is every policy, in the order in which lists show them.
func Policies() []Policy { return slices.Clone(policies) }

// PolicyNames is the names of all policies, in that order.
func PolicyNames() (names []string) {
	for _, p := range policies {
		names = append(names, p.Name)
	}
	return names
}

// PolicyNamed makes the profile of the policy called name; nil if there is
// none.
func PolicyNamed(name string) *Profile {
	for _, p := range policies {
		if p.Name == name {
			return p.Profile()
		}
	}
	return nil
}

package scheduler

// registry is every plugin there is. To add one, write a file and add a line
// here; a profile enables it.
var registry = map[string]func(*Handle) Plugin{
	"SchedulingGates":                 newSchedulingGates,
	"PrioritySort":                    newPrioritySort,
	"NodeUnschedulable":               newNodeUnschedulable,
	"NodeName":                        newNodeName,
	"TaintToleration":                 newTaintToleration,
	"NodeAffinity":                    newNodeAffinity,
	"NodeResourcesFit":                newNodeResourcesFit,
	"DefaultPreemption":               newDefaultPreemption,
	"NodeResourcesBalancedAllocation": newBalancedAllocation,
	"DefaultBinder":                   newDefaultBinder,
}

// Enabled is a plugin of a profile. Weight multiplies the scores of one that
// scores.
type Enabled struct {
	Name   string
	Weight int64
}

// defaultProfile is kube-scheduler v1.35's default plugins in their order and
// with their weights, as far as they are modeled
// (pkg/scheduler/apis/config/v1/default_plugins.go). The order decides which
// plugin rejects a node that several would reject.
var defaultProfile = []Enabled{
	{"SchedulingGates", 0},
	{"PrioritySort", 0},
	{"NodeUnschedulable", 0},
	{"NodeName", 0},
	{"TaintToleration", 3},
	{"NodeAffinity", 2},
	{"NodeResourcesFit", 1},
	{"DefaultPreemption", 0},
	{"NodeResourcesBalancedAllocation", 1},
	{"DefaultBinder", 0},
}

// Policy is a named set of plugins and weights.
type Policy struct {
	Name    string
	About   string
	Plugins []Enabled
}

// Policies is every policy, in the order in which lists show them.
func Policies() []Policy {
	return []Policy{
		{"default", "the default profile of kube-scheduler v1.35", defaultProfile},
	}
}

package scenarios

import (
	"os"

	"orrery/model/scheduler"
	"orrery/scenarios/strict"
)

// SchedulerConfig is a KubeSchedulerConfiguration, as far as it decides where
// pods go.
type SchedulerConfig struct {
	// Profiles is at least one, each with how much of the cluster it searches: 0
	// adapts, -1 if the file says nothing.
	Profiles []scheduler.PlannerProfile
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
	top := doc.Root().Map("a KubeSchedulerConfiguration", "apiVersion", "kind", "profiles", "extenders", "percentageOfNodesToScore",
		"parallelism", "leaderElection", "clientConnection", "enableProfiling", "enableContentionProfiling",
		"podInitialBackoffSeconds", "podMaxBackoffSeconds", "delayCacheUntilActive")
	top.Required("apiVersion").Enum("version", "kubescheduler.config.k8s.io/v1")
	top.Required("kind").Enum("kind", "KubeSchedulerConfiguration")
	top.Default("parallelism", "16").Int(1, 1<<20)
	first := top.Default("podInitialBackoffSeconds", "1").Int(1, 1<<31)
	top.Default("podMaxBackoffSeconds", "10").Int(max(first, 1), 1<<31)
	if v := top.Optional("extenders"); len(v.List()) > 0 {
		v.Errorf("extenders are not modeled: they are asked over the network")
	}
	all := percentage(top.Optional("percentageOfNodesToScore"), -1)
	c := &SchedulerConfig{}
	profiles := top.Optional("profiles").List()
	for _, v := range profiles {
		c.profile(v, len(profiles) == 1, all)
	}
	if len(profiles) == 0 {
		c.Profiles = []scheduler.PlannerProfile{{Profile: scheduler.DefaultProfile(), PercentageOfNodesToScore: all}}
	}
	return c, doc.Err()
}

func percentage(v strict.Value, otherwise int64) int64 {
	if v.Given() {
		return v.Int(0, 100)
	}
	return otherwise
}

// profile reads one profile; only a single one need not say whose pods it is for.
func (c *SchedulerConfig) profile(v strict.Value, single bool, searched int64) {
	m := v.Map("a profile", "schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig")
	name := scheduler.Name
	if n := m.Optional("schedulerName"); n.Given() {
		name = n.Text()
	} else if !single {
		v.Errorf("one of several profiles must have a schedulerName")
	}
	for _, other := range c.Profiles {
		if other.SchedulerName == name {
			v.Errorf("two profiles are for %s", strict.Quote(name))
		}
	}
	p := profileReader{Profile: scheduler.DefaultProfile()}
	p.SchedulerName = name
	p.plugins(m.Optional("plugins"))
	seen := map[string]bool{}
	for _, x := range m.Optional("pluginConfig").List() {
		p.args(x, seen)
	}
	c.Profiles = append(c.Profiles, scheduler.PlannerProfile{
		Profile: p.Profile, PercentageOfNodesToScore: percentage(m.Optional("percentageOfNodesToScore"), searched),
	})
}

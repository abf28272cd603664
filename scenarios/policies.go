package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"orrery/model/scheduler"
	"orrery/scenarios/strict"
)

// maxPolicies is how many policies a scenario may have of its own.
const maxPolicies = 100

// policies reads the scenario's own policies, and which one its scheduler takes.
func (l *loader) policies(own, chosen strict.Value) {
	list := own.List()
	if len(list) > maxPolicies {
		own.Errorf("%d policies are more than %d", len(list), maxPolicies)
		return
	}
	for _, v := range list {
		l.policy(v)
	}
	m := chosen.Map("scheduler", schedulerOptions.names()...)
	c := &l.scenario.Config.Scheduler
	c.Ties, _ = scheduler.TiesNamed(schedulerOptions.read(m, "ties").Enum("way to break ties", "heap", "random", "first"))
	if name := m.Optional("policy"); name.Given() {
		c.Profile, _ = l.scenario.Policy(name.Enum("policy", l.scenario.PolicyNames()...))
	}
}

// policy reads one, which says what a profile of a KubeSchedulerConfiguration says.
func (l *loader) policy(v strict.Value) {
	m := v.Map("a policy", policyOptions.names()...)
	name := m.Required("name")
	p := scheduler.Policy{Name: name.Name(), About: m.Optional("about").Prose()}
	if _, err := l.scenario.Policy(p.Name); err == nil && p.Name != "" {
		name.Errorf("there is a policy %s already", strict.Quote(p.Name))
	}
	r := profileReader{Profile: scheduler.DefaultProfile()}
	r.plugins(m.Optional("plugins"))
	seen := map[string]bool{}
	for _, x := range m.Optional("pluginConfig").List() {
		r.args(x, seen)
	}
	r.PercentageOfNodesToScore = percentage(m.Optional("percentageOfNodesToScore"), 0)
	p.Profile = func() *scheduler.Profile {
		c := *r.Profile
		c.Plugins = slices.Clone(c.Plugins)
		return &c
	}
	l.scenario.Policies = append(l.scenario.Policies, p)
}

// PolicyNames is the scenario's own policies and then those that are built in.
func (s *Scenario) PolicyNames() (names []string) {
	for _, p := range s.Policies {
		names = append(names, p.Name)
	}
	return append(names, scheduler.PolicyNames()...)
}

// Policy makes the profile of a policy, the scenario's own or one that is built
// in.
func (s *Scenario) Policy(name string) (*scheduler.Profile, error) {
	for _, p := range append(slices.Clone(s.Policies), scheduler.Policies()...) {
		if p.Name == name {
			return p.Profile(), nil
		}
	}
	known := s.PolicyNames()
	return nil, fmt.Errorf("there is no policy %s%s; known: %s", strict.Quote(name), strict.DidYouMean(name, known), strings.Join(known, ", "))
}

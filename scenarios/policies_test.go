package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"orrery/model/scheduler"
	"orrery/scenarios"
)

const policyScenario = `apiVersion: orrery/v1
name: packed
duration: 1h
scheduler: {policy: packed}
policies:
  - name: packed
    about: Fill nodes up.
    percentageOfNodesToScore: 100
    plugins: {score: {disabled: [{name: "*"}], enabled: [{name: BestFit, weight: 2}]}}
    pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List}}]
cluster: {nodes: [{name: web, cpu: 4, memory: 16Gi}]}
`

func TestAScenarioHasPoliciesOfItsOwn(t *testing.T) {
	s, err := scenarios.Read("packed.yaml", []byte(policyScenario))
	if err != nil {
		t.Fatal(err)
	}
	p := s.Config.Scheduler.Profile
	if p == nil || p.PercentageOfNodesToScore != 100 || !p.Spread.List {
		t.Fatalf("the scheduler's profile is %+v", p)
	}
	for _, e := range p.Plugins {
		switch rates := e.Not&scheduler.AtScore == 0; {
		case e.Name == "BestFit" && (!rates || e.Weight != 2):
			t.Errorf("BestFit has the weight %d", e.Weight)
		case e.Name == "NodeResourcesFit" && (rates || e.Not&scheduler.AtFilter != 0):
			t.Error("NodeResourcesFit rates nodes, or does not filter")
		}
	}
	if !slices.ContainsFunc(p.Plugins, func(e scheduler.Enabled) bool { return e.Name == "BestFit" }) {
		t.Error("BestFit is not enabled")
	}
	if names := s.PolicyNames(); names[0] != "packed" || names[1] != "default" {
		t.Errorf("policies are %v", names)
	}
	if _, err := s.Policy("pakced"); !complains(err, `did you mean "packed"?`) {
		t.Errorf("%v", err)
	}
}

func TestTheSchedulerTakesABuiltInPolicy(t *testing.T) {
	in := strings.Replace(policyScenario, "policy: packed", "policy: bin-pack", 1)
	s, err := scenarios.Read("packed.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if s.Config.Scheduler.Profile.Fit.Strategy != scheduler.MostAllocated {
		t.Error("bin-pack does not take the most allocated node")
	}
}

package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/report"
	"orrery/scenarios"
)

// run runs a scenario to its end.
func run(t *testing.T, s *scenarios.Scenario) (*cluster.Cluster, *report.Report) {
	t.Helper()
	x := runOf(t, s)
	return x, judged(x, s)
}

// judged is whether a run keeps the promises of a scenario, its own or another.
func judged(x *cluster.Cluster, s *scenarios.Scenario) *report.Report {
	return report.New(report.Meta{Scenario: s.Config.Name, End: x.Kernel.Now()}, x.Store.History(), s.Expect)
}

// A promise that luck keeps is none: every one holds for five seeds. Of a replay and its
// fix neither keeps the promises of the other: each says what the incident is about.
func TestEveryBuiltInScenarioKeepsItsPromises(t *testing.T) {
	for _, e := range scenarios.Library() {
		s, err := scenarios.Embedded(e.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Config.Name != e.Name || e.About == "" || len(s.Expect) < 3 {
			t.Errorf("%s: named %q, %d expectations, about %q", e.Name, s.Config.Name, len(s.Expect), e.About)
		}
		for seed := range uint64(5) {
			s.Config.Seed = seed + 1
			x, r := run(t, s)
			if other := counterpart(t, e.Name); seed == 0 && other != nil && judged(x, other).Held() {
				t.Errorf("%s keeps the promises of %s, too", e.Name, other.Config.Name)
			}
			checkHeld(t, fmt.Sprintf("seed %d", s.Config.Seed), r)
		}
	}
}

// Whoever wants to see what a fault looks like finds it in a scenario that is there.
func TestEveryFaultIsInABuiltInScenario(t *testing.T) {
	used := map[string]bool{}
	for _, name := range scenarios.Names() {
		s, err := scenarios.Embedded(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Config.Faults {
			used[f.Fault] = true
		}
	}
	for _, k := range fault.Kinds {
		if !used[k.Name] {
			t.Errorf("%s is in no scenario", k.Name)
		}
	}
}

// counterpart is the replay of which a scenario is the fix, or its fix; nil if there is none.
func counterpart(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	other, broken := strings.CutSuffix(name, "-broken")
	if !broken {
		other += "-broken"
	}
	if _, err := os.Stat("library/" + other + ".yaml"); err != nil {
		return nil
	}
	s, err := scenarios.Embedded(other)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The README tells people to begin with a copy of the library.
func TestACopyOfTheLibraryRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("library")); err != nil {
		t.Fatal(err)
	}
	for _, name := range scenarios.Names() {
		copied, err := scenarios.Load(filepath.Join(dir, name+".yaml"), scenarios.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if built, err := scenarios.Embedded(name); err != nil || len(copied.Config.Objects) != len(built.Config.Objects) {
			t.Errorf("%s: %d objects in the copy, %v", name, len(copied.Config.Objects), err)
		}
	}
}

// The first sentence of what Orrery is for: manifests and nodes that nobody here
// wrote, a node lost, and everybody accounted for.
func TestTheBoutiqueOnARealClusterSurvivesTheLossOfANode(t *testing.T) {
	const data = "../../shared/data"
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the real inputs are not there: %v", err)
	}
	shared, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"shop.yaml": `apiVersion: orrery/v1
name: shop
duration: 40m
cluster: {snapshot: ` + shared + `/cluster-dump/nodes.json}
workload: {manifests: [` + shared + `/online-boutique/manifests.yaml]}
timeline: [{at: 15m, fault: node-down, target: node/biggernode-3i745}]
expect:
  - "at 14m: workloads_ready()"
  - reached(evictions() >= 1)
  - time_to_detect() <= 60s
  - "at 39m: workloads_ready()"
  - "at 39m: pods() == 12"
`})
	s, err := scenarios.Load(filepath.Join(dir, "shop.yaml"), scenarios.Options{Root: shared})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Config.Nodes) != 6 || len(s.Notes) == 0 {
		t.Errorf("%d nodes, notes %q", len(s.Config.Nodes), s.Notes)
	}
	x, r := run(t, s)
	checkHeld(t, s.Config.Name, r)
	var alive int
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.Active() {
			alive++
		}
		return true
	})
	if alive != 12 {
		t.Errorf("%d pods at the end, want 12", alive)
	}
}

func TestTheHotelLoadsAsAFolder(t *testing.T) {
	const data = "../../shared/data"
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the real inputs are not there: %v", err)
	}
	shared, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"hotel.yaml": including(shared + "/hotel-reservation")})
	s, err := scenarios.Load(filepath.Join(dir, "hotel.yaml"), scenarios.Options{Root: shared})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Config.Objects) != 50 {
		t.Errorf("%d objects, want 19 Deployments, 19 Services, 6 claims and 6 volumes", len(s.Config.Objects))
	}
}

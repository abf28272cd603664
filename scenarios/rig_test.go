package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios"
	"orrery/sim"
)

// What many tests write into a scenario, and how they run one.

// deployment is an entry of workload.manifests: a Deployment of so many pods whose label app is
// its name, and which have one container of that name. More is the rest of that container, such
// as ", resources: {limits: {cpu: 1}}".
func deployment(name string, replicas int, more string) string {
	return deploymentOf(name, replicas, fmt.Sprintf(`{containers: [{name: %[1]s, image: "%[1]s:1"%[2]s}]}`, name, more))
}

// deploymentOf is that of pods with a spec.
func deploymentOf(name string, replicas int, spec string) string {
	return fmt.Sprintf("    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {replicas: %[2]d, selector: {matchLabels: {app: %[1]s}}, "+
		"template: {metadata: {labels: {app: %[1]s}}, spec: %[3]s}}}\n", name, replicas, spec)
}

// service is an entry of workload.manifests: the Service of a deployment.
func service(name string) string {
	return fmt.Sprintf("    - {apiVersion: v1, kind: Service, metadata: {name: %[1]s}, spec: {selector: {app: %[1]s}, ports: [{port: 80}]}}\n", name)
}

// promises is the entries of expect.
func promises(exprs ...string) string {
	var lines strings.Builder
	for _, e := range exprs {
		fmt.Fprintf(&lines, "  - %q\n", e)
	}
	return lines.String()
}

// read is the scenario of a text without mistakes.
func read(t *testing.T, text string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Read("s.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// builtIn is a scenario of the library.
func builtIn(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Open(name, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begun is the cluster of a scenario at the beginning of its run.
func begun(t *testing.T, s *scenarios.Scenario) *cluster.Cluster {
	t.Helper()
	x, err := cluster.New(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// runUntil goes on with a run until then.
func runUntil(t *testing.T, x *cluster.Cluster, at sim.Time) {
	t.Helper()
	if err := x.Run(at); err != nil {
		t.Fatal(err)
	}
}

// checkHeld shows what came of the promises of a run, which is called what, unless they hold.
func checkHeld(t *testing.T, what string, r *report.Report) {
	t.Helper()
	if !r.Held() {
		t.Errorf("%s\n%s", what, textOf(t, r))
	}
}

// textOf is a report for people.
func textOf(t *testing.T, r *report.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// holdsLiterally runs a scenario with several seeds, whose promises have to hold, and with
// every tick an event, which has to be the same story. It returns the runs of the seeds.
func holdsLiterally(t *testing.T, name string, s *scenarios.Scenario) (runs []*cluster.Cluster) {
	t.Helper()
	for seed := range uint64(3) {
		s.Config.Seed = seed + 1
		name := fmt.Sprintf("%s: seed %d", name, s.Config.Seed)
		x, r := run(t, s)
		checkHeld(t, name, r)
		s.Config.Literal = true
		y, _ := run(t, s)
		if d, differs := report.FirstDifference(x.Store.History(), y.Store.History()); differs {
			t.Errorf("%s: with every tick an event it is another story: %+v", name, d)
		}
		s.Config.Literal = false
		runs = append(runs, x)
	}
	return runs
}

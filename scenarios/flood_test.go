package scenarios_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/scenarios"
)

func loadFlood(t *testing.T, entry string) (*scenarios.Scenario, error) {
	t.Helper()
	dir := folder(t, map[string]string{"flood.yaml": `apiVersion: orrery/v1
name: flood
duration: 10m
cluster:
  controlPlane: {apiServer: {priorityAndFairness: false}}
  nodes:
    - {name: n, count: 3, cpu: 4, memory: 16Gi}
timeline:
  - {at: 1m, fault: client-flood, ` + entry + `}
`})
	return scenarios.Load(dir+"/flood.yaml", scenarios.Options{})
}

func TestAFloodIsReadAsItIsWritten(t *testing.T) {
	s, err := loadFlood(t, `as: alice, groups: ["system:masters"], verb: watch, kind: service, clients: 50%, every: 30s, over: 2m, objects: 7, objectBytes: 100, resourceVersion: "0"`)
	if err != nil {
		t.Fatal(err)
	}
	f := s.Config.Faults[0]
	q := f.Flood
	if q.As.User != "alice" || q.As.Groups[0] != "system:masters" || q.Right != store.RightWatch || q.Kind != model.KindService || f.FloodPPM != 500_000 ||
		q.Every != 30*time.Second || q.Over != 2*time.Minute || q.Objects != 7 || q.ObjectBytes != 100 || q.Latest {
		t.Errorf("%+v", f)
	}
	if !s.Config.ControlPlane.APIServer.Unfair {
		t.Error("priority and fairness is on")
	}
	if s, err = loadFlood(t, `as: "system:serviceaccount:a:b", kind: pod, every: 1s`); err != nil {
		t.Fatal(err)
	}
	if q := s.Config.Faults[0].Flood; q.Right != store.RightList || q.Clients != 1 || q.ObjectBytes != 2048 || !q.Latest || q.As.Credential != store.AccountToken {
		t.Errorf("%+v", q)
	}
}

func TestMistakesAboutAFloodAreSaidWhereTheyAre(t *testing.T) {
	for entry, want := range map[string]string{
		`kind: pod, every: 1s`:                               `missing "as" in fault client-flood`,
		`as: a, kind: pods, every: 1s`:                       `unknown kind "pods"; did you mean "pod"?`,
		`as: a, kind: pod, every: 1us`:                       "flood.yaml:9:",
		`as: a, kind: pod, every: 1s, clients: 0`:            "nobody asks",
		`as: a, kind: pod, every: 1s, clients: 2000000`:      "2000000 clients are more than 1000000",
		`as: a, kind: pod, every: 1s, verb: get, objects: 3`: "only lists and watches bring many objects, not the verb get",
		`as: a, kind: pod, every: 1s, verb: lits`:            `unknown verb "lits"; did you mean "list"?`,
		`as: a, kind: pod, every: 1s, resourceVersion: "5"`:  `"5": write "" for what is true now`,
		`as: a, kind: pod, every: 1s, objects: 0`:            "out of range",
		`as: a, kind: pod, every: 1s, target: node/n-0`:      `unknown field "target" in fault client-flood`,
	} {
		if _, err := loadFlood(t, entry); !complains(err, want) || !complains(err, "flood.yaml:9:") {
			t.Errorf("%s: %q is not in\n%v", entry, want, err)
		}
	}
}

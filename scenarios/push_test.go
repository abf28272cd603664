package scenarios_test

import (
	"testing"
	"time"

	"orrery/scenarios"
)

// loadPatch reads a scenario with a Deployment web, a DaemonSet agent and an entry of
// the timeline, on line 12.
func loadPatch(t *testing.T, entry string) (*scenarios.Scenario, error) {
	t.Helper()
	dir := folder(t, map[string]string{"push.yaml": `apiVersion: orrery/v1
name: push
duration: 10m
cluster:
  nodes:
    - {name: n, count: 3, cpu: 4, memory: 16Gi}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {of: shop}}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: server, image: "web:1"}]}}}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent, labels: {of: shop}}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: server, image: "agent:1"}, {name: side, image: "side:1"}]}}}}
timeline:
  - {at: 1m, ` + entry + `}
`})
	return scenarios.Load(dir+"/push.yaml", scenarios.Options{})
}

func TestAPatchIsReadAsItIsWritten(t *testing.T) {
	s, err := loadPatch(t, `do: patch, target: deployment/web, patch: {metadata: {labels: {team: x, of: null}}, spec: {replicas: 0, paused: true, `+
		`minReadySeconds: 10, template: {metadata: {labels: {v: "2"}, annotations: {note: a}}, spec: {terminationGracePeriodSeconds: 5, `+
		`containers: [{name: server, image: "web:2", resources: {requests: {cpu: 0}, limits: {memory: 1Gi}}}]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Config.Actions[0].Patch
	c := p.Containers[0]
	if len(p.Labels) != 2 || p.Labels[0].Value != "x" || !p.Labels[1].Gone || *p.Replicas != 0 || !*p.Paused || *p.MinReady != 10*time.Second || p.PodLabels[0].Value != "2" ||
		p.Annotated == 0 || *p.Grace != 5 || c.Name != "server" || c.Image != "web:2" || *c.Requests.CPUMilli != 0 || c.Requests.MemoryBytes != nil || *c.Limits.MemoryBytes != 1<<30 {
		t.Errorf("%+v", p)
	}
}

func TestAPushIsReadAsItIsWritten(t *testing.T) {
	s, err := loadPatch(t, `for: 2m, fault: config-push, target: deployment/web, namespace: default, match: {of: shop}, image: "web:2", rate: 5%/s, rollback: true`)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Config.Faults[0].Push
	chosen := p.Names[0] == "deployment/web" && p.Namespaces[0] == "default" && p.Match != nil
	if !chosen || p.Patch.Containers[0].Image != "web:2" || p.Per != time.Second || p.PPM != 50_000 || !p.Rollback {
		t.Errorf("%+v", p)
	}
	if s, err = loadPatch(t, `fault: config-push, target: [daemonset/agent], container: side, image: "side:2", rate: 12/m`); err != nil {
		t.Fatal(err)
	}
	if p := s.Config.Faults[0].Push; p.Names[0] != "daemonset/agent" || p.Patch.Containers[0].Name != "side" || p.Per != time.Minute || p.Count != 12 {
		t.Errorf("%+v", p)
	}
}

func TestMistakesAboutPatchesAndPushesAreSaidWhereTheyAre(t *testing.T) {
	patch, push := "do: patch, target: ", "fault: config-push, "
	for entry, want := range map[string]string{
		patch + `deployment/web, patch: {}`:                                                                              "it changes nothing",
		patch + `deployment/web, patch: {spec: {replica: 3}}`:                                                            `unknown field "replica" in spec of a patch; did you mean "replicas"?`,
		patch + `daemonset/agent, patch: {spec: {replicas: 3}}`:                                                          "a DaemonSet has no such field",
		patch + `deployment/web, patch: {spec: {replicas: -1}}`:                                                          "out of range",
		patch + `deployment/web, patch: {spec: {template: {metadata: {labels: {app: x}}}}}`:                              "is immutable",
		patch + `deployment/web, patch: {spec: {template: {metadata: {labels: {app: null}}}}}`:                           "is immutable",
		patch + `deployment/web, patch: {spec: {template: {spec: {containers: [{name: srever, image: x}]}}}}`:            `deployment/web has no container "srever"; did you mean "server"?`,
		patch + `deployment/web, patch: {spec: {template: {spec: {containers: [{image: x}]}}}}`:                          `missing "name"`,
		patch + `deployment/web, patch: {spec: {template: {spec: {containers: [{name: server, image: "x y"}]}}}}`:        "has a space in it",
		push + `match: {of: shop}, rate: 1/s, image: x`:                                                                  "daemonset/agent: it has 2 containers: say which one",
		push + `match: {of: shop}, rate: 1/s`:                                                                            "image",
		push + `match: {of: ship}, rate: 1/s, image: x`:                                                                  "no workload has these labels",
		push + `rate: 1/s, image: x`:                                                                                     "which workloads?",
		push + `target: deployment/web, rate: 1, image: x`:                                                               `"1" is no rate`,
		push + `target: deployment/web, rate: 0/s, image: x`:                                                             `"0/s" is no rate`,
		push + `target: deployment/web, rate: 500%/s, image: x`:                                                          `"500%/s" is no rate`,
		push + `target: deployment/wbe, rate: 1/s, image: x`:                                                             `did you mean`,
		push + `target: deployment/web, rate: 1/s, image: x, rollback: true`:                                             "a push that does not end is not given back",
		push + `namespace: prod, rate: 1/s, image: x`:                                                                    `nothing is in namespace "prod"`,
		push + `match: {of: shop}, rate: 1/s, patch: {spec: {replicas: 0}}`:                                              `daemonset/agent: unknown field "spec.replicas"`,
		push + `target: deployment/web, rate: 1/s, container: a, patch: {spec: {replicas: 0}}`:                           "a patch names its containers itself",
		push + `target: deployment/web, rate: 1/s, patch: {spec: {template: {spec: {containers: [{name: server}, 3]}}}}`: "push.yaml:12:",
	} {
		_, err := loadPatch(t, entry)
		if !complains(err, want) || !complains(err, "push.yaml:12:") {
			t.Errorf("%s: want %q, got %v", entry, want, err)
		}
	}
}

package scenarios_test

import (
	"testing"

	"orrery/scenarios"
)

// A static pod serves requests, uses CPU for them and asks what its probes need as other
// pods do, from the beginning: Services and metrics know it by its mirror pod
// (pkg/kubelet/pod/mirror_client.go).
func TestAStaticPodServesRequestsAndAsksAsOthersDo(t *testing.T) {
	for _, c := range []struct {
		needs  string
		expect string
	}{
		{"", "after 1s: availability(service/agent) == 100%"},
		{", probes: {readiness: {path: own, needs: db}}", "after 1m: availability(service/agent) == 0%"},
	} {
		dir := folder(t, map[string]string{
			"agent.yaml": `{apiVersion: v1, kind: Pod, metadata: {name: agent, labels: {app: agent}}, spec: {containers: [{name: main, image: "agent:1", readinessProbe: {httpGet: {port: 80}}}]}}`,
			"s.yaml": `apiVersion: orrery/v1
name: static
duration: 10m
cluster: {nodes: [{name: n, cpu: 4, memory: 8Gi, staticPods: [agent.yaml]}]}
workload:
  manifests:
` + service("db") + service("agent") + `
  behavior: [{match: {app: agent}, cpu: 100m + 10m/rps` + c.needs + `}]
  traffic: [{service: agent, rps: 20}]
expect:
` + promises(c.expect),
		})
		s, err := scenarios.Load(dir+"/s.yaml", scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		holdsLiterally(t, c.expect, s)
		if x, _ := run(t, s); c.needs == "" && used(x, "default")["n"] != 300 {
			t.Errorf("at 20 requests a second it uses %dm, want 100m and 10m for each", used(x, "default")["n"])
		}
	}
}

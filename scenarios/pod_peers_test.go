package scenarios_test

import (
	"fmt"
	"testing"
)

// cpu100m is what each container of it asks for.
const cpu100m = ", resources: {requests: {cpu: 100m}}"

// reached is a shop that everybody asks: front from within, ingress straight, internet
// through a load balancer; and a webhook about deletions of Deployments.
var reached = `apiVersion: orrery/v1
name: reached
duration: 20m
cluster:
  nodes: [{name: n, count: 3, cpu: 4, memory: 16Gi}]
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, externalTrafficPolicy: %s, selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: hook}, spec: {selector: {app: hook}, ports: [{port: 443}]}}
` + deployment("web", 3, cpu100m) + deployment("hook", 2, cpu100m) + deployment("front", 3, cpu100m) + `
    - apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingWebhookConfiguration
      metadata: {name: policy}
      webhooks:
        - name: policy.example.com
          clientConfig: {service: {namespace: default, name: hook}}
          sideEffects: None
          admissionReviewVersions: [v1]
          rules: [{operations: [DELETE], apiGroups: [apps], apiVersions: [v1], resources: [deployments]}]
  behavior: [{match: {app: web}, latency: 1ms}]
  traffic: [{service: web, rps: 90, from: %s, timeout: 1s}]
timeline:
  - {at: 5m, for: 5m, fault: %s}
  - {at: 6m, do: delete, target: deployment/front}
expect:
%s`

// Pods that nobody outside reaches serve everybody else, and whoever comes through a node that
// puts its own address there is not outside to them (pkg/proxy/iptables/proxier.go: external
// traffic is masqueraded unless its policy is Local).
func TestPodsMayBeCutOffFromWhoeverIsOutside(t *testing.T) {
	const cut, whole = `  - "between 5m1s and 10m: availability(service/web) == 0%"
  - "between 5m1s and 10m: error_rate(timeout, service/web) == 100%"
  - "after 10m2s: availability(service/web) == 100%"
  - "between 4m and 5m: availability(service/web) == 100%"
`, `  - "after 4m: availability(service/web) == 100%"
`
	for _, c := range []struct{ policy, from, fault, expect string }{
		{"Cluster", "ingress", "pod-partition, target: deployment/web, peer: internet", cut},
		{"Cluster", "ingress", "pod-partition, target: deployment/web, peer: internet, direction: in", cut},
		{"Local", "internet", "pod-partition, target: deployment/web, peer: internet", cut},
		{"Local", "internet", "pod-partition, target: deployment/web", cut},
		{"Cluster", "internet", "pod-partition, target: deployment/web", cut},
		{"Cluster", "internet", "pod-partition, target: deployment/web, peer: internet", whole},
		{"Cluster", "node/n-1", "pod-partition, target: deployment/web, peer: internet", whole},
		{"Local", "internet", "pod-partition, target: deployment/web, peer: deployment/hook", whole},
		{"Cluster", "ingress", "pod-partition, target: deployment/web, peer: control-plane", whole},
	} {
		holds(t, c.policy+" "+c.from+" "+c.fault, fmt.Sprintf(reached, c.policy, c.from, c.fault, c.expect))
	}
}

// What pods send to whoever is outside, and are asked from there, is slow or lost, once on the
// way there and once on the way back, whatever other ways it passes.
func TestPodsMayBeSlowForWhoeverIsOutside(t *testing.T) {
	const slow, fast = `  - "between 5m1s and 9m59s: always(latency_p50(service/web) >= 201ms)"
  - "between 5m1s and 9m59s: always(latency_p50(service/web) <= 210ms)"
  - "between 11m and 20m: always(latency_p50(service/web) <= 10ms)"
`, `  - "after 4m: always(latency_p50(service/web) <= 10ms)"
`
	for _, c := range []struct{ policy, from, peer, expect string }{
		{"Cluster", "ingress", ", peer: internet", slow},
		{"Local", "internet", ", peer: internet", slow},
		{"Local", "internet", "", slow},
		{"Cluster", "internet", "", slow},
		{"Cluster", "internet", ", peer: internet", fast},
		{"Cluster", "node/n-1", ", peer: internet", fast},
	} {
		fault := "pod-network-delay, target: deployment/web, latency: 50ms" + c.peer // to open the connection, and for the request
		holds(t, c.policy+" "+c.from+" "+fault, fmt.Sprintf(reached, c.policy, c.from, fault, c.expect))
	}
	const lossy = "pod-network-loss, target: deployment/web, loss: 20%, peer: internet"
	holds(t, "loss", fmt.Sprintf(reached, "Local", "internet", lossy, `  - "between 5m1s and 9m59s: always(latency_p99(service/web) >= 200ms)"
  - "after 11m: always(latency_p99(service/web) <= 50ms)"
`))
}

// A webhook whose pods the control plane does not reach refuses what it is asked about, as one
// that is cut off from everybody does; what else the pods do goes on.
func TestPodsMayBeCutOffFromTheControlPlane(t *testing.T) {
	for peer, refused := range map[string]int{", peer: control-plane": 1, "": 1, ", peer: control-plane, direction: out": 1, ", peer: internet": 0, ", peer: deployment/web": 0} {
		holds(t, peer, fmt.Sprintf(reached, "Cluster", "ingress", "pod-partition, target: deployment/hook"+peer, fmt.Sprintf(`  - notes(ActionFailed) == %d
  - "after 4m: availability(service/web) == 100%%"
  - node_not_ready() == 0
`, refused)))
	}
}

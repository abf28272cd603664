package scenarios_test

import (
	"strings"
	"testing"

	"orrery/model/store"
	"orrery/scenarios"
)

const secured = `apiVersion: orrery/v1
name: secured
duration: 5m
cluster:
  nodes:
    - {name: n, count: 2, cpu: 4, memory: 16Gi}
workload:
  manifests:
    - apiVersion: v1
      kind: Namespace
      metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: careless, namespace: shop}
      spec:
        selector: {matchLabels: {app: careless}}
        template:
          metadata: {labels: {app: careless}}
          spec:
            hostNetwork: true
            containers: [{name: web, image: "web:1"}]
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: careful, namespace: shop}
      spec:
        selector: {matchLabels: {app: careful}}
        template:
          metadata: {labels: {app: careful}}
          spec:
            securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
            containers:
              - name: web
                image: "web:1"
                securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
expect:
  - at 5m: pods(shop/deployment/careless) == 0
  - reached(notes(FailedCreate) >= 1)
  - at 1m: ready(shop/deployment/careful) == 1
`

// Source: k8s.io/pod-security-admission/policy: the words are those of its checks.
func TestAReplicaSetOfPodsThatAreForbiddenSaysWhy(t *testing.T) {
	s, err := scenarios.Load(folder(t, map[string]string{"s.yaml": secured})+"/s.yaml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, r := run(t, s)
	if !r.Held() {
		t.Errorf("%+v", r)
	}
	const want = `is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true), ` +
		`allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), ` +
		`unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), ` +
		`runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), ` +
		`seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
	if said := messages(x.Store.History(), "FailedCreate"); len(said) == 0 || !strings.HasPrefix(said[0], "Error creating: pods \"careless-") || !strings.HasSuffix(said[0], want) {
		t.Errorf("it says %q, not ...%s", said, want)
	}
}

// messages is what notes with a reason say.
func messages(h *store.History, reason string) (out []string) {
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Reason == reason {
			out = append(out, n.Message)
		}
	}
	return out
}

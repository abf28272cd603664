package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"orrery/scenarios"
)

const hooked = `apiVersion: orrery/v1
name: hooked
duration: 20m
cluster:
  nodes:
    - {name: n, count: 3, cpu: 4, memory: 16Gi}
workload:
  manifests:
    - apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingWebhookConfiguration
      metadata: {name: policy}
      webhooks:
        - name: policy.example.com
          clientConfig: {url: "https://policy.example.com/review"}
          sideEffects: None
          admissionReviewVersions: [v1]
          # Leases of nodes are in kube-node-lease, those of leaders in kube-system.
          namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}
          rules:
            - {operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: [leases, pods, deployments]}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m, memory: 64Mi}}}]
timeline:
  - {at: 5m, for: 5m, fault: %s}
  - {at: 6m, do: delete, target: deployment/web}
expect:
%s`

// The signature of a webhook that does not answer, and that it heals: nodes are
// not ready, but for moments in which their kubelets say otherwise, after 40 to 60 s
// (a monitor pass every 5 s looks for 50 s of silence, and the last renewal was
// up to 10.4 s ago), and again and again until the fault ends; what people do is
// refused meanwhile.
func TestAWebhookThatDoesNotAnswerSilencesAllNodes(t *testing.T) {
	for _, f := range []string{"webhook-down, webhook: policy.example.com", "webhook-slow, webhook: [policy.example.com], latency: 12s"} {
		name, _, _ := strings.Cut(f, ",")
		source := fmt.Sprintf(hooked, f, `  - time_to_detect.min() <= 60s
  - time_to_detect.min() >= 39s
  - reached(node_not_ready() >= 1)
  - "after 10m30s: node_not_ready() == 0"
  - notes(ActionFailed) == 1
  - at 20m: ready(deployment/web) == 3
  - evictions() == 0
  - notes(RenewalsResumed) == 1
`)
		holds(t, name, source)
	}
}

// holds runs a scenario of one file with several seeds, whose promises have to hold.
func holds(t *testing.T, name, source string) {
	t.Helper()
	path := folder(t, map[string]string{"hooked.yaml": source}) + "/hooked.yaml"
	for seed := range uint64(3) {
		s, err := scenarios.Load(path, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Config.Seed = seed
		_, r := run(t, s)
		checkHeld(t, fmt.Sprintf("%s, seed %d", name, seed), r)
	}
}

// A webhook that does not keep out of kube-system is asked about the Leases of those
// who lead, too. They stop after 10 s (k8s.io/component-base/config/v1alpha1/defaults.go
// RenewDeadline), and nobody is left who would call a node not ready after 50.
func TestNodesThatAWebhookSilencesAreNoticedByNobodyIfItIsAskedAboutLeadersToo(t *testing.T) {
	source := fmt.Sprintf(hooked, "webhook-down, webhook: policy.example.com", `  - node_not_ready() == 0
  - notes(RenewalsStopped) == 1
  - "between 5m and 5m30s: notes(LeaderElection) == 2"
  - at 20m: ready(deployment/web) == 3
`)
	source = strings.Replace(source, "values: [kube-system]", "values: [somewhere-else]", 1)
	holds(t, "all namespaces", source)
}

func TestMistakesAboutWebhooksAreSaidWhereTheyAre(t *testing.T) {
	behavior := `  webhooks:
    - {name: policy.example.com, latency: 0s}
    - {name: policy.example.com, mutate: {}}
    - {name: other.example.com, deny: {message: no}, allow: all}
timeline:`
	for _, c := range []struct {
		fault, from, to string
		want            []string
	}{
		{"webhook-down, webhook: policy.example.com", "sideEffects: None", "sideEffects: Some\n          timeoutSeconds: 40",
			[]string{`unknown value "Some"`, "40 is out of range: 1 to 30 seconds"}},
		{"webhook-down, webhook: polcy.example.com", "timeline:", behavior, []string{
			`no webhook is named "polcy.example.com"; did you mean "policy.example.com"?`,
			"0s is too little", "it changes nothing: write labels, tolerations or requests", `"policy.example.com" is described twice`,
			`no webhook is named "other.example.com"`, `unknown field "allow" in a webhook`,
		}},
	} {
		source := strings.Replace(fmt.Sprintf(hooked, c.fault, "  - notes(ActionFailed) == 1\n"), c.from, c.to, 1)
		_, err := scenarios.Load(folder(t, map[string]string{"h.yaml": source})+"/h.yaml", scenarios.Options{})
		if err == nil {
			t.Fatal("it was accepted")
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in\n%v", want, err)
			}
		}
	}
}

package scenarios_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/report"
	"orrery/scenarios"
)

// gated is a Deployment of three whose pods have a readiness gate, and a Service.
func gated(timeline string) string {
	return `apiVersion: orrery/v1
name: gated
duration: 10m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {readinessGates: [{conditionType: example.com/lb}], containers: [{name: c, image: "c:1"}]}
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}}
timeline: [` + timeline + `]
`
}

// Source: v1.35 pkg/kubelet/status/generate.go GeneratePodReadyCondition, and what
// follows the condition Ready: endpoints, rollouts and budgets.
func TestAPodWithAReadinessGateIsReadyOnlyWhenItsConditionIsTrue(t *testing.T) {
	const lets, takes = `{at: 2m, do: set-condition, target: deployment/web, condition: example.com/lb, status: True}`,
		`{at: 4m, do: set-condition, target: deployment/web, condition: example.com/lb, status: False}`
	for _, c := range []struct {
		timeline                    string
		ready, available, endpoints int
		reason                      string
		disruptions                 int32
	}{
		{"", 0, 0, 0, "ReadinessGatesNotReady", 0},
		{lets, 3, 3, 3, "", 1},
		{lets + ", " + takes, 0, 0, 0, "ReadinessGatesNotReady", 0},
	} {
		x := ran(t, "gated.yaml", gated(c.timeline))
		var table strings.Builder
		if err := report.Pods(&table, x.Store.History(), x.Kernel.Now(), ""); err != nil {
			t.Fatal(err)
		}
		row := "1/1    Running  0         9m59s  n     " + map[bool]string{true: "1/1", false: "0/1"}[c.ready > 0]
		if n := strings.Count(table.String(), row); n != 3 || !strings.Contains(table.String(), "NODE  READINESS GATES") {
			t.Errorf("%q:\n%s", c.timeline, table.String())
		}
		ready, up := 0, 0
		x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
			p := o.(*model.Pod)
			if p.IsReady() {
				ready++
			}
			if p.ContainersUp.Status == model.True {
				up++
			}
			if p.Ready.Reason != c.reason {
				t.Errorf("%q: Ready is %v because of %q, want %q", c.timeline, p.Ready.Status, p.Ready.Reason, c.reason)
			}
			return true
		})
		d := x.Store.Lookup(model.KindDeployment, "default", "web").(*model.Deployment)
		if up != 3 || ready != c.ready || int(d.AvailableReplicas) != c.available {
			t.Errorf("%q: containers of %d pods are ready, %d pods are, %d count as available", c.timeline, up, ready, d.AvailableReplicas)
		}
		endpoints := 0
		x.Store.Snapshot().Each(model.KindEndpointSlice, func(o model.Object) bool {
			for _, e := range o.(*model.EndpointSlice).Endpoints {
				if e.Ready {
					endpoints++
				}
			}
			return true
		})
		b := x.Store.Lookup(model.KindPodDisruptionBudget, "default", "web").(*model.PodDisruptionBudget)
		if endpoints != c.endpoints || b.Allowed != c.disruptions {
			t.Errorf("%q: %d endpoints are ready, %d disruptions allowed", c.timeline, endpoints, b.Allowed)
		}
	}
}

func TestAConditionOfKubernetesItselfIsNotSetByHand(t *testing.T) {
	for entry, want := range map[string]string{
		`{at: 1m, do: set-condition, target: deployment/web, condition: Ready, status: True}`:              "Ready is set by Kubernetes itself",
		`{at: 1m, do: set-condition, target: deployment/web, condition: "a b", status: True}`:              `"a b" is no type of a condition`,
		`{at: 1m, do: set-condition, target: deployment/web, condition: example.com/lb, status: true}`:     `unknown status "true"; did you mean "True"?`,
		`{at: 1m, do: set-condition, target: service/web, condition: example.com/lb, status: True}`:        "is not deployment/NAME",
		`{at: 1m, do: set-condition, target: deployment/web, conditions: example.com/lb, status: Unknown}`: `did you mean "condition"?`,
	} {
		if _, err := scenarios.Read("gated.yaml", []byte(gated(entry))); !complains(err, want) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
}

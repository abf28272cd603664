package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

// loadFlows reads a scenario in which a flood lists pods as a service account, and
// what else is said.
func loadFlows(t *testing.T, rest string) (*scenarios.Scenario, error) {
	t.Helper()
	dir := folder(t, map[string]string{"flows.yaml": `apiVersion: orrery/v1
name: flows
duration: 20m
cluster:
  nodes:
    - {name: n, count: 3, cpu: 8, memory: 16Gi}
` + rest, "level.yaml": `apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: agents}
spec: {type: Limited, limited: {nominalConcurrencyShares: 5, borrowingLimitPercent: 0, limitResponse: {type: Queue, queuing: {queues: 4, handSize: 1}}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: agents}
spec:
  priorityLevelConfiguration: {name: agents}
  rules:
    - subjects: [{kind: Group, group: {name: "system:serviceaccounts:default"}}]
      resourceRules: [{verbs: [list], apiGroups: [""], resources: [pods], clusterScope: true}]
`})
	return scenarios.Load(dir+"/flows.yaml", scenarios.Options{})
}

// A level and a schema that kubectl applies in a run take a flood in, and one that
// it deletes lets it go where it was.
func TestFlowSchemasComeAndGoInARun(t *testing.T) {
	s, err := loadFlows(t, `workload:
  manifests:
    - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: agent}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}, subjects: [{kind: ServiceAccount, name: default, namespace: default}]}
timeline:
  - {at: 1m, fault: client-flood, as: "system:serviceaccount:default:default", verb: list, kind: pod, clients: 3000, every: 10s, objects: 6000}
  - {at: 6m, do: apply, manifests: [level.yaml]}
  - {at: 12m, do: delete, target: flowschema/agents}
  - {at: 16m, do: delete, target: prioritylevelconfiguration/agents}
expect:
  - "between 2m and 6m: api_rejected(workload-low) >= 1"
  - "before 6m: api_rejected(agents) == 0"
  - "between 6m5s and 12m: api_rejected(agents) >= 1"
  - "between 6m5s and 12m: api_rejected(workload-low) == 0"
  - "after 13m: api_rejected(agents) == 0"
  - "after 13m: api_rejected(workload-low) >= 1"
  - notes(ActionFailed) == 0
`)
	if err != nil {
		t.Fatal(err)
	}
	_, r := run(t, s)
	checkHeld(t, s.Config.Name, r)
}

func TestALevelThatNothingMakesIsToldOf(t *testing.T) {
	s, err := loadFlows(t, `workload:
  manifests:
    - {apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, metadata: {name: lost}, spec: {priorityLevelConfiguration: {name: nowhere}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(s.Notes, "\n"), `flowschema/lost: there is no priority level "nowhere"`) {
		t.Errorf("notes: %q", s.Notes)
	}
	for text, want := range map[string]string{
		`expect: [api_rejected(workload-lo) == 0]`: `there is no priority level "workload-lo"; did you mean "workload-low"?`,
		`expect: [api_rejected(x9) == 0]`:          `there is no priority level "x9"; there are catch-all,`,
	} {
		if _, err := loadFlows(t, text); !complains(err, want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/scenarios"
)

// complains tells whether an error has these words; without words it is nil.
func complains(err error, words string) bool {
	if words == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), words)
}

// loaded is a scenario with that cluster and timeline.
func loaded(t *testing.T, cluster, timeline string) (*scenarios.Scenario, error) {
	t.Helper()
	dir := folder(t, map[string]string{
		"s.yaml":     "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n" + cluster + "timeline: [" + timeline + "]\n",
		"agent.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: agent, namespace: ops}\nspec: {containers: [{name: main, image: agent}]}\n",
		"big.yaml":   "apiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec: {containers: [{name: main, image: agent, resources: {requests: {cpu: 3, memory: 4Gi, ephemeral-storage: 10Gi}}}]}\n",
		"web.yaml":   "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
		"there.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: there}\nspec: {nodeName: n0, containers: [{name: main, image: agent}]}\n",
	})
	return scenarios.Load(dir+"/s.yaml", scenarios.Options{})
}

const workers = "  nodes: [{name: n, cpu: 4, memory: 16Gi}]\n"

// What is wrong about the control plane and static pods is said where it is.
func TestMistakesAboutControlPlaneNodesAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ cluster, timeline, want string }{
		{"  controlPlane: {cpu: 500m}\n" + workers, "", "s.yaml:5:23: cluster.controlPlane.cpu: the control plane's own pods ask for 650m of every machine"},
		{"  controlPlane: {memory: 50Mi}\n" + workers, "", "ask for 100Mi of every machine"},
		{"  nodes: [{name: cp-0, cpu: 4, memory: 16Gi}]\n", "", `a node is called "cp-0" like a machine of the control plane`},
		{"  controlPlane: {managed: true}\n" + workers, "{at: 1m, for: 1m, fault: node-down, target: node/cp-0}", `there is no "node/cp-0"`},
		{"  controlPlane: {replicas: 3}\n" + workers, "{at: 1m, for: 1m, fault: node-down, target: node/cp-3}", `there is no "node/cp-3"`},
		{"  nodes: [{name: n, cpu: 4, memory: 16Gi, staticPods: [web.yaml]}]\n", "", "a kubelet reads only pods from its files, and service/web is none"},
		{"  nodes: [{name: n, cpu: 4, memory: 16Gi, staticPods: [there.yaml]}]\n", "", "a static pod runs where its file is: leave out nodeName of pod/there"},
		{"  nodes: [{name: n, cpu: 4, memory: 16Gi, pods: 1, staticPods: [agent.yaml, big.yaml]}]\n", "", "2 static pods are more than a machine takes: 1"},
		{"  nodes: [{name: n, cpu: 2, memory: 16Gi, staticPods: [big.yaml]}]\n", "", "s.yaml:5:55: cluster.nodes[0].staticPods: the static pods ask for 3 cores, and a machine has 2 cores for pods"},
		{"  nodes: [{name: n, cpu: 4, memory: 4Gi, staticPods: [big.yaml]}]\n", "", "the static pods ask for 4Gi of memory, and a machine has 3996Mi for pods"},
		{"  nodes: [{name: n, cpu: 4, memory: 16Gi, disk: 10Gi, staticPods: [big.yaml]}]\n", "", "the static pods ask for 10Gi of the disk, and a machine has 9215Mi for pods"},
		{"  nodes: [{name: n, cpu: 4, memory: 16Gi, hollow: true, staticPods: [agent.yaml]}]\n", "", "nothing runs on a hollow node"},
	} {
		_, err := loaded(t, c.cluster, c.timeline)
		if !complains(err, c.want) {
			t.Errorf("%s%s\nwant %q, got\n%v", c.cluster, c.timeline, c.want, err)
		}
	}
}

// The control plane is smaller than its workers unless something else is said,
// which is told.
func TestAControlPlaneAsLargeAsItsWorkersIsNoted(t *testing.T) {
	for cluster, noted := range map[string]bool{
		workers:                                false,
		"  controlPlane: {cpu: 4}\n" + workers: true,
		"  controlPlane: {memory: 16Gi}\n" + workers:                                                       true,
		"  controlPlane: {cpu: 64, memory: 1Ti, managed: true}\n" + workers:                                false,
		"  nodes: [{name: n, cpu: 1, memory: 2Gi}]\n":                                                      true,
		"  nodes: [{name: n, cpu: 1, memory: 2Gi}, {name: big, cpu: 32, memory: 64Gi}]\n":                  false,
		"  controlPlane: {replicas: 3, zones: [a, b, c]}\n  nodes: [{name: n, cpu: 2500m, memory: 5Gi}]\n": false,
	} {
		s, err := loaded(t, cluster, "")
		if err != nil {
			t.Fatal(err)
		}
		has := slices.ContainsFunc(s.Notes, func(n string) bool { return strings.Contains(n, "cluster.controlPlane: not smaller than its workers") })
		if has != noted {
			t.Errorf("%s: notes %q", cluster, s.Notes)
		}
	}
}

// A group's static pods run on each of its machines from the beginning, and a
// fault can name one.
func TestStaticPodsOfAGroupRunOnEachOfItsMachines(t *testing.T) {
	s, err := loaded(t, "  controlPlane: {managed: true}\n  nodes: [{name: n, count: 3, cpu: 4, memory: 16Gi, staticPods: [agent.yaml]}, {name: m, cpu: 4, memory: 16Gi}]\n",
		"{at: 1m, fault: container-crash, target: ops/pod/agent-n-1}")
	if err != nil {
		t.Fatal(err)
	}
	x := runOf(t, s)
	var found []string
	for _, p := range podsOf(x) {
		if !p.IsReady() || p.Name != "agent-"+p.NodeName || p.Namespace != "ops" {
			t.Errorf("%s in %s on %s", p.Name, p.Namespace, p.NodeName)
		}
		if found = append(found, p.Name); p.Restarts() != 0 != (p.Name == "agent-n-1") {
			t.Errorf("%s was restarted %d times", p.Name, p.Restarts())
		}
	}
	if !slices.Equal(found, []string{"agent-n-0", "agent-n-1", "agent-n-2"}) {
		t.Errorf("static pods %v", found)
	}
}

// podsOf is all pods there are.
func podsOf(x *cluster.Cluster) (out []*model.Pod) {
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		out = append(out, o.(*model.Pod))
		return true
	})
	return out
}

package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

// What is wrong with a cloud is told at its place, with what would be right.
func TestMistakesAboutTheCloudAreToldAtTheirPlace(t *testing.T) {
	const head = "apiVersion: orrery/v1\nname: x\nduration: 10m\n"
	group := func(more string) string {
		return head + "cluster:\n  nodeGroups:\n    - {name: web, max: 4, start: 1, cpu: 4, memory: 8Gi, zones: [a]" + more + "}\n"
	}
	for _, x := range []struct{ in, want string }{
		{group(", min: 5"), "x.yaml:6:7: cluster.nodeGroups[0]: it starts with 1 machines and may have 5 to 4 of them"},
		{group(", pirority: 5"), `unknown field "pirority" in a node group; did you mean "priority"?`},
		{group("") + "    - {name: web, max: 4, cpu: 4, memory: 8Gi}\n", `two node groups are called "web"`},
		{group("") + "  autoscaler: {expander: least-wast}\n", `unknown expander "least-wast"; did you mean "least-waste"?`},
		{group("") + "  autoscaler: {scanInterval: 1s}\n", "1s is out of range: 5s to 366d"},
		{group("") + "  cloud: {quota: 0}\ntimeline:\n  - {at: 1m, fault: out-of-capacity, group: wbe}\n", `there is no node group "wbe"; did you mean "web"?`},
		{group("") + "timeline:\n  - {at: 1m, fault: out-of-capacity, zone: b}\n", `no node is in zone "b"`},
		{group("") + "timeline:\n  - {at: 1m, fault: node-terminate, target: node/web-x}\n", `there is no "node/web-x"`},
		{head + "cluster:\n  nodes: [{name: n, cpu: 4, memory: 8Gi}]\ntimeline:\n  - {at: 1m, fault: node-terminate, target: node/n}\n", "there is no cloud: machines come and go only with cluster.nodeGroups, or cluster.cloud"},
		{head + "cluster:\n  nodes: [{name: n, cpu: 4, memory: 8Gi}]\n  autoscaler: {}\n", "it has nothing to scale: the cluster needs nodeGroups"},
		{group("") + "timeline:\n  - {at: 1m, fault: slow-boot, boot: 20m}\n  - {at: 2m, fault: node-terminate, target: node/web-7}\n", ""},
	} {
		_, err := scenarios.Read("x.yaml", []byte(x.in))
		switch {
		case err == nil && x.want != "":
			t.Errorf("nothing was wrong with\n%s", x.in)
		case err != nil && (x.want == "" || !strings.Contains(err.Error(), x.want)):
			t.Errorf("want %q, got\n%v", x.want, err)
		}
	}
}

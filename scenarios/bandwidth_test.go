package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

const sizedShop = `apiVersion: orrery/v1
name: sized
duration: 5m
cluster: {nodes: [{name: n, count: 2, cpu: 8, memory: 8Gi}]CLUSTER}
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1"}]}}}}]
  behavior: [{match: {app: web}, startup: 1sBEHAVIOR}]
`

func readSized(cluster, behavior string) (*scenarios.Scenario, error) {
	return scenarios.Read("sized.yaml", []byte(strings.NewReplacer("CLUSTER", cluster, "BEHAVIOR", behavior).Replace(sizedShop)))
}

func TestSizesOfRequestsAndTablesOfConnectionsAreRead(t *testing.T) {
	s, err := readSized(", nodeBandwidth: 125M, kubeProxy: {conntrack: {min: 1000}}", ", bytes: {request: 2Ki, answer: 1Mi}")
	if err != nil {
		t.Fatal(err)
	}
	b, c := &s.Config.Behaviors[0], s.Config.Conntrack
	if b.RequestBytes != 2<<10 || b.AnswerBytes != 1<<20 || s.Config.NodeBandwidth != 125_000_000 || c.Min != 1000 || c.MaxPerCore != 32_768 {
		t.Errorf("%d, %d, %d, %+v", b.RequestBytes, b.AnswerBytes, s.Config.NodeBandwidth, c)
	}
	if s, err := readSized("", ", bytes: 100Ki"); err != nil || s.Config.Behaviors[0].AnswerBytes != 100<<10 || s.Config.Conntrack != nil {
		t.Errorf("an answer's size alone: %v", err)
	}
	for _, c := range []struct{ cluster, behavior, want string }{
		{", nodeBandwidth: 125M", "", "no request has a size"},
		{"", ", bytes: {}", "bytes of what?"},
		{"", ", bytes: 2Gi", "a message has at most 1Gi"},
		{"", ", bytes: {reply: 1Ki}", `unknown field "reply"`},
		{", kubeProxy: {}", "", `"conntrack"`},
		{", kubeProxy: {conntrack: {max: 5}}", "", `unknown field "max"`},
	} {
		if _, err := readSized(c.cluster, c.behavior); !complains(err, c.want) {
			t.Errorf("%s %s: %v\nwants %s", c.cluster, c.behavior, err, c.want)
		}
	}
}

func TestThePeersOfFaultsOfTheNetworkAreRead(t *testing.T) {
	read := func(entry string) (*scenarios.Scenario, error) {
		return scenarios.Read("sized.yaml", []byte(strings.NewReplacer("CLUSTER", "", "BEHAVIOR", "").Replace(sizedShop)+"timeline: ["+entry+"]\n"))
	}
	s, err := read("{at: 1m, fault: partition, target: node/n-0, peer: internet}, " +
		"{at: 2m, fault: pod-partition, target: deployment/web, peer: [node/n-0, node/n-1]}, " +
		"{at: 3m, fault: pod-partition, target: deployment/web, peer: {node: node/n-1}}, " +
		"{at: 4m, fault: pod-partition, target: deployment/web, peer: internet}, " +
		"{at: 5m, fault: pod-partition, target: deployment/web, peer: control-plane}, " +
		"{at: 4m, fault: partition, target: node/n-0, peer: control-plane}")
	if err != nil {
		t.Fatal(err)
	}
	f := s.Config.Faults
	outside := f[0].Peer.Outside && f[3].Peer.Outside && !f[0].PeerNodes
	nodes := f[1].PeerNodes && len(f[1].Peer.Names) == 2
	podsOfNode := !f[2].PeerNodes && len(f[2].Peer.OnNodes) == 1
	if !outside || !nodes || !podsOfNode || !f[4].Peer.IsZero() || !f[5].Peer.Control {
		t.Errorf("%+v", f)
	}
	for entry, want := range map[string]string{
		"{at: 1m, fault: pod-partition, target: deployment/web, peer: everybody}":           `"everybody" is not control-plane, internet or pod/NAME; all pods are {count: all}`,
		"{at: 1m, fault: partition, target: node/n-0, peer: nodes}":                         `"nodes" is not control-plane, internet or node/NAME; all nodes are {count: all}`,
		"{at: 1m, fault: partition, target: node/n-0, peer: n-1}":                           `"n-1" is not control-plane, internet or node/NAME; write node/n-1; all nodes are {count: all}`,
		"{at: 1m, fault: partition, target: node/n-0, peer: [n-1]}":                         `"n-1" is not node/NAME; write node/n-1`,
		"{at: 1m, fault: pod-partition, target: deployment/web, peer: [node/n-0, pod/web]}": "timeline[0].peer[1]: it is no node, and another of the list is: write one fault for each kind",
		"{at: 1m, fault: pod-partition, target: service/web}":                               "service/web",
		"{at: 1m, fault: pod-network-bandwidth, target: deployment/web}":                    `"bandwidth"`,
		"{at: 1m, fault: pod-network-bandwidth, target: deployment/web, bandwidth: 1M}":     "no request has a size",
		"{at: 1m, fault: partition, target: node/n-0, peer: service/web}":                   "about pods: ",
	} {
		if _, err := read(entry); !complains(err, want) {
			t.Errorf("%s: %v\nwants %s", entry, err, want)
		}
	}
	for _, entry := range []string{"{at: 1m, fault: partition, target: node/n-0, peer: [nodes]}", "{at: 1m, fault: node-down, target: nodes}"} {
		if _, err := read(entry); !complains(err, `"nodes" is not node/NAME`) || complains(err, "node/nodes") {
			t.Errorf("%s is told to write what there is not: %v", entry, err)
		}
	}
}

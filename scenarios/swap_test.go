package scenarios_test

import (
	"testing"

	"orrery/model"
)

// Source: v1.35 pkg/kubelet/cm/container_manager_linux.go NewContainerManager: with swap a
// kubelet does not start, unless failSwapOn is off; apis/config/validation/validation.go:
// the behaviors, of which NoSwap is the default.
func TestSwapIsReadOfNodesAndNodeGroups(t *testing.T) {
	const nodes = "  nodes: [{name: n, cpu: 4, memory: 16Gi, swap: 8Gi}]\n  nodeGroups: [{name: g, min: 1, max: 2, cpu: 2, memory: 4Gi, swap: 1Gi}]\n"
	for kubelet, limited := range map[string]bool{
		"{failSwapOn: false, memorySwap: {swapBehavior: LimitedSwap}}": true,
		"{failSwapOn: false, memorySwap: {swapBehavior: NoSwap}}":      false,
		"{failSwapOn: false}": false,
	} {
		s, err := loaded(t, nodes+"  kubelet: "+kubelet+"\n", "")
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Config.Nodes; *n[0].Stock != (model.Stock{SwapBytes: 8 << 30}) || *n[1].Stock != (model.Stock{SwapBytes: 1 << 30}) || s.Config.Kubelet.LimitedSwap != limited {
			t.Errorf("%s: %+v, %+v, %v", kubelet, n[0].Stock, n[1].Stock, s.Config.Kubelet.LimitedSwap)
		}
	}
	for extra, want := range map[string]string{
		nodes: `s.yaml:5:43: cluster.nodes[0].swap: the kubelet would not start, and the node never be ready: "running with swap on is not supported"; say cluster.kubelet: {failSwapOn: false}`,
		nodes + "  kubelet: {failSwapOn: true}\n":                                                         "cluster.nodeGroups[0].swap: the kubelet would not start",
		"  nodes: [{name: n, cpu: 1, memory: 1Gi, swap: 0Gi}]\n":                                          "0Gi is too little",
		"  nodes: [{name: n, cpu: 1, memory: 1Gi, swap: 2000Pi}]\n":                                       "a machine has at most 1Pi",
		"  nodes: [{name: n, cpu: 1, memory: 1Gi, hollow: true, swap: 1Gi}]\n":                            "nothing swaps",
		"  nodes: [{name: n, cpu: 1, memory: 1Gi}]\n  kubelet: {memorySwap: {swapBehavior: Unlimited}}\n": "LimitedSwap",
	} {
		if _, err := loaded(t, extra, ""); !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", extra, want, err)
		}
	}
}

package scenarios

import "orrery/scenarios/strict"

// swapBehavior reads whether containers may have swap (memorySwap of a
// KubeletConfiguration).
func swapBehavior(v strict.Value) bool {
	if !v.Given() {
		return false
	}
	return v.Map("memorySwap", "swapBehavior").Default("swapBehavior", "NoSwap").Enum("swap behavior", "NoSwap", "LimitedSwap") == "LimitedSwap"
}

// swap reads how much swap a machine has. With any, kubelets do not start unless they are
// told to (pkg/kubelet/cm/container_manager_linux.go NewContainerManager): its node would
// never be ready.
func (l *loader) swap(v strict.Value) int64 {
	if !v.Given() {
		return 0
	}
	bytes := positive(v, strict.Value.Bytes)
	switch {
	case bytes > maxBytes:
		v.Errorf("a machine has at most %dPi", maxBytes>>50)
	case bytes > 0 && !l.swapAllowed:
		v.KeyErrorf("the kubelet would not start, and the node never be ready: \"running with swap on is not supported\"; say cluster.kubelet: {failSwapOn: false}")
	}
	return bytes
}

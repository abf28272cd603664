package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

// inOptions is a scenario in which an option has a value, with what else it needs.
func inOptions(o scenarios.Option, value string) string {
	with := map[string]string{
		"cpuManagerPolicy": ", kubeReserved: {cpu: 1}", "cpuManagerPolicyOptions": ", kubeReserved: {cpu: 1}, cpuManagerPolicy: static",
		"memoryManagerPolicy": ", kubeReserved: {memory: 1Gi}, reservedMemory: [{numaNode: 0, limits: {memory: 1124Mi}}]", "gpuModel": ", gpus: 1",
		"shutdownGracePeriodCriticalPods": ", shutdownGracePeriod: 60s", "evictionSoft": ", evictionSoftGracePeriod: {memory.available: 90s}",
		"evictionSoftGracePeriod": ", evictionSoft: {memory.available: 1Gi}",
		"nodeBandwidth":           "\nworkload: {manifests: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}], behavior: [{bytes: 100Ki}]}",
	}[o.Name]
	own := o.Name + ": " + value + with
	rest := func(all ...string) string { // what is required and not said
		for _, k := range all {
			if name, _, _ := strings.Cut(k, ":"); name != o.Name {
				own += ", " + k
			}
		}
		return own
	}
	node := "{name: n, cpu: 4, memory: 16Gi}"
	switch o.Of {
	case "cluster.nodes[]":
		kubelet := ""
		if o.Name == "swap" {
			kubelet = "\n  kubelet: {failSwapOn: false}"
		}
		return "  nodes: [{" + rest("name: n", "cpu: 4", "memory: 16Gi") + "}]" + kubelet + "\n"
	case "cluster.nodeGroups[]":
		return "  nodes: [" + node + "]\n  nodeGroups: [{" + rest("name: g", "cpu: 4", "memory: 16Gi", "max: 20") + "}]\n"
	case "cluster":
		return "  nodes: [" + node + "]\n  " + own + "\n"
	case "cluster.autoscaler":
		node += "]\n  nodeGroups: [{name: g, cpu: 4, memory: 16Gi, max: 20}"
	case "cluster.controlPlane.etcd.external":
		own = "{" + rest("members: 3") + "}"
		return "  nodes: [" + node + "]\n  controlPlane: {etcd: {external: " + own + "}}\n"
	}
	for path := strings.Split(o.Of, ".")[1:]; len(path) > 0; path = path[:len(path)-1] {
		own = path[len(path)-1] + ": {" + own + "}"
	}
	return "  nodes: [" + node + "]\n  " + own + "\n"
}

// Every option is read: its example is taken, and so is its default, and what is neither
// a value, nor a list, nor a map of any use is a mistake where it is.
func TestEveryOptionIsRead(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range scenarios.KnownOptions() {
		if key := o.Of + o.Name; seen[key] || o.Help == "" || o.Unit == "" || o.Example == o.Default {
			t.Errorf("%s.%s is there twice, says nothing, or its example changes nothing: %+v", o.Of, o.Name, o)
		} else {
			seen[key] = true
		}
		standard := o.Default
		if strings.Contains(standard, "(") {
			standard = `"` + standard + `"` // as it has to be inside of { }
		}
		for _, value := range []string{o.Example, standard} {
			if value == "" {
				continue
			}
			if _, err := loaded(t, inOptions(o, value), ""); err != nil {
				t.Errorf("%s.%s: %s:\n%v", o.Of, o.Name, value, err)
			}
		}
		if _, err := loaded(t, inOptions(o, "{no such: [thing]}"), ""); err == nil || !strings.Contains(err.Error(), o.Name) {
			t.Errorf("%s.%s is not read: %v", o.Of, o.Name, err)
		}
	}
	for _, key := range []string{"cluster.kubeletevictionHard", "cluster.nodes[]kubeReserved", "cluster.nodeGroups[]price", "cluster.kubeProxy.conntrackmin", "cluster.autoscalerexpander", "cluster.controlPlane.etcd.externalzones"} {
		if !seen[key] {
			t.Errorf("there is no %s", key)
		}
	}
}

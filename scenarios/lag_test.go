package scenarios_test

import (
	"slices"
	"testing"

	"orrery/model"
)

// Source: pkg/proxy/config: a kube-proxy programs what its watch has shown, so pods that
// have ended get requests for as long as that is late.
func TestAProxyThatSeesLateSendsToPodsThatAreGone(t *testing.T) {
	for lag, lost := range map[string]bool{"": false, ", {at: 4m, for: 5m, fault: watch-lag, component: kube-proxy, by: 20s}": true} {
		_, r := run(t, read(t, `apiVersion: orrery/v1
name: lag
duration: 10m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
`+deployment("web", 4, "")+service("web")+`
  behavior: [{stop: 3s}]
  traffic: [{service: web, rps: 100, from: ingress}]
timeline: [{at: 5m, do: scale, target: deployment/web, replicas: 2}`+lag+`]
expect: ["after 4m: availability(service/web) == 100%"]
`))
		if held := r.Held(); held == lost {
			t.Errorf("with %q nothing lost: %v", lag, held)
		}
	}
}

// Source: kubeadm taints its machines (node-role.kubernetes.io/control-plane:NoSchedule);
// pkg/controller/daemon/daemon_controller.go NodeShouldRunDaemonPod: only a DaemonSet
// that tolerates it has pods there, as kubeadm's own kube-proxy does.
func TestOnlyDaemonSetsThatTolerateItRunOnTheControlPlane(t *testing.T) {
	x := ran(t, "daemons.yaml", `apiVersion: orrery/v1
name: daemons
duration: 20m
cluster: {controlPlane: {replicas: 3}, nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: proxy}, spec: {selector: {matchLabels: {app: proxy}}, template: {metadata: {labels: {app: proxy}}, spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: keeper}, spec: {selector: {matchLabels: {app: keeper}}, template: {metadata: {labels: {app: keeper}}, spec: {nodeSelector: {node-role.kubernetes.io/control-plane: ""}, tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}], containers: [{name: c, image: "c:1"}]}}}}
timeline: [{at: 5m, for: 8m, fault: node-down, target: node/cp-2}]
`)
	on := map[string][]string{}
	evicted := 0
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.Labels.Value("app") != "" && p.IsReady() {
			on[p.Labels.Value("app")] = append(on[p.Labels.Value("app")], p.NodeName)
		}
		return true
	})
	for app, want := range map[string][]string{"agent": {"n-0", "n-1"}, "proxy": {"cp-0", "cp-1", "cp-2", "n-0", "n-1"}, "keeper": {"cp-0", "cp-1", "cp-2"}} {
		slices.Sort(on[app])
		if !slices.Equal(on[app], want) {
			t.Errorf("%s runs on %q, want %q", app, on[app], want)
		}
	}
	// A machine that is lost for longer than 300 s keeps them: they tolerate that, too.
	for _, app := range []string{"proxy", "keeper"} {
		evicted += len(podGone(x, app))
	}
	if evicted > 0 {
		t.Errorf("%d pods of DaemonSets were given up", evicted)
	}
}

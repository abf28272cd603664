package scenarios_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/sim"
)

// twoNodes is a cluster of two machines with a pod on each.
const twoNodes = `duration: 20m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Pod, metadata: {name: left, labels: {app: left}}, spec: {nodeName: n-0, containers: [{name: c, image: "c:1"}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: right, labels: {app: right}}, spec: {nodeName: n-1, containers: [{name: c, image: "c:1"}]}}
`

// restarted is a pod of an app of which the API shows one more start.
func restarted(app string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		old, was := r.Old.(*model.Pod)
		return ok && was && p.Labels.Value("app") == app && p.Restarts() > old.Restarts()
	}
}

// A kubelet is stopped, and a container of its machine ends half a minute later: nobody starts it
// again and nobody sees it, but the API takes the node for lost as if its power were gone. When the
// kubelet is back before the pod's tolerations end, it starts the container and says that it is ready.
// Source: pkg/kubelet/pleg/generic.go (who relists is the kubelet), node_lifecycle_controller.go
// (grace of 50 s, monitor every 5 s), kubelet.go (a kubelet that starts relists at once).
func TestTableAKubeletIsStopped(t *testing.T) {
	const second = time.Second
	for _, row := range []struct {
		more  string
		again tableRow
	}{
		{"", tableRow{what: "a container that ended is started again", is: restarted("left")}},
		{", for: 4m", tableRow{"a container that ended is started again", restarted("left"), 240 * second, 250 * second}},
	} {
		check(t, twoNodes+"timeline: [{at: 5m"+row.more+", fault: kubelet-stop, target: node/n-0}, {at: 5m30s, fault: container-crash, target: pod/left}]\n", 5*time.Minute,
			tableRow{"its node is taken for lost", becomes("n-0", model.Unknown), 39 * second, 61 * second},
			tableRow{what: "another is", is: becomes("n-1", model.Unknown)},
			row.again)
	}
	check(t, twoNodes+"timeline: [{at: 5m, for: 4m, fault: kubelet-stop, target: node/n-0}]\n", 5*time.Minute,
		tableRow{"it is ready again", becomes("n-0", model.True), 240 * second, 250 * second},
		tableRow{what: "a container is started again", is: restarted("left")},
		tableRow{what: "a pod goes", is: podGoes("left")})
}

// The clock of a machine is set back by ten minutes: none of its renewals looks newer, so it is lost
// once, and ready again with its kubelet's next look. Set ahead, or back by less than the grace,
// nothing happens.
// Source: node_lifecycle_controller.go tryUpdateNodeHealth.
func TestTableAClockJumps(t *testing.T) {
	const second = time.Second
	check(t, twoNodes+"timeline: [{at: 5m, fault: clock-jump, target: node/n-0, back: 10m}]\n", 5*time.Minute,
		tableRow{"its node is taken for lost", becomes("n-0", model.Unknown), 39 * second, 61 * second},
		tableRow{"it is ready again", becomes("n-0", model.True), 39 * second, 76 * second},
		tableRow{what: "a pod goes", is: podGoes("left")},
		tableRow{what: "a container is started again", is: restarted("left")})
	for _, harmless := range []string{"back: 20s", "ahead: 10m"} {
		check(t, twoNodes+"timeline: [{at: 5m, fault: clock-jump, target: node/n-0, "+harmless+"}]\n", 5*time.Minute,
			tableRow{what: harmless + ": its node is taken for lost", is: becomes("n-0", model.Unknown)})
	}
}

// A zone of ten machines loses its power, one of three: all are lost within 61 s and at once leave
// the Services, but one is given up in ten seconds, and its pods go 300 s later: the last after 450 s.
// Source: node_lifecycle_controller.go handleDisruption, monitorNodeHealth; --node-eviction-rate 0.1.
func TestTableAZoneIsLost(t *testing.T) {
	const second = time.Second
	nth := func(n int, is func(*cluster.Cluster, *store.Record) bool) func(*cluster.Cluster, *store.Record) bool {
		seen, last := 0, sim.Time(0)
		return func(x *cluster.Cluster, r *store.Record) bool {
			if r.At < last { // another run
				seen = 0
			}
			if last = r.At; is(x, r) {
				seen++
			}
			return seen == n
		}
	}
	unready := func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		old, was := r.Old.(*model.Pod)
		return ok && was && !p.IsReady() && old.IsReady()
	}
	check(t, `duration: 20m
cluster:
  controlPlane: {managed: true}
  nodes: [{name: n, count: 30, cpu: 4, memory: 8Gi, zones: [a, b, c]}]
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 30, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: web}}}], containers: [{name: c, image: "c:1"}]}}}}]
timeline: [{at: 5m, fault: node-down, zone: a}]
`, 5*time.Minute,
		tableRow{"the first machine is lost", nth(1, becomes("n-", model.Unknown)), 39 * second, 55 * second},
		tableRow{"the last machine is lost", nth(10, becomes("n-", model.Unknown)), 45 * second, 61 * second},
		tableRow{"the last pod leaves the Services", nth(10, unready), 45 * second, 62 * second},
		tableRow{"the first pod goes", nth(1, podGoes("web")), 339 * second, 363 * second},
		tableRow{"the last pod goes", nth(10, podGoes("web")), 429 * second, 463 * second},
		tableRow{what: "another machine is lost", is: nth(11, becomes("n-", model.Unknown))})
}

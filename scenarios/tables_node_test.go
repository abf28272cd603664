package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/sim"
)

// podMade is a pod of an app that is created.
func podMade(app string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		return ok && r.Verb == store.Created && p.Labels.Value("app") == app
	}
}

// podShows is a pod of an app of which kubectl would show a reason.
func podShows(app, reason string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		return ok && p.Labels.Value("app") == app && len(p.Containers) > 0 && p.Containers[0].Reason == reason
	}
}

// A machine loses its power for good with a pod of each kind of owner on it. All but the
// DaemonSet's are asked to go 300 s after the node's taint, and stay Terminating. A
// Deployment and a Job have another one made at once; a StatefulSet never has two of a
// name, and a DaemonSet's pod stays where it is.
// Source: pkg/controller/controller_utils.go FilterActivePods; job/utils.go
// onlyReplaceFailedPods (not by default); statefulset/stateful_set_control.go processReplica;
// daemon/util/daemonset_util.go AddOrUpdateDaemonPodTolerations.
func TestTablePowerLossByOwner(t *testing.T) {
	const second = time.Second
	gone := func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.Old.(*model.Pod)
		return ok && r.Verb == store.Deleted && p.NodeName == "n-1"
	}
	const pod = `{metadata: {labels: {app: NAME}}, spec: {nodeSelector: {for: apps}, restartPolicy: POLICY, topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: NAME}}}], containers: [{name: c, image: "c:1"}]}}`
	template := func(app, policy string) string {
		return strings.NewReplacer("NAME", app, "POLICY", policy).Replace(pod)
	}
	check(t, `duration: 25m
cluster:
  controlPlane: {managed: true}
  nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi, labels: {for: apps}}]
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: `+template("web", "Always")+`}}
    - {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 2, serviceName: db, podManagementPolicy: Parallel, selector: {matchLabels: {app: db}}, template: `+template("db", "Always")+`}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: `+template("agent", "Always")+`}}
    - {apiVersion: batch/v1, kind: Job, metadata: {name: batch}, spec: {parallelism: 2, completions: 2, template: `+template("batch", "Never")+`}}
  behavior: [{match: {app: batch}, run: 2h}]
timeline: [{at: 5m, fault: node-down, target: node/n-1}]
`, 5*time.Minute,
		tableRow{"it is found lost", becomes("n-1", model.Unknown), 39 * second, 61 * second},
		tableRow{"it is said", says("NodeNotReady", "n-1", ""), 39 * second, 61 * second},
		tableRow{"a pod of the Deployment is asked to go", podGoes("web"), 339 * second, 373 * second},
		tableRow{"it has another", podMade("web"), 339 * second, 373 * second},
		tableRow{"a pod of the Job is asked to go", podGoes("batch"), 339 * second, 373 * second},
		tableRow{"it has another", podMade("batch"), 339 * second, 375 * second},
		tableRow{"a pod of the StatefulSet is asked to go", podGoes("db"), 339 * second, 373 * second},
		tableRow{what: "it has another", is: podMade("db")},
		tableRow{what: "a pod of the DaemonSet is asked to go", is: podGoes("agent")},
		tableRow{what: "an object is gone", is: gone},
	)
}

// The registry is away for ten minutes: who starts waits in ImagePullBackOff, and once it
// is back for half of what that has come to, at most 300 s, and a look at the pod.
// Source: pkg/kubelet/images/image_manager.go (MaxContainerBackOff), pod_workers.go.
func TestTableRegistryDown(t *testing.T) {
	const down, second = 10 * time.Minute, time.Second
	ready := func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		return ok && r.At.Sub(0) > 6*time.Minute && p.Labels.Value("version") == "2" && p.IsReady()
	}
	check(t, `duration: 25m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1"}]}}}}]
timeline:
  - {at: 5m, for: 10m, fault: registry-down}
  - {at: 5m, do: patch, target: deployment/web, patch: {spec: {template: {metadata: {labels: {version: "2"}}, spec: {containers: [{name: c, image: "c:2"}]}}}}}
  - {at: 7m, fault: container-crash, match: {app: web}, count: 1}
`, 5*time.Minute,
		tableRow{"an image cannot be pulled", podShows("web", "ErrImagePull"), 0, 5 * second},
		tableRow{"it is not asked for again for a while", podShows("web", "ImagePullBackOff"), second, 30 * second},
		tableRow{"what crashes meanwhile starts again from what is there", func(_ *cluster.Cluster, r *store.Record) bool {
			p, ok := r.New.(*model.Pod)
			return ok && p.Labels.Value("version") == "" && p.Restarts() == 1 && p.IsReady()
		}, 2 * time.Minute, 2*time.Minute + 10*second},
		tableRow{"the new version is ready", ready, down, down + 320*second},
		tableRow{what: "a running pod is asked to go before", is: func(x *cluster.Cluster, r *store.Record) bool {
			return r.At < sim.Time(15*time.Minute) && podGoes("web")(x, r)
		}},
	)
}

// A version whose image does not exist stalls like one that crashes; one that is said to be
// ready, and is not, replaces everything at the speed of its readiness.
// Source: pkg/controller/deployment/rolling.go, progress.go.
func TestTableARolloutThatNobodyChecks(t *testing.T) {
	rollout := func(change, behavior string) string {
		return `duration: 20m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 4, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 8, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, version: "1"}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}
  behavior: [` + behavior + `{match: {app: web}, startup: 5s}]
  traffic: [{service: web, rps: 100}]
timeline: [{at: 5m, do: patch, target: deployment/web, patch: {spec: {template: {metadata: {labels: {version: "2"}}, spec: {containers: [{name: c, image: ` + change + `}]}}}}}` + map[bool]string{true: `, {at: 0s, fault: image-missing, image: "c:2"}`}[behavior == ""] + `]
`
	}
	fewer := func(n int32) func(*cluster.Cluster, *store.Record) bool {
		return func(_ *cluster.Cluster, r *store.Record) bool {
			d, ok := r.New.(*model.Deployment)
			return ok && r.At > sim.Time(5*time.Minute) && d.AvailableReplicas < n
		}
	}
	late := func(_ *cluster.Cluster, r *store.Record) bool {
		d, ok := r.New.(*model.Deployment)
		return ok && d.Progressing.Status == model.False
	}
	whole := func(_ *cluster.Cluster, r *store.Record) bool {
		d, ok := r.New.(*model.Deployment)
		return ok && d.ObservedGeneration == d.Generation && d.Generation > 1 && d.UpdatedReplicas == 8 && d.StatusReplicas == 8
	}
	check(t, rollout(`"c:2"`, ""), 5*time.Minute,
		tableRow{"a new pod has no image", podShows("web", "ImagePullBackOff"), time.Second, 30 * time.Second},
		tableRow{"it makes no progress", late, 600 * time.Second, 605 * time.Second},
		tableRow{what: "fewer than six of eight are available", is: fewer(6)},
		tableRow{what: "all are replaced", is: whole},
	)
	check(t, rollout(`"c:2"`, `{match: {version: "2"}, startup: 5m}, `), 5*time.Minute,
		tableRow{"all are replaced", whole, 4 * time.Second, 30 * time.Second},
		tableRow{"all requests fail", fares("web", "ingress", func(t *model.Traffic) bool { return t.ServedMilliRPS == 0 }), 4 * time.Second, 30 * time.Second},
		tableRow{what: "it makes no progress", is: late},
	)
}

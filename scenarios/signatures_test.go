package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/report"
	"orrery/scenarios"
)

// small is a cluster in which every fault has something to break: front, whose pods are
// one on each of six machines, asks web, whose pods are too, after it has asked DNS;
// internet asks web through a load balancer; db has a disk; every Deployment that is
// deleted passes a webhook. What follows is the cluster in the first place, the timeline
// and the promises.
const small = `apiVersion: orrery/v1
name: small
duration: 30m
cluster: %s
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: kube-dns, namespace: kube-system}, spec: {selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}}
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: disk}, provisioner: disk.csi.example, volumeBindingMode: WaitForFirstConsumer}
    - {apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: disk.csi.example}, spec: {attachRequired: true}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: coredns, namespace: kube-system}
      spec:
        replicas: 2
        selector: {matchLabels: {k8s-app: kube-dns}}
        template:
          metadata: {labels: {k8s-app: kube-dns}}
          spec: {containers: [{name: coredns, image: "coredns:1", resources: {requests: {cpu: 100m, memory: 70Mi}}}]}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: front}
      spec:
        replicas: 6
        selector: {matchLabels: {app: front}}
        template:
          metadata: {labels: {app: front}}
          spec:
            topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: front}}}]
            containers: [{name: front, image: "front:1", resources: {requests: {cpu: 100m}}}]
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 6
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]
            containers:
              - name: web
                image: "web:1"
                imagePullPolicy: Always
                resources: {requests: {cpu: 500m, memory: 128Mi}, limits: {memory: 512Mi}}
                readinessProbe: {httpGet: {path: /, port: 80}}
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec:
        replicas: 1
        selector: {matchLabels: {app: db}}
        volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: disk, accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}}]
        template:
          metadata: {labels: {app: db}}
          spec: {containers: [{name: db, image: "db:1", resources: {requests: {cpu: 100m}}}]}
    - apiVersion: admissionregistration.k8s.io/v1
      kind: ValidatingWebhookConfiguration
      metadata: {name: policy}
      webhooks:
        - name: policy.example.com
          clientConfig: {url: "https://policy.example.com/review"}
          sideEffects: None
          admissionReviewVersions: [v1]
          rules: [{operations: [DELETE], apiGroups: ["*"], apiVersions: ["*"], resources: [deployments]}]
  behavior:
    - {match: {app: front}, startup: 1s..2s}
    - {match: {app: web}, startup: 2s..4s, cpu: 20m + 25m/rps, memory: 60Mi, latency: 10ms, image: 50Mi, stop: 2s, bytes: 10Ki}
    - {match: {app: db}, startup: 1s..2s}
    - {match: {k8s-app: kube-dns}, namespace: kube-system, startup: 1s, cpu: 10m}
  dns: {ttl: 1s}
  traffic:
    - {service: web, from: deployment/front, rps: 600}
    - {service: web, from: internet, rps: 60}
timeline: [%s]
expect:
%s`

// The clusters: one with machines of one's own, one whose etcd has others, one in a cloud.
const (
	owned  = "{controlPlane: {replicas: 3, zones: [a, b, c]}, nodes: [{name: n, count: 6, cpu: 4, memory: 16Gi, disk: 40Gi, zones: [a, b, c]}]}"
	apart  = "{controlPlane: {replicas: 1, etcd: {external: {members: 3}}}, nodes: [{name: n, count: 6, cpu: 4, memory: 16Gi}]}"
	rented = "{nodeGroups: [{name: n, min: 6, max: 9, cpu: 4, memory: 16Gi, zones: [a, b], provision: 60s}], cloud: {}}"
)

// signatures is what every fault looks like, and that it heals: promises that hold, and
// not all of which hold without the fault, or if it never ended.
var signatures = []struct {
	fault, cluster, timeline string
	expect                   []string
}{
	{"agent-creep", owned, "{at: 10m, for: 5m, fault: agent-creep, target: node/n-1, cpu: 40}",
		[]string{"between 11m and 15m: reached(node_not_ready(node/n-1) == 1)", "after 20m: always(node_not_ready() == 0)"}},
	{"apiserver-crash", owned, "{at: 10m, for: 5m, fault: apiserver-crash}, {at: 10m1s, do: scale, target: deployment/web, replicas: 5}",
		[]string{"between 10m and 15m: always(ready(deployment/web) == 6)", "notes(ActionFailed) == 1", "notes(APIServerReady) >= 3", "after 17m: always(converged())"}},
	{"apiserver-slow", owned, "{at: 10m, for: 5m, fault: apiserver-slow, latency: 3s}, {at: 11m, do: scale, target: deployment/web, replicas: 5}, {at: 20m, do: scale, target: deployment/web, replicas: 6}",
		[]string{"between 11m and 11m8s: always(pods(deployment/web) == 6)", "between 11m8s and 12m: reached(pods(deployment/web) == 5)", "between 20m and 20m1s: reached(pods(deployment/web) == 6)"}},
	{"certificate-expiry", owned, "{at: 10m, for: 4m, fault: certificate-expiry, component: kubelet, target: node/n-1}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "after 14m30s: always(node_not_ready() == 0)", "evictions() == 0"}},
	{"client-flood", owned, `{at: 10m, for: 5m, fault: client-flood, as: "system:kube-scheduler", verb: list, kind: pod, clients: 3000, every: 10s, objects: 5000}`,
		[]string{"between 10m and 15m: api_rejected(workload-high) >= 1000", "after 16m: api_rejected(workload-high) == 0", "between 12m and 14m59s: always(api_seconds() >= 20ms)", "after 18m: always(api_seconds() <= 10ms)"}},
	{"clock-jump", owned, "{at: 1m, do: apply, manifests: [{apiVersion: batch/v1, kind: CronJob, metadata: {name: tidy}, spec: {schedule: \"*/5 * * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: tidy, image: \"tidy:1\"}]}}}}}}]}, " +
		"{at: 12m, fault: clock-jump, target: [node/n-1, node/cp-0, node/cp-1, node/cp-2], back: 10m}",
		[]string{"before 12m: notes(SuccessfulCreate, cronjob/tidy) == 2", "between 12m and 24m: notes(SuccessfulCreate, cronjob/tidy) == 0", "after 24m: notes(SuccessfulCreate, cronjob/tidy) >= 1", "after 15m: node_not_ready() == 0"}},
	{"cloud-api-throttled", rented, "{at: 10m, for: 5m, fault: cloud-api-throttled}, {at: 10m1s, fault: node-terminate, target: node/n-1}",
		[]string{"between 11m and 14m59s: always(node_not_ready(node/n-1) == 1)", "after 15m10s: always(nodes() == 6)", "after 15m10s: always(node_not_ready() == 0)"}},
	{"cluster-down", owned, "{at: 10m, for: 5m, fault: cluster-down}",
		[]string{"between 10m1s and 15m: availability(service/web) == 0%", "notes(Rebooted) == 9", "between 15m and 17m: restarts(deployment/web) == 6", "after 20m: always(converged())"}},
	{"cni-down", owned, "{at: 10m, for: 5m, fault: cni-down, target: node/n-1}, {at: 10m1s, fault: pod-kill, target: deployment/web, node: node/n-1}, {at: 10m1s, do: cordon, target: node/n-2}, {at: 10m1s, fault: pod-kill, target: deployment/web, node: node/n-2}, {at: 16m, do: uncordon, target: node/n-2}",
		[]string{"between 10m10s and 15m: always(pods_terminating() == 1)", "notes(FailedKillPod) >= 20", "between 10m10s and 15m: always(ready(deployment/web) <= 5)", "notes(FailedCreatePodSandBox) >= 20", "node_not_ready() == 0",
			"after 15m20s: always(pods_terminating() == 0)", "after 17m: always(ready(deployment/web) == 6)"}},
	{"cni-routes-lost", owned, "{at: 10m, for: 5m, fault: cni-routes-lost, target: [node/n-1, node/n-2, node/n-3], stagger: 3m}",
		[]string{"between 10m1s and 11m: error_rate(service/web) >= 20%", "between 12m1s and 15m: error_rate(service/web) >= 70%", "notes(LoadBalancerTargetUnhealthy) == 0", "always(node_not_ready() == 0)", "between 9m and 30m: always(ready(deployment/web) == 6)", "after 15m10s: availability(service/web) == 100%"}},
	{"component-partition", owned, "{at: 10m, for: 5m, fault: component-partition, component: kube-scheduler}",
		[]string{"between 10m and 10m30s: leader_changes(kube-scheduler) == 1", "after 15m: converged()"}},
	{"config-push", owned, "{at: 10m, for: 5m, fault: config-push, target: deployment/web, image: \"web:2\", rate: 1/s, rollback: true}",
		[]string{"between 11m and 15m: reached(updated_replicas(deployment/web) == 6)", "pods_created(deployment/web) >= 18", "after 18m: always(converged())"}},
	{"conntrack-full", owned, "{at: 10m, for: 5m, fault: conntrack-full, count: all, fill: 99%}",
		[]string{"between 5m and 10m: availability(service/web) == 100%", "between 10m and 15m: availability(service/web) <= 5%", "between 10m and 15m: conntrack_error_rate(service/web) >= 5%", "between 10m and 15m: dns_error_rate(service/web) >= 50%", "between 16m and 30m: availability(service/web) == 100%", "between 10m and 15m: reached(ready(deployment/web) <= 1)", "always(node_not_ready() == 0)", "after 16m: always(ready(deployment/web) == 6)", "notes(ConntrackFull) >= 6", "notes(ConntrackFree) >= 6"}},
	{"container-crash", owned, "{at: 10m, for: 10m, fault: container-crash, target: deployment/web, count: 1, signal: SIGKILL, after: 20s, times: 3}",
		[]string{"restarts(deployment/web) == 3", "between 10m and 10m40s: restarts() >= 1", "after 13m: always(ready(deployment/web) == 6)"}},
	{"container-crash", owned, "{at: 10m, for: 5m, fault: container-crash, target: deployment/web, count: 1, exitCode: 3}",
		[]string{"between 10m and 15m: crash_loops(deployment/web) >= 3", "between 10m and 15m: reached(crash_looping(deployment/web) == 1)", "after 21m: always(ready(deployment/web) == 6)", "after 21m: restarts() == 0"}},
	{"container-crash", owned, "{at: 10m, for: 5m, fault: container-crash, target: deployment/web, count: 1, exitCode: 0}",
		[]string{"between 10m and 15m: crash_loops(deployment/web) >= 3", "between 10m and 15m: reached(crash_looping(deployment/web) == 1)", "after 21m: always(ready(deployment/web) == 6)", "after 21m: restarts() == 0"}},
	{"container-stress", owned, "{at: 10m, for: 5m, fault: container-stress, target: deployment/web, count: 1, growth: 10Mi/s}",
		[]string{"between 10m and 10m40s: oom_kills() == 0", "between 10m and 10m50s: oom_kills(deployment/web) == 1", "between 10m and 15m: oom_kills() >= 2", "after 15m: oom_kills() == 0", "after 21m: always(ready(deployment/web) == 6)"}},
	{"container-stress", owned, "{at: 10m, for: 5m, fault: container-stress, target: deployment/web, node: node/n-1, workers: 8}",
		[]string{"between 10m10s and 15m: always(latency_p99(service/web) >= 500ms)", "between 10m and 15m: availability(service/web) == 100%", "after 15m10s: always(latency_p99(service/web) <= 250ms)"}},
	{"container-stress", owned, "{at: 1m, do: apply, manifests: [{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log}, spec: {selector: {matchLabels: {app: log}}, template: {metadata: {labels: {app: log}}, spec: {containers: [{name: log, image: \"log:1\", resources: {limits: {ephemeral-storage: 1Gi}}}]}}}}]}, " +
		"{at: 10m, for: 5m, fault: container-stress, target: daemonset/log, fill: 60%}, {at: 12m, for: 1m, fault: container-stress, target: daemonset/log, node: node/n-1, disk: 600Mi}, {at: 20m, for: 1m, fault: container-stress, target: daemonset/log, node: node/n-2, disk: 600Mi}",
		[]string{"before 12m: notes(Evicted) == 0", "between 12m and 13m: notes(Evicted) == 1", "between 13m and 30m: notes(Evicted) == 0", "node_not_ready() == 0"}},
	{"container-stress", owned, "{at: 10m, for: 5m, fault: container-stress, target: deployment/front, node: [node/n-1, node/n-2], disk: 30Gi}, {at: 12m, for: 1m, fault: container-stress, target: deployment/web, node: node/n-1, disk: 30Gi}, {at: 20m, for: 1m, fault: container-stress, target: deployment/web, node: node/n-2, disk: 30Gi}",
		[]string{"before 12m: notes(NodeHasDiskPressure) == 0", "between 12m and 13m: notes(NodeHasDiskPressure) == 1", "between 12m and 13m: notes(Evicted, deployment/front) >= 1", "between 13m and 30m: notes(NodeHasDiskPressure) == 0", "after 22m: always(converged())"}},
	{"controller-manager-crash", owned, "{at: 10m, for: 5m, fault: controller-manager-crash, replica: all}, {at: 11m, do: scale, target: deployment/web, replicas: 5}",
		[]string{"between 11m and 15m: always(pods(deployment/web) == 6)", "after 16m: always(pods(deployment/web) == 5)"}},
	{"cpu-stress", owned, "{at: 10m, for: 5m, fault: cpu-stress, target: node/n-1, load: 100%}",
		[]string{"between 11m and 15m: error_rate(service/web) >= 1%", "after 16m: availability(service/web) >= 99.9%"}},
	{"cpu-stress", owned, "{at: 10m, for: 5m, fault: cpu-stress, target: node/n-1, workers: 8, load: 50%}",
		[]string{"between 11m and 15m: error_rate(service/web) >= 1%", "after 16m: availability(service/web) >= 99.9%"}},
	{"cpu-stress", owned, "{at: 10m, for: 5m, fault: cpu-stress, target: node/n-1, cpu: 400}",
		[]string{"between 11m and 15m: error_rate(service/web) >= 1%", "after 16m: availability(service/web) >= 99.9%"}},
	{"disk-error", owned, "{at: 10m, for: 5m, fault: disk-error, target: node/n-1}, {at: 11m, fault: container-crash, target: deployment/web, node: node/n-1}",
		[]string{"between 11m3s and 15m: always(ready(deployment/web) == 5)", "notes(Failed, deployment/web) >= 4", "between 10m and 10m59s: availability(service/web) == 100%", "node_not_ready() == 0", "after 20m: always(ready(deployment/web) == 6)"}},
	{"disk-error", owned, "{at: 10m, for: 5m, fault: disk-error, target: node/n-1, errno: EROFS}, {at: 11m, fault: pod-kill, target: deployment/web, node: node/n-1}",
		[]string{"between 11m10s and 15m: always(ready(deployment/web) == 5)", "notes(FailedCreatePodSandBox) >= 10", "after 16m: always(ready(deployment/web) == 6)"}},
	{"disk-fill", owned, "{at: 10m, for: 5m, fault: disk-fill, target: node/n-1}",
		[]string{"between 10m and 11m: notes(NodeHasDiskPressure) >= 1", "after 15m: reached(notes(NodeHasNoDiskPressure) >= 1)", "after 25m: converged()"}},
	{"disk-fill", owned, "{at: 10m, for: 5m, fault: disk-fill, target: node/n-1, inodes: 97%}",
		[]string{"between 10m and 11m: notes(NodeHasDiskPressure) >= 1", "after 15m: reached(notes(NodeHasNoDiskPressure) >= 1)", "after 25m: converged()"}},
	{"disk-slow", owned, "{at: 10m, for: 5m, fault: disk-slow, count: all, rate: 1%}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}, {at: 20m, do: set-image, target: deployment/web, image: \"web:3\"}",
		[]string{"between 11m1s and 11m40s: always(updated_replicas(deployment/web) == 0)", "between 20m1s and 20m40s: reached(updated_replicas(deployment/web) >= 1)"}},
	{"dns-down", owned, "{at: 10m, for: 5m, fault: dns-down}",
		[]string{"between 10m5s and 15m: dns_error_rate(service/web) >= 80%", "after 15m10s: availability(service/web) == 100%"}},
	{"dns-error", owned, "{at: 10m, for: 5m, fault: dns-error}",
		[]string{"between 10m5s and 15m: dns_error_rate(service/web) >= 80%", "after 15m10s: availability(service/web) == 100%"}},
	{"dns-slow", owned, "{at: 10m, for: 5m, fault: dns-slow, latency: 6s}",
		[]string{"between 10m5s and 15m: dns_error_rate(service/web) >= 80%", "after 15m10s: availability(service/web) == 100%"}},
	{"etcd-machine-down", apart, "{at: 10m, for: 5m, fault: etcd-machine-down, member: [etcd-0, etcd-1]}",
		[]string{"between 10m and 15m: notes(EtcdNotServing) >= 1", "after 15m: notes(EtcdServing) >= 1", "after 18m: always(converged())"}},
	{"etcd-member-down", owned, "{at: 10m, for: 5m, fault: etcd-member-down, member: [cp-0, cp-1]}",
		[]string{"between 10m and 15m: notes(EtcdNotServing) >= 1", "after 15m: notes(EtcdServing) >= 1", "after 20m: always(converged())"}},
	{"etcd-no-space", owned, "{at: 10m, for: 5m, fault: etcd-no-space}, {at: 11m, do: scale, target: deployment/web, replicas: 5}, {at: 20m, do: scale, target: deployment/web, replicas: 5}",
		[]string{"notes(ActionFailed) == 1", "between 10m and 20m: always(pods(deployment/web) == 6)", "after 21m: always(pods(deployment/web) == 5)", "notes(EtcdDefragmented) >= 1"}},
	{"etcd-partition", owned, "{at: 10m, for: 5m, fault: etcd-partition, member: [cp-0, cp-1, cp-2]}",
		[]string{"between 10m and 15m: notes(EtcdNotServing) >= 1", "after 15m: notes(EtcdServing) >= 1", "after 20m: always(converged())"}},
	{"etcd-restore", owned, "{at: 5m, do: scale, target: deployment/web, replicas: 5}, {at: 10m, for: 2m, fault: etcd-restore, backup: 4m}",
		[]string{"between 6m and 10m: always(pods(deployment/web) == 5)", "notes(EtcdRestored) == 1", "after 15m: always(ready(deployment/web) == 6)"}},
	{"etcd-slow-disk", owned, "{at: 10m, for: 5m, fault: etcd-slow-disk, member: [cp-0, cp-1, cp-2], fsync: 2s}, {at: 11m, do: scale, target: deployment/web, replicas: 5}, {at: 20m, do: scale, target: deployment/web, replicas: 4}",
		[]string{"between 11m and 11m4s: always(pods(deployment/web) == 6)", "between 20m and 20m1s: reached(pods(deployment/web) == 4)"}},
	{"finalizer-stuck", owned, "{at: 10m, for: 5m, fault: finalizer-stuck, target: deployment/web}, {at: 11m, fault: pod-kill, target: deployment/web, count: 2}",
		[]string{"between 11m40s and 15m: always(pods_terminating() == 2)", "between 11m40s and 15m: always(ready(deployment/web) == 6)", "after 15m1s: always(pods_terminating() == 0)"}},
	{"finalizer-stuck", owned, "{at: 10m, for: 15m, fault: finalizer-stuck, target: statefulset/db}, {at: 11m, fault: pod-kill, target: statefulset/db}, {at: 20m, do: patch, target: pod/db-0, patch: {metadata: {finalizers: null}}}",
		[]string{"between 11m10s and 20m: always(pods_terminating() == 1)", "between 11m40s and 20m: always(ready(statefulset/db) == 0)", "after 21m: always(ready(statefulset/db) == 1)"}},
	{"image-missing", owned, "{at: 10m, for: 5m, fault: image-missing, image: \"web:2\"}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}, {at: 11m, fault: container-crash, target: deployment/web, count: 1}, {at: 12m, do: set-image, target: deployment/front, image: \"front:2\"}",
		[]string{"between 11m and 15m: pull_failures(deployment/web) >= 2", "pull_failures(deployment/front) == 0", "between 11m1s and 15m: always(updated_replicas(deployment/web) == 0)", "between 12m and 15m: reached(updated_replicas(deployment/front) == 6)", "after 21m: always(converged())"}},
	{"interface-down", owned, "{at: 10m, for: 4m, fault: interface-down, target: node/n-1}",
		[]string{"between 10m and 10m35s: error_rate(service/web) >= 15%", "between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "after 16m: always(converged())", "restarts() == 0"}},
	{"kubelet-restart", owned, "{at: 10m, fault: kubelet-restart, count: all}, {at: 10m0.1s, fault: container-crash, target: deployment/web}",
		[]string{"between 10m and 10m1.1s: notes(Started, deployment/web) == 0", "between 10m and 10m20s: notes(Started, deployment/web) == 6", "node_not_ready() == 0"}},
	{"kubelet-stop", owned, "{at: 10m, for: 4m, fault: kubelet-stop, target: node/n-1}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "between 11m5s and 14m: always(ready(deployment/web) == 5)", "after 14m30s: always(converged())", "restarts() == 0"}},
	{"lb-health-fail", owned, "{at: 10m, for: 5m, fault: lb-health-fail, target: node/n-1}",
		[]string{"between 10m and 11m: notes(LoadBalancerTargetUnhealthy) == 1", "between 15m and 16m: notes(LoadBalancerTargetHealthy) == 1"}},
	{"leader-loss", owned, "{at: 10m, for: 5m, fault: leader-loss, component: kube-controller-manager}",
		[]string{"between 10m and 11m: leader_changes(kube-controller-manager) == 1", "after 15m: converged()"}},
	{"memory-stress", owned, "{at: 10m, for: 5m, fault: memory-stress, target: node/n-1, fill: 99.5%}",
		[]string{"between 10m and 15m: notes(NodeHasInsufficientMemory) == 1", "after 15m: notes(NodeHasSufficientMemory) == 1", "after 22m: always(converged())"}},
	{"network-bandwidth", owned, "{at: 10m, for: 5m, fault: network-bandwidth, count: all, rate: 0.5%}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}, {at: 20m, do: set-image, target: deployment/web, image: \"web:3\"}",
		[]string{"between 11m1s and 11m40s: always(updated_replicas(deployment/web) == 0)", "between 20m1s and 20m40s: reached(updated_replicas(deployment/web) >= 1)"}},
	{"network-delay", owned, "{at: 10m, for: 5m, fault: network-delay, count: all, peer: {count: all}, latency: 100ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p50(service/web) >= 500ms)", "between 10m10s and 14m59s: always(latency_p50(service/web) <= 640ms)", "after 15m10s: always(latency_p50(service/web) <= 50ms)", "node_not_ready() == 0"}},
	{"network-delay", owned, "{at: 10m, for: 5m, fault: network-delay, count: all, peer: internet, latency: 200ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 800ms)", "between 10m10s and 14m59s: availability(service/web) == 100%", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"network-delay", owned, "{at: 10m, for: 5m, fault: network-delay, zone: a, peer: {zone: b}, latency: 200ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "between 10m10s and 14m59s: availability(service/web) == 100%", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"network-loss", owned, "{at: 10m, for: 5m, fault: network-loss, count: all, peer: internet, loss: 30%}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "after 15m10s: always(latency_p99(service/web) <= 220ms)", "node_not_ready() == 0"}},
	{"network-delay", owned, "{at: 10m, for: 5m, fault: network-delay, target: node/n-1, latency: 6s}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "after 17m: always(converged())", "restarts() == 0"}},
	{"network-loss", owned, "{at: 10m, for: 4m, fault: network-loss, target: node/n-1, loss: 100%}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "between 11m5s and 14m: always(ready(deployment/web) == 5)", "after 16m: always(converged())", "restarts() == 0"}},
	{"network-loss", owned, "{at: 10m, for: 5m, fault: network-loss, count: all, peer: {count: all}, loss: 20%}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"node-down", owned, "{at: 10m, for: 10m, fault: node-down, target: node/n-1}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "between 15m30s and 17m: reached(evictions() >= 1)", "after 23m: always(converged())"}},
	{"node-flapping", owned, "{at: 10m, for: 9m, fault: node-flapping, target: node/n-1, period: 3m, down: 80s}",
		[]string{"between 10m and 20m: notes(NodeNotReady) >= 3", "after 20m: always(converged())"}},
	{"node-reboot", owned, "{at: 10m, fault: node-reboot, target: node/n-1}",
		[]string{"notes(Rebooted) == 1", "between 10m and 12m: restarts() >= 2", "after 14m: always(converged())"}},
	{"node-terminate", rented, "{at: 10m, fault: node-terminate, target: node/n-1}",
		[]string{"notes(MachineTerminated) == 1", "between 10m and 11m: reached(nodes() == 5)", "after 15m: always(nodes() == 6)", "after 18m: always(ready(deployment/web) == 6)"}},
	{"out-of-capacity", rented, "{at: 10m, for: 5m, fault: out-of-capacity}, {at: 10m1s, fault: node-terminate, target: node/n-1}",
		[]string{"between 10m and 15m: notes(MachineLaunchFailed) >= 1", "between 12m and 15m: always(nodes() == 5)", "after 18m: always(nodes() == 6)"}},
	{"partition", owned, "{at: 10m, for: 4m, fault: partition, target: node/n-1}",
		[]string{"between 10m39s and 11m5s: reached(node_not_ready(node/n-1) == 1)", "after 16m: always(converged())", "restarts() == 0"}},
	{"partition", owned, "{at: 10m, for: 5m, fault: partition, target: node/n-1, peer: internet}",
		[]string{"between 10m and 10m10s: error_rate(timeout, service/web) >= 1%", "between 12m and 15m: availability(service/web) == 100%", "after 16m: availability(service/web) == 100%", "node_not_ready() == 0", "notes(FaultEnded) == 1"}},
	{"partition", owned, "{at: 10m, for: 5m, fault: partition, zone: a, peer: {zone: b}}",
		[]string{"between 10m10s and 15m: error_rate(timeout, service/web) >= 15%", "between 10m10s and 15m: error_rate(service/web) <= 60%", "after 16m: availability(service/web) == 100%"}},
	{"pid-exhaustion", owned, "{at: 10m, for: 5m, fault: pid-exhaustion, target: node/n-1, fill: 100%}, {at: 11m, fault: container-crash, target: deployment/web, count: all}",
		[]string{"between 12m and 14m59s: always(ready(deployment/web) == 5)", "between 11m and 15m: notes(Failed, deployment/web) >= 5", "after 17m: always(converged())"}},
	{"pod-error", owned, "{at: 10m, for: 5m, fault: pod-error, target: deployment/web, errors: 20%}",
		[]string{"between 10m and 15m: error_rate(error, service/web) >= 19%", "between 10m and 15m: error_rate(service/web) <= 21%", "after 9m: always(ready(deployment/web) == 6)", "after 15m1s: availability(service/web) == 100%"}},
	{"pod-failure", owned, "{at: 10m, for: 5m, fault: pod-failure, target: deployment/web, count: 3}",
		[]string{"between 10m and 10m20s: error_rate(service/web) >= 45%", "between 10m35s and 15m: always(ready(deployment/web) <= 3)", "after 15m15s: always(ready(deployment/web) == 6)", "restarts() == 0"}},
	{"pod-io", owned, "{at: 10m, for: 5m, fault: pod-io, target: deployment/web, latency: 300ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p50(service/web) >= 300ms)", "after 15m10s: always(latency_p50(service/web) <= 50ms)"}},
	{"pod-io", owned, "{at: 10m, for: 5m, fault: pod-io, target: deployment/web, node: node/n-1, latency: 60s}, {at: 11m, fault: container-crash, target: deployment/web, node: node/n-1}, {at: 20m, fault: container-crash, target: deployment/web, node: node/n-1}",
		[]string{"between 11m5s and 12m: always(ready(deployment/web) == 5)", "between 12m20s and 15m: always(ready(deployment/web) == 6)", "between 20m40s and 30m: always(ready(deployment/web) == 6)"}},
	{"pod-io", owned, "{at: 10m, for: 5m, fault: pod-io, target: deployment/web, errno: EIO, errors: 30%}",
		[]string{"between 10m and 15m: error_rate(service/web) >= 29%", "between 10m and 15m: error_rate(service/web) <= 31%", "after 9m: always(ready(deployment/web) == 6)", "after 15m1s: availability(service/web) == 100%"}},
	{"pod-kill", owned, "{at: 10m, fault: pod-kill, target: deployment/web, node: node/n-1, grace: 1s}",
		[]string{"between 10m and 10m5s: pods_deleted(node/n-1) == 1", "pods_created(deployment/web) == 7", "after 11m: always(ready(deployment/web) == 6)"}},
	{"pod-kill", owned, "{at: 10m, fault: pod-kill, target: deployment/web, count: 1, repeat: {every: 2m, times: 4}}",
		[]string{"before 10m: pods_created(deployment/web) == 6", "before 15m: pods_created(deployment/web) == 9", "pods_created(deployment/web) == 10", "after 17m: always(ready(deployment/web) == 6)"}},
	{"pod-kill", owned, "{at: 10m, fault: pod-kill, target: deployment/web, count: 2}",
		[]string{"between 10m and 10m5s: reached(pods_terminating(deployment/web) == 2)", "pods_created(deployment/web) == 8", "after 11m: always(ready(deployment/web) == 6)"}},
	{"pod-network-bandwidth", owned, "{at: 10m, for: 5m, fault: pod-network-bandwidth, target: service/web, node: [node/n-1, node/n-2], bandwidth: 500k}",
		[]string{"between 10m10s and 15m: error_rate(congestion, service/web) >= 10%", "between 10m10s and 15m: error_rate(service/web) <= 30%", "after 15m10s: availability(service/web) == 100%", "after 1m: always(ready() >= 15)", "notes(LinkFull) == 2", "notes(LinkFree) == 2"}},
	{"pod-network-delay", owned, "{at: 10m, for: 5m, fault: pod-network-delay, target: deployment/web, latency: 100ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p50(service/web) >= 100ms)", "after 15m10s: always(latency_p50(service/web) <= 50ms)", "restarts() == 0"}},
	{"pod-network-loss", owned, "{at: 10m, for: 5m, fault: pod-network-loss, target: deployment/front, peer: deployment/web, loss: 20%}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"pod-network-delay", owned, "{at: 10m, for: 5m, fault: pod-network-delay, target: deployment/front, peer: node/n-1, latency: 100ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "between 10m10s and 14m59s: availability(service/web) == 100%", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"pod-network-loss", owned, "{at: 10m, for: 5m, fault: pod-network-loss, target: service/web, zone: a, loss: 30%}",
		[]string{"between 10m10s and 14m59s: always(latency_p99(service/web) >= 250ms)", "between 10m10s and 14m59s: always(latency_p50(service/web) <= 50ms)", "after 15m10s: always(latency_p99(service/web) <= 220ms)"}},
	{"pod-partition", owned, "{at: 10m, for: 5m, fault: pod-partition, namespace: kube-system}",
		[]string{"between 10m10s and 15m: dns_error_rate(service/web) >= 50%", "after 15m10s: availability(service/web) == 100%", "node_not_ready() == 0"}},
	{"pod-partition", owned, "{at: 10m, for: 5m, fault: pod-partition, match: {app: front}, peer: service/web, direction: out}",
		[]string{"between 10m10s and 15m: error_rate(timeout, service/web) >= 30%", "after 15m10s: availability(service/web) == 100%", "restarts() == 0"}},
	{"pod-partition", owned, "{at: 10m, for: 5m, fault: pod-partition, target: deployment/front, peer: {target: deployment/web}}",
		[]string{"between 10m10s and 15m: error_rate(timeout, service/web) >= 30%", "between 10m10s and 15m: error_rate(service/web) <= 91%", "after 15m10s: availability(service/web) == 100%",
			"after 1m: always(ready() >= 15)", "node_not_ready() == 0", "restarts() == 0"}},
	{"pod-slow", owned, "{at: 10m, for: 5m, fault: pod-slow, target: deployment/web, latency: 300ms}",
		[]string{"between 10m10s and 14m59s: always(latency_p50(service/web) >= 300ms)", "after 15m10s: always(latency_p50(service/web) <= 50ms)"}},
	{"probe-failure", owned, "{at: 10m, for: 5m, fault: probe-failure, target: deployment/web, probe: readiness}",
		[]string{"between 10m32s and 15m: always(ready(deployment/web) == 0)", "after 15m15s: always(ready(deployment/web) == 6)", "restarts() == 0"}},
	{"probe-slow", owned, "{at: 10m, for: 5m, fault: probe-slow, target: deployment/web, probe: readiness, latency: 1s}",
		[]string{"between 10m32s and 15m: always(ready(deployment/web) == 0)", "after 15m15s: always(ready(deployment/web) == 6)", "restarts() == 0"}},
	{"probe-slow", owned, "{at: 10m, for: 5m, fault: probe-slow, target: deployment/web, count: 3, latency: 0.5s..1.3s}",
		[]string{"between 10m and 15m30s: notes(Unhealthy, deployment/web) >= 1", "between 10m and 15m: always(ready(deployment/web) >= 3)", "after 15m30s: always(ready(deployment/web) == 6)", "after 16m: notes(Unhealthy) == 0"}},
	{"proxy-rules-lost", owned, "{at: 10m, fault: proxy-rules-lost, target: [node/n-1, node/n-2]}",
		[]string{"between 10m and 10m1s: error_rate(service/web) >= 30%", "between 10m and 10m30s: error_rate(service/web) <= 45%", "after 10m31s: availability(service/web) == 100%", "after 9m: always(ready(deployment/web) == 6)"}},
	{"proxy-stop", owned, "{at: 10m, for: 5m, fault: proxy-stop, target: node/n-1}, {at: 11m, do: rollout-restart, target: deployment/web}",
		[]string{"between 13m and 15m: error_rate(service/web) >= 10%", "after 15m5s: availability(service/web) == 100%"}},
	{"registry-down", owned, "{at: 10m, for: 5m, fault: registry-down}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}",
		[]string{"between 11m and 15m: pull_failures() >= 2", "between 11m1s and 15m: always(updated_replicas(deployment/web) == 0)", "after 21m: always(converged())"}},
	{"registry-rate-limited", owned, "{at: 10m, for: 5m, fault: registry-rate-limited}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}",
		[]string{"between 11m and 15m: pull_failures() >= 2", "between 11m1s and 15m: always(updated_replicas(deployment/web) == 0)", "after 21m: always(converged())"}},
	{"registry-slow", owned, "{at: 10m, for: 5m, fault: registry-slow, rate: 0.5%}, {at: 11m, do: set-image, target: deployment/web, image: \"web:2\"}, {at: 20m, do: set-image, target: deployment/web, image: \"web:3\"}",
		[]string{"between 11m1s and 11m40s: always(updated_replicas(deployment/web) == 0)", "between 20m1s and 20m40s: reached(updated_replicas(deployment/web) >= 1)"}},
	{"runtime-down", owned, "{at: 10m, for: 4m, fault: runtime-down, target: node/n-1}",
		[]string{"between 10m25s and 10m41s: reached(node_not_ready(node/n-1) == 1)", "between 10m and 14m: always(ready(deployment/web) == 6)", "after 14m20s: always(converged())"}},
	{"scheduler-crash", owned, "{at: 10m, for: 5m, fault: scheduler-crash, replica: all}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}",
		[]string{"between 11m5s and 15m: always(pods_unscheduled() == 1)", "after 16m: always(converged())"}},
	{"slow-boot", rented, "{at: 10m, for: 5m, fault: slow-boot, boot: 8m}, {at: 10m1s, fault: node-terminate, target: node/n-1}, {at: 20m, fault: node-terminate, target: node/n-2}",
		[]string{"between 12m and 18m: always(nodes() == 5)", "between 20m and 21m: reached(nodes() == 5)", "after 24m: always(nodes() == 6)"}},
	{"slow-start", owned, "{at: 10m, for: 5m, fault: slow-start, match: {app: web}, rate: 5%}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}, {at: 11m, fault: pod-kill, target: deployment/front, count: 1}, {at: 20m, fault: pod-kill, target: deployment/web, count: 1}",
		[]string{"between 11m5s and 11m40s: always(ready(deployment/web) == 5)", "between 12m30s and 15m: always(ready(deployment/web) == 6)", "after 11m10s: always(ready(deployment/front) == 6)", "between 20m20s and 30m: always(ready(deployment/web) == 6)"}},
	{"spot-reclaim", strings.Replace(rented, "provision", "labels: {pool: spot}, provision", 1), "{at: 10m, fault: spot-reclaim, match: {pool: spot}}",
		[]string{"notes(MachineReclaiming) == 6", "notes(MachineTerminated) == 6", "between 12m and 13m: reached(ready(deployment/web) == 0)", "after 20m: always(ready(deployment/web) == 6)", "between 12m and 13m: reached(availability(service/web) <= 1%)"}},
	{"spot-reclaim", rented, "{at: 10m, fault: spot-reclaim, zone: a, notice: 30s}",
		[]string{"notes(MachineReclaiming) == 3", "notes(MachineTerminated) == 3", "between 10m30s and 12m: reached(nodes() <= 4)", "after 20m: always(nodes() == 6)"}},
	{"stuck-terminating", owned, "{at: 10m, for: 5m, fault: stuck-terminating, target: deployment/web}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}",
		[]string{"between 11m40s and 15m: always(pods_terminating() == 1)", "after 15m5s: always(pods_terminating() == 0)"}},
	{"swizzle-clog", owned, "{at: 10m, for: 4m, fault: swizzle-clog, count: 3, stagger: 1m}",
		[]string{"between 10m30s and 10m39s: error_rate(service/web) >= 10%", "between 11m45s and 13m: always(node_not_ready() == 3)", "between 13m and 14m30s: reached(node_not_ready() == 1)", "after 16m: always(converged())", "restarts() == 0"}},
	{"token-expiry", owned, "{at: 10m, for: 5m, fault: token-expiry, component: replicaset-controller}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}",
		[]string{"between 11m and 15m: always(pods_created(deployment/web) == 0)", "after 20m: always(ready(deployment/web) == 6)"}},
	{"volume-detach", owned, "{at: 10m, for: 5m, fault: volume-detach, target: statefulset/db}",
		[]string{"between 10m and 15m: crash_loops(statefulset/db) >= 3", "after 21m: always(ready(statefulset/db) == 1)", "after 21m: restarts() == 0"}},
	{"volume-detach", owned, "{at: 10m, fault: volume-detach, target: statefulset/db}, {at: 15m, fault: pod-kill, target: statefulset/db}",
		[]string{"between 10m and 15m: crash_loops(statefulset/db) >= 3", "after 17m: always(ready(statefulset/db) == 1)"}},
	{"volume-lost", owned, "{at: 10m, fault: volume-lost, target: statefulset/db}, {at: 12m, fault: pod-kill, target: statefulset/db}, {at: 20m, do: delete, target: persistentvolumeclaim/data-db-0}, {at: 20m10s, do: delete, target: pod/db-0}",
		[]string{"between 10m and 12m: crash_loops(statefulset/db) >= 2", "between 12m1s and 20m: always(ready(statefulset/db) == 0)", "notes(FailedMount) >= 3", "notes(ClaimLost) == 0", "after 23m: always(ready(statefulset/db) == 1)"}},
	{"volume-lost", owned, "{at: 10m, fault: volume-lost, target: statefulset/db, object: true}, {at: 12m, fault: pod-kill, target: statefulset/db}, {at: 20m, do: delete, target: persistentvolumeclaim/data-db-0}, {at: 20m10s, do: delete, target: pod/db-0}",
		[]string{"between 10m and 10m1s: notes(ClaimLost) == 1", "between 12m10s and 20m: always(pods_unscheduled() == 1)", "notes(FailedAttachVolume) == 0", "after 23m: always(ready(statefulset/db) == 1)"}},
	{"volume-lost", owned, "{at: 8s, fault: volume-lost, target: statefulset/db}",
		[]string{"notes(FailedAttachVolume, statefulset/db) >= 10", "notes(FailedMount, statefulset/db) == 0", "always(ready(statefulset/db) == 0)", "notes(SuccessfulAttachVolume) == 0", "after 5m: always(pods_unscheduled() == 0)"}},
	{"watch-lag", owned, "{at: 10m, for: 5m, fault: watch-lag, component: kube-scheduler, by: 30s}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}, {at: 20m, fault: pod-kill, target: deployment/web, count: 1}",
		[]string{"between 11m5s and 11m29s: always(pods_unscheduled() == 1)", "between 20m5s and 20m29s: always(pods_unscheduled() == 0)"}},
	{"webhook-down", owned, "{at: 10m, for: 5m, fault: webhook-down, webhook: policy.example.com}, {at: 11m, do: delete, target: deployment/front}, {at: 20m, do: delete, target: deployment/front}",
		[]string{"between 10m and 15m: notes(ActionFailed) == 1", "between 11m and 20m: always(pods(deployment/front) == 6)", "after 21m: always(pods(deployment/front) == 0)"}},
	{"webhook-slow", owned, "{at: 10m, for: 5m, fault: webhook-slow, webhook: policy.example.com, latency: 12s}, {at: 11m, do: delete, target: deployment/front}, {at: 20m, do: delete, target: deployment/front}",
		[]string{"between 10m and 15m: notes(ActionFailed) == 1", "between 11m and 20m: always(pods(deployment/front) == 6)", "after 21m: always(pods(deployment/front) == 0)"}},
}

// smallWith is the small cluster, a timeline and promises.
func smallWith(cluster, timeline, expect string) string {
	return fmt.Sprintf(small, cluster, timeline, expect)
}

func signature(t *testing.T, cluster, timeline string, expect []string) *scenarios.Scenario {
	t.Helper()
	return read(t, smallWith(cluster, timeline, promises(expect...)))
}

// verdict is whether a scenario keeps its promises, and the report.
func verdict(t *testing.T, s *scenarios.Scenario) (bool, string) {
	t.Helper()
	_, r := run(t, s)
	return r.Held(), textOf(t, r)
}

// Every fault shows, and heals, and the same runs with every tick an event.
func TestEveryFaultHasItsSignatureAndHeals(t *testing.T) {
	for i := range fault.Kinds {
		name := fault.Kinds[i].Name
		t.Run(name, func(t *testing.T) {
			found := false
			for _, c := range signatures {
				if c.fault == name {
					found = true
					checkSignature(t, name, signature(t, c.cluster, c.timeline, c.expect))
				}
			}
			if !found {
				t.Error("nobody says what it looks like, and that it heals: a line in signatures is missing")
			}
		})
	}
}

func checkSignature(t *testing.T, name string, s *scenarios.Scenario) {
	for seed := range uint64(2) {
		s.Config.Seed = seed + 1
		if held, text := verdict(t, s); !held {
			t.Errorf("seed %d\n%s", seed+1, text)
		}
	}
	faults := s.Config.Faults
	is := func(f fault.Spec) bool { return f.Fault == name }
	if !slices.ContainsFunc(faults, is) {
		t.Fatal("there is no such fault in its timeline")
	}
	s.Config.Faults = slices.DeleteFunc(slices.Clone(faults), is)
	if held, text := verdict(t, s); held {
		t.Errorf("without it the same is true: that is no signature\n%s", text)
	}
	s.Config.Faults = slices.Clone(faults)
	patched := slices.ContainsFunc(s.Config.Actions, func(a workload.Action) bool { return a.Do == "patch" })
	for i := range s.Config.Faults {
		if f := &s.Config.Faults[i]; is(*f) && f.For > 0 && f.Times == 0 && !patched { // else it is over before its end
			f.For = 10 * time.Hour
			if held, text := verdict(t, s); held {
				t.Errorf("if it never ends the same is true: that is no healing\n%s", text)
			}
			return
		}
	}
}

// The same with every tick an event.
func TestFaultsMakeTheSameHistoryWithEveryTickAnEvent(t *testing.T) {
	for _, c := range signatures {
		s := signature(t, c.cluster, c.timeline, c.expect)
		x, _ := run(t, s)
		s.Config.Literal = true
		y, _ := run(t, s)
		if d, differs := report.FirstDifference(x.Store.History(), y.Store.History()); differs {
			t.Errorf("%s: %+v", c.fault, d)
		}
	}
}

package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/scenarios"
	"orrery/sim"
)

// The second-by-second tables of what follows a failure, as far as no test of a
// recording or of a component has them: each row is the first record of a kind after
// the failure, and between when it has to come. Sources are those of the components'
// own rules; a span is what they add up to.

// tableRow is one line of a table. Without a span it must not happen at all.
type tableRow struct {
	what     string
	is       func(x *cluster.Cluster, r *store.Record) bool
	from, to time.Duration // after the failure
}

// check runs a scenario, whose failure is at zero, with some seeds.
func check(t *testing.T, text string, zero time.Duration, rows ...tableRow) {
	t.Helper()
	s, err := scenarios.Read("table.yaml", []byte("apiVersion: orrery/v1\nname: table\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		s.Config.Seed = seed + 1
		x := runOf(t, s)
		for _, row := range rows {
			at, happened := time.Duration(0), false
			h := x.Store.History()
			for i := range h.Len() {
				if r := h.At(i); r.At >= sim.Time(zero) && row.is(x, r) {
					at, happened = r.At.Sub(sim.Time(zero)), true
					break
				}
			}
			switch {
			case row.to == 0 && happened:
				t.Errorf("seed %d: %s, after %v", seed+1, row.what, at)
			case row.to == 0:
			case !happened:
				t.Errorf("seed %d: never: %s", seed+1, row.what)
			case at < row.from || at > row.to:
				t.Errorf("seed %d: %s after %v, want %v to %v", seed+1, row.what, at, row.from, row.to)
			}
		}
	}
}

// says is a note of a reason about a name, with words in it; "" is any.
func says(reason, name, words string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		return r.Note != nil && r.Note.Reason == reason && strings.Contains(r.Note.Path(), name) && strings.Contains(r.Note.Message, words)
	}
}

// becomes is a node whose Ready turns into something.
func becomes(name string, to model.ConditionStatus) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		old, was := r.Old.(*model.Node)
		return ok && was && strings.HasPrefix(n.Name, name) && n.Ready.Status == to && old.Ready.Status != to
	}
}

// podGoes is a pod of an app that is asked to go.
func podGoes(app string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		old, was := r.Old.(*model.Pod)
		return ok && was && p.Labels.Value("app") == app && p.Deleting() && !old.Deleting()
	}
}

// podBound is a pod of an app that gets a node.
func podBound(app, node string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		old, was := r.Old.(*model.Pod)
		return ok && was && p.Labels.Value("app") == app && strings.HasPrefix(p.NodeName, node) && p.NodeID != 0 && old.NodeID == 0
	}
}

// controlPlaneOf3 is a cluster with a control plane of three machines and a Deployment.
func controlPlaneOf3(duration, timeline string) string {
	return fmt.Sprintf(`duration: %s
cluster: {controlPlane: {replicas: 3, zones: [a, b, c]}, nodes: [{name: n, count: 4, cpu: 4, memory: 8Gi, zones: [a, b, c]}]}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 6, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
timeline: [%s]
`, duration, timeline)
}

// One of three API servers ends: it is started again, which takes seconds (an estimate),
// and nothing else happens: clients go to the others, and renewals fail for less than 50 s.
func TestTableOneAPIServerOfThree(t *testing.T) {
	check(t, controlPlaneOf3("15m", "{at: 5m, fault: apiserver-crash, server: cp-1}, {at: 5m30s, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"the server ends", says("APIServerStopped", "cp-1", ""), 0, time.Second},
		tableRow{"it is ready again", says("APIServerReady", "cp-1", ""), time.Second, 30 * time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 30 * time.Second, 31 * time.Second},
		tableRow{what: "a node is lost", is: becomes("", model.Unknown)},
		tableRow{what: "a leader stops", is: says("LeaderElection", "", "stopped leading")},
		tableRow{what: "a pod is given up", is: podGoes("web")},
	)
}

// All API servers are away for ten minutes: leaders end after 10 s, and nobody is
// dead afterwards: the new leader gives every node 50 s.
func TestTableAllAPIServers(t *testing.T) {
	const down = 10 * time.Minute
	const timeline = "{at: 5m, for: 10m, fault: apiserver-crash, server: [cp-0, cp-1, cp-2]}, " +
		"{at: 14m, do: scale, target: deployment/web, replicas: 8}, {at: 16m, do: scale, target: deployment/web, replicas: 8}"
	check(t, controlPlaneOf3("25m", timeline), 5*time.Minute,
		tableRow{"the scheduler stops leading", says("LeaderElection", "kube-scheduler", "stopped leading"), 10 * time.Second, 16 * time.Second},
		tableRow{"the controller manager stops leading", says("LeaderElection", "kube-controller-manager", "stopped leading"), 10 * time.Second, 12100 * time.Millisecond},
		tableRow{"somebody leads the controllers again", says("LeaderElection", "kube-controller-manager", "became leader"), down, down + 35*time.Second},
		tableRow{"somebody leads the schedulers again", says("LeaderElection", "kube-scheduler", "became leader"), down, down + 35*time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 11 * time.Minute, 11*time.Minute + 2*time.Second},
		tableRow{what: "a pod is given up", is: podGoes("web")},
	)
}

// The leader of etcd dies: another is elected 1 to 2 s after its last heartbeat, and some
// round trips. The API server beside it has no etcd any more, and so the components
// there lose their Leases; no node loses its own. A leadership that is handed over takes
// less than a second, and nobody loses anything.
func TestTableEtcdLeaderLoss(t *testing.T) {
	check(t, controlPlaneOf3("15m", "{at: 5m, for: 5m, fault: etcd-member-down, member: cp-0}, {at: 7m, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"another member leads", says("EtcdLeaderElected", "", ""), 800 * time.Millisecond, 5 * time.Second},
		tableRow{"the controller manager beside it stops leading", says("LeaderElection", "kube-controller-manager", "stopped leading"), 10 * time.Second, 12100 * time.Millisecond},
		tableRow{"another one leads", says("LeaderElection", "kube-controller-manager", "became leader"), 13 * time.Second, 30 * time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 2 * time.Minute, 2*time.Minute + time.Second},
		tableRow{what: "a node is lost", is: becomes("", model.Unknown)},
	)
	check(t, controlPlaneOf3("15m", "{at: 5m, do: etcd-move-leader, member: cp-1}, {at: 5m2s, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"another member leads", says("EtcdLeaderElected", "", ""), 0, time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 2 * time.Second, 3 * time.Second},
		tableRow{what: "a node is lost", is: becomes("", model.Unknown)},
		tableRow{what: "a leader stops", is: says("LeaderElection", "", "stopped leading")},
	)
}

// A quorum of etcd is away for ten minutes: leaders end, and nothing is written until a
// second or two after it is back.
func TestTableEtcdQuorumLoss(t *testing.T) {
	const down = 10 * time.Minute
	check(t, controlPlaneOf3("25m", "{at: 5m, for: 10m, fault: etcd-member-down, member: [cp-1, cp-2]}, {at: 16m, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"the controller manager stops leading", says("LeaderElection", "kube-controller-manager", "stopped leading"), 10 * time.Second, 12100 * time.Millisecond},
		tableRow{"etcd serves again", says("EtcdServing", "", ""), down, down + 8*time.Second},
		tableRow{"somebody leads the controllers again", says("LeaderElection", "kube-controller-manager", "became leader"), down, down + 35*time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 11 * time.Minute, 11*time.Minute + 2*time.Second},
		tableRow{what: "a pod is given up", is: podGoes("web")},
	)
}

// The controller manager that leads is killed 5 s after a machine died: the next one
// leads 13 to 24 s later and counts from then, 50 s and a pass.
func TestTableAMachineDiesWhenTheControllerManagerDoes(t *testing.T) {
	check(t, controlPlaneOf3("20m", "{at: 5m, fault: node-down, target: node/n-1}, {at: 5m5s, for: 10m, fault: leader-loss, component: kube-controller-manager}"), 5*time.Minute,
		tableRow{"another leads", says("LeaderElection", "kube-controller-manager", "became leader"), 18 * time.Second, 29200 * time.Millisecond},
		tableRow{"the machine is found lost", becomes("n-1", model.Unknown), 68 * time.Second, 86 * time.Second},
	)
}

// A rollout of pods that crash stalls with three of four old pods, and is said to
// make no progress 600 s after its last.
func TestTableABadRollout(t *testing.T) {
	fewer := func(x *cluster.Cluster, r *store.Record) bool {
		d, ok := r.New.(*model.Deployment)
		return ok && r.At > sim.Time(5*time.Minute) && d.AvailableReplicas < 3
	}
	late := func(_ *cluster.Cluster, r *store.Record) bool {
		d, ok := r.New.(*model.Deployment)
		return ok && d.Progressing.Status == model.False && d.Progressing.Reason == "ProgressDeadlineExceeded"
	}
	undone := func(_ *cluster.Cluster, r *store.Record) bool {
		d, ok := r.New.(*model.Deployment)
		old, was := r.Old.(*model.Deployment)
		return ok && was && d.Template.Hash != old.Template.Hash && d.Template.Labels.Value("version") == ""
	}
	check(t, `duration: 25m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 4, cpu: 4, memory: 8Gi}]}
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 4, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1", readinessProbe: {periodSeconds: 1, httpGet: {port: 80}}}]}}}}]
  behavior: [{match: {version: bad}, startup: 30s, run: 2s, exitCode: 1}]
timeline: [{at: 5m, do: patch, target: deployment/web, patch: {spec: {template: {metadata: {labels: {version: bad}}}}}}]
`, 5*time.Minute,
		tableRow{"a new container crashes", func(_ *cluster.Cluster, r *store.Record) bool {
			p, ok := r.New.(*model.Pod)
			return ok && len(p.Containers) > 0 && p.Containers[0].Reason == "CrashLoopBackOff"
		}, 5 * time.Second, 60 * time.Second},
		tableRow{"it makes no progress", late, 600 * time.Second, 625 * time.Second},
		tableRow{what: "fewer than three of four are available", is: fewer},
		tableRow{what: "it is rolled back", is: undone},
	)
}

// A drain cordons at once and evicts what the budget lets go; the rest is asked for
// every 5 s, as soon as a replacement is Ready; pods of DaemonSets stay.
func TestTableADrainWithABudget(t *testing.T) {
	drain := func(budget string) string {
		return fmt.Sprintf(`duration: 15m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 6, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {terminationGracePeriodSeconds: 5, containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {%s, selector: {matchLabels: {app: web}}}}
timeline: [{at: 5m, do: drain, target: node/n-0}]
`, budget)
	}
	cordoned := func(_ *cluster.Cluster, r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		return ok && n.Name == "n-0" && model.HasTaint(n.Taints, model.TaintUnschedulable, model.NoSchedule)
	}
	evicted := 0
	second := func(x *cluster.Cluster, r *store.Record) bool {
		if evicted > 1 { // another run
			evicted = 0
		}
		if podGoes("web")(x, r) {
			evicted++
		}
		return evicted == 2
	}
	check(t, drain("maxUnavailable: 1"), 5*time.Minute,
		tableRow{"the node is tainted", cordoned, 0, time.Second},
		tableRow{"a first pod is evicted", podGoes("web"), 0, time.Second},
		tableRow{"a second one is", second, 5 * time.Second, 30 * time.Second},
		tableRow{what: "a pod of the DaemonSet goes", is: podGoes("agent")},
	)
	check(t, drain("minAvailable: 6"), 5*time.Minute,
		tableRow{"the node is tainted", cordoned, 0, time.Second},
		tableRow{what: "a pod is evicted", is: podGoes("web")},
	)
}

// A machine joins: its node is not ready and tainted, DaemonSets have a pod bound to it
// at once; when it has a network it is Ready, loses its taint, and takes a pod that waits.
func TestTableANodeJoins(t *testing.T) {
	joined := func(_ *cluster.Cluster, r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		return ok && r.Verb == store.Created && n.Name == "n-1" && n.Ready.Status == model.False
	}
	const boot = 3 * time.Minute // from when the machine has power again
	check(t, `duration: 20m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1", resources: {requests: {cpu: 3}}}]}}}}
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: "c:1"}]}}}}
timeline: [{at: 2m, for: 3m, fault: node-down, target: node/n-1}, {at: 3m, do: delete, target: node/n-1}]
`, 5*time.Minute,
		tableRow{"it is registered", joined, 30 * time.Second, 62 * time.Second},
		tableRow{"a pod of the DaemonSet is bound there", podBound("agent", "n-1"), 30 * time.Second, 63 * time.Second},
		tableRow{"it is Ready", becomes("n-1", model.True), 32 * time.Second, boot},
		tableRow{"a pod that waits is bound there", podBound("web", "n-1"), 32 * time.Second, boot},
	)
}

// The disks of etcd: a slow one makes writes slow and nothing else; ones that stall for
// longer than a renewal may take cost the components their Leases, and nodes theirs only
// after 50 s.
func TestTableEtcdsDisksAreSlow(t *testing.T) {
	all := "member: [cp-0, cp-1, cp-2]"
	check(t, controlPlaneOf3("15m", "{at: 5m, for: 5m, fault: etcd-slow-disk, "+all+", fsync: 100ms}, {at: 6m, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"a new pod is bound", podBound("web", ""), time.Minute + 200*time.Millisecond, time.Minute + 5*time.Second},
		tableRow{what: "a leader stops", is: says("LeaderElection", "", "stopped leading")},
		tableRow{what: "a node is lost", is: becomes("", model.Unknown)},
	)
	check(t, controlPlaneOf3("15m", "{at: 5m, for: 30s, fault: etcd-slow-disk, "+all+", fsync: 15s}, {at: 8m, do: scale, target: deployment/web, replicas: 8}"), 5*time.Minute,
		tableRow{"the controller manager stops leading", says("LeaderElection", "kube-controller-manager", "stopped leading"), 10 * time.Second, 13 * time.Second},
		tableRow{"another one leads", says("LeaderElection", "kube-controller-manager", "became leader"), 13 * time.Second, 100 * time.Second},
		tableRow{"a new pod is bound", podBound("web", ""), 3 * time.Minute, 3*time.Minute + 2*time.Second},
		tableRow{what: "a pod is given up", is: podGoes("web")},
	)
}

// A spot machine is taken back two minutes after the notice: with a handler its node is
// cordoned and its pods evicted within seconds; without one it is a loss of power, and
// the node is deleted soon after it is found not ready, its pods after that.
func TestTableASpotMachineIsReclaimed(t *testing.T) {
	spot := func(handler bool) string {
		return fmt.Sprintf(`duration: 15m
cluster:
  controlPlane: {managed: true}
  nodeGroups: [{name: spot, min: 4, max: 8, cpu: 4, memory: 16Gi, zones: [a], provision: 35s..90s}]
  cloud: {terminationHandler: %v}
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 8, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1", resources: {requests: {cpu: 1}}}]}}}}]
timeline: [{at: 5m, fault: spot-reclaim, target: node/spot-0, notice: 2m}]
`, handler)
	}
	const notice = 2 * time.Minute
	cordoned := func(_ *cluster.Cluster, r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		return ok && n.Name == "spot-0" && n.Unschedulable
	}
	deleted := func(_ *cluster.Cluster, r *store.Record) bool {
		n, ok := r.Old.(*model.Node)
		return ok && r.Verb == store.Deleted && n.Name == "spot-0"
	}
	swept := func(x *cluster.Cluster, r *store.Record) bool {
		_, ok := r.Old.(*model.Pod)
		return ok && r.Verb == store.Deleted && x.Store.History().ActorName(r.By) == "pod-garbage-collector"
	}
	gone := says("MachineTerminated", "spot-0", "")
	check(t, spot(true), 5*time.Minute,
		tableRow{"its node is cordoned", cordoned, 0, 5 * time.Second},
		tableRow{"a first pod is evicted", podGoes("web"), 0, 6 * time.Second},
		tableRow{"the machine goes", gone, notice, notice},
		tableRow{"its node is deleted", deleted, notice + 40*time.Second, notice + 66*time.Second},
	)
	check(t, spot(false), 5*time.Minute,
		tableRow{"the machine goes", gone, notice, notice},
		tableRow{"it is found lost", becomes("spot-0", model.Unknown), notice + 39*time.Second, notice + 61*time.Second},
		tableRow{"its node is deleted", deleted, notice + 39*time.Second, notice + 66*time.Second},
		tableRow{"its pods are", swept, notice + 80*time.Second, notice + 128*time.Second},
		tableRow{what: "its node is cordoned", is: cordoned},
	)
}

// A zone of ten nodes goes in three steps. One node is tainted at once; of the next six
// only those that are found before 55 % are down, and then none, until the whole zone is
// gone: then a node every ten seconds.
func TestTableAZoneGoesInSteps(t *testing.T) {
	text := func(more string) string {
		return fmt.Sprintf(`duration: 25m
cluster:
  controlPlane: {managed: true}
  nodes: [{name: a, count: 10, cpu: 4, memory: 8Gi, zones: [a], hollow: true}, {name: b, count: 10, cpu: 4, memory: 8Gi, zones: [b], hollow: true}]
workload:
  manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 40, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "c:1", resources: {requests: {cpu: 100m}}}]}}}}]
timeline: [{at: 5m, fault: kubelet-stop, target: node/a-0}, {at: 7m, fault: kubelet-stop, target: [node/a-1, node/a-2, node/a-3, node/a-4, node/a-5, node/a-6]}%s]
`, more)
	}
	tainted := func(n int) func(*cluster.Cluster, *store.Record) bool {
		seen := map[string]bool{}
		last := sim.Time(0)
		return func(_ *cluster.Cluster, r *store.Record) bool {
			if r.At < last { // another run
				clear(seen)
			}
			last = r.At
			if o, ok := r.New.(*model.Node); ok && model.HasTaint(o.Taints, model.TaintUnreachable, model.NoExecute) {
				seen[o.Name] = true
			}
			return len(seen) == n
		}
	}
	check(t, text(""), 5*time.Minute,
		tableRow{"a first node is to be left", tainted(1), 39 * time.Second, 62 * time.Second},
		tableRow{"the first pod goes", podGoes("web"), 339 * time.Second, 363 * time.Second},
		tableRow{what: "a fifth node is to be left", is: tainted(5)},
	)
	const third = 7 * time.Minute
	check(t, text(", {at: 12m, fault: kubelet-stop, target: [node/a-7, node/a-8, node/a-9]}"), 5*time.Minute,
		tableRow{"the fifth node is to be left", tainted(5), third + 39*time.Second, third + 62*time.Second + 40*time.Second},
		tableRow{"the last node is to be left", tainted(10), third + 39*time.Second + 50*time.Second, third + 62*time.Second + 90*time.Second},
	)
}

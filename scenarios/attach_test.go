package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/scenarios"
	"orrery/sim"
)

// ran is what happened in a run of a scenario.
func ran(t *testing.T, name, text string) *cluster.Cluster {
	t.Helper()
	s, err := scenarios.Read(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return runOf(t, s)
}

func runOf(t *testing.T, s *scenarios.Scenario) *cluster.Cluster {
	t.Helper()
	x := begun(t, s)
	runUntil(t, x, sim.Time(s.Config.Duration))
	return x
}

// ranLibrary is that of a scenario of the library.
func ranLibrary(t *testing.T, name string) *cluster.Cluster {
	t.Helper()
	s, err := scenarios.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	return runOf(t, s)
}

// when is the moments of the records that are of interest.
func when(x *cluster.Cluster, of func(r *store.Record) bool) (at []sim.Time) {
	h := x.Store.History()
	for i := range h.Len() {
		if r := h.At(i); of(r) {
			at = append(at, r.At)
		}
	}
	return at
}

// noted is when a note was made whose message contains something.
func noted(x *cluster.Cluster, reason, message string) []sim.Time {
	return when(x, func(r *store.Record) bool {
		return r.Note != nil && r.Note.Reason == reason && strings.Contains(r.Note.Message, message)
	})
}

// podGone is when the pods' objects of an app went.
func podGone(x *cluster.Cluster, app string) []sim.Time {
	return when(x, func(r *store.Record) bool {
		p, ok := r.Old.(*model.Pod)
		return ok && r.Verb == store.Deleted && p.Labels.Value("app") == app
	})
}

// detachAsked is when attachments to a node were asked to go.
func detachAsked(x *cluster.Cluster, node string) []sim.Time {
	return when(x, func(r *store.Record) bool {
		old, was := r.Old.(*model.VolumeAttachment)
		next, is := r.New.(*model.VolumeAttachment)
		return was && is && next.Node == node && next.Deleting() && !old.Deleting()
	})
}

// Source: pkg/controller/volume/attachdetach/reconciler/reconciler.go: forceDetach is
// !isHealthy && elapsed > maxWaitForUnmountDuration, and elapsed counts from when the
// volume is not desired any more, which is when pod GC has its pod fail
// (attachdetach/util/util.go DetermineVolumeAction). The node's object is gone, which is not healthy.
func TestAVolumeStaysAttachedToALostNodeForSixMinutesAfterItsPodIsGone(t *testing.T) {
	x := ranLibrary(t, "volume-lost-node-broken")
	asked := detachAsked(x, "fast")
	gone := when(x, func(r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		return ok && p.Labels.Value("app") == "db" && p.Phase == model.PodFailed
	})[0]
	if len(asked) != 2 {
		t.Fatalf("%d volumes were detached from the lost node, want 2", len(asked))
	}
	for _, at := range asked {
		if wait := at.Sub(gone); wait < 6*time.Minute || wait > 6*time.Minute+200*time.Millisecond {
			t.Errorf("detached %v after the pods were gone, want 6m", wait)
		}
	}
	errors := noted(x, "FailedAttachVolume", "Multi-Attach error for volume")
	if len(errors) != 2 {
		t.Errorf("%d Events of multi-attach, want one for each pod that waits", len(errors))
	}
}

// Source: v1.35 pkg/volume/util/operationexecutor/operation_generator.go
// GenerateVerifyControllerAttachedVolumeFunc: a volume that the kubelet's own view of its node does not
// show as attached is looked for every 100 ms ("this would avoid exponential back-off"). So after
// minutes in vain it is mounted when it is attached, and the pod starts when that is done and its
// worker, which rests 10 to 15 s after each 2m3s, and the image are there.
func TestAVolumeIsMountedAsSoonAsItIsAttachedHoweverLongThatTook(t *testing.T) {
	for _, at := range []string{"8m30s", "9m", "9m30s"} {
		x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
			"timeline: [{at: 1m, do: apply, manifests: ["+nakedPod("second", "n-1")+"]}, {at: "+at+", do: delete, target: pod/first}]\n"))
		attached, started := noted(x, "SuccessfulAttachVolume", ""), startedAt(x, "second")
		if len(attached) != 2 || len(started) != 1 || started[0] < attached[1] {
			t.Fatalf("attached at %v, started at %v", attached, started)
		}
		if took := started[0].Sub(attached[1]); took > 30*time.Second {
			t.Errorf("deleted at %s: started %v after it was attached", at, took)
		}
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go SyncPod: of a worker that has waited for volumes in vain there is no
// Event, since its error is a deadline that is over (wait.Interrupted).
func TestAWorkerThatWaitedForVolumesInVainSaysNothing(t *testing.T) {
	x := ranLibrary(t, "volume-lost-node-broken")
	if at := noted(x, "FailedMount", ""); len(at) > 0 {
		t.Errorf("Events at %v", at)
	}
}

// Source: v1.35 pkg/util/goroutinemap/exponentialbackoff: a mount that fails is tried again after 0.5 s, 1, 2 and
// so on until 64, and then after 122 s each time; here one that is due while the worker rests, which it does
// for 10 to 15 s after each 2m3s, comes with it.
func TestAMountThatFailsIsTriedEverLater(t *testing.T) {
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
		"timeline: [{at: 10m, fault: volume-lost, target: pod/first}, {at: 11m, do: delete, target: pod/first}, {at: 11m2s, do: apply, manifests: ["+nakedPod("second", "n-0")+"]}]\n"))
	tries := noted(x, "FailedMount", "MountVolume.MountDevice failed")
	want := []time.Duration{0, 500, 1500, 3500, 7500, 15500, 31500, 63500, 127500, 249500}
	if len(tries) < len(want) {
		t.Fatalf("tried at %v", tries)
	}
	for i, after := range want {
		if late := tries[i].Sub(tries[0]) - after*time.Millisecond; late < 0 || late > 25*time.Second || i < 8 && late > time.Second {
			t.Errorf("try %d comes %v after the first, want %v", i, tries[i].Sub(tries[0]), after*time.Millisecond)
		}
	}
}

// Source: v1.35 pkg/kubelet/volumemanager/cache/desired_state_of_world.go AddPodToVolume,
// pkg/kubelet/kubelet_node_status.go markVolumesFromNode: that a node says that it uses a volume counts
// only once the status loop has looked, every 10 s, since a pod there needs it, also if the
// node has never ceased to say so. So a pod that follows another one on its node waits for that.
func TestAPodWaitsForALookOfTheStatusLoopAlsoIfItsVolumeIsInUse(t *testing.T) {
	var longest time.Duration
	for seed := range uint64(10) {
		s, err := scenarios.Read("disks.yaml", []byte(disks("ReadWriteOnce", "", diskPod("first", "n-0"),
			"timeline: [{at: 10m, do: delete, target: pod/first}, {at: 10m2s, do: apply, manifests: ["+nakedPod("second", "n-0")+"]}]\n")))
		if err != nil {
			t.Fatal(err)
		}
		s.Config.Seed = seed + 1
		x := runOf(t, s)
		if asked := detachAsked(x, "n-0"); len(asked) > 0 { // then it is not in use any more
			continue
		}
		longest = max(longest, startedAt(x, "second")[0].Sub(sim.Time(10*time.Minute+2*time.Second)))
	}
	if longest < 8*time.Second || longest > 20*time.Second {
		t.Errorf("the last starts after %v, want a look and what a mount takes", longest)
	}
}

// Source: reconciler.go hasOutOfServiceTaint; pkg/controller/podgc/gc_controller.go
// gcTerminating, every 20 s.
func TestWithTheOutOfServiceTaintPodsGoWithin20SecondsAndVolumesAtOnce(t *testing.T) {
	x := ranLibrary(t, "volume-lost-node")
	tainted := when(x, func(r *store.Record) bool {
		n, ok := r.New.(*model.Node)
		return ok && model.HasTaintKey(n.Taints, model.TaintOutOfService)
	})[0]
	for _, app := range []string{"db", "wiki"} {
		if at := podGone(x, app); len(at) != 1 || at[0].Sub(tainted) > 20*time.Second+100*time.Millisecond {
			t.Errorf("%s: gone at %v, tainted at %v", app, at, tainted)
		}
	}
	asked := detachAsked(x, "fast")
	if len(asked) != 2 || asked[1].Sub(podGone(x, "db")[0]) > 200*time.Millisecond {
		t.Errorf("detached at %v, pods gone at %v", asked, podGone(x, "db"))
	}
}

// disks is a scenario of pods that use claims of a class ssd, on three nodes.
func disks(mode, more, objects, timeline string) string {
	return fmt.Sprintf(`apiVersion: orrery/v1
name: disks
duration: 20m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi, zones: [a]}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: ebs.csi.aws.com}
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: ssd, accessModes: [%s], resources: {requests: {storage: 5Gi}}}}
%s%s%s`, mode, more, objects, timeline)
}

// nakedPod is a pod on a node with the claim data.
func nakedPod(name, node string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {app: %s}}, "+
		"spec: {terminationGracePeriodSeconds: 1, nodeSelector: {kubernetes.io/hostname: %s}, "+
		"volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: c, image: 'c:1'}]}}", name, name, node)
}

// diskPod is that as an entry of the manifests.
func diskPod(name, node string) string {
	return "    - " + nakedPod(name, node) + "\n"
}

func startedAt(x *cluster.Cluster, pod string) []sim.Time {
	return when(x, func(r *store.Record) bool {
		return r.Note != nil && r.Note.Reason == "Started" && r.Note.Path() == "pod/"+pod
	})
}

// Source: reconciler.go reportMultiAttachError; util.go IsMultiAttachAllowed.
func TestAVolumeForOneNodeWaitsUntilTheOtherNodeHasLetItGo(t *testing.T) {
	pods := diskPod("first", "n-0") + diskPod("second", "n-1")
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", pods, "timeline: [{at: 10m, do: delete, target: pod/first}, {at: 10m, do: delete, target: pod/second}]\n"))
	if a, b := len(startedAt(x, "first")), len(startedAt(x, "second")); a+b != 1 {
		t.Errorf("%d and %d starts, want one of both", a, b)
	}
	if n := len(noted(x, "FailedAttachVolume", "Volume is already used by pod(s)")); n != 1 {
		t.Errorf("%d Events, want 1", n)
	}
	x = ran(t, "disks.yaml", disks("ReadWriteMany", "", pods, ""))
	if a, b := len(startedAt(x, "first")), len(startedAt(x, "second")); a != 1 || b != 1 {
		t.Errorf("for many nodes: %d and %d starts, want 1 and 1", a, b)
	}
}

// Source: pkg/kubelet/volumemanager: a volume is reported in use until it is unmounted;
// the node's status is written every 10 s; reconciler.go MountedByNode.
func TestAHealthyNodeLetsAVolumeGoWithItsNextStatus(t *testing.T) {
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
		"timeline: [{at: 10m, do: delete, target: pod/first}, {at: 11m, do: apply, manifests: ["+nakedPod("second", "n-1")+"]}]\n"))
	gone, asked := podGone(x, "first"), detachAsked(x, "n-0")
	if len(gone) != 1 || len(asked) != 1 {
		t.Fatalf("gone at %v, detached at %v", gone, asked)
	}
	if wait := asked[0].Sub(gone[0]); wait <= 0 || wait > 10500*time.Millisecond {
		t.Errorf("detached %v after the pod was gone, want at most a status interval", wait)
	}
	unused := when(x, func(r *store.Record) bool {
		old, was := r.Old.(*model.Node)
		n, is := r.New.(*model.Node)
		return was && is && len(old.VolumesInUse) == 1 && len(n.VolumesInUse) == 0
	})
	if len(unused) != 1 || asked[0] < unused[0] {
		t.Errorf("detached at %v, unmounted at %v", asked, unused)
	}
	if len(startedAt(x, "second")) != 1 {
		t.Error("the volume did not get to the other node")
	}
}

// Source: pkg/kubelet/volumemanager/reconciler: what is mounted is found again.
func TestAKubeletThatStartsAnewKeepsVolumesMounted(t *testing.T) {
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
		"timeline: [{at: 5m, for: 20s, fault: kubelet-stop, target: node/n-0}, {at: 10m, for: 2m, fault: node-down, target: node/n-0}]\n"))
	if asked := detachAsked(x, "n-0"); len(asked) != 0 {
		t.Errorf("detached at %v", asked)
	}
	if n := len(startedAt(x, "first")); n != 2 {
		t.Errorf("%d starts, want one more after the machine's reboot", n)
	}
	n := x.Store.Lookup(model.KindNode, "", "n-0").(*model.Node)
	if len(n.VolumesInUse) != 1 || !slices.Equal(n.VolumesInUse, n.VolumesAttached) {
		t.Errorf("in use %q, attached %q", n.VolumesInUse, n.VolumesAttached)
	}
}

// Source: pkg/scheduler/framework/plugins/nodevolumelimits/csi.go: VolumeAttachments of
// the node count; isSchedulableAfterVolumeAttachmentDeleted.
func TestAVolumeCountsTowardsANodesLimitUntilItIsDetached(t *testing.T) {
	limits := "    - {apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n-0}, spec: {drivers: [{name: ebs.csi.aws.com, nodeID: i-0, allocatable: {count: 1}}]}}\n" +
		"    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: other}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}\n"
	second := strings.Replace(diskPod("second", "n-0"), "claimName: data", "claimName: other", 1)
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", limits, diskPod("first", "n-0"),
		"timeline: [{at: 5m, do: apply, manifests: ["+strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(second), "-"))+"]}, {at: 10m, do: delete, target: pod/first}]\n"))
	if len(noted(x, "FailedScheduling", "node(s) exceed max volume count")) == 0 {
		t.Error("nobody was told of the limit")
	}
	detached := when(x, func(r *store.Record) bool {
		a, ok := r.Old.(*model.VolumeAttachment)
		return ok && r.Verb == store.Deleted && a.Node == "n-0"
	})
	bound := when(x, func(r *store.Record) bool {
		old, was := r.Old.(*model.Pod)
		p, is := r.New.(*model.Pod)
		return was && is && p.Name == "second" && old.NodeID == 0 && p.NodeID != 0
	})
	if len(detached) != 1 || len(bound) != 1 || bound[0] < detached[0] || bound[0].Sub(detached[0]) > 10*time.Second {
		t.Errorf("detached at %v, the second pod bound at %v", detached, bound)
	}
}

// Source: our estimate, of what public measurements span: 12 s in the median, 60 s in
// one of a hundred, from the binding to the volume's mount.
func TestAttachingAndMountingTakesTwelveSecondsInTheMedian(t *testing.T) {
	x := ran(t, "many.yaml", `apiVersion: orrery/v1
name: many
duration: 1h
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 5, cpu: 4, memory: 8Gi, zones: [a]}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: ebs.csi.aws.com}
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec:
        replicas: 100
        selector: {matchLabels: {app: db}}
        template:
          metadata: {labels: {app: db}}
          spec: {containers: [{name: db, image: "db:1", imagePullPolicy: IfNotPresent, resources: {requests: {cpu: 100m}}}]}
        volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
`)
	bound := map[string]sim.Time{}
	var took []time.Duration
	h := x.Store.History()
	for i := range h.Len() {
		r := h.At(i)
		p, ok := r.New.(*model.Pod)
		if !ok {
			continue
		}
		switch at, seen := bound[p.Name]; {
		case !seen && p.NodeID != 0:
			bound[p.Name] = r.At
		case seen && at > 0 && p.Sandbox.Status == model.True:
			took = append(took, r.At.Sub(at))
			bound[p.Name] = -1
		}
	}
	slices.Sort(took)
	if len(took) != 100 {
		t.Fatalf("%d pods", len(took))
	}
	t.Logf("median %v, p90 %v, p99 %v", took[50], took[90], took[98])
	if took[50] < 9*time.Second || took[50] > 15*time.Second || took[98] < 30*time.Second || took[98] > 90*time.Second {
		t.Errorf("median %v, p99 %v; want about 12 s and 60 s", took[50], took[98])
	}
}

// Source: gc_controller.go gcTerminating: only if the node is not ready.
func TestTheOutOfServiceTaintOnAReadyNodeForcesNothing(t *testing.T) {
	x := ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
		"timeline: [{at: 5m, do: taint, target: node/n-0, taint: 'node.kubernetes.io/out-of-service=x:NoExecute'}]\n"))
	gone := when(x, func(r *store.Record) bool {
		_, ok := r.Old.(*model.Pod)
		return ok && r.Verb == store.Deleted && x.Store.History().ActorName(r.By) == "kubelet/n-0"
	})
	if len(gone) != 1 {
		t.Errorf("its kubelet let %d pods go, want 1", len(gone))
	}
	x = ran(t, "disks.yaml", disks("ReadWriteOnce", "", diskPod("first", "n-0"),
		"timeline: [{at: 5m, do: taint, target: node/n-0, taint: 'gpu=x:NoSchedule'}, {at: 6m, do: taint, target: node/n-0, taint: 'gpu:NoSchedule-'}]\n"))
	if n := x.Store.Lookup(model.KindNode, "", "n-0").(*model.Node); len(n.Taints) != 0 {
		t.Errorf("taints %v, want them taken off", n.Taints)
	}
}

// Source: attach_detach_controller.go populateActualStateOfWorld: since when a volume is
// not wanted is known to the process alone.
func TestTheSixMinutesBeginAnewWithAnotherControllerManager(t *testing.T) {
	s, err := scenarios.Embedded("volume-lost-node-broken")
	if err != nil {
		t.Fatal(err)
	}
	crash := sim.Time(15 * time.Minute)
	s.Config.Faults = append(s.Config.Faults, fault.Spec{ID: "crash", Fault: "controller-manager-crash", At: crash})
	x := runOf(t, s)
	asked := detachAsked(x, "fast")
	led := when(x, func(r *store.Record) bool {
		return r.Note != nil && r.Note.Reason == "LeaderElection" && strings.Contains(r.Note.Path(), "kube-controller-manager") && strings.HasSuffix(r.Note.Message, "became leader")
	})
	if len(led) != 1 || len(asked) != 2 || asked[0].Sub(led[0]) < 6*time.Minute || asked[0].Sub(led[0]) > 6*time.Minute+2*time.Second {
		t.Errorf("led again from %v, detached at %v", led, asked)
	}
}

// The slow twin: every tick an event.
func TestVolumesAreTheSameInLiteralMode(t *testing.T) {
	for _, name := range []string{"volume-lost-node", "volume-lost-node-broken"} {
		var told [2][]string
		for i, literal := range []bool{false, true} {
			s, err := scenarios.Embedded(name)
			if err != nil {
				t.Fatal(err)
			}
			s.Config.Literal = literal
			x := runOf(t, s)
			h := x.Store.History()
			for n := range h.Len() {
				r := h.At(n)
				line := fmt.Sprint(r.At, " ", h.ActorName(r.By), " ", r.Verb, " ")
				if r.Note != nil {
					line += r.Note.Path() + " " + r.Note.Message
				} else {
					line += r.Object().Head().Path()
				}
				told[i] = append(told[i], line)
			}
		}
		for i := range min(len(told[0]), len(told[1])) {
			if told[0][i] != told[1][i] {
				t.Fatalf("%s: %s\nliteral: %s", name, told[0][i], told[1][i])
			}
		}
		if len(told[0]) != len(told[1]) || len(told[0]) < 100 {
			t.Errorf("%s: %d records, literal %d", name, len(told[0]), len(told[1]))
		}
	}
}

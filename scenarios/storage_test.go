package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/scenarios"
	"orrery/sim"
)

// stored is where the pods called store are after a run with a zone-bound volume
// of the given class, or "" each if nowhere, and what the scheduler said last.
func stored(t *testing.T, class, volume, timeline string) (places []string, said string) {
	t.Helper()
	text := fmt.Sprintf(`apiVersion: orrery/v1
name: storage
duration: 30m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 6, cpu: 4, memory: 8Gi, zones: [a, b, c]}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: %s}
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}
%s    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: store}
      spec:
        replicas: 2
        selector: {matchLabels: {app: store}}
        template:
          metadata: {labels: {app: store}}
          spec:
            volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
            containers: [{name: store, image: "store:1", resources: {requests: {cpu: 1}}}]
%s`, class, volume, timeline)
	s, err := scenarios.Read("storage.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a run leaves what it was given as it is
		places, said = nil, ""
		x := runOf(t, s)
		x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.Active() {
				places = append(places, p.NodeName)
			}
			return true
		})
		h := x.Store.History()
		for i := range h.Len() {
			if r := h.At(i); r.Note != nil && r.Note.Reason == "FailedScheduling" {
				said = r.Note.Message
			}
		}
	}
	return places, said
}

// zoneB is a volume that only the nodes of zone b reach.
const zoneB = `    - apiVersion: v1
      kind: PersistentVolume
      metadata: {name: disk}
      spec:
        capacity: {storage: 10Gi}
        accessModes: [ReadWriteOnce]
        storageClassName: ssd
        nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [b]}]}]}}
`

// Source: pkg/scheduler/framework/plugins/volumebinding/binder.go checkBoundClaims;
// pkg/controller/volume/persistentvolume/pv_controller.go syncUnboundClaim.
func TestInARunPodsGoWhereTheirZonalVolumeIs(t *testing.T) {
	for _, class := range []string{"kubernetes.io/no-provisioner", "kubernetes.io/no-provisioner, volumeBindingMode: WaitForFirstConsumer"} {
		places, _ := stored(t, class, zoneB, "")
		for _, node := range places {
			if node != "n-1" && node != "n-4" {
				t.Errorf("%s: a pod is on %q, which does not reach its volume", class, node)
			}
		}
		if len(places) != 2 {
			t.Errorf("%s: %d pods", class, len(places))
		}
	}
}

// Source: as above: the claim stays bound, so nobody else can take the pods.
func TestInARunPodsWaitForTheZoneOfTheirVolume(t *testing.T) {
	places, said := stored(t, "kubernetes.io/no-provisioner", zoneB, "timeline: [{at: 5m, fault: node-down, zone: b}, {at: 6m, do: delete, target: deployment/store},"+
		" {at: 20m, do: apply, manifests: [{apiVersion: v1, kind: Pod, metadata: {name: late}, spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: c, image: 'c:1'}]}}]}]\n")
	if len(places) != 1 || places[0] != "" || !strings.Contains(said, "4 node(s) didn't match PersistentVolume's node affinity") {
		t.Errorf("pods on %q, told %q", places, said)
	}
}

// Source: pkg/scheduler/framework/plugins/volumebinding/volume_binding.go PreFilter:
// an unbound claim of an immediate class; pv_controller.go: without a provisioner
// nobody makes a volume.
func TestInARunAnImmediateClaimWithoutVolumeKeepsItsPodsOut(t *testing.T) {
	places, said := stored(t, "kubernetes.io/no-provisioner", "", "")
	if len(places) != 2 || places[0]+places[1] != "" || !strings.Contains(said, "pod has unbound immediate PersistentVolumeClaims") {
		t.Errorf("pods on %q, told %q", places, said)
	}
	if places, _ := stored(t, "ebs.csi.aws.com", "", ""); len(places) != 2 || places[0] == "" || places[1] == "" {
		t.Errorf("with a provisioner: pods on %q", places)
	}
}

// Source: volume_binding.go Reserve: a node is selected for a claim that waits for
// its first consumer; binder.go FindPodVolumes: until the volume is there, other
// pods with that claim can go nowhere else; the provisioner makes the volume there,
// and the disks of clouds belong to a zone.
func TestInARunAClaimThatWaitsIsMadeWhereItsFirstPodGoes(t *testing.T) {
	zone := map[string]string{"n-0": "a", "n-1": "b", "n-2": "c", "n-3": "a", "n-4": "b", "n-5": "c"}
	const class = "ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer"
	places, _ := stored(t, class, "", "")
	if len(places) != 2 || zone[places[0]] == "" || zone[places[0]] != zone[places[1]] {
		t.Errorf("pods on %q, want them in the zone of the node that was selected for the first", places)
	}
	places, _ = stored(t, class, "", "timeline: [{at: 10m, do: scale, target: deployment/store, replicas: 5}]\n")
	seen := map[string]bool{}
	for _, p := range places {
		seen[p] = true
		if zone[p] != zone[places[0]] {
			t.Errorf("pods on %q, want them in the zone of their volume", places)
		}
	}
	if len(seen) != 2 {
		t.Errorf("pods on %q, want them on both nodes of a zone", places)
	}
}

func TestAClaimThatASnapshotDoesNotShowIsAssumed(t *testing.T) {
	dir := t.TempDir()
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {%svolumes: [{name: d, persistentVolumeClaim: {claimName: %s}}], containers: [{name: c, image: 'c:1'}]}}"
	for name, text := range map[string]string{
		"dump.yaml": fmt.Sprintf("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: n-0}, status: {allocatable: {cpu: 4, memory: 8Gi, pods: 110}}}\n- "+pod+"\n", "there", "nodeName: n-0, ", "old"),
		"s.yaml":    fmt.Sprintf("apiVersion: orrery/v1\nname: s\nduration: 1m\ncluster: {snapshot: dump.yaml}\nworkload: {manifests: ["+pod+"]}\n", "new", "", "unheard-of"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scenarios.Load(filepath.Join(dir, "s.yaml"), scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var claims []string
	for _, o := range s.Config.Objects {
		if c, ok := o.(*model.Claim); ok {
			claims = append(claims, c.Name)
		}
	}
	noted := strings.Contains(strings.Join(s.Notes, "\n"), "persistentvolumeclaim default/old is not in the snapshot")
	if !slices.Equal(claims, []string{"old"}) || s.Config.Scheduler.Storage == nil || !noted {
		t.Errorf("claims %v, notes %q", claims, s.Notes)
	}
}

// after is the truth at the end of a run of so long.
func after(t *testing.T, text string, d time.Duration) *cluster.Cluster {
	t.Helper()
	x := begun(t, read(t, "apiVersion: orrery/v1\nname: storage\nduration: 30m\n"+text))
	runUntil(t, x, sim.Time(d))
	return x
}

// volumesOf is all volumes, each with its phase.
func volumesOf(x *cluster.Cluster) (out []string) {
	x.Store.Snapshot().Each(model.KindPersistentVolume, func(o model.Object) bool {
		v := o.(*model.Volume)
		out = append(out, v.Name+" "+v.Phase.String())
		return true
	})
	return out
}

const reclaimed = `cluster: {nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: ebs.csi.aws.com, reclaimPolicy: %s}
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: c, image: "c:1"}]}}
timeline:
  - {at: 5m, do: delete, target: persistentvolumeclaim/data}
  - {at: 10m, do: delete, target: pod/p}
`

// Source: pkg/controller/volume/pvcprotection/pvc_protection_controller.go: the
// finalizer stays while a pod that runs uses the claim; pv_controller.go syncVolume,
// reclaimVolume: then its volume is Released, and deleted if its policy is Delete.
func TestAClaimStaysWhileItIsUsedAndItsVolumeGoesAfterIt(t *testing.T) {
	text := fmt.Sprintf(reclaimed, "Delete")
	for _, at := range []struct {
		minute time.Duration
		claim  bool
		phase  string
	}{{4, true, " Bound"}, {9, true, " Bound"}, {12, false, ""}} {
		x := after(t, text, at.minute*time.Minute)
		c, there := x.Store.Lookup(model.KindPersistentVolumeClaim, "default", "data").(*model.Claim)
		if there != at.claim || there && c.Deleting() != (at.minute > 5) {
			t.Errorf("minute %d: there is a claim: %v", at.minute, there)
		}
		if v := strings.Join(volumesOf(x), ","); !strings.HasSuffix(v, at.phase) || (v == "") != (at.phase == "") {
			t.Errorf("minute %d: volumes %q, want one%s", at.minute, v, at.phase)
		}
	}
	if v := volumesOf(after(t, fmt.Sprintf(reclaimed, "Retain"), 20*time.Minute)); len(v) != 1 || !strings.HasSuffix(v[0], " Released") {
		t.Errorf("volumes %q, want one that is Released", v)
	}
}

// Source: pv_controller.go syncUnboundClaim and its cache of volumes, which knows of a
// binding before the API server does; index.go: the smallest volume that suits.
func TestTwoClaimsNeverShareAVolume(t *testing.T) {
	text := `cluster: {nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local}, provisioner: kubernetes.io/no-provisioner}
    - {apiVersion: v1, kind: PersistentVolume, metadata: {name: large}, spec: {storageClassName: local, capacity: {storage: 9Gi}, accessModes: [ReadWriteOnce]}}
    - {apiVersion: v1, kind: PersistentVolume, metadata: {name: small}, spec: {storageClassName: local, capacity: {storage: 6Gi}, accessModes: [ReadWriteOnce]}}
`
	text += "timeline:\n  - at: 1m\n    do: apply\n    manifests:\n"
	for _, name := range []string{"a", "b", "c"} {
		text += "      - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name + "}, spec: {storageClassName: local, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}\n"
	}
	x := after(t, text, 2*time.Minute)
	var got []string
	x.Store.Snapshot().Each(model.KindPersistentVolumeClaim, func(o model.Object) bool {
		c := o.(*model.Claim)
		got = append(got, c.Name+" "+c.Phase.String()+" "+c.Volume)
		return true
	})
	if s := strings.Join(got, ", "); s != "a Bound small, b Bound large, c Pending " {
		t.Errorf("claims: %s", s)
	}
}

const setWithClaims = `cluster: {nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi, zones: [a, b, c]}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer}
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec:
        replicas: 3
        selector: {matchLabels: {app: db}}
        %s
        template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1", resources: {requests: {cpu: 3}}}]}}
        volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}]
timeline:
  - {at: 5m, do: scale, target: statefulset/db, replicas: 1}
  - {at: 15m, do: scale, target: statefulset/db, replicas: 3}
  - {at: 25m, do: delete, target: statefulset/db}
`

// claimsOf is all claims with the volumes they are bound to.
func claimsOf(x *cluster.Cluster) string {
	var out []string
	x.Store.Snapshot().Each(model.KindPersistentVolumeClaim, func(o model.Object) bool {
		c := o.(*model.Claim)
		out = append(out, c.Name+" "+c.Phase.String()+" "+c.Volume)
		return true
	})
	return strings.Join(out, ", ")
}

// Source: pkg/controller/statefulset/stateful_set_utils.go getPersistentVolumeClaimName
// (TEMPLATE-SET-ORDINAL), stateful_pod_control.go createPersistentVolumeClaims; the
// default retention policy is Retain for both (pkg/apis/apps/v1/defaults.go).
func TestClaimsOfAStatefulSetAreKeptAndFoundAgain(t *testing.T) {
	text := fmt.Sprintf(setWithClaims, "podManagementPolicy: OrderedReady")
	full := claimsOf(after(t, text, 4*time.Minute))
	for i := range 3 {
		if want := fmt.Sprintf("data-db-%d Bound pvc-", i); !strings.Contains(full, want) {
			t.Fatalf("claims %q, want %q", full, want)
		}
	}
	for _, minute := range []time.Duration{14, 24, 29} {
		x := after(t, text, minute*time.Minute)
		if got := claimsOf(x); got != full {
			t.Errorf("minute %d: claims %q, want %q", minute, got, full)
		}
		if minute == 24 { // each pod is back in the zone of its volume
			for i := range 3 {
				p := x.Store.Lookup(model.KindPod, "default", fmt.Sprintf("db-%d", i)).(*model.Pod)
				was := after(t, text, 4*time.Minute).Store.Lookup(model.KindPod, "default", p.Name).(*model.Pod)
				if p.NodeName != was.NodeName || !p.IsReady() {
					t.Errorf("%s is on %q, was on %q", p.Name, p.NodeName, was.NodeName)
				}
			}
		}
	}
}

// Source: stateful_set_utils.go updateClaimOwnerRefForSetAndPod; the garbage
// collector does the rest.
func TestClaimsOfAStatefulSetGoWhereItsPolicySaysSo(t *testing.T) {
	text := fmt.Sprintf(setWithClaims, "persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}")
	for _, at := range []struct {
		minute time.Duration
		claims int
	}{{4, 3}, {14, 1}, {24, 3}, {29, 0}} {
		x := after(t, text, at.minute*time.Minute)
		if c := claimsOf(x); strings.Count(c, " Bound ") != at.claims || (c == "") != (at.claims == 0) {
			t.Errorf("minute %d: claims %q, want %d", at.minute, c, at.claims)
		}
		if v := volumesOf(x); len(v) != at.claims {
			t.Errorf("minute %d: volumes %q, want %d", at.minute, v, at.claims)
		}
	}
}

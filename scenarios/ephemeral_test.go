package scenarios_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/model/cluster"
)

const scratch = `apiVersion: orrery/v1
name: scratch
duration: 20m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 3, cpu: 4, memory: 8Gi, zones: [a]}]}
workload:
  manifests:
    - {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, provisioner: ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: worker}
      spec:
        replicas: 2
        selector: {matchLabels: {app: worker}}
        template:
          metadata: {labels: {app: worker}}
          spec:
            volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {metadata: {labels: {use: scratch}}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}}}]
            containers: [{name: worker, image: "worker:1"}]
`

// claims is the claims that there are, by name.
func claims(x *cluster.Cluster) map[string]*model.Claim {
	all := map[string]*model.Claim{}
	x.Store.Snapshot().Each(model.KindPersistentVolumeClaim, func(o model.Object) bool {
		all[o.Head().Name] = o.(*model.Claim)
		return true
	})
	return all
}

// Source: pkg/controller/volume/ephemeral/controller.go handleVolume;
// k8s.io/component-helpers/storage/ephemeral VolumeClaimName: POD-VOLUME.
func TestAnEphemeralVolumeIsAClaimOfItsPodAndGoesWithIt(t *testing.T) {
	x := ran(t, "scratch.yaml", scratch+"timeline: [{at: 10m, do: scale, target: deployment/worker, replicas: 1}]\n")
	all, volumes := claims(x), 0
	x.Store.Snapshot().Each(model.KindPersistentVolume, func(model.Object) bool { volumes++; return true })
	if len(all) != 1 || volumes != 1 {
		t.Fatalf("%d claims and %d volumes are left, want those of one pod", len(all), volumes)
	}
	for name, c := range all { //tidy:commutative there is one
		p := x.Store.Get(c.Owner).(*model.Pod)
		if name != p.Name+"-scratch" || p.Phase != model.PodRunning || !c.Bound || c.Labels.Value("use") != "scratch" {
			t.Errorf("claim %s, bound %v, of pod %s in phase %v", name, c.Bound, p.Name, p.Phase)
		}
	}
	if n := len(noted(x, "SuccessfulAttachVolume", "worker")); n != 2 {
		t.Errorf("%d volumes were attached, want 2", n)
	}
}

// Source: pkg/scheduler/framework/plugins/volumebinding/volume_binding.go podHasPVCs;
// k8s.io/component-helpers/storage/ephemeral VolumeIsForPod.
func TestAClaimOfThatNameThatIsNotThePodsKeepsItOut(t *testing.T) {
	text := strings.Replace(scratch, "    - apiVersion: apps/v1\n", `    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: lone-scratch}, spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: lone}, spec: {volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {spec: {storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}}}], containers: [{name: c, image: "c:1"}]}}
    - apiVersion: apps/v1
`, 1)
	x := ran(t, "scratch.yaml", text)
	if p := x.Store.Lookup(model.KindPod, "default", "lone").(*model.Pod); p.NodeName != "" {
		t.Errorf("the pod is on %s", p.NodeName)
	}
	if len(noted(x, "FailedScheduling", "PVC default/lone-scratch was not created for pod default/lone (pod is not owner)")) == 0 {
		t.Error("nobody was told why")
	}
}

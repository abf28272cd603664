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

// containerStarts is the start of a container of a pod.
func containerStarts(pod string) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		return r.Note != nil && r.Note.Reason == model.StartedContainer && strings.HasSuffix(r.Note.Path(), pod)
	}
}

// No API server answers for ten minutes, from before a pod that is bound already has its
// volumes: it is asked for its token again after 0.5 s, 1, 2 and so on until 64, and then 122 s
// each time, which is 10m15.5s after the first try for the first time that somebody answers,
// and seconds more if its worker rests then, as it does for 10 to 15 s after each 2m3s. A pod
// that needs no token starts at once, whether it or its account says so.
// Source: pkg/volume/projected/projected.go collectData;
// pkg/util/goroutinemap/exponentialbackoff; pkg/kubelet/volumemanager/volume_manager.go
// WaitForAttachAndMount; plugin/pkg/admission/serviceaccount/admission.go shouldAutomount.
func TestTableABoundPodAndNoAPIServer(t *testing.T) {
	const outage = 10 * time.Minute
	check(t, `duration: 20m
cluster:
  controlPlane: {managed: true}
  nodes: [{name: m, cpu: 8, memory: 8Gi}]
workload:
  manifests:
    - {apiVersion: v1, kind: ServiceAccount, metadata: {name: none}, automountServiceAccountToken: false}
    - {apiVersion: v1, kind: Pod, metadata: {name: own}, spec: {nodeName: m, automountServiceAccountToken: false, containers: [{name: c, image: "c:1"}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: account}, spec: {nodeName: m, serviceAccountName: none, containers: [{name: c, image: "c:1"}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {nodeName: m, containers: [{name: c, image: "c:1"}]}}
timeline: [{at: 30ms, for: 10m, fault: apiserver-crash}]
`, 30*time.Millisecond,
		tableRow{"the mount fails", says("FailedMount", "web", "kube-api-access-"), 0, 10 * time.Millisecond},
		tableRow{what: "its worker says that it gives up for a while", is: says("FailedMount", "web", "Unable to attach or mount volumes")},
		tableRow{"a pod that wants no token starts", containerStarts("own"), 100 * time.Millisecond, 30 * time.Second},
		tableRow{"one whose account wants none starts", containerStarts("account"), 100 * time.Millisecond, 30 * time.Second},
		tableRow{what: "they miss a volume", is: says("FailedMount", "own", "")},
		tableRow{what: "they miss a volume", is: says("FailedMount", "account", "")},
		tableRow{"the pod starts", containerStarts("web"), outage + 15500*time.Millisecond, outage + 35*time.Second},
	)
}

// Zalando, June 2019, by hand. A kubelet may ask 5 times a second, and 10 times at once. 1,800
// pods come in 600 s, 3 in each: their tokens are 3 requests a second, and so every pod starts
// in seconds. What is left, 2 a second, are the GET and the PATCH of one status. A pod that
// has ended before its turn comes is told of once, so all that is asked is 1,800 tokens and
// two times 1,800, of which some wait a second time: 5,400 less 10 are 1,078 s.
func TestAKubeletOfFiveRequestsASecondStartsPodsInTimeAndTellsOfThemMinutesLater(t *testing.T) {
	x, _ := run(t, builtIn(t, "kubelet-qps-broken"))
	bound, slowest, last := map[string]sim.Time{}, time.Duration(0), sim.Time(0)
	h := x.Store.History()
	for i := range h.Len() {
		r := h.At(i)
		if p, ok := r.New.(*model.Pod); ok {
			if _, seen := bound[p.Name]; !seen && p.NodeID != 0 {
				bound[p.Name] = r.At
			}
			if p.Phase == model.PodSucceeded {
				last = r.At
			}
		}
		if r.Note != nil && r.Note.Reason == model.StartedContainer && r.At > sim.Time(time.Minute) { // the image is there
			name := r.Note.Path()[strings.LastIndexByte(r.Note.Path(), '/')+1:]
			slowest = max(slowest, r.At.Sub(bound[name]))
		}
	}
	if last < sim.Time(1078*time.Second) || last > sim.Time(1078*time.Second*105/100) {
		t.Errorf("the last pod is shown as over at %v, want 1,078 s and a little more", last)
	}
	if slowest > 20*time.Second || len(bound) != 1800 {
		t.Errorf("of %d pods the slowest starts after %v", len(bound), slowest)
	}
}

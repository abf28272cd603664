package scenarios_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/scenarios"
)

// Source: pkg/kubelet/eviction/helpers.go parseThresholdStatement: percents are float32s,
// and 0% and 100% are no threshold.
func TestEvictionHardIsReadAsAKubeletConfigurationHasIt(t *testing.T) {
	s, err := loaded(t, workers+`  kubelet:
    podPidsLimit: 4096
    evictionHard: {memory.available: 5%, nodefs.available: 10Gi, nodefs.inodesFree: 7.5%, imagefs.inodesFree: 100%, pid.available: 1000}
    evictionPressureTransitionPeriod: 30s
`, "")
	if err != nil {
		t.Fatal(err)
	}
	e := s.Config.Kubelet.Eviction
	want := kubelet.Thresholds{
		kubelet.MemoryAvailable: {Part: 13_421_773 << 4}, kubelet.NodeFsAvailable: {Amount: 10 << 30},
		kubelet.NodeFsInodesFree: {Part: 10_066_330 << 5}, kubelet.PIDAvailable: {Amount: 1000},
	}
	if e.Hard == nil || *e.Hard != want || e.Stays != 30*time.Second || s.Config.Kubelet.PodPIDsLimit != 4096 {
		t.Errorf("got %+v, want %+v", e, want)
	}
	for _, n := range append(s.Config.Nodes, s.Config.ControlPlane.Machines(&e)...) {
		kept := e.Kept(n.Capacity)
		if a := n.Capacity.MemoryBytes - n.Allocatable.MemoryBytes; a != kept.MemoryBytes || a < n.Capacity.MemoryBytes/20 || kept.EphemeralBytes != 10<<30 {
			t.Errorf("%s keeps %d bytes of memory, %+v", n.Name, a, kept)
		}
	}
}

// Source: pkg/kubelet/apis/config/types.go MergeDefaultEvictionSettings, EvictionMinimumReclaim
// (of which nothing may be asked for).
func TestDefaultsOfEvictionAreMergedAndAMinimumIsReclaimed(t *testing.T) {
	s, err := loaded(t, workers+`  kubelet:
    evictionHard: {memory.available: 1Gi, nodefs.inodesFree: 0%}
    mergeDefaultEvictionSettings: true
    evictionMinimumReclaim: {memory.available: 0Mi, imagefs.available: 2Gi, nodefs.available: 5%}
`, "")
	if err != nil {
		t.Fatal(err)
	}
	want := kubelet.DefaultHard
	want[kubelet.MemoryAvailable], want[kubelet.NodeFsInodesFree] = kubelet.Threshold{Amount: 1 << 30}, kubelet.Threshold{}
	more := kubelet.Thresholds{kubelet.ImageFsAvailable: {Amount: 2 << 30}, kubelet.NodeFsAvailable: {Part: 13_421_773 << 4}}
	if e := s.Config.Kubelet.Eviction; e.Hard == nil || *e.Hard != want || e.Reclaim != more {
		t.Errorf("got %+v", e)
	}
	if _, err := loaded(t, workers+"  kubelet: {evictionMinimumReclaim: {memory.availble: 1Gi}}\n", ""); !complains(err, `did you mean "memory.available"?`) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongAboutAThresholdIsSaidOfWhatIsWritten(t *testing.T) {
	for key, want := range map[string]string{
		"evictionMinimumReclaim: {nodefs.inodesFree: 1k}":  `"1k" has a unit, and this is a whole number: write 1000`,
		"evictionMinimumReclaim: {pid.available: 0Ki}":     `"0Ki" has a unit, and this is a whole number: write 0`,
		"evictionHard: {imagefs.inodesFree: 2Ki}":          `"2Ki" has a unit, and this is a whole number: write 2048`,
		"evictionMinimumReclaim: {nodefs.inodesFree: -5%}": "-5% is negative",
		"evictionMinimumReclaim: {memory.available: -5%}":  "-5% is negative",
	} {
		if _, err := loaded(t, workers+"  kubelet: {"+key+"}\n", ""); !complains(err, want) {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
	}
}

// Source: pkg/kubelet/cm/cpumanager/cpu_manager.go: with nothing reserved a kubelet of the
// policy static does not start.
func TestTheStaticCPUManagerNeedsReservedCPU(t *testing.T) {
	load := func(node string) (*scenarios.Scenario, error) {
		dir := folder(t, map[string]string{"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n  nodes: [{name: n, cpu: 4, memory: 8Gi, " + node + "}]\n"})
		return scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	}
	s, err := load("count: 2, cpuManagerPolicy: static, kubeReserved: {cpu: 500m}")
	if err != nil || !s.Config.Topology["n-1"].StaticCPUs {
		t.Errorf("got %v, %v", s, err)
	}
	for node, want := range map[string]string{
		"cpuManagerPolicy: static":               "the static policy requires kubeReserved.cpu or systemReserved.cpu to be greater than zero",
		"cpuManagerPolicy: sttaic":               "static",
		"hollow: true, cpuManagerPolicy: static": "nobody has CPUs for themselves",
	} {
		if _, err := load(node); !complains(err, want) {
			t.Errorf("%s: want %q, got %v", node, want, err)
		}
	}
}

func TestProcessesFilesAndVolumesOfABehaviorAreRead(t *testing.T) {
	pod := `
workload:
  manifests:
    - {apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: p}}, spec: {containers: [{name: c, image: x}], volumes: [{name: cache, emptyDir: {sizeLimit: 1Gi}}, {name: shm, emptyDir: {medium: Memory}}]}}
  behavior:
    - {match: {app: p}, BEHAVIOR}
`
	load := func(behavior string) (*scenarios.Scenario, error) {
		head := "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n  nodes: [{name: n, cpu: 4, memory: 8Gi, inodes: 5000, pids: 2000}]"
		dir := folder(t, map[string]string{"s.yaml": head + strings.Replace(pod, "BEHAVIOR", behavior, 1)})
		return scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	}
	s, err := load("pids: 20 + 1.5/rps + 0.5/s, inodes: 100 + 2/s, volumes: {cache: 1Mi + 2Mi/s, shm: 5Mi}")
	if err != nil {
		t.Fatal(err)
	}
	b := s.Config.Behaviors[0]
	if b.PIDs != 20 || b.PIDsMilliPerRPS != 1500 || b.PIDsGrowth != 500 || b.Inodes != 100 || b.InodesGrowth != 2000 ||
		len(b.Volumes) != 2 || b.Volumes[0] != (runtime.VolumeUse{Name: "cache", Bytes: 1 << 20, Growth: 2 << 20}) {
		t.Errorf("got %+v", b)
	}
	if n := s.Config.Nodes[0]; n.Stock == nil || *n.Stock != (model.Stock{PIDs: 2000, Inodes: 5000}) {
		t.Errorf("%+v", n.Stock)
	}
	dirs := s.Config.Objects[len(s.Config.Objects)-1].(*model.Pod).Spec.EmptyDirs
	if len(dirs) != 2 || dirs[0] != (model.EmptyDir{Name: "cache", SizeLimit: 1 << 30}) || !dirs[1].Memory {
		t.Errorf("got %+v", dirs)
	}
	for behavior, want := range map[string]string{
		"volumes: {cach: 1Mi}": `no pod that it is about has an emptyDir "cach"; did you mean "cache"?`,
		"pids: 1/m":            "the rate is written /rps or /s",
		"inodes: 1/rps":        "the rate is written /s",
	} {
		if _, err := load(behavior); !complains(err, want) {
			t.Errorf("%s: want %q, got %v", behavior, want, err)
		}
	}
}

// Source: v1.35 pkg/kubelet/apis/config/validation/validation.go: the longest back-off of
// restarts is 1 s to 300 s, and the image collector's low threshold is below its high one.
func TestBackOffAndImageCollectionAreReadAsAKubeletConfigurationHasThem(t *testing.T) {
	s, err := loaded(t, workers+"  kubelet: {crashLoopBackOff: {maxContainerRestartPeriod: 30s}, "+
		"imageGCHighThresholdPercent: 60, imageGCLowThresholdPercent: 50, imageMaximumGCAge: 24h}\n", "")
	if err != nil {
		t.Fatal(err)
	}
	if c := &s.Config.Kubelet; c.RestartMost != 30*time.Second || c.ImageGC != (kubelet.ImageGC{High: 60, Low: 50, MaxAge: 24 * time.Hour}) {
		t.Errorf("got %v, %+v", c.RestartMost, c.ImageGC)
	}
	for wrong, want := range map[string]string{
		"crashLoopBackOff: {maxContainerRestartPeriod: 301s}": "1s to 5m",
		"crashLoopBackOff: {maxContainerRestartPeriod: 10ms}": "1s",
		"crashLoopBackOff: {}":                                `missing "maxContainerRestartPeriod"`,
		"imageGCHighThresholdPercent: 80":                     "80, has to be less than imageGCHighThresholdPercent, 80",
		"imageGCLowThresholdPercent: 101":                     "101",
		"imageMaximumGCAge: 2m":                               "an image is kept for 2m whatever happens (imageMinimumGCAge); say more",
	} {
		if _, err := loaded(t, workers+"  kubelet: {"+wrong+"}\n", ""); !complains(err, want) {
			t.Errorf("%s: want %q, got %v", wrong, want, err)
		}
	}
}

// Source: v1.35 pkg/kubelet/logs/container_log_manager.go NewContainerLogManager: the defaults
// are 10Mi and 5 files (apis/config/v1beta1/defaults.go), and at least two are needed.
func TestLogsAndTheirRotationAreRead(t *testing.T) {
	load := func(kubelet, logs string) (*scenarios.Scenario, error) {
		dir := folder(t, map[string]string{"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n  nodes: [{name: n, cpu: 4, memory: 8Gi}]\n  kubelet: {" + kubelet + `}
workload:
  manifests: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}]
  behavior: [{logs: ` + logs + "}]\n"})
		return scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	}
	s, err := load("containerLogMaxSize: 50Mi, containerLogMaxFiles: 3", "100Ki/s")
	if err != nil || s.Config.Kubelet.Logs != (runtime.Logs{MaxBytes: 50 << 20, MaxFiles: 3}) || s.Config.Behaviors[0].LogGrowth != 100<<10 {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err = load("podPidsLimit: 100", "1Mi/s"); err != nil || s.Config.Kubelet.Logs != runtime.DefaultLogs {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, c := range []struct{ kubelet, logs, want string }{
		{"containerLogMaxFiles: 1", "1Mi/s", "containerLogMaxFiles"},
		{"containerLogMaxSize: 0Mi", "1Mi/s", "0Mi is too little"},
		{"containerLogMaxSize: 2000Pi", "1Mi/s", "a machine has at most 1Pi"},
		{"", "100Ki", `want a rate such as 100Ki/s, found "100Ki"`},
		{"", "0Mi/s", "that is nothing: leave logs out"},
	} {
		if _, err := load(c.kubelet, c.logs); !complains(err, c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

// Source: v1.35 pkg/kubelet/apis/config/v1beta1/defaults.go, validation/validation.go: 5 pulls
// a second after a burst of 10 unless said; 0 a second is no limit.
func TestTheKubeletsLimitOfPullsIsRead(t *testing.T) {
	for given, want := range map[string]runtime.PullRate{
		"podPidsLimit: 100":                     runtime.DefaultPullRate,
		"registryPullQPS: 20, registryBurst: 3": {QPS: 20, Burst: 3},
		"registryPullQPS: 0":                    {QPS: 0, Burst: 10},
	} {
		s, err := loaded(t, workers+"  kubelet: {"+given+"}\n", "")
		if err != nil || s.Config.Kubelet.PullRate != want {
			t.Errorf("%s: got %+v, %v", given, s, err)
		}
	}
	for _, wrong := range []string{"registryPullQPS: -1", "registryPullQPS: 0.5", "registryBurst: 0"} {
		if _, err := loaded(t, workers+"  kubelet: {"+wrong+"}\n", ""); !complains(err, "registry") {
			t.Errorf("%s: got %v", wrong, err)
		}
	}
}

// Source: v1.35 pkg/kubelet/nodestatus/setters.go MachineInfo: a node has room for
// podsPerCore pods for each core, if that is fewer than maxPods.
func TestPodsPerCoreLimitsWhatANodeTakes(t *testing.T) {
	const cluster = `  controlPlane: {cpu: 4}
  nodes: [{name: a, cpu: 4, memory: 8Gi}, {name: b, cpu: 64, memory: 8Gi}, {name: c, cpu: 2500m, memory: 8Gi, pods: 20}, {name: h, cpu: 4, memory: 8Gi, hollow: true}]
  nodeGroups: [{name: g, cpu: 8, memory: 8Gi, min: 1, max: 3}]
`
	s, err := loaded(t, cluster+"  kubelet: {podsPerCore: 5}\n", "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, n := range append(s.Config.ControlPlane.Machines(&s.Config.Kubelet.Eviction), s.Config.Nodes...) {
		if got[n.Name] = n.Allocatable.Pods; n.Capacity.Pods != n.Allocatable.Pods {
			t.Errorf("%s: %+v", n.Name, n)
		}
	}
	if want := map[string]int64{"cp-0": 20, "a": 20, "b": 110, "c": 15, "h": 110, "g-0": 40}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const want = "podsPerCore leaves a machine of the control plane room for 2 pods, and its own are 4"
	if _, err := loaded(t, workers+"  controlPlane: {cpu: 2}\n  kubelet: {podsPerCore: 1}\n", ""); !complains(err, want) {
		t.Errorf("got %v", err)
	}
}

// A pod that says it is on a node which is not there is a mistake where it says so.
func TestAPodOnANodeThatIsNotThereIsSaidWhereItIs(t *testing.T) {
	dir := folder(t, map[string]string{
		"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n" + workers + "workload: {manifests: [p.yaml]}\n",
		"p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  nodeName: m\n  containers: [{name: c, image: x}]\n",
	})
	const want = `p.yaml:5:13: spec.nodeName: pod/p says it is on node "m", and there is none`
	if _, err := scenarios.Load(dir+"/s.yaml", scenarios.Options{}); !complains(err, want) {
		t.Errorf("want %q, got\n%v", want, err)
	}
	node := folder(t, map[string]string{
		"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n" + workers + "workload: {manifests: [n.yaml]}\n",
		"n.yaml": "apiVersion: v1\nkind: Node\nmetadata: {name: m}\nstatus: {capacity: {cpu: 1, memory: 1Gi, pods: 1}}\n",
	})
	if _, err := scenarios.Load(node+"/s.yaml", scenarios.Options{}); !complains(err, "n.yaml:1:1: a node cannot be applied") {
		t.Errorf("a node in a file: got\n%v", err)
	}
}

// Source: v1.35 pkg/kubelet/apis/config/v1beta1/defaults.go (-1 is the default),
// pkg/kubelet/cm/pod_container_manager_linux.go: only more than 0 is a limit.
func TestPodPidsLimitOfMinusOneIsNoLimit(t *testing.T) {
	for given, want := range map[string]int64{"-1": 0, "0": 0, "1": 1} {
		s, err := loaded(t, workers+"  kubelet: {podPidsLimit: "+given+"}\n", "")
		if err != nil || s.Config.Kubelet.PodPIDsLimit != want {
			t.Errorf("%s: got %+v, %v", given, s, err)
		}
	}
	if _, err := loaded(t, workers+"  kubelet: {podPidsLimit: -2}\n", ""); !complains(err, "podPidsLimit: -2 is out of range: -1 to") {
		t.Errorf("-2: got %v", err)
	}
}

// What follows from the machine is written of machines here, not of all kubelets.
func TestAFieldOfAKubeletThatIsWrittenElsewhereIsSaidToBeThere(t *testing.T) {
	for field, want := range map[string]string{
		"maxPods: 5":                  `unknown field "maxPods" in kubelet: write pods: 110 of a group of cluster.nodes`,
		"serializeImagePulls: false":  "write cluster.imagePulls: {parallel: 1}",
		"shutdownGracePeriod: 30s":    `unknown field "shutdownGracePeriod" in kubelet: write it of a group of cluster.nodes`,
		"cpuManagerPolicy: static":    "write it of a group of cluster.nodes",
		"kubeReserved: {cpu: 100m}":   "write it of a group of cluster.nodes",
		"podPidLimit: 5":              `unknown field "podPidLimit" in kubelet; did you mean "podPidsLimit"?`,
		"kubeAPIQps: 5, wombat: true": `did you mean "kubeAPIQPS"?`,
	} {
		if _, err := loaded(t, workers+"  kubelet: {"+field+"}\n", ""); !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", field, want, err)
		}
	}
}

package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"orrery/model/kubelet"
	"orrery/scenarios"
)

// What is wrong about layers and the kubelets' configuration is said where it is.
func TestMistakesAboutImagesAndKubeletsAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ cluster, images, want string }{
		{"", "[{name: a, layers: []}]", "an image has 1 to 127 layers, not 0"},
		{"", "[{name: a}]", `missing "layers"`},
		{"", "[{name: a, layers: [{name: x, size: 1Mi}]}, {name: a, layers: [{name: y, size: 1Mi}]}]", `two images are called "a"`},
		{"", "[{name: a, layers: [{name: x, size: 1Mi}]}, {name: b, layers: [{name: x, size: 2Mi}]}]", `the layer "x" has another size in another image`},
		{"", "[{name: a, layers: [{name: x, size: 0Mi}]}]", "0Mi is too little"},
		{"", "[{name: a, layers: [{name: x, size: 2Pi}]}]", "a machine has at most 1Pi"},
		{"", "[], behavior: [{match: {app: a}, image: 500Pi}]", "a machine has at most 1Pi"},
		{"  kubelet: {kubeAPIQPS: 0}\n", "[]", "0 is out of range: 1 to 1000000"},
		{"  kubelet: {evictionSoft: {memory.available: 1Gi}}\n", "[]", "memory.available has only one of them"},
		{"  kubelet: {evictionSoftGracePeriod: {imagefs.available: 1m}}\n", "[]", "imagefs.available has only one of them"},
		{"  kubelet: {evictionSoft: {containerfs.available: 1Gi}}\n", "[]", `unknown field "containerfs.available"`},
	} {
		dir := folder(t, map[string]string{"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n" + workers + c.cluster + "workload: {images: " + c.images + "}\n"})
		_, err := scenarios.Load(dir+"/s.yaml", scenarios.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s: want %q, got\n%v", c.cluster, c.images, c.want, err)
		}
	}
}

func TestSoftThresholdsAreReadAsAKubeletConfigurationHasThem(t *testing.T) {
	s, err := loaded(t, workers+`  kubelet:
    evictionSoft: {memory.available: 1Gi, imagefs.available: 20%}
    evictionSoftGracePeriod: {memory.available: 90s, imagefs.available: 2m}
    evictionMaxPodGracePeriod: 30s
`, "")
	if err != nil {
		t.Fatal(err)
	}
	e := s.Config.Eviction
	soft, grace := e.Soft, e.SoftGrace
	if soft[kubelet.MemoryAvailable] != (kubelet.Threshold{Amount: 1 << 30}) || grace[kubelet.MemoryAvailable] != 90*time.Second ||
		soft[kubelet.ImageFsAvailable].Part == 0 || grace[kubelet.ImageFsAvailable] != 2*time.Minute || e.MostPodGrace != 30*time.Second || e.Hard != nil {
		t.Errorf("got %+v", e)
	}
}

package scenarios_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"orrery/model/kubelet"
	"orrery/model/runtime"
	"orrery/scenarios"
)

// What is wrong about layers and the kubelets' configuration is said where it is.
func TestMistakesAboutImagesAndKubeletsAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ cluster, images, want string }{
		{"", "[{name: a, layers: []}]", "an image has 1 to 127 layers, not 0"},
		{"", "[{name: a}]", `missing "layers"`},
		{"", "[{name: a, layers: [{name: x, size: 1Mi}]}, {name: a, layers: [{name: y, size: 1Mi}]}]", `two images are called "a"`},
		{"", "[{name: a, layers: [{name: x, size: 1Mi}]}, {name: b, layers: [{name: x, size: 2Mi}]}]", `the layer "x" is of 1Mi above; layers of one name are the same: give one of them another name`},
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
		if !complains(err, c.want) {
			t.Errorf("%s%s: want %q, got\n%v", c.cluster, c.images, c.want, err)
		}
	}
}

// A layer without a name is one mistake, not two.
func TestLayersWithoutANameAreNotTheSame(t *testing.T) {
	_, err := scenarios.Read("s.yaml", []byte("apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n"+workers+"workload: {images: [{name: a, layers: [{size: 1Mi}, {size: 2Mi}]}]}\n"))
	if !complains(err, `missing "name" in a layer`) || complains(err, "above") {
		t.Errorf("got %v", err)
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
	e := s.Config.Kubelet.Eviction
	soft, grace := e.Soft, e.SoftGrace
	if soft[kubelet.MemoryAvailable] != (kubelet.Threshold{Amount: 1 << 30}) || grace[kubelet.MemoryAvailable] != 90*time.Second ||
		soft[kubelet.ImageFsAvailable].Part == 0 || grace[kubelet.ImageFsAvailable] != 2*time.Minute || e.MostPodGrace != 30*time.Second || e.Hard != nil {
		t.Errorf("got %+v", e)
	}
}

// An image has one size, whoever pulls it: what behaviors say of its containers must agree,
// also about images that a rollout brings, and one in layers is as large as those.
func TestAnImageHasOneSize(t *testing.T) {
	load := func(images, behavior, timeline string) (*scenarios.Scenario, error) {
		dir := folder(t, map[string]string{"s.yaml": "apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster:\n" + workers + `workload:
  images: [` + images + `]
  manifests:
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: main, image: web}, {name: side, image: "docker.io/library/web:latest"}]}}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: b}}, spec: {containers: [{name: main, image: other}]}}
  behavior:
` + behavior + "timeline: [" + timeline + "]\n"})
		return scenarios.Load(dir+"/s.yaml", scenarios.Options{})
	}
	s, err := load("", "    - {match: {app: a}, container: main, image: 300Mi}\n    - {match: {app: b}, image: 1Gi}\n", "")
	want := []runtime.Image{{Name: "docker.io/library/web:latest", Bytes: 300 << 20}, {Name: "docker.io/library/other:latest", Bytes: 1 << 30}}
	if err != nil || !reflect.DeepEqual(s.Config.Images, want) {
		t.Errorf("got %+v, %v", s, err)
	}
	const set = "{at: 1m, do: set-image, target: deployment/a, container: main, image: other}"
	for _, c := range []struct{ images, behavior, timeline, want string }{
		{"", "    - {match: {app: a}, container: main, image: 300Mi}\n    - {match: {app: a}, image: 400Mi}\n", "", `s.yaml:13:32: workload.behavior[1].image: the image "docker.io/library/web:latest" of the container side has another size by behavior[0], 300Mi; an image has one`},
		{"", "    - {match: {app: a}, container: main, image: 300Mi}\n    - {match: {app: b}, image: 400Mi}\n", set, `the image "other" of the container main has another size by behavior[1], 400Mi`},
		{"{name: web, layers: [{name: x, size: 1Mi}]}", "    - {match: {app: a}, image: 300Mi}\n", "", `the image "web" is described under images: it is as large as its layers`},
		{"{name: web, layers: [{name: x, size: 1Mi}]}, {name: 'library/web', layers: [{name: x, size: 1Mi}]}", "    - {match: {app: a}}\n", "", `two images are called "library/web"`},
	} {
		if _, err := load(c.images, c.behavior, c.timeline); !complains(err, c.want) {
			t.Errorf("%s%s: want %q, got\n%v", c.images, c.behavior, c.want, err)
		}
	}
	if _, err := load("", "    - {match: {app: a}, container: main, image: 300Mi}\n    - {match: {app: b}, image: 300Mi}\n", set); err != nil {
		t.Error(err)
	}
}

// A value of the wrong kind, or out of range, is one mistake.
func TestAWrongValueOfARegistryFaultIsOneMistake(t *testing.T) {
	for fault, want := range map[string]string{
		"{at: 1m, fault: registry-slow, rate: 50%, registry: [a]}": "want a text, found a list",
		`{at: 1m, fault: registry-slow, rate: 50%, registry: ""}`:  "the text is empty",
		"{at: 1m, fault: registry-slow, rate: 150%}":               "150% is more than 100%",
		"{at: 1m, fault: registry-slow, rate: 0%}":                 "0% is a registry that is down",
	} {
		_, err := loaded(t, workers, fault)
		if !complains(err, want) || strings.Count(err.Error(), "s.yaml:") != 1 {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

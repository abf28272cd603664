package manifest_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// The names are those of the open-gpu-share convention
// (hkust-adsl/kubernetes-scheduler-simulator pkg/type/open-gpu-share/utils).
func TestPodsAskForGPUsInAnnotationsAsOpenGPUShareReadsThem(t *testing.T) {
	for _, c := range []struct{ annotations, resources, want string }{
		{`{alibabacloud.com/gpu-count: "1", alibabacloud.com/gpu-milli: "460", alibabacloud.com/gpu-card-model: V100M16|V100M32}`, "", "1 of 460m, V100M16 or V100M32"},
		{`{alibabacloud.com/gpu-count: "4", alibabacloud.com/gpu-milli: "1000", alibabacloud.com/gpu-card-model: "|"}`, "", "4"},
		{`{alibabacloud.com/gpu-milli: "300"}`, "", "1 of 300m"},
		{`{alibabacloud.com/gpu-count: "0"}`, "", ""},
		{`{}`, "nvidia.com/gpu: 2", "2"},
		{`{alibabacloud.com/gpu-count: "1"}`, "nvidia.com/gpu: 2", "1"},
		{`{}`, "cpu: 1", ""},
	} {
		d := manifest.NewDecoder()
		s := d.Manifests()
		s.AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: " + c.annotations +
			"}\nspec: {containers: [{name: c, image: c, resources: {limits: {" + c.resources + "}}}]}\n")})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		if got := s.Objects[0].(*model.Pod).Spec.GPU.String(); got != c.want {
			t.Errorf("%s %s asks for %q, want %q", c.annotations, c.resources, got, c.want)
		}
		if len(d.Notes()) > 0 {
			t.Errorf("%s: %v", c.annotations, d.Notes())
		}
	}
}

func TestNodesTellTheirGPUsByResourceAndLabel(t *testing.T) {
	for _, c := range []struct{ labels, resource, want string }{
		{"alibabacloud.com/gpu-card-model: G2", "alibabacloud.com/gpu-count: 8", "8 G2"},
		{"nvidia.com/gpu.product: Tesla-T4", "nvidia.com/gpu: 4", "4 Tesla-T4"},
		{"", "nvidia.com/gpu: 1", "1"},
		{"nvidia.com/gpu.product: Tesla-T4", "example.com/disk: 4", ""},
	} {
		d := manifest.NewDecoder()
		s := d.Snapshot()
		s.AddFile(manifest.File{Name: "node.yaml", Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {" + c.labels +
			"}}\nstatus: {capacity: {cpu: 8, memory: 8Gi, pods: 110, " + c.resource + "}}\n")})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		if got := s.Objects[0].(*model.Node).GPU.String(); got != c.want {
			t.Errorf("%s has %q, want %q", c.resource, got, c.want)
		}
	}
}

func TestGPURequestsThatNoDeviceCanMeetAreRefused(t *testing.T) {
	for annotations, want := range map[string]string{
		`{alibabacloud.com/gpu-count: "2", alibabacloud.com/gpu-milli: "500"}`: "only a single one can be shared",
		`{alibabacloud.com/gpu-count: "65"}`:                                   "a whole number from 0 to 64",
		`{alibabacloud.com/gpu-milli: half}`:                                   "a whole number from 0 to 1000",
		`{alibabacloud.com/gpu-milli: "-1"}`:                                   "a whole number from 0 to 1000",
	} {
		d := manifest.NewDecoder()
		d.Manifests().AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: " + annotations +
			"}\nspec: {containers: [{name: c, image: c}]}\n")})
		if err := d.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "pod.yaml:3:") {
			t.Errorf("%s: %v, want %s", annotations, err, want)
		}
	}
}

func TestABoundPodHasTheDevicesItsAnnotationNames(t *testing.T) {
	for index, want := range map[string]string{"0-2": "0-2", "63": "63", "": ""} {
		d := manifest.NewDecoder()
		s := d.State()
		s.AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {alibabacloud.com/gpu-index: \"" + index +
			"\"}}\nspec: {nodeName: node-a, containers: [{name: c, image: c}]}\n")})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		if got := model.DeviceIndexes(s.Objects[0].(*model.Pod).Devices); got != want {
			t.Errorf("%q are the devices %q", index, got)
		}
	}
	d := manifest.NewDecoder()
	d.State().AddFile(manifest.File{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {alibabacloud.com/gpu-index: 0-64}}\n" +
		"spec: {nodeName: node-a, containers: [{name: c, image: c}]}\n")})
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "each from 0 to 63") {
		t.Errorf("device 64: %v", err)
	}
}

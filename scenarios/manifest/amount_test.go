package manifest

import "testing"

// Source: v1.35 pkg/api/pod/warnings.go: "fractional byte value %q is invalid, must be an integer",
// which the API server says and yet takes the pod.
func TestPartsOfAByteAreNoted(t *testing.T) {
	d := NewDecoder()
	d.Manifests().AddFile(File{Name: "x.yaml", Data: []byte(`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [` +
		`{name: c, image: "a:1", resources: {requests: {memory: 64m, cpu: 100m}, limits: {memory: 64Mi, ephemeral-storage: 1500m}}}]}}`)})
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`x.yaml:1: pod/web: spec.containers.resources.requests.memory: fractional byte value "64m", which counts as 1 byte: m is a thousandth, write Mi or M`,
		`x.yaml:1: pod/web: spec.containers.resources.limits.ephemeral-storage: fractional byte value "1500m", which counts as 2 bytes: m is a thousandth, write Mi or M`,
	}
	notes := d.Notes()
	if len(notes) != len(want) {
		t.Fatalf("%v", notes)
	}
	for i := range want {
		if notes[i].String() != want[i] {
			t.Errorf("%s\nwant %s", notes[i], want[i])
		}
	}
}

package manifest

import (
	"strings"
	"testing"

	"orrery/model"
)

// A probe may ask a port by its name, of its own container (v1.35 pkg/probe/util.go
// ResolveContainerPort). The API server takes any name, and nobody is told but by an Event.
func TestAProbeOfAPortThatItsContainerDoesNotNameIsNoted(t *testing.T) {
	const want = `x.yaml:1: pod/web: spec.containers.readinessProbe.httpGet.port: the container has no port that is called "http", so the probe is never answered`
	for _, c := range []struct {
		probe  string
		noPort string
	}{
		{"readinessProbe: {httpGet: {port: web}}", ""},
		{"readinessProbe: {httpGet: {port: 80}}", ""},
		{"readinessProbe: {exec: {command: [true-ish]}}", ""},
		{"readinessProbe: {httpGet: {port: http}}", "http"},
		{"readinessProbe: {tcpSocket: {port: side}}", "side"}, // which is another container's
	} {
		d := NewDecoder()
		set := d.Manifests()
		set.AddFile(File{Name: "x.yaml", Data: []byte(strings.Replace(`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [`+
			`{name: c, image: "a:1", ports: [{name: web, containerPort: 80}], PROBE}, {name: d, image: "a:1", ports: [{name: side, containerPort: 81}]}]}}`, "PROBE", c.probe, 1))})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		if got := set.Objects[0].(*model.Pod).Spec.Containers[0].Readiness.NoPort; got != c.noPort {
			t.Errorf("%s: no port %q", c.probe, got)
		}
		notes := d.Notes()
		if (len(notes) > 0) != (c.noPort != "") || c.noPort == "http" && notes[0].String() != want {
			t.Errorf("%s: %v", c.probe, notes)
		}
	}
}

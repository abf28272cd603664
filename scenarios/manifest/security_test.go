package manifest

import (
	"strings"
	"testing"

	"orrery/model"
)

// What a container says itself counts, and else what its pod says
// (pkg/securitycontext/util.go DetermineEffectiveSecurityContext); the API server lets both in
// (pkg/apis/core/validation/validation.go).
func TestAContainerWithRunAsNonRootMayNotRunAsUser0(t *testing.T) {
	for _, c := range []struct {
		pod, own string
		denied   bool
	}{
		{"", "", false},
		{"", "runAsNonRoot: true, runAsUser: 0", true},
		{"runAsNonRoot: true, runAsUser: 0", "", true},
		{"runAsNonRoot: true", "runAsUser: 0", true},
		{"runAsUser: 0", "runAsNonRoot: true", true},
		{"runAsNonRoot: true, runAsUser: 0", "runAsUser: 1000", false},
		{"runAsNonRoot: true, runAsUser: 0", "runAsNonRoot: false", false},
		{"runAsNonRoot: true", "", false}, // the image's user
		{"runAsUser: 0", "", false},
	} {
		text := strings.NewReplacer("POD", c.pod, "OWN", c.own).Replace(
			`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {securityContext: {POD}, containers: [{name: c, image: "a:1", securityContext: {OWN}}], ` +
				`initContainers: [{name: i, image: "a:1", securityContext: {OWN}}]}}`)
		d := NewDecoder()
		set := d.Manifests()
		set.AddFile(File{Name: "web.yaml", Data: []byte(text)})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		spec := set.Objects[0].(*model.Pod).Spec
		if spec.Containers[0].RootDenied != c.denied || spec.InitContainers[0].RootDenied != c.denied {
			t.Errorf("pod {%s}, container {%s}: denied %v", c.pod, c.own, spec.Containers[0].RootDenied)
		}
	}
}

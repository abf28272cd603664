package manifest_test

import (
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

const projected = `volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}], `

// Source: plugin/pkg/admission/serviceaccount/admission.go: a pod that a cluster printed names
// its account and has the volume if it has a token, whatever its field says.
func TestWhetherAPodNeedsAToken(t *testing.T) {
	for _, c := range []struct {
		spec       string
		printed    bool
		none, said bool
		account    string
	}{
		{"", false, false, false, ""},
		{"serviceAccountName: agent, ", false, false, false, "agent"},
		{"serviceAccount: agent, ", false, false, false, "agent"},
		{"automountServiceAccountToken: true, ", false, false, true, ""},
		{"automountServiceAccountToken: false, ", false, true, true, ""},
		{"automountServiceAccountToken: false, " + projected, false, false, true, ""},
		{"", true, false, false, ""},
		{"serviceAccountName: default, ", true, true, true, "default"},
		{"serviceAccountName: default, " + projected, true, false, true, "default"},
	} {
		d := manifest.NewDecoder()
		s := d.Manifests()
		if c.printed {
			s = d.Snapshot()
		}
		s.AddFile(manifest.File{Name: "p.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {" + c.spec + "containers: [{name: c, image: x}]}\n")})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		spec := s.Objects[0].(*model.Pod).Spec
		if spec.NoToken != c.none || spec.TokenSaid != c.said || spec.Account != c.account {
			t.Errorf("%q, printed %t: none %t, said %t, account %q", c.spec, c.printed, spec.NoToken, spec.TokenSaid, spec.Account)
		}
		if notes := d.Notes(); len(notes) > 0 {
			t.Errorf("%q: %v", c.spec, notes)
		}
	}
}

func TestAServiceAccountThatMountsNoToken(t *testing.T) {
	for said, none := range map[string]bool{"": false, "automountServiceAccountToken: true": false, "automountServiceAccountToken: false": true} {
		d := manifest.NewDecoder()
		s := d.Manifests()
		s.AddFile(manifest.File{Name: "a.yaml", Data: []byte("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n" + said + "\n")})
		if err := d.Err(); err != nil {
			t.Fatal(err)
		}
		if got := s.Objects[0].(*model.ServiceAccount).NoToken; got != none {
			t.Errorf("%q: %t", said, got)
		}
	}
}

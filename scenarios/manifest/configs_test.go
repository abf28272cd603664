package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"orrery/model"
	"orrery/scenarios/manifest"
)

// Source: k8s.io/api/core/v1/types.go ConfigMap (data and binaryData have different keys) and
// Secret (stringData is merged into data).
func TestOfConfigMapsAndSecretsTheKeysAreKept(t *testing.T) {
	c := one[*model.Config](t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {b: "v"}, binaryData: {a: eHl6}, immutable: true}`)
	if c.Kind != model.KindConfigMap || !slices.Equal(c.Keys, []string{"a", "b"}) || !c.Immutable {
		t.Errorf("%+v", c)
	}
	c = one[*model.Config](t, `{apiVersion: v1, kind: Secret, metadata: {name: c}, data: {b: eHl6}, stringData: {a: "v", b: "v"}, type: Opaque}`)
	if c.Kind != model.KindSecret || !slices.Equal(c.Keys, []string{"a", "b"}) || c.Immutable {
		t.Errorf("%+v", c)
	}
}

// Source: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables: envFrom first. Every namespace has
// kube-root-ca.crt (pkg/controller/certificates/rootcacertpublisher), of which nothing has to be known.
func TestWhatAPodNeedsOfConfigMapsAndSecretsIsRead(t *testing.T) {
	p := one[*model.Pod](t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: c,
  env: [{name: A, value: x}, {name: B, valueFrom: {configMapKeyRef: {name: one, key: k}}}, {name: C, valueFrom: {secretKeyRef: {name: two, key: l, optional: true}}}],
  envFrom: [{secretRef: {name: three}}, {configMapRef: {name: four, optional: true}}]}],
  volumes: [{name: v, configMap: {name: five, items: [{key: m, path: file}]}}, {name: w, secret: {secretName: six}},
  {name: x, projected: {sources: [{configMap: {name: kube-root-ca.crt}}, {secret: {name: seven}}]}}]}}`)
	var got []string
	p.Spec.EachConfig(func(u *model.ConfigUse) {
		line := u.Volume + " " + u.Kind.Short() + "/" + u.Name + " " + strings.Join(u.Keys, ",")
		if u.Optional {
			line += " optional"
		}
		got = append(got, line)
	})
	want := []string{"v configmap/five m", "w secret/six ", "x configmap/kube-root-ca.crt ", "x secret/seven ",
		" secret/three ", " configmap/four  optional", " configmap/one k", " secret/two l optional"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestANameThatIsMissingIsRefused(t *testing.T) {
	for _, c := range []struct{ spec, container, want string }{
		{"", "envFrom: [{secretRef: {}}]", "envFrom[0].secretRef: name: is missing"},
		{"", "env: [{name: A, valueFrom: {configMapKeyRef: {key: k}}}]", "env[0].valueFrom.configMapKeyRef: name: is missing"},
		{"volumes: [{name: v, secret: {}}]", "", "volumes[0].secret: secretName: is missing"},
		{"volumes: [{name: v, projected: {sources: [{configMap: {}}]}}]", "", "sources[0].configMap: name: is missing"},
	} {
		if err := refusals(c.spec, c.container); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: want %q, got\n%v", c.spec, c.container, c.want, err)
		}
	}
}

// Source: pkg/apis/core/validation/validation.go ValidateConfigMap, ValidateSecret,
// validateConfigMapKeySelector, validateSecretKeySelector.
func TestWhatTheAPIServerRefusesOfConfigMapsAndSecretsIsRefused(t *testing.T) {
	long := strings.Repeat("x", 1<<19+1)
	for _, c := range []struct{ text, want string }{
		{`{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {"a/b": "v"}}`, `data["a/b"]: "a/b" is no key such as app.conf`},
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {"..": "v"}}`, `stringData[".."]: ".." is no key`},
		{`{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "v"}, binaryData: {a: eHl6}}`, "data.a: is in binaryData, too"},
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {a: "` + long + `", b: "` + long + `"}}`, "1048578 bytes are more than a Secret may have: 1048576"},
		{`{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: c, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: "a b"}}}]}]}}`,
			`secretKeyRef.key: "a b" is no key`},
	} {
		d := manifest.NewDecoder()
		d.Manifests().AddFile(manifest.File{Name: "x.yaml", Data: []byte(c.text)})
		if err := d.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200s: want %q, got\n%v", c.text, c.want, err)
		}
	}
}

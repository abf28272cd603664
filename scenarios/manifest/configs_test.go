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

// Source: pkg/controller/serviceaccount/tokens_controller.go generateTokenIfNeeded: who makes a Secret for a
// token leaves its keys to a controller.
func TestASecretForATokenHasWhatAControllerAdds(t *testing.T) {
	c := one[*model.Config](t, `{apiVersion: v1, kind: Secret, metadata: {name: c, annotations: {kubernetes.io/service-account.name: robot}}, type: kubernetes.io/service-account-token, stringData: {own: "v"}}`)
	if !slices.Equal(c.Keys, []string{"ca.crt", "namespace", "own", "token"}) {
		t.Errorf("%q", c.Keys)
	}
}

// Source: pkg/apis/core/validation/validation.go ValidateEnv, ValidateEnvFrom, validateKeyToPath.
func TestWhatTheAPIServerRefusesOfUsesOfConfigMapsIsRefused(t *testing.T) {
	volume := func(more string) string {
		return "volumes: [{name: v, configMap: {name: x, " + more + "}}]"
	}
	for _, c := range []struct{ spec, container, want string }{
		{"", "envFrom: [{}]", "envFrom[0]: must be one of configMapRef and secretRef"},
		{"", "envFrom: [{configMapRef: {name: a}, secretRef: {name: a}}]", "envFrom[0]: must be one of"},
		{"", "env: [{value: x}]", "env[0]: name: is missing"},
		{"", "env: [{name: A, valueFrom: {}}]", "env[0].valueFrom: must be one of fieldRef, "},
		{"", "env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}, configMapKeyRef: {name: a, key: b}}}]", "valueFrom: must be one of"},
		{"", "env: [{name: A, value: x, valueFrom: {secretKeyRef: {name: a, key: b}}}]", "valueFrom: must not be there beside a value"},
		{volume("items: [{path: a}]"), "", "items[0]: key: is missing"},
		{volume("items: [{key: a}]"), "", "items[0]: path: is missing"},
		{volume("items: [{key: a, path: /a}]"), "", `items[0].path: "/a" is not within the volume`},
		{volume("items: [{key: a, path: b/../../c}]"), "", `items[0].path: "b/../../c" is not within the volume`},
		{volume("items: [{key: a, path: ..a}]"), "", `items[0].path: "..a" is not within the volume`},
		{volume("items: [{key: a, path: a, mode: 644}]"), "", "items[0].mode: 644 is none of 0 to 0777"},
		{volume("defaultMode: 644"), "", "configMap.defaultMode: 644 is none of"},
		{"volumes: [{name: v, projected: {defaultMode: 1000, sources: []}}]", "", "projected.defaultMode: 1000 is none of"},
		{volume("defaultMode: 0644, items: [{key: a, path: b/a..c, mode: 0400}]"), "", ""},
	} {
		err := refusals(c.spec, c.container)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: want %q, got\n%v", c.spec, c.container, c.want, err)
		}
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
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, type: kubernetes.io/tls, stringData: {tls.crt: "v"}}`, "type: kubernetes.io/tls needs the key tls.key in data"},
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, type: kubernetes.io/dockerconfigjson}`, "needs the key .dockerconfigjson"},
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, type: kubernetes.io/basic-auth}`, "needs the key username or password"},
		{`{apiVersion: v1, kind: Secret, metadata: {name: c}, type: kubernetes.io/service-account-token}`, "needs the annotation kubernetes.io/service-account.name"},
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

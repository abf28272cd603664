package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/scenarios"
	"orrery/sim"
)

// withSecrets is a scenario with a Deployment that needs things, and what else its workload says.
func withSecrets(missing, more string) (*scenarios.Scenario, error) {
	return scenarios.Read("s.yaml", []byte(`apiVersion: orrery/v1
name: secrets
duration: 5m
cluster: {nodes: [{name: n, cpu: 4, memory: 8Gi}]}
workload:
  missing: `+missing+`
  manifests:
`+deploymentOf("web", 1, `{containers: [{name: web, image: "web:1", env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: password}}}]}], volumes: [{name: v, configMap: {name: app}}]}`)+more))
}

// Whether it is there is known of what manifests have, from the start or later, and of what the scenario
// says is missing; everything else is taken to be there, and a note says so.
func TestConfigMapsAndSecretsThatNobodySpeaksOfAreTakenToBeThere(t *testing.T) {
	const secret = "    - {apiVersion: v1, kind: Secret, metadata: {name: db}, data: {password: eHl6}}\n"
	const later = "timeline:\n  - {at: 1m, do: apply, manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: app}, data: {a: b}}]}\n"
	for _, c := range []struct {
		missing, more string
		secret, app   bool // known
		note          string
	}{
		{"[]", "", false, false, "deployment/web: Secrets that are not given: taken to be there, with all keys"},
		{"[]", secret, true, false, "deployment/web: ConfigMaps that are not given: taken to be there, with all keys"},
		{"[secret/db]", "", true, false, "deployment/web: ConfigMaps that are not given: taken to be there, with all keys"},
		{"[]", later, false, true, "deployment/web: Secrets that are not given: taken to be there, with all keys"},
		{"[secret/db, default/configmap/app]", "", true, true, ""},
	} {
		s, err := withSecrets(c.missing, c.more)
		if err != nil {
			t.Fatal(err)
		}
		spec := s.Config.Objects[0].(*model.Deployment).Template.Spec
		if spec.Containers[0].Env[0].Known != c.secret || spec.Configs[0].Known != c.app {
			t.Errorf("%s %s: %+v %+v", c.missing, c.more, spec.Containers[0].Env, spec.Configs)
		}
		var notes strings.Builder
		for _, n := range s.Notes {
			notes.WriteString(n + "\n")
		}
		if text := notes.String(); !strings.Contains(text, c.note) || c.note == "" && strings.Contains(text, "taken to be there") {
			t.Errorf("%s %s: noted %q", c.missing, c.more, text)
		}
	}
}

func TestWhatIsSaidToBeMissingMakesSense(t *testing.T) {
	for _, c := range []struct{ missing, more, want string }{
		{"[db]", "", `s.yaml:6:13: workload.missing[0]: "db" is not configmap/NAME, secret/NAME or serviceaccount/NAME`},
		{"[pod/db]", "", `"pod/db" is not configmap/NAME, secret/NAME or serviceaccount/NAME`},
		{"[secret/other]", "", `no pod needs "secret/other", so nothing would show that it is missing`},
		{"[secret/db]", "    - {apiVersion: v1, kind: Secret, metadata: {name: db}}\n", `"secret/db" is among the manifests, so it is there`},
		{"{secret: db}", "", "workload.missing: want a list"},
		{"[]", "    - {apiVersion: v1, kind: Secret, metadata: {name: db}, data: {password: '%'}}\n", "data.password: want base64"},
		{"[]", "timeline:\n  - {at: 1m, do: delete, target: secret/db}\n", "secret/db"},
	} {
		if _, err := withSecrets(c.missing, c.more); !complains(err, c.want) {
			t.Errorf("%s %s: want %q, got\n%v", c.missing, c.more, c.want, err)
		}
	}
}

// Whether a ServiceAccount is there is known as of ConfigMaps; default is in every namespace.
func TestAServiceAccountThatNobodySpeaksOfIsTakenToBeThere(t *testing.T) {
	const account = "    - {apiVersion: v1, kind: ServiceAccount, metadata: {name: app}}\n"
	const later = "timeline:\n  - {at: 1m, do: apply, manifests: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: app}}]}\n"
	const note = "s.yaml:8: deployment/web: ServiceAccounts that are not given: taken to be there"
	read := func(account, missing, more string) (*scenarios.Scenario, error) {
		return scenarios.Read("s.yaml", []byte("apiVersion: orrery/v1\nname: s\nduration: 10m\ncluster: {nodes: [{name: n, cpu: 4, memory: 8Gi}]}\nworkload:\n  missing: "+missing+"\n  manifests:\n"+
			deploymentOf("web", 1, `{serviceAccountName: `+account+`, containers: [{name: web, image: "web:1"}]}`)+more))
	}
	for _, c := range []struct {
		account, missing, more string
		known, noted           bool
	}{
		{"app", "[]", "", false, true}, {"app", "[]", account, true, false}, {"app", "[]", later, true, false},
		{"app", "[serviceaccount/app]", "", true, false}, {"default", "[]", "", false, false},
		{"app", "[]", strings.Replace(account, "app}", "app, namespace: shop}", 1), false, true},
	} {
		s, err := read(c.account, c.missing, c.more)
		if err != nil {
			t.Fatal(err)
		}
		known := s.Config.Objects[0].(*model.Deployment).Template.Spec.AccountKnown
		if noted := slices.Contains(s.Notes, note); known != c.known || noted != c.noted {
			t.Errorf("%+v: known %t, noted %t in %q", c, known, noted, s.Notes)
		}
	}
	for missing, want := range map[string]string{
		"[serviceaccount/app]": "no pod needs", "[serviceaccount/default]": "is in every namespace: the control plane makes it again",
	} {
		if _, err := read("default", missing, ""); !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", missing, want, err)
		}
	}
}

// A ReplicaSet is told that there is no such account and tries again after 5 ms and ever twice as
// long, so next 81.9 s after it began, when the account has been there for 22 s. Once it is deleted
// no pod comes any more.
// Source: plugin/pkg/admission/serviceaccount/admission.go Admit; client-go util/workqueue
// DefaultTypedControllerRateLimiter.
func TestTablePodsWithoutTheirServiceAccount(t *testing.T) {
	check(t, "duration: 10m\ncluster: {controlPlane: {managed: true}, nodes: [{name: n, cpu: 4, memory: 8Gi}]}\nworkload:\n  manifests:\n"+
		deploymentOf("web", 1, `{serviceAccountName: app, containers: [{name: web, image: "web:1"}]}`)+`timeline:
  - {at: 1m, do: apply, manifests: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: app}}]}
  - {at: 3m, do: delete, target: serviceaccount/app}
  - {at: 4m, do: scale, target: deployment/web, replicas: 2}
`, 0,
		tableRow{"the ReplicaSet is refused", says("FailedCreate", "replicaset/web-", `is forbidden: error looking up service account default/app: serviceaccount "app" not found`), 0, time.Second},
		tableRow{"a pod comes", podAfter(0), 81 * time.Second, 84 * time.Second},
		tableRow{what: "a second one comes", is: podAfter(3 * time.Minute)},
	)
}

// podAfter is a pod that is made later than that.
func podAfter(d time.Duration) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		_, ok := r.New.(*model.Pod)
		return ok && r.Verb == store.Created && r.At > sim.Time(d)
	}
}

// Source: pkg/kubelet/images/image_manager.go EnsureImageExists (InvalidImageName): it could not run from the
// beginning, as static pods do here.
func TestAStaticPodOfWhatIsNoImageIsRefused(t *testing.T) {
	_, err := loaded(t, `  nodes: [{name: n, cpu: 4, memory: 8Gi, staticPods: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: "c:::1"}]}}]}]
`, "")
	if !complains(err, `"c:::1" is no image`) {
		t.Error(err)
	}
}

// Source: v1.35 pkg/kubelet/config/common.go tryDecodeSinglePod with PreventStaticPodAPIReferences (on),
// pkg/api/pod/util.go HasAPIObjectReference.
func TestAStaticPodMayNotReferToTheAPI(t *testing.T) {
	for spec, want := range map[string]string{
		`containers: [{name: c, image: c, envFrom: [{secretRef: {name: s}}]}]`:                               "static pods may not reference secrets",
		`containers: [{name: c, image: c}], volumes: [{name: v, configMap: {name: s}}]`:                      "static pods may not reference configmaps",
		`containers: [{name: c, image: c}], serviceAccountName: me`:                                          "static pods may not reference serviceaccounts",
		`containers: [{name: c, image: c}], volumes: [{name: v, persistentVolumeClaim: {claimName: claim}}]`: "static pods may not reference persistentvolumeclaims",
		`containers: [{name: c, image: c}], volumes: [{name: v, emptyDir: {}}]`:                              "",
	} {
		_, err := loaded(t, "  nodes: [{name: n, cpu: 4, memory: 8Gi, staticPods: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {"+spec+"}}]}]\n", "")
		if !complains(err, want) {
			t.Errorf("%s: want %q, got\n%v", spec, want, err)
		}
	}
}

package manifest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/scenarios/manifest"
)

func one[T model.Object](t *testing.T, text string) T {
	t.Helper()
	d := manifest.NewDecoder()
	s := d.Manifests()
	s.AddFile(manifest.File{Name: "x.yaml", Data: []byte(text)})
	if err := d.Err(); err != nil || len(s.Objects) != 1 {
		t.Fatalf("%d objects, %v", len(s.Objects), err)
	}
	return s.Objects[0].(T)
}

const least = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: a, image: web, readinessProbe: {httpGet: {path: /, port: 80}}, resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 100.5m}}}
`

// kubernetes.io/docs/concepts/workloads/controllers/deployment, "Writing a
// Deployment Spec"; pkg/apis/apps/v1/defaults.go SetDefaults_Deployment.
func TestADeploymentThatSaysNothingGetsTheAPIServersDefaults(t *testing.T) {
	d := one[*model.Deployment](t, least)
	quarter := model.CountOrPercent{Value: 25, Percent: true}
	if d.Namespace != "default" || d.Replicas != 1 || !d.ReplicasUnsaid || d.Recreate || d.MaxSurge != quarter || d.MaxUnavailable != quarter ||
		d.ProgressDeadline != 10*time.Minute || d.HistoryLimit != 10 || d.MinReady != 0 || d.Paused {
		t.Errorf("%+v", d)
	}
}

// pkg/apis/core/v1/defaults.go SetDefaults_PodSpec, SetDefaults_Probe,
// SetDefaults_Container, SetDefaults_Pod;
// plugin/pkg/admission/defaulttolerationseconds.
func TestAPodThatSaysNothingGetsTheAPIServersDefaults(t *testing.T) {
	s := one[*model.Deployment](t, least).Template.Spec
	if s.GraceSeconds != 30 || s.SchedulerName != "default-scheduler" || s.RestartPolicy != model.RestartAlways || s.ActiveDeadline != 0 || s.Priority != 0 {
		t.Errorf("%+v", s)
	}
	want := []model.Toleration{
		{Key: model.TaintNotReady, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
		{Key: model.TaintUnreachable, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
	}
	if !reflect.DeepEqual(s.Tolerations, want) {
		t.Errorf("tolerations %+v", s.Tolerations)
	}
	c := s.Containers[0]
	if c.PullPolicy != model.PullAlways {
		t.Error("an image without a tag is latest and is always pulled")
	}
	probe := model.Probe{Period: 10 * time.Second, SuccessThreshold: 1, FailureThreshold: 3}
	if *c.Readiness != probe {
		t.Errorf("probe %+v", c.Readiness)
	}
	// What is limited and not requested is requested; CPU is rounded up.
	if c.Requests.CPUMilli != 101 || c.Requests.MemoryBytes != 64<<20 || s.Request.MemoryBytes != 64<<20 {
		t.Errorf("requests %+v, sum %+v", c.Requests, s.Request)
	}
}

// pkg/util/parsers/parsers.go ParseImageName; SetDefaults_Container.
func TestPullPolicyFollowsTheTag(t *testing.T) {
	for image, want := range map[string]model.PullPolicy{
		"web": model.PullAlways, "web:latest": model.PullAlways, "reg:5000/web": model.PullAlways, "web:latest@sha256:00": model.PullAlways,
		"web:1": model.PullIfNotPresent, "reg:5000/web:1": model.PullIfNotPresent, "web@sha256:00": model.PullIfNotPresent,
	} {
		p := one[*model.Pod](t, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: '"+image+"'}]}")
		if got := p.Spec.Containers[0].PullPolicy; got != want {
			t.Errorf("%s: pull policy %v, want %v", image, got, want)
		}
	}
}

// kubernetes.io/docs/concepts/workloads/pods/sidecar-containers.
func TestAnInitContainerThatRestartsAlwaysIsASidecar(t *testing.T) {
	p := one[*model.Pod](t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {restartPolicy: Never,
  initContainers: [{name: s, image: "s:1", restartPolicy: Always, resources: {requests: {cpu: 1}}}, {name: i, image: "i:1", resources: {requests: {cpu: 3}}}],
  containers: [{name: a, image: "a:1", resources: {requests: {cpu: 2}}}]}}`)
	if !p.Spec.InitContainers[0].Sidecar || p.Spec.InitContainers[1].Sidecar || p.Spec.RestartPolicy != model.RestartNever {
		t.Errorf("%+v", p.Spec.InitContainers)
	}
	if p.Spec.Request.CPUMilli != 4000 {
		t.Errorf("request %d, want the sidecar beside the init container", p.Spec.Request.CPUMilli)
	}
}

// k8s.io/component-helpers/resource/helpers.go PodRequests: whatever the pod, a
// container or the overhead names, even 0 of it, is said.
func TestAPodWithRequestsOfItsOwnSaysWhatItsContainersSay(t *testing.T) {
	for _, c := range []struct {
		container, overhead string
		cpu                 bool
	}{{"{}", "", false}, {"{requests: {cpu: 0}}", "", true}, {"{requests: {cpu: 1m}}", "", true}, {"{}", "overhead: {cpu: 10m},", true}} {
		p := one[*model.Pod](t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {resources: {requests: {memory: 1Gi}}, `+c.overhead+`
  containers: [{name: a, image: "a:1", resources: {}}, {name: b, image: "b:1", resources: `+c.container+`}]}}`)
		if l := p.Spec.PodLevel; l.CPUSaid != c.cpu || !l.MemorySaid || l.HasCPU {
			t.Errorf("%+v: %+v", c, l)
		}
	}
}

const kata = `
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
overhead: {podFixed: {cpu: 250m, memory: 160Mi}}
scheduling: {nodeSelector: {virtual: "yes"}, tolerations: [{key: virtual, operator: Exists}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  runtimeClassName: kata
  nodeSelector: {disk: ssd}
  containers: [{name: a, image: "a:1", resources: {requests: {cpu: 1}}}]
`

// plugin/pkg/admission/runtimeclass/admission.go setOverhead, setScheduling.
func TestARuntimeClassGivesItsPodsOverheadAndNodes(t *testing.T) {
	docs := strings.Split(kata, "---\n")
	for _, text := range []string{kata, docs[1] + "---\n" + docs[0], strings.Replace(kata, "  containers", "  overhead: {cpu: 250m, memory: 160Mi}\n  containers", 1)} {
		p := one[*model.Pod](t, text)
		if r := p.Spec.Request; r.CPUMilli != 1250 || r.MemoryBytes != 160<<20 {
			t.Errorf("request %+v, want the class's overhead besides", r)
		}
		if s := p.Spec.NodeSelector; len(s) != 2 || s.Value("virtual") != "yes" || s.Value("disk") != "ssd" {
			t.Errorf("node selector %v", s)
		}
		if !model.Tolerated(p.Spec.Tolerations, &model.Taint{Key: "virtual", Effect: model.NoSchedule}) {
			t.Errorf("tolerations %v", p.Spec.Tolerations)
		}
	}
	for wrong, message := range map[string]string{
		"nodeSelector: {virtual: \"no\"}": `x.yaml:14:17: spec.nodeSelector: wants virtual "no", and the RuntimeClass "kata" "yes"`,
		"overhead: {cpu: 1}":              `x.yaml:14:13: spec.overhead: differs from that of the RuntimeClass "kata": leave it out`,
	} {
		d := manifest.NewDecoder()
		d.Manifests().AddFile(manifest.File{Name: "x.yaml", Data: []byte(strings.Replace(kata, "nodeSelector: {disk: ssd}", wrong, 1))})
		if err := d.Err(); err == nil || !strings.HasPrefix(err.Error(), message) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// What names a class that is not here is told of, unless it says its overhead itself, as a pod that a
// cluster printed does.
func TestARuntimeClassThatIsNotHereGivesNothing(t *testing.T) {
	lone := strings.Split(kata, "---\n")[1]
	for text, notes := range map[string]int{lone: 1, strings.Replace(lone, "  containers", "  overhead: {cpu: 250m}\n  containers", 1): 0} {
		d := manifest.NewDecoder()
		s := d.Manifests()
		s.AddFile(manifest.File{Name: "x.yaml", Data: []byte(text)})
		if err := d.Err(); err != nil || len(d.Notes()) != notes {
			t.Errorf("%v, notes %v, want %d", err, d.Notes(), notes)
		}
		if p := s.Objects[0].(*model.Pod); p.Spec.Request.CPUMilli != 1250-250*int64(notes) {
			t.Errorf("request %+v", p.Spec.Request)
		}
	}
}

// Templates that say the same share a hash, so that applying a manifest again
// makes no new revision.
func TestTheHashNamesTheTemplate(t *testing.T) {
	a, b := one[*model.Deployment](t, least), one[*model.Deployment](t, least)
	if a.Template.Hash == "" || a.Template.Hash != b.Template.Hash {
		t.Errorf("hashes %q and %q", a.Template.Hash, b.Template.Hash)
	}
}

// Source: pkg/controller/controller_utils.go ComputeHash hashes the whole
// template: what containers are told is part of it, whatever the model does
// with it.
func TestAChangedEnvironmentIsANewRevision(t *testing.T) {
	env := strings.Replace(least, "containers:", "containers:\n# changed\n", 1)
	same, changed := one[*model.Deployment](t, least), one[*model.Deployment](t, env)
	if same.Template.Hash != changed.Template.Hash {
		t.Error("a comment made a new revision")
	}
	env = strings.Replace(least, "image:", "command: [new], image:", 1)
	if changed = one[*model.Deployment](t, env); same.Template.Hash == changed.Template.Hash {
		t.Error("another command made no new revision")
	}
}

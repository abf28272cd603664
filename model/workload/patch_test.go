package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// Source: k8s.io/apimachinery/pkg/util/strategicpatch: maps are merged key by key,
// null deletes, and lists of containers are merged by name.
func TestAPatchChangesOnlyWhatItNames(t *testing.T) {
	r := newRig(t, 1, 0)
	patch := &model.MergePatch{
		Replicas: new(int32(7)), Paused: new(true), MinReady: new(10 * time.Second), Grace: new(int32(5)),
		Labels:    []model.LabelPatch{{Key: "team", Value: "shop"}, {Key: "app", Gone: true}},
		PodLabels: []model.LabelPatch{{Key: "version", Value: "2"}},
		Containers: []model.ContainerPatch{{
			Name: "c-1", Image: "b:2", Requests: model.AmountsPatch{CPUMilli: new(int64(250))}, Limits: model.AmountsPatch{MemoryBytes: new(int64(1 << 30))},
		}},
	}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 3, "a:1", "b:1")}},
		workload.Action{Do: "patch", Kind: model.KindDeployment, Name: "web", Patch: patch})
	d := r.deployment("web")
	spec := d.Template.Spec
	if d.Replicas != 7 || !d.Paused || d.MinReady != 10*time.Second || spec.GraceSeconds != 5 || d.Generation != 2 {
		t.Errorf("%+v", d)
	}
	if d.Labels.String() != "team=shop" || d.Template.Labels.String() != "app=web,version=2" {
		t.Errorf("labels %s, of pods %s", d.Labels, d.Template.Labels)
	}
	if spec.Containers[0].Image != "a:1" || spec.Containers[1].Image != "b:2" || spec.Request.CPUMilli != 250 || spec.Containers[1].Limits.MemoryBytes != 1<<30 || d.Template.Hash != d.Template.ComputeHash() {
		t.Errorf("%+v", spec)
	}
	before := r.store.Revision()
	r.do(workload.Action{Do: "patch", Kind: model.KindDeployment, Name: "web", Patch: patch})
	if r.store.Revision() != before || r.failures() != "" {
		t.Errorf("the same again was a change; %s", r.failures())
	}
}

// Source: pkg/apis/apps/validation/validation.go ValidatePodTemplateSpecForReplicaSet
// and pkg/apis/core/validation/validation.go validateContainerResourceRequirements.
func TestAPatchThatIsInvalidIsSaidAndChangesNothing(t *testing.T) {
	r := newRig(t, 1, 0)
	one := func(c model.ContainerPatch) *model.MergePatch {
		return &model.MergePatch{Containers: []model.ContainerPatch{c}}
	}
	patch := func(p *model.MergePatch) workload.Action {
		return workload.Action{Do: "patch", Kind: model.KindDeployment, Name: "web", Patch: p}
	}
	r.do(workload.Action{Do: "apply", Objects: []model.Object{deployment("web", 3, "a:1")}},
		patch(&model.MergePatch{PodLabels: []model.LabelPatch{{Key: "app", Value: "other"}}}),
		patch(one(model.ContainerPatch{Name: "x", Image: "b:2"})),
		patch(one(model.ContainerPatch{Requests: model.AmountsPatch{CPUMilli: new(int64(2))}, Limits: model.AmountsPatch{CPUMilli: new(int64(1))}})))
	want := "deployment/web: patch: spec.template.metadata.labels: `selector` does not match template `labels`\n" +
		"deployment/web: patch: it has no container named \"x\", and a patch adds none here\n" +
		"deployment/web: patch: spec.template.spec.containers[0].resources.requests: must be less than or equal to cpu limit"
	if d := r.deployment("web"); r.failures() != want || d.Generation > 1 {
		t.Errorf("generation %d, said\n%s", d.Generation, r.failures())
	}
}

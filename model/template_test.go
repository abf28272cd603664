package model_test

import (
	"regexp"
	"testing"

	"orrery/model"
)

func template(change func(*model.PodSpec)) *model.Template {
	s := &model.PodSpec{
		Containers:  []model.Container{{Name: "app", Image: "web:1", Readiness: &model.Probe{Period: 5}, Requests: model.Resources{CPUMilli: 100}}},
		Tolerations: []model.Toleration{{Key: "k", Exists: true}},
	}
	change(s)
	t := &model.Template{Labels: model.Labels{{Key: "app", Value: "web"}}, Spec: s}
	return t
}

func TestATemplatesHashDependsOnAllItSaysAndOnNothingElse(t *testing.T) {
	same := template(func(*model.PodSpec) {})
	want := same.ComputeHash()
	if !regexp.MustCompile(`^[bcdfghjklmnpqrstvwxz2456789]{1,10}$`).MatchString(want) {
		t.Errorf("%q is not in the alphabet of pod-template-hash", want)
	}
	same.Labels = same.Labels.With(model.LabelTemplateHash, want)
	same.Hash = want
	same.Spec.SumRequests()
	if got := same.ComputeHash(); got != want {
		t.Errorf("its own hash and sums change it from %s to %s", want, got)
	}
	for name, change := range map[string]func(*model.PodSpec){
		"image":     func(s *model.PodSpec) { s.Containers[0].Image = "web:2" },
		"probe":     func(s *model.PodSpec) { s.Containers[0].Readiness = &model.Probe{Period: 6} },
		"request":   func(s *model.PodSpec) { s.Containers[0].Requests.CPUMilli++ },
		"container": func(s *model.PodSpec) { s.Containers = append(s.Containers, model.Container{}) },
		"grace":     func(s *model.PodSpec) { s.GraceSeconds = 1 },
	} {
		if got := template(change).ComputeHash(); got == want {
			t.Errorf("another %s makes the same hash", name)
		}
	}
}

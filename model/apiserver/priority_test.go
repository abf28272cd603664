package apiserver_test

import (
	"testing"

	"orrery/model"
	"orrery/model/apiserver"
)

// The default class counts for pods that are created while it is there, never for
// those before, and of several the one of the lowest value does
// (plugin/pkg/admission/priority/admission.go).
func TestPodsWithoutAClassGetTheDefaultOneOfTheirTime(t *testing.T) {
	c := newCaller(t, "user", 4)
	template := apiserver.WithDefaultTolerations(&model.PodSpec{GraceSeconds: 30})
	made := func(name string, edit func(*model.PodSpec)) *model.PodSpec {
		p := newPod(name)
		p.Spec = template
		if edit != nil {
			s := *template
			edit(&s)
			p.Spec = &s
		}
		return c.create(p).(*model.Pod).Spec
	}
	class := func(name string, value int32, global, never bool) {
		c.create(&model.PriorityClass{
			Meta: model.Meta{Kind: model.KindPriorityClass, Name: name}, Value: value, GlobalDefault: global, NeverPreempts: never,
		})
	}
	before := made("before", nil)
	class("special", 9, false, false)
	other := made("other", nil)
	class("second", 7, true, false)
	class("first", 5, true, true)
	a, b := made("a", nil), made("b", nil)
	own := made("own", func(s *model.PodSpec) { s.Priority, s.Classed = 0, true })
	if before != template || other != template {
		t.Errorf("without a default: priorities %d and %d, or the spec is not shared", before.Priority, other.Priority)
	}
	if a.Priority != 5 || !a.NeverPreempts || a != b {
		t.Errorf("with defaults of 7 and 5: %d, never preempts %t, shared %t", a.Priority, a.NeverPreempts, a == b)
	}
	if own.Priority != 0 || own.NeverPreempts {
		t.Errorf("a pod with a class of its own got %d", own.Priority)
	}
}

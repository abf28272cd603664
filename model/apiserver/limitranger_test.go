package apiserver_test

import (
	"testing"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/store"
)

func (c *caller) limits(name string, items ...model.LimitRangeItem) {
	c.create(&model.LimitRange{Meta: model.Meta{Kind: model.KindLimitRange, Namespace: "default", Name: name}, Limits: items})
}

func (c *caller) sized(name string, requests, limits model.Resources) store.Reply {
	p := newPod(name)
	p.Spec = &model.PodSpec{GraceSeconds: 30, Containers: []model.Container{{Name: "c", Requests: requests, Limits: limits}}}
	p.Spec.SumRequests()
	c.client.Create(p, 0)
	return c.answer()
}

// A container gets the default request and limit for what it does not name, and
// keeps what it does; pods of one template share what comes of it
// (plugin/pkg/admission/limitranger/admission.go mergePodResourceRequirements).
func TestContainersGetTheDefaultsOfTheirNamespace(t *testing.T) {
	c := newCaller(t, "user", 4)
	template := apiserver.WithDefaultTolerations(&model.PodSpec{Containers: []model.Container{{Name: "a", Requests: model.Resources{CPUMilli: 300}}, {Name: "b"}}})
	template.SumRequests()
	made := func(name, namespace string) *model.PodSpec {
		p := newPod(name)
		p.Namespace, p.Spec = namespace, template
		return c.create(p).(*model.Pod).Spec
	}
	before := made("before", "default")
	c.limits("usual", model.LimitRangeItem{
		Default: model.Resources{CPUMilli: 500, MemoryBytes: 1 << 30}, DefaultRequest: model.Resources{CPUMilli: 100, MemoryBytes: 256 << 20},
	})
	one, two, other := made("one", "default"), made("two", "default"), made("other", "shop")
	if one.Request.CPUMilli != 400 || one.Request.MemoryBytes != 512<<20 || one.Containers[0].Limits.CPUMilli != 500 || one.Containers[0].Requests.CPUMilli != 300 {
		t.Errorf("%+v", one)
	}
	if before.Request.CPUMilli != 300 || other.Request.CPUMilli != 300 || template.Request.MemoryBytes != 0 {
		t.Errorf("pods before the LimitRange, or elsewhere, got %v and %v", before.Request, other.Request)
	}
	if &one.Containers[0] != &two.Containers[0] {
		t.Error("two pods of one template do not share what they got")
	}
}

// "Minimum usage per Container ... No request is specified"; "Maximum usage ... No
// limit is specified"; "max limit to request ratio"
// (plugin/pkg/admission/limitranger/admission.go PodValidateLimitFunc).
func TestPodsThatAskForTooLittleOrTooMuchAreForbidden(t *testing.T) {
	cpu := func(n int64) model.Resources { return model.Resources{CPUMilli: n} }
	for _, tc := range []struct {
		name             string
		item             model.LimitRangeItem
		requests, limits model.Resources
		want             store.Refusal
	}{
		{"enough", model.LimitRangeItem{Min: cpu(100)}, cpu(100), cpu(0), store.Accepted},
		{"too little", model.LimitRangeItem{Min: cpu(100)}, cpu(99), cpu(0), store.Forbidden},
		{"nothing", model.LimitRangeItem{Min: cpu(100)}, cpu(0), cpu(0), store.Forbidden},
		{"not too much", model.LimitRangeItem{Max: cpu(100)}, cpu(50), cpu(100), store.Accepted},
		{"too much", model.LimitRangeItem{Max: cpu(100)}, cpu(50), cpu(101), store.Forbidden},
		{"no limit", model.LimitRangeItem{Max: cpu(100)}, cpu(50), cpu(0), store.Forbidden},
		{"ratio kept", model.LimitRangeItem{Ratio: model.Ratios{CPUMilli: 2500}}, cpu(40), cpu(100), store.Accepted},
		{"ratio exceeded", model.LimitRangeItem{Ratio: model.Ratios{CPUMilli: 2500}}, cpu(39), cpu(100), store.Forbidden},
		{"a whole pod", model.LimitRangeItem{Pod: true, Max: cpu(100)}, cpu(50), cpu(100), store.Accepted},
		{"a pod too much", model.LimitRangeItem{Pod: true, Max: cpu(100)}, cpu(50), cpu(200), store.Forbidden},
	} {
		c := newCaller(t, "user", 4)
		c.limits("usual", tc.item)
		if got := c.sized("pod", tc.requests, tc.limits); got.Refusal != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got.Refusal, tc.want)
		}
	}
}

// What is said of a whole pod is about its app containers and sidecars together, or
// about an init container if that needs more; who names no amount adds none
// (plugin/pkg/admission/limitranger/admission.go podRequests, podLimits).
func TestAPodsAmountsAreThoseOfAllItsContainers(t *testing.T) {
	of := func(name string, sidecar bool, request, limit int64) model.Container {
		return model.Container{Name: name, Sidecar: sidecar, Requests: model.Resources{CPUMilli: request}, Limits: model.Resources{CPUMilli: limit}}
	}
	for _, tc := range []struct {
		name       string
		init, apps []model.Container
		want       store.Refusal
	}{
		{"together within", nil, []model.Container{of("a", false, 100, 500), of("b", false, 100, 500)}, store.Accepted},
		{"together beyond", nil, []model.Container{of("a", false, 100, 500), of("b", false, 100, 501)}, store.Forbidden},
		{"one says nothing", nil, []model.Container{of("a", false, 100, 900), of("b", false, 0, 0)}, store.Accepted},
		{"none says anything", nil, []model.Container{of("a", false, 0, 0)}, store.Forbidden},
		{"a sidecar counts", []model.Container{of("s", true, 100, 900)}, []model.Container{of("a", false, 100, 500)}, store.Forbidden},
		{"an init container alone", []model.Container{of("i", false, 100, 1001)}, []model.Container{of("a", false, 100, 500)}, store.Forbidden},
		{"an init container before the app", []model.Container{of("i", false, 100, 900)}, []model.Container{of("a", false, 100, 500)}, store.Accepted},
		{"an init container after a sidecar", []model.Container{of("s", true, 100, 200), of("i", false, 100, 900)}, []model.Container{of("a", false, 100, 500)}, store.Forbidden},
	} {
		c := newCaller(t, "user", 4)
		c.limits("usual", model.LimitRangeItem{Pod: true, Max: model.Resources{CPUMilli: 1000}})
		p := newPod("pod")
		p.Spec = &model.PodSpec{GraceSeconds: 30, InitContainers: tc.init, Containers: tc.apps}
		p.Spec.SumRequests()
		c.client.Create(p, 0)
		if got := c.answer(); got.Refusal != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got.Refusal, tc.want)
		}
	}
}

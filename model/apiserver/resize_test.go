package apiserver_test

import (
	"testing"

	"orrery/model"
	"orrery/model/store"
)

// resize asks for other CPU of a pod's container, and is the answer.
func (c *caller) resize(pod model.Ref, request int64) store.Refusal {
	c.client.Patch(pod, &model.PodPatch{Containers: []model.ContainerPatch{{Requests: model.AmountsPatch{CPUMilli: &request}}}}, 0)
	return c.answer().Refusal
}

// Source: v1.35 plugin/pkg/admission/limitranger/admission.go SupportsAttributes and
// pkg/quota/v1/evaluator/core/pods.go Handles: the subresource resize;
// resourcequota/controller.go CheckRequest charges what it is more, and what is less the
// controller finds out.
func TestAResizeKeepsToTheLimitRangesAndQuotasOfItsNamespace(t *testing.T) {
	c := newCaller(t, "user", 4)
	ref := c.sized("pod", model.Resources{CPUMilli: 200}, model.Resources{}).Object.Head().Ref()
	c.limits("usual", model.LimitRangeItem{Min: model.Resources{CPUMilli: 100}})
	quota := c.create(&model.ResourceQuota{
		Meta: model.Meta{Kind: model.KindResourceQuota, Namespace: "default", Name: "team"}, Hard: model.QuotaAmounts{-1, 500, -1, -1, -1}, Known: true, Used: model.QuotaAmounts{1, 200},
	}).Head().Ref()
	for _, x := range []struct {
		request, used, has int64
		want               store.Refusal
	}{
		{99, 200, 200, store.Forbidden},
		{501, 200, 200, store.Forbidden},
		{500, 500, 500, store.Accepted},
		{300, 500, 300, store.Accepted},
	} {
		got := c.resize(ref, x.request)
		used, has := c.store.Get(quota).(*model.ResourceQuota).Used[1], c.store.Get(ref).(*model.Pod).Spec.Request.CPUMilli
		if got != x.want || used != x.used || has != x.has {
			t.Errorf("to %dm: %v, it asks for %dm and %dm are used; want %v, %dm, %dm", x.request, got, has, used, x.want, x.has, x.used)
		}
	}
}

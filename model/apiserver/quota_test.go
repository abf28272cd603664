package apiserver_test

import (
	"testing"

	"orrery/model"
	"orrery/model/store"
)

// A pod counts towards every quota of its namespace before it is created, and is
// forbidden if one of them would be exceeded, was never computed, or counts what a
// container does not say
// (k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go CheckRequest:
// "status unknown for quota", "exceeded quota", "must specify").
func TestAPodIsChargedToTheQuotasOfItsNamespace(t *testing.T) {
	for _, tc := range []struct {
		name  string
		hard  model.QuotaAmounts
		known bool
		ask   model.Resources
		want  store.Refusal
		used  model.QuotaAmounts
	}{
		{"room", model.QuotaAmounts{2, 1000, -1, -1, -1}, true, model.Resources{CPUMilli: 400, MemoryBytes: 5}, store.Accepted, model.QuotaAmounts{1, 400, 0, 0, 0}},
		{"exactly full", model.QuotaAmounts{1, 400, -1, -1, -1}, true, model.Resources{CPUMilli: 400}, store.Accepted, model.QuotaAmounts{1, 400, 0, 0, 0}},
		{"too many pods", model.QuotaAmounts{0, -1, -1, -1, -1}, true, model.Resources{CPUMilli: 400}, store.Forbidden, model.QuotaAmounts{}},
		{"too much", model.QuotaAmounts{-1, 399, -1, -1, -1}, true, model.Resources{CPUMilli: 400}, store.Forbidden, model.QuotaAmounts{}},
		{"not computed", model.QuotaAmounts{9, -1, -1, -1, -1}, false, model.Resources{CPUMilli: 400}, store.Forbidden, model.QuotaAmounts{}},
		{"memory not said", model.QuotaAmounts{-1, -1, 100, -1, -1}, true, model.Resources{CPUMilli: 400}, store.Forbidden, model.QuotaAmounts{}},
		{"limit not said", model.QuotaAmounts{-1, -1, -1, 900, -1}, true, model.Resources{CPUMilli: 400}, store.Forbidden, model.QuotaAmounts{}},
	} {
		c := newCaller(t, "user", 4)
		ref := c.create(&model.ResourceQuota{
			Meta: model.Meta{Kind: model.KindResourceQuota, Namespace: "default", Name: "team"}, Hard: tc.hard, Known: tc.known,
		}).Head().Ref()
		got := c.sized("pod", tc.ask, model.Resources{})
		if used := c.store.Get(ref).(*model.ResourceQuota).Used; got.Refusal != tc.want || used != tc.used {
			t.Errorf("%s: %v and %v used, want %v and %v", tc.name, got.Refusal, used, tc.want, tc.used)
		}
		if again := c.sized("pod", tc.ask, model.Resources{}); tc.name == "room" && again.Refusal != store.AlreadyExists {
			t.Errorf("a second pod of the name: %v", again.Refusal)
		}
	}
}

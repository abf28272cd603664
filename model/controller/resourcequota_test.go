package controller

import (
	"testing"
	"time"

	"orrery/model"
)

func (r *rig) quota() *model.ResourceQuota {
	return r.store.Lookup(model.KindResourceQuota, "default", "team").(*model.ResourceQuota)
}

func quota(pods int64) *model.ResourceQuota {
	return &model.ResourceQuota{
		Meta: model.Meta{Kind: model.KindResourceQuota, Namespace: "default", Name: "team"}, Hard: model.QuotaAmounts{pods, -1, -1, -1, -1},
	}
}

// "usage recalculated by the controller on deletes and each 5 min"; admission
// keeps it in between, and a Deployment waits for room.
// Source: pkg/controller/resourcequota/resource_quota_controller.go.
func TestAQuotaLetsInAsManyPodsAsItSays(t *testing.T) {
	r := newRig(t, rigConfig{})
	r.user.client.Create(quota(5), 0)
	r.run(t, time.Second)
	if q := r.quota(); !q.Known || q.Used[0] != 0 {
		t.Fatalf("%+v", q)
	}
	r.user.client.Create(deployment("web", 8), 0)
	r.run(t, time.Minute)
	if q := r.quota(); len(r.podList()) != 5 || q.Used[0] != 5 || r.notes("FailedCreate") == 0 {
		t.Errorf("%d pods, %+v", len(r.podList()), q)
	}
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 2 })
	r.run(t, 20*time.Second)
	if q := r.quota(); len(r.podList()) != 2 || q.Used[0] != 2 {
		t.Errorf("%d pods, %+v", len(r.podList()), q)
	}
	// What nobody tells of is found by the resync, with every tick an event or not.
	wrong := *r.quota()
	wrong.Used[0] = 4
	r.store.Update(r.user.id, &wrong)
	at := r.Now()
	r.until(t, 6*time.Minute, "the resync", func() bool { return r.quota().Used[0] == 2 })
	if r.Now() < at.Add(time.Minute) || r.Now()%(300*1e9) > 200*1e6 {
		t.Errorf("set right at %v", r.Now())
	}
	r.user.client.Delete(r.quota().Ref(), 0, 0)
	r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = 9 })
	r.run(t, 20*time.Second)
	if n := len(r.podList()); n != 9 {
		t.Errorf("%d pods without a quota", n)
	}
}

package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
)

func TestAPodStartsAndEnds(t *testing.T) {
	r := newRig(t, 1)
	p := r.pod("web", nil)
	before := r.Events()
	r.ready(p)
	t.Logf("%d events to ready", r.Events()-before)
	r.run(5 * time.Second)
	if !r.kubelet.Serving(p.Ref()) {
		t.Error("it is ready and does not serve")
	}
	r.user.Delete(p.Ref(), -1, 0)
	r.until("gone", time.Minute, func() bool { return r.get(p) == nil })
	r.run(5 * time.Second)
	t.Logf("\n%s", r.story())
	_ = model.PodFailed
}

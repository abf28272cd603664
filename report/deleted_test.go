package report

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// deleted is a Deployment that loses a pod to a fault and is then deleted, in
// the middle of a rollout.
func deleted() *tape {
	t := newTape()
	t.node("n-1")
	rs := t.deploy("web", 2, 0)
	for _, p := range []string{"web-1", "web-2"} {
		t.pod(rs, p)
		t.bind(p, "n-1")
	}
	t.at(time.Second)
	t.run("web-1")
	t.run("web-2")
	t.at(time.Minute)
	t.fault("power", reasonFaultStarted, "")
	t.unready("web-1")
	d := *t.Lookup(model.KindDeployment, "default", "web").(*model.Deployment)
	d.Template = &model.Template{Labels: d.Template.Labels, Spec: d.Template.Spec, Hash: "web2"}
	t.Update(t.by("kubectl"), &d)
	t.revise(&d)
	t.at(2 * time.Minute)
	t.Delete(t.by("kubectl"), d.Ref())
	t.at(3 * time.Minute)
	t.gone("web-1")
	t.gone("web-2")
	t.at(10 * time.Minute)
	return t
}

func TestDeletionIsNoRecovery(t *testing.T) {
	again := deleted()
	rs := again.deploy("web", 1, 0)
	again.pod(rs, "web-3")
	again.bind("web-3", "n-1")
	again.at(11 * time.Minute)
	again.run("web-3")
	again.at(20 * time.Minute)
	for name, tape := range map[string]*tape{"deleted": deleted(), "made again": again} {
		r := New(Meta{End: tape.now()}, tape.History(), promises(t, "time_to_recover(deployment/web) <= 3m"))
		v := r.Verdicts[0]
		if v.Held || v.Measured != "never" || !strings.Contains(v.Reason, "deleted at 2m0s while short of pods") {
			t.Errorf("%s: measured %s, %s", name, v.Measured, v.Reason)
		}
		text := reportText(t, r, false)
		if !strings.Contains(text, "deployment/web deleted while short of pods") {
			t.Errorf("%s: the end of the outage is not told:\n%s", name, text)
		}
		for _, wrong := range []string{"back to full strength", "through with the rollout"} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s: a deleted Deployment is said to be %s:\n%s", name, wrong, text)
			}
		}
	}
}

// TestCompleteMeansAvailable: DeploymentComplete of
// pkg/controller/deployment/util/deployment_util.go asks for available
// replicas, which are Ready for minReadySeconds.
func TestCompleteMeansAvailable(t *testing.T) {
	tape := newTape()
	tape.node("n-1")
	rs := tape.deploy("web", 1, 10*time.Second)
	tape.pod(rs, "web-1")
	tape.bind("web-1", "n-1")
	tape.at(2 * time.Second)
	tape.run("web-1")
	tape.at(11 * time.Second)
	soon := New(Meta{End: tape.now()}, tape.History(), promises(t, "at 11s: workloads_ready()", "at 11s: converged()"))
	if soon.Verdicts[0].Held || soon.Verdicts[1].Held || soon.Workloads[0].Complete {
		t.Errorf("complete before its pod is available:\n%s", reportText(t, soon, false))
	}
	tape.at(12 * time.Second)
	then := New(Meta{End: tape.now()}, tape.History(), promises(t, "at 12s: workloads_ready()", "at 12s: converged()"))
	if !then.Held() || !then.Workloads[0].Complete {
		t.Errorf("not complete when its pod is available:\n%s", reportText(t, then, false))
	}
}

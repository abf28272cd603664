package cluster_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/store"
	"orrery/model/workload"
	"orrery/sim"
)

// withExpiry is four nodes and 8 pods for 40 minutes, with a fault from 10m on and
// what people do meanwhile.
func withExpiry(t *testing.T, f fault.Spec, actions ...workload.Action) *cluster.Cluster {
	t.Helper()
	f.ID, f.At = "expiry", sim.Time(10*time.Minute)
	c, err := cluster.New(cluster.Config{Seed: 1, Nodes: nodes(4), Objects: deployments(8), Actions: actions, Faults: []fault.Spec{f}})
	if err != nil {
		t.Fatal(err)
	}
	invariants := cluster.Watch(c.Store)
	if err := c.Run(sim.Time(40 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if len(invariants.Broken) > 0 {
		t.Error(invariants.Broken)
	}
	return c
}

// when is the minutes into the fault at which a record said or did something.
func when(c *cluster.Cluster, what func(*store.Record) bool) (out []time.Duration) {
	for i := range c.Store.History().Len() {
		if r := c.Store.History().At(i); what(r) {
			out = append(out, r.At.Sub(sim.Time(10*time.Minute)))
		}
	}
	return out
}

func firstNode(c *cluster.Cluster) string {
	name := ""
	c.Store.Snapshot().Each(model.KindNode, func(o model.Object) bool { name = o.Head().Name; return false })
	return name
}

func ready(status model.ConditionStatus) func(*store.Record) bool {
	return func(r *store.Record) bool {
		old, _ := r.Old.(*model.Node)
		now, _ := r.New.(*model.Node)
		return old != nil && now != nil && old.Ready.Status != status && now.Ready.Status == status
	}
}

func deletion(r *store.Record) bool {
	now, _ := r.New.(*model.Pod)
	return now != nil && now.Deleting()
}

// A kubelet whose client certificate has expired cannot renew its lease: its node
// is Unknown after the monitor's grace of 50 s, and its pods are evicted after
// their 300 s, though they run on. A certificate in time heals it.
//
// Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go,
// pkg/controller/tainteviction/taint_eviction.go;
// k8s.io/apiserver/pkg/authentication/request/x509/x509.go (an expired
// certificate is no identity).
func TestAKubeletWithAnExpiredCertificateLosesItsNode(t *testing.T) {
	name := firstNode(newCluster(t, 4, 0, 1))
	f := fault.Spec{Fault: "certificate-expiry", Component: "kubelet", For: 3 * time.Minute, Target: fault.Target{Names: []string{name}}}
	c := withExpiry(t, f)
	unknown, back := when(c, ready(model.Unknown)), when(c, ready(model.True))
	if len(unknown) != 1 || unknown[0] < 39*time.Second || unknown[0] > 56*time.Second {
		t.Errorf("Unknown after %v", unknown)
	}
	if len(back) != 1 || back[0] < 3*time.Minute || back[0] > 3*time.Minute+20*time.Second {
		t.Errorf("Ready again after %v", back)
	}
	if gone := when(c, deletion); len(gone) > 0 {
		t.Errorf("pods were deleted after %v", gone)
	}
	f.For = 0
	c = withExpiry(t, f)
	unknown, gone := when(c, ready(model.Unknown)), when(c, deletion)
	if len(gone) != 2 || gone[0]-unknown[0] < 300*time.Second || gone[1]-unknown[0] > 311*time.Second {
		t.Errorf("without healing Unknown after %v, pods deleted after %v", unknown, gone)
	}
}

func scaleUp(to int32) workload.Action {
	return workload.Action{At: sim.Time(11 * time.Minute), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: to}
}

// A scheduler whose certificate has expired binds nothing: what it asks is
// refused, and it tries again with its back-off until it is let in.
func TestASchedulerWithAnExpiredCertificateBindsNothing(t *testing.T) {
	c := withExpiry(t, fault.Spec{Fault: "certificate-expiry", Component: "kube-scheduler", For: 20 * time.Minute}, scaleUp(12))
	bound := when(c, func(r *store.Record) bool {
		old, _ := r.Old.(*model.Pod)
		now, _ := r.New.(*model.Pod)
		return r.At > sim.Time(10*time.Minute) && old != nil && now != nil && old.NodeID == 0 && now.NodeID != 0
	})
	if len(bound) != 4 || slices.Min(bound) < 20*time.Minute || slices.Max(bound) > 22*time.Minute {
		t.Errorf("bound after %v", bound)
	}
}

// A controller whose token has expired does nothing; its look fails and comes
// again with the queue's exponential delay, until the token is good. The
// Deployment controller gives an object up after 15 retries, some 160 s: then
// nothing happens to it even with a new token, until it is touched.
//
// Source: pkg/controller/deployment/deployment_controller.go (maxRetries,
// handleErr).
func TestAControllerWithAnExpiredTokenDoesNothing(t *testing.T) {
	for lasts, want := range map[time.Duration]int{2 * time.Minute: 4, 5 * time.Minute: 0} {
		c := withExpiry(t, fault.Spec{Fault: "token-expiry", Component: "deployment-controller", For: lasts}, scaleUp(12))
		made := when(c, func(r *store.Record) bool {
			p, ok := r.New.(*model.Pod)
			return ok && p != nil && r.Verb == store.Created && r.At > sim.Time(10*time.Minute)
		})
		if len(made) != want || want > 0 && (slices.Min(made) < lasts || slices.Max(made) > lasts+90*time.Second) {
			t.Errorf("expired for %v: pods made after %v", lasts, made)
		}
	}
}

// kubectl with an expired certificate is told so and changes nothing; an action
// of somebody else is done with that one's rights.
func TestKubectlNeedsACredentialAndRights(t *testing.T) {
	other := scaleUp(12)
	other.As = "alice"
	for _, tc := range []struct {
		fault fault.Spec
		act   workload.Action
		said  string
	}{
		{fault.Spec{Fault: "certificate-expiry", Component: "kubectl"}, scaleUp(12), "Unauthorized"},
		{fault.Spec{Fault: "token-expiry", Component: "kube-proxy"}, other, "Forbidden"},
	} {
		c := withExpiry(t, tc.fault, tc.act)
		said := when(c, func(r *store.Record) bool {
			return r.Note != nil && r.Note.Reason == workload.ReasonActionFailed && strings.Contains(r.Note.Message, tc.said)
		})
		if d := c.Store.Lookup(model.KindDeployment, "default", "app-000").(*model.Deployment); len(said) != 1 || d.Replicas == 12 {
			t.Errorf("%s: said at %v, %d replicas", tc.said, said, d.Replicas)
		}
	}
}

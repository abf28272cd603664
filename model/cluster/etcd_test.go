package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/workload"
	"orrery/sim"
)

// replicated is shop with three replicas of the control plane, and a scaling
// to 40 pods in the middle of the faults.
func replicated(seed uint64, faults ...fault.Spec) cluster.Config {
	c := shop(seed, 6, 12, faults...)
	c.ControlPlane = cluster.ControlPlane{Replicas: 3, Zones: []string{"a", "b", "c"}}
	c.Actions = []workload.Action{{
		At: lossAt.Add(time.Minute), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: 40,
	}}
	return c
}

// notedAt counts notes of a reason by when they were.
func notedAt(t *testing.T, c cluster.Config, reason string) (at []sim.Time, ready func(sim.Time) int) {
	t.Helper()
	x := built(t, c)
	counts := map[sim.Time]int{}
	for when := lossAt; when <= sim.Time(c.Duration); when = when.Add(30 * time.Second) {
		if err := x.Run(when); err != nil {
			t.Fatal(err)
		}
		counts[when] = running(x)
	}
	for i := range x.Store.History().Len() {
		if r := x.Store.History().At(i); r.Note != nil && r.Note.Reason == reason {
			at = append(at, r.At)
		}
	}
	return at, func(when sim.Time) int { return counts[when] }
}

func etcdSpec(name string, lasts time.Duration, members ...int) fault.Spec {
	f := fault.Spec{ID: "etcd", Fault: name, At: lossAt, For: lasts}
	for _, m := range members {
		f.Members = append(f.Members, fmt.Sprint("cp-", m))
	}
	return f
}

// Source: etcd.io/docs/v3.6/op-guide/failures: n members tolerate the loss of
// (n-1)/2; the leader's is followed by an election.
func TestTheLossOfOneMemberOfThreeStopsNothingForLong(t *testing.T) {
	for member, elections := range []int{1, 0, 0} {
		c := replicated(1, etcdSpec("etcd-member-down", 10*time.Minute, member))
		c.Actions[0].At = lossAt.Add(40 * time.Second)
		at, ready := notedAt(t, c, "EtcdLeaderElected")
		if len(at) != elections || elections == 1 && at[0].Sub(lossAt) > 3*time.Second {
			t.Errorf("without member %d leaders were elected at %v", member, at)
		}
		// The scheduler and the controllers of member 0 lose their leases, and
		// others lead. The balancer gives nobody the server without a member.
		if n := ready(lossAt.Add(2 * time.Minute)); n < 24 {
			t.Errorf("without member %d: %d of 40 pods two minutes later", member, n)
		}
		if n := ready(lossAt.Add(12 * time.Minute)); n != 40 {
			t.Errorf("without member %d: %d of 40 pods after it returned", member, n)
		}
	}
}

// Source: etcd.io/docs/v3.6/op-guide/failures,
// pkg/controller/nodelifecycle/node_lifecycle_controller.go: without a quorum nothing changes,
// pods run on, and after recovery nodes get a new grace period.
func TestHalfAnHourWithoutQuorumEvictsNothing(t *testing.T) {
	for seed := range uint64(10) {
		c := replicated(seed+1, etcdSpec("etcd-member-down", 30*time.Minute, 1, 2))
		c.Duration = 50 * time.Minute
		again := c.Actions[0] // kubectl gives up after a while
		again.At = lossAt.Add(33 * time.Minute)
		c.Actions = append(c.Actions, again)
		s := tell(t, c)
		if len(s.deleting) != 0 {
			t.Errorf("seed %d: %d pods evicted", seed, len(s.deleting))
		}
		for _, at := range s.created {
			// The controllers' restarts wait for up to 5 minutes by then.
			if at < lossAt.Add(33*time.Minute) || at > lossAt.Add(37*time.Minute) {
				t.Errorf("seed %d: a pod was created at %v", seed, at)
			}
		}
		if len(s.created) != 28 {
			t.Errorf("seed %d: %d pods created", seed, len(s.created))
		}
		for i, at := range s.servedAt {
			if at > lossAt && at < lossAt.Add(30*time.Minute) && s.served[i].ServedMilliRPS != s.served[i].OfferedMilliRPS {
				t.Errorf("seed %d, %v: %d of %d served, though every container serves", seed, at, s.served[i].ServedMilliRPS, s.served[i].OfferedMilliRPS)
			}
		}
	}
}

// Source: server/etcdserver/apply/apply.go applierV3Capped: with the alarm
// NOSPACE on, puts are refused.
func TestAFullDatabaseFreezesTheClusterUntilItIsDefragmented(t *testing.T) {
	c := replicated(1, etcdSpec("etcd-no-space", 10*time.Minute))
	again := c.Actions[0]
	again.At = lossAt.Add(12 * time.Minute)
	c.Actions = append(c.Actions, again)
	failed, ready := notedAt(t, c, "ActionFailed")
	if n := ready(lossAt.Add(11 * time.Minute)); n != 12 || len(failed) != 1 {
		t.Errorf("%d pods while the database is full; kubectl failed at %v", n, failed)
	}
	if n := ready(lossAt.Add(17 * time.Minute)); n != 40 {
		t.Errorf("%d of 40 pods after it was defragmented", n)
	}
}

// Source: etcd embed/config.go (heartbeats of 100 ms, an election after 1 s): a slow leader hurts
// everything, and stalls of seconds unseat it.
func TestALeaderWithAStallingDiskIsUnseated(t *testing.T) {
	f := etcdSpec("etcd-slow-disk", 10*time.Minute, 0)
	f.Fsync = sim.Uniform(2*time.Second, 4*time.Second)
	at, ready := notedAt(t, replicated(1, f), "EtcdLeaderElected")
	if len(at) == 0 {
		t.Error("no other leader was elected")
	}
	if n := ready(lossAt.Add(15 * time.Minute)); n != 40 {
		t.Errorf("%d of 40 pods after it healed", n)
	}
}

// A member that is cut off from the others in one direction steps down, and its
// API server stands still until it heals: people's next connection is to another one,
// and a scheduler and controllers on other machines take over.
func TestALeaderThatHearsNobodyStepsDown(t *testing.T) {
	f := etcdSpec("etcd-partition", 10*time.Minute, 0)
	f.Direction = fault.From
	at, ready := notedAt(t, replicated(1, f), "EtcdLeaderElected")
	if len(at) != 1 || at[0].Sub(lossAt) > 5*time.Second {
		t.Errorf("leaders were elected at %v", at)
	}
	if n := ready(lossAt.Add(9 * time.Minute)); n != 40 {
		t.Errorf("%d of 40 pods while one API server of three is of no use", n)
	}
	if n := ready(lossAt.Add(15 * time.Minute)); n != 40 {
		t.Errorf("%d of 40 pods after it healed", n)
	}
}

// Source: k8s.io/apiserver/pkg/storage/storagebackend/factory/etcd3.go: the etcd check of /readyz
// fails after 2 s, so the balancer takes a server out of whose etcd nothing comes in time,
// whatever its member believes; kubelets whose renewals fail twice go to another.
func TestAnAPIServerWhoseEtcdAnswersNothingIsTakenOut(t *testing.T) {
	cut := etcdSpec("etcd-partition", 10*time.Minute, 0)
	slow := etcdSpec("etcd-slow-disk", 10*time.Minute, 0)
	slow.Fsync = sim.Constant(9 * time.Second)
	for name, f := range map[string]fault.Spec{"a leader that is cut off and does not step down": cut, "a disk that takes 9 s": slow} {
		for _, literal := range []bool{false, true} {
			c := replicated(1, f)
			c.ControlPlane.Etcd.NoCheckQuorum = f.Fault == cut.Fault
			c.Literal = literal
			for at := lossAt.Add(2 * time.Minute); at < lossAt.Add(9*time.Minute); at = at.Add(time.Minute) {
				a := c.Actions[0]
				a.At, a.Replicas = at, a.Replicas-1
				c.Actions = append(c.Actions, a)
			}
			x, err := cluster.New(c)
			if err != nil {
				t.Fatal(err)
			}
			runTo(t, x, lossAt.Add(15*time.Minute))
			h := x.Store.History()
			noticed := 0
			for i := range h.Len() {
				r := h.At(i)
				switch n, isNode := r.New.(*model.Node); {
				case isNode && n.Ready.Status == model.Unknown:
					t.Errorf("%s: %v: %s is not heard of", name, r.At, n.Name)
				case r.Note == nil:
				case r.Note.Reason == "ActionFailed" && r.At > lossAt.Add(90*time.Second):
					t.Errorf("%s: %v: %s", name, r.At, r.Note.Message)
				case r.Note.Reason == "EtcdNotServing":
					noticed++
					if d := r.At.Sub(lossAt); d < 7*time.Second || d > 12*time.Second {
						t.Errorf("%s: noticed %v after", name, d)
					}
				}
			}
			if noticed != 1 {
				t.Errorf("%s: noticed %d times", name, noticed)
			}
		}
	}
}

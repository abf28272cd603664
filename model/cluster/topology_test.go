package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/workload"
)

// machinesDown is the loss of some machines of the control plane, for ten minutes.
func machinesDown(names ...string) fault.Spec {
	return fault.Spec{ID: "machines", Fault: "node-down", At: lossAt, For: 10 * time.Minute, Target: fault.Target{Names: names}}
}

// etcdMachinesDown is that of machines of etcd.
func etcdMachinesDown(names ...string) fault.Spec {
	return fault.Spec{ID: "etcd", Fault: "etcd-machine-down", At: lossAt, For: 10 * time.Minute, Members: names}
}

// scaledDuring is how many of 40 pods run four minutes after a loss, when a scaling
// from 12 was asked for after two.
func scaledDuring(t *testing.T, plane cluster.ControlPlane, faults ...fault.Spec) int {
	t.Helper()
	c := shop(1, 6, 12, faults...)
	c.ControlPlane = plane
	c.ControlPlane.Nodes, c.ControlPlane.Zones = true, []string{"a", "b", "c"}
	c.Actions = []workload.Action{{
		At: lossAt.Add(2 * time.Minute), Do: "scale", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Replicas: 40,
	}}
	x := built(t, c)
	runTo(t, x, lossAt.Add(4*time.Minute))
	n := 0
	x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); !p.Mirror() && p.Phase == model.PodRunning {
			n++
		}
		return true
	})
	return n
}

// Source: kubernetes.io, "Options for Highly Available Topology", and etcd's FAQ: with
// a member on each machine 3 machines tolerate the loss of one, 5 of two; with etcd on
// machines of its own one API server is enough, and members tolerate what they do.
func TestHowManyMachinesAControlPlaneCanLose(t *testing.T) {
	stacked := func(n int) cluster.ControlPlane { return cluster.ControlPlane{Replicas: n} }
	external := func(servers, members int) cluster.ControlPlane {
		return cluster.ControlPlane{Replicas: servers, ExternalEtcd: members, EtcdZones: []string{"a", "b", "c"}}
	}
	for _, tc := range []struct {
		what   string
		plane  cluster.ControlPlane
		loss   fault.Spec
		goesOn bool
	}{
		{"1 stacked, without it", stacked(1), machinesDown("cp-0"), false},
		{"3 stacked, without 1", stacked(3), machinesDown("cp-2"), true},
		{"3 stacked, without 2", stacked(3), machinesDown("cp-1", "cp-2"), false},
		{"5 stacked, without 2", stacked(5), machinesDown("cp-3", "cp-4"), true},
		{"5 stacked, without 2 of which one led", stacked(5), machinesDown("cp-0", "cp-4"), true},
		{"5 stacked, without 3", stacked(5), machinesDown("cp-2", "cp-3", "cp-4"), false},
		{"3 servers and 3 members, without 2 servers", external(3, 3), machinesDown("cp-1", "cp-2"), true},
		{"5 servers and 3 members, without 4 servers", external(5, 3), machinesDown("cp-0", "cp-1", "cp-2", "cp-3"), true},
		{"2 servers and 3 members, without a member", external(2, 3), etcdMachinesDown("etcd-1"), true},
		{"2 servers and 3 members, without the one that leads", external(2, 3), etcdMachinesDown("etcd-0"), true},
		{"3 servers and 3 members, without 2 members", external(3, 3), etcdMachinesDown("etcd-0", "etcd-1"), false},
		{"1 server and 5 members, without 2 members", external(1, 5), etcdMachinesDown("etcd-0", "etcd-4"), true},
		{"1 server and 1 member, without the member", external(1, 1), etcdMachinesDown("etcd-0"), false},
	} {
		// Without the leading controllers' machine 24 seconds and more are lost.
		if n := scaledDuring(t, tc.plane, tc.loss); tc.goesOn && n < 24 || !tc.goesOn && n != 12 {
			t.Errorf("%s: %d of 40 pods run, of 12 before", tc.what, n)
		}
	}
}

// A zone takes its machine of etcd with it, which is no node.
func TestAZoneHasItsMachinesOfEtcd(t *testing.T) {
	zone := fault.Spec{ID: "zone", Fault: "node-down", At: lossAt, For: 10 * time.Minute, Target: fault.Target{Zone: "a"}}
	c := shop(1, 6, 12, zone)
	c.ControlPlane = cluster.ControlPlane{Replicas: 1, Zones: []string{"b"}, Nodes: true, ExternalEtcd: 3, EtcdZones: []string{"a"}}
	at, _ := notedAt(t, c, "EtcdLeaderElected")
	if len(at) != 1 || at[0] < lossAt.Add(10*time.Minute) {
		t.Errorf("leaders were elected at %v, want one when the zone is back", at)
	}
}

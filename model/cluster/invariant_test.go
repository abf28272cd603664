package cluster_test

import (
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

// Every invariant finds what breaks it, in the first record that does.
func TestEveryInvariantCanBreak(t *testing.T) {
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: "n", ID: 1}}
	node.Allocatable = model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30, Pods: 2}
	pod := func(id uint32, change func(*model.Pod)) *model.Pod {
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "p", ID: id}, Spec: &model.PodSpec{}}
		p.Spec.Request = model.Resources{CPUMilli: 400}
		if change != nil {
			change(p)
		}
		return p
	}
	bound := func(p *model.Pod) { p.NodeID, p.NodeName = 1, "n" }
	greedy := func(p *model.Pod) { bound(p); p.Spec.Request.CPUMilli = 700 }
	restarted := func(n int32) func(*model.Pod) {
		return func(p *model.Pod) { p.Containers = []model.ContainerStatus{{Restarts: n}} }
	}
	change := func(from, to func(*model.Pod)) store.Record {
		return store.Record{Verb: store.Updated, Old: pod(1, from), New: pod(1, to)}
	}
	bind := func(id uint32, how func(*model.Pod)) store.Record {
		return store.Record{Verb: store.Updated, Old: pod(id, nil), New: pod(id, how)}
	}
	for want, records := range map[string][]store.Record{
		"": {bind(1, bound), bind(2, bound), change(restarted(2), func(p *model.Pod) { bound(p); p.Phase = model.PodFailed })},
		"bound, and node/n is overcommitted: 1100m of 1000m CPU": {bind(1, bound), bind(2, greedy)},
		"3 of 2 pods":                 {bind(1, bound), bind(2, bound), bind(3, func(p *model.Pod) { bound(p); p.Spec.Request.CPUMilli = 0 })},
		"phase Pending after Running": {change(func(p *model.Pod) { p.Phase = model.PodRunning }, nil)},
		"moved from n to other":       {change(bound, func(p *model.Pod) { p.NodeID, p.NodeName = 2, "other" })},
		"its identity changed":        {change(nil, func(p *model.Pod) { p.Name = "q" })},
		"generation 1 after 2":        {change(func(p *model.Pod) { p.Generation = 2 }, func(p *model.Pod) { p.Generation = 1 })},
		"revision 9 follows 1":        {{Verb: store.Updated, Old: node, New: node, Revision: 9}},
		"1 restarts after 2":          {change(restarted(2), restarted(1))},
		"time went back from 1s":      {{Verb: store.Updated, Old: node, New: node, At: 1e9}, {Verb: store.Updated, Old: node, New: node}},
	} {
		var v cluster.Invariants
		v.Recorded(&store.Record{Verb: store.Created, New: node, Revision: 1})
		for i := range records {
			if records[i].Revision == 0 {
				records[i].Revision = int64(i) + 2
			}
			v.Recorded(&records[i])
		}
		got := strings.Join(v.Broken, "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Source: pkg/kubelet/status/status_manager.go mergePodStatus, pkg/kubelet/pod_workers.go CouldHaveRunningContainers:
// before the first housekeeping of a kubelet a pod that it rejects keeps its phase, and has no containers already.
func TestAPodThatAKubeletRejectsAsItStartsHasNoRestartsAnyMoreAndStillItsPhase(t *testing.T) {
	pod := model.Pod{Meta: model.Meta{Kind: model.KindPod, Name: "p", ID: 1}, Phase: model.PodRunning}
	ran, rejected, told := pod, pod, pod
	ran.Containers = []model.ContainerStatus{{Restarts: 4}}
	told.Phase = model.PodFailed
	var v cluster.Invariants
	for i, p := range []*model.Pod{&rejected, &told} {
		v.Recorded(&store.Record{Verb: store.Updated, Old: &ran, New: p, Revision: int64(i) + 1})
	}
	if len(v.Broken) > 0 {
		t.Error(v.Broken)
	}
}

// Source: etcd.io/docs/v3.6/op-guide/recovery, "Restoring with revision bump": the
// next commit follows the revision that was restored, also if nothing differs from
// the backup; and pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer: a
// machine that knows nothing of a pod counts its restarts from 0.
func TestARestoredBackupIsWhatTheNextRecordFollows(t *testing.T) {
	pod := func(restarts int32) *model.Pod {
		return &model.Pod{Meta: model.Meta{Kind: model.KindPod, Name: "p", ID: 1}, Containers: []model.ContainerStatus{{Restarts: restarts}}}
	}
	told := store.Record{Verb: store.Noted, Restored: true, Revision: 100, Note: &model.Note{}}
	for want, records := range map[string][]store.Record{
		"": {
			{Verb: store.Created, Restored: true, New: pod(2), Revision: 100}, told,
			{Verb: store.Updated, Old: pod(2), New: pod(0), Revision: 101},
		},
		"revision 2 follows 100": {told, {Verb: store.Updated, Old: pod(0), New: pod(0), Revision: 2}},
	} {
		var v cluster.Invariants
		v.Recorded(&store.Record{Verb: store.Created, New: pod(0), Revision: 1})
		for i := range records {
			v.Recorded(&records[i])
		}
		if got := strings.Join(v.Broken, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Source: as above. The backup is as old as the newest change, or older than the
// restart of a container and the rollout that ended it.
func TestABumpedRestoreBreaksNoInvariant(t *testing.T) {
	for name, change := range map[string]func(*cluster.Config){
		"nothing to revert": func(*cluster.Config) {},
		"a pod that had restarted comes back": func(c *cluster.Config) {
			match := c.Objects[0].(*model.Deployment).Selector
			c.Faults = append(c.Faults, fault.Spec{ID: "crash", Fault: "container-crash", At: sim.Time(2 * time.Minute), Target: fault.Target{Match: match}})
			c.Actions = []workload.Action{{
				At: sim.Time(8 * time.Minute), Do: "set-image", Kind: model.KindDeployment, Namespace: "default", Name: "app-000", Image: "registry/new:1",
			}}
		},
	} {
		c := shop(1, 2, 2, fault.Spec{ID: "restore", Fault: "etcd-restore", At: sim.Time(10 * time.Minute), For: time.Minute, Backup: sim.Time(5 * time.Minute), BumpRevision: true})
		c.Traffic = nil
		change(&c)
		x, err := cluster.New(c)
		if err != nil {
			t.Fatal(err)
		}
		v := cluster.Watch(x.Store)
		if err := x.Run(sim.Time(c.Duration)); err != nil {
			t.Fatal(err)
		}
		if len(v.Broken) > 0 || x.Store.Revision() < store.BumpedRevisions || running(x) != 2 {
			t.Errorf("%s: %v, revision %d, %d run", name, v.Broken, x.Store.Revision(), running(x))
		}
	}
}

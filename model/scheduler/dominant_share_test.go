package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// The example of the paper: 9 CPUs and 18 GB; A's pods want 1 CPU and 4 GB, B's 3
// CPUs and 1 GB. A gets three pods, B two, and both two thirds of what they want
// most (Ghodsi et al., NSDI 2011, section 4.1).
func TestDominantShareSharesAsThePaperDoes(t *testing.T) {
	p := NewPlanner(PlannerConfig{Profile: PolicyNamed("dominant-share"), PercentageOfNodesToScore: 100})
	p.AddNode(node("n", "", 9000, 18))
	var pods []*model.Pod
	for i := range 20 {
		namespace, s := "a", spec(1000, 4*gib)
		if i >= 10 {
			namespace, s = "b", spec(3000, 1*gib)
		}
		pods = append(pods, &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: namespace, Name: fmt.Sprint(i)}, Spec: s})
	}
	placed := map[string]int{}
	p.PlaceAll(pods, false, func(pod *model.Pod, e *Explanation) {
		if e.Node != "" {
			placed[pod.Namespace]++
		}
	})
	if placed["a"] != 3 || placed["b"] != 2 {
		t.Errorf("a has %d pods and b %d, want 3 and 2", placed["a"], placed["b"])
	}
}

// TestTheQueueOfTenantsIsAlwaysInOrder compares the heaps by tenant with looking at
// every pod that waits, while shares change.
func TestTheQueueOfTenantsIsAlwaysInOrder(t *testing.T) {
	luck := sim.NewLuck(5).Stream("tenants")
	cache := newCache()
	var rows store.Table[podRow]
	q := newQueue(newClasses(newFramework(PolicyNamed("dominant-share"), cache, nil)), &rows, Config{}.withDefaults())
	entry := func(id uint32) *QueuedPodInfo {
		r := rows.Row(id)
		return &QueuedPodInfo{Timestamp: r.since, Priority: r.pod.Spec.Priority, Pod: id, seq: r.seq, Tenant: q.sharing.Tenant(r.pod)}
	}
	cache.setNode(1, node("n", "", 1_000_000, 1000))
	waiting, id := map[uint32]bool{}, uint32(0)
	for i := range 5000 {
		now := sim.Time(i) * 1000
		switch luck.Below(3) {
		case 0, 1:
			id++
			pod := &model.Pod{Meta: model.Meta{Kind: model.KindPod, ID: id, Namespace: fmt.Sprint("ns", luck.Below(6)), Name: fmt.Sprint(id)},
				Spec: spec(int64(1+luck.Below(20))*100, int64(luck.Below(8))*gib)}
			if luck.Below(4) == 0 {
				pod.Spec.Priority = int32(luck.Below(3))
			}
			rows.Row(id).pod, rows.Row(id).exists = pod, true
			q.add(now, id)
			waiting[id] = true
		case 2:
			best := uint32(0)
			for _, x := range slices.Sorted(maps.Keys(waiting)) {
				if best == 0 || q.activeQ.less(entry(x), entry(best)) {
					best = x
				}
			}
			got, ok := q.pop()
			if ok != (best != 0) || ok && got != best {
				t.Fatalf("step %d: pod %d is next, want %d", i, got, best)
			}
			if ok {
				delete(waiting, got)
				q.done()
				cache.addPod(1, rows.Row(got).pod)
			}
		}
	}
}

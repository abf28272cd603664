package cluster_test

import (
	"strings"
	"testing"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
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
	change := func(from, to func(*model.Pod)) store.Record {
		return store.Record{Verb: store.Updated, Old: pod(1, from), New: pod(1, to)}
	}
	bind := func(id uint32, how func(*model.Pod)) store.Record {
		return store.Record{Verb: store.Updated, Old: pod(id, nil), New: pod(id, how)}
	}
	for want, records := range map[string][]store.Record{
		"": {bind(1, bound), bind(2, bound)},
		"bound, and node/n is overcommitted: 1100m of 1000m CPU": {bind(1, bound), bind(2, greedy)},
		"3 of 2 pods":                 {bind(1, bound), bind(2, bound), bind(3, func(p *model.Pod) { bound(p); p.Spec.Request.CPUMilli = 0 })},
		"phase Pending after Running": {change(func(p *model.Pod) { p.Phase = model.PodRunning }, nil)},
		"moved from n to other":       {change(bound, func(p *model.Pod) { p.NodeID, p.NodeName = 2, "other" })},
		"its identity changed":        {change(nil, func(p *model.Pod) { p.Name = "q" })},
		"generation 1 after 2":        {change(func(p *model.Pod) { p.Generation = 2 }, func(p *model.Pod) { p.Generation = 1 })},
		"revision 9 follows 1":        {{Verb: store.Updated, Old: node, New: node, Revision: 9}},
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

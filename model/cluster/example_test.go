package cluster_test

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/sim"
)

// A cluster is put together from values, run, and asked what was committed.
func Example() {
	size := model.Resources{CPUMilli: 2000, MemoryBytes: 4 << 30, EphemeralBytes: 100 << 30, Pods: 110}
	web := model.Container{Name: "web", Image: "web:1", Requests: model.Resources{CPUMilli: 100}}
	spec := &model.PodSpec{Containers: []model.Container{web}, GraceSeconds: 30, SchedulerName: "default-scheduler"}
	spec.SumRequests()
	x, err := cluster.New(cluster.Config{
		Name: "tiny", Seed: 1, Duration: time.Minute,
		Nodes:   []*model.Node{{Meta: model.Meta{Kind: model.KindNode, Name: "n-0"}, Capacity: size, Allocatable: size}},
		Objects: []model.Object{&model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "web"}, Spec: spec}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := x.Run(sim.Time(time.Minute)); err != nil {
		fmt.Println(err)
	}
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		if p, ok := r.Object().(*model.Pod); ok {
			fmt.Println(r.At, r.Verb, p.Name, p.NodeName, p.Phase)
		}
	}
	// Output:
	// 3.747ms created web  Pending
	// 8.907ms updated web n-0 Pending
	// 17.228ms updated web n-0 Pending
	// 7.576s updated web n-0 Running
}

package controller

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// BenchmarkPods is the whole path of a pod through Deployment, ReplicaSet and
// EndpointSlice, with the API server, the store and a played scheduler and
// kubelet. The cost of a pod must not depend on the size of its ReplicaSet.
func BenchmarkPods(b *testing.B) {
	for _, size := range []int{100, 1000, 3000} {
		b.Run(fmt.Sprint("of=", size), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				benchmarkPods(b, 6000/size, int32(size))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/6000, "ns/pod")
		})
	}
}

func benchmarkPods(b *testing.B, deployments int, size int32) {
	r := newRig(b, rigConfig{seed: 1, zones: []int{50, 50, 50}})
	for i := range deployments {
		r.user.client.Create(deployment(fmt.Sprint("app-", i), size), 0)
	}
	ready := 0
	r.store.Observe(observe(func(rec *store.Record) {
		old, _ := rec.Old.(*model.Pod)
		if p, ok := rec.New.(*model.Pod); ok && p.IsReady() && !old.IsReady() {
			ready++
		}
	}))
	for ready < deployments*int(size) {
		if err := r.Run(r.Now().Add(10 * time.Second)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(r.Events())/float64(deployments*int(size)), "events/pod")
}

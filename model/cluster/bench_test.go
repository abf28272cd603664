package cluster_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/sim"
)

// nodes is n machines of 32 cores and 128 GiB in three zones.
func nodes(n int) []*model.Node {
	out := make([]*model.Node, n)
	size := model.Resources{CPUMilli: 32_000, MemoryBytes: 128 << 30, EphemeralBytes: 100 << 30, Pods: 110}
	for i := range out {
		name := fmt.Sprintf("n-%d", i)
		zone := string(rune('a' + i%3))
		out[i] = &model.Node{
			Meta:        model.Meta{Kind: model.KindNode, Name: name, Labels: model.MakeLabels(map[string]string{model.LabelHostname: name, model.LabelZone: zone})},
			Capacity:    size,
			Allocatable: size,
		}
	}
	return out
}

// deployments is n pods in Deployments of at most 500, of ten shapes between
// 100m and 1 core.
func deployments(n int) []model.Object {
	var out []model.Object
	for i := 0; n > 0; i++ {
		size := min(n, 500)
		n -= size
		name := fmt.Sprintf("app-%03d", i)
		labels := model.MakeLabels(map[string]string{"app": name})
		request := model.Resources{CPUMilli: int64(1+i%10) * 100, MemoryBytes: int64(1+i%10) * 128 << 20}
		spec := &model.PodSpec{
			Containers:    []model.Container{{Name: "main", Image: fmt.Sprintf("registry/app-%d:1", i%10), Requests: request}},
			GraceSeconds:  30,
			SchedulerName: "default-scheduler",
			Tolerations: []model.Toleration{
				{Key: model.TaintNotReady, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
				{Key: model.TaintUnreachable, Exists: true, Effect: model.NoExecute, For: 300 * time.Second},
			},
		}
		spec.SumRequests()
		template := &model.Template{Labels: labels, Spec: spec, Hash: fmt.Sprintf("h%03d", i)}
		out = append(out, &model.Deployment{
			Meta:             model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: name, Labels: labels},
			Replicas:         int32(size),
			Selector:         model.SelectorOf(labels),
			Template:         template,
			MaxSurge:         model.CountOrPercent{Value: 25, Percent: true},
			MaxUnavailable:   model.CountOrPercent{Value: 25, Percent: true},
			ProgressDeadline: 600 * time.Second,
			HistoryLimit:     10,
		})
	}
	return out
}

func newCluster(tb testing.TB, nodeCount, podCount, replicas int) *cluster.Cluster {
	tb.Helper()
	c, err := cluster.New(cluster.Config{Seed: 1, ControlPlane: cluster.ControlPlane{Replicas: replicas}, Nodes: nodes(nodeCount), Objects: deployments(podCount)})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// running counts pods that are Running and Ready in truth.
func running(c *cluster.Cluster) (n int) {
	c.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
		if p := o.(*model.Pod); p.Phase == model.PodRunning && p.IsReady() {
			n++
		}
		return true
	})
	return n
}

// BenchmarkRollout creates pods through Deployments until all are Running and
// Ready: the size Kubernetes promises, a tenth and three hundredths of it.
func BenchmarkRollout(b *testing.B) {
	for _, size := range []struct{ nodes, pods int }{{150, 4_500}, {500, 15_000}, {5_000, 150_000}} {
		for _, replicas := range []int{1, 3} {
			b.Run(fmt.Sprintf("nodes=%d/pods=%d/replicas=%d", size.nodes, size.pods, replicas), func(b *testing.B) {
				for range b.N {
					rollout(b, size.nodes, size.pods, replicas)
				}
			})
		}
	}
}

func rollout(b *testing.B, nodeCount, podCount, replicas int) {
	before := heap()
	c := newCluster(b, nodeCount, podCount, replicas)
	for n := 0; n < podCount; n = running(c) {
		if c.Kernel.Now() > sim.Time(24*time.Hour) {
			b.Fatalf("%d of %d pods run after a day", n, podCount)
		}
		if err := c.Run(c.Kernel.Now().Add(10 * time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	events := c.Kernel.Events()
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(float64(events), "events")
	b.ReportMetric(float64(events)/float64(podCount), "events/pod")
	b.ReportMetric(ns/float64(events), "ns/event")
	b.ReportMetric(float64(events)/ns*1e9, "events/s")
	b.ReportMetric(float64(heap()-before)/float64(podCount), "bytes/pod")
	b.ReportMetric(c.Kernel.Now().Sub(0).Seconds(), "virtual-s")
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkIdleDay lets a full cluster stand still for a virtual day.
func BenchmarkIdleDay(b *testing.B) {
	c := newCluster(b, 5_000, 150_000, 3)
	for running(c) < 150_000 {
		if err := c.Run(c.Kernel.Now().Add(10 * time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Run(c.Kernel.Now().Add(time.Hour)); err != nil { // what the rollout left to do
		b.Fatal(err)
	}
	b.ResetTimer()
	events := c.Kernel.Events()
	for range b.N {
		if err := c.Run(c.Kernel.Now().Add(24 * time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Kernel.Events()-events)/float64(b.N), "events/day")
}

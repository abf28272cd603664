package kubelet_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/kubelet"
	"orrery/model/network"
	machines "orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// BenchmarkStart is 30 pods on each of 500 nodes, from created to Running,
// without a scheduler or controllers.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		k := sim.New(sim.Config{Seed: 1})
		net := network.New(k, network.DefaultProfile())
		s := store.New(k, net)
		control := net.AddSite("cp-0", "")
		apiserver.New(k, s, apiserver.NewBackend(k, s, net, etcd.Config{Sites: []network.Site{control}}), net, control, 4)
		registry := machines.NewRegistry(k)
		size := model.Resources{CPUMilli: 64000, MemoryBytes: 256 << 30, Pods: 110}
		const nodes, pods = 500, 30
		by := k.Register("test", idle{})
		kubelets := make([]*kubelet.Kubelet, nodes)
		for i := range kubelets {
			n := &model.Node{
				Meta:        model.Meta{Kind: model.KindNode, Name: fmt.Sprintf("n-%d", i)},
				Allocatable: size, Ready: model.Condition{Status: model.True}, Images: []model.Image{{Name: "web"}},
			}
			s.Create(by, n)
			kubelets[i] = kubelet.New(k, s, net, n, net.AddSite(n.Name, ""), kubelet.Config{Config: machines.Config{Registry: registry}})
		}
		for _, x := range kubelets {
			x.Start()
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		spec := &model.PodSpec{Containers: []model.Container{{Name: "main", Image: "web"}}, GraceSeconds: 30}
		for i := range nodes * pods {
			s.Create(by, &model.Pod{
				Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: fmt.Sprintf("p-%d", i)},
				Spec: spec, NodeID: uint32(i%nodes) + 1,
			})
		}
		events := k.Events()
		start := time.Now()
		if err := k.Run(sim.Time(time.Minute)); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(k.Events()-events)/nodes/pods, "events/pod")
		b.ReportMetric(float64(took.Nanoseconds())/nodes/pods, "ns/pod")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/nodes/pods, "B/pod")
		if !s.Get(model.Ref{Kind: model.KindPod, ID: nodes * pods}).(*model.Pod).IsReady() {
			b.Fatal("the last pod is not ready")
		}
		runtime.KeepAlive(kubelets)
	}
}

// idle is an actor that is never woken.
type idle struct{}

// Wake implements sim.Actor.
func (idle) Wake(sim.Time, sim.Why, uint64) {}

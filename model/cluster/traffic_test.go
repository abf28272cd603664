package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/runtime"
	"orrery/model/workload"
)

// market is services that call one another in layers of eight, each with a Deployment
// and an autoscaler; the first layer is sent to, with a wave a day.
func market(nodeCount, services, pods int, period time.Duration) cluster.Config {
	c := cluster.Config{Seed: 1, Nodes: nodes(nodeCount)}
	const layer = 8
	each := pods / services
	for i := range services {
		d := deployments(each)[0].(*model.Deployment)
		name := fmt.Sprintf("s-%03d", i)
		d.Name, d.Labels = name, model.MakeLabels(map[string]string{"app": name})
		d.Selector = model.SelectorOf(d.Labels)
		spec := *d.Template.Spec
		spec.Containers = append([]model.Container(nil), spec.Containers...)
		spec.Containers[0].Requests = model.Resources{CPUMilli: 250, MemoryBytes: 128 << 20}
		spec.Containers[0].Limits = model.Resources{CPUMilli: 1000}
		spec.SumRequests()
		d.Template = &model.Template{Labels: d.Labels, Spec: &spec, Hash: name}
		b := runtime.Behavior{Match: d.Selector, CPUMilli: 10, CPUMicroPerRPS: 1000}
		for j := i + layer; j < min(i+layer+2, services); j++ {
			b.Calls = append(b.Calls, runtime.Call{Service: fmt.Sprintf("s-%03d", j), PerRequestMilli: 500, Timeout: time.Second, Retries: 1})
		}
		c.Behaviors = append(c.Behaviors, b)
		c.Objects = append(c.Objects, d,
			&model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: name}, Selector: d.Selector, Ports: 1},
			&model.HorizontalPodAutoscaler{
				Meta:       model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: name},
				TargetKind: model.KindDeployment, TargetName: name, Min: int32(each / 2), Max: int32(each),
				Metrics: []model.MetricSpec{{Name: "cpu", Utilization: 60}},
			})
		if i < layer {
			high := int64(each) * 130_000 // a pod at 60 % of its request serves 140 a second
			c.Traffic = append(c.Traffic, workload.Traffic{Namespace: "default", Service: name, Rate: workload.Diurnal(high/2, high, period, period/2, period/96)})
		}
	}
	return c
}

// A call graph of many Services, and more flows than bits in a word: load reaches the
// last of them, and autoscalers follow it.
func TestLoadFlowsThroughManyServices(t *testing.T) {
	c, err := cluster.New(market(6, 80, 160, 24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(c.Kernel.Now().Add(30 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	last := map[string]model.Traffic{}
	for i := range c.Store.History().Len() {
		if n := c.Store.History().At(i).Note; n != nil && n.Traffic != nil {
			last[n.Path()] = *n.Traffic
		}
	}
	for i := range 80 {
		x := last[fmt.Sprintf("service/s-%03d", i)]
		if x.OfferedMilliRPS == 0 || x.ServedMilliRPS < x.OfferedMilliRPS*99/100 || x.P99 == 0 {
			t.Errorf("service %d: %+v", i, x)
		}
	}
}

// came is what became of requests to all Services, in millions of requests.
func came(c *cluster.Cluster) (offered, served int64) {
	last, since := map[string]model.Traffic{}, map[string]time.Duration{}
	add := func(key string, until time.Duration) {
		ms := (until - since[key]).Milliseconds()
		offered += last[key].OfferedMilliRPS * ms
		served += last[key].ServedMilliRPS * ms
		since[key] = until
	}
	for i := range c.Store.History().Len() {
		if r := c.Store.History().At(i); r.Note != nil && r.Note.Traffic != nil {
			key := r.Note.Path() + " " + r.Note.Traffic.From
			add(key, time.Duration(r.At))
			last[key] = *r.Note.Traffic
		}
	}
	for key := range last {
		add(key, time.Duration(c.Kernel.Now()))
	}
	return offered / 1_000_000, served / 1_000_000
}

// The slow twin has every pod computed by itself, every change passed on at once, and a
// kube-proxy on every one of thirteen nodes a zone.
func TestADayOfTrafficIsAboutWhatItIsExactly(t *testing.T) {
	var offered, served, events [2]int64
	for k := range offered {
		config := market(39, 24, 240, 2*time.Hour)
		config.ExactTraffic = k == 1
		c, err := cluster.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Run(c.Kernel.Now().Add(2 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		offered[k], served[k] = came(c)
		events[k] = int64(c.Kernel.Events())
	}
	for what, x := range map[string][2]int64{"offered": offered, "served": served} {
		if off := max(x[0]-x[1], x[1]-x[0]); off > x[1]/500 {
			t.Errorf("%s: %d, exactly %d", what, x[0], x[1])
		}
	}
	if events[0] > events[1] {
		t.Errorf("%d events, exactly %d", events[0], events[1])
	}
	t.Logf("offered %v, served %v, events %v", offered, served, events)
}

// BenchmarkTrafficDay is a day of a large shop with autoscalers, which was rolled out an
// hour before.
func BenchmarkTrafficDay(b *testing.B) {
	for _, x := range markets {
		b.Run(x.String(), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				c := x.open(b)
				before := c.Kernel.Events()
				b.StartTimer()
				if err := c.Run(c.Kernel.Now().Add(24 * time.Hour)); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(c.Kernel.Events()-before), "events")
			}
		})
	}
}

// BenchmarkTrafficOpening is the hour before: all its pods are made, and from the first
// moment as many requests come as on any other day.
func BenchmarkTrafficOpening(b *testing.B) {
	for _, x := range markets {
		b.Run(x.String(), func(b *testing.B) {
			for range b.N {
				b.ReportMetric(float64(x.open(b).Kernel.Events()), "events")
			}
		})
	}
}

type marketSize struct{ nodes, services, pods int }

var markets = []marketSize{{10, 20, 300}, {100, 20, 3_000}, {1_000, 200, 30_000}}

func (x marketSize) String() string { return fmt.Sprintf("nodes=%d/pods=%d", x.nodes, x.pods) }

// open rolls a shop out.
func (x marketSize) open(b *testing.B) *cluster.Cluster {
	c, err := cluster.New(market(x.nodes, x.services, x.pods, 24*time.Hour))
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Run(c.Kernel.Now().Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	return c
}

package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/runtime"
	"orrery/model/workload"
	"orrery/sim"
)

// swollen is a random scenario whose pods have limits of memory, perhaps swap beyond
// them, and use it as their age, bursts and changing requests have it. Nothing of that ends, so it need not
// converge.
func swollen(seed uint64) cluster.Config {
	c := randomConfig(seed)
	luck := sim.New(sim.Config{Seed: seed}).Luck().Stream("test/memory")
	mi := func(least, most uint64) int64 { return int64(least+luck.Below(most-least)) << 20 }
	for _, o := range c.Objects {
		d, ok := o.(*model.Deployment)
		if !ok {
			continue
		}
		spec, template := *d.Template.Spec, *d.Template
		spec.Containers = append([]model.Container(nil), spec.Containers...)
		spec.Containers[0].Requests.MemoryBytes = mi(20, 100)
		spec.Containers[0].Limits.MemoryBytes = mi(100, 400)
		if luck.Below(2) == 0 {
			spec.Containers[0].Liveness = &model.Probe{Period: 10 * time.Second, FailureThreshold: 3, SuccessThreshold: 1, Timeout: time.Second}
		}
		spec.SumRequests()
		template.Spec = &spec
		template.Hash = template.ComputeHash()
		d.Template = &template
		b := runtime.Behavior{
			Match: d.Selector, CPUMilli: 10, CPUMicroPerRPS: int64(luck.Below(20_000)),
			MemoryBytes: mi(5, 60), MemoryPerRPS: int64(luck.Below(2 << 20)), MemoryGrowth: int64(luck.Below(1 << 20)),
		}
		if luck.Below(2) == 0 {
			b.Bursts = []runtime.Burst{{After: time.Duration(luck.Below(60)) * time.Second, For: 20 * time.Second, Every: 5 * time.Minute, CPUMilli: 300, MemoryBytes: mi(5, 100)}}
		}
		c.Behaviors = append(runtime.Behaviors{b}, c.Behaviors...)
	}
	c.Kubelet.LimitedSwap = luck.Below(2) == 0
	for _, n := range c.Nodes {
		n.Stock = &model.Stock{SwapBytes: mi(1000, 20_000)}
	}
	for i := range c.Traffic {
		c.Traffic[i].Rate = workload.Rate{Every: 10 * time.Minute, Steps: []workload.Step{
			{At: 0, MilliRPS: int64(luck.Below(300_000))}, {At: 3 * time.Minute, MilliRPS: int64(luck.Below(300_000))}, {At: 7 * time.Minute, MilliRPS: int64(luck.Below(300_000))},
		}}
	}
	return c
}

// Every tick as an event makes the same history, and no kill is forgotten until
// somebody trips over it.
func TestRandomMemoryIsTheSameWithEveryTickAnEvent(t *testing.T) {
	for seed := uint64(1); seed <= 20 && !t.Failed(); seed++ {
		run := func(literal bool) *cluster.Cluster {
			c := swollen(seed)
			c.Literal, c.Limits = literal, sim.Limits{Events: 20_000_000}
			return watched(t, c)
		}
		same(t, seed, "every tick an event", run(false), run(true))
	}
}

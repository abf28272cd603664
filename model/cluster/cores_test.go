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

// neighbors is services of a pod each on one machine, whose requests cost so many millionths of a
// core for each per second, sent in thousandths per second.
func neighbors(cores int64, costs []int64, rates ...[]workload.Step) cluster.Config {
	c := cluster.Config{Seed: 1, Nodes: nodes(1)}
	c.Nodes[0].Capacity.CPUMilli, c.Nodes[0].Allocatable.CPUMilli = cores*1000, cores*1000
	for i, cost := range costs {
		d := deployments(1)[0].(*model.Deployment)
		d.Name = fmt.Sprint("s-", i)
		d.Labels = model.MakeLabels(map[string]string{"app": d.Name})
		d.Selector = model.SelectorOf(d.Labels)
		d.Template = &model.Template{Labels: d.Labels, Spec: d.Template.Spec, Hash: d.Name}
		c.Behaviors = append(c.Behaviors, runtime.Behavior{Match: d.Selector, CPUMicroPerRPS: cost})
		c.Objects = append(c.Objects, d, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: d.Name}, Selector: d.Selector, Ports: 1})
		c.Traffic = append(c.Traffic, workload.Traffic{Namespace: "default", Service: d.Name, Rate: workload.Rate{Steps: rates[i]}})
	}
	return c
}

// fares is what is told of each service just before some times.
func fares(t *testing.T, config cluster.Config, at ...time.Duration) [][]model.Traffic {
	t.Helper()
	c, err := cluster.New(config)
	if err != nil {
		t.Fatal(err)
	}
	start := c.Kernel.Now()
	if err := c.Run(start.Add(at[len(at)-1])); err != nil {
		t.Fatal(err)
	}
	out := make([][]model.Traffic, len(config.Traffic))
	for i := range out {
		out[i] = make([]model.Traffic, len(at))
		for k := range c.Store.History().Len() {
			r := c.Store.History().At(k)
			if r.Note == nil || r.Note.Traffic == nil || r.Note.Path() != fmt.Sprint("service/s-", i) {
				continue
			}
			for j := range at {
				if r.At.Sub(start) < at[j] {
					out[i][j] = *r.Note.Traffic
				}
			}
		}
	}
	return out
}

// The fuller a machine is, the longer requests take, before it is full and after.
func TestRequestsTakeTheLongerTheFullerTheirMachineIs(t *testing.T) {
	var steps []workload.Step
	var at []time.Duration
	for i := range int64(19) { // 40 to 130 %
		begin := time.Duration(i+1) * 3 * time.Minute
		steps, at = append(steps, workload.Step{At: begin, MilliRPS: 40_000 + 5000*i}), append(at, begin+3*time.Minute)
	}
	all := fares(t, neighbors(1, []int64{10_000}, steps), at...)[0]
	for i := range all {
		if i > 0 && (all[i].P50 <= all[i-1].P50 || all[i].P99 <= all[i-1].P99) {
			t.Errorf("of %d half take %v and 99 %% %v, but of %d %v and %v", all[i].OfferedMilliRPS, all[i].P50, all[i].P99, all[i-1].OfferedMilliRPS, all[i-1].P50, all[i-1].P99)
		}
	}
	// 80 of 94.8 for which there is CPU besides the kubelet's: 10/0.148 ms, 7.7 times as long for 99 % (model/workload's slow twin)
	if p := all[8]; p.OfferedMilliRPS != 80_000 || p.P99 < 450*time.Millisecond || p.P99 > 600*time.Millisecond {
		t.Errorf("at 85 %%: %+v", p)
	}
}

// Who wants much makes wait who wants more than its part, and hardly who wants less.
func TestAPodWaitsForWhatOthersUse(t *testing.T) {
	const from = 2 * time.Minute
	constant := func(milli int64) []workload.Step { return []workload.Step{{At: from, MilliRPS: milli}} }
	other := []workload.Step{{At: from, MilliRPS: 1000}, {At: 2 * from, MilliRPS: 27_000}, {At: 3 * from, MilliRPS: 1000}}
	all := fares(t, neighbors(4, []int64{10_000, 100_000}, constant(90_000), other), 2*from, 3*from, 4*from)
	quiet, busy, after := all[0][0], all[0][1], all[0][2]
	if quiet.P99 > 48*time.Millisecond || busy.P99 < 60*time.Millisecond || busy.P99 > 100*time.Millisecond || after.P99 > quiet.P99+quiet.P99/20 {
		t.Errorf("99 %% take %v, %v beside a pod that uses 2.7 of 4 cores, and then %v", quiet.P99, busy.P99, after.P99)
	}
	if hungry := all[1][1]; hungry.P99 < 2*time.Second || hungry.P99 > 2800*time.Millisecond { // one by one 3.1 to 3.5 times as long on the average
		t.Errorf("that one's 99 %% take %v", hungry.P99)
	}
}

package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// capacity is how many requests a pod has CPU for, and whether anything limits that.
func capacity(m *Machine, pod uint32) (milliRPS int64, limited bool) {
	c := m.Capacity(pod)
	return max(c.MilliRPS, 0), c.MilliRPS >= 0
}

// Source: Documentation/scheduler/sched-design-CFS.rst: threads of a cgroup get the same. By hand: of
// 1100m a hundred requests of 2m have 100/100.1 beside a tenth of a thread; of two containers the least counts.
func TestLimitsLeaveRequestsAFairPart(t *testing.T) {
	limit := func(name string, milli int64) model.Container {
		return model.Container{Name: name, Limits: model.Resources{CPUMilli: milli}}
	}
	behaviors := Behaviors{
		{Container: "app", CPUMilli: 100, CPUMicroPerRPS: 2000}, {Container: "side", CPUMilli: 10, CPUMicroPerRPS: 500},
		{Container: "busy", CPUMilli: 2000, CPUMicroPerRPS: 5000, Workers: 2}, {Container: "calm", CPUMicroPerRPS: 5000}, {Container: "wide", CPUMilli: 1000, CPUMicroPerRPS: 5000, Workers: 1}, {},
	}
	for _, c := range []struct {
		containers []model.Container
		want       int64
	}{
		{[]model.Container{limit("app", 0)}, -1}, {[]model.Container{limit("free", 100)}, -1},
		{[]model.Container{limit("app", 1100)}, 549_450},
		{[]model.Container{limit("app", 1100), limit("side", 60)}, 119_988},
		{[]model.Container{limit("app", 50)}, 24_975},
		{[]model.Container{limit("busy", 1000)}, 100_000}, // half of it: two workers beside two threads
		{[]model.Container{limit("calm", 1000)}, 200_000},
		{[]model.Container{limit("wide", 4000)}, 600_000}, // each has a core
	} {
		if got := LimitedCapacity(pod(1, c.containers...), behaviors, 0); got.MilliRPS != c.want {
			t.Errorf("%+v: %+v, want %d", c.containers, got, c.want)
		}
	}
}

// Source: pkg/kubelet/cm/helpers_linux.go ResourceConfigForPod: a pod's limit is the quota of its
// cgroup, in which its containers have their weights and limits. By hand: 100m of it are all that the other
// one may have; 400m of 500m are left; without limits both have half of it, and if the other one
// asks for three times as much a fourth.
func TestAPodsLimitLeavesRequestsWhatOtherContainersCannotHave(t *testing.T) {
	asks := func(cpu, limit int64) model.Container {
		return model.Container{Name: "other", Requests: model.Resources{CPUMilli: cpu}, Limits: model.Resources{CPUMilli: limit}}
	}
	for _, c := range []struct{ limit, uses, request, others, own, want int64 }{
		{1000, 2000, 0, 0, 100, 180_000}, {1000, 50, 0, 0, 0, 190_000}, {500, 450, 0, 0, 100, 80_000},
		{500, 4000, 0, 0, 0, 50_000}, {1000, 4000, 1000, 3000, 0, 50_000},
	} {
		r := newRig(Behavior{Container: "app", CPUMicroPerRPS: 5000}, Behavior{Container: "other", CPUMilli: c.uses})
		app := model.Container{Name: "app", Requests: model.Resources{CPUMilli: c.request}}
		p := pod(1, app, asks(c.others, c.own))
		p.Spec.PodLevel = &model.PodLevel{Limits: model.Resources{CPUMilli: c.limit}}
		r.start(p)
		got, limited := capacity(r.machine, 1)
		if !limited || got < c.want-c.want/50 || got > c.want+c.want/50 {
			t.Errorf("%+v: CPU for %d", c, got)
		}
		load(r.machine, 1, c.want)
		if gets := r.machine.Sandbox(1).Processes[0].meter.cpu; gets < c.want*5/1000*98/100 || gets > c.want*5/1000*102/100 {
			t.Errorf("%+v: it gets %d", c, gets)
		}
		if fast := LimitedCapacity(p, r.machine.behaviors, 0); fast.MilliRPS != got {
			t.Errorf("%+v: by what is said %d, as it runs %d", c, fast.MilliRPS, got)
		}
	}
}

// What requests are said to have of a pod's limit is what sharing it gives them, whatever there is in it.
func TestWhatAPodsLimitLeavesIsWhatItsContainersGet(t *testing.T) {
	luck := sim.NewLuck(1).Stream("limits")
	between := func(low, high uint64) int64 { return int64(low + luck.Below(high-low+1)) }
	for n := range 500 {
		var all []demand
		for range between(1, 4) {
			d := demand{rest: between(0, 3000), threads: 1, abreast: model.Backlog, limit: 2000, weight: between(1, 400)}
			if len(all) == 0 || luck.Below(2) == 0 {
				d.each = between(100, 20_000)
			}
			if luck.Below(2) == 0 {
				d.limit = between(10, 2000)
			}
			all = append(all, d)
		}
		c, list := leastOf(all, 2000, nil)
		below := c.MilliRPS
		if d := fits(all, 2000, below, &list); d != nil && below > 0 {
			t.Fatalf("case %d: %+v: not enough for %d", n, all, below)
		}
		if above := below + below/100 + 2000; fits(all, 2000, above, &list) == nil {
			enough := true
			for i := range all {
				enough = enough && (all[i].each == 0 || all[i].serves(all[i].limit).MilliRPS >= above)
			}
			if enough {
				t.Fatalf("case %d: %+v: enough for %d, not only for %d", n, all, above, below)
			}
		}
	}
}

// A container of a pod with a limit leaves others less when it begins a burst, or is stressed.
func TestWhoServesIsToldWhenAnotherContainerOfItsPodUsesMore(t *testing.T) {
	r := newRig(Behavior{Container: "app", CPUMicroPerRPS: 5000}, Behavior{Container: "other", Bursts: []Burst{{After: time.Minute, CPUMilli: 4000}}})
	p := pod(1, model.Container{Name: "app"}, model.Container{Name: "other"})
	p.Spec.PodLevel = &model.PodLevel{Limits: model.Resources{CPUMilli: 1000}}
	r.start(p)
	r.run(t, 59*time.Second)
	r.told = nil
	r.run(t, 2*time.Second)
	r.expect(t, "pod 1: 100000")
	r.machine.Stress(1, "other", model.Stress{CPUMilli: 1000})
	r.expect(t, "pod 1: 100000")
}

func TestNothingIsAllocatedToFindACapacity(t *testing.T) {
	r := newRig(Behavior{CPUMilli: 50, CPUMicroPerRPS: 10_000})
	r.start(limited(1, 500, 0, model.Resources{}, model.Resources{CPUMilli: 100}))
	r.machine.Capacity(1)
	if n := testing.AllocsPerRun(100, func() { r.machine.Capacity(1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// besides is a pod of an app container and another one, "proxy", of a limit: a container of its
// kind, or a sidecar.
func besides(sidecar bool, limits model.Resources) *model.Pod {
	proxy := model.Container{Name: "proxy", Limits: limits, Sidecar: sidecar}
	if sidecar {
		p := pod(1, model.Container{Name: "app"})
		p.Spec.InitContainers = []model.Container{proxy}
		return p
	}
	return pod(1, proxy, model.Container{Name: "app"})
}

// Source: KEP 753: a sidecar is an init container that runs as long as those of the app, such as a
// proxy that requests pass through; its cgroup is that of any container. The numbers: 20 requests a
// second of 5m and 1 MiB each, a limit of 50m.
func TestWhatRequestsCostASidecarCountsAsWithAnAppContainer(t *testing.T) {
	for _, sidecar := range []bool{false, true} {
		r := newRig(Behavior{Container: "proxy", CPUMicroPerRPS: 5000, MemoryBytes: 10 << 20, MemoryPerRPS: 1 << 20, PIDsMilliPerRPS: 2000}, Behavior{})
		s := r.start(besides(sidecar, model.Resources{CPUMilli: 50}))
		r.run(t, time.Minute)
		load(r.machine, 1, 20_000)
		r.run(t, time.Minute)
		p := &s.Processes[0]
		if rate, limited := capacity(r.machine, 1); !limited || rate != 10_000 {
			t.Errorf("sidecar %v: CPU for %d thousandths a second, want 10 requests", sidecar, rate)
		}
		if p.meter.cpu != 50 || p.MemoryUsed(r.Now()) != 30<<20 || p.extra.pidsLoaded != 40 {
			t.Errorf("sidecar %v: it uses %d milli-CPU, %d bytes and %d processes", sidecar, p.meter.cpu, p.MemoryUsed(r.Now()), p.extra.pidsLoaded)
		}
	}
}

// Source: the same: a pod that requests reach through a proxy does not answer without it. A sidecar
// that they cost nothing, one that ships logs, is none of their business.
func TestAPodServesWhileItsSidecarRunsThatRequestsPassThrough(t *testing.T) {
	for _, c := range []struct {
		latency time.Duration
		told    []string
	}{
		{time.Millisecond, []string{"pod 1 serves: false", "pod 1 serves: true"}}, {0, nil},
	} {
		r := newRig(Behavior{Container: "proxy", Startup: sim.Constant(3 * time.Second), Latency: c.latency}, Behavior{Startup: sim.Constant(time.Second)})
		s := r.start(besides(true, model.Resources{}))
		r.run(t, 2*time.Second)
		if served := r.machine.Serves(s); served != (c.latency == 0) {
			t.Errorf("latency %v: it serves after 2s: %v", c.latency, served)
		}
		r.run(t, 10*time.Second)
		r.told = nil
		r.machine.Crash(s, 0, 1)
		r.machine.Start(s, 0)
		r.run(t, 4*time.Second)
		var told []string
		for _, x := range r.told {
			if x != "changed p-1" {
				told = append(told, x)
			}
		}
		r.told = told
		r.expect(t, c.told...)
	}
}

// Source: the same: an init container that is no sidecar has ended before anything serves.
func TestAnInitContainerUsesNothingForRequests(t *testing.T) {
	r := newRig(Behavior{CPUMicroPerRPS: 5000, MemoryPerRPS: 1 << 20})
	p := pod(1, model.Container{Name: "app"})
	p.Spec.InitContainers = []model.Container{{Name: "first"}}
	s := r.start(p)
	load(r.machine, 1, 20_000)
	r.run(t, 500*time.Millisecond)
	if first, app := &s.Processes[0], &s.Processes[1]; first.meter.cpu != 0 || first.heap != 0 || app.meter.cpu != 100 {
		t.Errorf("it uses %d and %d bytes a request, the app container %d", first.meter.cpu, first.heap, app.meter.cpu)
	}
}

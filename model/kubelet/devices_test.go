package kubelet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// gpus is how many the API shows that the node has.
func (r *rig) gpus() (capacity, allocatable int64) {
	n := r.shownNode()
	return n.Capacity.ExtendedCount(model.ResourceGPU), n.Allocatable.ExtendedCount(model.ResourceGPU)
}

// withGPUs gives the node two.
func withGPUs(r *rig) {
	r.node.Allocatable = r.node.Allocatable.WithExtended(model.ResourceGPU, 2)
	r.node.Capacity = r.node.Allocatable
}

// usingGPU has a pod's container use one.
func usingGPU(s *model.PodSpec) {
	s.Containers[0].Requests.Extended = []model.Extended{{Name: model.ResourceGPU, Count: 1}}
}

const noDevices = "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu, which is unexpected"

// Source: v1.35 pkg/kubelet/cm/devicemanager/manager.go devicesToAllocate (scenario 3), readCheckpoint,
// GetCapacity: after a boot there are no devices until their plugin has registered, and pods that
// have some are rejected.
func TestAfterARebootPodsWithDevicesAreRejected(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed, withGPUs)
		trains, serves := r.pod("trains", usingGPU), r.pod("serves", nil)
		r.ready(trains)
		r.ready(serves)
		r.kubelet.PowerOff()
		r.run(time.Second)
		r.kubelet.PowerOn()
		start := r.until("started", time.Minute, func() bool { return slices.Contains(r.saidOfNode(), "Starting") })
		r.until("rejected", 2*time.Minute, func() bool { return r.get(trains).Phase == model.PodFailed })
		if p := r.get(trains); p.Reason != "UnexpectedAdmissionError" || p.Message != noDevices {
			t.Errorf("seed %d: %s: %s", seed, p.Reason, p.Message)
		}
		r.until("none", time.Minute, func() bool { c, a := r.gpus(); return c == 0 && a == 0 })
		r.ready(serves)
		back := r.until("devices again", time.Minute, func() bool { c, a := r.gpus(); return c == 2 && a == 2 })
		if d := back.Sub(start); d < 5*time.Second || d > 30*time.Second { // after the network 5 to 15 s, and a look every 10.4 s
			t.Errorf("seed %d: %v after the kubelet's start", seed, d)
		}
		r.ready(r.pod("again", usingGPU))
	}
}

// Source: the same (scenario 2): containers that run over a restart of the kubelet have their devices,
// and those that wait to be started again do not get them.
func TestARestartOfTheKubeletLeavesContainersThatRunTheirDevices(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed, withGPUs, behaving(runtime.Behavior{Match: model.SelectorOf(model.MakeLabels(map[string]string{"app": "loops"})), Run: sim.Constant(time.Second), ExitCode: 1}))
		runs, loops := r.pod("runs", usingGPU), r.pod("loops", usingGPU)
		r.ready(runs)
		r.until("in back-off", time.Minute, func() bool { return len(r.notes(loops, "BackOff")) == 2 })
		r.kubelet.Stop()
		r.kubelet.Resume()
		start := r.Now()
		r.until("none", 10*time.Second, func() bool { c, a := r.gpus(); return c == 0 && a == 0 })
		back := r.until("devices again", 20*time.Second, func() bool { c, a := r.gpus(); return c == 2 && a == 2 })
		if d := back.Sub(start); d < 2*time.Second || d > 19*time.Second { // 1 to 3 s, 1 to 5 s, and a look every 10.4 s
			t.Errorf("seed %d: after %v", seed, d)
		}
		if p := r.get(runs); !p.IsReady() || p.Restarts() != 0 {
			t.Errorf("seed %d: what runs is %v with %d restarts", seed, p.Ready, p.Restarts())
		}
		r.until("what waits has failed", 10*time.Second, func() bool { return r.get(loops).Phase == model.PodFailed })
		if p := r.get(loops); p.Message != noDevices {
			t.Errorf("seed %d: what waits: %s", seed, p.Message)
		}
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go NewMainKubelet, where the handler that allocates devices comes before
// that of predicates; pkg/kubelet/cm/devicemanager/manager.go devicesToAllocate;
// pkg/kubelet/cm/admission/errors.go: whatever the topology manager's policy, it is the device manager
// that finds too few, and so nobody is pushed out for a critical pod either. What an init container has had
// is used again.
func TestTheDeviceManagerRefusesAPodForWhichThereAreTooFew(t *testing.T) {
	wants := func(n int64) func(*model.PodSpec) {
		return func(s *model.PodSpec) { usingGPU(s); s.Containers[0].Requests.Extended[0].Count = n }
	}
	begins := func(n int64, sidecar bool) func(*model.PodSpec) {
		return func(s *model.PodSpec) {
			usingGPU(s)
			s.InitContainers = []model.Container{{Name: "init", Image: "web:1", Sidecar: sidecar}}
			s.InitContainers[0].Requests.Extended = []model.Extended{{Name: model.ResourceGPU, Count: n}}
		}
	}
	critical := func(s *model.PodSpec) { wants(2)(s); s.Priority = model.SystemCritical }
	for what, c := range map[string]struct {
		spec        func(*model.PodSpec)
		wants, left int64 // 0 if it gets them
	}{
		"the one that is left":           {usingGPU, 0, 0},
		"two":                            {wants(2), 2, 1},
		"two by a critical pod":          {critical, 2, 1},
		"first an init container, then":  {begins(1, false), 0, 0},
		"two by an init container":       {begins(2, false), 2, 1},
		"a sidecar's are not used again": {begins(1, true), 1, 0},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, 1, withGPUs)
			first := r.pod("first", usingGPU)
			r.ready(first)
			p := r.pod("second", c.spec)
			if c.wants == 0 {
				r.ready(p)
				return
			}
			r.failed(p, "UnexpectedAdmissionError", fmt.Sprintf("Pod was rejected: Allocate failed due to requested number of devices "+
				"unavailable for nvidia.com/gpu. Requested: %d, Available: %d, which is unexpected", c.wants, c.left))
			r.ready(r.pod("third", usingGPU))
			if !r.get(first).IsReady() {
				t.Error("the first pod is not ready any more")
			}
		})
	}
}

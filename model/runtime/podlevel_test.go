package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

// limited is a pod of containers a and b that may have so much together.
func limited(id uint32, cpu, memory int64, a, b model.Resources) *model.Pod {
	p := pod(id, model.Container{Name: "a", Limits: a}, model.Container{Name: "b", Limits: b})
	p.Spec.PodLevel = &model.PodLevel{Limits: model.Resources{CPUMilli: cpu, MemoryBytes: memory}}
	return p
}

func (r *rig) start(p *model.Pod) *Sandbox {
	s := r.machine.Add(p, uint64(p.ID))
	r.machine.MakeSandbox(s)
	for i := range s.Processes {
		r.machine.Start(s, i)
	}
	return s
}

// Source: pkg/kubelet/cm/helpers_linux.go ResourceConfigForPod, v1.35: a limit of the pod
// is the quota of its cgroup; kuberuntime_container_linux.go getCPULimit: and that of each
// container without one.
func TestThePodsQuotaIsSharedByItsContainers(t *testing.T) {
	r := newRig(Behavior{CPUMilli: 1000})
	s := r.start(limited(1, 500, 0, model.Resources{}, model.Resources{CPUMilli: 100}))
	gets := func(i int) int64 { return s.Processes[i].meter.cpu }
	if gets(0) != 400 || gets(1) != 100 {
		t.Errorf("they get %d and %d of 500", gets(0), gets(1))
	}
	if want := 500 + daemonsNeed + 2*daemonsNeedEach; r.machine.wanted != int64(want) {
		t.Errorf("%d are wanted", r.machine.wanted)
	}
	r.machine.Crash(s, 1, 1)
	if gets(0) != 500 || gets(1) != 0 {
		t.Errorf("alone the one gets %d, the other %d", gets(0), gets(1))
	}
	r.machine.Crash(s, 0, 1)
	if r.machine.wanted != daemonsNeed {
		t.Errorf("%d are wanted by nobody", r.machine.wanted)
	}
}

// Source: k8s.io/component-helpers/resource/helpers.go PodLimits: the cgroup of a pod has its overhead besides what
// the pod limits as a whole; a container without a limit has the limit alone.
func TestALimitOfThePodHasItsOverheadBesides(t *testing.T) {
	r := newRig(Behavior{CPUMilli: 1000})
	p := limited(1, 500, 0, model.Resources{}, model.Resources{})
	p.Spec.Overhead = model.Resources{CPUMilli: 100, MemoryBytes: 64 << 20}
	s := r.start(p)
	if a, b := s.Processes[0].meter.cpu, s.Processes[1].meter.cpu; a != 300 || b != 300 {
		t.Errorf("they get %d and %d of 600", a, b)
	}
	r.machine.Crash(s, 1, 1)
	if alone := s.Processes[0].meter.cpu; alone != 500 {
		t.Errorf("alone the one gets %d of its 500", alone)
	}
	p.Spec.PodLevel.Limits.MemoryBytes = 512 << 20
	if pod, own := p.Spec.PodMemoryLimit(), p.Spec.MemoryLimit(&p.Spec.Containers[0]); pod != 576<<20 || own != 512<<20 {
		t.Errorf("%d bytes together and %d alone", pod, own)
	}
}

// Source: the same; by hand: each container has half of it, and of its 250m a hundred requests
// have 100/100.05 beside the twentieth of a thread.
func TestRequestsHaveCPUForWhatThePodsQuotaLeaves(t *testing.T) {
	r := newRig(Behavior{CPUMilli: 50, CPUMicroPerRPS: 10_000})
	r.start(limited(1, 500, 0, model.Resources{}, model.Resources{}))
	if rate, ok := capacity(r.machine, 1); !ok || rate != 24_987 {
		t.Errorf("%d, %v; want nearly 250m by 10m a request", rate, ok)
	}
}

// Source: pkg/kubelet/cm/helpers_linux.go MilliCPUToQuota: the least quota is 1 ms of 100.
func TestTheLeastQuotaIsTenMilliCPU(t *testing.T) {
	r := newRig(Behavior{CPUMicroPerRPS: 1000})
	r.start(pod(1, model.Container{Name: "main", Limits: model.Resources{CPUMilli: 1}}))
	load(r.machine, 1, 20_000)
	if rate, ok := capacity(r.machine, 1); !ok || rate != 10_000 {
		t.Errorf("%d, %v; want 10 requests a second", rate, ok)
	}
	if got := r.machine.Sandbox(1).Processes[0].meter.cpu; got != 10 {
		t.Errorf("it gets %d", got)
	}
}

// Source: the same, memory.max of the pod's cgroup; mm/oom_kill.c: of the cgroup that is
// full the worst is killed, all of it (memory.oom.group).
func TestAPodThatReachesItsMemoryLimitLosesItsWorstContainer(t *testing.T) {
	const mib = 1 << 20
	r := newRig(Behavior{Container: "a", MemoryBytes: 300 * mib}, Behavior{Container: "b", MemoryBytes: 100 * mib, MemoryGrowth: 10 * mib})
	s := r.start(limited(1, 0, 1000*mib, model.Resources{}, model.Resources{MemoryBytes: 900 * mib}))
	r.run(t, 59*time.Second)
	if !s.Processes[0].Running || !s.Processes[1].Running {
		t.Error("one was killed too early")
	}
	r.run(t, 2*time.Second)
	if p := s.Processes[1]; p.Running || p.Cause != OOMKilled || !s.Processes[0].Running {
		t.Errorf("not the one with 700 MiB was killed: %+v", s.Processes)
	}
	if at := s.Processes[1].FinishedAt; at.Sub(s.Processes[1].StartedAt) != 60*time.Second {
		t.Errorf("killed at %v", at)
	}
}

// A container without a limit has its pod's, and one alone needs no more.
func TestAContainerHasTheMemoryLimitOfItsPod(t *testing.T) {
	const mib = 1 << 20
	r := newRig(Behavior{MemoryBytes: 100 * mib, MemoryGrowth: 10 * mib})
	p := pod(1, model.Container{Name: "main"})
	p.Spec.PodLevel = &model.PodLevel{Limits: model.Resources{MemoryBytes: 300 * mib}}
	s := r.start(p)
	r.run(t, 21*time.Second)
	if x := s.Processes[0]; x.Running || x.Cause != OOMKilled || x.FinishedAt.Sub(x.StartedAt) != 20*time.Second {
		t.Errorf("%+v", x)
	}
}

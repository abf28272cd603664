package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

// stressed is a machine of 4 cores and 10 GB with two pods that want 2 cores each:
// one that asks for them, and one that asks for nothing and uses 1 GB.
func stressed() (r *rig, asks, poor *Process) {
	r = newRig(Behavior{CPUMilli: 2000, MemoryBytes: 1_000_000_000})
	r.machine.cores, r.machine.memory = 4000, 10_000_000_000
	without(r.machine)
	a, b := pod(1, model.Container{Name: "main", Requests: model.Resources{CPUMilli: 2000}}), pod(2, model.Container{Name: "main"})
	a.Spec.SumRequests()
	b.Spec.SumRequests()
	for _, p := range []*model.Pod{a, b} {
		s := r.machine.Add(p, uint64(p.ID))
		r.machine.MakeSandbox(s)
		r.machine.Start(s, 0)
	}
	return r, &r.machine.pods[0].Processes[0], &r.machine.pods[1].Processes[0]
}

// TestTheSystemsProcessesStandBesideAllPodsWithWeight100: kubepods of 4 cores has
// weight 157 (1 + (4096-2)*9999/262142), so of 4 cores pods get 157/257, however much
// the system wants; and among them BestEffort pods starve
// (pkg/kubelet/cm/qos_container_manager_linux.go: weight 1).
func TestTheSystemsProcessesStandBesideAllPodsWithWeight100(t *testing.T) {
	r, asks, poor := stressed()
	r.machine.Burn(100_000)
	all := asks.meter.cpu + poor.meter.cpu
	if want := int64(4000 * 157 / 257); all < want-1 || all > want+1 {
		t.Errorf("pods have %d milli-CPU, want %d", all, want)
	}
	if asks.meter.cpu != 2000 {
		t.Errorf("the pod that asks for 2000 has %d", asks.meter.cpu)
	}
	r.machine.Cool(100_000)
	if asks.meter.cpu != 2000 || poor.meter.cpu != 2000 || r.machine.crowded {
		t.Errorf("when it is over they have %d and %d", asks.meter.cpu, poor.meter.cpu)
	}
}

// TestMemoryOfTheSystemHasTheKernelKillPods, the one that asks for nothing first
// (oom_score_adj 1000), until it is given back.
func TestMemoryOfTheSystemHasTheKernelKillPods(t *testing.T) {
	r, asks, poor := stressed()
	taken := r.machine.Take(1_000_000, 0, 0)
	r.run(t, 7*time.Second)
	if !poor.Running {
		t.Error("8 GB take longer than 7 s")
	}
	r.run(t, time.Second)
	if poor.Running || poor.Cause != OOMKilled || !asks.Running {
		t.Errorf("running: %v and %v", asks.Running, poor.Running)
	}
	r.machine.Return(taken)
	if free := r.machine.MemoryFree(r.Now()); free != 9_000_000_000 {
		t.Errorf("%d bytes are free", free)
	}
	if r.machine.Take(100_000, 0, 0) != 0 {
		t.Error("a tenth is used already")
	}
}

// TestStressGoesWithThePower of the machine, and does not end twice.
func TestStressGoesWithThePower(t *testing.T) {
	r, _, _ := stressed()
	r.machine.Burn(5000)
	taken := r.machine.Take(500_000, 0, 0)
	r.machine.PowerOff()
	r.machine.Boot()
	r.machine.Cool(5000)
	r.machine.Return(taken)
	if m := r.machine; m.wanted != daemonsNeed || m.burnt != 0 || len(m.hogs.all) != 0 || m.MemoryFree(r.Now()) != m.memory {
		t.Errorf("%d milli-CPU are wanted, %d bytes free of %d", m.wanted, m.MemoryFree(r.Now()), m.memory)
	}
}

// TestPodsHaveNoMoreMemoryThanIsNotReserved: the cgroup of all pods is limited to the
// capacity less kubeReserved and systemReserved, without the eviction threshold, and
// at that limit the kernel kills among them only, however little the system uses
// (pkg/kubelet/cm/node_container_manager_linux.go getCgroupConfig).
func TestPodsHaveNoMoreMemoryThanIsNotReserved(t *testing.T) {
	r, asks, poor := stressed()
	r.machine.reservedMemory = 7_500_000_000
	if free := r.machine.PodMemoryFree(r.Now()); free != 500_000_000 {
		t.Errorf("%d bytes are free", free)
	}
	r.machine.Take(700_000, 0, 0) // 5 GB more: less than is reserved, so nobody has to mind
	r.run(t, 10*time.Second)
	if taken, _ := r.machine.outsideLine(r.Now()); !poor.Running || !asks.Running || taken != 5_000_000_000 {
		t.Fatalf("running: %v and %v, %d bytes taken", asks.Running, poor.Running, taken)
	}
	r.machine.reservedMemory = 8_000_000_001
	r.machine.weigh()
	r.run(t, time.Nanosecond)
	if taken, _ := r.machine.outsideLine(r.Now()); poor.Running || poor.Cause != OOMKilled || !asks.Running || taken != 5_000_000_000 {
		t.Errorf("running: %v and %v, the system has %d bytes", asks.Running, poor.Running, taken)
	}
}

// TestWhatIsReservedOfTheCPUIsNotInTheWeightOfThePods: of 4 cores, with 2 reserved,
// kubepods has weight 79 (1 + (2048-2)*9999/262142) beside 100
// (pkg/kubelet/cm/node_container_manager_linux.go getCgroupConfig).
func TestWhatIsReservedOfTheCPUIsNotInTheWeightOfThePods(t *testing.T) {
	r, asks, poor := stressed()
	r.machine.reservedCPU = 2000
	r.machine.Burn(100_000)
	all := asks.meter.cpu + poor.meter.cpu
	if want := int64(4000 * 79 / 179); all < want-1 || all > want+1 {
		t.Errorf("pods have %d milli-CPU, want %d", all, want)
	}
}

// TestWhatOthersWriteIntoALayerIsWrittenAgainByTheNextInstanceAndGivenBack: to a share of
// the container's limit with what it has itself, and no more than there is room for
// (Litmus disk-fill: FILL_PERCENTAGE of the limit of ephemeral storage, less what is used).
func TestWhatOthersWriteIntoALayerIsWrittenAgainByTheNextInstanceAndGivenBack(t *testing.T) {
	r := newRig(Behavior{DiskBytes: 100})
	r.machine.disk.size = 1_000_000
	without(r.machine)
	p := pod(1, model.Container{Name: "main", Limits: model.Resources{EphemeralBytes: 10_000}})
	s := r.machine.Add(p, 1)
	r.machine.MakeSandbox(s)
	fill, rest := model.Stress{FillPPM: 800_000}, model.Stress{DiskBytes: 5_000_000}
	r.machine.Stress(1, "main", fill) // before it runs
	used := func(want int64) {
		t.Helper()
		if got := s.Processes[0].DiskUsed(r.Now()); got != want {
			t.Errorf("%d bytes are used, want %d", got, want)
		}
	}
	r.machine.Start(s, 0)
	used(8000)
	free := r.machine.DiskFree(r.Now())
	r.machine.Stress(1, "main", rest)
	used(8000 + free)
	if !r.machine.DiskFull() {
		t.Error("there is room")
	}
	r.machine.Unstress(1, "main", rest)
	used(8000)
	r.machine.Crash(s, 0, 1)
	r.machine.Start(s, 0)
	used(8000)
	if again := r.machine.DiskFree(r.Now()); again != free-8000 {
		t.Errorf("%d bytes are free, want %d: the dead instance has its own", again, free-8000)
	}
	r.machine.Unstress(1, "main", fill)
	used(100)
}

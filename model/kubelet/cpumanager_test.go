package kubelet_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// exclusively has the kubelet's CPU manager be static, on 8 CPUs of which it reserves
// half a one.
func exclusively(r *rig) {
	r.config.Topology.StaticCPUs = true
	r.node.Allocatable.CPUMilli = 7500
}

// whole is a Guaranteed pod of so much CPU.
func whole(milli int64) func(*model.PodSpec) {
	return func(s *model.PodSpec) {
		s.Containers[0].Requests = model.Resources{CPUMilli: milli, MemoryBytes: gib}
		s.Containers[0].Limits = s.Containers[0].Requests
	}
}

// wantsCPU is how much the pods labeled app=name would use, and need to start up.
func wantsCPU(name string, milli, startup int64) runtime.Behavior {
	b := uses(name, 0, 0)
	b.CPUMilli, b.StartupCPUMilli, b.Startup = milli, startup, sim.Constant(10*time.Second)
	return b
}

// gets is the CPU that metrics show of a pod.
func (r *rig) gets(p *model.Pod) int64 {
	r.t.Helper()
	s, ok := r.kubelet.Machine().Measured(r.Now(), p.ID, "")
	if !ok {
		r.t.Fatalf("%s has no metrics", p.Name)
	}
	return s.CPUMilli
}

// Source: pkg/kubelet/cm/cpumanager/policy_static.go Allocate, cpu_assignment.go
// takeByTopologyNUMAPacked; kubelet.go: this handler is asked before the predicates.
func TestAPodThatCannotHaveItsExclusiveCPUsIsRefusedBeforeItsRequestIsLookedAt(t *testing.T) {
	r := newRig(t, 1, exclusively)
	four := r.pod("four", whole(4000))
	r.ready(four)
	r.failed(r.pod("more", whole(4000)), "UnexpectedAdmissionError",
		"Pod was rejected: Allocate failed due to not enough cpus available to satisfy request: requested=4, available=3, which is unexpected")
	r.failed(r.pod("parts", whole(4500)), "OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 4500, used: 4000, capacity: 7500")
	r.ready(r.pod("three", whole(3000)))
	r.user.Delete(four.Ref(), 0, 0)
	r.until("four is gone", time.Minute, func() bool { return r.get(four) == nil })
	r.run(5 * time.Second) // its container has ended, too
	r.ready(r.pod("again", whole(4000)))
}

// Source: the same: what is exclusive nobody else uses, and everybody else shares the
// rest, whether the owner uses it or not; not so with the policy none.
func TestExclusiveCPUsAreTakenFromAllOthers(t *testing.T) {
	for _, c := range []struct {
		o                  []option
		owner, both, alone int64 // what the owner gets, and what the other one beside it and beside an idle one
	}{
		{[]option{exclusively}, 4000, 3950, 3950},
		{nil, 4000, 3950, 7950},
	} {
		busy := newRig(t, 1, append(c.o, behaving(wantsCPU("owner", 4000, 0), wantsCPU("greedy", 16000, 0)))...)
		owner, greedy := busy.pod("owner", whole(4000)), busy.pod("greedy", nil)
		busy.ready(owner)
		busy.ready(greedy)
		busy.run(2 * time.Minute)
		if g := busy.gets(owner); g > c.owner || g < c.owner-150 {
			t.Errorf("the owner gets %dm", g)
		}
		if g := busy.gets(greedy); g > c.both+50 || g < c.both-150 {
			t.Errorf("the other one gets %dm, want about %d", g, c.both)
		}
		idle := newRig(t, 1, append(c.o, behaving(wantsCPU("owner", 0, 0), wantsCPU("greedy", 16000, 0)))...)
		owner, greedy = idle.pod("owner", whole(4000)), idle.pod("greedy", nil)
		idle.ready(owner)
		idle.ready(greedy)
		idle.run(2 * time.Minute)
		if g := idle.gets(greedy); g > c.alone+50 || g < c.alone-150 {
			t.Errorf("beside an idle one it gets %dm, want about %d", g, c.alone)
		}
	}
}

// Source: pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, feature
// DisableCPUQuotaWithExclusiveCPUs (on since 1.33): no quota, so no throttling: what wants
// seven CPUs for 10 s takes 35 s on two of its own, and under a limit until its quotas are
// used up.
func TestAContainerWithExclusiveCPUsHasNoQuota(t *testing.T) {
	startsUp := func(o ...option) time.Duration {
		r := newRig(t, 1, append(o, behaving(wantsCPU("owner", 0, 7000)))...)
		p := r.pod("owner", whole(2000))
		r.ready(p)
		s := r.kubelet.Machine().Sandbox(p.ID).Processes[0]
		return s.ServesAt.Sub(s.StartedAt)
	}
	if own, limited := startsUp(exclusively), startsUp(); own != 35*time.Second || limited != runtime.Throttled(10*time.Second, 7000, 2000) || limited == own {
		t.Errorf("%v on its own CPUs, %v under a limit", own, limited)
	}
	b := runtime.Behavior{CPUMicroPerRPS: 40_000, Threads: 8}
	if d := runtime.ExclusiveTime(&b, 2); d != 20*time.Millisecond {
		t.Errorf("40 ms of CPU time on 2 CPUs take %v", d)
	}
}

// Source: allocation_manager.go canResizePod: beside the policy static the CPU of
// Guaranteed pods stays as it is.
func TestTheCPUOfAGuaranteedPodIsNotResizedUnderThePolicyStatic(t *testing.T) {
	r := newRig(t, 1, exclusively)
	p := r.pod("web", whole(2000))
	r.ready(p)
	r.resize(p, 3000, 3000, 0)
	r.until("infeasible", 5*time.Second, func() bool {
		q := r.get(p)
		return q.Resize != nil && q.Resize.Pending == model.ResizeInfeasible
	})
}

// Source: guaranteedPodResourceResizeRequired: nor does one of its containers give another one
// any.
func TestContainersOfAGuaranteedPodGiveEachOtherNoCPUUnderThePolicyStatic(t *testing.T) {
	r := newRig(t, 1, exclusively)
	p := r.pod("web", func(s *model.PodSpec) {
		whole(2000)(s)
		side := s.Containers[0]
		side.Name = "side"
		s.Containers = append(s.Containers, side)
	})
	r.ready(p)
	cpu := func(milli int64) model.AmountsPatch { return model.AmountsPatch{CPUMilli: &milli} }
	r.user.Patch(p.Ref(), &model.PodPatch{Containers: []model.ContainerPatch{
		{Name: "main", Requests: cpu(3000), Limits: cpu(3000)}, {Name: "side", Requests: cpu(1000), Limits: cpu(1000)},
	}}, 0)
	r.until("infeasible", 5*time.Second, func() bool {
		q := r.get(p)
		return q.Resize != nil && q.Resize.Pending == model.ResizeInfeasible
	})
}

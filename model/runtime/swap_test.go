package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

const gib = 1 << 30

// swapping is a machine of 16 GiB with 8 GiB of swap that containers may have.
func swapping(b ...Behavior) *rig {
	r := newRig(b...)
	r.machine.memory, r.machine.limitedSwap, r.machine.swap = 16*gib, true, 8*gib
	return r
}

// asks is a container of a name that asks for so much memory and may have so much.
func asks(name string, request, limit int64) model.Container {
	return model.Container{Name: name, Requests: model.Resources{MemoryBytes: request}, Limits: model.Resources{MemoryBytes: limit}}
}

func (r *rig) starts(p *model.Pod) *Sandbox {
	s := r.machine.Add(p, p.NameHash())
	r.machine.MakeSandbox(s)
	for i := range s.Processes {
		r.machine.Start(s, i)
	}
	return s
}

// Source: v1.35 pkg/kubelet/kuberuntime/kuberuntime_container_linux.go
// GetContainerSwapBehavior, calcSwapForBurstablePods: a part of the swap as large as that
// of the memory that is asked for, for containers of Burstable pods that are not critical,
// ask for memory and for less than their limit.
func TestWhoMayHaveSwapAndHowMuch(t *testing.T) {
	cpu := model.Container{Name: "cpu", Requests: model.Resources{CPUMilli: 100}}
	all := model.Resources{CPUMilli: 1000, MemoryBytes: gib}
	r := swapping()
	for _, c := range []struct {
		what     string
		c        model.Container
		priority int32
		may      bool
		bytes    int64
	}{
		{"a Burstable pod with a limit", asks("c", gib, 2*gib), 0, true, gib / 2},
		{"a Burstable pod without one", asks("c", 3*gib, 0), 0, true, 3 * gib / 2},
		{"a critical pod", asks("c", gib, 2*gib), model.SystemCritical, false, 0},
		{"a container that may have what it asks for", asks("c", gib, gib), 0, false, 0},
		{"a container that asks for no memory", cpu, 0, false, 0},
		{"a Guaranteed pod", model.Container{Name: "c", Requests: all, Limits: all}, 0, false, 0},
		{"a BestEffort pod", model.Container{Name: "c"}, 0, false, 0},
		{"a container that asks for more than there is", asks("c", 17*gib, 0), 0, true, 0},
	} {
		p := pod(1, c.c)
		p.Spec.Priority = c.priority
		if may, bytes := r.machine.MaySwap(p.ID, p.Spec, &p.Spec.Containers[0]), r.machine.swapFor(p.ID, p.Spec, &p.Spec.Containers[0]); may != c.may || bytes != c.bytes {
			t.Errorf("%s: %v, %d bytes", c.what, may, bytes)
		}
	}
	if p := pod(model.FirstStaticID, asks("c", gib, 2*gib)); r.machine.MaySwap(p.ID, p.Spec, &p.Spec.Containers[0]) {
		t.Error("a static pod may have swap")
	}
	plain := newRig()
	if p := pod(1, asks("c", gib, 2*gib)); plain.machine.MaySwap(p.ID, p.Spec, &p.Spec.Containers[0]) {
		t.Error("NoSwap, and a container may have swap")
	}
}

// Source: the same; kernel, Documentation/admin-guide/cgroup-v2.rst memory.max,
// memory.swap.max: what is beyond the limit is swapped, and when no more may be the cgroup
// is out of memory. The working set does not count it.
func TestAContainerIsKilledOnlyWhenItsLimitAndItsSwapAreFull(t *testing.T) {
	for _, c := range []struct {
		limited bool
		at      time.Duration
	}{{true, 1536 * time.Second}, {false, 1024 * time.Second}} {
		r := swapping(Behavior{MemoryGrowth: 2 << 20})
		r.machine.limitedSwap = c.limited
		s := r.starts(pod(1, asks("c", 2*gib, 2*gib+1<<20), asks("other", gib, 2*gib)))
		s.Processes[1].growth = 0
		r.machine.limitMemory(s, 1)
		r.run(t, c.at)
		p := &s.Processes[0]
		if used := p.MemoryUsed(r.Now()); !p.Running || c.limited && used != 2*gib+1<<20 {
			t.Errorf("swap %v: after %v it runs: %v, with %d bytes in memory", c.limited, c.at, p.Running, used)
		}
		r.run(t, time.Second)
		if p.Running || p.Cause != OOMKilled {
			t.Errorf("swap %v: it still runs %v later", c.limited, time.Second)
		}
	}
}

// Source: kernel, mm/vmscan.c: a machine that is full swaps what it may before it kills.
func TestAFullMachineSwapsBeforeItKills(t *testing.T) {
	for _, c := range []struct {
		limited bool
		at      time.Duration
	}{
		{false, 12 * time.Second}, // 4 GiB besides, 1 GiB a second
		{true, 14 * time.Second},  // of which a quarter of 8 GiB are swapped
	} {
		r := swapping(Behavior{Container: "grows", MemoryGrowth: gib}, Behavior{Container: "stays", MemoryBytes: 4 * gib})
		r.machine.limitedSwap = c.limited
		s, stays := r.starts(pod(1, asks("grows", 4*gib, 0))), r.starts(pod(2, model.Container{Name: "stays", Requests: model.Resources{CPUMilli: 100}}))
		r.run(t, c.at-time.Millisecond)
		if !s.Alive() {
			t.Errorf("swap %v: killed before %v", c.limited, c.at)
		}
		if free, want := r.machine.MemoryFree(r.Now()), int64(12-c.at/time.Second)*gib; free < want || free > want+gib/100 {
			t.Errorf("swap %v: %d bytes are free, want %d", c.limited, free, want)
		}
		r.run(t, 2*time.Millisecond)
		if s.Alive() || !stays.Alive() {
			t.Errorf("swap %v: alive %v and %v after %v", c.limited, s.Alive(), stays.Alive(), c.at)
		}
	}
}

// Source: kernel, mm/oom_kill.c oom_badness: memory and swap count the same.
func TestWhatIsSwappedCountsForBadness(t *testing.T) {
	r := swapping(Behavior{Container: "swaps", MemoryBytes: 6 * gib}, Behavior{Container: "large", MemoryBytes: 5 * gib}, Behavior{Container: "grows", MemoryBytes: gib, MemoryGrowth: gib / 4})
	swaps, large := r.starts(pod(1, asks("swaps", 4*gib, 4*gib+1))), r.starts(pod(2, asks("large", 4*gib, 0)))
	grows := r.starts(pod(3, asks("grows", 4*gib, 4*gib-1)))
	if used := swaps.Processes[0].MemoryUsed(r.Now()); used != 4*gib+1 {
		t.Errorf("it has %d bytes in memory", used)
	}
	if a, b := r.machine.badness(swaps, 0, r.Now(), 16*gib), r.machine.badness(large, 0, r.Now(), 16*gib); a != b+gib {
		t.Errorf("badness %d and %d", a, b)
	}
	r.run(t, 30*time.Minute)
	if !swaps.Alive() || !large.Alive() || grows.Alive() {
		t.Errorf("alive: %v, %v, %v", swaps.Alive(), large.Alive(), grows.Alive())
	}
}

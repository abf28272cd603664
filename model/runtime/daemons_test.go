package runtime

import (
	"testing"
	"time"

	"orrery/model"
)

// starving is a machine of 4 cores whose pods want all of it, and whose daemons need so
// many milli-CPU: kubepods has weight 157 and system.slice 100, so with nothing else in it
// daemons get 4000*100/257 = 1556.
func starving(needs int64) *rig {
	r := newRig(Behavior{CPUMilli: 8000})
	r.machine.cores = 4000
	without(r.machine)
	p := pod(1, model.Container{Name: "main", Requests: model.Resources{CPUMilli: 4000}})
	p.Spec.SumRequests()
	s := r.machine.Add(p, 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	r.machine.daemons.rest = needs
	r.machine.need(0)
	r.told = nil
	return r
}

// TestDaemonsThatHaveEnoughCPUAreNeverLate, however much pods want: system.slice has
// weight 100, which is cgroup v2's default (Documentation/admin-guide/cgroup-v2.rst cpu.weight),
// whatever they ask for.
func TestDaemonsThatHaveEnoughCPUAreNeverLate(t *testing.T) {
	r := starving(1500)
	r.run(t, time.Hour)
	if r.machine.daemons.gets != 1500 || len(r.told) != 1 || r.machine.Behind() != 0 {
		t.Errorf("they get %d, told %q", r.machine.daemons.gets, r.told)
	}
}

// TestDaemonsThatLackCPUFallBehind, in each second by the part of it that they miss,
// until the runtime is as good as gone, and catch up when they can.
func TestDaemonsThatLackCPUFallBehind(t *testing.T) {
	r := starving(3112) // half of which they get
	r.run(t, 21*time.Second)
	if got := r.machine.Behind(); got != 10*time.Second || r.machine.RuntimeDown() {
		t.Errorf("after 21 s they are %v behind", got)
	}
	r.run(t, 31*time.Second)
	if got := r.machine.Behind(); got < 25*time.Second || got > 26*time.Second || !r.machine.RuntimeDown() {
		t.Errorf("after 52 s they are %v behind", got)
	}
	if last := r.told[len(r.told)-1]; last != "runtime down: true" {
		t.Errorf("told %q", last)
	}
	r.told = nil
	r.machine.daemons.rest = 500 // of which they want twice as much, to catch up
	r.machine.need(0)
	r.run(t, 27*time.Second)
	if d := &r.machine.daemons; d.behind != 0 || d.felt != 0 || d.wants != 500 || r.machine.RuntimeDown() {
		t.Errorf("27 s later they are %v behind and want %d", d.behind, d.wants)
	}
	if n := len(r.told); n != 26 || r.told[1] != "runtime down: false" {
		t.Errorf("told %q", r.told)
	}
}

// TestDaemonsNeverFallBehindMoreThanTheyRemember, and nobody looks any more then.
func TestDaemonsNeverFallBehindMoreThanTheyRemember(t *testing.T) {
	r := starving(100_000)
	r.run(t, time.Hour)
	if got := r.machine.Behind(); got != mostBehind {
		t.Errorf("they are %v behind", got)
	}
	if at := r.machine.daemons.lookAt; at > r.Now() {
		t.Errorf("it is looked at again at %v", at)
	}
}

// TestAgentsThatCreepShareTheSlice: what others in system.slice want is not the
// daemons', who have two of its three parts, and memory they take is gone for pods.
func TestAgentsThatCreepShareTheSlice(t *testing.T) {
	r := starving(1500)
	r.machine.Burn(64_000)
	if got := r.machine.daemons.gets; got < 1036 || got > 1038 {
		t.Errorf("beside a greedy process daemons get %d, want two thirds of 1556", got)
	}
	r.machine.memory = 1 << 30
	r.machine.Creep(100, 50, 1<<20)
	if d := &r.machine.daemons; d.needs != 1500+100+50+daemonsNeedEach-daemonsNeedEach || r.machine.outside != 1<<20 {
		t.Errorf("they need %d, %d bytes are used", d.needs, r.machine.outside)
	}
	r.machine.PowerOff()
	r.machine.Creep(100, 50, 1<<20)
	if d := &r.machine.daemons; d.needs != 0 || r.machine.outside != 0 {
		t.Errorf("without power they need %d, %d bytes are used", d.needs, r.machine.outside)
	}
}

// TestAKubeletThatIsLateSeesProbesFail: of those with a shorter timeout all.
func TestAKubeletThatIsLateSeesProbesFail(t *testing.T) {
	r := starving(3112)
	s := r.machine.pods[0]
	c := &s.Pod.Spec.Containers[0]
	c.Readiness, c.Liveness = &model.Probe{Timeout: time.Second}, &model.Probe{Timeout: 20 * time.Second}
	if got := r.machine.Risk(s, 0, model.Readiness); got != (Risk{}) {
		t.Errorf("at first: %+v", got)
	}
	r.run(t, 10*time.Second)
	if a, b := r.machine.Risk(s, 0, model.Readiness), r.machine.Risk(s, 0, model.Liveness); a.Late != Million || b != (Risk{}) {
		t.Errorf("4 s late: %+v and %+v", a, b)
	}
}

// Source: pkg/probe/http/http.go (DisableKeepAlives), pkg/probe/tcp/tcp.go, pkg/probe/grpc/
// grpc.go: each probe dials anew. The kubelet and the pod share a machine, so its kernel
// alone decides.
func TestAFullConntrackTableDropsProbesThatOpenAConnection(t *testing.T) {
	r := newRig(Behavior{})
	s := r.machine.Add(pod(1, model.Container{Name: "a", Readiness: &model.Probe{Handler: model.HTTPGet}, Liveness: &model.Probe{Handler: model.TCPSocket}, Startup: &model.Probe{Handler: model.Exec}}), 1)
	r.machine.Untracked(400_000)
	for kind, want := range map[model.ProbeKind]uint32{model.Readiness: 400_000, model.Liveness: 400_000, model.Startup: 0} {
		if got := r.machine.Risk(s, 0, kind); got != (Risk{Late: want}) {
			t.Errorf("%v: %+v, want %d late", kind, got, want)
		}
	}
	r.machine.Probed(1, 0, model.Readiness, 0, 500_000)
	if got := r.machine.Risk(s, 0, model.Readiness); got != (Risk{Late: 400_000, Refused: 300_000}) {
		t.Errorf("of those that arrive half are told no: %+v", got)
	}
	r.machine.Untracked(0)
	if got := r.machine.Risk(s, 0, model.Liveness); got != (Risk{}) {
		t.Errorf("with room again: %+v", got)
	}
}

package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// unpackingOn is a machine of so many cores whose pods want all of it, that pulls an image of
// several layers, or of one if it is none.
func unpackingOn(cores int64, layers ...Layer) (*rig, *pull) {
	r := newRig(Behavior{CPUMilli: 100_000, ImageBytes: 8_000_000_000})
	r.machine.cores, r.machine.disk.size, r.machine.parallel = cores, 1_000_000_000_000, 4
	if len(layers) > 0 {
		r.registry.Describe([]Image{{Name: "big", Layers: layers}})
	}
	p := pod(1, model.Container{Name: "main", Requests: model.Resources{CPUMilli: cores}})
	p.Spec.SumRequests()
	s := r.machine.Add(p, 1)
	r.machine.MakeSandbox(s)
	r.machine.Start(s, 0)
	c := model.Container{Name: "main", Image: "big"}
	r.machine.Pull(pod(2, c), &c)
	return r, &r.machine.pulls[0]
}

// someLayers is one to six layers of up to 2 GB.
func someLayers(luck *sim.Stream) (layers []Layer) {
	for i := range 1 + luck.Below(6) {
		layers = append(layers, Layer{string(rune('a' + i)), int64(1+luck.Below(2_000)) * 1_000_000})
	}
	return layers
}

// unpacks goes on for so long, or until the only pull is over. It returns for how long its layers
// would have been unpacked at full speed, of which there was a share in millionths.
func (r *rig) unpacks(t *testing.T, p *pull, d time.Duration, share func() int64) (had time.Duration) {
	t.Helper()
	for end := r.Now().Add(d); r.Now() < end && len(r.machine.pulls) > 0; {
		next := min(end, p.doneAt)
		if p.writesAt > r.Now() {
			next = min(next, p.writesAt)
		}
		if p.unpacking(r.Now()) {
			had += time.Duration(scale(int64(next.Sub(r.Now())), share(), full))
		}
		r.run(t, next.Sub(r.Now()))
	}
	return had
}

// podCPU is the milli-CPU that the pod gets.
func (r *rig) podCPU() int64 { return r.machine.Sandbox(1).Processes[0].meter.cpu }

// Gunzip has one thread: while an image is unpacked its core is missing to pods; on four cores
// system.slice, which has the weight 100 of cgroup v2, has it whatever pods want, so the image
// takes no longer.
func TestUnpackingTakesACoreFromPods(t *testing.T) {
	r, p := unpackingOn(4000)
	before, loaded, end := r.podCPU(), p.loadedAt, p.loadedAt.Add(p.unpack)
	r.run(t, loaded.Sub(r.Now())+time.Second)
	if during := r.podCPU(); during != before-unpackNeeds {
		t.Errorf("the pod gets %d instead of %d", during, before)
	}
	if p.doneAt != end {
		t.Errorf("it takes until %v, want %v", p.doneAt, end)
	}
	r.run(t, end.Sub(r.Now()))
	if after := r.podCPU(); after != before || r.machine.unpackWants != 0 {
		t.Errorf("then the pod gets %d, want %d", after, before)
	}
}

// Source: the same: on one core pods that ask for all of it have weight 40 against 100 of
// system.slice, of which the agents have two thirds beside a process that wants everything,
// and unpacking what those leave.
func TestUnpackingTakesLongerWithoutCPU(t *testing.T) {
	r, p := unpackingOn(1000)
	loaded, unpack := p.loadedAt, p.unpack
	r.machine.Burn(10_000)
	r.run(t, loaded.Sub(r.Now())+10*time.Second)
	gets := (1000*100/(100+weight(1000))*2 + 2) / 3
	pace := scale(gets-r.machine.daemons.wants, full, unpackNeeds)
	if is := r.machine.unpackPace; is < pace-2000 || is > pace+2000 || pace > 500_000 {
		t.Fatalf("it has %d millionths of a core, want %d", is, pace)
	}
	if want := loaded.Add(stretch(unpack, full, r.machine.unpackPace)); p.doneAt < want-1000 || p.doneAt > want+1000 {
		t.Errorf("it takes until %v, want %v", p.doneAt, want)
	}
	half := r.used()
	r.machine.Cool(10_000)
	if r.used() != half || p.doneAt >= loaded.Add(unpack*2) || r.machine.unpackPace <= pace {
		t.Errorf("then it takes until %v at %d millionths; %d bytes are used, were %d", p.doneAt, r.machine.unpackPace, r.used(), half)
	}
}

// TestUnpackingDoesAsMuchAsItHasCPUFor: whatever others want, the CPU of all the time in
// which an image is unpacked makes up what its layers need, and it leaves nothing behind.
func TestUnpackingDoesAsMuchAsItHasCPUFor(t *testing.T) {
	for seed := range uint64(50) {
		luck := sim.NewLuck(seed).Lane("test").Draw(0, 0)
		r, p := unpackingOn(1000, someLayers(&luck)...)
		need, had, burnt := p.unpack, time.Duration(0), int64(0)
		for len(r.machine.pulls) > 0 {
			had += r.unpacks(t, p, time.Duration(1+luck.Below(1000))*time.Millisecond, func() int64 { return r.machine.unpackPace })
			if more := int64(luck.Below(3000)) - burnt; more > 0 {
				r.machine.Burn(more)
				burnt += more
			} else {
				r.machine.Cool(-more)
				burnt += more
			}
		}
		if late := (had - need).Abs(); late > time.Millisecond {
			t.Errorf("seed %d: it needed %v and had %v", seed, need, had)
		}
		if m := r.machine; m.unpackWants != 0 || m.unpackPace != full {
			t.Errorf("seed %d: it still wants %d, at %d", seed, m.unpackWants, m.unpackPace)
		}
	}
}

// A machine with CPU enough has the same events as one on which nobody counts it.
func TestUnpackingCostsNoEventsWhereThereIsCPU(t *testing.T) {
	events := func(cores int64) uint64 {
		r := newRig(Behavior{ImageBytes: 8_000_000_000})
		r.machine.cores, r.machine.disk.size = cores, 1_000_000_000_000
		c := model.Container{Name: "main", Image: "big"}
		r.machine.Pull(pod(1, c), &c)
		r.run(t, time.Hour)
		return r.Events()
	}
	if with, without := events(8000), events(0); with != without {
		t.Errorf("%d events instead of %d", with, without)
	}
}

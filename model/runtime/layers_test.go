package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

func described(layers ...Layer) *rig {
	r := newRig()
	r.registry.Describe([]Image{
		{Name: "app", Layers: append(layers, Layer{"app", 100_000_000})},
		{Name: "other", Layers: append(layers, Layer{"other", 40_000_000})},
	})
	return r
}

// TestThreeLayersComeAtATimeAndAreUnpackedInOrder: containerd internal/cri/config
// max_concurrent_downloads, core/unpack. Five layers of 80 MB: the first three share the
// machine's 80 MB/s and are there at 3 s, the other two have 40 MB/s each. A single one has no
// more than these 40 MB/s, which is the speed of its own.
func TestThreeLayersComeAtATimeAndAreUnpackedInOrder(t *testing.T) {
	download := func(n int, unpack time.Duration) *pull {
		layers := make([]layer, n)
		for i := range layers {
			layers[i] = layer{number: uint32(i), bytes: 80_000_000}
		}
		p := &pull{flow: flow{streamRate, linkRate}, parts: partsOf(layers, unpack)}
		newRig().machine.forecast(p)
		return p
	}
	near := func(got sim.Time, want time.Duration) bool { return got.Sub(sim.Time(want)).Abs() < time.Microsecond }
	p := download(5, 10*time.Second)
	for i, want := range []time.Duration{3, 3, 3, 5, 5} {
		if x := p.parts[i]; !near(x.loadedAt, want*time.Second) || x.unpack != 2*time.Second {
			t.Errorf("layer %d is there at %v and takes %v", i, x.loadedAt, x.unpack)
		}
	}
	if got := p.unpacksBy(); !near(got, 13*time.Second) { // 3 s, and 5 times 2 s
		t.Errorf("all is unpacked at %v", got)
	}
	if got := download(5, time.Second).unpacksBy(); !near(got, 5400*time.Millisecond) { // the last ones wait for the download
		t.Errorf("all is unpacked at %v", got)
	}
	if p := download(1, 0); p.loadedAt != seconds(2) {
		t.Errorf("one alone is there at %v", p.loadedAt)
	}
}

// TestALayerThatIsHereIsNotLoadedAgain, and it is on the disk once.
func TestALayerThatIsHereIsNotLoadedAgain(t *testing.T) {
	r := described(Layer{"base", 800_000_000})
	r.machine.disk.size = 100_000_000_000
	for i, image := range []string{"app", "other"} {
		c := model.Container{Name: "main", Image: image}
		r.machine.Pull(pod(uint32(i+1), c), &c)
		if got, want := r.machine.pulls[0].bytes, []int64{900_000_000, 40_000_000}[i]; got != want {
			t.Errorf("of %s %d bytes come, want %d", image, got, want)
		}
		r.run(t, time.Hour)
	}
	r.expect(t, "pulled 1 now", "pulled 2 now")
	if used := r.machine.disk.size - r.machine.DiskFree(r.Now()); used != 940_000_000*5/2 {
		t.Errorf("%d bytes are used", used)
	}
	free := r.machine.DiskFree(r.Now())
	freed := r.machine.CollectImages(r.Now(), 1) // app: its base is still needed, and counts as freed
	if now := r.machine.DiskFree(r.Now()); freed != 900_000_000 || now-free != 250_000_000 || r.machine.Cached("app") || !r.machine.Cached("other") {
		t.Errorf("%d bytes are freed, and count as %d", now-free, freed)
	}
	if freed = r.machine.CollectImages(r.Now(), 1<<60); freed != 840_000_000 || len(r.machine.layers) != 0 {
		t.Errorf("then %d bytes count as freed", freed)
	}
}

// TestARegistryThatIsSlowInBetweenOnlyDelaysWhatHasNotCome: what was unpacked by then
// stays so.
func TestARegistryThatIsSlowInBetweenOnlyDelaysWhatHasNotCome(t *testing.T) {
	r := described(Layer{"base", 8_000_000_000})
	c := model.Container{Name: "main", Image: "app"}
	r.machine.Pull(pod(1, c), &c)
	p := &r.machine.pulls[0]
	before, parts := p.doneAt, len(p.parts)
	r.run(t, p.from.Sub(r.Now())+10*time.Second)
	r.registry.SetPace(AllRegistries, full/2)
	r.run(t, 20*time.Second)
	r.registry.SetPace(AllRegistries, full)
	if late := p.doneAt.Sub(before); parts != 2 || late < 0 || late > 10*time.Second+time.Millisecond {
		t.Errorf("%d layers, %v late, want at most the 10 s that were lost", parts, late)
	}
	if p.next > 2 || p.parts[0].left+p.parts[1].left >= p.bytes {
		t.Errorf("%+v", p)
	}
}

func seconds(n int) sim.Time { return sim.Time(n) * sim.Time(time.Second) }

// TestASlowDiskUnpacksAndStartsLater, and downloads as fast as ever; of two faults the
// slower counts.
func TestASlowDiskUnpacksAndStartsLater(t *testing.T) {
	var load, unpack, start [3]time.Duration
	for i := range load {
		r := newRig(Behavior{ImageBytes: 800_000_000})
		if i > 0 {
			r.machine.SlowDisk(100_000)
			r.machine.SlowDisk(500_000)
		}
		if i > 1 {
			r.machine.QuickenDisk(100_000)
			r.machine.QuickenDisk(500_000)
		}
		c := model.Container{Name: "main", Image: "big"}
		p := pod(1, c)
		r.machine.Pull(p, &c)
		x := &r.machine.pulls[0]
		load[i], unpack[i] = x.loadedAt.Sub(x.from), x.unpack
		start[i] = r.machine.startTimeOf(r.machine.Add(p, 1), 0)
	}
	if load[1] != load[0] || unpack[1] != 10*unpack[0] || start[1] != 10*start[0] {
		t.Errorf("it loads in %v, unpacks in %v and starts in %v", load, unpack, start)
	}
	if unpack[2] != unpack[0] || start[2] != start[0] {
		t.Errorf("afterwards it unpacks in %v and starts in %v", unpack, start)
	}
}

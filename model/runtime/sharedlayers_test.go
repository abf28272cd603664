package runtime

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// used is what the images take of the disk.
func (r *rig) used() int64 { return r.machine.disk.size - r.machine.DiskFree(r.Now()) }

// Source: containerd core/unpack/unpacker.go doUnpackFn, lockSnChainID: who needs a layer
// that another pull brings waits until it is unpacked, and only then downloads what lies
// above it; the layer comes once, and is on the disk once.
func TestALayerThatAnotherPullBringsIsWaitedForAndComesOnce(t *testing.T) {
	r := described(Layer{"base", 8_000_000_000})
	r.machine.parallel, r.machine.disk.size = 2, 1_000_000_000_000
	for i, image := range []string{"app", "other"} {
		c := model.Container{Name: "main", Image: image}
		r.machine.Pull(pod(uint32(i+1), c), &c)
	}
	app := &r.machine.pulls[0]
	for range 2 {
		other := &r.machine.pulls[1]
		r.run(t, 20*time.Second)
		if n := r.downloads(); n != 1 || other.awaits == 0 || other.bytes != 40_000_000 && other.bytes != 8_040_000_000 {
			t.Fatalf("%d downloads: %+v", n, other)
		}
		base := app.parts[0].from.Add(app.parts[0].unpack)
		if other.doneAt != base {
			t.Errorf("it looks again at %v, want %v, when the layer is unpacked", other.doneAt, base)
		}
		r.registry.SetPace(AllRegistries, full/2) // all comes later
	}
	r.run(t, r.machine.pulls[1].doneAt.Sub(r.Now()))
	if other := &r.machine.pulls[1]; other.awaits != 0 || other.bytes != 40_000_000 || other.from != r.Now() || app.bytes != 100_000_000 {
		t.Errorf("then it is %+v, the first %+v", other, app)
	}
	if used := r.used(); used < 20_000_000_000 || used > 20_300_000_000 {
		t.Errorf("%d bytes are used", used)
	}
	r.run(t, time.Hour)
	slices.Sort(r.told)
	r.expect(t, "pulled 1 now", "pulled 2 now")
	if used := r.used(); used != 8_140_000_000*5/2 || len(r.machine.layers) != 3 {
		t.Errorf("%d bytes are used in the end, by %v", used, r.machine.layers)
	}
}

// Source: the same: the lock is free when the pull that had it fails, and the next one
// brings the layer itself.
func TestWhoWaitsForALayerOfAPullThatFailsBringsIt(t *testing.T) {
	const gb = 1_000_000_000
	r := described(Layer{"base", 8 * gb})
	r.machine.parallel, r.machine.disk.size = 3, 30*gb
	for i, image := range []string{"app", "other", "app"} {
		c := model.Container{Name: "main", Image: image}
		r.machine.Pull(pod(uint32(i+1), c), &c)
	}
	base := &r.machine.pulls[0].parts[0]
	r.run(t, base.from.Sub(r.Now())+base.unpack/2)
	r.machine.Fill(999_999)
	r.run(t, base.unpack/100)
	r.expect(t, "pulled 1 no space")
	r.machine.Free(r.machine.disk.filled)
	if r.machine.pulls[0].bytes != 8*gb+40_000_000 || r.machine.pulls[0].awaits != 0 || r.machine.pulls[1].awaits == 0 || r.used() != 0 {
		t.Errorf("the others: %+v, %d bytes are used", r.machine.pulls, r.used())
	}
	r.run(t, 2*time.Hour)
	slices.Sort(r.told)
	r.expect(t, "pulled 2 now", "pulled 3 now")
	if used := r.used(); used != 8_140_000_000*5/2 {
		t.Errorf("%d bytes are used in the end", used)
	}
}

// TestPullsSideBySideEndAndKeepTheirBooks, whatever images share and whatever happens: no
// layer that is on the disk or on its way is there twice if nothing but the lowest layers
// is shared, all pulls end, and what is kept is what images have.
func TestPullsSideBySideEndAndKeepTheirBooks(t *testing.T) {
	waited := 0
	for seed := range uint64(200) {
		luck := sim.NewLuck(seed).Lane("test").Draw(0, 0)
		r := newRig()
		r.machine.parallel, r.machine.disk.size = 4, 100_000_000_000
		var images []Image
		for i := range 6 { // a tree: each image is another one and a layer more
			name := fmt.Sprint("i", i)
			img := Image{Name: name}
			if i > 0 {
				img.Layers = slices.Clone(images[luck.Below(uint64(i))].Layers)
			}
			img.Layers = append(img.Layers, Layer{name, int64(1+luck.Below(2_000)) * 1_000_000})
			images = append(images, img)
		}
		r.registry.Describe(images)
		for id := range uint32(25) {
			c := model.Container{Name: "main", Image: fmt.Sprint("i", luck.Below(6))}
			if luck.Below(4) == 0 {
				c.Image = "undescribed" + c.Image
			}
			r.machine.Pull(pod(id+1, c), &c)
			switch luck.Below(9) {
			case 0:
				r.registry.SetPace(AllRegistries, int64(1+luck.Below(full)))
			case 1:
				r.registry.SetSilent(AllRegistries, luck.Below(2) == 0)
				r.registry.SetDown(AllRegistries, !r.registry.doors[AllRegistries].down)
			case 2:
				r.machine.SetOffline(!r.machine.offline)
			case 3:
				r.machine.CollectImages(r.Now(), 1<<50)
			}
			r.run(t, time.Duration(luck.Below(60))*time.Second)
			waited += r.checkLayers(t, seed)
		}
		r.registry.SetDown(AllRegistries, false)
		r.machine.SetOffline(false)
		r.registry.SetPace(AllRegistries, full)
		r.run(t, 3*time.Hour)
		if len(r.machine.pulls) > 0 || len(r.told) != 25 {
			t.Fatalf("seed %d: %d answers, left %+v", seed, len(r.told), r.machine.pulls)
		}
		r.machine.CollectImages(r.Now(), 1<<50)
		if len(r.machine.layers) > 0 {
			t.Fatalf("seed %d: without images there are %v", seed, r.machine.layers)
		}
	}
	if waited < 200 {
		t.Errorf("pulls have waited %d times", waited)
	}
}

// checkLayers requires every layer to be on the disk or on its way once, and tells how many
// pulls wait for one.
func (r *rig) checkLayers(t *testing.T, seed uint64) (waiting int) {
	t.Helper()
	var there []string
	for _, l := range r.machine.layers {
		there = append(there, fmt.Sprint(l.number))
	}
	for i := range r.machine.pulls {
		p := &r.machine.pulls[i]
		if p.awaits != 0 {
			waiting++
			continue
		}
		if !p.going || p.outcome != PulledNow {
			continue
		}
		for _, x := range p.parts {
			if x.bytes > 0 {
				there = append(there, fmt.Sprint(x.number))
			}
		}
	}
	slices.Sort(there)
	if len(slices.Compact(slices.Clone(there))) != len(there) {
		t.Fatalf("seed %d at %v: layers %s", seed, r.Now(), strings.Join(there, " "))
	}
	return waiting
}

package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// images is which of some images a machine has.
func (r *rig) images(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !r.machine.Cached(name) })
}

// Source: pkg/kubelet/images/image_gc_manager.go byLastUsedAndDetected: what was not in use
// for the longest time goes first, whenever it was pulled.
func TestImagesThatWereLongestNotInUseAreRemovedFirst(t *testing.T) {
	r := newRig(Behavior{ImageBytes: 1000})
	m := r.machine
	var boxes []*Sandbox
	for i, image := range []string{"long", "brief", "never"} {
		c := model.Container{Name: "c", Image: image}
		m.Pull(pod(uint32(i+1), c), &c)
		r.run(t, 10*time.Minute)
		if image != "never" {
			box := m.Add(pod(uint32(i+1), c), uint64(i))
			m.Start(box, 0)
			m.Crash(box, 0, 0)
			boxes = append(boxes, box)
		}
	}
	m.Remove(2) // the pod of "brief" goes before that of "long", whose image is older
	r.run(t, 10*time.Minute)
	m.RemoveContainers(boxes[0])
	m.Remove(1)
	r.run(t, 10*time.Minute)
	for _, want := range [][]string{{"long", "brief"}, {"long"}, nil} {
		m.CollectImages(r.Now(), 1000) // of which the image that was there from the beginning has none
		if got := r.images("long", "brief", "never"); !slices.Equal(got, want) {
			t.Errorf("%v are left, want %v", got, want)
		}
	}
}

// Source: cmd/kubelet/app/options/options.go MaxPerPodContainerCount (1), pkg/kubelet
// pod_container_deletor.go getContainersToDeleteInPod: while an instance of a container
// runs the one before is there, too; the pod is not charged for it.
func TestTheLastDeadInstanceKeepsItsDisk(t *testing.T) {
	r := newRig(Behavior{Run: sim.Constant(10 * time.Second), DiskBytes: 1000, DiskGrowth: 100})
	m := r.machine
	m.disk.size = 10_000
	s := m.Add(pod(1, model.Container{Name: "c"}), 1)
	for i, want := range []struct{ runs, over int64 }{{1500, 2000}, {3500, 2000}, {3500, 2000}} {
		m.Start(s, 0)
		r.run(t, 5*time.Second)
		if used := m.Disk() - m.DiskFree(r.Now()); used != want.runs || s.DiskMeasured(r.Now()) != 1500 {
			t.Errorf("instance %d: %d bytes are used, %d by the pod", i, used, s.DiskMeasured(r.Now()))
		}
		r.run(t, 10*time.Second)
		if used := m.Disk() - m.DiskFree(r.Now()); used != want.over || s.DiskMeasured(r.Now()) != 0 {
			t.Errorf("after instance %d %d bytes are used, %d measured of the pod", i, used, s.DiskMeasured(r.Now()))
		}
	}
	m.Start(s, 0)
	r.run(t, 10*time.Second)
	if freed := m.RemoveContainers(s); freed != 2000 || m.DiskFree(r.Now()) != 10_000 {
		t.Errorf("%d bytes freed, %d are free", freed, m.DiskFree(r.Now()))
	}
}

// Source: containerd core/unpack: what is unpacked is on the disk
// meanwhile, and when there is no room for it the pull fails and leaves nothing.
func TestAPullTakesItsPlaceOnTheDiskWhileItUnpacks(t *testing.T) {
	const gb = 1_000_000_000
	r := newRig(Behavior{ImageBytes: 8 * gb})
	m := r.machine
	m.disk.size = 30 * gb
	c := model.Container{Name: "c", Image: "big"}
	m.Pull(pod(1, c), &c)
	p := &m.pulls[0]
	r.run(t, p.loadedAt.Sub(r.Now()))
	if used := m.Disk() - m.DiskFree(r.Now()); used != 0 {
		t.Errorf("%d bytes are used before it unpacks", used)
	}
	if at, half := m.DiskScarceAt(r.Now(), 20*gb), p.loadedAt.Add(p.unpack/2); at < half-10_000 || at > half+10_000 {
		t.Errorf("half of it is foreseen at %v, want %v", at, half)
	}
	if at := m.DiskScarceAt(r.Now(), 9*gb); at != sim.Never {
		t.Errorf("more than the image has is foreseen at %v", at)
	}
	r.run(t, p.unpack/2)
	if used := m.Disk() - m.DiskFree(r.Now()); used < 10*gb-1 || used > 10*gb {
		t.Errorf("%d bytes are used in the middle", used)
	}
	m.Fill(999_999) // not quite all
	r.run(t, p.unpack/100)
	r.expect(t, "pulled 1 no space")
	if used := m.Disk() - m.DiskFree(r.Now()); used != m.disk.filled {
		t.Errorf("%d bytes are used when it has failed, %d by others", used, m.disk.filled)
	}
	m.Free(m.disk.filled)
	m.Pull(pod(1, c), &c)
	r.run(t, time.Hour)
	if used := m.Disk() - m.DiskFree(r.Now()); used != 20*gb {
		t.Errorf("%d bytes are used in the end", used)
	}
}

// Source: the same, of an image in layers, which are unpacked one after the other.
func TestLayersTakeTheirPlaceOneAfterAnother(t *testing.T) {
	const gb = 1_000_000_000
	r := newRig()
	r.registry.Describe([]Image{{Name: "big", Layers: []Layer{{"a", gb}, {"b", 4 * gb}, {"c", gb}}}})
	m := r.machine
	m.disk.size = 30 * gb
	c := model.Container{Name: "c", Image: "big"}
	m.Pull(pod(1, c), &c)
	was, steps := int64(0), 0
	for len(m.pulls) > 0 {
		p := &m.pulls[0]
		_, growth, next := p.writes(r.Now())
		if next = min(next, p.doneAt); next == sim.Never {
			t.Fatalf("stuck: %+v", p)
		}
		want := was + scale(growth, int64(next.Sub(r.Now())), int64(time.Second))
		r.run(t, next.Sub(r.Now()))
		used := m.Disk() - m.DiskFree(r.Now())
		if used < want-10 || used > want+1000 {
			t.Errorf("step %d: %d bytes at %v, want %d", steps, used, r.Now(), want)
		}
		was, steps = used, steps+1
	}
	if was != 15*gb || steps < 4 {
		t.Errorf("%d bytes after %d steps", was, steps)
	}
}

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
			boxes = append(boxes, m.Add(pod(uint32(i+1), c), uint64(i)))
		}
	}
	m.Remove(2) // the pod of "brief" goes before that of "long", whose image is older
	r.run(t, 10*time.Minute)
	m.RemoveContainers(boxes[0])
	m.Remove(1)
	r.run(t, 10*time.Minute)
	for _, want := range [][]string{{"long", "brief"}, {"long"}, nil} {
		m.CollectImages(r.Now(), 2000) // of which the image that was there from the beginning has none
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
	m.disk = 10_000
	s := m.Add(pod(1, model.Container{Name: "c"}), 1)
	for i, want := range []struct{ runs, over int64 }{{1500, 2000}, {3500, 2000}, {3500, 2000}} {
		m.Start(s, 0)
		r.run(t, 5*time.Second)
		if used := m.Disk() - m.DiskFree(r.Now()); used != want.runs || s.DiskUsed(r.Now()) != 1500 {
			t.Errorf("instance %d: %d bytes are used, %d by the pod", i, used, s.DiskUsed(r.Now()))
		}
		r.run(t, 10*time.Second)
		if used := m.Disk() - m.DiskFree(r.Now()); used != want.over {
			t.Errorf("after instance %d %d bytes are used", i, used)
		}
	}
	m.Start(s, 0)
	r.run(t, 10*time.Second)
	if freed := m.RemoveContainers(s); freed != 2000 || m.DiskFree(r.Now()) != 10_000 {
		t.Errorf("%d bytes freed, %d are free", freed, m.DiskFree(r.Now()))
	}
}

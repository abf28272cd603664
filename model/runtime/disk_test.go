package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
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

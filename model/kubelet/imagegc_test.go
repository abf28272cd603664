package kubelet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/kubelet"
	"orrery/sim"
)

// withImages is a node with 100 GiB of disk, no eviction thresholds and images that each
// take 5 GiB of it, the oldest last.
func withImages(gc kubelet.ImageGC, names ...string) option {
	return func(r *rig) {
		hard(kubelet.Thresholds{})(r)
		r.config.ImageGC = gc
		r.node.Capacity.EphemeralBytes, r.node.Allocatable.EphemeralBytes = 100*gib, 100*gib
		r.node.Images = []model.Image{{Name: "web"}}
		for _, n := range names {
			r.node.Images = append(r.node.Images, model.Image{Name: n, Bytes: 2 * gib})
		}
	}
}

// ofNode is the Events about the node with one of these reasons, and when they came.
func (r *rig) ofNode(reasons ...string) (what []string, at []sim.Time) {
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Object() == r.node.Ref() && slices.Contains(reasons, n.Reason) {
			what, at = append(what, n.Reason+": "+n.Text()), append(at, h.At(i).At)
		}
	}
	return what, at
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go GarbageCollect: usagePercent is 100
// less the whole percents that are free, so a disk of which a little more than 84 % are
// used counts as one of 85 %.
func TestTheImageCollectorCountsWholePercentsOfWhatIsFree(t *testing.T) {
	for _, c := range []struct {
		gc     kubelet.ImageGC
		filled int64
		there  int
	}{
		{kubelet.ImageGC{}, 839_999, 1},
		{kubelet.ImageGC{}, 840_001, 0},
		{kubelet.ImageGC{High: 60, Low: 50}, 590_000, 1},
		{kubelet.ImageGC{High: 60, Low: 50}, 590_001, 0},
	} {
		r := newRig(t, 1, withImages(c.gc, "old"))
		r.run(3 * time.Minute)
		r.kubelet.FillDisk(c.filled)
		r.run(6 * time.Minute)
		if there := r.cached("old"); there != c.there {
			t.Errorf("%+v, filled to %d ppm: %d images are left, want %d", c.gc, c.filled, there, c.there)
		}
	}
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go GarbageCollect, pkg/kubelet/kubelet.go
// StartGarbageCollection, word for word: each look that frees too little says so (an image of
// 2 GiB, which has 5 GiB on the disk, counts as 2), and from
// the second in a row on that the collection failed, too.
func TestAnImageCollectionThatFreesTooLittleSaysSo(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{}, "old"))
	r.run(3 * time.Minute)
	r.kubelet.FillDisk(900_000)
	r.run(10 * time.Minute)
	said := func(percent, freed int64) string {
		return fmt.Sprintf("Insufficient free disk space on the node's image filesystem (%d%% of 100.0 GiB used). "+
			"Failed to free sufficient space by deleting unused images (freed %d bytes). "+
			"Investigate disk usage, as it could be used by active images, logs, volumes, or other data.", percent, freed)
	}
	want := []string{"FreeDiskSpaceFailed: " + said(90, 2*gib), "FreeDiskSpaceFailed: " + said(85, 0), "ImageGCFailed: " + said(85, 0)}
	got, at := r.ofNode("FreeDiskSpaceFailed", "ImageGCFailed")
	if !slices.Equal(got, want) || at[1].Sub(at[0]) != 5*time.Minute || at[2] != at[1] {
		t.Errorf("at %v told %q, want %q", at, got, want)
	}
}

// Source: as above: a runtime that does not answer fails every look, of which the first
// in a row is not told, nor after a good one.
func TestTheImageCollectionFailsWithoutARuntime(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{}))
	for range 2 {
		r.kubelet.StopRuntime()
		r.run(16 * time.Minute)
		r.kubelet.StartRuntime()
		r.run(6 * time.Minute)
	}
	const want = "ImageGCFailed: rpc error: code = Unavailable desc = connection error"
	got, at := r.ofNode("ImageGCFailed")
	if !slices.Equal(got, slices.Repeat([]string{want}, 5)) {
		t.Fatalf("at %v told %q", at, got)
	}
	for i, gap := range []time.Duration{5, 5, 15, 5} { // of four looks without a runtime, and of three
		if d := at[i+1].Sub(at[i]); d != gap*time.Minute {
			t.Errorf("%v between %v and %v", d, at[i], at[i+1])
		}
	}
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go freeOldImages: images that nobody has
// used for longer than imageMaximumGCAge go at the next look, however much room there is,
// and so do those that nobody ever used; those in use stay.
func TestImagesThatNobodyUsesForLongerThanImageMaximumGCAgeGo(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{High: 100, Low: 80, MaxAge: 20 * time.Minute}, "unused"))
	web := r.pod("web", func(s *model.PodSpec) { s.Containers[0].Image = "web" })
	other := r.pod("other", func(s *model.PodSpec) { s.Containers[0].Image = "other:1" })
	r.ready(web)
	r.ready(other)
	r.until("what was never used is gone", 5*time.Minute+time.Second, func() bool { return r.cached("unused") == 0 })
	r.run(time.Hour)
	if r.cached("web")+r.cached("other:1") != 2 {
		t.Fatal("images in use went")
	}
	r.user.Delete(other.Ref(), 30, 0)
	gone := r.until("its pod is gone", 2*time.Minute, func() bool { return r.kubelet.Machine().Sandbox(other.ID) == nil })
	at := r.until("its image is gone", 30*time.Minute, func() bool { return r.cached("other:1") == 0 })
	if d := at.Sub(gone); d < 20*time.Minute || d > 25*time.Minute+time.Second || r.cached("web") != 1 {
		t.Errorf("it went %v after its pod; %d of those in use are left", d, r.cached("web"))
	}
}

// Source: as above: the age counts only when the process has run for longer than that, and
// nothing goes if no age is said.
func TestTheAgeOfImagesCountsOnceTheKubeletHasRunForSoLong(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{0: 0, 20 * time.Minute: 20 * time.Minute} {
		r := newRig(t, 1, withImages(kubelet.ImageGC{MaxAge: age}, "unused"))
		r.kubelet.Stop()
		r.run(time.Hour)
		r.kubelet.Resume()
		from := r.Now()
		if want == 0 {
			r.run(2 * time.Hour)
			if r.cached("unused") == 0 {
				t.Error("an image went although none is too old")
			}
			continue
		}
		at := r.until("it is gone", time.Hour, func() bool { return r.cached("unused") == 0 })
		if d := at.Sub(from); d <= want || d > want+6*time.Minute {
			t.Errorf("it went after %v", d)
		}
	}
}

// The looks that find nothing are no events, and are there in the literal mode.
func TestTheImageCollectionIsTheSameLookByLook(t *testing.T) {
	story := func(o ...option) string {
		r := newRig(t, 3, append(o, withImages(kubelet.ImageGC{High: 85, Low: 80, MaxAge: 20 * time.Minute}, "unused", "old"))...)
		p := r.pod("p", func(s *model.PodSpec) { s.Containers[0].Image = "old" })
		r.ready(p)
		r.kubelet.FillDisk(900_000)
		r.run(17 * time.Minute)
		r.user.Delete(p.Ref(), 30, 0)
		r.kubelet.StopRuntime()
		r.run(11 * time.Minute)
		r.kubelet.StartRuntime()
		r.run(40 * time.Minute)
		return fmt.Sprint(r.cached("unused"), r.cached("old"), "\n", r.story())
	}
	if a, b := story(), story(literal); a != b {
		t.Errorf("elided:\n%s\nliteral:\n%s", a, b)
	}
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go GarbageCollect: a process that has just
// started has no measurement of the disk, and its first look says so; that counts as a failure,
// so that the next look tells of its own.
func TestAKubeletThatStartsDoesNotKnowHowLargeItsDiskIs(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{}))
	r.run(time.Minute)
	if got, _ := r.ofNode("InvalidDiskCapacity"); len(got) != 0 {
		t.Errorf("one that has long been running says %q", got)
	}
	r.kubelet.Stop()
	r.kubelet.Resume()
	r.run(time.Minute)
	if got, _ := r.ofNode("InvalidDiskCapacity"); !slices.Equal(got, []string{"InvalidDiskCapacity: invalid capacity 0 on image filesystem"}) {
		t.Errorf("told %q", got)
	}
	r.kubelet.StopRuntime()
	r.run(5 * time.Minute)
	if got, _ := r.ofNode("ImageGCFailed"); len(got) != 1 {
		t.Errorf("the second look in a row that failed told %q", got)
	}
}

// Source: v1.35 pkg/kubelet/kubelet.go StartGarbageCollection: every look of the container
// collector that fails is told, one a minute.
func TestTheContainerCollectionFailsEveryMinuteWithoutARuntime(t *testing.T) {
	r := newRig(t, 1)
	r.kubelet.StopRuntime()
	r.run(10 * time.Minute)
	r.kubelet.StartRuntime()
	r.run(10 * time.Minute)
	got, at := r.ofNode("ContainerGCFailed")
	if len(got) != 10 || got[0] != "ContainerGCFailed: rpc error: code = Unavailable desc = connection error" || at[9].Sub(at[0]) != 9*time.Minute {
		t.Errorf("at %v told %q", at, got)
	}
}

// Source: v1.35 pkg/kubelet/images/image_gc_manager.go detectImages, freeSpace: a process that starts has no
// records of images, so for two minutes none is old enough to be collected, be the disk full.
func TestAKubeletThatStartsCollectsNoImageForTwoMinutes(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{}, "old"), hard(kubelet.Thresholds{kubelet.NodeFsAvailable: {Amount: 10 * gib}}))
	r.run(10 * time.Minute)
	r.kubelet.Stop()
	r.run(time.Minute)
	r.kubelet.Resume()
	r.run(30 * time.Second)
	from := r.Now()
	r.kubelet.FillDisk(950_000)
	gone := r.until("collected", 10*time.Minute, func() bool { return r.cached("old") == 0 })
	if d := gone.Sub(from); d < 80*time.Second || d > 110*time.Second {
		t.Errorf("collected %v after the disk was full, which it was 30 s after the start", d)
	}
}

// Source: as above: an image is in use as long as a container is there that was made from it, not
// for a pod that has none yet.
func TestAnImageThatIsOnlyAskedForIsNotInUse(t *testing.T) {
	r := newRig(t, 1, withImages(kubelet.ImageGC{}, "old", "kept"))
	p := r.pod("made", func(s *model.PodSpec) { s.Containers[0].Image = "kept" })
	r.ready(p)
	r.run(3 * time.Minute)
	r.kubelet.BreakDisk("EROFS")
	q := r.pod("asks", func(s *model.PodSpec) { s.Containers[0].Image = "old" })
	r.until("refused", time.Minute, func() bool { return len(r.notes(q, "FailedCreatePodSandBox")) > 0 })
	r.kubelet.FillDisk(950_000)
	r.run(6 * time.Minute)
	if old, kept := r.cached("old"), r.cached("kept"); old != 0 || kept != 1 {
		t.Errorf("%d and %d are left of the image that is asked for and of the one in use", old, kept)
	}
}

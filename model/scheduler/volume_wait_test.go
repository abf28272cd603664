package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// claimed is a world with a claim that waits for its first consumer, a pod that
// uses it, and nobody who would bind it.
func claimed(t *testing.T, literal bool) (*world, *model.Claim, *model.Pod) {
	class := &model.StorageClass{Name: "late", Wait: true, Provisioner: "csi"}
	w := newWorld(t, Config{Literal: literal, Storage: &model.Storage{Classes: []*model.StorageClass{class}}}, nodes(2, 4000, 16)...)
	c := &model.Claim{Meta: model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: "default", Name: "data"}, Class: "late", Bytes: gib}
	if r := w.store.Create(w.person, c); r != store.Accepted {
		t.Fatal(r)
	}
	return w, c, w.add(claiming("data")())
}

// bound makes the claim bound, to a volume that the nodes reach whose host name is
// given, or all.
func (w *world) bound(c *model.Claim, host string) {
	x := &model.Volume{Meta: model.Meta{Kind: model.KindPersistentVolume, Name: "disk"}, Class: "late", Bytes: gib, Claim: c.Key(), ClaimID: c.ID, Phase: model.VolumeBound}
	if host != "" {
		x.Affinity = []model.NodeTerm{{Labels: []model.Requirement{{Key: model.LabelHostname, Op: model.In, Values: []string{host}}}}}
	}
	w.store.Create(w.person, x)
	change(w, c, func(c *model.Claim) { c.Volume, c.Bound, c.Phase = "disk", true, model.ClaimBound })
}

// Source: pkg/scheduler/framework/plugins/volumebinding/binder.go BindPodVolumes:
// PollUntilContextTimeout of a second, not immediately; bindAPIUpdate: the
// annotation; pkg/scheduler/schedule_one.go: a nominated node while PreBind works.
func TestABindingLooksOnceASecondWhetherItsVolumesAreBound(t *testing.T) {
	w, c, p := claimed(t, false)
	w.run(1500 * time.Millisecond)
	if c := w.store.Get(c.Ref()).(*model.Claim); c.SelectedNode == "" || c.SelectedNode != w.pod(p).NominatedNode {
		t.Fatalf("node %q is selected, %q nominated", c.SelectedNode, w.pod(p).NominatedNode)
	}
	other := w.add(pod("other", spec(1, 1)))
	w.run(5 * time.Second)
	if w.boundAt(other) == 0 || w.boundAt(p) != 0 {
		t.Errorf("the wait holds up %v others, and its own pod until %v", w.boundAt(other), w.boundAt(p))
	}
	told := w.store.Get(c.Ref()).Head().ResourceVersion
	w.bound(c, "")
	w.run(8 * time.Second)
	var toldAt time.Duration
	for h, i := w.store.History(), 0; i < h.Len(); i++ {
		if r := h.At(i); r.Revision == told {
			toldAt = time.Duration(r.At)
		}
	}
	if late := (time.Duration(w.boundAt(p)) - toldAt) % time.Second; w.boundAt(p) == 0 || late > 50*time.Millisecond {
		t.Errorf("bound at %v: %v after a look", w.boundAt(p), late)
	}
}

// Source: apis/config/v1/defaults.go bindTimeoutSeconds 600; binder.go
// BindPodVolumes "binding volumes"; schedule_one.go handleBindingCycleError.
func TestABindingWaitsTenMinutesForVolumes(t *testing.T) {
	w, _, p := claimed(t, false)
	w.run(599 * time.Second)
	if said := w.notes(p); len(said) != 0 {
		t.Errorf("said early: %q", said)
	}
	w.run(602 * time.Second)
	const want = `FailedScheduling: running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded`
	if said := strings.Join(w.notes(p), "\n"); !strings.HasPrefix(said, want) {
		t.Errorf("said %q", said)
	}
}

// Source: binder.go checkBindings: the volume's node affinity is checked again.
func TestAVolumeMadeElsewhereEndsTheBinding(t *testing.T) {
	w, c, p := claimed(t, false)
	w.run(2 * time.Second)
	selected := w.store.Get(c.Ref()).(*model.Claim).SelectedNode
	other := map[string]string{"n-0": "n-1", "n-1": "n-0"}[selected]
	w.bound(c, other)
	w.run(time.Minute)
	if said := strings.Join(w.notes(p), "\n"); !strings.Contains(said, `node affinity doesn't match node "`+selected+`"`) {
		t.Errorf("said %q", said)
	}
	w.wantNode(p, other)
}

func TestLooksThatFindNothingNewAreNoEvents(t *testing.T) {
	var stories []string
	for _, literal := range []bool{false, true} {
		w, c, _ := claimed(t, literal)
		w.run(30 * time.Second)
		w.bound(c, "")
		w.run(time.Minute)
		stories = append(stories, w.story())
	}
	if stories[0] != stories[1] {
		t.Errorf("elided:\n%s\nliteral:\n%s", stories[0], stories[1])
	}
}

// Source: schedule_one.go bindingCycle: it goes on, and the binding is refused.
func TestAPodOrNodeThatGoesWhileItsVolumesAreMadeEndsTheBinding(t *testing.T) {
	for _, gone := range []string{"pod", "node", "claim"} {
		w, c, p := claimed(t, false)
		w.run(3 * time.Second)
		node := w.store.Lookup(model.KindNode, "", w.store.Get(c.Ref()).(*model.Claim).SelectedNode)
		switch gone {
		case "pod":
			w.remove(p)
		case "node":
			w.remove(node)
		default:
			w.remove(c)
		}
		w.run(4 * time.Second)
		if gone != "claim" {
			w.bound(c, "")
		}
		w.run(20 * time.Second)
		if said := strings.Join(w.notes(p), " | "); !strings.Contains(said, "FailedScheduling") {
			t.Errorf("%s is gone: said %q", gone, said)
		}
		if len(w.scheduler.unbound) != 0 {
			t.Errorf("%s is gone: somebody still waits", gone)
		}
	}
}

// Looks that are due in one instant are made in the order in which the bindings began to
// wait, also if the volumes came in another one: each tick as an event does the same.
func TestLooksOfOneInstantAreInTheOrderOfTheWaits(t *testing.T) {
	class := &model.StorageClass{Name: "late", Wait: true, Provisioner: "csi"}
	for _, literal := range []bool{false, true} {
		w := newWorld(t, Config{Literal: literal, Storage: &model.Storage{Classes: []*model.StorageClass{class}}}, nodes(2, 4000, 16)...)
		claims := map[uint32]*model.Claim{} // by their pod
		for i := range 8 {
			c := &model.Claim{Meta: model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: "default", Name: fmt.Sprint("data-", i)}, Class: "late", Bytes: gib}
			w.store.Create(w.person, c)
			p := claiming(c.Name)()
			p.Name = fmt.Sprint("p-", i)
			claims[w.add(p).ID] = c
		}
		w.run(1500 * time.Millisecond)
		waits := slices.Clone(w.scheduler.unbound)
		for _, id := range waits { // as if all had been told at once
			w.scheduler.rows.Row(id).volumes.ticks.Phase = w.scheduler.rows.Row(waits[0]).volumes.ticks.Phase
		}
		w.run(4500 * time.Millisecond)
		last := len(waits) - 1
		for i, id := range []uint32{waits[last], waits[0]} {
			change(w, claims[id], func(c *model.Claim) { c.Volume, c.Bound = fmt.Sprint("disk-", id), true })
			w.run(time.Duration(4520+20*i) * time.Millisecond)
		}
		w.run(7 * time.Second)
		bound := func(id uint32) int64 {
			return w.store.Get(model.Ref{Kind: model.KindPod, ID: id}).Head().ResourceVersion
		}
		if first, second := bound(waits[0]), bound(waits[last]); first == 0 || first >= second {
			t.Errorf("literal %v: bound by revisions %d and %d", literal, first, second)
		}
	}
}

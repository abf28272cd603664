package fault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/fault"
	"orrery/sim"
)

// "Up to" is every number from none to the limit, some time, with about equal chances.
func TestUpToSoManyIsAnyNumberUpToThat(t *testing.T) {
	w := newWorld(nodes(10, "a")...)
	var specs []fault.Spec
	for i := range 400 {
		specs = append(specs, fault.Spec{ID: fmt.Sprint("f", i), Fault: "kubelet-restart", At: at(i + 1), Target: fault.Target{PercentPPM: 300_000, UpTo: true}})
	}
	w.play(t, specs...)
	var hit [5]int
	for _, note := range w.notes() {
		switch {
		case strings.Contains(note, "FaultStarted"):
			hit[strings.Count(note, "node/")]++
		case strings.Contains(note, "FaultWithoutTarget"):
			hit[0]++
		}
	}
	if slices.Min(hit[:4]) < 70 || slices.Max(hit[:4]) > 130 || hit[4] != 0 {
		t.Errorf("so many times none, one, two, three and more of 10 nodes at up to 30%%: %v", hit)
	}
}

// Pods can be selected by the nodes they are on.
func TestPodsAreSelectedByTheirNodes(t *testing.T) {
	for _, c := range []struct {
		target fault.Target
		want   string
	}{
		{fault.Target{OnNodes: []string{"a-1"}}, "on-a-1"},
		{fault.Target{OnNode: model.SelectorOf(model.MakeLabels(map[string]string{model.LabelZone: "b"}))}, "on-b-0"},
		{fault.Target{OnNodes: []string{"a-1", "b-0"}, Zone: "a"}, "on-a-1"},
		{fault.Target{OnNodes: []string{"a-0", "a-1"}, Names: []string{"on-a-0", "on-b-0"}}, "on-a-0"},
	} {
		w := newWorld(append(nodes(2, "a"), nodes(1, "b")...)...)
		for _, n := range []string{"a-0", "a-1", "b-0"} {
			id := w.store.Lookup(model.KindNode, "", n).Head().ID
			w.store.Create(0, &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: "on-" + n}, Spec: &model.PodSpec{}, NodeID: id, NodeName: n})
		}
		w.play(t, fault.Spec{ID: "f", Fault: "pod-slow", At: at(1), For: time.Second, Latency: sim.Constant(time.Second), Target: c.target})
		if got := w.notes()[0]; !strings.Contains(got, "pod-slow of pod/"+c.want+":") {
			t.Errorf("%+v: %s, want %s", c.target, got, c.want)
		}
	}
}

// Machines are cut off one after another, and come back one after another, all by the
// end.
func TestASwizzleCutsMachinesOffAndBringsThemBackOneAfterAnother(t *testing.T) {
	w := newWorld(nodes(6, "a")...)
	s := spec("s", "swizzle-clog", 10, 110, fault.Target{Count: 4})
	s.Stagger = 40 * time.Second
	fault.New(w.Kernel, w, []fault.Spec{s}).Start()
	got := ""
	for _, second := range []int{9, 10, 25, 35, 45, 75, 85, 95, 105, 110} {
		if err := w.Run(at(second)); err != nil {
			t.Fatal(err)
		}
		cut := 0
		for _, site := range w.sites[1:] {
			if !w.net.Connected(site, w.control[0]) {
				cut++
			}
		}
		got += fmt.Sprint(cut, " ")
	}
	if want := "0 1 2 3 4 4 3 2 1 0 "; got != want {
		t.Errorf("so many were cut off: %s, want %s", got, want)
	}
}

// The rule is plain: images come over the machine's interface, too (the kubelet has the runtime
// pull them, pkg/kubelet/images/image_manager.go). What cuts a machine off from some others
// only leaves it the registry.
func TestWhoIsCutOffFromEverybodyIsFromTheRegistryToo(t *testing.T) {
	for name, want := range map[string]bool{"interface-down": true, "swizzle-clog": true, "partition": false, "cni-routes-lost": false} {
		w := newWorld(nodes(2, "a")...)
		s := spec("s", name, 10, 110, fault.Target{Count: 1})
		s.Stagger = 40 * time.Second
		log := w.play(t, s)
		if cut := strings.Count(log, "offline=true"); cut == 1 != want || strings.Count(log, "offline=false") != cut {
			t.Errorf("%s: %s", name, log)
		}
	}
}

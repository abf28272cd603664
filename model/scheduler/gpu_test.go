package scheduler

import (
	"fmt"
	"slices"
	"testing"

	"orrery/model"
	"orrery/sim"
)

func gpuNode(name string, devices int64, kind string) *model.Node {
	n := node(name, "", 96_000, 512)
	n.GPU = model.GPUs{Devices: devices, Model: kind}
	return n
}

func gpuPod(name string, devices, milli int64, models ...string) *model.Pod {
	s := *spec(100, 1)
	s.GPU = &model.GPURequest{Devices: devices, MilliEach: milli, Models: models}
	return &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &s}
}

// hkust-adsl/kubernetes-scheduler-simulator pkg/simulator/plugin/open_gpu_share.go
// allocateGpuIdBasedOnBestFit, pkg/type/resource.go AllocateExclusiveGpuId.
func TestAShareGoesToTheTightestDeviceAndWholeOnesToTheFirst(t *testing.T) {
	c := newCache()
	c.setNode(1, gpuNode("a", 4, ""))
	for _, x := range []struct {
		devices, milli int64
		free           []int64
	}{
		{1, 600, []int64{400, 1000, 1000, 1000}},
		{1, 500, []int64{400, 500, 1000, 1000}},
		{1, 400, []int64{0, 500, 1000, 1000}},
		{1, 450, []int64{0, 50, 1000, 1000}},
		{2, 1000, []int64{0, 50, 0, 0}},
	} {
		c.addPod(1, gpuPod("p", x.devices, x.milli))
		if !slices.Equal(c.rows[1].GPU.Free, x.free) {
			t.Errorf("after %d of %d: %d, want %d", x.devices, x.milli, c.rows[1].GPU.Free, x.free)
		}
	}
}

// open_gpu_share.go Filter; the words are ours.
func TestNodesWithoutTheRightGPUsAreRefused(t *testing.T) {
	p := NewPlanner(PlannerConfig{Profile: DefaultProfile(), PercentageOfNodesToScore: 100})
	plain := node("plain", "", 96_000, 512)
	p.AddNode(plain)
	p.AddNode(gpuNode("old", 2, "P100"))
	full := gpuNode("full", 1, "T4")
	p.AddNode(full)
	bound := gpuPod("there", 1, 700)
	bound.NodeName = "full"
	p.Assign(bound)
	d := p.Decide(gpuPod("p", 1, 400, "T4", "A100"))
	want := "0/3 nodes are available: 1 Insufficient free GPUs, 1 node(s) had another GPU model, 1 node(s) had too few GPUs."
	if d.Message[:len(want)] != want {
		t.Errorf("%q, want %q", d.Message, want)
	}
	if d := p.Decide(gpuPod("p", 1, 300, "T4", "A100")); d.Node != "full" {
		t.Errorf("a share that fits goes to %q: %s", d.Node, d.Message)
	}
	if d := p.Decide(gpuPod("p", 2, 1000)); d.Node != "old" {
		t.Errorf("two whole ones go to %q: %s", d.Node, d.Message)
	}
}

// checkDevices recounts what is free from who has what.
func checkDevices(t *testing.T, c *cache, id uint32, has map[*model.Pod]DeviceSet) {
	t.Helper()
	d := c.rows[id].GPU
	free := slices.Repeat([]int64{model.GPUMilli}, len(d.Free))
	for _, h := range d.held {
		charge(free, h.devices, -h.pod.Spec.GPU.MilliEach)
		if old, ok := has[h.pod]; ok && old != h.devices {
			t.Fatalf("pod %s had devices %b and has %b", h.pod.Name, old, h.devices)
		}
		has[h.pod] = h.devices
	}
	if !slices.Equal(free, d.Free) {
		t.Fatalf("free are %d; recounted %d", d.Free, free)
	}
	for _, f := range free {
		if f < 0 {
			t.Fatalf("a device is overcommitted: %d", free)
		}
	}
	pods := 0
	for _, p := range c.rows[id].Pods {
		if p.Spec.GPU != nil {
			pods++
		}
	}
	if pods != len(d.held) {
		t.Fatalf("%d pods hold devices, and %d are there", len(d.held), pods)
	}
}

func TestDevicesAreExactUnderChurnQuestionsAndNewVersions(t *testing.T) {
	luck := sim.NewLuck(7).Stream("churn")
	c := newCache()
	c.setNode(1, gpuNode("a", 8, ""))
	var there []*model.Pod
	has := map[*model.Pod]DeviceSet{}
	for i := range 20_000 {
		switch luck.Below(4) {
		case 0:
			p := gpuPod(fmt.Sprint("p", i), 1, int64(1+luck.Below(1000)))
			if luck.Below(3) == 0 {
				p = gpuPod(fmt.Sprint("p", i), int64(1+luck.Below(3)), 1000)
			}
			if c.rows[1].GPU.Fit(p.Spec.GPU.MilliEach) >= p.Spec.GPU.Devices {
				c.addPod(1, p)
				there = append(there, p)
			}
		case 1: // somebody leaves
			if n := uint64(len(there)); n > 0 {
				i := luck.Below(n)
				c.removePod(1, there[i])
				there = slices.Delete(there, int(i), int(i)+1)
			}
		case 2: // what if some left, another came, and they came back?
			free := slices.Clone(c.rows[1].GPU.Free)
			some := slices.Clone(there[:luck.Below(uint64(len(there)+1))])
			guest := []*model.Pod{gpuPod("guest", 1, 200)}
			c.suppose(1, some, false)
			c.suppose(1, guest, true)
			c.suppose(1, guest, false)
			c.suppose(1, some, true)
			if !slices.Equal(free, c.rows[1].GPU.Free) {
				t.Fatalf("a question changed what is free from %d to %d", free, c.rows[1].GPU.Free)
			}
		case 3: // a new version, with other labels or on its way out
			if n := uint64(len(there)); n > 0 {
				i := luck.Below(n)
				next := *there[i]
				next.DeletionAt = sim.Time(luck.Below(2))
				c.updatePod(1, there[i], &next)
				has[&next] = has[there[i]]
				there[i] = &next
			}
		}
		checkDevices(t, c, 1, has)
	}
}

func TestPodsSeenBeforeTheirNodeGetDevicesWhenItComes(t *testing.T) {
	c := newCache()
	c.addPod(1, gpuPod("early", 1, 300))
	c.setNode(1, gpuNode("a", 2, ""))
	checkDevices(t, c, 1, map[*model.Pod]DeviceSet{})
	if !slices.Equal(c.rows[1].GPU.Free, []int64{700, 1000}) {
		t.Errorf("free are %d", c.rows[1].GPU.Free)
	}
}

// 1/(1+e^-x) passes k % where x is ln(k/(100-k)).
func TestFragmentationIsRatedByTheSigmoidOfItsDecrease(t *testing.T) {
	p := newFragmentation(&Handle{profile: &Profile{}, cache: newCache()}).(*fragmentation)
	for _, c := range []struct {
		decrease float64
		score    int64
	}{
		{0, 50}, {1, 50}, {40, 50}, {41, 51}, {1000, 73}, {-1000, 26}, {8000, 99}, {-8000, 0}, {2197, 89}, {2198, 90}, {-2197, 10}, {-2198, 9},
		// 1+e^-x rounds to 2, or to the next number.
		{-1e-13, 50}, {-3.3e-13, 50}, {-3.4e-13, 49},
	} {
		if got := p.rate(c.decrease, 0); got != c.score {
			t.Errorf("a decrease of %v milli is rated %d, want %d", c.decrease, got, c.score)
		}
	}
}

func TestAPodBoundBySomebodyHasTheDevicesItsBindingSays(t *testing.T) {
	c := newCache()
	c.setNode(1, gpuNode("a", 4, ""))
	p := gpuPod("p", 2, 1000)
	p.ID, p.Devices = 7, 0b1010
	c.addPod(1, p)
	beyond := gpuPod("q", 1, 500)
	beyond.Devices = 1 << 4 // there are no five
	c.addPod(1, beyond)
	if want := []int64{500, 0, 1000, 0}; !slices.Equal(c.rows[1].GPU.Free, want) || c.rows[1].GPU.of(7) != 0b1010 {
		t.Errorf("free are %d, want %d", c.rows[1].GPU.Free, want)
	}
}

package scheduler

import (
	"math/bits"
	"slices"

	"orrery/model"
)

// Devices is the GPUs of a node, and which pod has which. The real devices are
// handed out by the kubelet's device plugin as the scheduler's plugin told it
// to, in an annotation of the pod
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/type/open-gpu-share/cache/gpunodeinfo.go).
type Devices struct {
	Free []int64 // milli of each

	// choose decides which devices a pod gets that comes to the node, before
	// anything of it is counted there.
	choose func(pod *model.Pod, node *NodeInfo) DeviceSet
	held   []holding // in no order that matters
	// what is happening to pods is only supposed: whoever leaves gets the same
	// devices when it is back.
	supposing bool
}

// DeviceSet is devices of one node, a bit each.
type DeviceSet uint64

// holding is what a pod has, or will have when it is back.
type holding struct {
	pod      *model.Pod
	devices  DeviceSet
	supposed bool // it was never really here
}

// Total is what is free of all devices, in milli; 0 for nil.
func (d *Devices) Total() (sum int64) {
	if d == nil {
		return 0
	}
	for _, f := range d.Free {
		sum += f
	}
	return sum
}

// Fit is how many devices have so much free.
func (d *Devices) Fit(milli int64) (n int64) {
	if d == nil {
		return 0
	}
	for _, f := range d.Free {
		if f >= milli {
			n++
		}
	}
	return n
}

// Tightest is the choice of whoever has no other opinion: a share goes to the
// device that has the least free and yet enough, whole devices to the first
// ones; of equal ones the first.
func Tightest(pod *model.Pod, node *NodeInfo) DeviceSet {
	return node.GPU.take(pod.Spec.GPU, func(i, best int) bool { return node.GPU.Free[i] < node.GPU.Free[best] })
}

// take is devices for a request, the best first. If there are not enough with
// room, which happens only if somebody else bound the pod, the emptiest are
// overcommitted.
func (d *Devices) take(want *model.GPURequest, better func(i, best int) bool) (set DeviceSet) {
	for range min(want.Devices, int64(len(d.Free))) {
		best, fits := -1, false
		for i, f := range d.Free {
			fit := f >= want.MilliEach
			switch {
			case set&(1<<i) != 0:
			case best < 0, fit && !fits, fit && better(i, best), !fit && !fits && f > d.Free[best]:
				best, fits = i, fit
			}
		}
		set |= 1 << best
	}
	return set
}

// add gives the pod its devices.
func (d *Devices) add(pod *model.Pod, node *NodeInfo) {
	if i := d.find(pod); i >= 0 { // it is back
		charge(d.Free, d.held[i].devices, -pod.Spec.GPU.MilliEach)
		return
	}
	set := DeviceSet(pod.Devices) & (1<<len(d.Free) - 1) // as its binding says
	if set == 0 {
		set = d.choose(pod, node)
	}
	charge(d.Free, set, -pod.Spec.GPU.MilliEach)
	d.held = append(d.held, holding{pod: pod, devices: set, supposed: d.supposing})
}

// of is the devices that the pod has, 0 if it has none here.
func (d *Devices) of(pod uint32) DeviceSet {
	if d != nil {
		if i := slices.IndexFunc(d.held, func(h holding) bool { return h.pod.ID == pod }); i >= 0 {
			return d.held[i].devices
		}
	}
	return 0
}

// remove takes them back.
func (d *Devices) remove(pod *model.Pod) {
	i := d.find(pod)
	charge(d.Free, d.held[i].devices, pod.Spec.GPU.MilliEach)
	if !d.supposing || d.held[i].supposed {
		d.held = slices.Delete(d.held, i, i+1)
	}
}

func (d *Devices) find(pod *model.Pod) int {
	return slices.IndexFunc(d.held, func(h holding) bool { return h.pod == pod })
}

func charge(free []int64, set DeviceSet, milli int64) {
	for ; set != 0; set &= set - 1 {
		free[bits.TrailingZeros64(uint64(set))] += milli
	}
}

// renew makes next the version of the pod that has the devices of old.
func (d *Devices) renew(old, next *model.Pod) {
	if d == nil || old.Spec.GPU == nil {
		return
	}
	if i := d.find(old); i >= 0 {
		d.held[i].pod = next
	}
}

// suppose says whether from now on pods come and go for the sake of a question.
func (d *Devices) suppose(yes bool) {
	if d != nil {
		d.supposing = yes
	}
}

// equip makes the devices of a node those that it says it has. Pods keep theirs,
// unless the number of devices has changed: then they are handed out anew.
func (n *NodeInfo) equip(choose func(*model.Pod, *NodeInfo) DeviceSet) {
	var have, want int64
	if n.GPU != nil {
		have = int64(len(n.GPU.Free))
	}
	if n.Node != nil {
		want = n.Node.GPU.Devices
	}
	if n.Node == nil || have == want {
		return
	}
	n.GPU = nil
	if want == 0 {
		return
	}
	n.GPU = &Devices{Free: slices.Repeat([]int64{model.GPUMilli}, int(want)), choose: choose}
	for _, p := range n.Pods {
		if p.Spec.GPU != nil {
			n.GPU.add(p, n)
		}
	}
}

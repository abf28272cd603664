package scheduler

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// fragmentation is fragmentation gradient descent (FGD): it prefers the node, and
// of a node the device, where a pod does the least harm to what typical pods
// could use. The fragmentation of a node is the GPU milli that are free there
// and of no use to a typical pod, on average over the typical pods: all that is
// free if the pod wants no GPU or does not fit the node, otherwise what is free
// of devices with less than it wants
// (Weng et al., "Beware of Fragmentation", USENIX ATC 2023;
// hkust-adsl/kubernetes-scheduler-simulator pkg/simulator/plugin/fgd_score.go,
// pkg/utils/frag.go).
//
// Where a pod changes nothing the score is 50 or, if the sums of the original
// came out unequal in the last digit, 49; which one decides where pods go. So
// the sums are made as there: of floating-point numbers, in the same order, each
// product rounded before it is added, which is the same on every processor. The
// exponential function, which is not, is replaced by where its result passes a
// whole number.
type fragmentation struct {
	typical []TypicalPod
	steps   [MaxNodeScore]float64 //tidy:float compared only; by score, the least decrease that gets it
	free    []int64               // scratch space
}

func newFragmentation(h *Handle) Plugin {
	p := &fragmentation{typical: h.profile.Typical}
	for k := uint64(1); k < MaxNodeScore; k++ {
		p.steps[k] = float64(sim.LnRatio(k, MaxNodeScore-k)) / (1 << 56) //tidy:float one correctly rounded division
	}
	// Of a decrease of a little less than nothing, 1+e^-x still rounds to 2.
	p.steps[MaxNodeScore/2] = -3.0/(1<<53) + 1.0/(1<<104)
	h.PickDevices(p.devices)
	return p
}

func (*fragmentation) Name() string { return "Fragmentation" }

// SignPod implements SignPlugin.
func (*fragmentation) SignPod(key []byte, pod *model.Pod) []byte {
	return signGPU(signNumber(key, pod.Spec.Request.CPUMilli), pod.Spec.GPU)
}

// rate is int(100/(1+e^-x)) of a decrease of x whole GPUs.
func (p *fragmentation) rate(before, after float64) int64 { //tidy:float differences and quotients are the same everywhere
	x := (before - after) / model.GPUMilli
	i, found := slices.BinarySearch(p.steps[1:], x)
	if found {
		i++
	}
	return int64(i)
}

// Score implements ScorePlugin.
func (p *fragmentation) Score(pod *model.Pod, node *NodeInfo) int64 {
	_, score := p.best(pod, node)
	return score
}

// devices implements Handle.PickDevices.
func (p *fragmentation) devices(pod *model.Pod, node *NodeInfo) DeviceSet {
	if i, _ := p.best(pod, node); i >= 0 {
		return 1 << i
	}
	return Tightest(pod, node)
}

// best is the device where a shared GPU does the least harm, -1 if it is no such
// pod, and the score.
func (p *fragmentation) best(pod *model.Pod, node *NodeInfo) (device int, score int64) {
	want := pod.Spec.GPU
	cpu := node.Node.Allocatable.CPUMilli - node.Requested.MilliCPU
	if node.GPU == nil || cpu < pod.Spec.Request.CPUMilli {
		return -1, p.rate(0, 0)
	}
	kind := node.Node.GPU.Model
	before := p.lost(kind, cpu, node.GPU.Free)
	cpu -= pod.Spec.Request.CPUMilli
	p.free = append(p.free[:0], node.GPU.Free...)
	if want == nil || want.MilliEach == model.GPUMilli {
		if want != nil {
			charge(p.free, Tightest(pod, node), -model.GPUMilli)
		}
		return -1, p.rate(before, p.lost(kind, cpu, p.free))
	}
	device = -1
	for i, f := range node.GPU.Free {
		if f < want.MilliEach || slices.Contains(node.GPU.Free[:i], f) { // an equal one is no better
			continue
		}
		p.free[i] -= want.MilliEach
		if r := p.rate(before, p.lost(kind, cpu, p.free)); device < 0 || r > score {
			device, score = i, r
		}
		p.free[i] = f
	}
	return device, score
}

// lost is the fragmentation of a node with so much CPU and GPUs free. It is added
// up by what is lacking, as the original does.
func (p *fragmentation) lost(kind string, cpu int64, free []int64) (sum float64) { //tidy:float see fragmentation
	const (
		lacksBoth = iota
		lacksGPU
		lacksCPU
		wantsNone
		wantsNoneLacksCPU
		wrongModel
		reasons
	)
	var total int64
	for _, f := range free {
		total += f
	}
	var parts [reasons]float64 //tidy:float see fragmentation
	for i := range p.typical {
		t := &p.typical[i]
		why, rest, slow := lacksBoth, total, cpu < t.CPUMilli
		switch {
		case t.GPU == nil && slow:
			why = wantsNoneLacksCPU
		case t.GPU == nil:
			why = wantsNone
		case !t.GPU.Accepts(kind):
			why = wrongModel
		default:
			fit, scraps := room(free, t.GPU)
			if fit && slow {
				why = lacksCPU
			} else if !slow {
				why = lacksGPU
			}
			if fit && !slow {
				rest = scraps
			}
		}
		parts[why] += float64(t.Share * float64(rest)) //tidy:float rounded before it is added
	}
	for _, x := range parts {
		sum += x
	}
	return sum
}

// room tells whether devices have room for a request, and how much is free on
// those with too little.
func room(free []int64, want *model.GPURequest) (fits bool, scraps int64) {
	var n int64
	for _, f := range free {
		if f >= want.MilliEach {
			n++
		} else {
			scraps += f
		}
	}
	return n >= want.Devices, scraps
}

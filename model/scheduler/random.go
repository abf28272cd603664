package scheduler

import (
	"orrery/model"
	"orrery/sim"
)

// random gives one of the feasible nodes all points, and a pod that wants a share
// of a GPU any device with room; each is as likely
// (hkust-adsl/kubernetes-scheduler-simulator
// pkg/simulator/plugin/random_score.go, open_gpu_share.go
// allocateGpuIdBasedOnRandomFit). What is drawn depends on the state of the
// cluster, so that whoever asks again before anything has changed gets the same
// answer.
type random struct {
	cache *cache
	luck  sim.Lane
}

func newRandom(h *Handle) Plugin {
	p := &random{cache: h.cache, luck: h.cache.luck.Lane("scheduler random")}
	h.PickDevices(p.devices)
	return p
}

func (*random) Name() string { return "Random" }

// SignPod implements SignPlugin.
func (*random) SignPod(key []byte, _ *model.Pod) []byte { return key }

// View implements WidePlugin. It looks at nothing, so it never gets stale.
func (p *random) View(*model.Pod) View { return View{Watcher: always{}, Scorer: p} }

// always is the watcher of a view that is always right.
type always struct{}

func (always) Stale() bool { return false }

// Score implements WideScorer: every node draws, the highest wins.
func (p *random) Score(feasible []uint32, scores []int64) bool {
	best, top := 0, uint64(0)
	for i, id := range feasible {
		scores[i] = 0
		draw := p.luck.Draw(uint64(id), p.cache.changes)
		if x := draw.Uint64(); i == 0 || x > top || x == top && id < feasible[best] {
			best, top = i, x
		}
	}
	scores[best] = MaxNodeScore
	return true
}

// devices implements Handle.PickDevices.
func (p *random) devices(pod *model.Pod, node *NodeInfo) DeviceSet {
	want := pod.Spec.GPU
	fit := node.GPU.Fit(want.MilliEach)
	if want.MilliEach == model.GPUMilli || fit == 0 {
		return Tightest(pod, node)
	}
	draw := p.luck.Draw(uint64(node.Node.ID)<<32, p.cache.changes)
	left := int64(draw.Below(uint64(fit)))
	for i, f := range node.GPU.Free {
		if f < want.MilliEach {
			continue
		}
		if left == 0 {
			return 1 << i
		}
		left--
	}
	panic("scheduler: fewer devices with room than were counted")
}

package scheduler

import "orrery/model"

// firstFit gives all points to the feasible node that joined the cluster first.
type firstFit struct{}

func newFirstFit(*Handle) Plugin { return firstFit{} }

func (firstFit) Name() string { return "FirstFit" }

// SignPod implements SignPlugin.
func (firstFit) SignPod(key []byte, _ *model.Pod) []byte { return key }

// View implements WidePlugin. It looks at nothing, so it never gets stale.
func (p firstFit) View(*model.Pod) View { return View{Watcher: always{}, Scorer: p} }

// Score implements WideScorer. Nodes are numbered in the order in which they came.
func (firstFit) Score(feasible []uint32, scores []int64) bool {
	first := 0
	for i, id := range feasible {
		scores[i] = 0
		if id < feasible[first] {
			first = i
		}
	}
	scores[first] = MaxNodeScore
	return true
}

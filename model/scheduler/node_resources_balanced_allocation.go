package scheduler

import (
	"math"

	"orrery/model"
)

// balancedAllocation prefers nodes whose resources, by default CPU and memory, would be
// used to the same share
// (pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go,
// v1.35: later versions compare with the node as it is without the pod).
type balancedAllocation struct {
	resources []ResourceSpec // weights do not count
	skip      *Status
}

func newBalancedAllocation(h *Handle) Plugin {
	p := &balancedAllocation{resources: h.profile.Balanced}
	if len(p.resources) == 0 {
		p.resources = []ResourceSpec{{Name: "cpu"}, {Name: "memory"}}
	}
	p.skip = h.Status(p.Name(), Skip)
	return p
}

func (*balancedAllocation) Name() string { return "NodeResourcesBalancedAllocation" }

// SignPod implements SignPlugin.
func (*balancedAllocation) SignPod(key []byte, pod *model.Pod) []byte {
	return signResources(key, &pod.Spec.Request)
}

// PreScore implements PreScorePlugin: pods that ask for nothing are not
// balanced, or they would all go to one node.
func (p *balancedAllocation) PreScore(pod *model.Pod) *Status {
	for i := range p.resources {
		if requestOf(p.resources[i].Name, &pod.Spec.Request) != 0 {
			return nil
		}
	}
	return p.skip
}

// Score implements ScorePlugin. It counts real requests, without defaults. The
// arithmetic is kube-scheduler's own, in floating point, each product rounded
// before it is added, so it is the same on every processor.
func (p *balancedAllocation) Score(pod *model.Pod, node *NodeInfo) int64 {
	var buffer [4]float64 //tidy:float see above
	shares := buffer[:0]
	for i := range p.resources {
		name := p.resources[i].Name
		want, all := requestOf(name, &pod.Spec.Request), requestOf(name, &node.Node.Allocatable)
		if all == 0 || want == 0 && name != "cpu" && name != "memory" && name != "ephemeral-storage" {
			continue // extended resources count if the pod asks for them
		}
		shares = append(shares, share(node.Requested.of(name)+want, all))
	}
	return int64((1 - deviation(shares)) * MaxNodeScore)
}

// requestOf is the amount of the resource called name.
func requestOf(name string, r *model.Resources) int64 {
	switch name {
	case "cpu":
		return r.CPUMilli
	case "memory":
		return r.MemoryBytes
	case "ephemeral-storage":
		return r.EphemeralBytes
	}
	return r.ExtendedCount(name)
}

// of is the amount of the resource called name.
func (r *Resource) of(name string) int64 {
	switch name {
	case "cpu":
		return r.MilliCPU
	case "memory":
		return r.Memory
	case "ephemeral-storage":
		return r.EphemeralStorage
	}
	return r.scalar(name)
}

// deviation is the standard deviation of shares.
func deviation(shares []float64) float64 { //tidy:float see Score
	if len(shares) < 2 {
		return 0
	}
	if len(shares) == 2 {
		return math.Abs((shares[0] - shares[1]) / 2)
	}
	total, sum, n := 0.0, 0.0, float64(len(shares)) //tidy:float exact
	for _, x := range shares {
		total += x
	}
	for _, x := range shares {
		sum += float64((x - total/n) * (x - total/n)) //tidy:float the product is rounded before the sum
	}
	return math.Sqrt(sum / n)
}

func share(requested, capacity int64) float64 { //tidy:float a quotient, rounded once on every processor
	return min(1, float64(requested)/float64(capacity)) //tidy:float see above
}

package workload

import (
	"math/bits"

	"orrery/model"
)

// portion is how much of the first part of a total is served if capacity of
// the total is: part*capacity/total, rounded down, or all of it if there is
// enough. The portions of a total cut into pieces add up to its capacity.
func portion(part, capacity, total int64) int64 {
	if total <= capacity {
		return part
	}
	hi, lo := bits.Mul64(uint64(part), uint64(capacity))
	q, _ := bits.Div64(hi, lo, uint64(total))
	return int64(q)
}

// CapacityMilliRPS is how many requests per second, in thousandths, a pod has
// CPU for: of each container with a CPU limit, what it uses at rest taken off,
// by what a request costs (millionths of a core per request per second, 0 for
// nothing), and of all containers the least; and of a pod with a limit as a whole what
// that leaves all of them. Every request is taken to pass
// through every container that requests cost something, sidecars among them. It is false if no
// container limits the rate.
func CapacityMilliRPS(spec *model.PodSpec, cpu func(container string) (restMilli, microPerRPS int64)) (least int64, limited bool) {
	var resting, cost int64
	for _, c := range spec.Lasting() {
		rest, each := cpu(c.Name)
		limit := spec.CPULimit(c)
		resting, cost = resting+rest, cost+each
		if each == 0 || limit == 0 {
			continue
		}
		capacity := max(0, limit-rest) * 1_000_000 / each
		if !limited || capacity < least {
			least, limited = capacity, true
		}
	}
	if quota := spec.PodCPULimit(); quota > 0 && cost > 0 {
		least, limited = min(least, max(0, quota-resting)*1_000_000/cost), true
	}
	return least, limited
}

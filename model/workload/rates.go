package workload

import "math/bits"

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

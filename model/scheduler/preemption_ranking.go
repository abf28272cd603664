package scheduler

import (
	"math"

	"orrery/sim"
)

// preemptionRules rate candidates: the lowest stays, the next rule decides among
// those that are equal (pkg/scheduler/framework/preemption/preemption.go
// pickOneNodeForPreemption). What they leave equal the original takes from in
// the random order of a map.
var preemptionRules = []func(*Candidate) int64{
	func(c *Candidate) int64 { return int64(c.Violations) },
	func(c *Candidate) int64 { return int64(c.Victims[0].Spec.Priority) },
	func(c *Candidate) int64 {
		var sum int64
		for _, v := range c.Victims {
			sum += int64(v.Spec.Priority) + math.MaxInt32 + 1 // no pod counts as less than none
		}
		return sum
	},
	func(c *Candidate) int64 { return int64(len(c.Victims)) },
	func(c *Candidate) int64 { return -int64(earliestStart(c)) },
}

// earliestStart is when the first of the victims of the highest priority
// started (pkg/scheduler/util/utils.go GetEarliestPodStartTime).
func earliestStart(c *Candidate) sim.Time {
	earliest := sim.Never
	for _, v := range c.Victims {
		if v.Spec.Priority == c.Victims[0].Spec.Priority {
			earliest = min(earliest, startOf(v))
		}
	}
	return earliest
}

// ties is the candidates that the rules leave equal, in their order.
func ties(candidates []Candidate) []*Candidate {
	var left []*Candidate
	for i := range candidates {
		left = append(left, &candidates[i])
	}
	for _, rule := range preemptionRules {
		var least int64 = math.MaxInt64
		for _, c := range left {
			least = min(least, rule(c))
		}
		kept := left[:0]
		for _, c := range left {
			if rule(c) == least {
				kept = append(kept, c)
			}
		}
		left = kept
	}
	return left
}

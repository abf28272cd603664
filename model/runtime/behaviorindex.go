package runtime

import "orrery/model"

// Behaving says how containers behave. Behaviors do, and slower than an index of them.
type Behaving interface {
	// For is the behavior of one container of a pod, defaults filled in.
	For(p *model.Pod, container string) Behavior
}

// BehaviorIndex finds the behavior that decides without trying all of them: nearly every one
// asks for a label that only the pods of one workload have.
type BehaviorIndex struct {
	all    Behaviors
	asking map[model.Label][]int32 // those that ask for one of some labels, by each of these, in order
	others []int32                 // that do not, in order
}

// Index is how to find behaviors sooner. They must not be changed any more.
func (b Behaviors) Index() *BehaviorIndex {
	x := &BehaviorIndex{all: b, asking: map[model.Label][]int32{}}
	for i := range b {
		labels, asks := b[i].Match.AsksFor()
		if !asks {
			x.others = append(x.others, int32(i))
		}
		for _, l := range labels {
			x.asking[l] = append(x.asking[l], int32(i))
		}
	}
	return x
}

// For implements Behaving.
func (x *BehaviorIndex) For(p *model.Pod, container string) Behavior {
	return x.all.filled(x.Deciding(p, container), p)
}

// Deciding is the number of the behavior that decides about a container of a pod, -1
// if none does.
func (x *BehaviorIndex) Deciding(p *model.Pod, container string) int {
	least := x.first(x.others, len(x.all), p, container)
	for _, l := range p.Labels {
		least = x.first(x.asking[l], least, p, container)
	}
	if least == len(x.all) {
		return -1
	}
	return least
}

// first is the first of some behaviors that is about a container of a pod, or before if none
// of a lower number is.
func (x *BehaviorIndex) first(some []int32, before int, p *model.Pod, container string) int {
	for _, i := range some {
		if int(i) >= before {
			break
		}
		if x.all[i].isOf(p, container) {
			return int(i)
		}
	}
	return before
}

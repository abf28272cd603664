package model

// Capacity is how many requests a pod has CPU for, in thousandths a second. What else runs in the
// container that has least of it (what the container uses at rest, bursts, others that stress it)
// is threads of the same cgroup, and the kernel is fair among those: nobody of them is first.
type Capacity struct {
	MilliRPS int64 // as many at a time as may be get done; -1 is without limit
	Whole    int64 // would get done if nothing else ran there; 0 if nothing does
	Rest     int64 // that is what it would use if requests did not want any, as so many of them
	Busy     int64 // and so many it is at a time, in thousandths of one
	Quota    bool  // it is a limit that leaves no more
}

// AmpleCPU is the capacity of a pod that lacks no CPU.
var AmpleCPU = Capacity{MilliRPS: -1}

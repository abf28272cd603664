package kubelet

import (
	"math/bits"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Signal is what the eviction manager watches (pkg/kubelet/eviction/api/types.go). A
// machine has one filesystem, so nodefs, imagefs and containerfs are the same, and of two
// thresholds the higher one is met first.
type Signal uint8

// The signals, in the order in which they are acted upon: memory first
// (byEvictionPriority); Kubernetes has no order among the others.
const (
	MemoryAvailable Signal = iota
	ImageFsAvailable
	NodeFsAvailable
	ImageFsInodesFree
	NodeFsInodesFree
	PIDAvailable
	Signals // how many a KubeletConfiguration may have thresholds of

	// allocatableMemory is memory.available of kubepods, which has what is not reserved
	// and the same hard threshold (eviction/helpers.go addAllocatableThresholds).
	allocatableMemory = Signals
	allSignals        = Signals + 1
)

// inOrder is all signals in the order in which a pass acts upon them.
var inOrder = [allSignals]Signal{MemoryAvailable, allocatableMemory, ImageFsAvailable, NodeFsAvailable, ImageFsInodesFree, NodeFsInodesFree, PIDAvailable}

// SignalNames is what a KubeletConfiguration calls them.
var SignalNames = [Signals]string{"memory.available", "imagefs.available", "nodefs.available", "imagefs.inodesFree", "nodefs.inodesFree", "pid.available"}

// Counts tells whether the signal is a number of things rather than of bytes.
func (s Signal) Counts() bool { return stockOf[s] >= inodes }

// stock is what a machine can run out of.
type stock uint8

const (
	memory    stock = iota
	podMemory       // what pods together may have
	disk
	inodes
	pids
	stocks
)

// String is the resource as messages have it (helpers.go signalToResource).
func (s stock) String() string {
	return [...]string{"memory", "memory", "ephemeral-storage", "inodes", "pids"}[s]
}

// stockOf is what signals are about.
var stockOf = [allSignals]stock{memory, disk, disk, inodes, inodes, pids, podMemory}

// pressure is a condition of the node.
type pressure uint8

const (
	memoryPressure pressure = iota
	diskPressure
	pidPressure
	conditions
)

// pressureOf is the condition of a node that lacks something (signalToNodeCondition).
var pressureOf = [stocks]pressure{memoryPressure, memoryPressure, diskPressure, diskPressure, pidPressure}

// String is the condition's type.
func (p pressure) String() string {
	return [...]string{"MemoryPressure", "DiskPressure", "PIDPressure"}[p]
}

// Threshold is how much of something has to be free: an amount, or a part of all there
// is. The zero value asks for nothing.
type Threshold struct {
	Amount int64
	Part   int64 // in 2^32ths, exactly the float32 that a kubelet makes of percents
}

// of is what that is of a capacity (eviction/api/types.go GetThresholdQuantity).
func (t Threshold) of(capacity int64) int64 {
	if t.Part == 0 {
		return t.Amount
	}
	hi, lo := bits.Mul64(uint64(capacity), uint64(t.Part))
	return int64(hi<<32 | lo>>32)
}

// Thresholds is one for each signal.
type Thresholds [Signals]Threshold

// float32s of the default percents, in 2^32ths.
const (
	fivePercent    = 13_421_773 << 4
	tenPercent     = 13_421_773 << 5
	fifteenPercent = 10_066_330 << 6
)

// DefaultHard is evictionHard if nobody says anything (eviction/defaults_linux.go). Who
// says something replaces all of it, unless defaults are merged.
var DefaultHard = Thresholds{
	MemoryAvailable: {Amount: 100 << 20}, NodeFsAvailable: {Part: tenPercent}, NodeFsInodesFree: {Part: fivePercent},
	ImageFsAvailable: {Part: fifteenPercent}, ImageFsInodesFree: {Part: fivePercent},
}

// Eviction is when a kubelet evicts.
type Eviction struct {
	Hard         *Thresholds // nil is DefaultHard
	Soft         Thresholds  // less than that for a grace period, and pods go, with more grace
	SoftGrace    [Signals]time.Duration
	Reclaim      Thresholds    // how much more than a threshold has to be free until one that was acted upon is met no longer (evictionMinimumReclaim)
	MostPodGrace time.Duration // that a pod gets under a soft threshold, if it has so much itself; 0 is a second
	Stays        time.Duration // how long a condition holds after it was last seen; 0 is 5 minutes
}

// defaultStays is evictionPressureTransitionPeriod.
const defaultStays = 5 * time.Minute

func (e *Eviction) hard() *Thresholds {
	if e.Hard == nil {
		return &DefaultHard
	}
	return e.Hard
}

// Kept is what kubelets keep back of machines of a size by the hard thresholds, so that
// pods may not ask for it (pkg/kubelet/cm/helpers.go hardEvictionReservation).
func (e *Eviction) Kept(size model.Resources) model.Resources {
	t := e.hard()
	return model.Resources{MemoryBytes: t[MemoryAvailable].of(size.MemoryBytes), EphemeralBytes: t[NodeFsAvailable].of(size.EphemeralBytes)}
}

// levels is the thresholds of one machine, in units of what they are about; 0 is none.
type levels struct {
	hard, soft [allSignals]int64
	softGrace  [allSignals]time.Duration
	reclaim    [allSignals]int64
	highest    [stocks]int64 // of all thresholds
	config     Eviction
}

func (k *Kubelet) setLevels(e Eviction) {
	l := &k.levels
	l.config = e
	if l.config.Stays == 0 {
		l.config.Stays = defaultStays
	}
	for s := range Signals {
		l.hard[s] = e.hard()[s].of(k.capacity(stockOf[s]))
		l.soft[s], l.softGrace[s] = e.Soft[s].of(k.capacity(stockOf[s])), e.SoftGrace[s]
		l.reclaim[s] = e.Reclaim[s].of(k.capacity(stockOf[s]))
	}
	if k.capacity(podMemory) < k.capacity(memory) { // else memory.available says it all
		l.hard[allocatableMemory] = e.hard()[MemoryAvailable].of(k.capacity(podMemory))
		l.reclaim[allocatableMemory] = e.Reclaim[MemoryAvailable].of(k.capacity(podMemory))
	}
	for s, of := range stockOf {
		l.highest[of] = max(l.highest[of], l.hard[s], l.soft[s])
	}
}

// capacity is all there is of something.
func (k *Kubelet) capacity(s stock) int64 {
	return [...]int64{k.machine.Memory(), k.machine.PodMemory(), k.machine.Disk(), k.machine.Inodes(), k.machine.PIDs()}[s]
}

// free is how much of something nobody uses.
func (k *Kubelet) free(s stock, now sim.Time) int64 {
	switch s {
	case memory:
		return k.machine.MemoryFree(now)
	case podMemory:
		return k.machine.PodMemoryFree(now)
	case disk:
		return k.machine.DiskFree(now)
	case inodes:
		return k.machine.InodesFree(now)
	}
	return k.machine.PIDsFree(now)
}

// scarceAt is the first instant from now on at which less than least is free.
func (k *Kubelet) scarceAt(s stock, now sim.Time, least int64) sim.Time {
	switch {
	case least == 0:
		return sim.Never
	case s == memory:
		return k.machine.MemoryScarceAt(now, least)
	case s == podMemory:
		return k.machine.PodMemoryScarceAt(now, least)
	case s == disk:
		return k.machine.DiskScarceAt(now, least)
	case s == inodes:
		return k.machine.InodesScarceAt(now, least)
	}
	return k.machine.PIDsScarceAt(now, least)
}

// met tells whether a threshold of a signal is met: less than that is free, or, if the last pass
// acted upon it, less than that and its minimum reclaim (eviction/helpers.go thresholdsMet). A
// threshold of 0 is none.
func (k *Kubelet) met(s Signal, least int64, acted bool, now sim.Time) bool {
	if acted && least > 0 {
		least += k.levels.reclaim[s]
	}
	return k.lacks(stockOf[s], now, least)
}

// lacks tells whether less than least is free.
func (k *Kubelet) lacks(s stock, now sim.Time, least int64) bool {
	return k.scarceAt(s, now, least) == now
}

package runtime

import "orrery/sim"

// Observer is what a Machine tells the kubelet that manages it.
type Observer interface {
	// Changed says that a container or the sandbox of a pod started or ended.
	// A kubelet notices at its next relist.
	Changed(s *Sandbox)
	// MemoryChanged says that the machine's memory is used otherwise now than it
	// was going to be.
	MemoryChanged()
	// DiskChanged says the same of its disk, its inodes and its processes.
	DiskChanged()
	// StartupChanged says that a container of a pod will have started up at
	// another time than it was going to.
	StartupChanged(s *Sandbox)
	// ProbesChanged says that the Risk of a probe of the pod may be another one.
	ProbesChanged(s *Sandbox)
	// DaemonsBehind says that the kubelet and the container runtime do what they do
	// later or sooner than until now, because of the CPU they get.
	DaemonsBehind()
	// RuntimeChanged says that the container runtime does not answer any more, or does
	// again; who starts and stops it knows by themselves.
	RuntimeChanged()
	// SystemOOM says that the kernel killed a process because the machine was full, and
	// not a cgroup.
	SystemOOM()
	// Panicked says that the kernel has stopped: who hears it is to switch it off.
	Panicked()
	// CallChanged says that the Answer to what was asked last for a pod is another one than it
	// was going to be, because of the disk.
	CallChanged(s *Sandbox, a Answer)
	// Pulled answers Machine.Pull.
	Pulled(pod uint32, of Pull)
}

// Pull is how a pull went.
type Pull struct {
	Outcome
	BegunAt sim.Time // when it had waited for others
	Bytes   int64    // of the image, compressed
}

// Outcome is what came of a pull.
type Outcome uint8

// The outcomes.
const (
	PulledNow     Outcome = iota
	PullNeedless          // all its layers were here already
	PullFailed            // the registry refuses connections
	PullTimedOut          // it does not answer
	PullLimited           // it has answered too many: 429
	PullNotFound          // the registry has no such image
	PullTooFast           // the kubelet's own limit
	PullBroken            // the runtime has ended
	PullNoSpace           // the disk is full
	PullUnwritten         // the disk does not take it: Machine.Unwritten
)

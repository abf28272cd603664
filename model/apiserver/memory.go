package apiserver

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/sim"
)

// What a server's process has without any request: its code and its tables; and
// its watch cache, where an object takes four times its bytes in etcd. Both are
// estimates; a server of an empty cluster is seen with 250 to 400 MiB.
const (
	bareBytes   = 300 << 20
	cachedTimes = 4
)

// storedBytes is what an object takes in etcd (see package etcd).
const storedBytes = 2 << 10

// Runner is who runs a server's process in a container.
type Runner interface {
	// OutOfMemory has the kernel end the container: the process is over, and will be
	// started again with the next container.
	OutOfMemory()
	// Use says how much memory the process has, in bytes, which is its machine's.
	Use(bytes int64)
	// Killed tells whether the container has ended now because the machine had no
	// memory left.
	Killed() bool
}

// SetRunner names who runs the process. Without anybody it is started again as a
// kubelet would that nothing else is known of.
func (a *Server) SetRunner(r Runner) { a.runner = r }

// The kubelet starts a container that ended at once, then after 10 s, doubling to
// 5 min, and forgets that 10 min after the newest such start, also while it waits
// (pkg/kubelet/kubelet.go MaxContainerBackOff, kubelet_pods.go HandlePodCleanups).
const (
	restartFirst = 10 * time.Second
	restartMost  = 5 * time.Minute
	restartReset = 10 * time.Minute
)

// memory is what lists keep of a server's, and what became of it.
type memory struct {
	held    int64 // bytes
	listing int   // LISTs under way
	runner  Runner
	wait    time.Duration // before the next restart, without a runner

	raisedAt sim.Time // when that was last raised: the newest restart
}

// reasonOOM is the reason of a note about a server that had too little memory.
const reasonOOM = "APIServerOOMKilled"

// used is how much memory the process has, in bytes.
func (a *Server) used() int64 {
	used := int64(bareBytes) + a.held
	for kind := range model.Kinds {
		used += a.store.Existing(kind) * storedBytes * cachedTimes
	}
	return used
}

// take has a request keep some memory. If that is more than the process may have
// the kernel kills it, and the kubelet starts it again: a real one if there is any.
// Without a limit of its own it takes what its machine has, and the kernel kills
// whom it chooses there. A machine that is no node has enough for all.
func (a *Server) take(now sim.Time, bytes int64) bool {
	a.held += bytes
	used := a.used()
	if a.MemoryBytes == 0 || used <= a.MemoryBytes {
		a.tellUse(used)
		return true
	}
	a.note(true, reasonOOM, fmt.Sprintf("needs %d MiB of the %d it may have, with %d lists under way", used>>20, a.MemoryBytes>>20, a.listing+1))
	a.Stop()
	if a.runner != nil {
		a.runner.OutOfMemory()
		return false
	}
	forgottenAt := a.raisedAt.Add(restartReset)
	a.raisedAt = max(now, min(now.Add(a.wait), forgottenAt))
	if a.raisedAt >= forgottenAt {
		a.wait = 0
	}
	a.kernel.Post(a.raisedAt, a.self, whyRestart, a.about(0))
	a.wait = min(max(2*a.wait, restartFirst), restartMost)
	return false
}

// giveBack returns memory that a request kept.
func (a *Server) giveBack(bytes int64) {
	if a.held -= bytes; bytes > 0 {
		a.tellUse(a.used())
	}
}

func (a *Server) tellUse(used int64) {
	if a.runner != nil {
		a.runner.Use(used)
	}
}

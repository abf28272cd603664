package report

import "math/bits"

// fact is something that is so or not so of an object at a moment.
type fact uint8

// The facts that are counted. All but the last four are about pods.
const (
	isActive       fact = iota // neither finished nor being deleted
	isPending                  // phase Pending, not being deleted
	isUnbound                  // no node yet, not being deleted
	isRunning                  // phase Running, not being deleted
	isReady                    // active and Ready
	isAvailable                // isReady for minReadySeconds
	isLeaving                  // being deleted
	isSucceeded                // phase Succeeded, not being deleted
	isFailed                   // phase Failed, not being deleted
	isLooping                  // a container waits in CrashLoopBackOff
	isJobActive                // a Job that has not finished
	isNode                     // a node
	isWorker                   // a node that is no machine of the control plane
	isNodeNotReady             // a node whose Ready condition is not True
	facts
)

// happening is something that happens at a moment.
type happening uint8

// The happenings that are counted, once per pod and time.
const (
	podCreated happening = iota
	podDeleted
	podBound
	podReady      // became Ready for the first time
	podEvicted    // its deletion began because of a taint
	podPreempted  // its deletion began because the scheduler needs its place
	podSentAway   // its deletion began because somebody used the eviction API
	podPressed    // its kubelet failed it, being short of something
	podReplaced   // was created in place of an evicted one
	podMoved      // such a pod was bound
	podRestarted  // a container was restarted
	podOOMKilled  // a container was ended by the kernel, for want of memory
	podLooped     // a container went into CrashLoopBackOff
	podPullFailed // an image could not be pulled
	jobCompleted  // a Job finished, complete
	jobFailed     // a Job finished, failed
	happenings
)

// tally counts the facts that hold now, and what happened so far, for one
// scope: everything, a namespace, a Deployment, a ReplicaSet, a node, a pod.
type tally struct {
	now  [facts]int64
	ever [happenings]int64
}

// marks is a set of facts.
type marks uint16

func (m *marks) set(f fact, is bool) {
	if is {
		*m |= 1 << f
	}
}

func (m marks) has(f fact) bool { return m&(1<<f) != 0 }

// move takes an object that was old and is new now into account.
func (t *tally) move(old, new marks) {
	for changed := old ^ new; changed != 0; changed &= changed - 1 {
		f := fact(bits.TrailingZeros16(uint16(changed)))
		if new.has(f) {
			t.now[f]++
		} else {
			t.now[f]--
		}
	}
}

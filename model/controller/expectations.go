package controller

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// expectationsTimeout is after how long a look acts on what it sees anyway
// (pkg/controller/controller_utils.go ExpectationsTimeout).
const expectationsTimeout = 5 * time.Minute

// expectations is creations and deletions asked for and not seen yet. The view
// is late; without them a look would create the same pods again.
type expectations struct {
	creations  int32
	deletions  int32
	expectedAt sim.Time
}

// satisfied tells whether the view shows everything the controller did, or has
// had long enough to (SatisfiedExpectations).
func (e *expectations) satisfied(now sim.Time) bool {
	return e.creations <= 0 && e.deletions <= 0 || now.Sub(e.expectedAt) > expectationsTimeout
}

// expect replaces what is expected.
func (e *expectations) expect(now sim.Time, creations, deletions int) {
	e.creations, e.deletions, e.expectedAt = int32(creations), int32(deletions), now
}

// forget lowers the expectation of creations that will never be seen.
func (e *expectations) forget(n int32) { e.creations = max(0, e.creations-n) }

// see counts what a change of a pod shows of its controller's own doing.
func (e *expectations) see(row *podRow, old, next *model.Pod) {
	if old == nil && !next.Deleting() {
		e.seeCreation()
	}
	if next == nil || next.Deleting() {
		e.seeDeletionOf(row)
	}
}

// seeDeletionOf counts a deletion that the controller asked for as seen, once. It
// is seen when the pod begins to terminate, not when it is gone.
func (e *expectations) seeDeletionOf(row *podRow) {
	if row.leaving {
		row.leaving = false
		e.deletions = max(0, e.deletions-1)
	}
}

// seeCreation counts one as seen.
func (e *expectations) seeCreation() { e.creations = max(0, e.creations-1) }

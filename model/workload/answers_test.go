package workload

import (
	"testing"
	"time"
)

// Two stations that are asked by turns, as if each changed what the other one gets, are worked out once each.
func TestAStationThatIsAskedTheSameAgainIsNotWorkedOutAgain(t *testing.T) {
	sheet := new(states)
	w := Work{CapacityMilliRPS: 100_000, CPU: 10 * time.Millisecond, Workers: 2, Queue: 60}
	users := crowd{comeback: comeback{3, 200_000, 400_000, million / 2, million, million / 3, 4, 0, 0}, sheet: sheet}
	callers := crowd{many: 100, pods: 2, own: 1_000_000, would: 2 * million, queue: 10, sheet: sheet}
	first, second := w.handle(130_000, sure, users), w.handle(150_000, sure, callers)
	sheet.crowd = crowd{}
	for range 3 {
		if got := w.handle(130_000, sure, users); got != first {
			t.Fatalf("the users fare otherwise when asked again:\n%+v, and\n%+v", got, first)
		}
		if got := w.handle(150_000, sure, callers); got != second {
			t.Fatalf("the callers fare otherwise when asked again:\n%+v, and\n%+v", got, second)
		}
	}
	if sheet.crowd != (crowd{}) {
		t.Errorf("it was worked out again for %+v", sheet.crowd)
	}
	if first.again == 0 || second.takes < 0 {
		t.Errorf("nobody comes back, or all find a place: %+v and %+v", first, second)
	}
}

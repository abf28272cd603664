package runtime

import (
	"testing"
	"time"
)

// A kernel that stands no more than a minute without spare CPU panics after a whole
// minute, however often it was shorter of CPU before that for less.
func TestAKernelPanicsAfterAMinuteWithoutCPUThatIsNotInterrupted(t *testing.T) {
	r := cores(4, 0)
	r.machine.panicAfter = time.Minute
	r.machine.Burn(4000)
	r.run(t, 2*time.Minute)
	if !r.machine.Powered() {
		t.Error("all CPU is used, and no more is wanted")
	}
	for range 3 {
		r.machine.Burn(1000)
		r.run(t, 59*time.Second)
		r.machine.Cool(1000)
		r.run(t, time.Second)
	}
	if !r.machine.Powered() {
		t.Error("it was never short of CPU for a minute")
	}
	r.machine.Burn(1000)
	r.run(t, 59*time.Second)
	if !r.machine.Powered() {
		t.Error("it panics too early")
	}
	r.run(t, time.Second)
	if r.machine.Powered() {
		t.Error("it does not panic")
	}
	stands := cores(4, 0)
	stands.machine.Burn(9000)
	stands.run(t, time.Hour)
	if !stands.machine.Powered() {
		t.Error("a kernel that stands it panics")
	}
}

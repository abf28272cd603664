package kubelet

import (
	"testing"
	"time"

	"orrery/sim"
)

// TestCrashLoopBackOffIs0_10_20_40_80_160_300_300SecondsCountedFromTheFinish:
// k8s.io/kubernetes v1.35 pkg/kubelet/kuberuntime/kuberuntime_manager.go
// doBackOff; pkg/kubelet/kubelet.go MaxCrashLoopBackOff.
func TestCrashLoopBackOffIs0_10_20_40_80_160_300_300SecondsCountedFromTheFinish(t *testing.T) {
	var b backoff
	now := sim.Time(0)
	for i, want := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 300} {
		now = now.Add(time.Second) // it runs and ends
		if got := b.left(now, now); got != want*time.Second {
			t.Errorf("restart %d: %v to wait, want %v", i+1, got, want*time.Second)
		}
		if want > 0 {
			if got := b.left(now, now.Add(4*time.Second)); got != (want-4)*time.Second {
				t.Errorf("restart %d: %v to wait 4 s after the finish", i+1, got)
			}
		}
		finish := now
		now = now.Add(want * time.Second)
		b.next(finish, now, DefaultMostBackoff)
	}
}

// TestCrashLoopBackOffIsResetWhenAnInstanceLivedForMoreThanTenMinutes:
// k8s.io/client-go v0.35 util/flowcontrol/backoff.go hasExpired.
func TestCrashLoopBackOffIsResetWhenAnInstanceLivedForMoreThanTenMinutes(t *testing.T) {
	for _, c := range []struct {
		lived time.Duration
		left  time.Duration
		after time.Duration
	}{
		{10 * time.Minute, 80 * time.Second, 160 * time.Second},
		{10*time.Minute + 1, 0, 10 * time.Second},
	} {
		b := backoff{wait: 80 * time.Second, at: 1000}
		finish := b.at.Add(c.lived)
		if got := b.left(finish, finish); got != c.left {
			t.Errorf("lived %v: %v to wait, want %v", c.lived, got, c.left)
		}
		b.next(finish, finish.Add(c.left), DefaultMostBackoff)
		if b.wait != c.after {
			t.Errorf("lived %v: the next wait is %v, want %v", c.lived, b.wait, c.after)
		}
	}
}

// TestMaxContainerRestartPeriodIsTheLongestWaitAndTheFirstIfThatIsLonger: v1.35
// pkg/kubelet/kubelet.go newCrashLoopBackOff (KubeletCrashLoopBackOffMax).
func TestMaxContainerRestartPeriodIsTheLongestWaitAndTheFirstIfThatIsLonger(t *testing.T) {
	for most, waits := range map[time.Duration][]time.Duration{
		30 * time.Second: {10, 20, 30, 30},
		3 * time.Second:  {3, 3, 3},
	} {
		var b backoff
		for i, want := range waits {
			if b.next(b.at, b.at.Add(b.wait+1), most); b.wait != want*time.Second {
				t.Errorf("of at most %v, wait %d is %v, want %v", most, i+1, b.wait, want*time.Second)
			}
		}
	}
}

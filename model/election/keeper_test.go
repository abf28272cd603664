package election

import (
	"testing"
	"time"

	"orrery/sim"
)

// Source: v1.35 pkg/kubelet/kubelet_pods.go HandlePodCleanups, k8s.io/client-go v0.35
// util/flowcontrol/backoff.go GC: a back-off is forgotten 600 s after it was raised, also while
// it is waited for. The first restart does not wait.
func TestAKeeperWaitsAsAKubeletDoes(t *testing.T) {
	for _, c := range []struct {
		lives time.Duration
		waits []time.Duration
	}{
		{time.Second, []time.Duration{0, 10, 20, 40, 80, 160, 300, 300}},
		{7 * time.Minute, []time.Duration{0, 10, 20, 40, 80, 160, 180, 10, 20}},
		{11 * time.Minute, []time.Duration{0, 0, 0}},
	} {
		k := keeper{candidate: &Candidate{kernel: sim.New(sim.Config{}), held: true}}
		for i, want := range c.waits {
			end := k.raisedAt.Add(c.lives)
			k.Exited(end, 1)
			if got := k.raisedAt.Sub(end); got != want*time.Second {
				t.Errorf("lives %v: restart %d comes after %v, want %v", c.lives, i+1, got, want*time.Second)
			}
		}
	}
}

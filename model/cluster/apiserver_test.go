package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model/fault"
)

func crash(lasts time.Duration, servers ...int) fault.Spec {
	f := fault.Spec{ID: "crash", Fault: "apiserver-crash", At: lossAt, For: lasts}
	for _, i := range servers {
		f.Members = append(f.Members, fmt.Sprint("cp-", i))
	}
	return f
}

// Source: spec k8s-control-plane 6.3: with one API server of several gone, clients
// reconnect through the balancer, and nobody misses their heartbeats. The scheduler
// and the controllers of its machine, which is the first, stand still.
func TestTheLossOfOneAPIServerOfThreeIsNoticedByNoNode(t *testing.T) {
	for server := range 3 {
		c := replicated(1, crash(10*time.Minute, server))
		at, ready := notedAt(t, c, "NodeNotReady")
		if len(at) != 0 {
			t.Errorf("without server %d nodes were not ready at %v", server, at)
		}
		if n := ready(lossAt.Add(9 * time.Minute)); n != 40 && server != 0 {
			t.Errorf("without server %d: %d of 40 pods", server, n)
		}
		if n := ready(lossAt.Add(13 * time.Minute)); n != 40 {
			t.Errorf("without server %d: %d of 40 pods after it returned", server, n)
		}
	}
}

// Source: spec k8s-control-plane 6.3: with the whole control plane down pods run
// on; afterwards nodes get a new grace period.
func TestWithoutAnyAPIServerNothingChangesAndNothingIsEvictedAfterwards(t *testing.T) {
	c := replicated(1, crash(10*time.Minute))
	failed, ready := notedAt(t, c, "ActionFailed")
	if len(failed) != 1 {
		t.Errorf("kubectl failed at %v", failed)
	}
	if n := ready(lossAt.Add(9 * time.Minute)); n != 12 {
		t.Errorf("%d pods without a server, want the 12 there were", n)
	}
	for seed := range uint64(5) {
		c := replicated(seed+1, crash(10*time.Minute))
		if s := tell(t, c); len(s.deleting) != 0 {
			t.Errorf("seed %d: %d pods evicted", seed, len(s.deleting))
		}
	}
}

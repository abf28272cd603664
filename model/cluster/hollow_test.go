package cluster_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/fault"
	"orrery/model/runtime"
	"orrery/model/store"
	"orrery/sim"
)

// hollow makes all nodes of a cluster hollow, with pods that start in 2 s and
// stop in 1 s.
func hollow(c cluster.Config) cluster.Config {
	c.Hollow = map[string]bool{}
	for _, n := range c.Nodes {
		c.Hollow[n.Name] = true
	}
	c.Behaviors = runtime.Behaviors{{Startup: sim.Constant(2 * time.Second), Stop: sim.Constant(time.Second)}}
	return c
}

func TestPodsOfAHollowNodeAreReadyAStartupAfterTheirBindingAndGoneAStopAfterTheirDeletion(t *testing.T) {
	c := hollow(shop(1, 6, 12, fault.Spec{ID: "stop", Fault: "kubelet-stop", At: lossAt, For: 7 * time.Minute, Target: fault.Target{Names: []string{"n-1"}}}))
	x := built(t, c)
	if err := x.Run(sim.Time(c.Duration)); err != nil {
		t.Fatal(err)
	}
	back := lossAt.Add(7 * time.Minute)
	bound, started, ended := map[uint32]sim.Time{}, 0, 0
	for i := range x.Store.History().Len() {
		r := x.Store.History().At(i)
		old, ok := r.Old.(*model.Pod)
		if !ok || r.Verb == store.Noted {
			continue
		}
		now, _ := r.New.(*model.Pod)
		switch {
		case now == nil:
			ended++
			if late := r.At.Sub(back); late < time.Second || late > 1100*time.Millisecond {
				t.Errorf("%s ended %v after its kubelet was back", old.Name, late)
			}
		case old.NodeID == 0 && now.NodeID != 0:
			bound[now.ID] = r.At
		case !old.IsReady() && now.IsReady() && bound[now.ID] > 0:
			started++
			if late := r.At.Sub(bound[now.ID]); late < 2*time.Second || late > 2100*time.Millisecond {
				t.Errorf("%s was ready %v after its binding", now.Name, late)
			}
		}
	}
	if started != 14 || ended != 2 {
		t.Errorf("%d pods started and %d ended, want 12 and two replacements, and the two of n-1", started, ended)
	}
}

func TestAHollowNodeWithoutPowerServesNothingUntilItIsBack(t *testing.T) {
	f := powerLoss("n-1")
	f.For = 30 * time.Second
	s := tell(t, hollow(shop(1, 6, 12, f)))
	lost, last := false, model.Traffic{}
	for i, at := range s.servedAt {
		lost = lost || at >= lossAt && at < lossAt.Add(f.For) && s.served[i].ServedMilliRPS < s.served[i].OfferedMilliRPS
		last = s.served[i]
	}
	if !lost || last.ServedMilliRPS != last.OfferedMilliRPS {
		t.Errorf("lost some: %v, at the end served %d of %d", lost, last.ServedMilliRPS, last.OfferedMilliRPS)
	}
	if len(s.unknown) != 0 || len(s.deleting) != 0 {
		t.Errorf("%d nodes Unknown and %d pods deleted, though the node was back within the grace", len(s.unknown), len(s.deleting))
	}
}

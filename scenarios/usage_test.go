package scenarios_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/report"
	"orrery/sim"
)

// used is what the pods of a namespace use on each node, in milli-CPU.
func used(x *cluster.Cluster, namespace string) map[string]int64 {
	sums := map[string]int64{}
	for i := range x.Store.History().Len() {
		p, _ := x.Store.History().At(i).New.(*model.Pod)
		if p == nil || p.Namespace != namespace || x.Store.Get(p.Ref()) != p {
			continue
		}
		if s, ok := x.Usage(p, ""); ok {
			sums[p.NodeName] += s.CPUMilli
		}
	}
	return sums
}

// Pods that want more CPU than their machine has get all of it, and no more.
func TestPodsThatWantMoreThanTheirMachineHasUseAllOfIt(t *testing.T) {
	x := begun(t, builtIn(t, "noisy-neighbor-broken"))
	for _, c := range []struct {
		at          time.Duration
		least, most int64
	}{
		{4 * time.Minute, 850, 850}, // the shop alone
		{12 * time.Minute, 3900, 4000},
	} {
		runUntil(t, x, sim.Time(c.at))
		sums := used(x, "default")
		if len(sums) != 2 {
			t.Errorf("at %v pods use CPU on %d nodes, want 2", c.at, len(sums))
		}
		for node, sum := range sums {
			if sum < c.least || sum > c.most {
				t.Errorf("at %v pods on %s use %dm, want %dm to %dm", c.at, node, sum, c.least, c.most)
			}
		}
	}
}

// Who asks what pods use changes nothing.
func TestAskingWhatPodsUseChangesNothing(t *testing.T) {
	for _, name := range []string{"noisy-neighbor-broken", "memory-leak-broken", "hpa"} {
		s := builtIn(t, name)
		asked := begun(t, s)
		for at := time.Duration(0); at < s.Config.Duration; at += 61 * time.Second {
			runUntil(t, asked, sim.Time(at))
			used(asked, "default")
		}
		runUntil(t, asked, sim.Time(s.Config.Duration))
		if d, differs := report.FirstDifference(runOf(t, s).Store.History(), asked.Store.History()); differs {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

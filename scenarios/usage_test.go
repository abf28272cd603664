package scenarios_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios"
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
	s, err := scenarios.Open("noisy-neighbor-broken", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := cluster.New(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at          time.Duration
		least, most int64
	}{
		{4 * time.Minute, 850, 850}, // the shop alone
		{12 * time.Minute, 3900, 4000},
	} {
		if err := x.Run(sim.Time(c.at)); err != nil {
			t.Fatal(err)
		}
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
		s, err := scenarios.Open(name, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := cluster.New(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := cluster.New(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Duration(0); at < s.Config.Duration; at += 61 * time.Second {
			if err := asked.Run(sim.Time(at)); err != nil {
				t.Fatal(err)
			}
			used(asked, "default")
		}
		for _, x := range []*cluster.Cluster{plain, asked} {
			if err := x.Run(sim.Time(s.Config.Duration)); err != nil {
				t.Fatal(err)
			}
		}
		if d, differs := report.FirstDifference(plain.Store.History(), asked.Store.History()); differs {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

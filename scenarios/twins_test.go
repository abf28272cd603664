package scenarios_test

import (
	"path/filepath"
	"testing"

	"orrery/model/cluster"
	"orrery/report"
	"orrery/scenarios"
	"orrery/sim"
)

// Scenarios in which the two once differed, each as small as it could be made.
func TestEveryTickAsAnEventMakesTheSameHistoryOf(t *testing.T) {
	for _, name := range []string{
		"autoscaler-after-leader-loss", // looks were left out though metrics were settling
		"autoscaler-after-reboot",      // metrics came back with the machine, and nobody was told
		"autoscaler-packs-again",       // a look that was left out would have put pods elsewhere, on paper
		"taints-seen-late",             // passes that ask again were left out
	} {
		t.Run(name, func(t *testing.T) {
			run := func(literal bool) *cluster.Cluster {
				s, err := scenarios.Load(filepath.Join("testdata", "twins", name+".yaml"), scenarios.Options{})
				if err != nil {
					t.Fatal(err)
				}
				s.Config.Literal = literal
				x, err := cluster.New(s.Config)
				if err != nil {
					t.Fatal(err)
				}
				if err := x.Run(sim.Time(s.Config.Duration)); err != nil {
					t.Fatal(err)
				}
				return x
			}
			fast, slow := run(false), run(true)
			if d, differ := report.FirstDifference(fast.Store.History(), slow.Store.History()); differ {
				t.Errorf("record %d at %v differs:\n%s\n%s\nafter\n%v", d.Index, d.At, d.A, d.B, d.Before)
			}
			if fast.Kernel.Events() >= slow.Kernel.Events() {
				t.Errorf("%d events, with every tick %d", fast.Kernel.Events(), slow.Kernel.Events())
			}
		})
	}
}

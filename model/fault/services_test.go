package fault_test

import (
	"testing"
	"time"

	"orrery/model/fault"
	"orrery/sim"
)

func TestFaultsOfServicesAndConnectionsNestAndHeal(t *testing.T) {
	w := newWorld(nodes(2, "n")...)
	one := fault.Target{Names: []string{"n-0"}}
	at := func(minutes int, kind string, of time.Duration, ppm int64) fault.Spec {
		return fault.Spec{ID: kind, Fault: kind, At: sim.Time(time.Duration(minutes) * time.Minute), For: of, RatePPM: ppm, Target: one}
	}
	got := w.play(t,
		at(1, "proxy-stop", 3*time.Minute, 0), at(2, "proxy-stop", 4*time.Minute, 0),
		at(1, "lb-health-fail", time.Minute, 0),
		at(1, "network-bandwidth", 3*time.Minute, 500_000), at(2, "network-bandwidth", time.Minute, 100_000),
		fault.Spec{ID: "a", Fault: "conntrack-full", At: sim.Time(7 * time.Minute), For: 3 * time.Minute, FillPPM: 500_000, Target: one},
		fault.Spec{ID: "b", Fault: "conntrack-full", At: sim.Time(8 * time.Minute), For: time.Minute, FillPPM: 950_000, Target: one},
	)
	want := `1m0s n-0 link 500000
1m0s requests of n-0 have 500000
1m0s probes of node 1 fail=true
1m0s kube-proxy of n-0 stop
2m0s n-0 link 100000
2m0s requests of n-0 have 100000
2m0s probes of node 1 fail=false
3m0s n-0 link 500000
3m0s requests of n-0 have 500000
4m0s n-0 link 1000000
4m0s requests of n-0 have 1000000
6m0s kube-proxy of n-0 start
7m0s table of n-0 filled by 500000
8m0s table of n-0 filled by 950000
9m0s table of n-0 filled by 500000
10m0s table of n-0 filled by 0`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

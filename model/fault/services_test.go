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
	)
	want := `1m0s n-0 link 500000
1m0s probes of node 1 fail=true
1m0s kube-proxy of n-0 stop
2m0s n-0 link 100000
2m0s probes of node 1 fail=false
3m0s n-0 link 500000
4m0s n-0 link 1000000
6m0s kube-proxy of n-0 start`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

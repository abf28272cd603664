package fault_test

import (
	"testing"
	"time"

	"orrery/model/fault"
	"orrery/model/network"
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

// kube-proxy answers a load balancer's health checks at its machine's own address, which is
// reached without the routes of pods, but not over an interface that is down, nor from an
// internet that is cut off.
func TestHealthChecksOfANodeNeedItsInterfaceAndNoRoutesOfPods(t *testing.T) {
	for name, arrive := range map[string]bool{"cni-routes-lost": true, "interface-down": false, "partition": false} {
		w := newWorld(nodes(2, "n")...)
		w.sites[0] = w.net.AddSite("outside", "")
		w.checks = []network.Site{w.net.AddSite("health checks", "")}
		s := spec("f", name, 10, 20, only("n-0"))
		s.Peer.Outside = name == "partition"
		fault.New(w.Kernel, w, []fault.Spec{s}).Start()
		for _, x := range []struct {
			s    int
			want bool
		}{{15, arrive}, {20, true}} {
			if err := w.Run(at(x.s)); err != nil {
				t.Fatal(err)
			}
			if got := w.net.Connected(w.checks[0], w.sites[1]); got != x.want || w.net.Connected(w.sites[0], w.sites[1]) != (x.s == 20) {
				t.Errorf("%s at %d s: checks arrive %v", name, x.s, got)
			}
		}
	}
}

package store_test

import (
	"slices"
	"testing"
	"time"

	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// TestHeartbeatsAsAClosedFormAreTheTicks compares the closed form of the
// renewals with the literal mode, in which each is an event, through random
// stops, cuts, losses, delays and restarts.
func TestHeartbeatsAsAClosedFormAreTheTicks(t *testing.T) {
	for seed := range uint64(40) {
		fast, slow := heartbeats(t, seed, false), heartbeats(t, seed, true)
		for i := range fast {
			if fast[i] != slow[i] {
				t.Fatalf("seed %d: at %v the closed form saw %v, the ticks %v",
					seed, sim.Time(i)*sim.Time(700*time.Millisecond), fast[i], slow[i])
			}
		}
	}
}

// heartbeats is what SeenAt says of one node every 700 ms.
func heartbeats(t *testing.T, seed uint64, literal bool) []sim.Time {
	r := newRig(seed)
	l := r.store.Leases()
	if literal {
		l.Literal()
	}
	site := r.net.AddSite("n-0", "")
	l.Add(1, "n-0", r.store.NewClient(store.ClientConfig{Name: "n-0", Site: site}))
	l.Start(1, -time.Duration(seed)*100*time.Millisecond)
	luck := r.Luck().Stream("test/heartbeats")
	there, back := []network.Site{site}, []network.Site{r.control}
	running, cut, bad := true, network.Handle(-1), network.Handle(-1)
	var seen []sim.Time
	for range 400 {
		run(t, r, 700*time.Millisecond)
		seen = append(seen, l.SeenAt(1, r.Now()))
		switch luck.Below(60) {
		case 0:
			if running {
				l.Stop(1)
			} else {
				l.Start(1, 0)
			}
			running = !running
		case 1:
			if cut >= 0 {
				r.net.Lift(cut)
				cut = -1
			} else {
				cut = r.net.Impair(network.Impairment{From: there, To: back, Cut: true})
			}
		case 2, 3:
			if bad >= 0 {
				r.net.Lift(bad)
			}
			bad = r.net.Impair(network.Impairment{
				From: there, To: back, Both: luck.Chance(500_000), LossPPM: luck.Below(1_000_000),
				Delay: sim.Uniform(0, luck.Duration(1, 8*time.Second)), CorrelationPPM: 300_000 * luck.Below(3),
			})
		}
	}
	return seen
}

// Source: pkg/kubelet/kubelet.go, lease renew interval 0.25 of 40 s; jitter
// 0.04 in k8s.io/component-helpers/apimachinery/lease/controller.go.
func TestALeaseIsRenewedEveryTenSecondsAndABit(t *testing.T) {
	r := newRig(1)
	site := r.net.AddSite("n-0", "")
	l := r.store.Leases()
	l.Add(1, "n-0", r.store.NewClient(store.ClientConfig{Name: "n-0", Site: site}))
	l.Start(1, 0)
	var seen []sim.Time
	for range 10_000 {
		run(t, r, 10*time.Millisecond)
		if at := l.SeenAt(1, r.Now()); at >= 0 && (len(seen) == 0 || at != seen[len(seen)-1]) {
			seen = append(seen, at)
		}
	}
	for i := 1; i < len(seen); i++ {
		if gap := seen[i].Sub(seen[i-1]); gap < 9900*time.Millisecond || gap > 10500*time.Millisecond {
			t.Errorf("gap %v", gap)
		}
	}
	if n := len(seen); n < 9 || n > 11 {
		t.Errorf("%d renewals in 100 s", n)
	}
}

// renewals is how many renewals of a node are seen in an hour while its way to the API
// server is bad, whether its heart is said to beat then, and how many events that was.
func renewals(t *testing.T, bad network.Impairment) (n int, beats bool, events uint64) {
	r := newRig(1)
	site := r.net.AddSite("n-0", "")
	l := r.store.Leases()
	l.Add(1, "n-0", r.store.NewClient(store.ClientConfig{Name: "n-0", Site: site}))
	l.Start(1, 0)
	run(t, r, time.Minute)
	bad.From, bad.To = []network.Site{site}, []network.Site{r.control}
	h := r.net.Impair(bad)
	run(t, r, 10*time.Second) // nothing of before is under way
	last, began := l.SeenAt(1, r.Now()), r.Events()
	for range 3600 {
		run(t, r, time.Second)
		if at := l.SeenAt(1, r.Now()); at != last {
			last = at
			n++
		}
	}
	beats, events = l.Beating(1), r.Events()-began
	r.net.Lift(h)
	run(t, r, 11*time.Second)
	if at := l.SeenAt(1, r.Now()); r.Now().Sub(at) > 11*time.Second {
		t.Errorf("%+v: 11 s after it the newest renewal is of %v ago", bad, r.Now().Sub(at))
	}
	return n, beats, events
}

// Source: cmd/kubelet/app/server.go buildKubeletClientConfig, heartbeatClientConfig.Timeout:
// a renewal has 10 s; TCP sends what is lost again after 200 ms, 400 ms and so on (RFC 6298).
func TestARenewalOverABadWayIsLateOrFailsAfterTenSeconds(t *testing.T) {
	const all = 353 // every 10 to 10.4 s
	for _, c := range []struct {
		bad         network.Impairment
		least, most int
	}{
		{network.Impairment{LossPPM: 100_000, Both: true}, all - 10, all + 8},
		{network.Impairment{LossPPM: 500_000, Both: true}, all * 90 / 100, all * 99 / 100},
		{network.Impairment{LossPPM: 900_000}, all * 37 / 100, all * 57 / 100}, // 1 - 0.9^6 = 47 %
		{network.Impairment{LossPPM: 1_000_000}, 0, 0},
		{network.Impairment{LossPPM: 1_000_000, Both: true}, 0, 0},
		{network.Impairment{Delay: sim.Constant(4 * time.Second), Both: true}, all - 10, all + 8},
		{network.Impairment{Delay: sim.Constant(9 * time.Second)}, all - 10, all + 8},
		{network.Impairment{Delay: sim.Constant(6 * time.Second), Both: true}, 0, 0},
		{network.Impairment{Delay: sim.Constant(10 * time.Minute), Both: true}, 0, 0},
		{network.Impairment{Delay: sim.Uniform(5*time.Second, 15*time.Second)}, all * 40 / 100, all * 60 / 100},
	} {
		n, beats, events := renewals(t, c.bad)
		if n < c.least || n > c.most {
			t.Errorf("%+v: %d renewals in an hour, want %d to %d", c.bad, n, c.least, c.most)
		}
		if beats != (c.most > 0) {
			t.Errorf("%+v: beats: %v", c.bad, beats)
		}
		if events > 0 {
			t.Errorf("%+v: %d events in an hour in which nothing happened", c.bad, events)
		}
	}
}

// outage is a kubelet over the loss of its API server's machine, one of three: the
// moments at which somebody saw another renewal, looked for every 100 ms, and when the
// kubelet's clients and watch were back.
func outage(t *testing.T, seed uint64, literal bool) (seen []sim.Time, moved, watched time.Duration) {
	r, _, node := replicas(seed)
	l := r.store.Leases()
	if literal {
		l.Literal()
	}
	kubelet, status := r.seer("kubelet", node), r.seer("status", node)
	pods := kubelet.client.WatchPodsOn(1)
	kubelet.watches[pods.ID] = pods
	pods.Start()
	l.Add(1, "n-0", kubelet.client, status.client)
	l.Start(1, 0)
	luck := r.Luck().Stream("test/outage")
	run(t, r, luck.Duration(20*time.Second, 40*time.Second))
	lost, first := r.Now(), kubelet.client.Server
	r.net.SetPower(first, false)
	for range 1000 {
		if at := l.SeenAt(1, r.Now()); len(seen) == 0 || at != seen[len(seen)-1] {
			seen = append(seen, at)
		}
		run(t, r, 100*time.Millisecond)
		if moved == 0 && kubelet.client.Server != first && status.client.Server != first {
			moved = r.Now().Sub(lost)
		}
		if watched == 0 && moved > 0 && pods.Drained() {
			watched = r.Now().Sub(lost)
		}
	}
	return seen, moved, watched
}

// Source: k8s.io/component-helpers/apimachinery/lease/controller.go retryUpdateLease:
// after the second failure in a row onRepeatedHeartbeatFailure is called;
// cmd/kubelet/app/server.go buildKubeletClientConfig: it closes all connections, and an
// attempt times out after nodeStatusUpdateFrequency, 10 s.
func TestAKubeletClosesASilentConnectionWhenTwoRenewalsHaveFailed(t *testing.T) {
	for seed := range uint64(20) {
		seen, moved, watched := outage(t, seed, false)
		if moved < 20*time.Second || moved > 30500*time.Millisecond {
			t.Errorf("seed %d: it moved after %v", seed, moved)
		}
		if watched < moved || watched > moved+3*time.Second {
			t.Errorf("seed %d: it moved after %v and watched after %v", seed, moved, watched)
		}
		for i := 1; i < len(seen); i++ {
			if gap := seen[i].Sub(seen[i-1]); gap > 31*time.Second || i > 1 && gap > 11*time.Second {
				t.Errorf("seed %d: %v between renewals", seed, gap)
			}
		}
		if slow, _, _ := outage(t, seed, true); !slices.Equal(seen, slow) {
			t.Errorf("seed %d: the closed form saw renewals at %v, the ticks at %v", seed, seen, slow)
		}
	}
}

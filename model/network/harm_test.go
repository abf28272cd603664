package network_test

import (
	"testing"
	"time"

	"orrery/model/network"
	"orrery/sim"
)

// The slow twin sends messages.
func TestHarmIsWhatMessagesMeet(t *testing.T) {
	for _, c := range []network.Impairment{
		{Delay: sim.Constant(30 * time.Millisecond)},
		{Delay: sim.Uniform(0, 100*time.Millisecond)},
		{LossPPM: 50_000},
		{LossPPM: 500_000, Delay: sim.Uniform(10*time.Millisecond, 20*time.Millisecond)},
		{LossPPM: 800_000},
	} {
		k := sim.New(sim.Config{Seed: 1})
		n := network.New(k, network.DefaultProfile())
		a, b := n.AddSite("a", ""), n.AddSite("b", "")
		c.From, c.To = []network.Site{a}, []network.Site{b}
		n.Impair(c)
		const messages = 200_000
		var sum, squares, lost float64
		for i := range uint64(messages) {
			d, ok := n.Delay(a, b, 1, i)
			if !ok {
				lost++
				continue
			}
			more := float64((d - n.UnimpairedDelay(a, b, 1, i)).Microseconds())
			sum += more
			squares += more * more
		}
		arrived := messages - lost
		mean := sum / arrived
		variance := squares/arrived - mean*mean
		h := moments(n.Harms(nil, a, b, false))
		if off := float64(h.Mean) - mean; off > 0.03*mean+1000 || off < -0.03*mean-1000 {
			t.Errorf("%+v: mean %d, messages take %.0f", c, h.Mean, mean)
		}
		if off := float64(h.Variance) - variance; off > 0.06*variance+1e6 || off < -0.06*variance-1e6 {
			t.Errorf("%+v: variance %d, of messages %.0f", c, h.Variance, variance)
		}
		if off := float64(h.LostPPM) - lost/messages*1e6; off > 3000 || off < -3000 {
			t.Errorf("%+v: %d of a million lost, of messages %.0f", c, h.LostPPM, lost/messages*1e6)
		}
		if back := n.Harms(nil, b, a, false); len(back) > 0 {
			t.Errorf("%+v: the way back: %+v", c, back)
		}
		if udp := n.Harms(nil, a, b, true)[0]; udp.LostPPM != int64(c.LossPPM) {
			t.Errorf("%+v: of UDP %d of a million are lost", c, udp.LostPPM)
		}
	}
}

// moments is what one impairment adds in all.
func moments(all []network.Harm) network.Harm {
	h := all[0]
	var mean, square int64
	for n, many := range h.Resent {
		us := h.Waited(n).Microseconds()
		mean += many * us / 1_000_000
		square += many * (us / 1000 * us / 1000)
	}
	h.Mean += mean
	h.Variance += square - mean*mean
	return h
}

// The slow twin sends a SYN and its answer, and again when either is lost. Source: Linux
// Documentation/networking/ip-sysctl.rst tcp_syn_linear_timeouts: with 4, after 1, 1, 1, 1, 1, 2, 4 s
// and so on; tcp_syn_retries: with 6, the last one after 67 s.
func TestALostSYNCostsASecondFiveTimesAndThenTwiceAsLongEachTime(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	n := network.New(k, network.DefaultProfile())
	a, b := n.AddSite("a", ""), n.AddSite("b", "")
	if all := n.Opening(nil, a, b, 0); len(all) > 0 {
		t.Errorf("of a network that is well: %+v", all)
	}
	one, other := []network.Site{a}, []network.Site{b}
	n.Impair(network.Impairment{From: one, To: other, LossPPM: 100_000, Delay: sim.Constant(20 * time.Millisecond)})
	n.Impair(network.Impairment{From: one, To: other, Both: true, LossPPM: 200_000})
	n.Impair(network.Impairment{From: other, To: one, Delay: sim.Uniform(0, 60*time.Millisecond)})
	all := n.Opening(nil, a, b, 0)
	h := all[0]
	if len(all) != 1 || h.Mean < 49_000 || h.Mean > 51_000 {
		t.Errorf("%+v, want one that takes 50 ms on the average", all)
	}
	const connections = 200_000
	waits := []time.Duration{0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67}
	var again [12]int64
	luck := k.Luck().Stream("test/syn")
	for range connections {
		times := 0
		for times < 11 && (luck.Chance(100_000) || luck.Chance(200_000) || luck.Chance(200_000)) {
			times++
		}
		again[times]++
	}
	for i, want := range again[:11] {
		got := h.Resent[i] * (connections - again[11]) / 1_000_000
		if off := got - want; off > 900 || off < -900 {
			t.Errorf("sent again %d times: %d of %d connections, one by one %d", i, got, connections, want)
		}
		if took := h.Waited(i); took != waits[i]*time.Second {
			t.Errorf("sent again %d times: after %v", i, took)
		}
	}
	if lost := h.LostPPM * connections / 1_000_000; lost < again[11]-150 || lost > again[11]+150 {
		t.Errorf("%d connections fail, one by one %d", lost, again[11])
	}
	for patience, tries := range map[time.Duration]int{time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, 3 * time.Second: 3, 7001 * time.Millisecond: 7} {
		h, open := n.Opening(nil, a, b, patience)[0], int64(0)
		for i, many := range h.Resent {
			if open += many; many > 0 != (i < tries) {
				t.Errorf("who waits %v: %d of a million are sent again %d times", patience, many, i)
			}
		}
		want := int64(0)
		for _, many := range again[tries:] {
			want += many
		}
		if lost := h.LostPPM * connections / 1_000_000; lost < want-900 || lost > want+900 || open < 999_990 {
			t.Errorf("who waits %v: %d connections fail, one by one %d; %d of a million of the others open", patience, lost, want, open)
		}
	}
	if all := n.Opening(nil, a, a, 0); len(all) > 0 {
		t.Errorf("of a machine with itself: %+v", all)
	}
}

// An impairment concerns a message once, however its two sides overlap.
func TestAnImpairmentBetweenOverlappingSidesCountsOncePerMessage(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	n := network.New(k, network.DefaultProfile())
	var s []network.Site
	for _, name := range []string{"a", "b", "c"} {
		s = append(s, n.AddSite(name, ""))
	}
	const more = 100 * time.Millisecond
	for _, c := range []struct {
		from, to []network.Site
		both     bool
		slow     string // ways that are
	}{
		{s, s, true, "ab ac ba bc ca cb "},
		{s, s, false, "ab ac ba bc ca cb "},
		{s[:2], s[1:], true, "ab ac ba bc ca cb "},
		{s[:2], s[1:], false, "ab ac bc "},
		{s[:1], s[1:2], true, "ab ba "},
		{s[:1], s[1:2], false, "ab "},
	} {
		h := n.Impair(network.Impairment{From: c.from, To: c.to, Both: c.both, Delay: sim.Constant(more)})
		slow := ""
		for _, a := range s {
			for _, b := range s {
				d, _ := n.Delay(a, b, 1, 1)
				switch late := d - n.UnimpairedDelay(a, b, 1, 1); late {
				case 0:
				case more:
					slow += n.Name(a) + n.Name(b) + " "
				default:
					t.Errorf("from %v to %v: a message takes %v more", c.from, c.to, late)
				}
			}
		}
		if slow != c.slow {
			t.Errorf("from %v to %v, both ways %v: slow are %s, want %s", c.from, c.to, c.both, slow, c.slow)
		}
		n.Lift(h)
	}
}

// A way on which everything is lost is cut: nobody finds out otherwise.
func TestLossOfAllMessagesIsACut(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	n := network.New(k, network.DefaultProfile())
	a, b := n.AddSite("a", ""), n.AddSite("b", "")
	for _, x := range []struct {
		ppm  uint64
		lost bool
	}{{999_999, false}, {1_000_000, true}} {
		h := n.Impair(network.Impairment{From: []network.Site{a}, To: []network.Site{b}, LossPPM: x.ppm})
		if n.Reaches(a, b) == x.lost || n.Connected(b, a) == x.lost || !n.Reaches(b, a) {
			t.Errorf("%d of a million: a reaches b: %v, b reaches a: %v", x.ppm, n.Reaches(a, b), n.Reaches(b, a))
		}
		n.Lift(h)
	}
}

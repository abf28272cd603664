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
		us := network.Waited(n).Microseconds()
		mean += many * us / 1_000_000
		square += many * (us / 1000 * us / 1000)
	}
	h.Mean += mean
	h.Variance += square - mean*mean
	return h
}

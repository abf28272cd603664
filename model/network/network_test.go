package network_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model/network"
	"orrery/sim"
)

func build(sites int) (*sim.Kernel, *network.Network, []network.Site) {
	k := sim.New(sim.Config{Seed: 1})
	n := network.New(k, network.DefaultProfile())
	var s []network.Site
	for i := range sites {
		s = append(s, n.AddSite(fmt.Sprint("n-", i), string(rune('a'+i%3))))
	}
	return k, n, s
}

func TestACutIsOfOneDirection(t *testing.T) {
	_, n, s := build(3)
	h := n.Impair(network.Impairment{From: s[:1], To: s[1:2], Cut: true})
	for _, c := range []struct {
		from, to int
		want     bool
	}{{0, 1, false}, {1, 0, true}, {0, 2, true}, {2, 1, true}} {
		if got := n.Reaches(s[c.from], s[c.to]); got != c.want {
			t.Errorf("%d reaches %d: %v", c.from, c.to, got)
		}
	}
	if n.Connected(s[0], s[1]) || n.Connected(s[1], s[0]) {
		t.Error("a connection needs both directions")
	}
	n.Lift(h)
	n.Lift(h)
	if !n.Connected(s[0], s[1]) {
		t.Error("lifted, and still cut")
	}
}

func TestWithoutPowerNothingArrives(t *testing.T) {
	_, n, s := build(2)
	n.SetPower(s[0], false)
	n.SetPower(s[0], false)
	if n.Reaches(s[0], s[1]) || n.Reaches(s[1], s[0]) || n.Reaches(s[0], s[0]) {
		t.Error("a site without power was reached")
	}
	if _, ok := n.Delay(s[1], s[0], 1, 1); ok {
		t.Error("a message arrived at a site without power")
	}
	n.SetPower(s[0], true)
	if !n.Connected(s[0], s[1]) {
		t.Error("power is back, and nothing arrives")
	}
}

func TestAMessagesLuckIsItsOwn(t *testing.T) {
	_, a, sa := build(4)
	_, b, sb := build(4)
	b.Delay(sb[0], sb[1], 77, 1) // other traffic changes nothing
	b.Impair(network.Impairment{From: sb[2:3], To: sb[3:], Cut: true})
	for i := range uint64(100) {
		x, _ := a.Delay(sa[0], sa[1], 5, i)
		y, _ := b.Delay(sb[0], sb[1], 5, i)
		if x != y {
			t.Fatalf("message %d: %v and %v", i, x, y)
		}
	}
}

func TestDistanceAndLossCostTime(t *testing.T) {
	_, n, s := build(6)
	mean := func(from, to int) (d time.Duration) {
		for i := range uint64(1000) {
			x, ok := n.Delay(s[from], s[to], uint64(from), i)
			if !ok {
				continue
			}
			d += x / 1000
		}
		return d
	}
	self, zone, far := mean(0, 0), mean(0, 3), mean(0, 1)
	if self >= zone || zone >= far {
		t.Errorf("within a site %v, a zone %v, between zones %v", self, zone, far)
	}
	n.Impair(network.Impairment{From: s[:1], To: s[3:4], LossPPM: 100_000, Delay: sim.Constant(time.Second)})
	if got, least := mean(0, 3), zone+time.Second+15*time.Millisecond; got < least {
		t.Errorf("with one second more and a tenth lost: %v, want at least %v", got, least)
	}
}

// hearing counts what a listener is told.
type hearing struct{ n int }

func (h *hearing) LinksChanged(sim.Time) { h.n++ }

func TestListenersHearOfEveryChange(t *testing.T) {
	_, n, s := build(2)
	var h hearing
	n.Listen(&h)
	c := n.Impair(network.Impairment{From: s, To: s, LossPPM: 1})
	n.Lift(c)
	n.SetPower(s[0], false)
	n.SetPower(s[0], true)
	if h.n != 4 {
		t.Errorf("heard %d changes of 4", h.n)
	}
}

// Source: tc-netem(8): a delay's correlation is that of neighbouring messages. How messages
// fare on the whole does not depend on it, nor does one on who asks first.
func TestNeighbouringMessagesFareAlikeAsOftenAsTheCorrelationSays(t *testing.T) {
	for _, ppm := range []uint64{0, 250_000, 900_000} {
		_, n, s := build(2)
		n.Impair(network.Impairment{From: s[:1], To: s[1:], Delay: sim.Uniform(0, time.Second), LossPPM: 100_000, CorrelationPPM: ppm})
		const messages = 100_000
		extra := func(nth uint64) float64 {
			d, _ := n.Delay(s[0], s[1], 7, nth)
			return (d - n.UnimpairedDelay(s[0], s[1], 7, nth)).Seconds()
		}
		last := extra(messages - 1)
		var all []float64
		var sum, squares, products float64
		for i := range uint64(messages) {
			x := extra(i)
			sum, squares = sum+x, squares+x*x
			if i > 0 {
				products += x * all[i-1]
			}
			all = append(all, x)
		}
		if all[messages-1] != last {
			t.Errorf("%d: the last message took %v, asked first %v", ppm, all[messages-1], last)
		}
		mean := sum / messages
		variance := squares/messages - mean*mean
		if got := (products/(messages-1) - mean*mean) / variance; got < float64(ppm)/1e6-0.03 || got > float64(ppm)/1e6+0.03 {
			t.Errorf("%d of a million: a correlation of %.3f", ppm, got)
		}
		want := moments(n.Harms(nil, s[0], s[1], false))
		if off := mean*1e6 - float64(want.Mean); off > 25_000 || off < -25_000 {
			t.Errorf("%d: on the average %.0f us, in closed form %d", ppm, mean*1e6, want.Mean)
		}
	}
}

// What is said of a machine is true of the places on it, but not of ways on it; what is
// said of a place is true of it alone, also towards those on its machine.
func TestPlacesOnAMachine(t *testing.T) {
	_, n, s := build(2)
	a, b := n.AddPlace("a", s[0]), n.AddPlace("b", s[0])
	all := []network.Site{s[0], s[1], a, b}
	check := func(when string, cut map[[2]network.Site]bool) {
		t.Helper()
		for _, x := range all {
			for _, y := range all {
				if got := n.Reaches(x, y); got == cut[[2]network.Site{x, y}] {
					t.Errorf("%s: %s reaches %s: %v", when, n.Name(x), n.Name(y), got)
				}
				if n.Group(x) == n.Group(y) && (!n.Unimpaired(x, y) || !n.Unimpaired(y, x)) {
					t.Errorf("%s: %s and %s are one group, and something is between them", when, n.Name(x), n.Name(y))
				}
			}
		}
	}
	check("at first", nil)
	h := n.Impair(network.Impairment{From: s[:1], To: s, Cut: true})
	check("the machine is cut off", map[[2]network.Site]bool{{s[0], s[1]}: true, {a, s[1]}: true, {b, s[1]}: true})
	n.Lift(h)
	h = n.Impair(network.Impairment{From: []network.Site{a}, To: s, Cut: true})
	check("a place is", map[[2]network.Site]bool{{a, s[0]}: true, {a, s[1]}: true, {a, b}: true})
	n.Lift(h)
	h = n.Impair(network.Impairment{From: []network.Site{a}, To: []network.Site{b}, Cut: true})
	check("from another place", map[[2]network.Site]bool{{a, b}: true})
	n.Lift(h)
	n.SetPower(s[0], false)
	if n.Reaches(a, s[1]) || n.Reaches(a, a) || n.Reaches(s[1], b) {
		t.Error("there is power on a place of a machine without it")
	}
}

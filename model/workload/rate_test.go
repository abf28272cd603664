package workload

import (
	"math"
	"testing"
	"time"

	"orrery/sim"
)

func TestRatesOverTime(t *testing.T) {
	steps := Rate{Steps: []Step{{time.Minute, 100}, {3 * time.Minute, 0}, {5 * time.Minute, 7}}}
	again := Rate{Steps: steps.Steps, Every: 10 * time.Minute}
	pulse := Rate{Steps: []Step{{5 * time.Minute, 5}}, Every: 10 * time.Minute}
	for _, c := range []struct {
		rate        Rate
		at          time.Duration
		milli, next int64 // in seconds; -1 is never
	}{
		{steps, 0, 0, 60}, {steps, time.Minute, 100, 180}, {steps, 4 * time.Minute, 0, 300}, {steps, time.Hour, 7, -1},
		{again, 5 * time.Minute, 7, 600}, {again, 10 * time.Minute, 0, 660}, {again, 11 * time.Minute, 100, 780},
		{Constant(5), time.Hour, 5, -1}, {Rate{}, 0, 0, -1},
		{Rate{Steps: []Step{{0, 5}}, Every: time.Minute}, time.Hour, 5, -1},
		{pulse, 7 * time.Minute, 5, 600}, {pulse, 10 * time.Minute, 0, 900},
	} {
		milli, next := c.rate.at(sim.Time(c.at))
		want := sim.Time(c.next) * sim.Time(time.Second)
		if c.next < 0 {
			want = sim.Never
		}
		if milli != c.milli || next != want {
			t.Errorf("%+v at %v: %d until %v, want %d until %v", c.rate, c.at, milli, next, c.milli, want)
		}
	}
}

// The slow twin asks for the rate of every second.
func TestTheNextChangeIsTheNextChange(t *testing.T) {
	for _, r := range []Rate{
		Ramp(10_000, 90_000, 5*time.Minute, 7*time.Minute, 13*time.Second), Ramp(900, 0, 0, time.Minute, time.Second),
		Diurnal(100, 9_000, time.Hour, 40*time.Minute, 7*time.Minute), Diurnal(0, 5, 10*time.Minute, 0, 30*time.Second),
		{Steps: []Step{{5 * time.Minute, 5}}, Every: 10 * time.Minute}, {Steps: []Step{{0, 9}, {time.Minute, 5}}, Every: 10 * time.Minute},
	} {
		_, next := r.at(0)
		before, _ := r.at(0)
		for s := time.Second; s < 3*time.Hour; s += time.Second {
			milli, after := r.at(sim.Time(s))
			if milli != before && sim.Time(s) != next {
				t.Fatalf("%+v: another rate at %v, foretold for %v", r, s, next)
			}
			before, next = milli, after
		}
	}
}

func TestADayIsACosine(t *testing.T) {
	r := Diurnal(100_000, 900_000, 24*time.Hour, 14*time.Hour, 5*time.Minute)
	for at := time.Duration(0); at < 48*time.Hour; at += 5 * time.Minute {
		milli, _ := r.at(sim.Time(at))
		x := 2 * math.Pi * float64(at+150*time.Second-14*time.Hour) / float64(24*time.Hour)
		if want := 500_000 + 400_000*math.Cos(x); math.Abs(float64(milli)-want) > 2_000 {
			t.Errorf("at %v: %d, a cosine has %.0f", at, milli, want)
		}
	}
}

func TestARampIsALine(t *testing.T) {
	r := Ramp(900_000, 100_000, time.Minute, 11*time.Minute, 15*time.Second)
	for at := time.Minute; at < 11*time.Minute; at += 15 * time.Second {
		milli, _ := r.at(sim.Time(at))
		if want := int64(900_000 - 800_000*(at-time.Minute+7500*time.Millisecond)/(10*time.Minute)); milli != want && milli != want+1 {
			t.Errorf("at %v: %d, want %d", at, milli, want)
		}
	}
	if milli, next := r.at(sim.Time(time.Hour)); milli != 100_000 || next != sim.Never {
		t.Errorf("in the end %d, until %v", milli, next)
	}
}

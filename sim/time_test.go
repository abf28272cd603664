package sim

import (
	"math"
	"testing"
	"time"
)

func TestTimeText(t *testing.T) {
	for want, at := range map[string]Time{
		"0s": 0, "17ns": 17, "1.234µs": 1234, "2.345ms": 2_345_678, "1s": Time(time.Second),
		"5m49.512s": Time(5*time.Minute + 49*time.Second + 512*time.Millisecond + 999_999),
		"26h3m0s":   Time(26*time.Hour + 3*time.Minute),
		"never":     Never,
	} {
		if got := at.String(); got != want {
			t.Errorf("%d is %q, want %q", at, got, want)
		}
	}
}

func TestAddSaturates(t *testing.T) {
	for _, c := range []struct {
		t    Time
		d    time.Duration
		want Time
	}{
		{5, 7, 12}, {5, -2, 3}, {5, -7, 0}, {5, math.MaxInt64, Never}, {Never, 1, Never}, {Never, -1, Never},
		{Never - 1, 1, Never}, {Never - 1, 2, Never}, {0, math.MinInt64, 0}, {Never - 1, math.MinInt64, 0},
	} {
		if got := c.t.Add(c.d); got != c.want {
			t.Errorf("%d + %d = %d, want %d", c.t, c.d, got, c.want)
		}
	}
	if Time(3).Sub(5) != -2 {
		t.Error("3 - 5")
	}
}

func TestTickerIsTheLoopItReplaces(t *testing.T) {
	for _, tick := range []Ticker{{0, 1}, {0, 5}, {3, 5}, {7, 2}, {20, 100}} {
		var ticks []Time
		for at := tick.Phase; at < 200; at = at.Add(tick.Period) {
			ticks = append(ticks, at)
		}
		for at := Time(0); at < 90; at++ {
			checkTicker(t, tick, ticks, at)
			for from := Time(0); from < 90; from += 3 {
				count := int64(0)
				for _, x := range ticks {
					if from < x && x <= at {
						count++
					}
				}
				if got := tick.Count(from, at); got != count {
					t.Fatalf("%v: %d ticks in (%d, %d], want %d", tick, got, from, at, count)
				}
			}
		}
	}
}

func checkTicker(t *testing.T, tick Ticker, ticks []Time, at Time) {
	atOrAfter, after, before, some := Never, Never, Time(0), false
	for i := len(ticks) - 1; i >= 0; i-- {
		if ticks[i] >= at {
			atOrAfter = ticks[i]
		}
		if ticks[i] > at {
			after = ticks[i]
		}
		if ticks[i] <= at && !some {
			before, some = ticks[i], true
		}
	}
	if got := tick.AtOrAfter(at); got != atOrAfter {
		t.Fatalf("%v: at or after %d is %d, want %d", tick, at, got, atOrAfter)
	}
	if got := tick.After(at); got != after {
		t.Fatalf("%v: after %d is %d, want %d", tick, at, got, after)
	}
	if got, ok := tick.AtOrBefore(at); got != before || ok != some {
		t.Fatalf("%v: at or before %d is %d %v, want %d %v", tick, at, got, ok, before, some)
	}
}

func TestTickerAtTheEndOfTime(t *testing.T) {
	tick := Ticker{Phase: 10, Period: math.MaxInt64}
	if got := tick.After(10); got != Never {
		t.Errorf("got %v", got)
	}
	if got := (Ticker{Phase: 0, Period: 10 * time.Second}).AtOrAfter(Never - 1); got != Never {
		t.Errorf("got %v", got)
	}
	if got, ok := tick.AtOrBefore(Never - 1); got != 10 || !ok {
		t.Errorf("got %v", got)
	}
}

package report

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"orrery/sim"
)

// verdictText is what people see of one verdict.
func verdictText(v *Verdict) string {
	p := &printer{}
	p.verdict(v, 0)
	return p.b.String()
}

// TestJudge goes through testdata/judge-*.txt: expressions, each followed by
// its verdict on a history that is made here.
func TestJudge(t *testing.T) {
	for name, tape := range map[string]*tape{"node-loss": nodeLoss(), "troubles": troubles(), "healed": healed(), "quiet": quiet()} {
		t.Run(name, func(t *testing.T) {
			lineByLine(t, "judge-"+name+".txt", func(l string) string {
				e, err := ParseExpect(l)
				if err != nil {
					t.Fatalf("%s: %v", l, err)
				}
				r := New(Meta{End: tape.now()}, tape.History(), []Expect{e})
				return strings.Replace(verdictText(&r.Verdicts[0]), l+"  ", "", 1)
			})
		})
	}
}

// quiet is a cluster in which nothing runs and nothing breaks.
func quiet() *tape {
	t := newTape()
	t.node("n-1")
	t.at(time.Hour)
	return t
}

// healed is a node that goes and comes back before anything is evicted.
func healed() *tape {
	t := newTape()
	t.node("n-1")
	rs := t.deploy("web", 1, 10*time.Second)
	t.pod(rs, "web-1")
	t.bind("web-1", "n-1")
	t.at(3 * time.Second)
	t.run("web-1")
	t.at(time.Minute)
	t.fault("power", reasonFaultStarted, "")
	t.at(100 * time.Second)
	t.nodeReady("n-1", 2)
	t.unready("web-1")
	t.at(2 * time.Minute)
	t.fault("power", reasonFaultEnded, "")
	t.at(130 * time.Second)
	t.nodeReady("n-1", 1)
	t.run("web-1")
	t.at(10 * time.Minute)
	return t
}

func TestTimeIsExactAtEventBoundaries(t *testing.T) {
	h := healed()
	for expr, want := range map[string]string{
		// Ready at 3s and available 10s later; ready again at 130s.
		"time_to_recover(deployment/web) == 80s":                      "1m20s",
		"time_to_recover(deployment/web) < 80s":                       "1m20s",
		"at 12999999999ns: unavailable(deployment/web) == 1":          "1",
		"at 13s: unavailable(deployment/web) == 0":                    "0",
		"at 1m39.999999999s: node_not_ready() == 0":                   "0",
		"at 1m40s: node_not_ready() == 1":                             "1",
		"between 1m40s and 2m9.999999999s: node_not_ready() == 1":     "1",
		"between 1m40s and 2m10s: always(node_not_ready() == 1)":      "0",
		"time_to_detect() <= 40s":                                     "40s",
		"time_to_detect() < 40s":                                      "40s",
		"pending_max() == 3s":                                         "3s",
		"converged() within 20s after faults":                         "after 20s",
		"converged() within 19999ms after faults":                     "no",
		"always(unavailable(deployment/web) == 0)":                    "1",
		"between 0s and 1m: always(ready(deployment/web) >= 1)":       "0",
		"pod_start_seconds.max() == 3s":                               "3s",
		"notes(FaultStarted) == 1":                                    "1",
		"time_to_recover(deployment/web) <= 80s within 1m":            "1m20s",
		"at faults.start + 40s: node_not_ready(node/n-1) == 1":        "1",
		"after fault/power.end + 10s: always(node_not_ready() == 0)":  "0",
		"before fault/power.start + 39s: always(node_not_ready()==0)": "0",
	} {
		e, err := ParseExpect(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		v := New(Meta{End: h.now()}, h.History(), []Expect{e}).Verdicts[0]
		if v.Measured != want {
			t.Errorf("%s: measured %s, want %s (%s)", expr, v.Measured, want, v.Reason)
		}
	}
}

// TestSeriesIsAPlainList holds the step function against a list of what was
// added.
func TestSeriesIsAPlainList(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var s series
		type said struct {
			at sim.Time
			v  int64
		}
		var list []said
		now := sim.Time(0)
		for range rng.IntN(20) {
			now += sim.Time(rng.IntN(3))
			v := int64(rng.IntN(3))
			s.add(now, v, 0, 0)
			list = append(list, said{now, v})
		}
		for i := 1; i < len(s); i++ {
			if s[i-1].At >= s[i].At || s[i-1].Num == s[i].Num {
				t.Fatalf("not a step function: %v", s)
			}
		}
		at := func(when sim.Time) (v int64, ok bool) {
			for _, x := range list {
				if x.at <= when {
					v, ok = x.v, true
				}
			}
			return v, ok
		}
		for when := range now + 2 {
			want, known := at(when)
			if p, ok := s.at(when); ok != known || p.Num != want {
				t.Fatalf("at %d: %d %v, want %d %v in %v from %v", when, p.Num, ok, want, known, s, list)
			}
		}
		w := Window{sim.Time(rng.IntN(10)), 0}
		w.To = w.From + sim.Time(rng.IntN(10))
		cut := s.within(w)
		for when := w.From; when <= w.To; when++ {
			p, ok := cut.at(when)
			if q, was := s.at(when); ok != was || p.Num != q.Num || ok && p.At < w.From {
				t.Fatalf("%v cut to %v is %v", s, w, cut)
			}
		}
	}
}

func TestTextOfAShareShowsOnWhichSideItIs(t *testing.T) {
	for _, x := range []struct {
		num, den, limit int64
		want            string
	}{
		{999, 1000, 999_000_000, "99.9%"},
		{1, 1, 999_000_000, "100%"},
		{99_876, 100_000, 999_000_000, "99.876%"},
		{998_999_999, 1_000_000_000, 999_000_000, "99.899%"},
		{999_000_001, 1_000_000_000, 999_000_000, "99.9000001%"},
		{1, 3, 999_000_000, "33.333%"},
		{9_990_000_001, 10_000_000_000, 999_000_000, "just over 99.9%"},
	} {
		v := point{Num: x.num, Den: x.den}.value(lookup("availability"))
		if got := v.text(Percent, x.limit); got != x.want {
			t.Errorf("%d of %d: %s, want %s", x.num, x.den, got, x.want)
		}
	}
}

// What begins up to a minute after a fault's end is still blamed on it: by then
// a node that it took is NotReady, if it ever will be.
func TestAFaultIsToBlameForAMinuteAfterItsEnd(t *testing.T) {
	for later, want := range map[time.Duration]string{50 * time.Second: "2m20s", 70 * time.Second: "0s"} {
		tape := newTape()
		tape.node("n-1")
		rs := tape.deploy("web", 1, 0)
		tape.pod(rs, "web-1")
		tape.bind("web-1", "n-1")
		tape.at(3 * time.Second)
		tape.run("web-1")
		tape.at(time.Minute)
		tape.fault("cut", reasonFaultStarted, "")
		tape.at(2 * time.Minute)
		tape.fault("cut", reasonFaultEnded, "")
		tape.at(2*time.Minute + later)
		tape.unready("web-1")
		tape.at(3*time.Minute + 20*time.Second)
		tape.run("web-1")
		tape.at(10 * time.Minute)
		e, err := ParseExpect("time_to_recover(deployment/web) <= 5m")
		if err != nil {
			t.Fatal(err)
		}
		r := New(Meta{End: tape.now()}, tape.History(), []Expect{e})
		if got := r.Verdicts[0].Measured; got != want {
			t.Errorf("an outage %v after the fault: %s, want %s", later, got, want)
		}
	}
}

// A promise about every moment that is broken shows the value that is furthest from it, and if
// that came later, what first broke it, too. A window has its last instant.
func TestABrokenPromiseShowsTheWorstMomentOfItsWindow(t *testing.T) {
	second := sim.Time(time.Second)
	for _, c := range []struct{ promise, measured, reason string }{
		{"between 1s and 9s: always(pods_pending() <= 4)", "9", "first broken at 3s, with 5; worst at 5s"},
		{"between 1s and 9s: pods_pending() >= 4", "1", "first broken at 7s"},
		{"between 1s and 9s: pods_pending() == 4", "9", "first broken at 3s, with 5; worst at 5s"},
		{"between 1s and 4s: pods_pending() == 4", "5", "first broken at 3s"},
		{"between 1s and 9s: pods_pending() != 9", "9", "first broken at 5s"},
		{"between 1s and 9s: never(pods_pending() == 9)", "9", "first broken at 5s"},
		{"between 1s and 9s: never(pods_pending() != 4)", "9", "first broken at 3s, with 5; worst at 5s"},
		{"between 1s and 9s: never(pods_pending() > 4)", "9", "first broken at 3s, with 5; worst at 5s"},
		{"between 1s and 3s: pods_pending() == 4", "5", "first broken at 3s, the last instant of the window"},
		{"at 3s: pods_pending() == 4", "5", "first broken at 3s"},
		{"between 1s and 2s: pods_pending() == 4", "4", ""},
		{"between 1s and 9s: pods_pending() != 6", "5", ""},
	} {
		e, err := ParseExpect(c.promise)
		if err != nil {
			t.Fatal(err)
		}
		var s series
		for _, x := range [][2]int64{{0, 4}, {3, 5}, {5, 9}, {7, 1}} {
			s.add(sim.Time(x[0])*second, x[1], 0, -1)
		}
		if v := e.judge(&reading{series: s}, newState(), 0, 10*second); v.Measured != c.measured || v.Reason != c.reason || v.Held != (c.reason == "") {
			t.Errorf("%s: %v, %s, %q, want %s, %q", c.promise, v.Held, v.Measured, v.Reason, c.measured, c.reason)
		}
	}
}

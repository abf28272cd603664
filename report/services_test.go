package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// flow notes what becomes of requests to service/web.
func (t *tape) flow(x model.Traffic) {
	if x.FirstMilliRPS == 0 {
		x.FirstMilliRPS = x.OfferedMilliRPS
	}
	t.Note(t.by("traffic"), model.Note{Named: "service/web", Reason: model.ReasonTrafficChanged, Traffic: &x})
}

// outage is a service that is fine, is asked for nothing, loses everything, and is fine.
func outage() *tape {
	t := newTape()
	t.Create(t.by("kubectl"), &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Ports: 1})
	good := model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000, P50: 10 * time.Millisecond, P99: 50 * time.Millisecond, BusyPPM: 400_000}
	bad := model.Traffic{From: "ingress", OfferedMilliRPS: 300_000, FirstMilliRPS: 100_000, TimedOutMilliRPS: 200_000, RefusedMilliRPS: 100_000}
	t.flow(good)
	t.at(10 * time.Minute)
	t.flow(model.Traffic{From: "ingress"})
	t.at(20 * time.Minute)
	t.flow(bad)
	t.at(30 * time.Minute)
	t.flow(good)
	t.at(40 * time.Minute)
	return t
}

// Source: faults-incidents-assertions.md 4.2: "missing series: error, not pass". What is
// not served takes no time; while nothing is sent there is nothing to promise.
func TestWhatIsNotMeasuredKeepsNoPromise(t *testing.T) {
	tape := outage()
	for _, c := range []struct {
		expr     string
		held     bool
		measured string
	}{
		{"between 0s and 19m: always(latency_p99(service/web) <= 50ms)", true, "50ms"},
		{"between 0s and 19m: latency_p50(service/web) <= 10ms", true, "10ms"},
		{"between 11m and 19m: latency_p50(service/web) <= 10ms", false, "no samples"},
		{"between 21m and 29m: latency_p99(service/web) <= 1s", false, "no samples"},
		{"between 21m and 29m: latency_p99(service/web) >= 1s", false, "no samples"},
		{"always(latency_p99(service/web) <= 1s)", false, "no samples"},
		{"never(latency_p99(service/web) > 1s)", false, "no samples"},
		{"between 25m and 35m: reached(latency_p99(service/web) >= 50ms)", true, "50ms"},
		{"between 25m and 29m: reached(latency_p99(service/web) <= 1s)", false, "no samples"},
		{"at 25m: latency_p50(service/web) <= 1s", false, "no samples"},
		{"latency_p99(service/web) <= 50ms within 35m", true, "after 30m0s"},
		{"latency_p99(service/web) <= 50ms within 29m", false, "no samples"},
		{"between 0s and 19m: utilization(service/web) <= 40%", true, "40%"},
		{"utilization(service/web) <= 50%", false, "no samples"},
		{"dns_error_rate(service/web) == 0%", false, "no samples"},
		{"amplification(service/web) <= 1.66x", false, "1.666x"},
		{"always(amplification(service/web) <= 3x)", true, "3x"},
		{"error_rate(service/web) <= 60%", true, "60%"},
		{"error_rate(timeout, service/web) <= 40%", true, "40%"},
		{"error_rate(refused, service/web) == 20%", true, "20%"},
		{"error_rate(no-endpoint, service/web) == 0%", true, "0%"},
		{"reached(offered_rate(service/web) >= 300rps)", true, "300rps"},
		{"at 25m: served_rate(service/web) < 0.001rps", true, "0rps"},
	} {
		r := New(Meta{End: tape.now()}, tape.History(), promises(t, c.expr))
		if v := r.Verdicts[0]; v.Held != c.held || v.Measured != c.measured {
			t.Errorf("%s: held %t, measured %s, want %t and %s (%s)", c.expr, v.Held, v.Measured, c.held, c.measured, v.Reason)
		}
	}
	for expr, want := range map[string]float64{
		"latency_p99(service/web)": 50e6, "latency_p50.max(service/web)": 10e6, "offered_rate(service/web)": 125_000,
		"between 0s and 19m: utilization(service/web)": 0.4, "between 0s and 19m: utilization.max(service/web)": 0.4, "at 5m: utilization(service/web)": 0.4,
	} {
		m, err := ParseMeasure(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := Take(tape.History(), tape.now(), []Measure{m}, nil).Values[0]; got.N != want {
			t.Errorf("%s is %v (%s), want %v", expr, got.N, got.None, want)
		}
	}
}

// A service's percentiles are those of the requests of all its sources, in promises as in
// the table.
func TestAServicesPercentilesAreOfAllSourcesTogether(t *testing.T) {
	tape := newTape()
	tape.Create(tape.by("kubectl"), &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Ports: 1})
	source := func(from string, milli int64, took time.Duration, busy int64) {
		tape.flow(model.Traffic{From: from, OfferedMilliRPS: milli, ServedMilliRPS: milli, P50: took, P99: took, BusyPPM: busy})
	}
	source("ingress", 1_000_000, 10*time.Millisecond, 0)
	source("deployment/front", 1000, 510*time.Millisecond, 1)
	tape.at(10 * time.Minute)
	source("deployment/front", 30_000, 510*time.Millisecond, 1)
	tape.at(20 * time.Minute)
	for expr, want := range map[string]string{
		"before 9m: always(latency_p50(service/web) <= 10ms)":            "10ms",
		"before 9m: always(latency_p99(service/web) <= 10ms)":            "10ms",
		"between 11m and 19m: always(latency_p50(service/web) <= 10ms)":  "10ms",
		"between 11m and 19m: always(latency_p99(service/web) <= 510ms)": "510ms",
		"before 9m: utilization(service/web) == 0%":                      "0%", // limited, and asked for nothing
	} {
		r := New(Meta{End: tape.now()}, tape.History(), promises(t, expr))
		if v := r.Verdicts[0]; !v.Held || v.Measured != want {
			t.Errorf("%s: held %t, measured %s, want %s (%s)", expr, v.Held, v.Measured, want, v.Reason)
		}
		if got := r.Traffic[0]; got.P50 != 10*time.Millisecond {
			t.Errorf("%s: the table has %v", expr, got.P50)
		}
	}
}

func TestHowRequestsFared(t *testing.T) {
	tape := outage()
	all := promises(t, "availability(service/web) >= 99%", "latency_p99(service/web) <= 1s", "before 5m: availability(service/web) == 100%")
	r := New(Meta{End: tape.now()}, tape.History(), all)
	want := TrafficEnd{
		Name: "service/web", MeanMilliRPS: 125_000, MaxMilliRPS: 300_000, Served: billion / 5 * 2, WorstServedAt: sim.Time(20 * time.Minute),
		P50: 10 * time.Millisecond, P99: 50 * time.Millisecond, WorstP99: 50 * time.Millisecond, Attempts: 1_666_666_666, BusyPPM: 400_000,
		Lost: []int64{0, 0, billion / 5, 0, 0, billion / 5 * 2, 0, 0, 0, 0},
	}
	if got := fmt.Sprintf("%+v", r.Traffic[0]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %s\nwant %+v", got, want)
	}
	text := reportText(t, r, false)
	for _, l := range []string{
		"how requests fared, from 0s on",
		"  service      rps  at most        served  worst minute   p50           p99  worst minute  attempts  busy at most",
		"  service/web  125      300  40% (>= 99%)   0% at 20m0s  10ms  50ms (<= 1s)                  1.666x           40%",
		"    20% refused, 40% timed out",
	} {
		if !strings.Contains(text, l+"\n") {
			t.Errorf("there is no line\n%s\nin\n%s", l, text)
		}
	}
	if !strings.Contains(reportJSON(t, r), `"timeout": 400000000`) {
		t.Error("the JSON report does not say what timed out")
	}
}

// How much stayed on the node is said wherever nodes send, or load balancers through them; of
// zones only if there are some.
func TestTheReportSaysHowMuchStayedOnTheNode(t *testing.T) {
	for _, c := range []struct {
		zones        []string
		inside       int64
		line, absent string
		json         []string
	}{
		{[]string{"", ""}, 100_000, "    from or through nodes: 25% stayed on the node\n", "zone,", []string{`"sameNodePpb": 250000000`, `"sameZonePpb": null`, `"crossZonePpb": null`}},
		{[]string{"a", "a"}, 100_000, "    from or through nodes: 25% stayed on the node\n", "zone,", []string{`"sameNodePpb": 250000000`, `"sameZonePpb": null`, `"crossZonePpb": null`}},
		{[]string{"a", "b"}, 100_000, "    from or through nodes: 25% stayed on the node, 75% in the zone, 25% went to another zone\n", "null zone", []string{`"sameNodePpb": 250000000`, `"sameZonePpb": 750000000`, `"crossZonePpb": 250000000`}},
		{[]string{"a", "b"}, 0, "service/web", "stayed on the node", []string{`"sameNodePpb": null`, `"sameZonePpb": null`, `"crossZonePpb": null`}},
	} {
		tape := newTape()
		for i, zone := range c.zones {
			tape.Create(tape.by("node"), &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: fmt.Sprint("n-", i), Labels: model.MakeLabels(map[string]string{model.LabelZone: zone})}})
		}
		tape.flow(model.Traffic{
			From: "deployment/front", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000,
			InsideMilliRPS: c.inside, ZoneMilliRPS: c.inside * 3 / 4, NodeMilliRPS: c.inside / 4,
		})
		tape.at(10 * time.Minute)
		r := New(Meta{End: tape.now()}, tape.History(), nil)
		text, js := reportText(t, r, false), reportJSON(t, r)
		if !strings.Contains(text, c.line) || strings.Contains(text, c.absent) {
			t.Errorf("zones %q, %d from nodes:\n%s", c.zones, c.inside, text)
		}
		for _, l := range c.json {
			if !strings.Contains(js, l) {
				t.Errorf("zones %q, %d from nodes: no %s in the JSON report", c.zones, c.inside, l)
			}
		}
	}
}

// A quarter of the time one request of ten takes two seconds more: that is in the 99th
// percentile of all requests, and in no median.
func TestAGrayFailureShowsInThePercentileOfAll(t *testing.T) {
	tape := newTape()
	x := model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000, P50: 7 * time.Millisecond, P99: 46 * time.Millisecond}
	tape.flow(x)
	tape.at(5 * time.Minute)
	slow := x
	slow.P50, slow.P99 = 8*time.Millisecond, 3*time.Second
	tape.flow(slow)
	tape.at(10 * time.Minute)
	tape.flow(x)
	tape.at(20 * time.Minute)
	got := New(Meta{End: tape.now()}, tape.History(), nil).Traffic[0]
	if got.P50 < 7*time.Millisecond || got.P50 > 8*time.Millisecond || got.P99 < 2500*time.Millisecond || got.P99 > 3*time.Second {
		t.Errorf("p50 %v, p99 %v", got.P50, got.P99)
	}
	if got.WorstP99 != 3*time.Second || got.WorstP99At != sim.Time(5*time.Minute) {
		t.Errorf("worst minute: %v at %v", got.WorstP99, got.WorstP99At)
	}
}

// The slow twin of minutes in which nothing changes is a note in every one of them.
func TestMinutesInWhichNothingChangesAreAllTheSame(t *testing.T) {
	var got [2]TrafficEnd
	for k := range got {
		tape := newTape()
		for minute := range 60 {
			tape.at(time.Duration(minute) * time.Minute)
			x := model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 99_000, TimedOutMilliRPS: 1_000, P50: time.Millisecond, P99: 2 * time.Millisecond}
			if minute >= 30 {
				x.ServedMilliRPS, x.TimedOutMilliRPS = 90_000, 10_000
			}
			if k == 1 || minute == 0 || minute == 30 {
				tape.flow(x)
			}
		}
		tape.at(time.Hour)
		got[k] = New(Meta{End: tape.now()}, tape.History(), nil).Traffic[0]
	}
	if fast, slow := fmt.Sprintf("%+v", got[0]), fmt.Sprintf("%+v", got[1]); fast != slow {
		t.Errorf("fast %s\nslow %s", fast, slow)
	}
}

func TestOnlyTheWorstServicesHaveALine(t *testing.T) {
	tape := newTape()
	for i := range 13 {
		tape.traffic(fmt.Sprintf("service/s-%02d", i), 100_000, int64(100_000-i*1000))
	}
	tape.traffic("service/idle", 0, 0)
	tape.at(time.Minute)
	text := reportText(t, New(Meta{End: tape.now()}, tape.History(), nil), false)
	shows := func(words string) bool { return strings.Contains(text, words) }
	if !shows("  service/s-12 ") || shows("  service/s-02 ") || shows("idle") || !shows("  and 3 more services\n") {
		t.Error(text)
	}
}

func TestWhatHardlyAnythingIsLostByIsNotSaidToTheLastDigit(t *testing.T) {
	for want, lost := range map[string]int64{"<0.001% timed out": 9_999, "0.001% timed out": 10_000, "12.34% timed out": 123_456_789} {
		x := TrafficEnd{Lost: make([]int64, len(causes))}
		x.Lost[slices.IndexFunc(causes[:], func(c cause) bool { return c.name == "timeout" })] = lost
		if got := x.more(); got != want {
			t.Errorf("%d of a billion: %q, want %q", lost, got, want)
		}
	}
}

package scenarios_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orrery/model/workload"
	"orrery/scenarios"
)

// What is wrong with a rate is said where it is, and nothing that only follows from it.
func TestWrongRatesAreToldWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ rps, table, want string }{
		{"{steps: [{at: 20h, rps: 1}]}", "", "zone.yaml:18:41: workload.traffic[0].rps.steps: nobody would send anything: the first request comes at 20h0m0s, and the run is over at 1h0m0s"},
		{"0", "", ""}, // nobody sends, as in a step or a line of a file
		{"-0.001", "", "zone.yaml:18:33: workload.traffic[0].rps: -0.001 is out of range: 0 to 1000000000"},
		{"{steps: [{at: 0s, rps: 0}, {at: 59m, rps: 1}]}", "", ""},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n0s,1\n1m,2\n", "rps.csv:2:1: 0s is not a number: cells are numbers alone; what 1 is, is said of the column, as in {column: NAME, unit: 1ms}"},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n0\n", "rps.csv:2:1: the line has 1 cell, where the first has 2"},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n3600,1\n", "zone.yaml:18:40: workload.traffic[0].rps.file: nobody would send anything: the first request comes at 1h0m0s, and the run is over at 1h0m0s; times that count from another moment need an origin: write origin: first beside file"},
		{"{file: rps.csv, columns: {at: {column: t, unit: 1m}, rps: r}}", "t,r\n0,1\n59,2\n", ""},
		{"{steps: [{at: 0s, rps: 1}, {at: 1ns, rps: 2}], every: 1h}", "", "zone.yaml:18:65: workload.traffic[0].rps.steps[1].at: 1ns is only 1ns after 0s: a rate stays the same for at least 1ms"},
		{"{steps: [{at: 0s, rps: 1}, {at: 1ms, rps: 2}], every: 2ms}", "", ""},
		{"{steps: [{at: 0s, rps: 1}], every: 999us}", "", "zone.yaml:18:68: workload.traffic[0].rps.every: 999us is out of range: 1ms to 366d"},
		{"{steps: [{at: 0s, rps: 1}, {at: 1m, rps: 2}], every: 1m500us}", "", "zone.yaml:18:86: workload.traffic[0].rps.every: 1m0.0005s is only 500µs after the last step: a rate stays the same for at least 1ms"},
		{"{ramp: {from: 1, to: 2, start: 0s, end: 1ms, step: 1us}}", "", "zone.yaml:18:84: workload.traffic[0].rps.ramp.step: a step must take at least 1ms"},
		{"{diurnal: {low: 1, high: 2, period: 1h, peak: 0s, step: 2h}}", "", "zone.yaml:18:89: workload.traffic[0].rps.diurnal.step: a step of 2h is not shorter than the period, 1h, so the rate would never change: write a step such as 2m30s"},
		{"{diurnal: {low: 1, high: 2, period: 5m, peak: 0s}}", "", "zone.yaml:18:69: workload.traffic[0].rps.diurnal.period: a step of 5m is not shorter than the period, 5m, so the rate would never change: write a step such as 12s"},
		{"{diurnal: {low: 1, high: 2, period: 5m, peak: 0s, step: 1m}}", "", ""},
		{"{file: rps.csv, columns: {at: {column: t, unit: date}, rps: r}}", "t,r\n2026-01-01,1\n", "zone.yaml:18:81: workload.traffic[0].rps.columns.at.unit: a date is no time of the run: say which is its start, with origin: first, or origin: and a date, beside file"},
		{"{file: rps.csv, columns: {at: {column: t, unit: date}, rps: r}, origin: yesterday}", "t,r\n2026-01-01,1\n", "zone.yaml:18:105: workload.traffic[0].rps.origin: \"yesterday\" is neither first, nor a date such as 2026-01-31 12:00:00, nor a duration such as 90s"},
		{"{file: rps.csv, columns: {at: {column: t, unit: date}, rps: r}, origin: first}", "t,r\n2026-01-01 00:00:00,1\n1767225600,2\n", `rps.csv:3:1: "1767225600" is not a date such as 2017-10-03 06:42:17`},
		{"{file: rps.csv, columns: {at: t, rps: r}, origin: first}", "t,r\n7,1\n7.0001,1\n", "rps.csv:3:1: 100µs is only 100µs after 0s: a rate stays the same for at least 1ms"},
		{"{file: rps.csv, columns: {at: t, rps: r}, origin: 10m}", "t,r\n4200,1\n", "zone.yaml:18:40: workload.traffic[0].rps.file: nobody would send anything: the first request comes at 1h0m0s, and the run is over at 1h0m0s"},
	} {
		dir := folder(t, map[string]string{"zone.yaml": beginning + "  traffic: [{service: web, rps: " + c.rps + "}]\n", "rps.csv": c.table})
		_, err := scenarios.Load(filepath.Join(dir, "zone.yaml"), scenarios.Options{})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir+"/", "")
		}
		if first, _, _ := strings.Cut(got, "\n"); first != c.want || strings.Contains(got, "there are no steps") || strings.Contains(got, "in the order") {
			t.Errorf("%s %q: got\n%s\nwant\n%s", c.rps, c.table, got, c.want)
		}
	}
}

// A day is highest at 14h, and any other period after the same part of it.
func TestAPeriodWhosePeakNobodySaysIsHighestWhereADayIs(t *testing.T) {
	rates := func(period, peak string) []workload.Step {
		s, err := scenarios.Read("zone.yaml", []byte(beginning+"  traffic: [{service: web, rps: {diurnal: {low: 1, high: 200, period: "+period+peak+", step: 1s}}}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Config.Traffic[0].Rate.Steps
	}
	for period, peak := range map[string]string{"1m": "35s", "24h": "14h", "12h": "7h"} {
		if got, want := rates(period, ""), rates(period, ", peak: "+peak); !slices.Equal(got, want) {
			t.Errorf("%s: other rates than with the peak at %s", period, peak)
		}
	}
}

// The times of a table may be dates, or seconds since 1970: its origin is the moment at which
// the run begins, with the rate of that moment.
func TestTheOriginOfATableIsTheStartOfTheRun(t *testing.T) {
	const dates, epoch = "t,r\n2026-01-01 00:00:00,100\n2026-01-01 00:02:00,200\n2026-01-01 00:10:00,300\n", "t,r\n1767225600,100\n1767225720,200\n1767226200,300\n"
	for _, c := range []struct{ at, origin, table, want string }{
		{"{column: t, unit: date}", "first", dates, "0s 100000 2m0s 200000 10m0s 300000 "},
		{"{column: t, unit: date}", "2026-01-01 00:05:00", dates, "0s 200000 5m0s 300000 "},
		{"{column: t, unit: date}", "2026-01-01T01:02:00+01:00", dates, "0s 200000 8m0s 300000 "},
		{"{column: t, unit: date}", "2025-12-31 23:59:00", dates, "1m0s 100000 3m0s 200000 11m0s 300000 "},
		{"{column: t, unit: date}", "2026-01-02", dates, "0s 300000 "},
		{"t", "first", epoch, "0s 100000 2m0s 200000 10m0s 300000 "},
		{"t", "2026-01-01 00:05:00", epoch, "0s 200000 5m0s 300000 "},
		{"t", "1m", "t,r\n30,100\n90,200\n", "0s 100000 30s 200000 "},
	} {
		rps := "{file: rps.csv, columns: {at: " + c.at + ", rps: r}, origin: '" + c.origin + "'}"
		dir := folder(t, map[string]string{"zone.yaml": beginning + "  traffic: [{service: web, rps: " + rps + "}]\n", "rps.csv": c.table})
		s, err := scenarios.Load(filepath.Join(dir, "zone.yaml"), scenarios.Options{})
		if err != nil {
			t.Errorf("%s from %s: %v", c.at, c.origin, err)
			continue
		}
		got := ""
		for _, x := range s.Config.Traffic[0].Rate.Steps {
			got += fmt.Sprint(x.At, " ", x.MilliRPS, " ")
		}
		if got != c.want {
			t.Errorf("%s from %s: %s, want %s", c.at, c.origin, got, c.want)
		}
	}
}

// Nobody waits, and no request takes by itself, for longer than times are told apart.
func TestTimesThatCannotBeToldApartAreRefused(t *testing.T) {
	for _, c := range []struct{ behavior, traffic, timeline, want string }{
		{"latency: 15m", "timeout: 15m", "", ""},
		{"latency: 16m", "timeout: 15m", "", "latency: 16m is out of range: 0s to 15m"},
		{"latency: 1s", "timeout: 20m", "", "timeout: 20m is out of range: 1ms to 15m"},
		{"calls: [{service: web, timeout: 1h}]", "timeout: 1m", "", "timeout: 1h is out of range: 1ms to 15m"},
		{"latency: 1s", "timeout: 1m", "{at: 1m, fault: pod-slow, target: deployment/web, latency: 1m..16m}", `"1m..16m" is out of range: a request takes at most 15m more`},
		{"latency: 1s", "timeout: 1m", "{at: 1m, fault: pod-slow, target: deployment/web, latency: 15m}", ""},
	} {
		text := beginning + "  behavior: [{match: {app: web}, " + c.behavior + "}]\n  traffic: [{service: web, rps: 1, " + c.traffic + "}]\ntimeline: [" + c.timeline + "]\n"
		_, err := scenarios.Read("zone.yaml", []byte(text))
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s, %s, %s: got %v, want %q", c.behavior, c.traffic, c.timeline, err, c.want)
		}
	}
}

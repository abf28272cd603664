package scenarios_test

import (
	"path/filepath"
	"strings"
	"testing"

	"orrery/scenarios"
)

// What is wrong with a rate is said where it is, and nothing that only follows from it.
func TestWrongRatesAreToldWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ rps, table, want string }{
		{"{steps: [{at: 20h, rps: 1}]}", "", "zone.yaml:18:41: workload.traffic[0].rps.steps: nobody would send anything: the first request comes at 20h0m0s, and the run is over at 1h0m0s"},
		{"{steps: [{at: 0s, rps: 0}, {at: 59m, rps: 1}]}", "", ""},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n0s,1\n1m,2\n", "rps.csv:2:1: 0s is not a number: cells are numbers alone; what 1 is, is said of the column, as in {column: NAME, unit: 1ms}"},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n0\n", "rps.csv:2:1: the line has 1 cell, where the first has 2"},
		{"{file: rps.csv, columns: {at: t, rps: r}}", "t,r\n3600,1\n", "zone.yaml:18:40: workload.traffic[0].rps.file: nobody would send anything: the first request comes at 1h0m0s, and the run is over at 1h0m0s"},
		{"{file: rps.csv, columns: {at: {column: t, unit: 1m}, rps: r}}", "t,r\n0,1\n59,2\n", ""},
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

package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openbColumns is how the tables of the real GPU trace say what pods ask for.
const openbColumns = `cpu: {column: cpu_milli, unit: 1m}, memory: {column: memory_mib, unit: 1Mi}, gpus: num_gpu, gpuMilli: gpu_milli, gpuModels: gpu_spec`

// openbScenario writes a scenario of the published experiment's nodes and a table
// of pods.
func openbScenario(t *testing.T, data, pods, columns string) string {
	text := "apiVersion: orrery/v1\nname: openb\nduration: 1d\ntrace:\n  nodes:\n    file: " + data + "/golden/nodes.csv\n" +
		"    columns: {name: node, cpu: {column: cpu_milli, unit: 1m}, memory: {column: memory_mib, unit: 1Mi}, gpus: gpu, gpuModel: model}\n" +
		"  pods:\n    file: " + data + "/" + pods + "\n    columns: {" + columns + ", " + openbColumns + "}\n"
	file := filepath.Join(t.TempDir(), "openb.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func column(t *testing.T, file string, at int) (cells []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		cells = append(cells, r[at])
	}
	return cells
}

// The placements are those of the published experiment; the figures at 130 % are
// those of the paper's artifact for this order of arrival
// (hkust-adsl/kubernetes-scheduler-simulator experiments/analysis/expected_results).
func TestTheCommandReproducesThePublishedExperiment(t *testing.T) {
	data, err := filepath.Abs("../../../shared/data/openb")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); err != nil {
		t.Skip("the published data are not here")
	}
	arrivals := openbScenario(t, data, "golden/pods.csv", "name: [pod, seq], arrival: seq")
	history := openbScenario(t, data, "openb_pod_list_default.csv", "name: name, arrival: {value: 0s}")
	for _, c := range []struct{ policy, golden, allocated, fragmented string }{
		{"best-fit", "placement_best_fit.csv", "93.13%", "99.02%"},
		{"fragmentation", "placement_fragmentation.csv", "95.29%", "99.58%"},
	} {
		where := filepath.Join(t.TempDir(), "where.csv")
		code, out, talk := say("schedule", "--trace", arrivals, "--typical", history, "--root", data, "--policy", c.policy, "--ties", "first", "--placements", where)
		if code != exitHeld {
			t.Fatalf("exit %d: %s", code, talk)
		}
		want, got := column(t, filepath.Join(data, "golden", c.golden), 2), column(t, where, 2)
		if len(got) != len(want) || len(want) != 10_866 {
			t.Fatalf("%s: %d placements, want %d", c.policy, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: arrival %d goes to %q, want %q", c.policy, i, got[i], want[i])
			}
		}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) == 7 && f[0] == "130%" && (f[3] != c.allocated || f[6] != c.fragmented) {
				t.Errorf("%s: at 130%% %s are allocated and %s fragmented, want %s and %s", c.policy, f[3], f[6], c.allocated, c.fragmented)
			}
		}
	}
}

func TestPlacementsThatCannotBeWrittenAreTold(t *testing.T) {
	code, _, talk := say("schedule", "--trace", "testdata/gpu-trace.yaml", "--placements", "testdata/no/such/folder.csv")
	if code != exitUsage || !strings.Contains(talk, "--placements: open testdata/no/such/folder.csv") {
		t.Errorf("exit %d: %s", code, talk)
	}
}

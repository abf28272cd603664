package scheduler

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// openb is where the real GPU cluster's data are.
const openb = "../../../shared/data/openb/"

// rows reads a CSV file without its header.
func csvRows(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open(openb + name)
	if err != nil {
		t.Skip("the published data are not here: " + err.Error())
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func number(t testing.TB, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// openbSpecs makes specs of rows that begin at CPU: cpu_milli, memory_mib,
// num_gpu, gpu_milli, gpu_spec. Equal ones are shared.
func openbSpecs(t testing.TB) func(row []string) *model.PodSpec {
	known := map[string]*model.PodSpec{}
	return func(row []string) *model.PodSpec {
		key := strings.Join(row, ",")
		if known[key] == nil {
			s := &model.PodSpec{Containers: []model.Container{{Requests: model.Resources{CPUMilli: number(t, row[0]), MemoryBytes: number(t, row[1]) << 20}}}}
			if n := number(t, row[2]); n > 0 {
				s.GPU = &model.GPURequest{Devices: n, MilliEach: number(t, row[3])}
				if row[4] != "" {
					s.GPU.Models = strings.Split(row[4], "|")
				}
			}
			s.SumRequests()
			known[key] = s
		}
		return known[key]
	}
}

// placeOpenb places the arrivals of the published experiment under a policy and
// returns the node of each pod.
func placeOpenb(t testing.TB, policy string, seed uint64) (pods, nodes []string) {
	spec := openbSpecs(t)
	profile := PolicyNamed(policy)
	history := csvRows(t, "openb_pod_list_default.csv")
	profile.Typical = TypicalPods(func(yield func(*model.PodSpec, int64) bool) {
		for _, r := range history {
			yield(spec(r[1:6]), 1)
		}
	})
	p := NewPlanner(PlannerConfig{Profile: profile, PercentageOfNodesToScore: 100, Ties: TiesFirst, Luck: sim.NewLuck(seed)})
	for _, r := range csvRows(t, "golden/nodes.csv") {
		size := model.Resources{CPUMilli: number(t, r[2]), MemoryBytes: number(t, r[3]) << 20, Pods: 1 << 20}
		p.AddNode(&model.Node{Meta: model.Meta{Kind: model.KindNode, Name: r[1]}, Allocatable: size, GPU: model.GPUs{Devices: number(t, r[4]), Model: r[5]}})
	}
	for _, r := range csvRows(t, "golden/pods.csv") {
		pod := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: r[1]}, Spec: spec(r[2:7])}
		d := p.Decide(pod)
		if d.Node != "" {
			bound := *pod
			bound.NodeName = d.Node
			p.Assign(&bound)
		}
		pods, nodes = append(pods, r[1]), append(nodes, d.Node)
	}
	return pods, nodes
}

func TestPublishedPlacementsAreReproducedPodForPod(t *testing.T) {
	for policy, file := range map[string]string{
		"best-fit":      "golden/placement_best_fit.csv",
		"fragmentation": "golden/placement_fragmentation.csv",
	} {
		golden := csvRows(t, file)
		pods, nodes := placeOpenb(t, policy, 1)
		wrong := 0
		for i, r := range golden {
			if pods[i] != r[1] || nodes[i] != r[2] {
				if wrong++; wrong < 5 {
					t.Errorf("%s: arrival %d: %s goes to %q, want %q", policy, i, pods[i], nodes[i], r[2])
				}
			}
		}
		if wrong > 0 || len(golden) != 10_866 {
			t.Errorf("%s: %d of %d placements differ", policy, wrong, len(golden))
		}
	}
}

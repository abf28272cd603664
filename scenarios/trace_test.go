package scenarios_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/scheduler"
	"orrery/scenarios"
	"orrery/sim"
)

// Each case is "## title", what a scenario says of its trace, "== NAME" and what
// is in that file, "----" and what becomes of it.
func TestTraceTranscript(t *testing.T) {
	transcript(t, "testdata/trace.txt", func(in string) string { return traced(t, in) })
}

// traced is what a scenario with that trace comes to: its nodes and arrivals, or
// what is wrong.
func traced(t *testing.T, in string) string {
	pieces := strings.Split(in, "\n== ")
	files := map[string]string{}
	for _, p := range pieces[1:] {
		name, text, _ := strings.Cut(p, "\n")
		files[name] = text + "\n"
	}
	head := "apiVersion: orrery/v1\nname: zone\nduration: 1h\n"
	if !strings.Contains(pieces[0], "  nodes:") {
		head += "cluster: {nodes: [{name: a, cpu: 4, memory: 16Gi}]}\n"
	}
	files["zone.yaml"] = head + pieces[0] + "\n"
	dir := folder(t, files)
	s, err := scenarios.Load(filepath.Join(dir, "zone.yaml"), scenarios.Options{})
	if err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	var b strings.Builder
	for _, n := range s.Config.Nodes {
		fmt.Fprintf(&b, "node %s in zone %q: %dm %d bytes, %d pods, GPUs %q\n", n.Name, n.Zone(), n.Allocatable.CPUMilli, n.Allocatable.MemoryBytes, n.Allocatable.Pods, n.GPU)
	}
	for i := range s.Config.Arrivals {
		a := &s.Config.Arrivals[i]
		fmt.Fprintf(&b, "%v to %v: %s/%s: %dm %d bytes, priority %d, GPUs %q", a.At, a.GoneAt, a.Namespace, a.Name,
			a.Spec.Request.CPUMilli, a.Spec.Request.MemoryBytes, a.Spec.Priority, a.Spec.GPU)
		if run := s.Config.Behaviors.For(a.Pod(), "main").Run; !run.IsZero() {
			fmt.Fprintf(&b, ", runs for %v", run.Median())
		}
		b.WriteString("\n")
	}
	for _, n := range s.Notes {
		fmt.Fprintln(&b, "note:", strings.ReplaceAll(n, dir+"/", ""))
	}
	return b.String()
}

// openb is the scenario of the README, of the real GPU cluster's trace, which is
// read where it is; more is what it says besides, instead of its promises.
func openb(tb testing.TB, more string) *scenarios.Scenario {
	tb.Helper()
	shared, err := filepath.Abs("../../shared/data/openb")
	if err != nil {
		tb.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		tb.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "```yaml\napiVersion: orrery/v1\nname: openb\n")
	text, _, _ = strings.Cut(text, "```\n")
	if more != "" {
		text, _, _ = strings.Cut(text, "expect:\n")
	}
	text = "apiVersion: orrery/v1\nname: openb\n" + strings.ReplaceAll(text, "file: ", "file: "+shared+"/") + more
	file := filepath.Join(tb.TempDir(), "openb.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	s, err := scenarios.Load(file, scenarios.Options{Root: shared})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestTheScenarioInTheReadmeKeepsItsPromises(t *testing.T) {
	for _, policy := range []string{"default", "fragmentation"} {
		s := openb(t, "")
		s.Config.Scheduler.Profile = scheduler.PolicyNamed(policy)
		_, r := run(t, s)
		var b strings.Builder
		if err := r.WriteText(&b, false); err != nil {
			t.Error(err)
		}
		if !r.Held() || len(r.Verdicts) != 4 {
			t.Error(policy, b.String())
		}
	}
}

// The figures are those of a few lines of another language over the same files.
func TestTheRealTraceIsReadWhole(t *testing.T) {
	s := openb(t, "")
	var cpu, gpus, asked int64
	for _, n := range s.Config.Nodes {
		cpu += n.Allocatable.CPUMilli
		gpus += n.GPU.Devices
	}
	specs := map[*model.PodSpec]bool{}
	for i := range s.Config.Arrivals {
		asked += s.Config.Arrivals[i].Spec.GPU.Milli()
		specs[s.Config.Arrivals[i].Spec] = true
	}
	got := fmt.Sprintf("%d nodes, %d milli-CPU, %d GPUs; %d pods of %d shapes, GPU milli %d", len(s.Config.Nodes), cpu, gpus, len(s.Config.Arrivals), len(specs), asked)
	if want := "1523 nodes, 125514000 milli-CPU, 6212 GPUs; 8152 pods of 151 shapes, GPU milli 6086800"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Every pod of the trace arrives at its second, has a place or waits, and is gone
// at its second: a sweep over the file says how many there are at any time, and
// what they ask for.
func TestTheRealTraceInTimeIsTheSweepOverItsFile(t *testing.T) {
	s := openb(t, "")
	type change struct {
		at   sim.Time
		pods int64
		gpu  int64
		cpu  int64
	}
	var sweep []change
	for i := range s.Config.Arrivals {
		a := &s.Config.Arrivals[i]
		gpu, cpu := a.Spec.GPU.Milli(), a.Spec.Request.CPUMilli
		sweep = append(sweep, change{a.At, 1, gpu, cpu}, change{a.GoneAt, -1, -gpu, -cpu})
	}
	slices.SortStableFunc(sweep, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	x, err := cluster.New(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	var want change
	next := 0
	for day := range 150 {
		noon := sim.Time(day)*sim.Time(24*time.Hour) + sim.Time(12*time.Hour) + sim.Time(500*time.Millisecond)
		if err := x.Run(noon); err != nil {
			t.Fatal(err)
		}
		for ; next < len(sweep) && sweep[next].at <= noon; next++ {
			want.pods, want.gpu, want.cpu = want.pods+sweep[next].pods, want.gpu+sweep[next].gpu, want.cpu+sweep[next].cpu
		}
		var got change
		x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.Active() && p.NodeID != 0 {
				got.pods, got.gpu, got.cpu = got.pods+1, got.gpu+p.Spec.GPU.Milli(), got.cpu+p.Spec.Request.CPUMilli
			}
			return true
		})
		if want.at, got.at = 0, 0; got != want {
			t.Errorf("at %v: pods, GPU and CPU milli %v, want %v", noon, got, want)
		}
	}
}

// crowded is the real trace made so dense that GPUs get scarce: the arrivals of its
// last month within a day, on a few of the nodes with eight G2.
func crowded(tb testing.TB, policy, promises string) *scenarios.Scenario {
	s := openb(tb, "  time: {origin: 115d, denser: 40}\n"+promises)
	s.Config.Duration = 4 * 24 * time.Hour
	s.Config.Nodes = slices.DeleteFunc(s.Config.Nodes, func(n *model.Node) bool { return n.GPU.Model != "G2" })[:30]
	s.Config.Scheduler.Profile = scheduler.PolicyNamed(policy)
	return s
}

// percent is a share cut to thousandths of a percent.
func percent(part, all int64) string {
	text := fmt.Sprintf("%.9f", 100*float64(part)/float64(all))
	return strings.TrimRight(strings.TrimRight(text[:len(text)-6], "0"), ".") + "%"
}

// The report reads off the history what the nodes have at the end: the slow twin
// looks at the pods that are there, and adds up by hand.
func TestFragmentationIsWhatThePodsOnTheNodesLeave(t *testing.T) {
	for _, policy := range []string{"default", "fragmentation", "best-fit"} {
		s := crowded(t, policy, "expect: ['at 12h: gpu_fragmentation() >= 0%', 'at 12h: gpu_allocated() >= 0%']\n")
		s.Config.Duration = 12 * time.Hour
		x, r := run(t, s)
		free := map[string][]int64{}
		cpu := map[string]int64{}
		for _, n := range s.Config.Nodes {
			free[n.Name], cpu[n.Name] = slices.Repeat([]int64{1000}, int(n.GPU.Devices)), n.Allocatable.CPUMilli
		}
		x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
			if p := o.(*model.Pod); p.NodeID != 0 {
				cpu[p.NodeName] -= p.Spec.Request.CPUMilli
				for i := range free[p.NodeName] {
					if p.Devices>>i&1 == 1 {
						free[p.NodeName][i] -= p.Spec.GPU.MilliEach
					}
				}
			}
			return true
		})
		made := map[*model.PodSpec]int64{}
		h := x.Store.History()
		for i := range h.Len() {
			if p, ok := h.At(i).New.(*model.Pod); ok && h.At(i).Old == nil {
				made[p.Spec]++
			}
		}
		typical, _ := model.TypicalPods(maps.All(made))
		var lost, left, pods int64
		for i := range typical {
			pods += typical[i].Pods
		}
		for _, n := range s.Config.Nodes {
			for i := range typical {
				lost += typical[i].Pods * typical[i].Unusable(n.GPU.Model, cpu[n.Name], free[n.Name])
			}
			for _, f := range free[n.Name] {
				left += f
			}
		}
		want := percent(lost, left*pods)
		if got := r.Verdicts[0].Measured; got != want {
			t.Errorf("%s: fragmentation %s, want %s", policy, got, want)
		}
		all := int64(len(s.Config.Nodes)) * 8000
		want = percent(all-left, all)
		if got := r.Verdicts[1].Measured; got != want {
			t.Errorf("%s: allocation %s, want %s", policy, got, want)
		}
	}
}

// BenchmarkTrace is the real trace in time: 8,152 pods in 150 days on 1,523
// nodes.
func BenchmarkTrace(b *testing.B) {
	s := openb(b, "")
	var events uint64
	for range b.N {
		x, err := cluster.New(s.Config)
		if err != nil {
			b.Fatal(err)
		}
		if err := x.Run(sim.Time(s.Config.Duration)); err != nil {
			b.Fatal(err)
		}
		events = x.Kernel.Events()
	}
	b.ReportMetric(float64(events), "events")
	b.ReportMetric(float64(events)/float64(len(s.Config.Arrivals)), "events/pod")
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLoadTrace reads the files of the real trace.
func BenchmarkLoadTrace(b *testing.B) {
	for range b.N {
		openb(b, "")
	}
}

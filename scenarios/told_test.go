package scenarios_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/report"
	"orrery/sim"
)

// allUsage is the CPU and memory of all pods and of all nodes.
var allUsage = []model.UsageOf{{}, {Kind: model.KindNode}}

// telling is the cluster of a built-in scenario whose history tells of this usage, and when its
// run ends.
func telling(t *testing.T, name string, of ...model.UsageOf) (*cluster.Cluster, sim.Time) {
	t.Helper()
	s := builtIn(t, name)
	s.Config.TellUsage = of
	return begun(t, s), sim.Time(s.Config.Duration)
}

// untold is the lines of a history but those that tell of usage, and how many those are.
func untold(h *store.History) (lines [][]byte, told int) {
	e := report.NewEncoder(h)
	for i := range h.Len() {
		if n := h.At(i).Note; n != nil && n.Usage != nil {
			told++
			continue
		}
		lines = append(lines, bytes.Clone(e.Line(h.At(i))))
	}
	return lines, told
}

// Whether anybody wants to know what is used changes nothing else, and nothing is told
// unless somebody does.
func TestTellingWhatIsUsedChangesNothingElse(t *testing.T) {
	for _, name := range []string{
		"noisy-neighbor-broken", "memory-leak-broken", "hpa", "cpu-throttling-broken",
		"machine-stress", "retry-storm-broken", "in-place-resize", "graceful-reboot",
	} {
		plain, end := telling(t, name)
		told, _ := telling(t, name, allUsage...)
		for _, x := range []*cluster.Cluster{plain, told} {
			runUntil(t, x, end)
		}
		want, none := untold(plain.Store.History())
		got, some := untold(told.Store.History())
		if none > 0 || some == 0 {
			t.Errorf("%s: usage was told %d times where nobody asked, and %d times where somebody did", name, none, some)
		}
		for i := range min(len(want), len(got)) {
			if !bytes.Equal(want[i], got[i]) {
				t.Errorf("%s: %s\nwant %s", name, got[i], want[i])
				break
			}
		}
		if len(want) != len(got) {
			t.Errorf("%s: %d records, want %d", name, len(got), len(want))
		}
	}
}

// ledger is the notes about what a pod or a node uses.
type ledger []store.Record

// cpu is the CPU that was used between two moments, in milli times nanoseconds.
func (l ledger) cpu(from, to sim.Time) (sum int64) {
	for i := range l {
		until := to
		if i+1 < len(l) {
			until = min(to, l[i+1].At)
		}
		if d := int64(until - max(from, l[i].At)); d > 0 {
			sum += l[i].Note.Usage.MilliCPU * d
		}
	}
	return sum
}

// memory is what was used at a moment, in bytes.
func (l ledger) memory(at sim.Time) (bytes int64) {
	for i := range l {
		if u := l[i].Note.Usage; l[i].At <= at {
			bytes = u.MemoryBytes + u.MemoryGrowth*int64(at-l[i].At)/int64(time.Second)
		}
	}
	return bytes
}

// What "orrery top" prints, and autoscalers read, is the mean CPU of 15 s by what was told, and the
// memory at their end. The memory of a node is compared only if nothing was told of it since: of
// what has ended since that reading it is without.
func TestMetricsServerSaysWhatWasTold(t *testing.T) {
	seen := map[model.Kind]int{}
	for _, name := range []string{"noisy-neighbor-broken", "memory-leak", "hpa", "cpu-throttling-broken", "machine-stress"} {
		x, end := telling(t, name, allUsage...)
		told, read := map[string]ledger{}, 0
		for at := 37 * time.Second; sim.Time(at) < end; at += 23_700 * time.Millisecond {
			runUntil(t, x, sim.Time(at))
			for h := x.Store.History(); read < h.Len(); read++ {
				if r := h.At(read); r.Note != nil && r.Note.Usage != nil {
					told[r.Note.Path()] = append(told[r.Note.Path()], *r)
				}
			}
			for path, l := range told {
				kind, namespace, called, _ := report.ParseObject(path)
				var s model.Sample
				ok, still := false, true
				switch o := x.Store.Lookup(kind, namespace, called).(type) {
				case *model.Pod:
					s, ok = x.Usage(o, "")
				case *model.Node:
					s, ok = x.NodeUsage(o)
					still = l[len(l)-1].At < s.At
				}
				if !ok || s.Window < 15*time.Second {
					continue
				}
				seen[kind]++
				cpu, memory := l.cpu(s.At.Add(-s.Window), s.At)/int64(s.Window), l.memory(s.At)
				if off := cpu - s.CPUMilli; off < -1 || off > 1 {
					t.Errorf("%s at %v: %s used %dm, metrics-server says %dm", name, at, path, cpu, s.CPUMilli)
				}
				if off := memory - s.MemoryBytes; still && (off < -10 || off > 10) {
					t.Errorf("%s at %v: %s used %d bytes, metrics-server says %d", name, at, path, memory, s.MemoryBytes)
				}
			}
		}
	}
	if seen[model.KindPod] < 1000 || seen[model.KindNode] < 500 {
		t.Errorf("seen %v times: this shows little", seen)
	}
}

// A promise about few is told about few.
func TestOnlyWhatIsAskedForIsTold(t *testing.T) {
	for _, c := range []struct {
		of   model.UsageOf
		only string // what all that is told of begins with
	}{
		{model.UsageOf{Kind: model.KindDeployment, Namespace: "default", Name: "shop"}, "pod/shop-"},
		{model.UsageOf{Kind: model.KindNode, Name: "n-1"}, "node/n-1"},
		{model.UsageOf{Namespace: "kube-system"}, "kube-system/pod/"},
	} {
		x, end := telling(t, "noisy-neighbor", c.of)
		runUntil(t, x, end)
		told := 0
		for i, h := 0, x.Store.History(); i < h.Len(); i++ {
			n := h.At(i).Note
			if n == nil || n.Usage == nil {
				continue
			}
			if told++; !strings.HasPrefix(n.Path(), c.only) {
				t.Errorf("%+v: told of %s", c.of, n.Path())
			}
		}
		if told == 0 {
			t.Errorf("%+v: nothing was told", c.of)
		}
	}
}

// Of what comes from nodes at most all goes to an endpoint, also while the two go to and fro: two DNS
// servers are asked for more than they do, and what they cannot do is asked again.
func TestNoMoreOfAFlowStaysInsideThanIsSent(t *testing.T) {
	x, _ := run(t, builtIn(t, "ndots-broken"))
	told := 0
	h := x.Store.History()
	for i := range h.Len() {
		n := h.At(i).Note
		if n == nil || n.Traffic == nil || n.Traffic.InsideMilliRPS == 0 {
			continue
		}
		told++
		if f := n.Traffic; f.InsideMilliRPS > f.OfferedMilliRPS || f.ZoneMilliRPS > f.InsideMilliRPS || f.NodeMilliRPS > f.ZoneMilliRPS {
			t.Errorf("%v %s from %s: of %d sent %d are inside, %d in the zone, %d on the node", h.At(i).At, n.Path(), f.From,
				f.OfferedMilliRPS, f.InsideMilliRPS, f.ZoneMilliRPS, f.NodeMilliRPS)
		}
	}
	if told == 0 {
		t.Error("nothing was told")
	}
}

package report

import (
	"cmp"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

const mib = 1 << 20

// using is a node with three pods, of which a Service selects two: a has 100Mi from the
// start and from 10 minutes on 1Mi more every second until it ends at 20; b uses a core and
// 200Mi and gives back 100Ki a second from 12 minutes on, until it is gone at 30; c is a
// static pod.
func using() *tape {
	t := newTape()
	web := model.MakeLabels(map[string]string{"app": "web"})
	t.node("n-1")
	t.Create(t.by("kubectl"), &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Ports: 1, Selector: model.SelectorOf(web)})
	for _, name := range []string{"a", "b", "c"} {
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: name}, Spec: &model.PodSpec{Containers: []model.Container{{Name: "main"}}}}
		if p.Labels = web; name == "c" {
			p.Labels, p.Owner = nil, t.Lookup(model.KindNode, "", "n-1").Head().Ref()
		}
		t.Create(t.by("kubectl"), p)
	}
	told := func(name string, u model.Usage) {
		about := t.Lookup(model.KindNode, "", "n-1")
		if name != "n-1" {
			about = t.Lookup(model.KindPod, "default", name)
		}
		m := *about.Head()
		if name == "c" {
			m.ID = model.FirstStaticID // as its machine calls it
		}
		t.Note(t.by("machine/n-1"), model.Note{About: &m, Reason: model.ReasonUsageChanged, Usage: &u})
	}
	t.at(time.Minute)
	told("a", model.Usage{MilliCPU: 250, MemoryBytes: 100 * mib})
	told("b", model.Usage{MilliCPU: 1000, MemoryBytes: 200 * mib})
	told("c", model.Usage{MilliCPU: 40, MemoryBytes: 50 * mib})
	told("n-1", model.Usage{MilliCPU: 1340, MemoryBytes: 350 * mib})
	t.at(10 * time.Minute)
	told("a", model.Usage{MilliCPU: 250, MemoryBytes: 100 * mib, MemoryGrowth: mib})
	t.at(12 * time.Minute)
	told("b", model.Usage{MilliCPU: 1500, MemoryBytes: 200 * mib, MemoryGrowth: -100 << 10})
	t.at(20 * time.Minute)
	told("a", model.Usage{})
	t.at(30 * time.Minute)
	t.gone("b")
	t.at(40 * time.Minute)
	return t
}

// The numbers are worked out by hand. Of what grows, a promise about every moment sees the
// largest and the smallest there is, and the first moment at which it is broken.
func TestUsageIsExactAtEveryMoment(t *testing.T) {
	tape := using()
	for _, c := range []struct {
		expr, measured string
		held           bool
	}{
		{"at 5m: cpu_used(pod/a) == 250m", "250m", true},
		{"at 5m: cpu_used(service/web) == 1.25", "1.25", true},
		{"at 5m: cpu_used() == 1.29", "1.29", true}, // the static pod, too
		{"at 5m: cpu_used(namespace/default) == 1290m", "1.29", true},
		{"at 5m: cpu_used(pod/c) == 0.04", "40m", true},
		{"at 5m: cpu_used(node/n-1) == 1.34", "1.34", true},
		{"between 2m and 40m: always(cpu_used(service/web) >= 1)", "0", false},
		{"between 13m and 19m: cpu_used(service/web) == 1750m", "1.75", true},
		{"at 35m: cpu_used(pod/b) == 0", "0", true},
		{"cpu_used(service/web) <= 1.75", "1.75", true},
		{"at 12m: memory_used(pod/a) == 220Mi", "220Mi", true},
		{"at 12m30s500ms: memory_used(pod/a) == 250.5Mi", "250.5Mi", true},
		{"at 12m30s: memory_used(service/web) == 447.0703125Mi", "447.0703125Mi", true}, // 250 and 197.0703125
		{"always(memory_used(pod/a) <= 699Mi)", "699.9Mi", false},
		{"between 1m and 15m: always(memory_used(pod/a) <= 400Mi)", "400Mi", true},
		{"between 15m and 19m: memory_used(pod/a) >= 400Mi", "400Mi", true},
		{"between 15m and 19m: memory_used(pod/a) >= 401Mi", "400Mi", false},
		{"eventually(memory_used(pod/a) > 300Mi)", "300.0000009Mi", true},
		{"eventually(memory_used(pod/a) == 300Mi)", "300Mi", true},
		{"never(memory_used(pod/a) == 300Mi)", "300Mi", false},
		{"at 29m: memory_used(service/web) == 100.390625Mi", "100.390625Mi", true},
		{"at 31m: memory_used() == 50Mi", "50Mi", true},
		{"at 31m: memory_used(service/web) == 0", "0", true},
		{"memory_used(service/web) >= 0.75Gi within 20m", "153.1Mi", false},
		{"memory_used(node/n-1) >= 350Mi within 20m", "after 1m0s", true},
	} {
		v := New(Meta{End: tape.now()}, tape.History(), promises(t, c.expr)).Verdicts[0]
		if v.Held != c.held || v.Measured != c.measured {
			t.Errorf("%s: held %t, measured %s (%s), want %t and %s", c.expr, v.Held, v.Measured, v.Reason, c.held, c.measured)
		}
	}
	v := New(Meta{End: tape.now()}, tape.History(), promises(t, "always(memory_used(pod/a) <= 340Mi)"))
	if want := 14*time.Minute + 954; v.Verdicts[0].At != sim.Time(want) { // 240Mi at 1Mi a second, and a byte in 954 ns
		t.Errorf("broken at %v, want %v", v.Verdicts[0].At, want)
	}
}

// Before the first who counts has told there is nothing to judge, and what breaks a promise
// is what somebody told, not whatever was there first.
func TestUsageBeginsWithTheFirstThatIsTold(t *testing.T) {
	tape := using()
	for expr, want := range map[string]string{
		"always(cpu_used() >= 2)":                "pod/c", // the last to tell at that instant
		"always(memory_used(pod/b) >= 1Gi)":      "pod/b",
		"always(memory_used(service/web) > 1Gi)": "pod/b",
		"always(memory_used(node/n-1) >= 1Gi)":   "node/n-1",
	} {
		v := New(Meta{End: tape.now()}, tape.History(), promises(t, expr)).Verdicts[0]
		last := v.Before[len(v.Before)-1]
		if v.Held || v.At != sim.Time(time.Minute) || v.Object != want || !strings.Contains(last, model.ReasonUsageChanged) {
			t.Errorf("%s: held %t, broken at %v by %s: %s; want 1m by %s", expr, v.Held, v.At, v.Object, last, want)
		}
	}
	if v := New(Meta{End: tape.now()}, tape.History(), promises(t, "at 59s: cpu_used() == 0")).Verdicts[0]; v.Held || v.Measured != "no samples" {
		t.Errorf("before anybody tells it is %s", v.Measured)
	}
}

func TestWithoutWordBeforeTheRunNothingIsKnownOfUsage(t *testing.T) {
	tape := outage()
	for _, expr := range []string{"cpu_used() == 0", "memory_used() <= 1Gi", "memory_used(node/n-1) <= 1Gi"} {
		if v := New(Meta{End: tape.now()}, tape.History(), promises(t, expr)).Verdicts[0]; v.Held || v.Measured != "no samples" {
			t.Errorf("%s: held %t, measured %s", expr, v.Held, v.Measured)
		}
	}
	for _, m := range DefaultMeasures() {
		if m.TellUsage() != nil {
			t.Errorf("every comparison measures %s", m.Text)
		}
	}
}

// The mean over time of what grows is what it adds up to, by hand: 100Mi for 9 minutes and,
// from then on, 100 to 400 in 5.
func TestTheMeanOfWhatGrowsIsItsArea(t *testing.T) {
	tape := using()
	m, err := ParseMeasure("between 1m and 15m: memory_used.mean(pod/a)")
	if err != nil {
		t.Fatal(err)
	}
	v := Take(tape.History(), tape.now(), []Measure{m}, nil).Values[0]
	if want := float64((100*9 + 250*5) * mib / 14); v.N < want-1 || v.N > want+1 {
		t.Errorf("mean %f, want %f (%s)", v.N, want, v.None)
	}
}

func TestWhoseUsageAPromiseNeeds(t *testing.T) {
	for expr, want := range map[string]model.UsageOf{
		"cpu_used() <= 1":                          {},
		"memory_used(namespace/shop) <= 1Gi":       {Namespace: "shop"},
		"cpu_used(shop/deployment/web) <= 1":       {Kind: model.KindDeployment, Namespace: "shop", Name: "web"},
		"at 5m: memory_used(node/n-1) <= 1Gi":      {Kind: model.KindNode, Name: "n-1"},
		"cpu_utilization() <= 80%":                 {Kind: model.KindNode},
		"memory_utilization(node/n-1) <= 80%":      {Kind: model.KindNode, Name: "n-1"},
		"always(cpu_used(svc/web) <= 1) within 5m": {Kind: model.KindService, Namespace: "default", Name: "web"},
	} {
		if e := promises(t, expr)[0]; len(e.TellUsage()) != 1 || e.TellUsage()[0] != want {
			t.Errorf("%s: %+v, want %+v", expr, e.TellUsage(), want)
		}
	}
	if e := promises(t, "cpu_allocated() <= 1%")[0]; e.TellUsage() != nil {
		t.Errorf("what is allocated needs %+v", e.TellUsage())
	}
}

// Two nodes of 4 and 2 cores, 1Gi each, and a machine of the control plane, by hand: the first
// fills by 1Mi a second, the second is told of later and leaves.
func TestUtilizationIsOfWhatIsAllocatable(t *testing.T) {
	tape := newTape()
	for name, milli := range map[string]int64{"a": 4000, "b": 2000, "cp": 2000} {
		n := &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}, Allocatable: model.Resources{CPUMilli: milli, MemoryBytes: 1024 * mib}}
		if name == "cp" {
			n.Taints = []model.Taint{{Key: model.LabelControlPlane, Effect: model.NoSchedule}}
			n.Labels = model.MakeLabels(map[string]string{model.LabelControlPlane: ""})
		}
		tape.Create(tape.by("cluster"), n)
	}
	told := func(name string, u model.Usage) {
		m := *tape.Lookup(model.KindNode, "", name).Head()
		tape.Note(tape.by("machine/"+name), model.Note{About: &m, Reason: model.ReasonUsageChanged, Usage: &u})
	}
	told("a", model.Usage{MilliCPU: 1000, MemoryBytes: 256 * mib, MemoryGrowth: mib})
	told("cp", model.Usage{MilliCPU: 2000})
	tape.at(4 * time.Minute)
	told("b", model.Usage{MilliCPU: 2000, MemoryBytes: 128 * mib})
	tape.at(8 * time.Minute)
	tape.Delete(tape.by("cluster"), tape.Lookup(model.KindNode, "", "b").Head().Ref())
	tape.at(10 * time.Minute)
	for expr, want := range map[string]string{
		"at 1m: cpu_utilization() == 25%":                                "25%",
		"at 5m: cpu_utilization() == 50%":                                "50%",
		"at 9m: cpu_utilization() == 25%":                                "25%",
		"at 1m: cpu_utilization(node/cp) == 100%":                        "100%",
		"between 0s and 8m: cpu_utilization() >= 40%":                    "40%", // 1 of 4 and 3 of 6 cores, for as long
		"at 4m16s: memory_utilization(node/a) == 50%":                    "50%",
		"at 4m16s: memory_utilization() == 31.25%":                       "31.25%",
		"between 0s and 4m16s: memory_utilization(node/a) >= 37%":        "37.5%", // from 25 to 50
		"between 0s and 3m: always(memory_utilization() <= 42.58%)":      "42.578%",
		"eventually(memory_utilization(node/a) > 60%)":                   "just over 60%",
		"between 5m and 7m: always(memory_utilization(node/b) == 12.5%)": "12.5%",
	} {
		v := New(Meta{End: tape.now()}, tape.History(), promises(t, expr)).Verdicts[0]
		if !v.Held || v.Measured != want {
			t.Errorf("%s: held %t, measured %s (%s), want %s", expr, v.Held, v.Measured, v.Reason, want)
		}
	}
}

// Lines as steps against a look at every nanosecond: the same extremes, and the same first
// moment on each side of a limit.
func TestLinesBendWhereTheyMatter(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var s series
		at := sim.Time(0)
		for range 1 + luck.IntN(5) {
			s.slope(at, int64(luck.IntN(40)), int64(luck.IntN(5)-2)*int64(luck.IntN(700_000_000)), 0, 0)
			at += sim.Time(1 + luck.IntN(30))
		}
		to, limit := at, int64(luck.IntN(40))
		bent := s.bent(to, func(p point) int { return cmp.Compare(p.Num, limit) })
		first := map[int]sim.Time{} // by side of the limit
		least, most := int64(1<<62), int64(-1<<62)
		for now := sim.Time(0); now <= to; now++ {
			p, _ := s.at(now)
			n := p.number(now)
			least, most = min(least, n), max(most, n)
			if side := cmp.Compare(n, limit); first[side] == 0 {
				first[side] = now + 1
			}
			if q, ok := bent.at(now); !ok || cmp.Compare(q.Num, limit) != cmp.Compare(n, limit) {
				t.Fatalf("%+v at %d: %d, which is on another side of %d than %+v", s, now, n, limit, q)
			}
		}
		for _, p := range bent {
			least, most = min(least, p.Num), max(most, p.Num)
			if side := cmp.Compare(p.Num, limit); first[side] == 0 || p.At+1 < first[side] {
				t.Fatalf("%+v: on side %d of %d at %d", s, side, limit, p.At)
			}
		}
		got := [2]int64{1 << 62, -1 << 62}
		for _, p := range bent {
			got[0], got[1] = min(got[0], p.Num), max(got[1], p.Num)
		}
		if got != [2]int64{least, most} {
			t.Fatalf("%+v: from %d to %d, want %d to %d", s, got[0], got[1], least, most)
		}
	}
}

// Many lines added and taken away come to what is left, to the byte: nothing is lost to
// rounding, however often.
func TestSumsOfLinesAreExact(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	var sum ramp
	var lines []ramp
	now := sim.Time(0)
	for range 20_000 {
		now += sim.Time(luck.Int64N(3_000_000_000))
		sum.pass(now)
		if n := len(lines); n > 20 {
			l := lines[0]
			l.pass(now)
			sum.take(l)
			lines = lines[1:]
		}
		l := ramp{n: luck.Int64N(1 << 40), growth: luck.Int64N(1<<34) - 1<<33, since: now}
		lines = append(lines, l)
		sum.add(l)
	}
	sum.pass(now)
	for _, l := range lines {
		l.pass(now)
		sum.take(l)
	}
	if sum != (ramp{since: now}) {
		t.Errorf("left: %+v", sum)
	}
}

func TestAmountsOfCPUAndMemory(t *testing.T) {
	for s, want := range map[string]int64{"850m": 850, "2": 2000, "1.25": 1250, "0.5": 500, "0": 0, "1500m": 1500, "0.001": 1} {
		if n, err := parseCores(s); err != nil || n != want {
			t.Errorf("%s: %d %v, want %d", s, n, err, want)
		}
	}
	for s, want := range map[string]int64{"512Mi": 512 * mib, "1.5Gi": 1536 * mib, "1G": 1e9, "0.5k": 500, "3Ti": 3 << 40, "0Mi": 0, "0": 0, "1Pi": 1 << 50} {
		if n, err := parseBytes(s); err != nil || n != want {
			t.Errorf("%s: %d %v, want %d", s, n, err, want)
		}
	}
	for expr, want := range map[string]string{
		"cpu_used() <= 1.5m":            "write cores such as 1.25, or thousandths such as 850m",
		"cpu_used() <= 1.2345":          "is not an amount of CPU",
		"cpu_used() <= -1":              "is not an amount of CPU",
		"cpu_used() <= 50%":             "cpu_used is an amount of CPU: ",
		"cpu_used()":                    "cpu_used is an amount of CPU: compare it with something, as in cpu_used() <= 850m",
		"memory_used(node/n-1)":         "as in memory_used() <= 512Mi",
		"cpu_used.max() <= 1":           "write always(cpu_used() <= 850m) or reached(cpu_used() >= 850m)",
		"memory_used.mean(pod/a) <= 1k": "write always(memory_used() <= 512Mi) or reached(memory_used() >= 512Mi)",
		"memory_used() <= 512":          `"512" has no unit; write an amount of memory such as 512Mi`,
		"memory_used() <= 1.5":          `write an amount of memory such as 1.5Mi`,
		"memory_used() <= NaN":          `"NaN" is not an amount of memory; write one such as 512Mi or 1.5Gi`,
		"memory_used() <= Inf":          `"Inf" is not an amount of memory; write one such as`,
		"memory_used() <= 1e9":          `"1e9" is not an amount of memory; write one such as`,
		"memory_used() <= -5":           `"-5" is not an amount of memory; write one such as`,
		"memory_used() <= 512MB":        `"512MB" is not an amount of memory; write one such as 512Mi or 1.5Gi`,
		"memory_used() <= 0.3Gi":        "is not a whole number of bytes",
		"memory_used() <= 100000Pi":     "is more than any cluster has",
		"memory_used() <= 9000000000Pi": "is more than any cluster has",
		"memory_used(job/x.y) <= m":     "is not an amount of memory",
	} {
		if _, err := ParseExpect(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expr, err, want)
		}
	}
	for _, c := range []struct {
		n, limit int64
		want     string
	}{
		{512 * mib, 512 * mib, "512Mi"}, {1536 * mib, 0, "1.5Gi"}, {1600 * mib, 0, "1.5Gi"}, {1023, 0, "1.023k"}, {1000, 0, "1k"},
		{512, 0, "0.512k"}, {20, 512, "0.02k"}, {1792 * mib, 1792 * mib, "1.75Gi"}, {1780 * mib, 1792 * mib, "1.73Gi"}, {0, 1, "0"},
		{512*mib + 1, 512 * mib, "512.0000009Mi"}, {512*mib - 1, 512 * mib, "511.9Mi"}, {1<<50 + 1, 1 << 50, "1.0000000000000008Pi"},
	} {
		if got := bytesText(c.n, c.limit); got != c.want {
			t.Errorf("%d beside %d: %s, want %s", c.n, c.limit, got, c.want)
		}
	}
	for n := range int64(1024) { // what is written below 1Ki is read as the same
		if got, err := parseBytes(bytesText(n, 0)); err != nil || got != n {
			t.Errorf("%d is written %s and read %d %v", n, bytesText(n, 0), got, err)
		}
	}
	for _, c := range []struct {
		x            float64
		mean, change string
	}{
		{0, "0", "0"}, {1.2345 * (1 << 30), "1.234Gi", "+1.23Gi"}, {-1000.4 * mib, "", "-1000Mi"}, {1000.4 * mib, "1000Mi", "+1000Mi"},
		{153.17 * mib, "153.2Mi", "+153Mi"}, {1023, "1.023k", "+1.02k"}, {0.5, "0.0005k", "+0.0005k"},
	} {
		if got := Bytes.change(c.x); got != c.change {
			t.Errorf("a difference of %g: %s, want %s", c.x, got, c.change)
		}
		if got := Bytes.amount(c.x); c.x >= 0 && got != c.mean {
			t.Errorf("a mean of %g: %s, want %s", c.x, got, c.mean)
		}
	}
}

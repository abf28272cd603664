package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// look is one at a target whose pods are written one a word: "500" uses
// that many milli-CPU, "?" has no metrics; "u" behind it is not ready since its start,
// "n" is not ready since long after it, "p" is pending, "f" failed, "d" being deleted,
// "y" is young. All request a core.
func look(t *testing.T, current int32, pods ...string) *scaling {
	t.Helper()
	now := sim.Time(time.Hour)
	samples := map[uint32]int64{}
	a := &autoscalers{loop: &loop{Process: &Process{life: &life{}, usage: func(p *model.Pod, _ string) (model.Sample, bool) {
		n, ok := samples[p.ID]
		return model.Sample{CPUMilli: n, MemoryBytes: n << 20, At: now.Add(-20 * time.Second), Window: 15 * time.Second}, ok
	}}}}
	spec := &model.PodSpec{Containers: []model.Container{{Name: "c", Requests: model.Resources{CPUMilli: 1000, MemoryBytes: 1000 << 20}}}}
	s := &scaling{autoscalers: a, now: now, current: current, row: &autoscalerRow{}, until: sim.Never,
		seen: &model.HorizontalPodAutoscaler{}, hpa: &model.HorizontalPodAutoscaler{Min: 1, Max: 100}}
	a.rows.Row(0).notes.full = 1 << 60 // nobody is there to be told
	for i, word := range pods {
		id := uint32(i + 1)
		p := &model.Pod{Meta: model.Meta{ID: id, Name: fmt.Sprint("p-", id)}, Phase: model.PodRunning, Spec: spec,
			StartedAt: now.Add(-30 * time.Minute), Ready: model.Condition{Status: model.True, SinceAt: now.Add(-29 * time.Minute)}}
		var used int64
		if n, _ := fmt.Sscanf(word, "%d%s", &used, &word); n > 0 {
			samples[id] = used
			if n == 1 {
				word = ""
			}
		}
		for _, r := range word {
			switch r {
			case 'u':
				p.Ready = model.Condition{SinceAt: p.StartedAt.Add(time.Second)}
			case 'n':
				p.Ready = model.Condition{SinceAt: p.StartedAt.Add(time.Minute)}
			case 'p':
				p.Phase = model.PodPending
			case 'f':
				p.Phase = model.PodFailed
			case 'd':
				p.DeletionAt = now
			case 'y':
				p.StartedAt = now.Add(-time.Minute)
				p.Ready.SinceAt = now.Add(-30 * time.Second)
			}
		}
		a.view.setPod(id, p)
		s.row.pods, s.row.single = append(s.row.pods, id), append(s.row.single, id)
	}
	return s
}

// Source: pkg/controller/podautoscaler/replica_calculator.go GetResourceReplicas,
// calcPlainMetricReplicas, groupPods; several cases are those of
// replica_calculator_test.go.
func TestHowManyReplicasAMetricAsksFor(t *testing.T) {
	percent := func(n int32) model.MetricSpec { return model.MetricSpec{Name: "cpu", Utilization: n} }
	average := func(n int64) model.MetricSpec { return model.MetricSpec{Name: "cpu", Average: n} }
	for _, c := range []struct {
		sentence string
		metric   model.MetricSpec
		current  int32
		pods     []string
		want     int32
		value    int32 // percent, or the average
		failed   string
	}{
		{"usage by request against the target, times the ready pods, rounded up", percent(30), 3, []string{"300", "500", "700"}, 5, 50, ""},
		{"an unready pod counts as idle when it goes up", percent(30), 3, []string{"300u", "500", "700"}, 4, 60, ""},
		{"so does one whose sample is from before it was ready", percent(30), 3, []string{"300y", "500", "700"}, 4, 60, ""},
		{"unready pods may take the reason to scale away", percent(30), 3, []string{"400", "500u", "700u"}, 3, 40, ""},
		{"failed pods do not count", percent(30), 2, []string{"500", "700", "9000f", "?f"}, 4, 60, ""},
		{"pods being deleted do not count", percent(30), 2, []string{"500", "700", "9000d"}, 4, 60, ""},
		{"a pod that was ready once counts as it is", percent(30), 3, []string{"300n", "500", "700"}, 5, 50, ""},
		{"fewer for less", percent(50), 5, []string{"100", "300", "500", "250", "250"}, 3, 28, ""},
		{"an unready pod does not count when it goes down", percent(50), 5, []string{"100u", "300", "500", "250", "250"}, 3, 32, ""},
		{"a tenth more is as good", percent(100), 3, []string{"1100", "1100", "1100"}, 3, 110, ""},
		{"a percent more than that is not", percent(100), 3, []string{"1110", "1110", "1110"}, 4, 111, ""},
		{"a tenth less is as good", percent(100), 3, []string{"900", "900", "900"}, 3, 90, ""},
		{"a percent less than that is not, and yet rounds up", percent(100), 3, []string{"890", "890", "890"}, 3, 89, ""},
		{"percents are whole: 110.9 is 110", percent(100), 3, []string{"1109", "1109", "1109"}, 3, 110, ""},
		{"who has no metrics counts as idle when it goes up", percent(100), 2, []string{"1900", "?"}, 2, 190, ""},
		{"and as using all it requests when it goes down", percent(100), 2, []string{"600", "?"}, 2, 60, ""},
		{"and as using the target if that is more", percent(120), 2, []string{"100", "?"}, 2, 10, ""},
		{"missing and unready at once", percent(100), 3, []string{"4500", "?", "1000u"}, 5, 450, ""},
		{"a pending pod is unready", percent(50), 3, []string{"1000", "1000", "?p"}, 4, 100, ""},
		{"more pods than replicas may contradict the direction", percent(50), 2, []string{"300", "300", "300", "300", "300", "?"}, 2, 30, ""},
		{"averages by the target", average(500), 3, []string{"800", "1000", "1200"}, 6, 1000, ""},
		{"who has no metrics counts as using the target when averages go down", average(1000), 3, []string{"100", "100", "?"}, 2, 100, ""},
		{"and for nothing when they are as they should be", average(500), 4, []string{"500", "500", "500", "?"}, 4, 500, ""},
		{"so it is with utilizations", percent(50), 4, []string{"500", "500", "500", "?"}, 4, 50, ""},
		{"no metrics at all", percent(50), 2, []string{"?", "?"}, 0, 0, "unable to get metrics for resource cpu: no metrics returned from resource metrics API"},
		{"metrics of pods that are not ready only", percent(50), 2, []string{"500u", "500u"}, 0, 0, "did not receive metrics for targeted pods (pods might be unready)"},
	} {
		s := look(t, c.current, c.pods...)
		g, failed := s.group(&c.metric)
		var value model.MetricValue
		var got int32
		if failed == "" {
			got, failed = s.replicas(&c.metric, &g, &value)
		}
		shown := value.Utilization
		if c.metric.Average > 0 {
			shown = int32(value.Average)
		}
		if got != c.want || failed != c.failed || shown != c.value {
			t.Errorf("%s: %d (%d) %q, want %d (%d) %q", c.sentence, got, shown, failed, c.want, c.value, c.failed)
		}
	}
}

func TestMemoryOfPodsThatAreNotReadyCounts(t *testing.T) {
	m := model.MetricSpec{Name: "memory", Utilization: 30}
	s := look(t, 3, "300u", "500y", "700")
	g, failed := s.group(&m)
	got, _ := s.replicas(&m, &g, &model.MetricValue{})
	if got != 5 || failed != "" {
		t.Errorf("%d %q, want 5: only pending pods are left out of it", got, failed)
	}
}

// Source: GetResourceReplicas, calculateRequests: one container without a request makes a
// utilization impossible, and an average not.
func TestAUtilizationNeedsTheRequestOfEveryContainer(t *testing.T) {
	s := look(t, 1, "300")
	s.view.pod(1).Spec = &model.PodSpec{
		Containers:     []model.Container{{Name: "c", Requests: model.Resources{CPUMilli: 1000}}, {Name: "zero", AsksForNoCPU: true, AsksForNoMemory: true}, {Name: "silent"}},
		InitContainers: []model.Container{{Name: "init"}, {Name: "sidecar", Sidecar: true}},
	}
	for _, c := range []struct {
		metric model.MetricSpec
		want   string
	}{
		{model.MetricSpec{Name: "cpu", Utilization: 50}, "missing request for cpu in container silent of Pod p-1"},
		{model.MetricSpec{Name: "memory", Utilization: 50}, "missing request for memory in container c of Pod p-1"},
		{model.MetricSpec{Name: "cpu", Average: 50}, ""},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "c", Name: "cpu", Utilization: 50}, ""},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "zero", Name: "memory", Utilization: 50}, ""},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "sidecar", Name: "cpu", Utilization: 50}, "missing request for cpu in container sidecar of Pod p-1"},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "gone", Name: "cpu", Utilization: 50}, "container gone not found in Pod p-1"},
	} {
		if _, failed := s.group(&c.metric); failed != c.want {
			t.Errorf("%+v: %q, want %q", c.metric, failed, c.want)
		}
	}
}

// Source: calculateRequests: what a pod requests as a whole counts, with its overhead, in
// place of what its containers do; but not for a metric of one of these.
func TestWhatAPodRequestsAsAWholeCounts(t *testing.T) {
	s := look(t, 1, "300")
	spec := &model.PodSpec{
		Containers: []model.Container{{Name: "c", Requests: model.Resources{CPUMilli: 100}}, {Name: "silent"}},
		Overhead:   model.Resources{CPUMilli: 100},
		PodLevel:   &model.PodLevel{HasCPU: true, CPUMilli: 500, CPUSaid: true},
	}
	spec.SumRequests()
	s.view.pod(1).Spec = spec
	for _, c := range []struct {
		metric  model.MetricSpec
		percent int32
		failed  string
	}{
		{model.MetricSpec{Name: "cpu", Utilization: 50}, 300 / 6, ""},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "c", Name: "cpu", Utilization: 50}, 300, ""},
		{model.MetricSpec{Name: "memory", Utilization: 50}, 0, "failed to get memory utilization: missing pod-level request for memory in Pod p-1"},
	} {
		var value model.MetricValue
		if _, failed := s.measure(&c.metric, &value); failed != c.failed || value.Utilization != c.percent {
			t.Errorf("%+v: %d %% %q, want %d %% %q", c.metric, value.Utilization, failed, c.percent, c.failed)
		}
	}
}

// Source: GetResourceReplicas: that there are no metrics of pods that count is found out
// before requests are; computeStatusForResourceMetricGeneric,
// computeReplicasForMetric: the words before it.
func TestWhyAMetricOfResourcesIsNotKnown(t *testing.T) {
	container := model.MetricSpec{Source: model.ContainerResourceMetric, Container: "main", Name: "cpu", Utilization: 50}
	for _, c := range []struct {
		pod    string
		metric model.MetricSpec
		want   string
	}{
		{"?", model.MetricSpec{Name: "cpu", Utilization: 50}, "cpu resource metric value: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API"},
		{"?", model.MetricSpec{Name: "cpu", Average: 50}, "cpu resource metric value: failed to get cpu usage: unable to get metrics for resource cpu: no metrics returned from resource metrics API"},
		{"500u", model.MetricSpec{Name: "cpu", Utilization: 50}, "cpu resource metric value: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"},
		{"500", container, "main container metric value: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"},
	} {
		s := look(t, 1, c.pod)
		all := s.autoscalers.usage
		s.autoscalers.usage = func(p *model.Pod, of string) (model.Sample, bool) {
			x, ok := all(p, of)
			return x, ok && of == "" // no container has that name
		}
		s.view.pod(1).Spec = &model.PodSpec{Containers: []model.Container{{Name: "silent"}}}
		s.hpa.Metrics = []model.MetricSpec{c.metric}
		if _, _, failed := s.propose(); failed != "invalid metrics (1 invalid out of 1), first error is: failed to get "+c.want {
			t.Errorf("%s: %q", c.pod, failed)
		}
	}
}

// Source: computeStatusForResourceMetricGeneric: metricNameProposal.
func TestHowARescaleIsExplained(t *testing.T) {
	for _, c := range []struct {
		metric model.MetricSpec
		want   string
	}{
		{model.MetricSpec{Name: "cpu", Utilization: 50}, "cpu resource utilization (percentage of request)"},
		{model.MetricSpec{Name: "memory", Average: 50}, "memory resource"},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "c", Name: "cpu", Utilization: 50}, "cpu container resource utilization (percentage of request)"},
		{model.MetricSpec{Source: model.ContainerResourceMetric, Container: "c", Name: "cpu", Average: 50}, "cpu resource"},
	} {
		if got := described(&c.metric); got != c.want {
			t.Errorf("%+v: %q, want %q", c.metric, got, c.want)
		}
	}
}

// Source: computeReplicasForMetrics: the largest proposal counts; if a metric fails,
// nothing is scaled down.
func TestTheLargestProposalOfSeveralMetricsCounts(t *testing.T) {
	cpu := func(n int32) model.MetricSpec { return model.MetricSpec{Name: "cpu", Utilization: n} }
	for _, c := range []struct {
		metrics []model.MetricSpec
		want    int32
		failed  string
	}{
		{[]model.MetricSpec{cpu(50), cpu(25), cpu(80)}, 4, ""},
		{[]model.MetricSpec{{Source: model.PodsMetric, Name: "rps"}, cpu(25)}, 4, ""},
		{[]model.MetricSpec{cpu(100), {Source: model.PodsMetric, Name: "rps"}}, 0, "invalid metrics (1 invalid out of 2), " +
			"first error is: failed to get pods metric value: unable to get metric rps: unable to fetch metrics from custom metrics API: " +
			"no custom metrics API (custom.metrics.k8s.io) registered"},
	} {
		s := look(t, 2, "500", "500")
		s.hpa.Metrics = c.metrics
		if got, _, failed := s.propose(); got != c.want || failed != c.failed {
			t.Errorf("%+v: %d %q", c.metrics, got, failed)
		}
	}
}

// Source: normalizeDesiredReplicas, convertDesiredReplicasWithRules,
// stabilizeRecommendationWithBehaviors, convertDesiredReplicasWithBehaviorRate.
func TestHowFastATargetIsScaled(t *testing.T) {
	minute := time.Minute
	up, down := model.DefaultScaleUp(), model.DefaultScaleDown()
	type rules = model.ScalingRules
	plain := &model.ScalingBehavior{Up: up, Down: down}
	rises := func(f func(*rules)) *model.ScalingBehavior { b := *plain; f(&b.Up); return &b }
	falls := func(f func(*rules)) *model.ScalingBehavior { b := *plain; f(&b.Down); return &b }
	for _, c := range []struct {
		sentence          string
		behavior          *model.ScalingBehavior
		current, proposal int32
		before            []recommendation // how long ago, as a negative time
		raised, lowered   []scaleEvent
		want              int32
		why, able         string
	}{
		{"as proposed", nil, 3, 5, nil, nil, nil, 5, "DesiredWithinRange", "ReadyForNewScale"},
		{"without behavior at most twice as many", nil, 3, 50, nil, nil, nil, 6, "ScaleUpLimit", "ReadyForNewScale"},
		{"or four", nil, 1, 50, nil, nil, nil, 4, "ScaleUpLimit", "ReadyForNewScale"},
		{"maxReplicas", nil, 60, 500, nil, nil, nil, 100, "TooManyReplicas", "ReadyForNewScale"},
		{"minReplicas", nil, 8, 1, nil, nil, nil, 2, "TooFewReplicas", "ReadyForNewScale"},
		{"the highest of the last 300 s", nil, 8, 3, []recommendation{{9, -301}, {6, -300}, {4, -15}}, nil, nil, 6, "DesiredWithinRange", "ScaleDownStabilized"},
		{"with behavior the window is open at its end", plain, 8, 3, []recommendation{{6, -300}, {4, -299}}, nil, nil, 4, "DesiredWithinRange", "ScaleDownStabilized"},
		{"100 % or 4 pods in 15 s, whichever is more", plain, 3, 50, nil, nil, nil, 7, "ScaleUpLimit", "ReadyForNewScale"},
		{"100 % is more", plain, 10, 50, nil, nil, nil, 20, "ScaleUpLimit", "ReadyForNewScale"},
		{"what was added in the period counts", plain, 10, 50, nil, []scaleEvent{{4, -14}, {2, -15}}, nil, 12, "ScaleUpLimit", "ReadyForNewScale"},
		{"and what was taken away", plain, 10, 50, nil, []scaleEvent{{4, -14}}, []scaleEvent{{2, -3}}, 16, "ScaleUpLimit", "ReadyForNewScale"},
		{"the smallest change", rises(func(r *rules) { r.Select = model.SelectMin }), 10, 50, nil, nil, nil, 14, "ScaleUpLimit", "ReadyForNewScale"},
		{"percents up are rounded up", rises(func(r *rules) {
			r.Policies = []model.ScalingPolicy{{Percent: true, Value: 10, Period: minute}}
		}), 5, 50, nil, nil, nil, 6, "ScaleUpLimit", "ReadyForNewScale"},
		{"disabled", rises(func(r *rules) { r.Select = model.SelectDisabled }), 5, 50, nil, nil, nil, 5, "ScaleUpLimit", "ReadyForNewScale"},
		{"a window up takes the lowest", rises(func(r *rules) { r.Window = minute }), 5, 8, []recommendation{{3, -61}, {6, -59}}, nil, nil, 6, "DesiredWithinRange", "ScaleUpStabilized"},
		{"and does not scale down", rises(func(r *rules) { r.Window = minute }), 5, 8, []recommendation{{3, -59}}, nil, nil, 5, "DesiredWithinRange", "ScaleUpStabilized"},
		{"percents down keep what is left, cut off", falls(func(r *rules) {
			r.Window, r.Policies = 0, []model.ScalingPolicy{{Percent: true, Value: 10, Period: minute}}
		}), 15, 2, nil, nil, []scaleEvent{{5, -30}}, 15, "ScaleDownLimit", "ReadyForNewScale"},
		{"the same without what went before", falls(func(r *rules) {
			r.Window, r.Policies = 0, []model.ScalingPolicy{{Percent: true, Value: 10, Period: minute}}
		}), 15, 2, nil, nil, nil, 13, "ScaleDownLimit", "ReadyForNewScale"},
		{"the smallest change down leaves most", falls(func(r *rules) {
			r.Window, r.Select = 0, model.SelectMin
			r.Policies = []model.ScalingPolicy{{Percent: true, Value: 50, Period: minute}, {Value: 3, Period: minute}}
		}), 20, 2, nil, nil, nil, 17, "ScaleDownLimit", "ReadyForNewScale"},
		{"disabled down", falls(func(r *rules) { r.Window, r.Select = 0, model.SelectDisabled }), 20, 2, nil, nil, nil, 20, "ScaleDownLimit", "ReadyForNewScale"},
		{"minReplicas with behavior", falls(func(r *rules) { r.Window = 0 }), 20, 1, nil, nil, nil, 2, "TooFewReplicas", "ReadyForNewScale"},
	} {
		s := look(t, c.current)
		s.hpa.Min, s.hpa.Behavior = 2, c.behavior
		ago := func(at sim.Time) sim.Time { return s.now.Add(time.Duration(at) * time.Second) }
		s.row.recommended = []recommendation{{c.current, 0}}
		for _, r := range c.before {
			s.row.recommended = append(s.row.recommended, recommendation{r.replicas, ago(r.last)})
		}
		for _, e := range c.raised {
			s.row.raised = append(s.row.raised, scaleEvent{e.change, ago(e.at)})
		}
		for _, e := range c.lowered {
			s.row.lowered = append(s.row.lowered, scaleEvent{e.change, ago(e.at)})
		}
		got := s.normalize(c.proposal)
		if got != c.want || s.hpa.ScalingLimited.Reason != c.why || s.hpa.AbleToScale.Reason != c.able {
			t.Errorf("%s: %d %s %s, want %d %s %s", c.sentence, got, s.hpa.ScalingLimited.Reason, s.hpa.AbleToScale.Reason, c.want, c.why, c.able)
		}
		if limited := s.hpa.ScalingLimited.Status == model.True; limited != (c.why != "DesiredWithinRange") {
			t.Errorf("%s: limited is %v", c.sentence, limited)
		}
	}
}

// Source: storeScaleEvent, getReplicasChangePerPeriod: of several changes in one direction
// those that are older than all of its own periods give way one by one to newer ones, however
// long the periods of the other direction are.
func TestAChangeGivesWayWhenThePeriodsOfItsDirectionAreOver(t *testing.T) {
	for _, c := range []struct {
		up   time.Duration
		want int32
	}{{15 * time.Second, 2 + 1}, {time.Minute, 4 + 2 + 1}} {
		h := &model.HorizontalPodAutoscaler{Behavior: &model.ScalingBehavior{
			Up:   model.ScalingRules{Policies: []model.ScalingPolicy{{Value: 9, Period: c.up}}},
			Down: model.ScalingRules{Policies: []model.ScalingPolicy{{Value: 9, Period: 5 * time.Minute}}},
		}}
		s := look(t, 8)
		for _, e := range []scaleEvent{{4, s.now.Add(-61 * time.Second)}, {2, s.now.Add(-30 * time.Second)}, {1, s.now.Add(-15 * time.Second)}} {
			s.row.from, h.DesiredReplicas = 1, 1+e.change
			s.row.scaled(e.at, h)
		}
		if got := s.within(s.row.raised, 5*time.Minute); got != c.want {
			t.Errorf("with a period of %v up: %d pods were added in 5 minutes, want %d", c.up, got, c.want)
		}
	}
}

// load is what a target's pods have to do, in milli-CPU, which those share that are
// ready, and metrics of it: what was used at the last reading but one.
type load struct {
	rig   *rig
	total int64
	ready int64
	each  []usedFrom
}

type usedFrom struct {
	at  sim.Time
	cpu int64
}

func (l *load) set(total int64) {
	l.total = total
	l.each = append(l.each, usedFrom{l.rig.Now(), l.total / max(l.ready, 1)})
	for _, p := range l.rig.podList() {
		l.rig.process.Used(p.ID)
	}
}

// served is told that a pod became ready, or ended.
func (l *load) served(more int64) {
	l.ready += more
	l.set(l.total)
}

func (l *load) usage(p *model.Pod, _ string) (s model.Sample, ok bool) {
	const every = sim.Time(15 * time.Second)
	s.At, s.Window = (l.rig.Now()/every-1)*every, 15*time.Second
	if p.Ready.Status != model.True || p.Ready.SinceAt >= s.At {
		return s, false
	}
	for _, u := range l.each {
		if u.at <= s.At {
			s.CPUMilli = u.cpu
		}
	}
	return s, true
}

func autoscaled(t *testing.T, c rigConfig, h *model.HorizontalPodAutoscaler, replicas int32) (*rig, *load) {
	l := &load{}
	if c.usage == nil {
		c.usage = l.usage
	}
	r := newRig(t, c)
	l.rig, r.player.served = r, l.served
	d := deployment("web", replicas)
	d.Template.Spec.Containers[0].Requests.CPUMilli = 1000
	r.user.client.Create(d, 0)
	h.Meta = model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: "web"}
	h.TargetKind, h.TargetName = model.KindDeployment, "web"
	if h.Metrics == nil {
		h.Metrics = []model.MetricSpec{{Name: "cpu", Utilization: 50}}
	}
	r.user.client.Create(h, 0)
	return r, l
}

func (r *rig) autoscaler() *model.HorizontalPodAutoscaler {
	return r.store.Lookup(model.KindHorizontalPodAutoscaler, "default", "web").(*model.HorizontalPodAutoscaler)
}

// Source: NewDefaultHPARateLimiter: an autoscaler is looked at 15 s after it is seen,
// and 15 s after each look; and what follows a peak of load, by the numbers:
// twice as many at each look, and down when the peak is 300 s ago.
func TestAnAutoscalerFollowsTheLoad(t *testing.T) {
	r, l := autoscaled(t, rigConfig{}, &model.HorizontalPodAutoscaler{Min: 2, Max: 20}, 2)
	r.run(t, 14900*time.Millisecond)
	if h := r.autoscaler(); h.AbleToScale.Reason != "" {
		t.Errorf("at %v it has been looked at: %+v", r.Now(), h)
	}
	l.set(1000)
	r.until(t, 2*time.Minute, "metrics", func() bool { return r.autoscaler().ScalingActive.Status == model.True })
	r.run(t, 10*time.Minute)
	if h := r.autoscaler(); h.DesiredReplicas != 2 || h.CurrentMetrics[0].Utilization != 50 {
		t.Fatalf("at rest: %+v", h)
	}
	peak := r.Now()
	l.set(6000)
	r.until(t, 46*time.Second, "twice as many", func() bool { return r.deployment("web").Replicas == 4 })
	r.until(t, time.Minute, "as many as it takes", func() bool { return r.deployment("web").Replicas == 12 })
	r.run(t, 3*time.Minute)
	l.set(1000)
	low := r.Now()
	r.until(t, 10*time.Minute, "fewer", func() bool { return r.deployment("web").Replicas < 12 })
	if d := r.Now().Sub(low); d < 300*time.Second || d > 360*time.Second {
		t.Errorf("scaled down after %v", d)
	}
	r.until(t, time.Minute, "two again", func() bool { return r.deployment("web").Replicas == 2 })
	if h := r.autoscaler(); h.LastScaleAt < peak || r.deployment("web").Generation < 4 {
		t.Errorf("%+v", h)
	}
}

// Source: reconcileAutoscaler: a target with 0 replicas is not scaled, and one out of
// bounds is, whatever metrics say.
func TestWhatIsDecidedWithoutMetrics(t *testing.T) {
	r, l := autoscaled(t, rigConfig{}, &model.HorizontalPodAutoscaler{Min: 3, Max: 5}, 0)
	l.set(2500)
	r.run(t, time.Minute)
	if h := r.autoscaler(); h.ScalingActive.Reason != "ScalingDisabled" || r.deployment("web").Replicas != 0 {
		t.Errorf("with 0 replicas: %+v", h)
	}
	for _, c := range []struct{ is, want int32 }{{1, 3}, {9, 5}} {
		r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = c.is })
		r.run(t, time.Second)
		r.until(t, 20*time.Second, fmt.Sprint(c.want, " replicas"), func() bool { return r.deployment("web").Replicas == c.want })
	}
	r.store.Delete(0, r.deployment("web").Ref())
	r.run(t, time.Minute)
	if h := r.autoscaler(); h.AbleToScale.Status != model.False || h.AbleToScale.Reason != "FailedGetScale" {
		t.Errorf("without target: %+v", h.AbleToScale)
	}
}

// Source: computeReplicasForMetrics: an Event says of the autoscaler whose metric there is none of that
// it is so, whatever other autoscalers are looked at later.
func TestEventsAboutMetricsAreAboutTheirAutoscaler(t *testing.T) {
	r, _ := autoscaled(t, rigConfig{}, &model.HorizontalPodAutoscaler{Min: 2, Max: 20}, 2)
	r.run(t, time.Second)
	d := deployment("other", 2)
	d.Template.Spec.Containers[0].Requests.CPUMilli = 1000
	r.user.client.Create(d, 0)
	other := *r.autoscaler()
	other.Meta, other.TargetName = model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: "other"}, "other"
	r.user.client.Create(&other, 0)
	r.run(t, 5*time.Minute)
	var about, failed [2]int
	for i := range r.store.History().Len() {
		if n := r.store.History().At(i).Note; n != nil && n.About != nil {
			which := 0
			if n.About.Name == "other" {
				which = 1
			}
			switch n.Reason {
			case "FailedGetResourceMetric":
				about[which]++
			case "FailedComputeMetricsReplicas":
				failed[which]++
			}
		}
	}
	if about != failed || about[0] == 0 || about[1] == 0 {
		t.Errorf("%v metrics were missed by both, which failed %v times", about, failed)
	}
}

// Source: validateAndParseSelector, hpasControllingPodsUnderSelector: who shares a pod with
// another autoscaler that has looked at metrics scales nothing, and says so at each look,
// until the other is deleted.
func TestPodsOfSeveralAutoscalersAreScaledByNone(t *testing.T) {
	r, l := autoscaled(t, rigConfig{}, &model.HorizontalPodAutoscaler{Min: 1, Max: 20}, 2)
	l.set(1000)
	r.run(t, 5*time.Minute)
	other := *r.autoscaler()
	other.Meta = model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: "other"}
	r.user.client.Create(&other, 0)
	r.run(t, 14*time.Second)
	if h := r.autoscaler(); h.ScalingActive.Status != model.True {
		t.Errorf("before the other was looked at: %+v", h.ScalingActive)
	}
	r.run(t, 20*time.Second)
	l.set(8000)
	r.run(t, 5*time.Minute)
	if h := r.autoscaler(); h.ScalingActive.Reason != "AmbiguousSelector" || h.CurrentMetrics != nil || r.deployment("web").Replicas != 2 {
		t.Errorf("with another: %+v, %d replicas", h, r.deployment("web").Replicas)
	}
	counts := map[string]int{}
	for _, reason := range []string{"AmbiguousSelector", "FailedComputeMetricsReplicas"} {
		for _, n := range r.told(reason) {
			counts[reason+" "+n.About.Name] += one(n.Message == "pods by selector app=web are controlled by multiple HPAs: [default/web default/other]")
		}
	}
	for _, who := range []string{"web", "other"} {
		if n := counts["AmbiguousSelector "+who]; n == 0 || counts["FailedComputeMetricsReplicas "+who] == 0 {
			t.Errorf("%s was told: %v", who, counts)
		}
	}
	r.store.Delete(0, r.store.Lookup(model.KindHorizontalPodAutoscaler, "default", "other").Head().Ref())
	r.run(t, time.Minute)
	if h := r.autoscaler(); h.ScalingActive.Status != model.True || r.deployment("web").Replicas <= 2 {
		t.Errorf("alone again: %+v, %d replicas", h, r.deployment("web").Replicas)
	}
}

// Source: reconcileAutoscaler, setCurrentReplicasAndMetricsInStatus: the status has what a look
// came to also if that was not enough, and of a metric that nobody knew nothing.
func TestAMetricThatFailsIsNotKnownAnyMore(t *testing.T) {
	fails := false
	var l *load
	r, l := autoscaled(t, rigConfig{usage: func(p *model.Pod, of string) (model.Sample, bool) {
		s, ok := l.usage(p, of)
		return s, ok && !fails
	}}, &model.HorizontalPodAutoscaler{Min: 2, Max: 20}, 2)
	l.set(1000)
	r.run(t, 5*time.Minute)
	if h := r.autoscaler(); len(h.CurrentMetrics) != 1 || h.CurrentMetrics[0] != (model.MetricValue{Name: "cpu", Utilized: true, Utilization: 50, Average: 500}) {
		t.Fatalf("%+v", h.CurrentMetrics)
	}
	fails = true
	l.set(1000)
	r.run(t, time.Minute)
	if h := r.autoscaler(); len(h.CurrentMetrics) != 1 || h.CurrentMetrics[0] != (model.MetricValue{}) || h.ScalingActive.Reason != "FailedGetResourceMetric" {
		t.Errorf("%+v %+v", h.CurrentMetrics, h.ScalingActive)
	}
}

// Every look an event: the same history.
func TestLiteralModeMakesTheSameHistoryOfAutoscaling(t *testing.T) {
	literalTwin(t, func(t *testing.T, c rigConfig) *rig {
		luck := sim.NewLuck(c.seed).Stream("autoscaling")
		h := &model.HorizontalPodAutoscaler{Min: int32(1 + luck.Below(3)), Max: int32(4 + luck.Below(20))}
		if luck.Below(2) == 0 {
			up, down := model.DefaultScaleUp(), model.DefaultScaleDown()
			up.Window = time.Duration(luck.Below(3)) * 47 * time.Second
			down.Window = time.Duration(luck.Below(4)) * 83 * time.Second
			up.Select, down.Select = model.ScalingSelect(luck.Below(2)), model.ScalingSelect(luck.Below(3))
			down.Policies = []model.ScalingPolicy{{Percent: true, Value: int32(1 + luck.Below(100)), Period: luck.Duration(time.Second, 5*time.Minute)}}
			h.Behavior = &model.ScalingBehavior{Up: up, Down: down}
		}
		if luck.Below(3) == 0 {
			h.Metrics = []model.MetricSpec{{Name: "cpu", Average: 500}, {Name: "cpu", Utilization: 70}}
		}
		c.start = sim.Uniform(time.Second, time.Minute)
		r, l := autoscaled(t, c, h, 3)
		r.run(t, 20*time.Second)
		for range 12 {
			l.set(int64(luck.Below(9000)))
			if other := r.store.Lookup(model.KindHorizontalPodAutoscaler, "default", "other"); other != nil {
				r.store.Delete(r.user.id, other.Head().Ref())
			} else if luck.Below(4) == 0 {
				second := *h
				second.Name = "other"
				r.user.client.Create(&second, 0)
			}
			if luck.Below(5) == 0 {
				r.change(r.deployment("web"), func(d *model.Deployment) { d.Replicas = int32(luck.Below(9)) })
			}
			r.run(t, luck.Duration(time.Second, 20*time.Minute))
		}
		return r
	})
}

// An autoscaler of which everything is known costs nothing.
func TestAQuietAutoscalerMakesNoEvents(t *testing.T) {
	r, l := autoscaled(t, rigConfig{}, &model.HorizontalPodAutoscaler{Min: 2, Max: 20}, 2)
	r.run(t, 20*time.Second)
	l.set(1000)
	r.run(t, 20*time.Minute)
	before := r.Events()
	r.run(t, 24*time.Hour)
	if n := r.Events() - before; n > 0 {
		t.Errorf("%d events in a quiet day", n)
	}
	if got := r.user.refused; len(got) > 0 {
		t.Errorf("refused: %+v", got)
	}
}

// Looks of one instant are made in order of ID, whoever of them was left out until now:
// every look as an event does the same.
func TestLooksOfOneInstantAreInOrderOfID(t *testing.T) {
	for _, literal := range []bool{false, true} {
		used := map[string]int64{"a": 500, "b": 500}
		var r *rig
		r = newRig(t, rigConfig{literal: literal, usage: func(p *model.Pod, _ string) (model.Sample, bool) {
			at := r.Now() - r.Now()%sim.Time(15*time.Second)
			return model.Sample{At: at, Window: 15 * time.Second, CPUMilli: used[p.Labels.Value("app")]}, p.IsReady() && p.Ready.SinceAt < at
		}})
		for _, name := range []string{"a", "b"} {
			d := deployment(name, 1)
			d.Template.Spec.Containers[0].Requests.CPUMilli = 1000
			r.store.Create(r.user.id, d)
		}
		for _, name := range []string{"a", "b"} {
			r.store.Create(r.user.id, &model.HorizontalPodAutoscaler{
				Meta:       model.Meta{Kind: model.KindHorizontalPodAutoscaler, Namespace: "default", Name: name},
				TargetKind: model.KindDeployment, TargetName: name, Min: 1, Max: 9, Metrics: []model.MetricSpec{{Name: "cpu", Utilization: 50}},
			})
		}
		set := func(name string, cpu int64) {
			used[name] = cpu
			for _, p := range r.podList() {
				if p.Labels.Value("app") == name {
					r.process.Used(p.ID)
				}
			}
		}
		r.run(t, 20*time.Minute)
		r.process.Stop()
		r.process.Start() // which sees both in one instant
		r.run(t, 20*time.Minute)
		set("b", 500) // no news, but it is looked at for a while
		r.run(t, 20*time.Second)
		set("b", 900)
		set("a", 900)
		r.run(t, 40*time.Second)
		var scaled []string
		for _, n := range r.told("SuccessfulRescale") {
			scaled = append(scaled, n.Path())
		}
		if want := []string{"horizontalpodautoscaler/a", "horizontalpodautoscaler/b"}; !slices.Equal(scaled[:min(2, len(scaled))], want) {
			t.Errorf("literal %v: scaled %q, want %q", literal, scaled, want)
		}
	}
}

// The slow twin tries every autoscaler's selector on every pod.
func TestAnAutoscalersPodsAreThoseThatItsTargetSelects(t *testing.T) {
	luck := sim.NewLuck(1).Stream("selected")
	one := func(list ...string) string { return list[luck.Below(uint64(len(list)))] }
	var shared []model.Labels // as of templates
	for _, v := range []string{"a", "b", "c"} {
		shared = append(shared, model.MakeLabels(map[string]string{"app": v}), model.MakeLabels(map[string]string{"app": v, "tier": "x"}))
	}
	labels := func() model.Labels { return shared[luck.Below(uint64(len(shared)))] }
	a := newAutoscalers(&loop{Process: &Process{life: &life{}}}).(*autoscalers)
	counted := 0
	for step := range 3000 {
		now, id := sim.Time(step), uint32(luck.Below(6)+1)
		switch luck.Below(8) {
		case 0: // another selector, or none
			old := *a.view.deployments.Row(id)
			next := &model.Deployment{Meta: model.Meta{Kind: model.KindDeployment, ID: id, Namespace: one("x", "y"), Name: fmt.Sprint(id)}}
			if old != nil {
				next.Namespace = old.Namespace
			}
			if luck.Below(4) > 0 {
				next.Selector = model.SelectorOf(labels())
			}
			*a.view.deployments.Row(id) = next
			a.deployment(now, old, next)
		case 1:
			if old := *a.view.autoscalers.Row(id); old != nil {
				a.enlist(old, false)
				a.forgo(id)
				*a.rows.Row(id), *a.view.autoscalers.Row(id) = autoscalerRow{}, nil
				continue
			}
			h := &model.HorizontalPodAutoscaler{Meta: model.Meta{ID: id, Namespace: one("x", "y")}, TargetKind: model.KindDeployment, TargetName: fmt.Sprint(luck.Below(6) + 1)}
			*a.view.autoscalers.Row(id) = h
			a.enlist(h, true)
			a.regather(now, h)
		default:
			pod := uint32(luck.Below(40) + 1)
			old := a.view.pod(pod)
			next := &model.Pod{Meta: model.Meta{Kind: model.KindPod, ID: pod, Namespace: one("x", "y"), Labels: labels()}, Spec: &model.PodSpec{}}
			if old != nil && luck.Below(2) == 0 {
				next = nil
			} else if old != nil {
				next.Namespace = old.Namespace
			}
			a.view.setPod(pod, next)
			a.pod(now, old, next)
		}
		for id := range uint32(7) {
			var want []uint32
			h := *a.view.autoscalers.Row(id)
			for pod := range uint32(41) {
				if p := a.view.pod(pod); h != nil && p != nil && p.Namespace == h.Namespace && a.rows.Row(id).selector.Matches(p.Labels) {
					want = append(want, pod)
				}
			}
			if got := a.rows.Row(id).pods; !slices.Equal(got, want) {
				t.Fatalf("step %d: autoscaler %d has pods %v, want %v", step, id, got, want)
			}
			counted += len(want)
		}
	}
	if counted < 5_000 {
		t.Errorf("autoscalers had %d pods", counted)
	}
}

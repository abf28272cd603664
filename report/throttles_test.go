package report

import (
	"strings"
	"testing"
	"time"

	"orrery/model"
)

// heldUp is three pods of a Service, of which the first is throttled in half of all periods
// for 10 minutes and the second in all for a minute, until it ends; the third has no limit.
func heldUp() *tape {
	t := newTape()
	web := model.MakeLabels(map[string]string{"app": "web"})
	t.Create(t.by("kubectl"), &model.Service{
		Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, Ports: 1, Selector: model.SelectorOf(web),
	})
	var pods []*model.Meta
	for i, limit := range []int64{500, 500, 0} {
		p := &model.Pod{Meta: model.Meta{Kind: model.KindPod, Namespace: "default", Name: []string{"a", "b", "c"}[i], Labels: web}}
		p.Spec = &model.PodSpec{Containers: []model.Container{{Name: "main", Limits: model.Resources{CPUMilli: limit}}}}
		p.Containers = []model.ContainerStatus{{State: model.ContainerRunning}}
		t.Create(t.by("kubectl"), p)
		pods = append(pods, t.Lookup(model.KindPod, "default", p.Name).Head())
	}
	told := func(pod *model.Meta, ppm, milli int64) {
		t.Note(t.by("machine/n"), model.Note{About: pod, Reason: model.ReasonThrottlingChanged, Throttling: &model.Throttling{Container: "main", PeriodsPPM: ppm, MilliCPU: milli}})
	}
	t.at(10 * time.Minute)
	told(pods[0], 500_000, 200)
	t.at(12 * time.Minute)
	told(pods[1], 1_000_000, 3000)
	t.at(13 * time.Minute)
	told(pods[1], 0, 0)
	t.at(20 * time.Minute)
	told(pods[0], 0, 0)
	t.at(40 * time.Minute)
	return t
}

// Source: cAdvisor's container_cpu_cfs_throttled_seconds_total and
// container_cpu_cfs_throttled_periods_total, of container_cpu_cfs_periods_total.
func TestThrottledTimeAndPeriodsAddUp(t *testing.T) {
	tape := heldUp()
	for _, c := range []struct{ expr, measured string }{
		{"throttled_seconds(pod/a) == 2m", "2m0s"},
		{"throttled_seconds(pod/b) == 3m", "3m0s"},
		{"throttled_seconds(pod/c) == 0s", "0s"},
		{"throttled_seconds(service/web) == 5m", "5m0s"},
		{"throttled_seconds() == 5m", "5m0s"},
		{"between 5m and 12m30s: throttled_seconds(service/web) == 2m", "2m0s"},
		{"throttled_share(pod/a) == 12.5%", "12.5%"},
		{"between 0s and 40m: throttled_share(service/web) == 7.5%", "7.5%"},
		{"between 12m and 13m: throttled_share(namespace/default) == 75%", "75%"},
		{"between 12m and 12m59s: always(throttled_share(service/web) == 75%)", "75%"},
		{"at 30m: throttled_share(service/web) == 0%", "0%"},
	} {
		r := New(Meta{End: tape.now()}, tape.History(), promises(t, c.expr))
		if v := r.Verdicts[0]; !v.Held || v.Measured != c.measured {
			t.Errorf("%s: held %t, measured %s (%s), want %s", c.expr, v.Held, v.Measured, v.Reason, c.measured)
		}
	}
	r := New(Meta{End: tape.now()}, tape.History(), promises(t, "throttled_share(pod/c) == 0%"))
	if v := r.Verdicts[0]; v.Held || v.Measured != "no samples" {
		t.Errorf("without a limit: held %t, measured %s", v.Held, v.Measured)
	}
}

func TestTheReportSaysWhomLimitsHeldUp(t *testing.T) {
	tape := heldUp()
	r := New(Meta{End: tape.now()}, tape.History(), nil)
	text := reportText(t, r, false)
	for _, line := range []string{"pod/b             3m0s     1             100% from 12m0s", "pod/a             2m0s     1              50% from 10m0s"} {
		if !strings.Contains(text, line) {
			t.Errorf("it does not say %q:\n%s", line, text)
		}
	}
	if json := reportJSON(t, r); !strings.Contains(json, `"stoodNs": 180000000000`) {
		t.Errorf("the JSON does not say it:\n%s", json)
	}
	if text = reportText(t, New(Meta{End: tape.now()}, outage().History(), nil), false); strings.Contains(text, "CPU limits") {
		t.Errorf("nobody was throttled, but:\n%s", text)
	}
}

// What is held up adds up with time, and a promise about it is broken between two records: what
// led to it is what was last told of a limit, not whatever happened last.
func TestWhatLedToTooMuchThrottlingIsAboutWhoIsThrottled(t *testing.T) {
	tape := heldUp()
	for expr, want := range map[string]string{
		"throttled_seconds(pod/a) <= 1m":                 "pod/a",
		"throttled_seconds(service/web) <= 4m":           "pod/b",
		"between 12m and 13m: throttled_seconds() <= 1s": "pod/b",
		"always(throttled_share(pod/a) <= 10%)":          "pod/a",
	} {
		v := New(Meta{End: tape.now()}, tape.History(), promises(t, expr)).Verdicts[0]
		if v.Held || v.Object != want || !strings.Contains(strings.Join(v.Before, "\n"), "ThrottlingChanged") {
			t.Errorf("%s: held %v, about %q, want %q: %q", expr, v.Held, v.Object, want, v.Before)
		}
	}
}

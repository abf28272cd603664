package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// Little's law: what comes in 20 s is under way if a request takes so long. An answer that is
// due while the way back is cut never comes; one that is due later does. The way there
// does not matter, and what others send to the pod neither.
func TestARequestIsLostIfItsAnswerIsDueWhileTheWayBackIsCut(t *testing.T) {
	for _, c := range []struct {
		name    string
		back    bool // from the pod, or to it
		cut     time.Duration
		timeout time.Duration
		want    int64
	}{
		{"for good", true, time.Hour, 0, 1_000_000},
		{"for 5 s", true, 5 * time.Second, 0, 250_000},
		{"the way there", false, time.Hour, 0, 0},
		{"given up after 10 s anyway", true, time.Hour, 10 * time.Second, 0},
	} {
		r := newRig(t, 1, 3)
		r.work = workload.Work{Latency: 20 * time.Second}
		pods := []model.Ref{r.pod("web", "a", "n-0"), r.pod("web", "b", "n-1")}
		r.endpoints("web", pods...)
		r.after(5 * time.Second)
		r.traffic(
			workload.Traffic{Service: "web", Rate: workload.Constant(100_000), From: "node/n-2", Timeout: c.timeout, Retries: 1},
			workload.Traffic{Service: "web", Rate: workload.Constant(500_000)},
		)
		r.serve(true, pods...)
		r.after(10 * time.Minute)
		from, to := []network.Site{r.sites["n-0"]}, []network.Site{r.sites["n-2"]}
		if !c.back {
			from, to = to, from
		}
		cut := r.net.Impair(network.Impairment{From: from, To: to, Cut: true})
		r.after(c.cut)
		r.net.Lift(cut)
		r.after(time.Minute)
		if got := r.lost("web"); got != (model.Lost{SilentMilli: c.want}) {
			t.Errorf("%s: lost %+v, want %d", c.name, got, c.want)
		}
	}
}

// Pods that fare the same are computed once, and so are machines that send: only those are
// cut off that are.
func TestWhatIsUnderWayElsewhereIsNotLostByACut(t *testing.T) {
	r, pods := shop(t, 3, calling("front", "back", 1000, 0))
	r.work = workload.Work{Latency: 10 * time.Second}
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(90_000)})
	r.after(time.Minute)
	// A back on n-1 (of three) is cut off from a front on n-2 (of three) but not from the ingress.
	r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-1"]}, To: []network.Site{r.sites["n-2"]}, Cut: true})
	r.after(time.Minute)
	if got := r.lost("back").SilentMilli; got < 99_000 || got > 101_000 { // 10 a second, for 10 s
		t.Errorf("the back lost %d", got)
	}
	if got := r.lost("front"); got.FailedMilli < 99_000 || got.FailedMilli > 101_000 || got.SilentMilli != 0 {
		t.Errorf("the front lost %+v", got)
	}
}

package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// The slow twin computes every pod by itself and passes every change on at once. Retries
// and losses that chase each other end where they are stopped, so with them there are
// moments in which the two are not the same, but not many.
func TestLimitsOfMachinesAreThoseOfEveryPodByItself(t *testing.T) {
	play := func(seed uint64, exact bool, retries int) (out []model.Traffic) {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Lane("test").Draw(0, 0)
		r := newRig(t, 1, 5)
		r.exact = exact
		if seed%2 == 0 {
			r.tables = func(string) int64 { return 5_000 + int64(seed)*1000 }
		} else {
			r.width = 20_000_000
		}
		r.work = workload.Work{RequestBytes: 10_000, AnswerBytes: 100_000, Latency: 5 * time.Millisecond}
		web := r.ready(&model.Service{}, 4)
		var db []model.Ref
		for i := range 3 {
			db = append(db, r.pod("db", fmt.Sprint("db-", i), fmt.Sprint("n-", 1+i)))
		}
		r.endpoints("db", db...)
		r.calls = []workload.Call{{Namespace: "default", From: "calls of app=web", Service: "db", PerRequestMilli: 500, Timeout: time.Second, Retries: retries,
			Makes: func(p *model.Pod) bool { return p.Labels.Value("app") == "web" }}}
		var steps []workload.Step
		for at := 10 * time.Second; at < 20*time.Minute; at += time.Duration(30+luck.Below(120)) * time.Second {
			steps = append(steps, workload.Step{At: at, MilliRPS: int64(10+luck.Below(400)) * 1000})
		}
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: steps}, From: "node/n-4", Timeout: 2 * time.Second, Retries: retries})
		r.serve(true, append(web, db...)...)
		for range 20 {
			r.after(time.Minute)
			if luck.Below(4) == 0 {
				r.flows.Narrow(r.sites[fmt.Sprint("n-", luck.Below(5))], int64(1+luck.Below(10))*100_000)
			}
			if luck.Below(4) == 0 {
				r.flows.FillConntrack(r.sites[fmt.Sprint("n-", luck.Below(5))], int64(luck.Below(10))*100_000)
			}
			r.after(time.Millisecond)
			for _, from := range []string{"node/n-4", "calls of app=web"} {
				if told := r.last(from); told != nil {
					out = append(out, *told)
				}
			}
		}
		return out
	}
	for retries, most := range []int{0, 2, 2} { // per cent of moments
		points, wrong := 0, 0
		for seed := range uint64(10) {
			fast, slow := play(seed, false, retries), play(seed, true, retries)
			if len(fast) != len(slow) {
				t.Fatalf("seed %d: %d and %d", seed, len(fast), len(slow))
			}
			for i := range fast {
				a, b := &fast[i], &slow[i]
				points++
				for _, x := range [...][2]int64{{a.OfferedMilliRPS, b.OfferedMilliRPS}, {a.ServedMilliRPS, b.ServedMilliRPS}, {a.UntrackedMilliRPS, b.UntrackedMilliRPS}, {a.CongestedMilliRPS, b.CongestedMilliRPS}} {
					if off := x[0] - x[1]; off > b.OfferedMilliRPS/50+10 || off < -b.OfferedMilliRPS/50-10 {
						wrong++
						if most > 0 {
							break
						}
						t.Errorf("%d retries, seed %d, %d from %s:\n%+v\nevery pod by itself\n%+v", retries, seed, i, a.From, a, b)
						break
					}
				}
			}
		}
		if wrong*100 > points*most {
			t.Errorf("%d retries: %d of %d points are wrong, want %d %%", retries, wrong, points, most)
		}
	}
}

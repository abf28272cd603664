package workload_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// tangle is some services that call one another at random, in circles too, with timeouts and
// retries, whose pods have workers, queues and CPU that may not be enough. All come at once.
func tangle(t *testing.T, seed uint64) *rig {
	luck := rand.New(rand.NewPCG(seed, 5))
	r := newRig(t, seed, 4)
	r.works = map[model.Ref]workload.Work{}
	var pods []model.Ref
	n := 2 + luck.IntN(6)
	for i := range n {
		app := fmt.Sprint("s-", i)
		w := workload.Work{CPU: time.Duration(1+luck.IntN(20)) * time.Millisecond, Latency: time.Duration(luck.IntN(50)) * time.Millisecond}
		if luck.IntN(3) > 0 {
			w.Workers, w.Queue = int64(1+luck.IntN(30)), int64(luck.IntN(3)*luck.IntN(50))
		}
		var mine []model.Ref
		for j := range 1 + luck.IntN(4) {
			p := r.pod(app, fmt.Sprint(app, "-", j), fmt.Sprint("n-", luck.IntN(4)))
			r.works[p] = w
			if luck.IntN(2) == 0 {
				r.capacity[p] = int64(20_000 + luck.IntN(200_000))
			}
			mine = append(mine, p)
		}
		r.endpoints(app, mine...)
		pods = append(pods, mine...)
		for j := range n {
			if luck.IntN(3) == 0 {
				c := calling(app, fmt.Sprint("s-", j), int64(200+luck.IntN(1000)), luck.IntN(4))
				c.Timeout = time.Duration(1+luck.IntN(40)) * 50 * time.Millisecond
				r.calls = append(r.calls, c)
			}
		}
	}
	r.traffic(workload.Traffic{Service: "s-0", Rate: workload.Rate{Steps: []workload.Step{{At: time.Second, MilliRPS: int64(1000 + luck.IntN(300_000))}}}, Timeout: time.Second, Retries: luck.IntN(3)})
	r.after(500 * time.Millisecond)
	r.serve(true, pods...)
	return r
}

// A pod whose workers are not all busy and that turns nobody away is at rest, however what
// arrives there goes to and fro: so a circle whose retries chase one another comes to an end.
func TestATangleOfCallsComesToRestWithinSoManyNotes(t *testing.T) {
	for _, seed := range []uint64{97, 170, 220, 395} {
		r := tangle(t, seed)
		r.after(5 * time.Minute)
		n := 0
		for _, x := range r.notes(0) {
			if x.Traffic != nil {
				n++
			}
		}
		if n > 4100 || r.Events() > 1200 {
			t.Errorf("seed %d: %d notes and %d events in five minutes of constant traffic", seed, n, r.Events())
		}
	}
}

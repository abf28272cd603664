package workload_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// The slow twin adds up what a call graph without failures comes to, Service by Service;
// the flows got there by changes on the way, of which some pods came back.
func TestLoadOfRandomCallGraphsEqualsTheSum(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		r := newRig(t, luck.Uint64(), 3)
		r.work = workload.Work{CPU: time.Millisecond, Latency: 10 * time.Millisecond}
		n := 4 + luck.IntN(6)
		want := make([]int64, n)
		want[0] = 60_000
		pods := map[int][]model.Ref{}
		for i := range n {
			app := fmt.Sprint("s-", i)
			for j := range 1 + luck.IntN(4) {
				pods[i] = append(pods[i], r.pod(app, fmt.Sprint(app, "-", j), fmt.Sprint("n-", luck.IntN(3))))
			}
			for j := i + 1; j < n; j++ {
				if luck.IntN(3) > 0 {
					per := int64(500 + 500*luck.IntN(3))
					r.calls = append(r.calls, calling(app, fmt.Sprint("s-", j), per, luck.IntN(2)))
					want[j] += want[i] * per / 1000
				}
			}
			r.endpoints(app, pods[i]...)
		}
		r.traffic(workload.Traffic{Service: "s-0", Rate: workload.Rate{Steps: []workload.Step{{At: 0, MilliRPS: 7_000}, {At: 20 * time.Second, MilliRPS: want[0]}}}})
		for i := range n {
			for _, p := range pods[i] {
				r.flows.ServingChanged(p, true)
			}
		}
		for range 20 {
			p := pods[luck.IntN(n)][0]
			r.flows.ServingChanged(p, false)
			r.after(time.Duration(luck.IntN(800)) * time.Millisecond)
			r.flows.ServingChanged(p, true)
		}
		r.after(30 * time.Second)
		got := make([]int64, n)
		for key, x := range r.lastTraffic(0) {
			var i int
			if _, err := fmt.Sscanf(key, "service/s-%d from", &i); err == nil {
				got[i] += x.OfferedMilliRPS
				if x.ServedMilliRPS != x.OfferedMilliRPS {
					t.Errorf("%s: %+v", key, x)
				}
			}
		}
		for i := range n {
			// What single pods call is rounded down, a few thousandths for each path to it.
			if off := want[i] - got[i]; off < 0 || off > want[i]/500 {
				t.Errorf("service %d of %d: offered %d, want %d", i, n, got[i], want[i])
			}
		}
	}
}

package workload_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// Beside callers whose workers nearly fill what they call others come at any time: as these are turned away
// more often, there are fewer of them inside than of those who come. Of requests, of calls and of those of
// others as many are served as one by one, but where a call that fails at once has a short queue drain
// while all that is there is others'.
func TestWhoComesBesidesFewCallersFaresAsOneByOne(t *testing.T) {
	const ms = time.Millisecond
	luck := rand.New(rand.NewPCG(17, 8))
	pick := func(x ...int64) int64 { return x[luck.IntN(len(x))] }
	compare := func(p party, rps, seconds, most float64) (off float64) {
		services := p.services()
		services[1].rps = rps
		want, got := onebyone(services, 20, seconds), byRate(t, services, 10*time.Minute)
		for _, e := range []edge{{-1, 0}, {0, 1}} {
			w, g := want[e].served/want[e].attempts, got[e].served/got[e].attempts
			if off = max(off, math.Abs(w-g)); math.Abs(w-g) > most {
				t.Errorf("%+v, and %.1f others, %+v: %.3f are served; one by one %.3f", p, rps, e, g, w)
			}
		}
		return off
	}
	compare(party{1, 10, 50, 2 * ms, 1, 10, 0, 100 * ms, 1.53, 0, 10 * time.Second}, 1, 1500, 0.02)
	compare(party{1, 10, 0, 2 * ms, 1, 10, 0, 100 * ms, 1.53, 0, 10 * time.Second}, 1, 1500, 0.02)
	compare(party{1, 5, 100, 2 * ms, 1, 5, 0, 100 * ms, 1.49, 0, 10 * time.Second}, 2.5, 1500, 0.07)
	compare(party{1, 5, 100, 2 * ms, 1, 5, 0, 100 * ms, 0.816, 0, 10 * time.Second}, 2.5, 1500, 0.1)
	away := 0
	for range 20 {
		w := pick(3, 5, 10, 20)
		p := party{
			1, w, pick(0, 5, 50), time.Duration(pick(1, 5, 20)) * ms,
			1, max(w*pick(5, 10, 10, 10)/10, 1), pick(0, 0, 5, 20), time.Duration(pick(20, 40, 100)) * ms,
			float64(pick(7, 9, 11, 15)) / 10, int(pick(0, 0, 1)), 10 * time.Second,
		}
		if compare(p, p.rps()*float64(pick(1, 3, 10, 20))/100, 250, 0.28) > 0.05 {
			away++
		}
	}
	if away > 2 {
		t.Errorf("of 20 kinds of callers, %d fare otherwise than one by one", away)
	}
}

package workload

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What would come if all workers were ready is so much less than it is said to be that what comes
// is what is said, and a hundredth more at most.
func TestACrowdSendsWhatItIsSaidTo(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := station{servers: 1 + luck.Int64N(40), think: 1_000_000 + luck.Int64N(200_000_000)}
		arriving := 1000 + luck.Int64N(400_000)
		s.fill(arriving)
		from := crowd{many: 1 + luck.Int64N(200), pods: 1 + luck.Int64N(3), own: 1 + luck.Int64N(2*nano), would: million + luck.Int64N(50*million), queue: luck.Int64N(100)}
		var x states
		if !x.prepare(&s, arriving, luck.Int64N(50)*1000, million, from) {
			continue
		}
		most := x.mean(endless, million)
		free := x.mean(from.would, x.waiting(from.would, most))
		x.solve()
		time := 0.0 // for all that come
		for k := int64(0); k <= x.last; k++ {
			time += float64(x.found[k]) / float64(x.comes[k])
		}
		comes := int64(nano / time)
		if want := min(free, atMost); max(comes-want, want-comes) > 6*nearEnough {
			t.Errorf("%+v of %d to %d servers: %d of a million come, want %d", from, arriving, s.servers, comes, want)
		}
	}
}

// What was worked out before on a sheet makes no difference.
func TestACrowdIsTheSameOnASheetThatWasUsed(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	used, back := new(states), 0
	var from crowd
	for n := range 3000 {
		if n%3 == 0 { // the next ones differ from it only in what arrives
			from = crowd{}
			if luck.IntN(3) == 0 {
				from = crowd{many: 1 + luck.Int64N(200), pods: 1 + luck.Int64N(3), own: 1 + luck.Int64N(2*nano), would: million + luck.Int64N(50*million), queue: luck.Int64N(100)}
			}
			from.comeback = comeback{1 + luck.IntN(mostAgain), 1 + luck.Int64N(300_000), luck.Int64N(million + 1), 1 + luck.Int64N(million), luck.Int64N(million + 1), luck.Int64N(million + 1), 1 + luck.IntN(4), luck.Int64N(million + 1), 0}
		}
		w := Work{CapacityMilliRPS: 100_000, CPU: 10 * time.Millisecond, Workers: luck.Int64N(4), Queue: luck.Int64N(80)}
		arriving := luck.Int64N(400_000)
		from.sheet = used
		got := w.handle(arriving, sure, from)
		from.sheet = new(states)
		if want := w.handle(arriving, sure, from); got != want {
			t.Fatalf("%+v of %d:\n%+v, want\n%+v", w, arriving, got, want)
		}
		if got.bound != (odds{}) {
			back++
		}
	}
	if back < 500 {
		t.Errorf("only %d times somebody came back", back)
	}
}

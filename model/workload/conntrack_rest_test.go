package workload_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
)

// flooded is services that call those after them, whose pods have workers and queues, on nodes
// whose tables of connections may be too small for all that their clients try again.
type flooded struct {
	*rig
	sizes   []int64
	most    map[string]int64 // that all pods of a Service get done, in thousandths a second
	sources []workload.Traffic
}

func flood(t *testing.T, seed uint64) *flooded {
	luck := rand.New(rand.NewPCG(seed, 7))
	r := &flooded{rig: newRig(t, seed, 2+luck.IntN(4)), most: map[string]int64{}}
	r.works = map[model.Ref]workload.Work{}
	for range len(r.sites) - 1 {
		r.sizes = append(r.sizes, int64(2000+luck.IntN(40_000)))
	}
	r.tables = func(node string) int64 { return r.sizes[node[2]-'0'] }
	var pods []model.Ref
	n := 1 + luck.IntN(4)
	for i := range n {
		app := fmt.Sprint("s-", i)
		pods = append(pods, r.backend(luck, app)...)
		for j := i + 1; j < n; j++ {
			if luck.IntN(2) == 0 {
				c := calling(app, fmt.Sprint("s-", j), int64(500+luck.IntN(2000)), luck.IntN(4))
				c.Timeout = time.Duration(1+luck.IntN(40)) * 50 * time.Millisecond
				r.calls = append(r.calls, c)
			}
		}
	}
	for i := range 1 + luck.IntN(3) {
		r.sources = append(r.sources, workload.Traffic{
			Service: fmt.Sprint("s-", luck.IntN(n)), From: fmt.Sprint("node/n-", i%len(r.sizes)),
			Rate:    workload.Rate{Steps: []workload.Step{{At: time.Second, MilliRPS: int64(10_000 + luck.IntN(500_000))}}},
			Timeout: time.Duration(1+luck.IntN(40)) * 50 * time.Millisecond, Retries: luck.IntN(6),
		})
	}
	r.traffic(r.sources...)
	r.after(500 * time.Millisecond)
	r.serve(true, pods...)
	return r
}

// backend is the pods of a Service.
func (r *flooded) backend(luck *rand.Rand, app string) (pods []model.Ref) {
	w := workload.Work{CPU: time.Duration(1+luck.IntN(10)) * time.Millisecond, Latency: time.Duration(luck.IntN(100)) * time.Millisecond}
	if luck.IntN(5) > 0 {
		w.Workers, w.Queue = int64(1+luck.IntN(30)), int64(luck.IntN(3)*luck.IntN(100))
	}
	for j := range 1 + luck.IntN(4) {
		p := r.pod(app, fmt.Sprint(app, "-", j), fmt.Sprint("n-", luck.IntN(len(r.sizes))))
		r.works[p] = w
		most := int64(math.MaxInt32)
		if luck.IntN(2) == 0 {
			r.capacity[p] = int64(20_000 + luck.IntN(200_000))
			most = r.capacity[p]
		}
		if w.Workers > 0 {
			most = min(most, w.Workers*1000*int64(time.Second)/int64(w.CPU+w.Latency))
		}
		r.most[app] += most
		pods = append(pods, p)
	}
	r.endpoints(app, pods...)
	return pods
}

// Tables that are full and queues behind them chase each other, as who is dropped comes to no queue
// and who waits there tries again. At constant traffic that ends, and then no more is served than
// pods get done, and no more opened from a node than its table forgets in the time it remembers.
func TestFullTablesAndTheQueuesBehindThemComeToRestTogether(t *testing.T) {
	for _, seed := range []uint64{7, 20, 28, 42} {
		r := flood(t, seed)
		r.after(time.Hour)
		if n := r.Events(); n > 4000 {
			t.Errorf("seed %d: %d events in an hour of constant traffic", seed, n)
		}
		before := r.Events()
		r.after(time.Hour)
		if n := r.Events() - before; n > 700 {
			t.Errorf("seed %d: %d events in the second hour of constant traffic", seed, n)
		}
		served := map[string]int64{}
		for name, told := range r.lastTraffic(0) {
			for app := range r.most {
				if told.ServedMilliRPS > 0 && len(name) > len("service/"+app) && name[:len("service/"+app)] == "service/"+app {
					served[app] += told.ServedMilliRPS
				}
			}
		}
		for app, most := range r.most {
			if served[app] > most*102/100 {
				t.Errorf("seed %d: %s serves %d, and gets %d done", seed, app, served[app], most)
			}
		}
		for _, s := range r.sources {
			told, most := r.last(s.From), r.sizes[s.From[len("node/n-")]-'0']*1000/120
			if opened := told.OfferedMilliRPS - told.UntrackedMilliRPS; opened > most*103/100 {
				t.Errorf("seed %d: %d connections get through the table of %s, which forgets %d: %v", seed, opened, s.From, most, told)
			}
		}
	}
}

// Who was turned away and tries again finds the pod as full as before, unless the attempt is lost on
// the way: then it comes there only after its timeout, when all is new. By hand: Erlang's loss
// formula for those that come afresh, and attempt after attempt.
func TestAnAttemptThatIsLostOnTheWayIsNotInVain(t *testing.T) {
	r := newRig(t, 1, 2)
	r.tables = func(string) int64 { return 1500 }
	r.work = workload.Work{Workers: 4, Latency: 100 * time.Millisecond}
	pods := r.ready(&model.Service{UDP: true}, 1)
	const rate, tries = 100, 4
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: rate * 1000}}}, From: "node/n-1", Timeout: 500 * time.Millisecond, Retries: tries - 1})
	r.serve(true, pods...)
	r.flows.FillConntrack(r.sites["n-1"], 990_000) // 0.99 to the power of 64 of those that find no place
	r.after(10 * time.Minute)
	told := r.last("node/n-1")
	drops := float64(told.UntrackedMilliRPS) / float64(told.OfferedMilliRPS)
	if drops < 0.3 || drops > 0.8 {
		t.Fatalf("a part of %.2f is dropped", drops)
	}
	served, offered, loses := 0.0, 0.0, 0.5
	for range 200 {
		fresh, full := 1.0, 0.0 // who makes an attempt next, and of those, who was just turned away is in full
		reaches := 0.0
		served, offered = 0, 0
		for range tries {
			offered += fresh + full
			come := fresh * (1 - drops)
			reaches += come
			served += come * (1 - loses)
			fresh, full = (fresh+full)*drops, come*loses+full*(1-drops)
		}
		loses = (loses + erlang(rate*reaches*0.1, 4)) / 2
	}
	got, want := float64(told.ServedMilliRPS)/1000, rate*served
	if math.Abs(got-want) > want*0.03 {
		t.Errorf("%.1f served, by hand %.1f", got, want)
	}
	if got, want := float64(told.OfferedMilliRPS)/1000, rate*offered; math.Abs(got-want) > want*0.03 {
		t.Errorf("%.1f attempts a second, by hand %.1f", got, want)
	}
}

// erlang is Erlang's loss formula.
func erlang(load float64, servers int) float64 {
	lost := 1.0
	for k := 1; k <= servers; k++ {
		lost = load * lost / (float64(k) + load*lost)
	}
	return lost
}

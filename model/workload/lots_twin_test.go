package workload_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// apiece is callers with ten workers each, some of which have no way to what they call.
type apiece struct {
	pods, blind, queue int64
	hands              int64   // workers of each of two dbs, which take 20 ms for a call
	load               float64 // of the workers of a caller that has a way, if no call waits
	retries            int
	timeout            time.Duration
}

func (a apiece) services() []service {
	const ms = time.Millisecond
	return []service{
		{pods: a.pods, workers: 10, queue: a.queue, latency: 10 * ms, calls: []link{{1, a.retries, a.timeout}}, rps: a.load * float64(a.pods*10) / 0.03, blind: a.blind},
		{pods: 2, workers: a.hands, cpu: 20 * ms},
	}
}

// Requests one by one: those of callers that are cut off fail, and hold their workers for all
// attempts; the others fare as if there were no such callers.
func TestCallersThatAreCutOffAndOthersFareAsOneByOne(t *testing.T) {
	for _, a := range []apiece{
		{2, 1, 0, 50, 0.1, 0, time.Second},
		{2, 1, 0, 50, 0.3, 2, time.Second},
		{2, 1, 0, 50, 0.7, 1, time.Second},
		{2, 1, 20, 50, 0.3, 0, time.Second},
		{2, 1, 20, 50, 0.7, 3, 100 * time.Millisecond},
		{2, 1, 20, 50, 0.9, 1, time.Second},
		{4, 1, 0, 50, 0.5, 2, 500 * time.Millisecond},
		{4, 3, 20, 50, 0.5, 1, time.Second},
		{2, 1, 0, 3, 0.5, 2, time.Second}, // dbs that turn calls away
		{3, 1, 20, 5, 0.5, 1, time.Second},
	} {
		want, got := onebyone(a.services(), 20, 300), byRate(t, a.services(), 10*time.Minute)
		for e, w := range want {
			g := got[e]
			a.near(t, e, "calls", g.first, w.first, 0.03)
			a.near(t, e, "attempts", g.attempts, w.attempts, 0.03)
			a.near(t, e, "served", g.served, w.served, 0.03)
			if e.from < 0 {
				a.near(t, e, "half within", g.half, w.half, 0.15)
				a.near(t, e, "99 % within", g.nearly, w.nearly, 0.15)
			}
		}
	}
}

// near compares what becomes of an edge with requests one by one.
func (a apiece) near(t *testing.T, e edge, what string, got, want, most float64) {
	t.Helper()
	if math.Abs(got-want) > most*want {
		t.Errorf("%+v: %+v: %s %.3f, one by one %.3f", a, e, what, got, want)
	}
}

// muddle is callers, one or two on a node, and dbs, and whatever may be wrong between them.
type muddle struct {
	*rig
	luck    *rand.Rand
	fe, db  []model.Ref
	retries int
	serves  map[model.Ref]bool
	fails   map[model.Ref]int64 // of a million requests
	cuts    []network.Handle
}

// node is one of the nodes.
func (m *muddle) node() string { return fmt.Sprint("n-", m.luck.IntN(5)) }

// place is where a pod is.
func (m *muddle) place(pod model.Ref) network.Site {
	if at, ok := m.flows.PlaceOf(pod); ok {
		return at
	}
	return m.sites[m.store.Get(pod).(*model.Pod).NodeName]
}

// stir has something else be wrong, or be mended.
func (m *muddle) stir() {
	fe, db := m.fe[m.luck.IntN(len(m.fe))], m.db[m.luck.IntN(len(m.db))]
	node := m.node()
	switch m.luck.IntN(8) {
	case 0, 1:
		m.cuts = append(m.cuts, m.parts(node, m.node()))
	case 2:
		at, _ := m.flows.Place(fe, "own", m.store.Get(fe).(*model.Pod).NodeName)
		m.cuts = append(m.cuts, m.net.Impair(network.Impairment{From: []network.Site{at}, To: []network.Site{m.sites[node]}, Cut: true}))
	case 3:
		m.serves[db] = !m.serves[db]
		m.serve(m.serves[db], db)
	case 4:
		m.luck.Shuffle(len(m.db), func(i, j int) { m.db[i], m.db[j] = m.db[j], m.db[i] })
		m.endpoints("db", m.db[:1+m.luck.IntN(len(m.db))]...)
	case 5:
		m.changes("db", func(svc *model.Service) { svc.LocalInternal = !svc.LocalInternal })
	case 6:
		if m.fails[db] > 0 {
			m.flows.Fail(db.ID, -m.fails[db])
		}
		if m.fails[db] = int64(m.luck.IntN(4)) * 250_000; m.fails[db] > 0 {
			m.flows.Fail(db.ID, m.fails[db])
		}
	case 7:
		if p := m.proxies[node]; m.luck.IntN(2) == 0 {
			p.Halt()
		} else {
			p.Resume()
		}
	}
	if len(m.cuts) > 3 {
		m.net.Lift(m.cuts[0])
		m.cuts = m.cuts[1:]
	}
}

// byHand is what becomes of 50 requests a second of each caller: an attempt goes to any endpoint
// that the rules of its node have.
func (m *muddle) byHand() (all fared) {
	for _, fe := range m.fe {
		route := m.proxies[m.store.Get(fe).(*model.Pod).NodeName].Route("default", "db")
		good := 0.0
		for _, e := range route.Endpoints {
			if m.serves[e.Pod] && m.net.Connected(m.place(fe), m.place(e.Pod)) {
				good += (1 - float64(m.fails[e.Pod])/1e6) / float64(len(route.Endpoints))
			}
		}
		left := 50.0
		for range m.retries + 1 {
			all.attempts += left
			left *= 1 - good
		}
		all.served += 50 - left
	}
	return all
}

// muddled is callers, every other time those of a source, and dbs of which nothing is wrong yet.
func muddled(t *testing.T, seed uint64, exact bool) (m *muddle, service, user, caller string) {
	r := newRig(t, seed, 5)
	r.exact = exact
	m = &muddle{rig: r, luck: rand.New(rand.NewPCG(seed, 3)), retries: int(seed % 5), serves: map[model.Ref]bool{}, fails: map[model.Ref]int64{}}
	m.fe = r.stage("fe", "n-0", "n-1", "n-2", "n-3", "n-4", "n-0", "n-1")
	m.db = r.stage("db", m.node(), m.node(), m.node(), m.node())
	r.deploys("fe")
	source := workload.Traffic{Service: "fe", From: "ingress", Rate: workload.Constant(350_000)}
	call := impatient("db", 1000, m.retries)
	if seed%2 == 1 {
		source = workload.Traffic{Service: "db", From: "deployment/fe", Rate: source.Rate, Timeout: time.Second, Retries: m.retries}
		call.From = source.From
	} else {
		r.calls = []workload.Call{call}
	}
	for _, db := range m.db {
		m.serves[db] = true
	}
	r.sends(t, slices.Concat(m.fe, m.db), source)
	return m, source.Service, source.From, call.From
}

// Whatever is wrong, and whatever was before.
func TestCallersFareByTheirOwnWaysAndRulesWhateverTheseAre(t *testing.T) {
	for seed := range uint64(24) {
		m, service, user, caller := muddled(t, seed, seed%4 > 1)
		for n := range 30 {
			m.stir()
			m.after(5 * time.Minute)
			want := m.byHand()
			got := m.fared(service, user, caller)
			if math.Abs(got.served-want.served) > 0.1+want.served/1000 || math.Abs(got.attempts-want.attempts) > 0.1+want.attempts/1000 {
				t.Errorf("seed %d, %d retries: after %d changes %.2f, by hand %.2f", seed, m.retries, n+1, got, want)
				break
			}
		}
	}
}

// told is all notes of traffic.
func (r *rig) told() (all []string) {
	for i := range r.store.History().Len() {
		if x := r.store.History().At(i); x.Note != nil && x.Note.Traffic != nil {
			all = append(all, fmt.Sprintf("%v %s %+v", time.Duration(x.At), x.Note.Path(), *x.Note.Traffic))
		}
	}
	return all
}

// The slow twin has the class of each pod found by itself. What is wrong changes in a moment, sometimes
// while proxies are still told of what was before, and some pods have less CPU than others.
func TestPodsGoWhereOthersOfTheirClassGo(t *testing.T) {
	for seed := range uint64(24) {
		var told [2][]string
		for k := range told {
			m, _, _, _ := muddled(t, seed, false)
			if k == 1 {
				m.flows.Afresh()
			}
			for range 60 {
				m.stir()
				if pod := m.db[m.luck.IntN(len(m.db))]; m.luck.IntN(3) == 0 {
					m.capacity[pod] = int64(50_000 * (1 + m.luck.IntN(3)))
					m.flows.CapacityChanged(pod)
				}
				m.after(time.Duration(m.luck.IntN(3000)) * time.Millisecond)
			}
			told[k] = m.told()
		}
		if len(told[0]) < 30 {
			t.Fatalf("seed %d: hardly anything happened", seed)
		}
		for i := range min(len(told[0]), len(told[1])) {
			if told[0][i] != told[1][i] {
				t.Fatalf("seed %d: note %d of %d:\n%s\nafresh:\n%s", seed, i, len(told[0]), told[0][i], told[1][i])
			}
		}
		if len(told[0]) != len(told[1]) {
			t.Errorf("seed %d: %d notes, afresh %d", seed, len(told[0]), len(told[1]))
		}
	}
}

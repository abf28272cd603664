package apiserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// defaultFlows is what counts in a cluster without objects about it.
func defaultFlows() *flowControl {
	k := sim.New(sim.Config{Seed: 1})
	return newFlowControl(store.New(k, network.New(k, network.DefaultProfile())))
}

// Source: k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go, with
// --max-requests-inflight 400 and --max-mutating-requests-inflight 200: each
// level has 600 * shares / 245 seats, rounded up, and never lends some of them;
// apf_controller.go maxSeatsForPriorityLevel says how many one list may have.
func TestSharesBecomeSeats(t *testing.T) {
	f := newFairness(false, defaultFlows())
	for i, want := range []struct {
		name                   string
		nominal, least, widest int64
	}{
		{"exempt", 0, 0, 1}, {"system", 74, 50, 10}, {"node-high", 98, 73, 10}, {"leader-election", 25, 25, 4},
		{"workload-high", 98, 49, 10}, {"workload-low", 245, 24, 10}, {"global-default", 49, 24, 8}, {"catch-all", 13, 13, 2},
	} {
		l := &f.levels[i]
		if l.name != want.name || f.nominal[i] != want.nominal || f.least[i] != want.least || f.width(i, 100<<20) != want.widest {
			t.Errorf("%s: %d seats, keeps %d, at most %d for a list; want %+v", l.name, f.nominal[i], f.least[i], f.width(i, 100<<20), want)
		}
		if !slices.Contains(model.PriorityLevels, l.name) {
			t.Errorf("reports do not know the level %s", l.name)
		}
	}
	if got := f.width(5, 250_000); got != 3 {
		t.Errorf("a list of 250 kB takes %d seats", got)
	}
}

// Source: as above.
func TestRequestsBelongToTheFirstFlowSchemaThatMatches(t *testing.T) {
	f, off := newFairness(false, defaultFlows()), newFairness(true, defaultFlows())
	node := &store.Identity{User: "system:node:n-0", Groups: []string{model.GroupNodes}}
	user := func(name string) *store.Identity { return &store.Identity{User: name} }
	for _, tc := range []struct {
		q           question
		level, flow string // the schema and the distinguisher
		off         string
	}{
		{question{as: &store.Identity{User: "x", Groups: []string{model.GroupMasters}}, right: store.RightList, kind: model.KindPod}, "exempt", "exempt ", "exempt"},
		{question{as: node, right: store.RightUpdate, kind: model.KindLease, namespace: "a"}, "node-high", "system-node-high system:node:n-0", "mutating"},
		{question{as: node, right: store.RightPatch, kind: model.KindNode}, "node-high", "system-node-high system:node:n-0", "mutating"},
		{question{as: node, right: store.RightPatch, kind: model.KindPod}, "system", "system-nodes system:node:n-0", "mutating"},
		{question{as: user(model.UserScheduler), right: store.RightUpdate, kind: model.KindLease, namespace: "a"}, "leader-election", "system-leader-election " + model.UserScheduler, "mutating"},
		{question{as: user(model.UserScheduler), right: store.RightDelete, kind: model.KindLease, namespace: "a"}, "workload-high", "kube-scheduler a", "mutating"},
		{question{as: user(model.UserScheduler), right: store.RightCreate, kind: model.KindPod, namespace: "shop"}, "workload-high", "kube-scheduler shop", "mutating"},
		{question{as: user(model.UserControllerManager), right: store.RightList, kind: model.KindPod}, "workload-high", "kube-controller-manager ", "readonly"},
		{question{as: user("system:serviceaccount:kube-system:job-controller"), right: store.RightCreate, kind: model.KindPod, namespace: "b"}, "workload-high", "kube-system-service-accounts b", "mutating"},
		{question{as: user("system:serviceaccount:kube-system:x"), right: store.RightGet, kind: model.KindLease, namespace: "a"}, "leader-election", "system-leader-election system:serviceaccount:kube-system:x", "readonly"},
		{question{as: user("system:serviceaccount:shop:web"), right: store.RightGet, kind: model.KindPod}, "workload-low", "service-accounts system:serviceaccount:shop:web", "readonly"},
		{question{as: user("kubernetes-admin"), right: store.RightCreate, kind: model.KindPod}, "global-default", "global-default kubernetes-admin", "mutating"},
		{question{as: user(""), right: store.RightWatch, kind: model.KindPod}, "catch-all", "catch-all ", "readonly"},
	} {
		var schema, who string
		for i, r := range tc.flow {
			if r == ' ' {
				schema, who = tc.flow[:i], tc.flow[i+1:]
			}
		}
		got := f.classify(tc.q)
		if f.levels[got.level].name != tc.level || got.hash != hashFlow(schema, who) {
			t.Errorf("%s %v: level %s, or another flow than %q", tc.q.as.User, tc.q.right, f.levels[got.level].name, tc.flow)
		}
		if got := off.levels[off.classify(tc.q).level].name; got != tc.off {
			t.Errorf("%s %v without fairness: %s, want %s", tc.q.as.User, tc.q.right, got, tc.off)
		}
	}
}

// Source: k8s.io/apiserver/pkg/util/shufflesharding/dealer.go: "the cards are
// dealt from a deck": the slow twin takes them out of one.
func TestAHandHasDifferentQueues(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		hash, size, hand := luck.Uint64(), 8+luck.IntN(121), 1+luck.IntN(8)
		var room [mostHand]int
		got := deal(hash, size, hand, &room)
		deck, rest := make([]int, size), hash
		for i := range deck {
			deck[i] = i
		}
		for i := range hand {
			n := int(rest % uint64(size-i))
			rest /= uint64(size - i)
			if got[i] != deck[n] {
				t.Fatalf("hash %d, %d of %d: card %d is %d, want %d", hash, hand, size, i, got[i], deck[n])
			}
			deck = slices.Delete(deck, n, n+1)
		}
	}
}

// plainQueues is the slow twin of queueSet: nothing is summed up, everything is
// counted when it is needed.
type plainQueues struct {
	limit  int64
	length int
	queues [][]plainRequest // waiting and executing, in order of arrival
	nextR  []seatTime
	r      seatTime
	at     sim.Time
	robin  int
	dealt  int
}

type plainRequest struct {
	slot     uint64
	seats    int64
	arrivedR seatTime
	runs     bool
}

func (p *plainQueues) sum(of func(plainRequest) int64) (n int64) {
	for _, q := range p.queues {
		for _, r := range q {
			n += of(r)
		}
	}
	return n
}

func used(r plainRequest) int64 { return map[bool]int64{true: r.seats}[r.runs] }

func (p *plainQueues) pass(now sim.Time) {
	active := int64(0)
	for _, q := range p.queues {
		if len(q) > 0 {
			active++
		}
	}
	if active > 0 {
		asked := p.sum(func(r plainRequest) int64 { return r.seats })
		p.r += seatTime(min(asked, p.limit) * int64(now.Sub(p.at)) / active)
	}
	p.at = now
}

func (p *plainQueues) waiting(q int) (out []plainRequest) {
	for _, r := range p.queues[q] {
		if !r.runs {
			out = append(out, r)
		}
	}
	return out
}

func (p *plainQueues) bound(q int) {
	if w := p.waiting(q); len(w) > 0 {
		p.nextR[q] = max(p.nextR[q], w[0].arrivedR)
	}
}

func (p *plainQueues) arrive(now sim.Time, hash, slot uint64, seats int64, hand int) (int, bool) {
	p.pass(now)
	var room [mostHand]int
	dealt := deal(hash, len(p.queues), hand, &room)
	best, least := -1, int64(0)
	for i := range dealt {
		q := dealt[(p.dealt+i)%len(dealt)]
		work := int64(0)
		for _, r := range p.waiting(q) {
			work += r.seats
		}
		if best < 0 || work < least {
			best, least = q, work
		}
	}
	p.dealt++
	if p.sum(used) >= p.limit && len(p.waiting(best)) >= p.length {
		return 0, false
	}
	if len(p.queues[best]) == 0 {
		p.nextR[best] = p.r
	}
	p.queues[best] = append(p.queues[best], plainRequest{slot, seats, p.r, false})
	p.bound(best)
	return best, true
}

func (p *plainQueues) next(now sim.Time) (uint64, bool) {
	p.pass(now)
	best, least := -1, seatTime(0)
	for i := 1; i <= len(p.queues); i++ {
		q := (p.robin + i) % len(p.queues)
		w := p.waiting(q)
		if len(w) == 0 {
			continue
		}
		if finish := p.nextR[q] + work(w[0].seats, serviceTime); best < 0 || finish < least {
			best, least = q, finish
		}
	}
	if best < 0 || p.sum(used) >= p.limit {
		return 0, false
	}
	w := p.waiting(best)[0]
	if all := p.sum(func(r plainRequest) int64 { return map[bool]int64{true: 1}[r.runs] }); w.seats > p.limit && all > 0 || w.seats <= p.limit && p.sum(used)+w.seats > p.limit {
		return 0, false
	}
	p.robin = best
	i := slices.IndexFunc(p.queues[best], func(r plainRequest) bool { return r.slot == w.slot })
	p.queues[best][i].runs = true
	p.nextR[best] += work(w.seats, serviceTime)
	p.bound(best)
	return w.slot, true
}

func (p *plainQueues) gone(now sim.Time, q int, slot uint64, d time.Duration) {
	p.pass(now)
	i := slices.IndexFunc(p.queues[q], func(r plainRequest) bool { return r.slot == slot })
	r := p.queues[q][i]
	p.queues[q] = slices.Delete(p.queues[q], i, i+1)
	if r.runs {
		p.nextR[q] -= work(r.seats, serviceTime-d)
	}
	p.bound(q)
}

// On random requests the queues let the same go on, at the same time, as their
// twin that counts everything anew. Seats never exceed the limit, none is left
// free that the next in turn could have, and everybody is served or has left.
func TestQueuesServeAsTheirPlainTwinDoes(t *testing.T) {
	for seed := range uint64(60) {
		queuesAgainstTwin(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func queuesAgainstTwin(t *testing.T, luck *rand.Rand) {
	p := priority{name: "x", queues: 8 + luck.IntN(9), hand: 1 + luck.IntN(4), length: 1 + luck.IntN(6)}
	limit := int64(1 + luck.IntN(9))
	s := &queueSet{priority: p, limit: limit, queues: make([]queue, p.queues)}
	twin := &plainQueues{limit: limit, length: p.length, queues: make([][]plainRequest, p.queues), nextR: make([]seatTime, p.queues)}
	type req struct {
		slot  uint64
		queue int
		seats int64
		since sim.Time
	}
	var waits, runs []req
	now, slot := sim.Time(0), uint64(0)
	takeUp := func() {
		for {
			w, ok := s.next(now)
			other, same := twin.next(now)
			if ok != same || ok && w.slot != other {
				t.Fatalf("at %v: %d goes on (%v), the twin says %d (%v)", now, w.slot, ok, other, same)
			}
			if !ok {
				break
			}
			i := slices.IndexFunc(waits, func(r req) bool { return r.slot == w.slot })
			runs = append(runs, req{w.slot, waits[i].queue, w.seats, now})
			waits = slices.Delete(waits, i, i+1)
		}
		sum := int64(0)
		for _, r := range runs {
			sum += r.seats
		}
		if sum != s.inUse || len(runs) != s.executing || len(waits) != s.waiting || sum > limit && len(runs) > 1 {
			t.Fatalf("at %v: %d seats of %d, %d run and %d wait; counted %d, %d, %d", now, s.inUse, limit, s.executing, s.waiting, sum, len(runs), len(waits))
		}
	}
	for step := 0; step < 400 || len(waits)+len(runs) > 0; step++ {
		now = now.Add(time.Duration(luck.IntN(3_000_000)))
		switch what := luck.IntN(10); {
		case step < 400 && what < 5:
			slot++
			hash, seats := uint64(luck.IntN(5))*0x9e3779b97f4a7c15, int64(1+luck.IntN(3))
			if s.waiting == 0 && s.fits(seats) && luck.IntN(2) == 0 {
				q := s.start(now, hash, seats)
				runs = append(runs, req{slot, q, seats, now})
				if other, ok := twin.arrive(now, hash, slot, seats, p.hand); !ok || other != q {
					t.Fatalf("at %v: starts in queue %d, the twin's is %d", now, q, other)
				}
				twin.next(now)
				break
			}
			q, ok := s.enqueue(now, hash, slot, seats)
			other, same := twin.arrive(now, hash, slot, seats, p.hand)
			if ok != same || q != other {
				t.Fatalf("at %v: queue %d (%v), the twin says %d (%v)", now, q, ok, other, same)
			}
			if ok {
				waits = append(waits, req{slot, q, seats, now})
			}
		case what < 6 && len(waits) > 0:
			i := luck.IntN(len(waits))
			s.leave(now, waits[i].queue, waits[i].slot)
			twin.gone(now, waits[i].queue, waits[i].slot, 0)
			waits = slices.Delete(waits, i, i+1)
		case len(runs) > 0:
			i := luck.IntN(len(runs))
			r := runs[i]
			s.done(now, r.queue, r.seats, now.Sub(r.since))
			twin.gone(now, r.queue, r.slot, now.Sub(r.since))
			runs = slices.Delete(runs, i, i+1)
		}
		takeUp()
	}
}

// Source: fairqueuing/queueset/doc.go: a flow with few requests does not wait
// behind one with many, as long as they share no queue.
func TestAMouseDoesNotWaitBehindAnElephant(t *testing.T) {
	f := newFairness(false, defaultFlows())
	level := f.numberOf("workload-low")
	elephant, mouse := flow{level, hashFlow("service-accounts", "elephant")}, flow{level, hashFlow("service-accounts", "mouse")}
	slot, now := uint64(0), sim.Time(0)
	results := map[verdict]int{}
	for range 1000 {
		slot++
		results[f.arrive(now, slot, elephant, 1)]++
	}
	if results[goOn] != 245 || results[wait] != 300 || results[reject] != 455 {
		t.Errorf("of 1,000 at once %d go on, %d wait, %d are rejected; want 245, 6 queues of 50, and the rest", results[goOn], results[wait], results[reject])
	}
	now = now.Add(time.Millisecond)
	if got := f.arrive(now, 5000, mouse, 1); got != wait {
		t.Fatalf("the mouse: %v", got)
	}
	for first := uint64(1); ; first++ {
		now = now.Add(time.Millisecond)
		f.depart(now, first)
		if next, ok := f.dispatch(now, level); !ok || next == 5000 {
			if first > 7 {
				t.Errorf("the mouse goes on after %d of the elephant", first)
			}
			break
		}
	}
	if f.expire(now.Add(time.Second), 600) {
		t.Error("a request is taken out before its 15 s are over")
	}
	if !f.expire(sim.Time(seatWait), 400) {
		t.Error("a request waits longer than 15 s")
	}
}

// Source: k8s.io/apiserver/pkg/util/flowcontrol/conc_alloc.go
// computeConcurrencyAllocation, property by property.
func TestSeatsAreSharedInProportionToWhatIsWanted(t *testing.T) {
	luck := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var of []bounds
		var low, high int64
		for range 2 + luck.IntN(7) {
			b := bounds{low: luck.Int64N(50_000)}
			b.high, b.target = b.low+luck.Int64N(600_000), b.low+luck.Int64N(300_000)
			of = append(of, b)
			low, high = low+b.low, high+b.high
		}
		seats, out, sum := low+luck.Int64N(high-low+1), make([]int64, len(of)), int64(0)
		allot(seats, of, out)
		most := 0.0
		for i, b := range of {
			sum += out[i]
			if out[i] < b.low || out[i] > b.high {
				t.Fatalf("%d of %+v", out[i], b)
			}
			if out[i] > b.low {
				most = max(most, float64(out[i])/float64(max(b.target, 1)))
			}
		}
		for i, b := range of {
			if got := float64(out[i]) / float64(max(b.target, 1)); out[i] < b.high && got < most*0.999-0.001 && float64(b.target)*most-float64(out[i]) > 2 {
				t.Fatalf("%v of %+v: one has %v times its target, another %v", out, of, got, most)
			}
		}
		if sum < seats || sum > seats+seats/100+int64(len(of)) {
			t.Fatalf("%d seats given of %d", sum, seats)
		}
	}
}

// Closing a day of periods at once is closing each in its time.
func TestLendingInOneGoIsLendingEveryTenSeconds(t *testing.T) {
	a, b := newFairness(false, defaultFlows()), newFairness(false, defaultFlows())
	demand := func(f *fairness) string {
		s := ""
		for i := range f.levels {
			s += fmt.Sprint(f.levels[i].limit, "/", f.wants[i].smoothed, " ")
		}
		return s
	}
	for _, f := range []*fairness{a, b} {
		for slot := range uint64(300) {
			f.arrive(sim.Time(time.Second), slot, flow{5, 7}, 1)
		}
		for slot := range uint64(300) {
			f.depart(sim.Time(4*time.Second), slot)
		}
	}
	end := sim.Time(24 * time.Hour)
	for now := sim.Time(4 * time.Second); now <= end; now = now.Add(time.Second) {
		b.adjust(now)
		if now == sim.Time(12*time.Second) {
			a.adjust(now)
			if demand(a) != demand(b) {
				t.Errorf("after 12s %s, in one go %s", demand(b), demand(a))
			}
			if a.levels[5].limit <= 245 {
				t.Errorf("workload-low wanted 245 and more seats and borrows none: %s", demand(a))
			}
		}
	}
	a.adjust(end)
	if demand(a) != demand(b) || a.nextAdjust != b.nextAdjust {
		t.Errorf("second by second %s (next %v), in one go %s (next %v)", demand(b), b.nextAdjust, demand(a), a.nextAdjust)
	}
}

func TestRootIsTheSquareRootRoundedDown(t *testing.T) {
	for n := range uint64(5000) {
		for _, n := range []uint64{n, n*n*n*n + n} {
			if r := root(n); r*r > n || (r+1)*(r+1) <= n {
				t.Fatalf("root of %d is %d", n, r)
			}
		}
	}
}

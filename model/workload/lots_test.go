package workload_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
	"orrery/sim"
)

// scene is callers, to each of which 50 requests a second come, and dbs that they call for each.
// Something is wrong for some of them, and mended.
type scene struct {
	name             string
	fe, db           []string // the nodes of callers and of dbs
	calls            int64    // for a request, if not one
	retries          int
	wrong            func(r *rig, fe, db []model.Ref) (mend func())
	served, attempts float64 // a second, while it is wrong
}

// fared is what becomes of that, a second.
type fared struct{ served, attempts float64 }

// within tells whether one is another but for a part of it.
func (a fared) within(part float64, b fared) bool {
	return math.Abs(a.served-b.served) <= part*b.served && math.Abs(a.attempts-b.attempts) <= part*b.attempts
}

// about is that to a thousandth.
func (a fared) about(b fared) bool { return a.within(0.001, b) }

// fared is what becomes of a Service's requests from a source, and how many attempts come to db from one.
func (r *rig) fared(service, from, calls string) fared {
	return fared{float64(r.rates(service, from).ServedMilliRPS) / 1000, float64(r.rates("db", calls).OfferedMilliRPS) / 1000}
}

// deploys has an app's pods be a Deployment's.
func (r *rig) deploys(app string) {
	r.store.Create(0, &model.Deployment{
		Meta:     model.Meta{Kind: model.KindDeployment, Namespace: "default", Name: app},
		Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": app})),
	})
}

// stage is a Service's pods, on these nodes.
func (r *rig) stage(app string, nodes ...string) (pods []model.Ref) {
	for i, node := range nodes {
		pods = append(pods, r.pod(app, fmt.Sprint(app, "-", i), node))
	}
	r.endpoints(app, pods...)
	return pods
}

// changes has a Service be another one.
func (r *rig) changes(service string, how func(*model.Service)) {
	svc := *r.store.Lookup(model.KindService, "default", service).(*model.Service)
	how(&svc)
	r.store.Update(0, &svc)
}

// impatient is a call of a fe's pods that they give up after a second.
func impatient(service string, perRequest int64, retries int) workload.Call {
	call := calling("fe", service, perRequest, retries)
	call.Timeout = time.Second
	return call
}

// play has the callers call, or users at them ask, as a source has it, and tells how they
// fare before, while it is wrong, and afterwards. Of five nodes n-1 is in another zone.
func (s *scene) play(t *testing.T, from string, exact bool) (all [3]fared) {
	r := newRig(t, 1, 5)
	r.sites["n-1"] = r.net.AddSite("n-1", "b")
	r.exact = exact
	fe, db := r.stage("fe", s.fe...), r.stage("db", s.db...)
	r.deploys("fe")
	r.changes("db", func(svc *model.Service) { svc.LoadBalancer = from == workload.Internet })
	source, calls := workload.Traffic{Service: "db", From: from, Timeout: time.Second, Retries: s.retries}, from
	if from == "ingress" {
		source, calls = workload.Traffic{Service: "fe"}, "calls of app=fe"
		r.calls = []workload.Call{impatient("db", 1000*max(s.calls, 1), s.retries)}
	}
	source.Rate = workload.Constant(50_000 * int64(len(s.fe)))
	r.sends(t, append(fe, db...), source)
	told := func() fared {
		r.after(10 * time.Minute)
		return r.fared(source.Service, from, calls)
	}
	all[0] = told()
	before, mend := r.lastTraffic(0), s.wrong(r, fe, db)
	all[1] = told()
	mend()
	all[2] = told()
	if now := r.lastTraffic(0); !equal(now, before) {
		t.Errorf("%s, %d retries, from %s, exact %v: mended %v, before %v", s.name, s.retries, from, exact, now, before)
	}
	return all
}

// check compares that with what is found by hand, of calls and of users, computed fast and every
// pod by itself.
func (s *scene) check(t *testing.T) {
	t.Helper()
	for _, from := range []string{"ingress", "deployment/fe"} {
		if s.calls > 1 && from != "ingress" {
			continue
		}
		whole := 50 * float64(len(s.fe))
		well := fared{whole, whole * float64(max(s.calls, 1))}
		fast, slow := s.play(t, from, false), s.play(t, from, true)
		for i, want := range []fared{well, {s.served, s.attempts}, well} {
			when := [...]string{"before", "while it is wrong", "mended"}[i]
			if !fast[i].about(want) {
				t.Errorf("%s, %d retries, from %s: %s %.2f, by hand %.2f", s.name, s.retries, from, when, fast[i], want)
			}
			if !slow[i].about(fast[i]) {
				t.Errorf("%s, %d retries, from %s: %s %.2f, every pod by itself %.2f", s.name, s.retries, from, when, fast[i], slow[i])
			}
		}
	}
}

// blind is all that leaves a caller that waits for a second without any answer.
var blind = map[string]network.Impairment{"a partition": {Cut: true}, "all is lost": {LossPPM: 1_000_000}, "too late": {Delay: sim.Constant(2 * time.Second)}}

// between has something be wrong between n-0 and n-4.
func between(i network.Impairment) func(r *rig, fe, db []model.Ref) func() {
	return func(r *rig, _, _ []model.Ref) func() {
		i.From, i.To, i.Both = []network.Site{r.sites["n-0"]}, []network.Site{r.sites["n-4"]}, true
		h := r.net.Impair(i)
		return func() { r.net.Lift(h) }
	}
}

// Who is cut off is so with every attempt, and costs the others nothing: of two callers the one
// gets all of its 50 requests a second done with one call each, and the other none, and calls
// 1 + retries times.
func TestACallerThatIsCutOffFailsWithEveryAttemptAndByItself(t *testing.T) {
	for _, harm := range []network.Impairment{{Cut: true}, {LossPPM: 1_000_000}, {Delay: sim.Constant(2 * time.Second)}} {
		for _, retries := range []int{0, 1, 3, 5} {
			s := scene{fmt.Sprintf("%+v", harm), []string{"n-0", "n-1"}, []string{"n-4"}, 1, retries, between(harm), 50, 50 + 50*float64(retries+1)}
			s.check(t)
		}
	}
}

// parts cuts nodes off from each other.
func (r *rig) parts(a, b string) network.Handle {
	return r.net.Impair(network.Impairment{From: []network.Site{r.sites[a]}, To: []network.Site{r.sites[b]}, Both: true, Cut: true})
}

// apart cuts a caller off at its own place in the network.
func apart(r *rig, fe, _ []model.Ref) func() {
	at, _ := r.flows.Place(fe[0], "default/fe-0", "n-0")
	h := r.net.Impair(network.Impairment{From: []network.Site{at}, To: []network.Site{r.sites["n-4"]}, Both: true, Cut: true})
	return func() { r.net.Lift(h) }
}

// nearby has callers be sent to dbs on their own nodes only.
func nearby(r *rig, _, _ []model.Ref) func() {
	r.changes("db", func(svc *model.Service) { svc.LocalInternal = true })
	return func() { r.changes("db", func(svc *model.Service) { svc.LocalInternal = false }) }
}

// hung is that, and the last db answers nothing.
func hung(r *rig, fe, db []model.Ref) func() {
	last, mend := db[len(db)-1], nearby(r, fe, db)
	r.serve(false, last)
	r.flows.Hang(last.ID, true)
	return func() { mend(); r.flows.Hang(last.ID, false); r.serve(true, last) }
}

// narrow is that, and the first db has CPU for 20 requests a second.
func narrow(r *rig, fe, db []model.Ref) func() {
	mend := nearby(r, fe, db)
	r.capacity[db[0]] = 20_000
	r.flows.CapacityChanged(db[0])
	return func() { mend(); delete(r.capacity, db[0]); r.flows.CapacityChanged(db[0]) }
}

// halted has n-0's kube-proxy be stopped while other pods become the dbs.
func halted(r *rig, _, db []model.Ref) func() {
	r.proxies["n-0"].Halt()
	next := r.pod("db", "next", "n-4")
	r.endpoints("db", next)
	r.serve(false, db...)
	r.serve(true, next)
	return r.proxies["n-0"].Resume
}

// zoned has callers be sent to dbs of their own zone, of which the last one answers with errors only.
func zoned(r *rig, _, db []model.Ref) func() {
	prefers := func(yes bool) {
		r.changes("db", func(svc *model.Service) { svc.PreferSameZone = yes })
		r.endpoints("db", db...)
	}
	prefers(true)
	r.flows.Fail(db[len(db)-1].ID, 1_000_000)
	return func() { prefers(false); r.flows.Fail(db[len(db)-1].ID, -1_000_000) }
}

// The same of callers that differ by their own places or by the rules of their machines. What
// becomes of the requests is by hand: 50 a second of each that fares well, 50 · (1 + retries)
// attempts of each that does not.
func TestCallersThatAreSentElsewhereFareByThemselves(t *testing.T) {
	for _, s := range []scene{
		{"a pod of two on a machine", []string{"n-0", "n-0"}, []string{"n-4"}, 1, 3, apart, 50, 250},
		{"four calls for a request", []string{"n-0", "n-1"}, []string{"n-4"}, 4, 0, between(network.Impairment{Cut: true}), 50, 400},
		{"four calls, each tried again", []string{"n-0", "n-1"}, []string{"n-4"}, 4, 2, between(network.Impairment{Cut: true}), 50, 200 + 600},
		{"no db on one's node", []string{"n-0", "n-1"}, []string{"n-0"}, 1, 3, nearby, 50, 250},
		{"rules of yesterday", []string{"n-0", "n-1"}, []string{"n-2", "n-3"}, 1, 2, halted, 50, 200},
		{"the db on one's node hangs", []string{"n-0", "n-1", "n-2", "n-3"}, []string{"n-0", "n-1", "n-2", "n-3"}, 1, 3, hung, 150, 150 + 200},
		{"a zone whose db fails", []string{"n-0", "n-1"}, []string{"n-0", "n-1"}, 1, 4, zoned, 50, 300},
		// Of three one reaches one of two dbs: 50 · (1 - 1/8) of its requests, with 50 · (1 + 1/2 + 1/4) attempts.
		{"half of what one calls", []string{"n-0", "n-1", "n-2"}, []string{"n-3", "n-4"}, 1, 2, between(network.Impairment{Cut: true}), 143.75, 187.5},
		// The 30 that find the db of their node full find it so with all three retries.
		{"the db on one's node is full", []string{"n-0", "n-1"}, []string{"n-0", "n-1"}, 1, 3, narrow, 70, 100 + 90},
	} {
		s.check(t)
	}
}

// A load balancer's client that tries again comes through any node: of five one has no way to
// the db, so a fifth of attempts fail, and of requests that are tried again 1/25.
func TestWhoTriesAgainThroughALoadBalancerComesThroughAnotherNode(t *testing.T) {
	s := scene{"a partition", []string{"n-1", "n-2"}, []string{"n-4"}, 1, 1, between(network.Impairment{Cut: true}), 96, 120}
	if got, want := s.play(t, workload.Internet, false), (fared{s.served, s.attempts}); !got[1].about(want) {
		t.Errorf("%.2f, by hand %.2f", got[1], want)
	}
}

// Who calls a caller that is cut off tries again at another one: of the gateway's requests
// 1 - 1/4 are served, with 100 · 3/2 attempts; of these 75 are called for twice in vain.
func TestWhoCallsACallerThatIsCutOffFindsTheOtherOne(t *testing.T) {
	r := newRig(t, 1, 5)
	gate := calling("gate", "fe", 1000, 1)
	r.calls = []workload.Call{gate, impatient("db", 1000, 1)}
	pods := append(append(r.stage("gate", "n-2"), r.stage("fe", "n-0", "n-1")...), r.stage("db", "n-4")...)
	r.sends(t, pods, workload.Traffic{Service: "gate", Rate: workload.Constant(100_000)})
	r.parts("n-0", "n-4")
	r.after(10 * time.Minute)
	got, fes := r.fared("gate", "ingress", "calls of app=fe"), float64(r.rates("fe", gate.From).OfferedMilliRPS)/1000
	if want := (fared{75, 75 + 150}); !got.about(want) || math.Abs(fes-150) > 0.15 {
		t.Errorf("%.2f, of %.2f attempts, by hand %.2f of 150", got, fes, want)
	}
}

// Of three callers that call two Services for a request one or two are cut off: all that is lost
// is what comes to these, 50 of 150 a second each, whichever of their calls fail.
func TestCallsOfACallerThatIsCutOffFailTogether(t *testing.T) {
	for _, c := range []struct {
		name      string
		db, cache string // the nodes that are cut off from them
		served    float64
	}{{"one from both", "n-0", "n-0", 100}, {"one from each", "n-0", "n-1", 50}, {"one from one", "n-2", "n-3", 100}} {
		for _, retries := range []int{0, 2} {
			r := newRig(t, 1, 5)
			r.calls = []workload.Call{impatient("db", 1000, retries), impatient("cache", 2000, retries)}
			pods := append(append(r.stage("fe", "n-0", "n-1", "n-2"), r.stage("db", "n-3")...), r.stage("cache", "n-4")...)
			r.sends(t, pods, workload.Traffic{Service: "fe", Rate: workload.Constant(150_000)})
			r.parts(c.db, "n-3")
			r.parts(c.cache, "n-4")
			r.after(10 * time.Minute)
			if got := r.fared("fe", "ingress", "").served; math.Abs(got-c.served) > c.served/1000 {
				t.Errorf("%s, %d retries: %.2f served, by hand %.2f", c.name, retries, got, c.served)
			}
		}
	}
}

// Six callers lose more and more of what they send. Over UDP a loss is a failure. Over TCP the SYN must
// arrive at once, as it is sent again after the second for which they wait, and of the request one of three
// messages, which are sent after 0, 0.2 and 0.6 s (network.Opening, network.Harms).
func TestManyCallersFareEachByTheWayThatTheyHave(t *testing.T) {
	losses := []float64{0, 0.1, 0.3, 0.5, 0.8, 1}
	for _, udp := range []bool{true, false} {
		for _, retries := range []int{0, 2} {
			r := newRig(t, 1, 7)
			r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "db"}, Ports: 1, UDP: udp})
			r.calls = []workload.Call{impatient("db", 1000, retries)}
			pods := append(r.stage("fe", "n-0", "n-1", "n-2", "n-3", "n-4", "n-5"), r.stage("db", "n-6")...)
			r.sends(t, pods, workload.Traffic{Service: "fe", Rate: workload.Constant(300_000)})
			var want fared
			for i, p := range losses {
				r.net.Impair(network.Impairment{From: []network.Site{r.sites[fmt.Sprint("n-", i)]}, To: []network.Site{r.sites["n-6"]}, LossPPM: uint64(p * 1_000_000)})
				good := 1 - p
				if !udp {
					good *= 1 - p*p*p
				}
				left := 1.0
				for range retries + 1 {
					want.attempts += 50 * left
					left *= 1 - good
				}
				want.served += 50 * (1 - left)
			}
			r.after(10 * time.Minute)
			if got := r.fared("fe", "ingress", "calls of app=fe"); !got.within(0.01, want) {
				t.Errorf("udp %v, %d retries: %.2f, by hand %.2f", udp, retries, got, want)
			}
		}
	}
}

// The connection of one of two callers' machines has room for half of its 50 calls a second, whatever is
// tried again: with a part of q of its attempts that get through, and retries of the others, 25 do.
func TestACallerWhoseMachineHasNoRoomLosesItsOwnCalls(t *testing.T) {
	for retries := range 3 {
		r := newRig(t, 1, 5)
		r.width = 100_000_000
		call := calling("fe", "db", 1000, retries)
		call.Timeout = 20 * time.Second
		r.calls = []workload.Call{call}
		fe, db := r.stage("fe", "n-0", "n-1"), r.stage("db", "n-4")
		r.works = map[model.Ref]workload.Work{db[0]: {RequestBytes: 100_000}}
		r.sends(t, append(fe, db...), workload.Traffic{Service: "fe", Rate: workload.Constant(100_000)})
		r.flows.Narrow(r.sites["n-0"], 25_000) // 2.5 MB a second
		r.after(time.Hour)
		fails := math.Pow(0.5, 1/float64(retries+1)) // (1-q) ^ (retries+1) of requests fail
		want := fared{75, 50 + 25/(1-fails)}
		if got := r.fared("fe", "ingress", call.From); !got.within(0.01, want) {
			t.Errorf("%d retries: %.2f, by hand %.2f", retries, got, want)
		}
	}
}

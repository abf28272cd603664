package workload_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// stuck is clients of two dbs, of which the second answers with errors only: pods on nodes that
// call them, or whose users ask ("deployment/fe"), or the nodes themselves. Each pod and node
// makes 50 requests a second.
type stuck struct {
	from     string // "calls", "deployment/fe", "node"
	nodes    []string
	affinity time.Duration
	keeps    *workload.Connections
	retries  int
	exact    bool
	only     int // the pod that sends alone, from 1; 0 if all do
}

// all is how many requests come.
func (s stuck) all() float64 { return 50 * float64(len(s.nodes)) }

// fares is what becomes of them.
func (s stuck) fares(t *testing.T) (all fared) {
	r := newRig(t, 5, 9)
	r.exact = s.exact
	r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "db"}, Ports: 1, Affinity: s.affinity})
	r.deploys("fe")
	fe, db := r.stage("fe", s.nodes...), r.stage("db", "n-8", "n-8")
	rate := workload.Constant(50_000 * int64(len(s.nodes)))
	if s.only > 0 {
		fe, rate = fe[s.only-1:s.only], workload.Constant(50_000)
	}
	sources := []workload.Traffic{{Service: "db", From: s.from, Rate: rate, Timeout: time.Second, Retries: s.retries, Connections: s.keeps}}
	told := []string{s.from}
	switch s.from {
	case "calls":
		r.calls = []workload.Call{impatient("db", 1000, s.retries)}
		sources, told = []workload.Traffic{{Service: "fe", Rate: rate}}, nil
	case "node":
		like := sources[0]
		sources, told = nil, nil
		for _, node := range s.nodes {
			like.From, like.Rate = "node/"+node, workload.Constant(50_000)
			sources, told = append(sources, like), append(told, like.From)
		}
	}
	r.sends(t, append(fe, db...), sources...)
	r.after(10 * time.Second)
	r.flows.Fail(db[1].ID, 1_000_000)
	r.after(10 * time.Minute)
	if s.from == "calls" {
		return r.fared("fe", "ingress", "calls of app=fe")
	}
	for _, from := range told {
		x := r.fared("db", from, from)
		all.served, all.attempts = all.served+x.served, all.attempts+x.attempts
	}
	return all
}

var (
	everywhere = []string{"n-0", "n-1", "n-2", "n-3", "n-4", "n-5", "n-6", "n-7"}
	together   = slices.Repeat([]string{"n-0"}, 8)
)

// Source: core/v1 ServiceAffinityClientIP: a client's next request goes where its last one went, also
// if that failed; and who has one connection has no other way. So as many of the requests are served
// with four retries as with none, those of the clients that stay with the db that answers, and the
// others are made five times.
func TestClientsThatStayWithAFailingPodFailWithEveryRetry(t *testing.T) {
	const hours = 3 * time.Hour
	one := &workload.Connections{Each: 1, Silence: time.Minute}
	for _, s := range []stuck{
		{from: "calls", nodes: everywhere, affinity: hours},
		{from: "calls", nodes: together, affinity: hours},
		{from: "deployment/fe", nodes: everywhere, affinity: hours},
		{from: "deployment/fe", nodes: together, affinity: hours},
		{from: "node", nodes: everywhere, affinity: hours},
		{from: "deployment/fe", nodes: everywhere, keeps: one},
		{from: "deployment/fe", nodes: together, keeps: one},
		{from: "node", nodes: everywhere, keeps: one},
	} {
		once, all := s.fares(t), s.all()
		if once.served <= 0 || once.served >= all {
			t.Errorf("%+v: all clients stay with the same db", s)
		}
		s.retries = 4
		for _, s.exact = range []bool{false, true} {
			if got, want := s.fares(t), (fared{once.served, once.served + 5*(all-once.served)}); !got.about(want) {
				t.Errorf("from %s at %d places, by connections %v, exact %v: %.2f, by hand %.2f", s.from, len(slices.Compact(slices.Clone(s.nodes))), s.keeps != nil, s.exact, got, want)
			}
		}
	}
}

// Who has several connections tries again on any of them: with how many of each pod's, by its luck, lead
// to the db that answers, an attempt succeeds so often, and each of four retries again.
func TestAPodTriesAgainOnAnyOfItsConnections(t *testing.T) {
	for _, each := range []int64{0, 1, 2, 3} {
		s := stuck{from: "deployment/fe", nodes: everywhere, keeps: &workload.Connections{Each: each, Silence: time.Minute}}
		var want fared
		for k := range everywhere {
			alone := s
			alone.only = k + 1
			left := 50.0
			fails := 1 - alone.fares(t).served/50
			for range 5 {
				want.attempts += left
				left *= fails
			}
			want.served += 50 - left
		}
		s.retries = 4
		if got := s.fares(t); !got.within(0.01, want) {
			t.Errorf("%d connections: %.2f, by hand %.2f", each, got, want)
		}
	}
}

// Source: resolv.conf(5), timeout 5 s, attempts 2: one of two callers has no way to the DNS server. With
// what it keeps it goes on until that is too old; then none of its attempts finds an address, and each
// that lasts long enough sends two queries twice, and the same for the name itself (glibc's
// resolv/res_query.c).
func TestACallerThatIsCutOffFromDNSFailsByItself(t *testing.T) {
	for _, cache := range []workload.DNSCache{workload.NoCache, workload.PodCache, workload.NodeCache} {
		for _, timeout := range []time.Duration{time.Second, 20 * time.Second} {
			for _, retries := range []int{0, 1, 3} {
				r := newRig(t, 1, 4)
				r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5, TTL: 10 * time.Minute, Cache: cache}
				call := calling("fe", "db", 1000, retries)
				call.Timeout = timeout
				r.calls = []workload.Call{call}
				pods := append(append(r.stage("fe", "n-0", "n-1"), r.stage("db", "n-2")...), r.stage("dns", "n-3")...)
				r.sends(t, pods, workload.Traffic{Service: "fe", Rate: workload.Constant(100_000)})
				want := func(when string, served, attempts float64) {
					t.Helper()
					if got := r.fared("fe", "ingress", call.From); !got.about(fared{served, attempts}) {
						t.Errorf("cache %d, %v, %d retries: %s %.2f, by hand %.2f", cache, timeout, retries, when, got, fared{served, attempts})
					}
				}
				cut := r.parts("n-0", "n-3")
				r.after(time.Second)
				if cache != workload.NoCache {
					want("at once", 100, 100)
				}
				r.after(11 * time.Minute)
				want("after the TTL", 50, 50+50*float64(retries+1))
				asked := r.rates("dns", "lookups of service/db by "+call.From).OfferedMilliRPS
				if want := 100_000 + 400_000*int64(retries+1); cache == workload.NoCache && timeout > 10*time.Second && asked != want {
					t.Errorf("%d retries: %d thousandths of a query a second, by hand %d", retries, asked, want)
				}
				r.net.Lift(cut)
				r.after(time.Minute)
				want("mended", 100, 100)
			}
		}
	}
}

// The same of probes that ask a Service: they find its address where the pod is, or do not.
func TestAProbeFindsTheNameThatItNeedsByItself(t *testing.T) {
	r := newRig(t, 1, 4)
	r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5}
	r.probes = probed("db")
	call := asking()
	call.Service, call.Makes = "db", impatient("db", 0, 0).Makes
	r.calls = []workload.Call{call}
	fe := r.stage("fe", "n-0", "n-1")
	r.sends(t, append(append(fe, r.stage("db", "n-2")...), r.stage("dns", "n-3")...))
	cut := r.parts("n-0", "n-3")
	for _, want := range []string{"1000 0, 0 0", "0 0, 0 0"} {
		r.after(10 * time.Minute)
		if got := r.fails(fe[0], model.Startup) + ", " + r.fails(fe[1], model.Startup); got != want {
			t.Errorf("%s of a thousand fail, want %s", got, want)
		}
		r.net.Lift(cut)
	}
}

// What senders would be told that send nothing is what others are told: an error by a server that is
// there, and that nobody is if none is.
func TestWhoSendsNoLookupsWouldBeToldAnErrorByAServerThatAnswersWithErrors(t *testing.T) {
	r := newRig(t, 1, 5)
	r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5}
	call := calling("fe", "db", 1000, 0)
	call.Timeout = 20 * time.Second
	r.calls = []workload.Call{call}
	fe, db, dns := r.stage("fe", "n-0", "n-1"), r.stage("db", "n-2"), r.stage("dns", "n-3")
	r.sends(t, append(append(fe, db...), dns...), workload.Traffic{Service: "fe", Rate: workload.Constant(100_000)})
	lookups := "lookups of service/db by " + call.From
	r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-0"]}, To: []network.Site{r.sites["n-3"]}, LossPPM: 400_000})
	r.after(time.Minute)
	r.endpoints("fe", fe[1]) // the other one, of which 0.4 ^ 7 do not get there, has nothing to do
	r.after(time.Minute)
	r.flows.Fail(dns[0].ID, 1_000_000)
	r.after(time.Minute)
	if got := r.flows.Told(lookups); fmt.Sprint(got) != "[[998362 0] [1000000 0]]" {
		t.Errorf("of a million so many are told an error, and that nobody is there: %v", got)
	}
	r.endpoints("dns")
	r.after(time.Minute)
	for _, got := range r.flows.Told(lookups) {
		if got != [2]int64{0, 1_000_000} {
			t.Errorf("without a server: %v", got)
		}
	}
}

// A probe that is made like requests makes their calls from where the pod is, also while no rules
// lead to it: so who is cut off does not become ready before it is mended, and the other one stays it.
func TestAProbeMakesTheCallsOfItsOwnPod(t *testing.T) {
	for name, harm := range blind {
		t.Run(name, func(t *testing.T) { probesOfTheirOwn(t, between(harm)) })
	}
}

func probesOfTheirOwn(t *testing.T, wrong func(*rig, []model.Ref, []model.Ref) func()) {
	r := newRig(t, 1, 5)
	r.probes = probed("")
	r.calls = []workload.Call{impatient("db", 1000, 1)}
	fe, db := r.stage("fe", "n-0", "n-1"), r.stage("db", "n-4")
	r.sends(t, append(fe, db...), workload.Traffic{Service: "fe", Rate: workload.Constant(100_000)})
	want := func(when string, served int64, want ...uint32) {
		t.Helper()
		r.after(10 * time.Minute)
		for i, p := range fe {
			like := r.probed[[2]uint32{p.ID, uint32(model.Liveness)}]
			if got := (like[0] + like[1]) / 1000; got != want[i] {
				t.Errorf("%s: of caller %d %d of a thousand probes fail, want %d", when, i, got, want[i])
			}
		}
		if got := r.rates("fe", "ingress").ServedMilliRPS; got != served {
			t.Errorf("%s: %d thousandths a second are served, by hand %d", when, got, served)
		}
	}
	mend := wrong(r, fe, db)
	want("one is cut off", 50_000, 1000, 0)
	r.endpoints("fe", fe[1])
	want("and no endpoint any more", 100_000, 1000, 0)
	r.endpoints("fe", fe[0])
	want("the other one is not", 0, 1000, 0)
	r.endpoints("fe")
	want("nor any", 0, 1000, 0)
	mend()
	want("mended", 0, 0, 0)
	r.endpoints("fe", fe...)
	want("endpoints again", 100_000, 0, 0)
}

// Source: Erlang's loss formula. Of two callers with ten workers, which a request needs for 10 ms, one
// waits a second for each call in vain: then a request needs 1.01 s, and most find no worker. The other
// one's workers are as free as before, and it answers its probes, of which one waits for a worker as
// requests do and the other one is made like them.
func TestACallerThatIsCutOffHoldsOnlyItsOwnWorkers(t *testing.T) {
	for _, exact := range []bool{false, true} {
		r := newRig(t, 1, 5)
		r.exact = exact
		r.probes = []workload.Probe{
			{Kind: model.Readiness, Timeout: time.Second, Period: 10 * time.Second, Queues: true},
			{Kind: model.Liveness, Timeout: time.Second, Period: 10 * time.Second, Works: true},
		}
		r.calls = []workload.Call{impatient("db", 1000, 0)}
		fe, db := r.stage("fe", "n-0", "n-1"), r.stage("db", "n-4")
		work := workload.Work{Latency: 10 * time.Millisecond, Workers: 10}
		r.works = map[model.Ref]workload.Work{fe[0]: work, fe[1]: work}
		r.sends(t, append(fe, db...), workload.Traffic{Service: "fe", Rate: workload.Constant(100_000)})
		well := r.rates("fe", "ingress")
		cut := r.parts("n-0", "n-4")
		r.after(10 * time.Minute)
		got, away := r.rates("fe", "ingress"), erlang(50*1.01, 10)
		for what, x := range map[string][2]float64{
			"served":       {float64(got.ServedMilliRPS) / 1000, 50},
			"turned away":  {float64(got.OverloadMilliRPS) / 1000, 50 * away},
			"failed":       {float64(got.FailedMilliRPS) / 1000, 50 - 50*away}, // less than 10 workers / 1.01 s
			"calls":        {float64(r.rates("db", "calls of app=fe").OfferedMilliRPS) / 1000, 50 + 50 - 50*away},
			"p50, in ms":   {float64(got.P50.Milliseconds()), 10},
			"p99, in ms":   {float64(got.P99.Milliseconds()), 10},
			"at the other": {float64(r.load[fe[1].ID]) / 1000, 50},
		} {
			if math.Abs(x[0]-x[1]) > 0.01*x[1] {
				t.Errorf("exact %v: %s: %.3f, by hand %.3f", exact, what, x[0], x[1])
			}
		}
		for i, want := range []string{fmt.Sprintf("0 %d, 1000", int(1000*away)), "0 0, 0"} {
			like := r.probed[[2]uint32{fe[i].ID, uint32(model.Liveness)}] // late, or failed, or turned away
			if got := fmt.Sprint(r.fails(fe[i], model.Readiness), ", ", (like[0]+like[1])/1000); got != want {
				t.Errorf("exact %v: probes of caller %d fail by %s of a thousand, want %s", exact, i, got, want)
			}
		}
		r.net.Lift(cut)
		r.after(10 * time.Minute)
		if now := r.rates("fe", "ingress"); now != well {
			t.Errorf("exact %v: mended %+v, before %+v", exact, now, well)
		}
	}
}

// Each pod that stays with an endpoint of its own is a sender by itself, and is forgotten some time
// after it is gone.
func TestPodsThatAreGoneAreForgottenAsClients(t *testing.T) {
	r := newRig(t, 1, 2)
	r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "db"}, Ports: 1, Affinity: 3 * time.Hour})
	r.deploys("fe")
	db := r.stage("db", "n-1", "n-1")
	r.sends(t, db, workload.Traffic{Service: "db", From: "deployment/fe", Rate: workload.Constant(100_000)})
	last := model.Ref{}
	for i := range 1000 {
		p := r.pod("fe", fmt.Sprint("fe-", i), "n-0")
		r.after(time.Second)
		r.flows.ServingChanged(p, true)
		if last.ID != 0 {
			r.flows.ServingChanged(last, false)
			r.store.Delete(0, last)
		}
		last = p
		r.after(time.Second)
	}
	if senders, clients := r.flows.Remembered(); senders > 100 || clients > 200 {
		t.Errorf("%d senders and %d clients are remembered", senders, clients)
	}
	if got := r.rates("db", "deployment/fe"); got.ServedMilliRPS != 100_000 {
		t.Errorf("%+v", got)
	}
}

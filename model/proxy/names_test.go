package proxy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/proxy"
	"orrery/sim"
)

// named makes the slice of a headless Service list pods db-0, db-1, ... of these numbers, of
// which those in ready are.
func (r *rig) named(service string, ready []uint32, pods ...uint32) {
	slice := &model.EndpointSlice{Meta: model.Meta{Kind: model.KindEndpointSlice, Namespace: "default", Name: service}, Service: r.services[service]}
	for i, id := range pods {
		slice.Endpoints = append(slice.Endpoints, model.Endpoint{Pod: model.Ref{Kind: model.KindPod, ID: id}, Ready: slices.Contains(ready, id), Serving: true})
		slice.Hostnames = append(slice.Hostnames, fmt.Sprint("db-", i))
	}
	if old := r.store.Lookup(model.KindEndpointSlice, "default", service); old != nil {
		slice.Meta = *old.Head()
		r.store.Update(0, slice)
		return
	}
	r.store.Create(0, slice)
}

func (r *rig) headless(service string) {
	svc := &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: service}, Ports: 1, Headless: true}
	r.store.Create(0, svc)
	r.services[service] = svc.Ref()
}

// Source: kubernetes.io "DNS for Services and Pods": a pod with a hostname and a subdomain
// that is a headless Service has a name of its own; github.com/coredns/coredns
// plugin/kubernetes/object/endpoint.go EndpointSliceToEndpoints leaves out those that are
// not ready. Answers, also that there is none, are 30 s old at most.
func TestTheNameOfAPodStandsForItsAddressWhileItIsReady(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		r.headless("db")
		r.named("db", []uint32{1, 2}, 1, 2, 3)
		r.until(t, 40*time.Second)
		for name, want := range map[string]string{"db-0.db": "1", "db-1.db": "2", "db-2.db": "", "db-9.db": "", "db-0.other": "", "db": "1 2"} {
			if got := r.proxy.Route("default", name); r.route(name) != want || !got.Headless {
				t.Errorf("seed %d: %s stands for %q, want %q", seed, name, r.route(name), want)
			}
		}
		at := r.Now()
		r.named("db", []uint32{2, 3, 4}, 4, 2, 3) // db-0 is another pod now, and db-2 is ready
		r.changes = nil
		moved := map[string]sim.Time{}
		for i := range 31 {
			r.until(t, at.Sub(0)+time.Duration(i)*time.Second)
			for name, want := range map[string]string{"db-0.db": "4", "db-2.db": "3"} {
				if got := r.route(name); got == want && moved[name] == 0 {
					moved[name] = r.Now()
				}
			}
		}
		if len(moved) != 2 || moved["db-0.db"] != moved["db-2.db"] || len(r.changes) != 1 || moved["db-0.db"].Sub(r.changes[0]) > time.Second {
			t.Errorf("seed %d: known at %v, told at %v", seed, moved, r.changes)
		}
	}
}

// Source: kubeadm's Corefile (cache 30) and coredns.io/plugins/cache: a name that is looked up
// before it exists may stay NXDOMAIN up to 30 s.
func TestANameThatWasLookedUpBeforeItExistsIsNotFoundForAWhile(t *testing.T) {
	late := 0
	for seed := range uint64(10) {
		r := newRig(t, seed)
		r.endpoints("web", 9) // so that the proxy has rules
		r.until(t, 40*time.Second)
		if got := r.route("db-0.db"); got != "" {
			t.Fatalf("found %q", got)
		}
		r.headless("db")
		r.headless("never-asked")
		r.named("db", []uint32{1}, 1)
		r.named("never-asked", []uint32{1}, 1)
		r.until(t, 43*time.Second)
		if r.route("db-0.db") == "" {
			late++
		}
		if got := r.route("db-0.never-asked"); got != "1" {
			t.Errorf("seed %d: the first answer is %q", seed, got)
		}
		r.until(t, 71*time.Second)
		if got := r.route("db-0.db"); got != "1" {
			t.Errorf("seed %d: half a minute later %q", seed, got)
		}
	}
	if late < 5 {
		t.Errorf("%d of ten did not know after 3 s", late)
	}
}

// Source: cmd/kube-proxy/app/server.go, noHeadlessEndpoints: kube-proxy watches no headless Service,
// so news of one begins no run, and what comes after waits for none.
func TestNewsOfAHeadlessServiceDelaysNoRulesOfOthers(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		r.headless("db")
		r.named("db", []uint32{1}, 1)
		r.endpoints("web", 9)
		r.until(t, 40*time.Second)
		r.named("db", []uint32{1, 2}, 1, 2)
		r.until(t, 40*time.Second+100*time.Millisecond)
		r.endpoints("web", 9, 10)
		r.until(t, 40*time.Second+500*time.Millisecond)
		if got := r.route("web"); got != "9 10" {
			t.Errorf("seed %d: %q", seed, got)
		}
	}
}

// Clients that keep answers longer know them longer.
func TestClientsKeepAnswersAsLongAsTheyAreSaidTo(t *testing.T) {
	r := newRig(t, 1)
	r.headless("db")
	r.proxy = proxy.New(r.Kernel, r.store, r.net, proxy.Config{Name: "kube-proxy/n-2", Site: r.node, Node: "n-2", Listener: r, Rules: &proxy.Rulebook{}, AnswerTTL: 10 * time.Minute})
	r.proxy.Start()
	r.until(t, 10*time.Second)
	var changes []sim.Time
	known := r.route("db")
	for i := range 40 {
		r.endpoints("db", uint32(1+i))
		r.until(t, time.Duration(i+1)*time.Minute)
		if now := r.route("db"); now != known {
			known, changes = now, append(changes, r.Now())
		}
	}
	if len(changes) != 4 || changes[1].Sub(changes[0]) != 10*time.Minute {
		t.Errorf("renewed at %v", changes)
	}
}

// Source: kubeadm's phases/addons/dns/manifests.go (cache 30 { disable success cluster.local; disable
// denial cluster.local }): servers keep no answer of the cluster's own zone, so who keeps none and
// looks a name up for each request gets what CoreDNS' informers have seen: also on a machine that
// is cut off, and of a name that was looked up before it was there.
func TestWhoKeepsNoAnswerKnowsNewAddressesWithinSeconds(t *testing.T) {
	for seed := range uint64(10) {
		r := newRig(t, seed)
		rules := &proxy.Rulebook{}
		r.proxy = proxy.New(r.Kernel, r.store, r.net, proxy.Config{Name: "kube-proxy/n-2", Site: r.node, Node: "n-2", Listener: r, Rules: rules, Uncached: true})
		r.proxy.Start()
		other := proxy.New(r.Kernel, r.store, r.net, proxy.Config{Name: "kube-proxy/n-3", Site: r.net.AddSite("n-3", "a"), Node: "n-3", Listener: r, Rules: rules, Uncached: true})
		other.Start()
		r.endpoints("web", 9)
		r.until(t, 10*time.Second)
		if got := r.route("db-0.db"); got != "" {
			t.Fatalf("found %q", got)
		}
		r.headless("db")
		r.named("db", []uint32{1, 2}, 1, 2)
		r.until(t, 12*time.Second)
		for i := range 10 {
			first := uint32(i%2*10 + 1)
			at := time.Duration(12+2*i) * time.Second
			if r.route("db") != fmt.Sprint(first, " ", first+1) || r.route("db-0.db") != fmt.Sprint(first) {
				t.Errorf("seed %d, %v: db %q, db-0.db %q, want %d", seed, at, r.route("db"), r.route("db-0.db"), first)
			}
			first = uint32((i+1)%2*10 + 1)
			r.named("db", []uint32{first, first + 1}, first, first+1)
			r.until(t, at+2*time.Second)
		}
		r.named("db", []uint32{2}, 1, 2) // the first is not ready
		r.until(t, 34*time.Second)
		if r.route("db") != "2" || r.route("db-0.db") != "" {
			t.Errorf("seed %d: db %q, db-0.db %q", seed, r.route("db"), r.route("db-0.db"))
		}
		r.net.Impair(network.Impairment{From: []network.Site{r.node}, To: []network.Site{r.control}, Both: true, Cut: true})
		r.named("db", []uint32{3, 2}, 3, 2)
		r.endpoints("web", 8)
		r.until(t, 37*time.Second)
		if r.route("db") != "2 3" || r.route("db-0.db") != "3" || r.route("web") != "9" {
			t.Errorf("seed %d: cut off: db %q, db-0.db %q, web %q", seed, r.route("db"), r.route("db-0.db"), r.route("web"))
		}
	}
}

// dbAndWeb has a headless Service of two named pods and a Service of two pods known for a while.
func (r *rig) dbAndWeb(t *testing.T) {
	t.Helper()
	r.headless("db")
	r.named("db", []uint32{1, 2}, 1, 2)
	r.endpoints("web", 1, 2)
	r.until(t, 10*time.Second)
}

// Source: kubernetes.io "DNS for Services and Pods": the name of a headless Service is the
// business of DNS and of nobody else, so it goes on being found while no kube-proxy runs on a
// machine, also after a boot. Rules stay as they are.
func TestNamesOfHeadlessServicesNeedNoProxy(t *testing.T) {
	for seed := range uint64(10) {
		for _, literal := range []bool{false, true} {
			r := startRig(seed, literal)
			r.dbAndWeb(t)
			r.proxy.Halt()
			r.named("db", []uint32{2}, 1, 2)
			r.endpoints("web", 2)
			r.headless("new")
			r.named("new", []uint32{3}, 3)
			r.until(t, 45*time.Second)
			if r.route("db") != "2" || r.route("new") != "3" || r.route("db-0.db") != "" || r.route("web") != "1 2" {
				t.Errorf("seed %d: db %q, new %q, db-0.db %q, web %q", seed, r.route("db"), r.route("new"), r.route("db-0.db"), r.route("web"))
			}
			r.net.SetPower(r.node, false)
			r.until(t, 50*time.Second)
			r.net.SetPower(r.node, true)
			r.until(t, 60*time.Second)
			if r.route("db") != "2" || r.route("web") != "" {
				t.Errorf("seed %d: after a boot db %q, web %q", seed, r.route("db"), r.route("web"))
			}
			r.named("db", []uint32{1}, 1, 2)
			r.until(t, 95*time.Second)
			if r.route("db") != "1" {
				t.Errorf("seed %d: later db %q", seed, r.route("db"))
			}
			r.proxy.Resume()
			r.until(t, 100*time.Second)
			if r.route("db") != "1" || r.route("web") != "2" {
				t.Errorf("seed %d: with a kube-proxy db %q, web %q", seed, r.route("db"), r.route("web"))
			}
		}
	}
}

// Source: as above: what DNS tells is what its servers have seen, and not the machine that
// asks. So names go on being found where the control plane is out of reach, as long as
// somebody hears of changes; rules do not. What was on its way when the connection was lost
// is not missed, either.
func TestNamesOfHeadlessServicesNeedNoConnectionToTheControlPlane(t *testing.T) {
	for seed := range uint64(10) {
		for _, literal := range []bool{false, true} {
			for _, alone := range []bool{false, true} {
				r := startRig(seed, literal)
				if other := r.net.AddSite("n-2", "a"); !alone {
					proxy.New(r.Kernel, r.store, r.net, proxy.Config{Name: "kube-proxy/n-2", Site: other, Node: "n-2", Listener: r, Rules: r.proxy.Rules, Literal: literal}).Start()
				}
				r.dbAndWeb(t)
				r.named("db", []uint32{1}, 1, 2)
				cut := r.net.Impair(network.Impairment{From: []network.Site{r.node}, To: []network.Site{r.control}, Both: true, Cut: true})
				r.until(t, 45*time.Second)
				if got := r.route("db"); got != "1" {
					t.Errorf("seed %d, alone %v: what was on its way: %q", seed, alone, got)
				}
				r.named("db", []uint32{2}, 1, 2)
				r.endpoints("web", 2)
				r.until(t, 80*time.Second)
				if want := map[bool]string{false: "2", true: "1"}[alone]; r.route("db") != want || r.route("web") != "1 2" {
					t.Errorf("seed %d, alone %v: cut off: db %q, want %q, web %q", seed, alone, r.route("db"), want, r.route("web"))
				}
				r.net.Lift(cut)
				r.until(t, 4*time.Minute)
				if r.route("db") != "2" || r.route("web") != "2" {
					t.Errorf("seed %d, alone %v: at last: db %q, web %q", seed, alone, r.route("db"), r.route("web"))
				}
			}
		}
	}
}

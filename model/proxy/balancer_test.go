package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/apiserver"
	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// balanced is a load balancer with nodes n-0, n-1, ... whose answers a test says.
type balanced struct {
	*sim.Kernel
	net   *network.Network
	store *store.Store
	sites map[string]network.Site
	fails map[string]bool
	b     *Balancer
	log   []string // "8s n-0,n-1": who gets traffic from then on
}

func newBalanced(t *testing.T, seed uint64, nodes int, c BalancerConfig) *balanced {
	k := sim.New(sim.Config{Seed: seed})
	net := network.New(k, network.DefaultProfile())
	r := &balanced{Kernel: k, net: net, store: store.New(k, net), sites: map[string]network.Site{}, fails: map[string]bool{}}
	control := net.AddSite("cp-0", "")
	apiserver.New(k, r.store, apiserver.NewBackend(k, r.store, net, etcd.Config{Sites: []network.Site{control}}), net, control, 4)
	for i := range nodes {
		name := fmt.Sprint("n-", i)
		r.sites[name] = net.AddSite(name, "a")
		r.store.Create(0, &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: name}})
	}
	r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "web"}, LoadBalancer: true, LocalExternal: true, Ports: 1})
	c.Name, c.Site, c.Namespace, c.Service = "load-balancer/web", net.AddSite("internet", ""), "default", "web"
	if c.Interval == 0 {
		c.Probes = DefaultProbes
	}
	c.Nodes, c.Changed = r, func() {
		in, _ := r.b.Targets()
		line := r.Now().String() + " " + strings.Join(in, ",")
		if n := len(r.log); n == 0 || cut(r.log[n-1]) != cut(line) {
			r.log = append(r.log, line)
		}
	}
	c.Note = r.store.Note
	r.b = NewBalancer(k, r.store, net, c)
	r.b.Start()
	return r
}

func cut(line string) string { _, nodes, _ := strings.Cut(line, " "); return nodes }

func (r *balanced) Site(node string) (network.Site, bool) { s, ok := r.sites[node]; return s, ok }

func (r *balanced) Passes(node, _, _ string) bool { return !r.fails[node] }

func (r *balanced) fail(node string, fails bool) {
	r.fails[node] = fails
	r.b.RouteChanged(node, "default", "web")
}

func (r *balanced) until(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.Run(sim.Time(d)); err != nil {
		t.Fatal(err)
	}
}

// turns is when a node ceased to get traffic, and got some again, after the first half
// minute.
func (r *balanced) turns(t *testing.T, node string) (at []time.Duration) {
	in := false
	for _, line := range r.log {
		when, nodes, _ := strings.Cut(line, " ")
		if has := slices.Contains(strings.Split(nodes, ","), node); has != in {
			in = has
			d, err := time.ParseDuration(when)
			if err != nil {
				t.Fatal(err)
			}
			if d > 30*time.Second {
				at = append(at, d)
			}
		}
	}
	return at
}

// Source: k8s.io/legacy-cloud-providers/gce/gce.go: "Start sending requests as soon as a
// pod is found on the node. Defaults to 3 * 8 = 24 seconds before the LB will steer
// traffic away."
func TestANodeLeavesAfterThreeFailedProbesAndComesBackAfterOne(t *testing.T) {
	for seed := range uint64(20) {
		r := newBalanced(t, seed, 3, BalancerConfig{})
		r.until(t, time.Minute)
		r.fail("n-1", true)
		r.until(t, 2*time.Minute)
		r.fail("n-1", false)
		r.until(t, 3*time.Minute)
		r.net.SetPower(r.sites["n-1"], false)
		r.until(t, 4*time.Minute)
		at := r.turns(t, "n-1")
		if len(at) != 3 {
			t.Fatalf("seed %d: %v", seed, r.log)
		}
		if d := at[0] - time.Minute; d < 16*time.Second || d > 24*time.Second {
			t.Errorf("seed %d: refused, it left after %v", seed, d)
		}
		if d := at[1] - 2*time.Minute; d < 0 || d > 8*time.Second {
			t.Errorf("seed %d: it was back after %v", seed, d)
		}
		if d := at[2] - 3*time.Minute; d < 17*time.Second || d > 25*time.Second {
			t.Errorf("seed %d: silent, it left after %v", seed, d)
		}
	}
}

// Source: Elastic Load Balancing, health checks for target groups: if all targets fail,
// the load balancer fails open.
func TestABalancerOfWhichAllNodesFailSendsToAll(t *testing.T) {
	r := newBalanced(t, 1, 2, BalancerConfig{})
	r.until(t, time.Minute)
	r.fail("n-0", true)
	r.until(t, 2*time.Minute)
	if in, _ := r.b.Targets(); !slices.Equal(in, []string{"n-1"}) {
		t.Errorf("%v", in)
	}
	r.fail("n-1", true)
	r.until(t, 3*time.Minute)
	if in, _ := r.b.Targets(); !slices.Equal(in, []string{"n-0", "n-1"}) {
		t.Errorf("%v", in)
	}
}

// changeNode changes a node for all to see.
func (r *balanced) changeNode(name string, do func(*model.Node)) {
	n := r.store.Lookup(model.KindNode, "", name).Copy().(*model.Node)
	do(n)
	r.store.Update(0, n)
}

func marked(n *model.Node) { n.Taints = []model.Taint{{Key: toBeDeleted, Effect: model.NoSchedule}} }

// Source: pkg/proxy/healthcheck/proxy_health.go NodeEligible: with Cluster policy the
// check of a node with the autoscaler's taint fails; service_health.go does not look at
// it. k8s.io/cloud-provider controllers/service/controller.go: nodes with the label are
// no targets, and nodes that go cease to be.
func TestWhichNodesABalancerHas(t *testing.T) {
	for _, local := range []bool{true, false} {
		r := newBalanced(t, 1, 3, BalancerConfig{})
		svc := r.store.Lookup(model.KindService, "default", "web").Copy().(*model.Service)
		svc.LocalExternal = local
		r.store.Update(0, svc)
		r.until(t, time.Minute)
		r.changeNode("n-0", marked)
		r.until(t, 2*time.Minute)
		if in, _ := r.b.Targets(); slices.Contains(in, "n-0") != local {
			t.Errorf("local %v: %v", local, in)
		}
		r.changeNode("n-0", func(n *model.Node) { n.Taints = nil })
		r.store.Delete(0, r.store.Lookup(model.KindNode, "", "n-1").Head().Ref())
		r.changeNode("n-2", func(n *model.Node) { n.Labels = n.Labels.With(excluded, "") })
		r.until(t, 3*time.Minute)
		if in, _ := r.b.Targets(); !slices.Equal(in, []string{"n-0"}) {
			t.Errorf("local %v: in the end %v", local, in)
		}
		r.store.Delete(0, svc.Ref())
		r.until(t, 4*time.Minute)
		if _, ok := r.b.Targets(); ok {
			t.Error("the Service is gone, its balancer is not")
		}
	}
}

// Source: k8s.io/cloud-provider controllers/service/controller.go nodeIncludedPredicate: the label
// counts unless strconv.ParseBool reads it as false; roles do not.
func TestWhatTheLabelOfANodeKeepsFromABalancer(t *testing.T) {
	r := newBalanced(t, 1, 8, BalancerConfig{})
	for i, v := range []string{"", "true", "no", "1", "false", "F", "0"} {
		r.changeNode(fmt.Sprint("n-", i), func(n *model.Node) { n.Labels = n.Labels.With(excluded, v) })
	}
	r.changeNode("n-7", func(n *model.Node) { n.Labels = n.Labels.With(model.LabelControlPlane, "") })
	r.until(t, time.Minute)
	if in, _ := r.b.Targets(); !slices.Equal(in, []string{"n-4", "n-5", "n-6", "n-7"}) {
		t.Errorf("%v", in)
	}
}

// Source: k8s.io/cloud-provider controllers/service/controller.go stableNodeSetPredicates: "if any
// other situation causes an LB sync, tainted nodes will be excluded at that time and cause connections
// on said node to not connection drain"; shouldSyncUpdatedNode: nor do they come back before.
func TestANodeThatIsToBeDeletedLeavesABalancerWithItsNextUpdate(t *testing.T) {
	for _, c := range []struct {
		reason string
		update func(*balanced)
		want   []string
	}{
		{"none", func(*balanced) {}, []string{"n-0", "n-1"}},
		{"a node that comes", func(r *balanced) {
			r.store.Create(0, &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: "n-9"}})
		}, []string{"n-1"}},
		{"another one's label", func(r *balanced) {
			r.changeNode("n-1", func(n *model.Node) { n.Labels = n.Labels.With(excluded, "") })
		}, nil},
		{"another one is not Ready", func(r *balanced) {
			r.changeNode("n-1", func(n *model.Node) { n.Ready.Status = model.False })
		}, []string{"n-0", "n-1"}},
		{"its Service's affinity", func(r *balanced) {
			svc := r.store.Lookup(model.KindService, "default", "web").Copy().(*model.Service)
			svc.Affinity = time.Hour
			r.store.Update(0, svc)
		}, []string{"n-1"}},
		{"its Service's pods", func(r *balanced) {
			svc := r.store.Lookup(model.KindService, "default", "web").Copy().(*model.Service)
			svc.Selector = model.SelectorOf(model.MakeLabels(map[string]string{"app": "b"}))
			r.store.Update(0, svc)
		}, []string{"n-0", "n-1"}},
	} {
		r := newBalanced(t, 1, 2, BalancerConfig{})
		r.until(t, time.Minute)
		r.changeNode("n-0", marked)
		r.until(t, 2*time.Minute)
		c.update(r)
		r.until(t, 3*time.Minute)
		if in, _ := r.b.Targets(); !slices.Equal(in, c.want) {
			t.Errorf("%s: %v, want %v", c.reason, in, c.want)
		}
		left := !slices.Contains(c.want, "n-0")
		r.changeNode("n-0", func(n *model.Node) { n.Taints = nil })
		r.until(t, 4*time.Minute)
		if in, _ := r.b.Targets(); slices.Contains(in, "n-0") == left {
			t.Errorf("%s, and no taint any more: %v", c.reason, in)
		}
	}
}

// The slow twin makes every probe.
func TestCountingProbesIsMakingThem(t *testing.T) {
	for seed := range uint64(30) {
		var logs [2][]string
		for i, literal := range []bool{false, true} {
			c := BalancerConfig{Literal: literal}
			c.Probes = Probes{Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 3}
			r := newBalanced(t, seed, 3, c)
			luck := r.Luck().Stream("test")
			at := time.Duration(0)
			for range 60 {
				at += luck.Duration(0, 9*time.Second)
				r.until(t, at)
				node := fmt.Sprint("n-", luck.Below(3))
				if luck.Below(3) == 0 {
					r.net.SetPower(r.sites[node], luck.Below(2) == 0)
				} else {
					r.fail(node, luck.Below(2) == 0)
				}
			}
			r.until(t, at+time.Minute)
			logs[i] = r.log
		}
		if !slices.Equal(logs[0], logs[1]) || len(logs[0]) < 5 {
			t.Fatalf("seed %d:\ncounted %q\nmade    %q", seed, logs[0], logs[1])
		}
	}
}

// A check that takes as long as its timeout is none. It opens a connection, and asks.
func TestAHealthCheckOverASlowWayFails(t *testing.T) {
	for delay, fails := range map[time.Duration]bool{250 * time.Millisecond: true, 240 * time.Millisecond: false} {
		r := newBalanced(t, 1, 2, BalancerConfig{})
		r.until(t, time.Minute)
		slow := r.net.Impair(network.Impairment{From: []network.Site{r.b.BalancerConfig.Site}, To: []network.Site{r.sites["n-0"]}, Both: true, Delay: sim.Constant(delay)})
		r.until(t, 2*time.Minute)
		if in, _ := r.b.Targets(); slices.Contains(in, "n-0") == fails {
			t.Errorf("%v: %v", delay, in)
		}
		r.net.Lift(slow)
		r.until(t, 3*time.Minute)
		if in, _ := r.b.Targets(); len(in) != 2 {
			t.Errorf("%v, and afterwards: %v", delay, in)
		}
	}
}

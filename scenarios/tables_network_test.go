package scenarios_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/cluster"
	"orrery/model/store"
	"orrery/scenarios"
)

// The tables of service networking: from readiness to packets, a kube-proxy that does not
// run, DNS that does not answer.

// fares is a flow from somewhere to a Service of which something becomes.
func fares(service, from string, how func(*model.Traffic) bool) func(*cluster.Cluster, *store.Record) bool {
	return func(_ *cluster.Cluster, r *store.Record) bool {
		return r.Note != nil && r.Note.Traffic != nil && r.Note.Path() == "service/"+service && r.Note.Traffic.From == from && how(r.Note.Traffic)
	}
}

func well(t *model.Traffic) bool {
	return t.OfferedMilliRPS > 0 && t.ServedMilliRPS == t.OfferedMilliRPS
}

// parts is how many thousandths of a flow's requests fare like that, rounded.
func parts(of, all int64) int64 { return (of*1000 + all/2) / max(all, 1) }

// proxied is a Service of three pods, one on each of w-0, w-1 and w-2, to which s and w-0
// send, and a load balancer that knows all nodes.
func proxied(does, timeline string) string {
	return fmt.Sprintf(`duration: 25m
cluster: {controlPlane: {managed: true}, nodes: [{name: s, cpu: 4, memory: 8Gi}, {name: w, count: 3, cpu: 4, memory: 8Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 30
            affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [s]}]}]}}}
            topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]
            containers: [{name: c, image: "c:1", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1, failureThreshold: 3}}]
  behavior: [{match: {app: web}, startup: 1s..2s, stop: 50ms..300ms%s}]
  traffic: [{service: web, from: node/s, rps: 300}, {service: web, from: node/w-0, rps: 300}, {service: web, from: internet, rps: 400}]
timeline: [%s]
`, does, timeline)
}

// From a probe that fails to packets that go elsewhere: the kubelet writes the status at
// once, the EndpointSlice controller has no batch period, and kube-proxy runs at once if
// its last run ended more than a second ago, which takes 50 to 200 ms. And back. Three pods
// have workers for all of 1,000 requests a second, two have not.
func TestTableFromReadinessToPackets(t *testing.T) {
	s, err := scenarios.Read("table.yaml", []byte("apiVersion: orrery/v1\nname: table\n"+
		proxied(", latency: 25ms, workers: 10, queue: 40", "{at: 5m, for: 1m, fault: probe-failure, target: deployment/web, count: 1, probe: readiness}")))
	if err != nil {
		t.Fatal(err)
	}
	type link struct {
		what     string
		is       func(*store.Record) bool
		from, to time.Duration // after the link before it
	}
	ready := func(want bool) func(*store.Record) bool {
		return func(r *store.Record) bool {
			p, ok := r.New.(*model.Pod)
			old, was := r.Old.(*model.Pod)
			return ok && was && p.IsReady() == want && old.IsReady() != want
		}
	}
	usable := func(n int) func(*store.Record) bool {
		return func(r *store.Record) bool {
			e, ok := r.New.(*model.EndpointSlice)
			return ok && n == len(slices.DeleteFunc(slices.Clone(e.Endpoints), func(e model.Endpoint) bool { return !e.Ready }))
		}
	}
	share := func(how func(*model.Traffic) bool) func(*store.Record) bool {
		is := fares("web", "node/w-0", how)
		return func(r *store.Record) bool { return is(nil, r) }
	}
	const ms = time.Millisecond
	at5m := func(r *store.Record) bool { return r.At.Sub(0) >= 5*time.Minute }
	at6m := func(r *store.Record) bool { return r.At.Sub(0) >= 6*time.Minute }
	for seed := range uint64(5) {
		s.Config.Seed = seed + 1
		h := runOf(t, s).Store.History()
		var before time.Duration
		i := 0
		for _, l := range []link{
			{"the fault begins", at5m, 5 * time.Minute, 5 * time.Minute},
			{"three probes have failed", func(r *store.Record) bool { return r.Note != nil && r.Note.Reason == "Unhealthy" }, 2 * time.Second, 4 * time.Second},
			{"the pod is not Ready", ready(false), 0, 60 * ms},
			{"the slice says so", usable(2), ms, 100 * ms},
			{"two pods get more than they can take", share(func(t *model.Traffic) bool { return t.OverloadMilliRPS > 0 }), 50 * ms, 1500 * ms},
			{"the fault ends", at6m, time.Minute - 7*time.Second, time.Minute},
			{"the pod is Ready", ready(true), 0, 1200 * ms},
			{"the slice says so again", usable(3), ms, 100 * ms},
			{"three pods take all", share(well), 50 * ms, 1500 * ms},
		} {
			for i < h.Len() && !l.is(h.At(i)) {
				i++
			}
			if i == h.Len() {
				t.Errorf("seed %d: never: %s", seed+1, l.what)
				break
			}
			if after := h.At(i).At.Sub(0) - before; after < l.from || after > l.to {
				t.Errorf("seed %d: %s %v later, want %v to %v", seed+1, l.what, after, l.from, l.to)
			}
			before = h.At(i).At.Sub(0)
		}
	}
}

// A kube-proxy stops: nothing happens but that load balancers' checks of its node fail,
// three of them 8 s apart. When pods come and go its node goes on with the rules of then:
// requests to a pod that ended are refused, those to a machine that died time out, one in
// three each; other nodes know within two seconds, or when the machine is found lost. It
// starts again, lists everything and writes all rules.
func TestTableAKubeProxyIsStopped(t *testing.T) {
	refused := func(t *model.Traffic) bool { return parts(t.RefusedMilliRPS, t.OfferedMilliRPS) == 333 }
	late := func(t *model.Traffic) bool { return parts(t.TimedOutMilliRPS, t.OfferedMilliRPS) == 333 }
	fails := func(t *model.Traffic) bool { return t.ServedMilliRPS < t.OfferedMilliRPS }
	const second = time.Second
	const stopped = "{at: 5m, for: 10m, fault: proxy-stop, target: node/s}, {at: 6m, do: scale, target: deployment/web, replicas: 2}, "
	check(t, proxied("", stopped+"{at: 14m, do: scale, target: deployment/web, replicas: 3}"), 5*time.Minute,
		tableRow{"the load balancer leaves its node", says("LoadBalancerTargetUnhealthy", "node/s", ""), 16 * second, 24 * second},
		tableRow{"a third of what it sends is refused", fares("web", "node/s", refused), time.Minute, 62 * second},
		tableRow{"all is well where it runs again", fares("web", "node/s", well), 10*time.Minute + 100*time.Millisecond, 10*time.Minute + 10*second},
		tableRow{"the load balancer comes back", says("LoadBalancerTargetHealthy", "node/s", ""), 10 * time.Minute, 10*time.Minute + 9*second},
		tableRow{what: "what comes through the load balancer fails for longer than others' rules are old", is: func(x *cluster.Cluster, r *store.Record) bool {
			return r.At.Sub(0) > 6*time.Minute+2*second && fares("web", "internet", fails)(x, r)
		}},
		tableRow{what: "anything else is lost on another node", is: func(x *cluster.Cluster, r *store.Record) bool {
			return r.At.Sub(0) > 6*time.Minute+2*second && fares("web", "node/w-0", fails)(x, r)
		}},
	)
	check(t, proxied("", stopped+"{at: 7m, fault: node-down, target: node/w-1}"), 5*time.Minute,
		tableRow{"a third goes to a dead machine", fares("web", "node/s", late), 2 * time.Minute, 2*time.Minute + second},
	)
}

// named is a shop that looks up its partner, whose names two servers of DNS on machines of
// their own know.
func named(timeline string) string {
	return fmt.Sprintf(`duration: 25m
cluster: {controlPlane: {managed: true}, nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi, labels: {for: shop}}, {name: d, count: 2, cpu: 4, memory: 8Gi, labels: {for: dns}}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: partner}, spec: {selector: {app: partner}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: kube-dns, namespace: kube-system}, spec: {selector: {app: dns}, ports: [{port: 53, protocol: UDP}]}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 2, selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {nodeSelector: {for: shop}, containers: [{name: c, image: "c:1"}]}}}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: partner}, spec: {replicas: 2, selector: {matchLabels: {app: partner}}, template: {metadata: {labels: {app: partner}}, spec: {nodeSelector: {for: shop}, containers: [{name: c, image: "c:1"}]}}}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: dns, namespace: kube-system}
      spec:
        replicas: 2
        selector: {matchLabels: {app: dns}}
        template:
          metadata: {labels: {app: dns}}
          spec:
            nodeSelector: {for: dns}
            topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: dns}}}]
            containers: [{name: c, image: "c:1", readinessProbe: {httpGet: {path: /ready, port: 8181}}}]
  behavior:
    - {match: {app: shop}, startup: 1s..2s, calls: [{service: partner, timeout: 30s}]}
    - {match: {app: partner}, startup: 1s..2s}
    - {match: {app: dns}, namespace: kube-system, startup: 1s..2s, stop: 5s}
  dns: {}
  traffic: [{service: shop, rps: 100}]
timeline: [%s]
`, timeline)
}

// DNS is down: with no server at all every lookup waits 5 s, twice, and fails at once in
// every request that needs one; new servers are found through the Service, and nothing has
// to be restarted. With one of two gone without a word half of the queries wait 5 s and
// one in four finds no address, until its endpoint is removed: when its machine is found
// lost. A server that is stopped in an orderly way is lame for 5 s, in which it still
// answers, and nobody notices.
func TestTableDNSIsDown(t *testing.T) {
	none := func(t *model.Traffic) bool { return t.UnresolvedMilliRPS == t.OfferedMilliRPS && t.OfferedMilliRPS > 0 }
	// A name is two queries, A and AAAA, to one server, and each of both attempts goes to a
	// dead one with a half: a quarter of the requests find no address.
	some := func(t *model.Traffic) bool {
		n := parts(t.UnresolvedMilliRPS, t.OfferedMilliRPS)
		return n > 225 && n < 275
	}
	fails := func(t *model.Traffic) bool { return t.ServedMilliRPS < t.OfferedMilliRPS }
	restarted := func(_ *cluster.Cluster, r *store.Record) bool {
		p, ok := r.New.(*model.Pod)
		old, was := r.Old.(*model.Pod)
		return ok && p.Namespace == "default" && (!was || old.NodeID != p.NodeID || p.Deleting())
	}
	calls := "calls of app=shop"
	const second = time.Second
	check(t, named("{at: 5m, for: 5m, fault: dns-down}"), 5*time.Minute,
		tableRow{"no request finds an address", fares("partner", calls, none), 0, second},
		tableRow{"all do again", fares("partner", calls, well), 5 * time.Minute, 5*time.Minute + 2*second},
		tableRow{what: "a pod is made anew", is: restarted},
	)
	check(t, named("{at: 5m, fault: node-down, target: node/d-0}"), 5*time.Minute,
		tableRow{"half of the queries are lost", fares("partner", calls, some), 0, second},
		tableRow{"its endpoint is removed", fares("partner", calls, well), 39 * second, 63 * second},
		tableRow{what: "a pod is made anew", is: restarted},
	)
	check(t, named("{at: 5m, for: 5m, fault: node-down, match: {for: dns}, count: all}"), 5*time.Minute,
		tableRow{"no request finds an address", fares("partner", calls, none), 0, second},
		tableRow{"servers are found again", fares("partner", calls, well), 5*time.Minute + 20*second, 8 * time.Minute},
		tableRow{what: "a pod is made anew", is: restarted},
	)
	check(t, named("{at: 5m, do: rollout-restart, target: kube-system/deployment/dns}"), 5*time.Minute,
		tableRow{what: "a request finds no address", is: fares("partner", calls, fails)},
	)
}

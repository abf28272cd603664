package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"orrery/scenarios"
)

// The beginning of a scenario of the shop that finds its partner by name, whose DNS
// servers are started anew in minute 10.
const namedShop = `apiVersion: orrery/v1
name: named
duration: 60m
cluster:
  controlPlane: {replicas: 3}
  nodes:
    - {name: n, count: 6, cpu: 8, memory: 16Gi}
workload:
  manifests: [shop-dns.yaml]
  behavior:
    - {match: {k8s-app: kube-dns}, NEEDS startup: 1s..2s}
    - {match: {app: web}, startup: 2s..5s, cpu: 20m + 1m/rps, calls: [{service: partner, timeout: 2s}]}
    - {match: {app: partner}, startup: 2s..5s, cpu: 20m + 1m/rps}
  dns: {DNS}
  traffic:
    - {service: web, rps: 100}
timeline:
  - {at: 10m, fault: container-crash, namespace: kube-system, match: {k8s-app: kube-dns}}
`

func playNamed(t *testing.T, needs, dns, rest string) {
	t.Helper()
	manifest, err := os.ReadFile("library/manifests/shop-dns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("NEEDS", needs, "DNS}", dns+"}").Replace(namedShop) + rest
	s, err := scenarios.Load(folder(t, map[string]string{"named.yaml": text, "shop-dns.yaml": string(manifest)})+"/named.yaml", scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, r := run(t, s)
	checkHeld(t, needs+" "+dns, r)
}

// Source: coredns.io/plugins/kubernetes: CoreDNS serves what it knows while no API server answers;
// one that starts meanwhile is not ready.
func TestADNSServerThatStartsWithoutAnAPIServerKnowsNothing(t *testing.T) {
	const outage = "  - {at: 5m, for: 20m, fault: apiserver-crash, id: api}\nexpect:\n"
	playNamed(t, "needsAPI: true,", "cache: none", outage+`  - "between 1m and 10m: availability(kube-system/service/kube-dns) == 100%"
  - "between 10m and 25m: availability(kube-system/service/kube-dns) == 0%"
  - "between 10m and 25m: availability(service/web) == 0%"
  - notes(NotSynced) == 2
  - notes(Synced) == 2
  - "after 28m: availability(service/web) == 100%"
`)
	playNamed(t, "", "cache: none", outage+`  - "between 10m30s and 25m: availability(kube-system/service/kube-dns) == 100%"
  - "between 10m30s and 25m: availability(service/web) == 100%"
  - notes(NotSynced) == 0
`)
	playNamed(t, "needsAPI: true,", "cache: none", "expect:\n"+`  - "after 10m30s: availability(kube-system/service/kube-dns) == 100%"
  - notes(NotSynced) == 0
`)
}

// The same if they are cut off from the control plane: what they serve is not, and one that
// starts knows nothing until the way is back.
func TestADNSServerThatIsCutOffFromTheControlPlaneKnowsNothingWhenItStarts(t *testing.T) {
	const cut = "  - {at: 5m, for: 20m, fault: pod-partition, namespace: kube-system, match: {k8s-app: kube-dns}, peer: control-plane}\nexpect:\n"
	playNamed(t, "needsAPI: true,", "cache: none", cut+`  - "between 1m and 10m: availability(kube-system/service/kube-dns) == 100%"
  - "between 10m and 25m: availability(kube-system/service/kube-dns) == 0%"
  - notes(NotSynced) == 2
  - notes(Synced) == 2
  - "after 28m: availability(service/web) == 100%"
`)
	playNamed(t, "needsAPI: true,", "cache: none", strings.Replace(cut, "control-plane", "internet", 1)+`  - "after 10m30s: availability(kube-system/service/kube-dns) == 100%"
  - notes(NotSynced) == 0
`)
}

// Source: coredns.io/plugins/health: kubeadm's Corefile has lameduck 5s, so servers that are
// replaced answer until kube-proxies have heard that they go. Without it some lookups find
// nobody, and wait for 5 s.
func TestDNSServersThatAreReplacedAnswerUntilNobodyAsksThem(t *testing.T) {
	const replaced = "  - {at: 20m, do: rollout-restart, target: kube-system/deployment/coredns}\nexpect:\n"
	playNamed(t, "", "cache: none", replaced+`  - "between 20m and 22m: pods_created(namespace/kube-system) >= 2"
  - "between 15m and 60m: availability(kube-system/service/kube-dns) == 100%"
  - "between 15m and 60m: availability(service/web) == 100%"
`)
	playNamed(t, "stop: 50ms..300ms,", "cache: none", replaced+`  - "between 20m and 22m: availability(kube-system/service/kube-dns) < 100%"
`)
}

// Source: RFC 8767; coredns.io/plugins/cache: "serve_stale, when serve_stale is set,
// cache always will serve an expired entry to a client if there is one available as
// long as it has not been expired for longer than DURATION".
func TestWhatIsKeptIsServedStaleWhenNobodyKnowsBetter(t *testing.T) {
	const outage = "  - {at: 5m, for: 50m, fault: apiserver-crash, id: api}\nexpect:\n"
	playNamed(t, "needsAPI: true,", "ttl: 10m, cache: node", outage+`  - "between 1m and 10m: availability(service/web) == 100%"
  - "between 20m and 55m: availability(service/web) == 0%"
`)
	playNamed(t, "needsAPI: true,", "ttl: 10m, cache: node, serveStale: 15m", outage+`  - "between 1m and 25m: availability(service/web) == 100%"
  - "between 35m and 55m: availability(service/web) == 0%"
`)
	playNamed(t, "needsAPI: true,", "ttl: 10m, cache: pod, serveStale: 2h", outage+`  - "between 1m and 55m: availability(service/web) == 100%"
`)
}

func TestNobodyServesStaleWhoKeepsNothing(t *testing.T) {
	manifest, err := os.ReadFile("library/manifests/shop-dns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("NEEDS", "", "DNS}", "serveStale: 1h}").Replace(namedShop)
	_, err = scenarios.Load(folder(t, map[string]string{"named.yaml": text, "shop-dns.yaml": string(manifest)})+"/named.yaml", scenarios.Options{})
	if !complains(err, "nobody keeps an answer") {
		t.Errorf("%v", err)
	}
}

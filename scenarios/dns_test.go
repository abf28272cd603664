package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"orrery/scenarios"
)

func TestMistakesAboutDNSAreSaidWhereTheyAre(t *testing.T) {
	source, err := os.ReadFile("library/dns-oom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dns, want string }{
		{"{lookups: 0}", "no request looks up anything"},
		{"{service: kube-dsn}", `did you mean "kube-system/service/kube-dns"?`},
		{"{external: 1, cache: nodes}", `did you mean "node"?`},
		{"{ttl: 0s}", "out of range"},
		{"{ndot: 2}", `did you mean "ndots"?`},
		{"{external: 101}", "101"},
	} {
		broken := strings.Replace(string(source), "dns: {lookups: 0, external: 1}", "dns: "+c.dns, 1)
		_, err := scenarios.Load(folder(t, map[string]string{"d.yaml": broken})+"/d.yaml", scenarios.Options{})
		if !complains(err, c.want) || !complains(err, ".yaml:") {
			t.Errorf("%s: %v\nwants %s", c.dns, err, c.want)
		}
	}
}

// The signature of every fault of DNS, and that it heals.
func TestWithoutDNSWhoSendsFindsNobody(t *testing.T) {
	source, err := os.ReadFile("library/dns-oom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(source), "timeline:")
	for _, f := range []struct{ fault, want string }{
		{"dns-down", ">= 99%"}, {"dns-error", ">= 99%"},
		{"dns-error, errors: 50%", ">= 24.9%"}, // both attempts at the name itself: SERVFAIL in a search domain is as good as NXDOMAIN
		{"dns-error, errors: 50%, answer: nxdomain", ">= 49.9%"}, {"dns-error, names: [partner.default, kube-dns]", ">= 99%"}, {"dns-down, names: part*", ">= 99%"},
		{"dns-error, names: [web]", "== 0%"},
		{"dns-slow, latency: 150ms", "== 0%"}, {"dns-slow, latency: 210ms", ">= 99%"}, // five pairs of queries in the second that callers wait
	} {
		tail := "timeline:\n  - {at: 10m, for: 2m, fault: " + f.fault + "}\nexpect:\n" +
			"  - \"between 10m1s and 12m: dns_error_rate(service/partner) " + f.want + "\"\n" +
			"  - \"between 4m and 9m59s: availability(service/web) == 100%\"\n" +
			"  - \"after 12m1s: availability(service/web) == 100%\"\n"
		s, err := scenarios.Load(folder(t, map[string]string{"d.yaml": head + tail})+"/d.yaml", scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, r := run(t, s)
		checkHeld(t, f.fault, r)
	}
	without := strings.Replace(head, "  dns: {lookups: 0, external: 1}\n", "", 1) + "timeline:\n  - {at: 10m, for: 2m, fault: dns-down}\n"
	_, err = scenarios.Load(folder(t, map[string]string{"d.yaml": without})+"/d.yaml", scenarios.Options{})
	if !complains(err, "say so in workload.dns") {
		t.Errorf("a fault of a DNS that is not there: %v", err)
	}
}

func TestAPatternOfNamesIsChecked(t *testing.T) {
	source, err := os.ReadFile("library/dns-oom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(source), "timeline:")
	for fault, want := range map[string]string{ //tidy:commutative each by itself
		`dns-down, names: "["`:                                             `"[" is no pattern of a name`,
		"dns-down, names: partnr":                                          `timeline[0].names: no Service has a name like "partnr"; did you mean "partner"?`,
		"dns-slow, latency: 1s, names: [web, 'pay*']":                      `timeline[0].names[1]: no Service has a name like "pay*"`,
		"dns-error, names: partner.shop":                                   `no Service has a name like "partner.shop"`,
		"dns-error, answer: refused":                                       `unknown answer "refused"`,
		"network-delay, latency: 1ms, target: node/n-0, correlation: 100%": "100% is one luck for all messages for ever",
	} {
		_, err := scenarios.Load(folder(t, map[string]string{"d.yaml": head + "timeline: [{at: 10m, for: 2m, fault: " + fault + "}]\n"})+"/d.yaml", scenarios.Options{})
		if !complains(err, want) {
			t.Errorf("%s: %v\nwants %s", fault, err, want)
		}
	}
}

// Source: RFC 1035, 3.2.1: a cache keeps an answer for its TTL, right or wrong. Who asks at each
// request has a right one as soon as there are any.
func TestAWrongAddressIsInUseUntilItIsTooOld(t *testing.T) {
	const wrong = "  - {at: 20m, for: 10m, fault: dns-error, answer: wrong}\nexpect:\n"
	for dns, tooOld := range map[string]string{"cache: none": "30m1s", "ttl: 2m, cache: node": "32m1s", "ttl: 2m, cache: pod": "32m1s"} { //tidy:commutative each by itself
		playNamed(t, "", dns, wrong+`  - "between 15m and 20m: availability(service/web) == 100%"
  - "between 22m1s and 30m: availability(service/web) == 0%"
  - "between 22m1s and 30m: availability(kube-system/service/kube-dns) == 100%"
  - "after `+tooOld+`: availability(service/web) == 100%"
`)
	}
	playNamed(t, "", "ttl: 2m, cache: node", wrong+`  - "between 30m and 30m5s: availability(service/web) < 100%"
`)
}

// Source: RFC 8767, section 4: NXDOMAIN refreshes what is kept, SERVFAIL does not.
func TestOldAnswersAreNotUsedByWhoIsToldThatThereIsNoSuchName(t *testing.T) {
	const stale, during = "ttl: 2m, cache: node, serveStale: 1h", "  - \"between 22m1s and 30m: availability(service/web) == "
	playNamed(t, "", stale, "  - {at: 20m, for: 10m, fault: dns-error, answer: nxdomain}\nexpect:\n"+during+"0%\"\n  - \"after 30m5s: availability(service/web) == 100%\"\n")
	playNamed(t, "", stale, "  - {at: 20m, for: 10m, fault: dns-error, answer: servfail}\nexpect:\n"+during+"100%\"\n")
}

// Source: kubernetes.io "Pod's DNS Config": the usual remedy is ndots in the template of the pods that
// ask, and rolling that out. A name of two dots takes 10 queries with 5, and 2 with 1.
func TestARolloutOfNdotsHasPodsAskLess(t *testing.T) {
	source, err := os.ReadFile("library/ndots-broken.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(source), "expect:")
	head = strings.Replace(head, "limits: {cpu: 100m, memory: 170Mi}", "limits: {memory: 170Mi}", 1) // so that nobody asks twice
	const manifest = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: front}, spec: {replicas: 4, selector: {matchLabels: {app: front}}, template: {metadata: {labels: {app: front}}, " +
		`spec: {dnsConfig: {options: [{name: ndots, value: "1"}]}, containers: [{name: front, image: "shop/front:1", resources: {requests: {cpu: 500m, memory: 256Mi}}}]}}}}`
	for _, action := range []string{
		`do: patch, target: deployment/front, patch: {spec: {template: {spec: {dnsConfig: {options: [{name: ndots, value: "1"}]}}}}}`,
		"do: apply, manifests: [" + manifest + "]",
	} {
		tail := "timeline:\n  - {at: 4m, " + action + "}\n  - {at: 7m, do: rollout-undo, target: deployment/front}\nexpect:\n" +
			"  - \"between 2m and 4m: always(offered_rate(kube-system/service/kube-dns) == 5000rps)\"\n" +
			"  - \"between 5m and 7m: always(offered_rate(kube-system/service/kube-dns) == 1000rps)\"\n" +
			"  - \"between 8m and 10m: always(offered_rate(kube-system/service/kube-dns) == 5000rps)\"\n" +
			"  - \"between 2m and 10m: dns_error_rate(service/partner) == 0%\"\n"
		s, err := scenarios.Load(folder(t, map[string]string{"d.yaml": head + tail})+"/d.yaml", scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, r := run(t, s)
		checkHeld(t, action, r)
	}
	for patch, want := range map[string]string{ //tidy:commutative each by itself
		`{options: [{name: timeout, value: "1"}]}`: "of a resolver's options a patch changes ndots, and no other",
		"{options: []}":              "to take it away apply a manifest",
		"{searches: [a]}":            `unknown field "searches"`,
		"{options: [{name: ndots}]}": "value",
	} {
		tail := "timeline:\n  - {at: 4m, do: patch, target: deployment/front, patch: {spec: {template: {spec: {dnsConfig: " + patch + "}}}}}\n"
		if _, err := scenarios.Load(folder(t, map[string]string{"d.yaml": head + tail})+"/d.yaml", scenarios.Options{}); !complains(err, want) {
			t.Errorf("%s: %v, wants %s", patch, err, want)
		}
	}
}

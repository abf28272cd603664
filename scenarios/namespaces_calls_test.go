package scenarios_test

import (
	"strings"
	"testing"

	"orrery/scenarios"
)

// A pod may call a Service of another namespace, as db.data. The resolver looks for that in
// its own namespace first, so it costs two more queries (resolv.conf(5), search; the search
// domains of a pod: pkg/kubelet/network/dns/dns.go generateSearchesForDNSClusterFirst).
func TestWhoCallsAcrossNamespacesAsksDNSTwiceAsOften(t *testing.T) {
	const source = `
apiVersion: orrery/v1
name: across
duration: 5m
cluster: {nodes: [{name: n, count: 2, cpu: 8, memory: 16Gi}]}
workload:
  manifests: [objects.yaml]
  dns: {service: dns}
  behavior:
    - {match: {app: front}, calls: [{service: db, namespace: OF, timeout: 1s}]}
  traffic:
    - {service: front, rps: 10}
    - {service: db, namespace: data, rps: 5, from: default/deployment/front}
expect:
  - "between 2m and 5m: availability(service/front) == 100%"
  - "between 2m and 5m: availability(OF/service/db) == 100%"
  - "between 2m and 5m: offered_rate(kube-system/service/dns) == QUERIES"
`
	objects := ""
	for _, at := range [][2]string{{"default", "front"}, {"default", "db"}, {"data", "db"}, {"kube-system", "dns"}} {
		objects += strings.NewReplacer("NAMESPACE", at[0], "NAME", at[1]).Replace(`---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME, namespace: NAMESPACE}, spec: {replicas: 2, selector: {matchLabels: {app: NAME}}, template: {metadata: {labels: {app: NAME}}, spec: {containers: [{name: main, image: x}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: NAME, namespace: NAMESPACE}, spec: {selector: {app: NAME}, ports: [{port: 53, protocol: UDP}]}}
`)
	}
	for _, c := range []struct{ of, queries string }{{"data", "60rps"}, {"default", "40rps"}} { // 4 for each of 5, and 4 or 2 for each of 10
		text := strings.NewReplacer("OF", c.of, "QUERIES", c.queries).Replace(source)
		s, err := scenarios.Load(folder(t, map[string]string{"s.yaml": text, "objects.yaml": objects})+"/s.yaml", scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, r := run(t, s)
		checkHeld(t, c.of, r)
	}
}

// A Deployment without a namespace is one in the Service's; who means one elsewhere is told how to write it.
func TestWhoMeansADeploymentOfAnotherNamespaceIsToldHowToWriteIt(t *testing.T) {
	for from, want := range map[string]string{ //tidy:commutative each by itself
		"deployment/cli":         `there is no "shop/deployment/cli"; did you mean "default/deployment/cli"?`,
		"default/deployment/cli": "",
		"deployment/clj":         `there is no "shop/deployment/clj"`,
		"deployment/web":         "",
		"default/deployment/web": `there is no "deployment/web"; did you mean "shop/deployment/web"?`,
	} {
		_, err := scenarios.Read("from.yaml", []byte(`apiVersion: orrery/v1
name: from
duration: 5m
cluster: {nodes: [{name: n, count: 2, cpu: 8, memory: 16Gi}]}
workload:
  manifests:
    - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: cli}, spec: {selector: {matchLabels: {app: cli}}, template: {metadata: {labels: {app: cli}}, spec: {containers: [{name: main, image: "x:1"}]}}}}
    - {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "x:1"}]}}}}
    - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}
  traffic: [{service: web, namespace: shop, rps: 5, from: `+from+`}]
`))
		if !complains(err, want) {
			t.Errorf("%s: %v, wants %s", from, err, want)
		}
	}
}

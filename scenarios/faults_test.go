package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"orrery/scenarios"
)

// What is wrong about a fault is said where it is.
func TestMistakesAboutFaultsAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ timeline, want string }{
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<=0'}", "it hits nobody"},
		{"{at: 1m, fault: registry-down, registry: docker.oi}", `no image comes from "docker.oi"; images come from docker.io, registry.k8s.io; did you mean "docker.io"?`},
		{"{at: 1m, fault: registry-slow, rate: 50%, registry: https://docker.io}", "is no host that images come from"},
		{"{at: 1m, fault: memory-stress, target: node/n-1, fill: 0%}", "0% is too little: it must be more than 0"},
		{"{at: 1m, fault: disk-fill, target: node/n-1, fill: 0%}", "0% is too little"},
		{"{at: 1m, fault: disk-fill, target: node/n-1, inodes: 0%}", "0% is too little"},
		{"{at: 1m, fault: registry-rate-limited, errors: 0%}", "0% is too little"},
		{"{at: 1m, fault: pod-error, target: deployment/web, errors: 0%}", "0% is too little"},
		{"{at: 1m, fault: image-missing, image: wbe:1}", `no container is made from the image "wbe:1"; did you mean "web:1"?`},
		{"{at: 1m, fault: image-missing}", "image"},
		{"{at: 1m, fault: image-missing, image: web:1, registry: docker.io}", `unknown field "registry"`},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<=some'}", `"some" is not an amount`},
		{"{at: 1m, fault: pod-kill, target: deployment/web, node: node/n-9}", `there is no "node/n-9"`},
		{"{at: 1m, fault: pod-kill, count: all, nodeMatch: {pool: none}}", "no node has these labels"},
		{"{at: 1m, fault: node-down, target: node/n-1, node: node/n-1}", "it is about pods"},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app, operator: In}]}", "which values?"},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app, operator: Exists, values: [a]}]}", "does not depend on its value"},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app, operator: Is, values: [a]}]}", `unknown operator "Is"`},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app, operator: In, values: [wbe]}]}", "no pod has these labels"},
		{"{at: 1m, fault: pod-kill, target: deployment/web, force: true, grace: 5s}", "leave one of them out"},
		{"{at: 1m, for: 5m, fault: node-down, target: node/n-1, repeat: {every: 4m}}", "longer than until the next begins"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {times: 4}}", "every"},
		{"{at: 1m, fault: cpu-stress, target: deployment/web, cpu: 2}", `"deployment/web" is no node: cpu-stress is about nodes; about pods: container-stress` + "\n"},
		{"{at: 1m, fault: network-loss, target: pod/web-0, loss: 2%}", "about pods: pod-network-bandwidth, pod-network-delay, pod-network-loss\n"},
		{"{at: 1m, fault: node-down, target: deployment/web}", "node-down is about nodes; about pods: container-crash, container-stress, finalizer-stuck, pod-error,"},
		{"{at: 1m, fault: disk-slow, match: {app: web}, rate: 5%}", "no node has these labels, but some pods do: disk-slow is about nodes; about pods: pod-slow, probe-slow\n"},
		{"{at: 1m, fault: partition, target: node/n-1, peer: node/n-1}", "peer: this is node/n-1, whose way to itself stays as it is: select other nodes than the target"},
		{"{at: 1m, fault: network-loss, match: {kubernetes.io/hostname: n-1}, peer: {target: node/n-1}, loss: 2%}", "peer: this is node/n-1, whose way"},
		{"{at: 1m, fault: pod-partition, target: pod/web-0, peer: pod/web-0}", "peer: this is pod/web-0, whose way to itself stays as it is: select other pods than the target"},
		{"{at: 1m, fault: volume-detach, target: deployment/web}", "fault: no pod that is selected has a volume: give it a PersistentVolumeClaim, or select others"},
		{"{at: 1m, fault: volume-lost, target: deployment/web}", "fault: no pod that is selected has a volume"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 4m, times: 0}}", "0 is out of range"},
		{"{at: 1m, fault: container-crash, target: deployment/web, signal: SIGTERM}", `unknown signal "SIGTERM"`},
		{"{at: 1m, fault: container-crash, target: deployment/web, signal: SIGKILL, exitCode: 3}", "leave one of them out"},
		{"{at: 1m, fault: container-crash, target: deployment/web, times: 3}", "without for it crashes once"},
		{"{at: 1m, fault: container-crash, target: deployment/web, container: [web, sidecar]}", `no pod that is selected has a container "sidecar"`},
		{"{at: 1m, fault: cpu-stress, target: node/n-1}", "how much?"},
		{"{at: 1m, fault: cpu-stress, target: node/n-1, cpu: 2, load: 50%}", "not both"},
		{"{at: 1m, fault: cpu-stress, target: node/n-1, load: 0%}", "0%"},
		{"{at: 1m, fault: container-stress, target: deployment/web}", "write cpu, workers, memory, growth, disk or fill"},
		{"{at: 1m, fault: container-stress, target: deployment/web, disk: 0}", "0 is too little"},
		{"{at: 1m, do: delete, target: pod/coredns, namespace: kube-system}", `unknown field "namespace" in action delete: write it before the kind, as in target: shop/deployment/web`},
		{"{at: 1m, do: cordon, target: node/n-1, namespace: kube-system}", `unknown field "namespace" in action cordon; known: at`},
		{"{at: 1m, fault: container-stress, target: deployment/web, fill: 80%}", "no container that is selected has a limit of ephemeral-storage"},
		{"{at: 1m, fault: container-stress, target: deployment/web, fill: 80%, disk: 1Gi}", "not both"},
		{"{at: 1m, fault: pod-io, target: deployment/web}", "what is wrong with it? write latency: 100ms, or errno: EIO"},
		{"{at: 1m, fault: pod-io, target: deployment/web, errors: 30%}", "which error?"},
		{"{at: 1m, fault: pod-io, target: deployment/web, errno: EIOO}", `unknown error "EIOO"`},
		{"{at: 1m, fault: pod-io, target: deployment/web, errno: EIO, errors: 0%}", "0% is too little"},
		{"{at: 1m, fault: pod-io, target: deployment/web, latency: 0s}", "0s is too little"},
		{"{at: 1m, for: 1m, fault: swizzle-clog, count: 3, stagger: 40s}", "as long until all are back"},
		{"{at: 1m, fault: swizzle-clog, count: 3}", "for"},
		{"{at: 1m, fault: probe-slow, target: deployment/web}", "latency"},
		{"{at: 1m, fault: slow-start, target: deployment/web}", "rate"},
		{"{at: 1m, for: 5m, fault: volume-lost, target: statefulset/db}", `unknown field "for"`},
		{"{at: 1m, fault: volume-lost, target: statefulset/db, object: 3}", "object"},
		{"{at: 1m, do: delete, target: persistentvolumeclaim/data-db-x}", `there is no "persistentvolumeclaim/data-db-x"`},
		{"{at: 1m, do: delete, target: persistentvolumeclaim/data-web-0}", `there is no "persistentvolumeclaim/data-web-0"`},
		{"{at: 1m, fault: slow-start, rate: 10%}", "which pods?"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 0%}", "a start that never ends"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 150%}", "150%"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 50%, count: 1}", "every one that starts meanwhile"},
		{"{at: 1m, fault: probe-slow, target: deployment/web, latency: 0s}", "0s is too little"},
		{"{at: 1m, fault: probe-slow, target: deployment/web, latency: 2s, errors: 10%}", `unknown field "errors"`},
	} {
		_, err := scenarios.Read("small.yaml", []byte(smallWith(owned, c.timeline, "  - restarts() >= 0\n")))
		if !complains(err, c.want) || !complains(err, "small.yaml:") {
			t.Errorf("%s\nwant %q, got\n%v", c.timeline, c.want, err)
		}
	}
	wrong := smallWith(owned, "{at: 1m, fault: container-stress, target: deployment/web, fill: 120%}", "  - restarts() >= 0\n")
	if _, err := scenarios.Read("small.yaml", []byte(wrong)); !complains(err, "120% is more than 100%") || complains(err, "what do they use?") {
		t.Errorf("one mistake is told as two: %v", err)
	}
	inside := strings.Replace(smallWith(owned, "{at: 1m, fault: lb-health-fail, target: node/n-1}", "  - restarts() >= 0\n"), "from: internet, ", "", 1)
	if _, err := scenarios.Read("small.yaml", []byte(inside)); !complains(err, "timeline[0].fault: no requests come through a load balancer") {
		t.Errorf("checks of no load balancer fail: %v", err)
	}
}

// "count: all" selects every pod, as if no count were said, also of those that are yet to come.
func TestAllOfThePodsToComeAreAllThatAreSelected(t *testing.T) {
	for _, target := range []string{"target: deployment/web", "target: deployment/web, count: all", "count: all", "count: 100%"} {
		s := signature(t, owned, "{at: 10m, for: 10m, fault: slow-start, rate: 1%, "+target+"}, {at: 11m, fault: pod-kill, target: deployment/web, count: 1}",
			[]string{"between 11m10s and 12m: always(ready(deployment/web) == 5)"})
		if ok, text := verdict(t, s); !ok {
			t.Errorf("%s\n%s", target, text)
		}
	}
}

// A fault that repeats is one each time, with a name of its own, to the end of the run
// if nothing else is said.
func TestAFaultThatRepeatsIsOneEachTime(t *testing.T) {
	s := signature(t, owned, "{at: 10m, for: 1m, fault: node-down, id: out, count: 1, repeat: {every: 5m}}", []string{"restarts() >= 0"})
	got := ""
	for _, f := range s.Config.Faults {
		got += f.ID + " at " + time.Duration(f.At).String() + " "
	}
	if want := "out at 10m0s out-2 at 15m0s out-3 at 20m0s out-4 at 25m0s out-5 at 30m0s "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s = signature(t, owned, "{at: 10m, fault: pod-kill, matchExpressions: [{key: app, operator: NotIn, values: [front]}, {key: app, operator: Exists}], "+
		"nodeMatch: {kubernetes.io/hostname: n-1}, count: '<=30%'}", []string{"restarts() >= 0"})
	f := s.Config.Faults[0].Target
	if !f.UpTo || f.PercentPPM != 300_000 || len(f.Match.Requirements) != 2 || f.OnNode == nil {
		t.Errorf("%+v", f)
	}
}

// What nobody measured is no good news: while no API server answers, because none runs
// or none reaches etcd, small requests take no time that could be short.
func TestAPromiseAboutRequestsThatNoAPIServerAnswersIsBroken(t *testing.T) {
	for _, c := range []struct {
		fault, cluster string
		quiet          bool
	}{
		{"{at: 10m, for: 5m, fault: apiserver-crash}", owned, false},
		{"{at: 10m, for: 5m, fault: cluster-down}", owned, false},
		{"{at: 10m, for: 5m, fault: etcd-member-down, member: [cp-0, cp-1]}", owned, false},
		{"{at: 10m, for: 5m, fault: etcd-machine-down, member: [etcd-0, etcd-1]}", apart, false},
		{"{at: 10m, for: 5m, fault: apiserver-crash, server: cp-1}", owned, true},
		{"{at: 10m, for: 5m, fault: etcd-member-down, member: cp-1}", owned, true},
	} {
		for _, promise := range []string{"between 10m20s and 14m59s: always(api_seconds() <= 10ms)", "between 10m20s and 14m59s: always(api_seconds_p99() <= 1s)"} {
			held, text := verdict(t, signature(t, c.cluster, c.fault, []string{promise, "after 18m: always(api_seconds() <= 10ms)"}))
			if held != c.quiet || !c.quiet && !strings.Contains(text, "no API server answers") || !strings.Contains(text, "✓ after 18m") {
				t.Errorf("%s: %s\n%s", c.fault, promise, text)
			}
		}
	}
}

// Nor is anything well that nobody could say is not.
func TestAClusterWhoseAPIServersDoNotAnswerHasNotConverged(t *testing.T) {
	const killed = "{at: 12m, fault: apiserver-crash}"
	held, text := verdict(t, signature(t, owned, killed, []string{"at 12m1s: converged()", "at 11m50s: converged()", "after 20m: always(converged())"}))
	if held {
		t.Error(text)
	}
	for _, want := range []string{"✗ at 12m1s", "no API server answers", "✓ at 11m50s", "✓ after 20m"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

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
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 4m, times: 0}}", "0 is out of range"},
		{"{at: 1m, fault: container-crash, target: deployment/web, signal: SIGTERM}", `unknown signal "SIGTERM"`},
		{"{at: 1m, fault: container-crash, target: deployment/web, signal: SIGKILL, exitCode: 3}", "leave one of them out"},
		{"{at: 1m, fault: container-crash, target: deployment/web, times: 3}", "without for it crashes once"},
		{"{at: 1m, fault: container-crash, target: deployment/web, container: [web, sidecar]}", `no pod that is selected has a container "sidecar"`},
		{"{at: 1m, fault: cpu-stress, target: node/n-1}", "how much?"},
		{"{at: 1m, fault: cpu-stress, target: node/n-1, cpu: 2, load: 50%}", "not both"},
		{"{at: 1m, fault: cpu-stress, target: node/n-1, load: 0%}", "0%"},
		{"{at: 1m, for: 1m, fault: swizzle-clog, count: 3, stagger: 40s}", "as long until all are back"},
		{"{at: 1m, fault: swizzle-clog, count: 3}", "for"},
		{"{at: 1m, fault: probe-slow, target: deployment/web}", "latency"},
		{"{at: 1m, fault: slow-start, target: deployment/web}", "rate"},
		{"{at: 1m, fault: slow-start, rate: 10%}", "which pods?"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 0%}", "a start that never ends"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 150%}", "150%"},
		{"{at: 1m, fault: slow-start, target: deployment/web, rate: 50%, count: 1}", "every one that starts meanwhile"},
		{"{at: 1m, fault: probe-slow, target: deployment/web, latency: 0s}", "0s is too little"},
		{"{at: 1m, fault: probe-slow, target: deployment/web, latency: 2s, errors: 10%}", `unknown field "errors"`},
	} {
		_, err := scenarios.Read("small.yaml", []byte(smallWith(owned, c.timeline, "  - restarts() >= 0\n")))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "small.yaml:") {
			t.Errorf("%s\nwant %q, got\n%v", c.timeline, c.want, err)
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
	s = signature(t, owned, "{at: 10m, fault: pod-kill, matchExpressions: [{key: app, operator: NotIn, values: [front]}, {key: app, operator: Exists}], nodeMatch: {kubernetes.io/hostname: n-1}, count: '<=30%'}", []string{"restarts() >= 0"})
	f := s.Config.Faults[0].Target
	if !f.UpTo || f.PercentPPM != 300_000 || len(f.Match.Requirements) != 2 || f.OnNode == nil {
		t.Errorf("%+v", f)
	}
}

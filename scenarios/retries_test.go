package scenarios_test

import (
	"testing"
	"time"

	"orrery/scenarios"
)

// What is wrong about how users wait and try again is said where it is.
func TestMistakesAboutTimeoutsAndRetriesOfTrafficAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ traffic, want string }{
		{"timeout: 3", ".timeout: 3 has no unit: write 3s"},
		{"timeout: 3x", ".timeout: "},
		{"timeout: -1s", ".timeout: -1s is negative: write 1s"},
		{"timeout: 0s", ".timeout: 0s is out of range: 1ms to 15m"},
		{"timeout: 1us", ".timeout: 1us is out of range: 1ms to 15m"},
		{"timeout: [1s]", ".timeout: want a duration such as 90s, found a list"},
		{"timeout: 1s..2s", ".timeout: "},
		{"retries: -1", ".retries: -1 is out of range: 0 to 100"},
		{"retries: 101", ".retries: 101 is out of range: 0 to 100"},
		{"retries: 1.5", ".retries: "},
		{"retries: many", ".retries: "},
		{"retry: 3", `unknown field "retry" in traffic; known: `},
		{"retrys: 3", `unknown field "retrys" in traffic; did you mean "retries"?`},
		{"timeouts: 3s", `unknown field "timeouts" in traffic; did you mean "timeout"?`},
	} {
		_, err := scenarios.Read("zone.yaml", []byte(beginning+"  traffic: [{service: web, rps: 1, "+c.traffic+"}]\n"))
		if !complains(err, c.want) || !complains(err, "zone.yaml:18:") {
			t.Errorf("%s: want %q, got\n%v", c.traffic, c.want, err)
		}
	}
}

// Users who try again without a timeout do so after what fails, and nobody has to.
func TestTimeoutAndRetriesOfTrafficAreIndependentOfEachOther(t *testing.T) {
	for _, c := range []struct {
		traffic string
		timeout time.Duration
		retries int
	}{{"", 0, 0}, {", retries: 3", 0, 3}, {", timeout: 200ms", 200 * time.Millisecond, 0}, {", timeout: 1ms, retries: 100", time.Millisecond, 100}, {", retries: 0", 0, 0}} {
		s, err := scenarios.Read("zone.yaml", []byte(beginning+"  traffic: [{service: web, rps: 1"+c.traffic+"}]\n"))
		if err != nil {
			t.Errorf("%s: %v", c.traffic, err)
			continue
		}
		if f := s.Config.Traffic[0]; f.Timeout != c.timeout || f.Retries != c.retries {
			t.Errorf("%s: %v, %d", c.traffic, f.Timeout, f.Retries)
		}
	}
	_, err := scenarios.Read("zone.yaml", []byte(beginning+"  traffic: [{service: web, rps: 1, retries: 3}, {service: web, rps: 2}]\n"))
	if !complains(err, "one source sends in one way") {
		t.Errorf("two ways: %v", err)
	}
}

// What is wrong about how often, and how many, is said where it is.
func TestMistakesAboutRepeatAndUpToAreSaidWhereTheyAre(t *testing.T) {
	for _, c := range []struct{ timeline, want string }{
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 4}}", "repeat.every: 4 has no unit: write 4s"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 999ms}}", "repeat.every: 999ms is out of range: 1s to 366d"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: -5m}}", "repeat.every: -5m is negative: write 5m"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 5m, times: -1}}", "repeat.times: -1 is out of range"},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: {every: 5m, time: 2}}", `unknown field "time" in repeat; did you mean "times"?`},
		{"{at: 1m, fault: node-down, target: node/n-1, repeat: 5m}", "repeat: want a map"},
		{"{at: 1m, do: scale, target: deployment/web, replicas: 3, repeat: {every: 5m}}", `unknown field "repeat"`},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<='}", ".count: "},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<=0%'}", "it hits nobody"},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<=101%'}", ".count: "},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '<=-1'}", ".count: "},
		{"{at: 1m, fault: pod-kill, target: deployment/web, count: '>=30%'}", ".count: "},
		{"{at: 1m, fault: pod-kill, matchExpressions: {key: app, operator: Exists}}", "matchExpressions: want a list"},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{operator: Exists}]}", `missing "key"`},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app}]}", `missing "operator"`},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: 'a b', operator: Exists}]}", "no pod has these labels"},
		{"{at: 1m, fault: pod-kill, matchExpressions: [{key: app, operator: NotIn, value: [web]}]}", `did you mean "values"?`},
	} {
		_, err := scenarios.Read("small.yaml", []byte(smallWith(owned, c.timeline, "  - restarts() >= 0\n")))
		if !complains(err, c.want) || !complains(err, "small.yaml:") {
			t.Errorf("%s\nwant %q, got\n%v", c.timeline, c.want, err)
		}
	}
}

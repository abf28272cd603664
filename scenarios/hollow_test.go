package scenarios_test

import (
	"regexp"
	"strings"
	"testing"

	"orrery/model/fault"
	"orrery/model/store"
	"orrery/report"
	"orrery/scenarios"
)

// hollowed is a cluster of signatures whose machines are hollow.
func hollowed(cluster string) string {
	return strings.Replace(cluster, "cpu: 4", "hollow: true, cpu: 4", 1)
}

// On hollow nodes every fault there is either does something, or is refused where it
// is written.
func TestOnHollowNodesEveryFaultDoesSomethingOrIsRefused(t *testing.T) {
	for i := range fault.Kinds {
		kind := &fault.Kinds[i]
		if kind.Cloud {
			continue // its machines are never hollow
		}
		t.Run(kind.Name, func(t *testing.T) {
			for _, c := range signatures {
				if c.fault != kind.Name || kind.Name == "pod-io" && strings.Contains(c.timeline, "container-crash") {
					continue // what shows in processes that crash is refused for them
				}
				refused := kind.Hosts || kind.Name == "network-bandwidth" // what it carries has no size
				if kind.Name == "kubelet-restart" {
					c.timeline = "{at: 10m, fault: kubelet-restart, count: all}, {at: 9m59s, fault: pod-kill, target: deployment/web}"
				}
				s, err := scenarios.Read("small.yaml", []byte(smallWith(hollowed(c.cluster), c.timeline, "  - restarts() >= 0\n")))
				switch {
				case refused && err == nil:
					t.Errorf("%s\nis not refused", c.timeline)
				case refused:
					if text := err.Error(); !regexp.MustCompile(`^small.yaml:\d+:\d+: .*is hollow, and nothing runs there that .* could break: `).MatchString(text) {
						t.Errorf("%s\nis refused with\n%s", c.timeline, text)
					}
				case err != nil:
					t.Error(err)
				default:
					checkMatters(t, kind.Name, s)
				}
			}
		})
	}
}

// checkMatters finds a fault without which everything would be the same.
func checkMatters(t *testing.T, name string, s *scenarios.Scenario) {
	t.Helper()
	x, _ := run(t, s)
	for i := range s.Config.Faults {
		if s.Config.Faults[i].Fault == name {
			s.Config.Faults[i].At = 1 << 62
		}
	}
	y, _ := run(t, s)
	if with, without := besidesFaults(x.Store.History()), besidesFaults(y.Store.History()); with == without {
		t.Errorf("%s does nothing to hollow nodes, and is not refused", name)
	}
}

// besidesFaults is a history without what only says that there was a fault, and notesOf
// is that.
func besidesFaults(h *store.History) string { return partOf(h, false) }
func notesOf(h *store.History) string       { return partOf(h, true) }

func partOf(h *store.History, faults bool) string {
	var b strings.Builder
	e := report.NewEncoder(h)
	for i := range h.Len() {
		if r := h.At(i); faults == (r.Note != nil && strings.HasPrefix(r.Note.Path(), "fault/")) {
			b.Write(e.Line(r))
		}
	}
	return b.String()
}

// some is the cluster of signatures with two machines that are hollow beside four that
// are not.
const some = "{nodes: [{name: n, count: 4, cpu: 4, memory: 16Gi, labels: {pool: real}}, {name: h, count: 2, cpu: 4, memory: 16Gi, hollow: true, labels: {pool: hollow}}]}"

// Where there are both, what needs a machine on which something runs names no hollow
// one, and of pods it takes those that run.
func TestWhereSomeNodesAreHollowFaultsTakeTheOthers(t *testing.T) {
	for timeline, want := range map[string]string{
		"{at: 1m, fault: cpu-stress, count: all, load: 50%}":                                      "small.yaml:75:28: timeline[0].fault: node/h-0 is hollow, and nothing runs there that cpu-stress could break: select nodes that are not",
		"{at: 1m, fault: runtime-down, match: {pool: hollow}}":                                    "node/h-0 is hollow",
		"{at: 1m, fault: node-flapping, target: node/h-1, period: 1m, down: 10s, cause: runtime}": "node/h-1 is hollow",
		"{at: 1m, fault: container-crash, nodeMatch: {pool: hollow}, target: deployment/web}":     "every node that it may hit is hollow",
		"{at: 1m, fault: network-bandwidth, target: node/h-1, rate: 1%}":                          "node/h-1 is hollow",
		"{at: 1m, fault: cpu-stress, match: {pool: real}, load: 50%}":                             "",
		"{at: 1m, fault: node-flapping, target: node/h-1, period: 1m, down: 10s}":                 "",
		"{at: 1m, fault: registry-down}":                                                          "",
		"{at: 1m, fault: container-crash, nodeMatch: {pool: real}, target: deployment/web}":       "",
	} {
		_, err := scenarios.Read("small.yaml", []byte(smallWith(some, timeline, "  - restarts() >= 0\n")))
		if !complains(err, want) {
			t.Errorf("%s\nwant %q, got\n%v", timeline, want, err)
		}
	}
	s := signature(t, some, "{at: 10m, fault: container-crash, target: deployment/web, count: 4}, "+
		"{at: 12m, do: scale, target: deployment/web, replicas: 0}, {at: 13m, do: cordon, target: node/n-0}",
		[]string{"restarts(deployment/web) == 4", "notes(FaultWithoutTarget) == 0"})
	if held, text := verdict(t, s); !held {
		t.Error(text)
	}
	s = signature(t, strings.Replace(some, "count: 4, cpu: 4", "count: 4, cpu: 10m", 1), "{at: 10m, fault: container-crash, target: deployment/web}", []string{"restarts() == 0"})
	x, _ := run(t, s)
	if said := notesOf(x.Store.History()); !strings.Contains(said, "container-crash selects no pod now but on hollow nodes, where nothing runs") {
		t.Error(said)
	}
}

// Nobody on a hollow node changes the resources of what runs.
func TestOnHollowNodesNobodyResizesPodsInPlace(t *testing.T) {
	const timeline = "{at: 5m, do: patch, target: pod/db-0, patch: {spec: {containers: [{name: db, resources: {requests: {cpu: 200m}}}]}}}"
	_, err := scenarios.Read("small.yaml", []byte(smallWith(hollowed(apart), timeline, "  - restarts() >= 0\n")))
	if !complains(err, "small.yaml:75:57: timeline[0].patch: every node is hollow, and nobody there changes the resources") {
		t.Error(err)
	}
	signature(t, some, timeline, []string{"restarts() >= 0"})
}

package scheduler

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// checkAccount compares an account with the decision it is of: as many nodes
// gave an answer, the winner is the one that kube-scheduler's heap has at its
// root, and the reasons are as many as the message counts.
func checkAccount(t testing.TB, a *Account) {
	t.Helper()
	if a.PreFilter != "" {
		if len(a.Feasible)+len(a.Infeasible) > 0 || a.Node != "" {
			t.Fatalf("nodes answer after %q", a.PreFilter)
		}
		return
	}
	asked := len(a.Feasible)
	for _, r := range a.Infeasible {
		if !strings.HasPrefix(r.Reasons[0], "node(s) didn't satisfy plugin(s)") {
			asked++
		}
		if len(r.Changes) == 0 || r.Plugin == "" {
			t.Fatalf("%s: %v refuses by %q, and what would have to change is %v", a.Pod.Name, r.Reasons, r.Plugin, r.Changes)
		}
	}
	if asked != a.Examined {
		t.Fatalf("%s: %d nodes were examined, the account is of %d", a.Pod.Name, a.Examined, asked)
	}
	if a.Node == "" {
		if len(a.Feasible) > 0 || a.Nodes > 0 && !strings.HasPrefix(a.Message, recount(a)) {
			t.Fatalf("%s: %d nodes could take the pod, of which is said %q, and reasons are %q", a.Pod.Name, len(a.Feasible), a.Message, recount(a))
		}
		return
	}
	found := slices.Clone(a.Feasible)
	slices.SortFunc(found, func(x, y NodeScore) int { return x.Place - y.Place })
	var scored nodeScoreHeap
	for i := range found {
		scored = append(scored, nodeScore{node: uint32(i), total: found[i].Total})
		var sum int64
		for _, p := range found[i].Plugins {
			sum += p.Score
		}
		if sum != found[i].Total {
			t.Fatalf("%s: the plugins' scores of %s are %d, the total %d", a.Pod.Name, found[i].Node, sum, found[i].Total)
		}
	}
	heap.Init(&scored)
	if want := found[heap.Pop(&scored).(nodeScore).node].Node; want != a.Node || a.Feasible[0].Node != a.Node {
		t.Fatalf("%s: went to %s, the account has %s first and would choose %s", a.Pod.Name, a.Node, a.Feasible[0].Node, want)
	}
}

// recount is what the message has to begin with.
func recount(a *Account) string {
	counts := map[string]int{}
	for _, r := range a.Infeasible {
		for _, reason := range r.Reasons {
			counts[reason]++
		}
	}
	return fmt.Sprintf("0/%d nodes are available: %s.", a.Nodes, histogram(counts))
}

// account gives one of the decision d and checks it.
func (w *twins) account(p *model.Pod, start int, d decision) {
	if w.fast.ties != TiesHeap {
		return // only then does a run break ties as here
	}
	changes := w.fast.cache.changes
	checkAccount(w.t, w.fast.account(&podRow{pod: p}, start, d))
	if w.fast.cache.changes != changes {
		w.t.Fatal("an account changed something")
	}
}

// An account is of the very decision that was made, and asking for it changes
// nothing: with all decisions of an eventful hour explained, preemptions among
// them, the history is the same.
func TestAnAccountIsOfTheDecisionAndChangesNothing(t *testing.T) {
	for seed := range uint64(6) {
		policy := policies[seed*2%uint64(len(policies))]
		given, nominated, preempting := 0, 0, 0
		var last *Account
		c := Config{Profile: policy.Profile(), Witness: func(now sim.Time, pod *model.Pod) func(*Account) {
			return func(a *Account) {
				given++
				if checkAccount(t, a); a.At != now || a.Pod != pod {
					t.Fatal("an account of something else")
				}
				if a.Nominated != "" {
					nominated++
				}
				if a.Preempts != nil {
					preempting++
				}
				last = a
			}
		}}
		got, want := eventful(t, seed, c).story(), eventful(t, seed, Config{Profile: policy.Profile()}).story()
		if got != want {
			t.Errorf("seed %d, %s: the history is another one if decisions are explained", seed, policy.Name)
		}
		if given < 500 || nominated == 0 || preempting == 0 || last == nil {
			t.Errorf("seed %d, %s: %d accounts, %d of nominated pods, %d of preemptions: too few to tell", seed, policy.Name, given, nominated, preempting)
		}
	}
}

// A decision is made from what the scheduler has seen: nodes that are gone for
// a microsecond are still in the account.
func TestAnAccountIsOfTheLateView(t *testing.T) {
	decided := func(goneAt time.Duration) *Account {
		var first *Account
		w := newWorld(t, Config{Witness: func(sim.Time, *model.Pod) func(*Account) {
			return func(a *Account) {
				if first == nil {
					first = a
				}
			}
		}}, nodes(2, 1000, 4)...)
		w.run(time.Second)
		w.add(pod("web", spec(1, 1)))
		w.run(goneAt)
		w.remove(w.store.Lookup(model.KindNode, "", "n-0"))
		w.remove(w.store.Lookup(model.KindNode, "", "n-1"))
		w.run(2 * time.Second)
		return first
	}
	at := decided(1500 * time.Millisecond).At
	if a := decided(at.Sub(sim.Time(time.Microsecond))); a.At != at || a.Nodes != 2 || a.Node == "" {
		t.Errorf("at %v: %d nodes, goes to %q; want two nodes and one of them at %v", a.At, a.Nodes, a.Node, at)
	}
}

// advice is what would have to change for a pod to go to the only node.
func advice(p *Planner, pod *model.Pod) string {
	d := p.search.decide(p.search.classes.of(pod))
	var words []string
	for _, r := range p.search.account(&podRow{pod: pod}, 0, d).Infeasible {
		for _, c := range r.Changes {
			words = append(words, c.Text)
		}
	}
	return strings.Join(words, "; ")
}

func TestAdviceNamesWhatIsMissing(t *testing.T) {
	affine := func(terms ...model.NodeTerm) *model.PodSpec {
		return spec(1, 1, func(s *model.PodSpec) { s.Required = terms })
	}
	label := func(r ...model.Requirement) model.NodeTerm { return model.NodeTerm{Labels: r} }
	web := selecting("web")
	hard := model.SpreadConstraint{TopologyKey: model.LabelZone, MaxSkew: 1, Hard: true, Selector: web}
	for _, c := range []struct {
		name, want string
		spec       *model.PodSpec
		edit       func(*model.Node)
	}{
		{"cpu and memory", "700m CPU more; 1Gi memory more", spec(1500, 4*gib), nil},
		{"a byte", "1 byte memory more", spec(1, 3*gib+1), nil},
		{"odd bytes are rounded up", "102Mi memory more", spec(1, 3*gib+101<<20+1), nil},
		{"more than there is at all", "2 CPU more than all of it has", spec(4000, 1), nil},
		{"pods", "room for another pod than the 1 it may have", spec(1, 1), func(n *model.Node) { n.Allocatable.Pods = 1 }},
		{"GPUs", "2 nvidia.com/gpu more than all of it has", spec(1, 1, func(s *model.PodSpec) {
			s.Containers[0].Requests.Extended = []model.Extended{{Name: "nvidia.com/gpu", Count: 2}}
		}), nil},
		{"taints, each of them", "tolerate taint a=b:NoSchedule; tolerate taint c:NoExecute", spec(1, 1), func(n *model.Node) {
			n.Taints = []model.Taint{{Key: "a", Value: "b", Effect: model.NoSchedule}, {Key: "p", Effect: model.PreferNoSchedule}, {Key: "c", Effect: model.NoExecute}}
		}},
		{"a cordon", "uncordon it", spec(1, 1), func(n *model.Node) { n.Unschedulable = true }},
		{"everything at once", "uncordon it; label disk=ssd; 700m CPU more", spec(1500, 1, func(s *model.PodSpec) {
			s.NodeSelector = model.Labels{{Key: "disk", Value: "ssd"}}
		}), func(n *model.Node) { n.Unschedulable = true }},
		{"the nearest of several terms", "label disk=ssd", affine(
			label(model.Requirement{Key: "a", Op: model.Exists}, model.Requirement{Key: "b", Op: model.In, Values: []string{"1", "2"}}),
			label(model.Requirement{Key: "disk", Op: model.In, Values: []string{"ssd"}})), nil},
		{"all of a term", "label a; label b in (1,2)", affine(
			label(model.Requirement{Key: "a", Op: model.Exists}, model.Requirement{Key: "b", Op: model.In, Values: []string{"1", "2"}})), nil},
		{"other operators", "label " + model.LabelZone + " not in (a); label d > 5; label " + model.LabelHostname + " absent", affine(label(
			model.Requirement{Key: model.LabelZone, Op: model.NotIn, Values: []string{"a"}},
			model.Requirement{Key: "d", Op: model.GreaterThan, Values: []string{"5"}},
			model.Requirement{Key: model.LabelHostname, Op: model.DoesNotExist})), nil},
		{"another node's name", "let the pod's node affinity name it", affine(
			model.NodeTerm{Names: []model.Requirement{{Key: "metadata.name", Op: model.In, Values: []string{"x"}}}}), nil},
		{"a port", "host port 80/TCP free", placed(model.Placement{HostPorts: []model.HostPort{{IP: "0.0.0.0", Protocol: "TCP", Port: 80}}}), nil},
		{"company", "a pod that its affinity wants (app=db) in " + model.LabelZone + "=a", placed(model.Placement{
			Affinity: []model.PodTerm{{TopologyKey: model.LabelZone, Selector: selecting("db")}}}), nil},
		{"a label to be company by", "label rack", placed(model.Placement{
			Affinity: []model.PodTerm{{TopologyKey: "rack", Selector: web}}}), nil},
		{"solitude", "no pod that its anti-affinity shuns in " + model.LabelZone + "=a", placed(model.Placement{
			AntiAffinity: []model.PodTerm{{TopologyKey: model.LabelZone, Selector: web}}}), nil},
		{"even spreading", "1 fewer pod of its sort in " + model.LabelZone + "=a, or as many more elsewhere", placed(model.Placement{
			Spread: []model.SpreadConstraint{withMinDomains(hard, 2)}}), nil},
		{"a label to be spread by", "label rack", placed(model.Placement{
			Spread: []model.SpreadConstraint{{TopologyKey: "rack", MaxSkew: 1, Hard: true, Selector: web}}}), nil},
	} {
		p := NewPlanner(PlannerConfig{Profile: DefaultProfile(), PercentageOfNodesToScore: 100})
		n := node("n", "a", 2000, 4)
		if c.edit != nil {
			c.edit(n)
		}
		p.AddNode(n)
		there := labelled("there", "web", spec(1200, gib))
		there.Spec.Placement = &model.Placement{HostPorts: []model.HostPort{{IP: "0.0.0.0", Protocol: "TCP", Port: 80}}}
		there.NodeName = "n"
		p.Assign(there)
		if got := advice(p, labelled("new", "web", c.spec)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func withMinDomains(c model.SpreadConstraint, n int32) model.SpreadConstraint {
	c.MinDomains = n
	return c
}

// The one whose anti-affinity is in the way is another's; and what waits for a
// node keeps its place.
func TestAdviceNamesOthersThatAreInTheWay(t *testing.T) {
	p := NewPlanner(PlannerConfig{Profile: DefaultProfile(), PercentageOfNodesToScore: 100})
	p.AddNode(node("n", "a", 2000, 2))
	loner := labelled("loner", "db", placed(model.Placement{AntiAffinity: []model.PodTerm{{TopologyKey: model.LabelZone, Selector: selecting("web")}}}))
	loner.NodeName = "n"
	p.Assign(loner)
	if got, want := advice(p, labelled("new", "web", spec(1, 1))), "no pod whose anti-affinity shuns it in "+model.LabelZone+"=a"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	waiting := pod("waiting", spec(1500, 1, func(s *model.PodSpec) { s.Priority = 7 }))
	waiting.ID = 9
	p.search.nominate(waiting, 0, p.search.cache.byName["n"])
	if got, want := advice(p, pod("small", spec(600, 1))), "room beside pod/default/waiting, which waits for the node"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Fewer changes come first, and among as many those that miss less.
func TestTheLeastEffortComesFirst(t *testing.T) {
	list := []Rejection{
		{Node: "two", Changes: []Change{{"a", 0}, {"b", 0}}}, {Node: "much", Changes: []Change{{"a", 500}}},
		{Node: "little", Changes: []Change{{"a", 3}}}, {Node: "none", Changes: []Change{{"a", 0}}}, {Node: "alike", Changes: []Change{{"b", 3}}},
	}
	var order []string
	for _, r := range ByEffort(list) {
		order = append(order, r.Node)
	}
	if got := strings.Join(order, " "); got != "none little alike much two" {
		t.Errorf("order: %s", got)
	}
}

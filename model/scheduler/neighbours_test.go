package scheduler

import (
	"testing"
	"time"

	"orrery/model"
)

// placed is a spec of a quarter core with something to say about neighbours.
func placed(p model.Placement) *model.PodSpec {
	return spec(250, gib/4, func(s *model.PodSpec) { s.Placement = &p })
}

func labelled(name, app string, s *model.PodSpec) *model.Pod {
	p := pod(name, s)
	p.Labels = model.Labels{{Key: "app", Value: app}}
	return p
}

func selecting(app string) *model.Selector {
	return model.SelectorOf(model.Labels{{Key: "app", Value: app}})
}

// A pod with required affinity to pods that are nowhere waits until one is
// placed, and goes to its zone (interpodaffinity/plugin.go
// isSchedulableAfterPodChange); pods it is not about do not wake it.
func TestAPodWaitsForThoseItWantsToBeWith(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "a", 2000, 8), node("n-1", "b", 8000, 32))
	p := w.add(labelled("web", "web", placed(model.Placement{Affinity: []model.PodTerm{{TopologyKey: model.LabelZone, Selector: selecting("db")}}})))
	w.run(10 * time.Second)
	wantNotes(t, w.notes(p), "FailedScheduling: 0/2 nodes are available: 2 node(s) didn't match pod affinity rules. "+
		"no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.")
	w.add(labelled("other", "other", spec(100, gib)))
	w.run(20 * time.Second)
	if n := len(w.attempts(p)); n != 1 {
		t.Errorf("%d attempts: a pod that it is not about has woken it", n)
	}
	w.add(labelled("db", "db", spec(100, gib, func(s *model.PodSpec) {
		s.NodeSelector = model.Labels{{Key: model.LabelZone, Value: "a"}}
	})))
	w.run(30 * time.Second)
	w.wantNode(p, "n-0")
}

// A pod that a placed pod's anti-affinity keeps out
// (interpodaffinity/filtering.go satisfyExistingPodsAntiAffinity) does not hear
// when that one goes: until v1.36 plugin.go isSchedulableAfterPodChange asks only
// the waiting pod's own terms, so it waits for the flush.
func TestAPodThatAnotherKeepsOutWaitsForTheFlush(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "a", 8000, 32))
	w.run(time.Second)
	first := w.add(labelled("first", "db", placed(model.Placement{AntiAffinity: []model.PodTerm{{TopologyKey: model.LabelZone, Selector: selecting("web")}}})))
	w.run(2 * time.Second)
	p := w.add(labelled("second", "web", spec(100, gib)))
	w.run(10 * time.Second)
	wantNotes(t, w.notes(p), "FailedScheduling: 0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. "+
		"no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.")
	w.remove(first)
	w.run(4 * time.Minute)
	w.wantNode(p, "")
	w.run(6 * time.Minute)
	w.wantNode(p, "n-0")
}

// Hard spreading: a domain may have at most maxSkew pods more than the one with
// the fewest (podtopologyspread/filtering.go); a pod that would have too many
// waits until another domain has caught up.
func TestHardSpreadingKeepsDomainsWithinTheSkew(t *testing.T) {
	small := node("n-1", "b", 300, 8)
	w := newWorld(t, Config{}, node("n-0", "a", 8000, 32), small)
	s := placed(model.Placement{Spread: []model.SpreadConstraint{{TopologyKey: model.LabelZone, MaxSkew: 1, Hard: true, MinDomains: 1, Selector: selecting("web")}}})
	pods := []*model.Pod{w.add(labelled("p-0", "web", s)), w.add(labelled("p-1", "web", s)), w.add(labelled("p-2", "web", s)), w.add(labelled("p-3", "web", s))}
	w.run(10 * time.Second)
	on := map[string]int{}
	for _, p := range pods {
		on[w.pod(p).NodeName]++
	}
	if on["n-0"] != 2 || on["n-1"] != 1 || on[""] != 1 {
		t.Errorf("pods per node: %v, want two in zone a, one in b, one that waits", on)
	}
	change(w, small, func(n *model.Node) { n.Allocatable.CPUMilli = 8000 })
	w.run(20 * time.Second)
	for _, p := range pods {
		if w.pod(p).NodeName == "" {
			t.Errorf("%s still waits: %v", p.Name, w.notes(p))
		}
	}
}

// Two pods that want the same port of the node cannot share it
// (nodeports/node_ports.go); the second goes when the first has left.
func TestAPortOfTheNodeIsTakenOnce(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "", 8000, 32))
	s := placed(model.Placement{HostPorts: []model.HostPort{{IP: "0.0.0.0", Protocol: "TCP", Port: 80}}})
	first := w.add(pod("first", s))
	w.run(time.Second)
	second := w.add(pod("second", s))
	w.run(5 * time.Second)
	w.wantNode(first, "n-0")
	wantNotes(t, w.notes(second), "FailedScheduling: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "+
		"no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.")
	w.remove(first)
	w.run(15 * time.Second)
	w.wantNode(second, "n-0")
}

// Pods of a ReplicaSet are spread over hosts and zones without saying so
// (podtopologyspread/plugin.go systemDefaultConstraints): the second goes to
// the smaller node of the other zone.
func TestPodsOfAReplicaSetAreSpreadByDefault(t *testing.T) {
	w := newWorld(t, Config{}, node("n-0", "a", 8000, 32), node("n-1", "a", 8000, 32), node("n-2", "b", 6000, 24))
	labels := model.Labels{{Key: "app", Value: "web"}}
	set := &model.ReplicaSet{Meta: model.Meta{Kind: model.KindReplicaSet, Namespace: "default", Name: "web"}, Selector: model.SelectorOf(labels)}
	w.store.Create(w.person, set)
	w.run(time.Second)
	s := spec(250, gib)
	var pods []*model.Pod
	for _, name := range []string{"p-0", "p-1"} {
		p := labelled(name, "web", s)
		p.Owner = set.Ref()
		pods = append(pods, w.add(p))
	}
	w.run(5 * time.Second)
	if a, b := w.pod(pods[0]).NodeName, w.pod(pods[1]).NodeName; a == b || (a != "n-2") == (b != "n-2") {
		t.Errorf("the pods are on %s and %s, want one in each zone", a, b)
	}
}

// A natural logarithm by hand: as good as the library's.
func TestNaturalLogAgreesWithTheLibrary(t *testing.T) {
	for n := 1; n < 200_000; n += 1 + n/50 {
		if got, want := naturalLog(n), libraryLog(n); got < want-want*1e-15-1e-300 || got > want+want*1e-15 {
			t.Errorf("ln %d is %v, want %v", n, got, want)
		}
	}
}

// The selector of namespaces of a pod that looks for a node is asked about no
// labels, too, and one that these satisfy selects every namespace
// (interpodaffinity/plugin.go mergeAffinityTermNamespacesIfNotEmpty, v1.35);
// that of a placed pod is not (filtering.go getExistingAntiAffinityCounts).
func TestANamespaceSelectorThatNoLabelsSatisfySelectsAllNamespaces(t *testing.T) {
	elsewhere := []model.PodTerm{{TopologyKey: model.LabelZone, Selector: selecting("db"), NamespaceSelector: &model.Selector{
		Requirements: []model.Requirement{{Key: "kubernetes.io/metadata.name", Op: model.NotIn, Values: []string{"default"}}},
	}}}
	db := func() *model.Pod { return labelled("db", "db", placed(model.Placement{AntiAffinity: elsewhere})) }
	w := newWorld(t, Config{}, node("n-0", "a", 8000, 32))
	w.add(db())
	w.run(time.Second)
	friend := w.add(labelled("friend", "web", placed(model.Placement{Affinity: elsewhere})))
	foe := w.add(labelled("foe", "web", placed(model.Placement{AntiAffinity: elsewhere})))
	same := labelled("same", "db", spec(100, gib))
	w.add(same)
	w.run(10 * time.Second)
	w.wantNode(friend, "n-0")
	w.wantNode(same, "n-0")
	wantNotes(t, w.notes(foe), "FailedScheduling: 0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. "+
		"no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.")
}

package scheduler

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// crowd is a random cluster in which every pod has a priority and labels, and
// some have budgets, terms about others or a nomination.
func crowd(c *chaos) *search {
	s := newSearch(0, 100)
	id := uint32(0)
	for n := range uint32(3 + c.n(12)) {
		x := c.node(n + 1)
		x.Taints, x.Unschedulable = nil, false
		s.cache.setNode(x.ID, x)
	}
	for n := range uint32(len(s.cache.rows) - 1) {
		for range c.n(9) {
			id++
			s.cache.addPod(n+1, person(c, id))
		}
	}
	for _, app := range []string{"a", "b"} {
		s.budgets = append(s.budgets, &model.PodDisruptionBudget{
			Meta: model.Meta{Namespace: "default"}, Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": app})), Allowed: int32(c.n(3)),
			Disrupted: []model.Disruption{{Pod: "p-1"}},
		})
	}
	for range c.n(3) {
		id++
		s.nominate(person(c, id), 0, uint32(1+c.n(len(s.cache.rows)-1)))
	}
	return s
}

// person is a random pod that can be told from all others.
func person(c *chaos, id uint32) *model.Pod {
	spec := &model.PodSpec{SchedulerName: Name, Priority: int32(c.n(4) * 10)}
	spec.Containers = []model.Container{{Requests: model.Resources{CPUMilli: int64(c.n(20)) * 100, MemoryBytes: int64(c.n(30)) * gib / 10}}}
	if c.one(3) {
		spec.Placement = &model.Placement{AntiAffinity: []model.PodTerm{{
			TopologyKey: pick(c, "pool", "disk"), Selector: model.SelectorOf(model.MakeLabels(map[string]string{"app": pick(c, "a", "b", "c")})),
		}}}
	}
	spec.SumRequests()
	p := pod(fmt.Sprintf("p-%d", id), spec)
	p.ID, p.StartedAt, p.Labels = id, sim.Time(c.n(5))*1000, model.MakeLabels(map[string]string{"app": pick(c, "a", "b", "c")})
	return p
}

// without is the same cluster built anew, node by node, but for some pods.
func without(s *search, gone []*model.Pod) *search {
	out := newSearch(0, 100)
	for id := range s.cache.rows {
		if n := s.cache.rows[id].Node; n != nil {
			out.cache.setNode(n.ID, n)
		}
	}
	for id := range s.cache.rows {
		for _, p := range s.cache.rows[id].Pods {
			if !slices.Contains(gone, p) {
				out.cache.addPod(uint32(id), p)
			}
		}
		for _, p := range s.nominated.byNode[uint32(id)] {
			out.nominate(p, 0, uint32(id))
		}
	}
	return out
}

// takes tells whether, in a cluster built anew, a node can take a pod.
func takes(s *search, p *model.Pod, node uint32) bool {
	return s.fits(s.classes.of(p), node) == nil
}

// victims is SelectVictimsOnNode over clusters that are built anew for every
// question.
func (w *search) victims(p *model.Pod, node uint32) (victims []*model.Pod, violations int) {
	lower := w.lowerOn(node, p.Spec.Priority)
	if len(lower) == 0 || !takes(without(w, lower), p, node) {
		return nil, 0
	}
	sortByImportance(lower)
	allowed := make([]int32, len(w.budgets))
	for i, b := range w.budgets {
		allowed[i] = b.Allowed
	}
	violates := map[*model.Pod]bool{}
	for _, v := range lower {
		for i, b := range w.budgets {
			if app, _ := v.Labels.Get("app"); app == b.Selector.Requirements[0].Values[0] && v.Name != "p-1" {
				allowed[i]--
				violates[v] = allowed[i] < 0
			}
		}
	}
	gone := slices.Clone(lower)
	for _, first := range []bool{true, false} {
		for _, v := range lower {
			if violates[v] != first {
				continue
			}
			rest := slices.DeleteFunc(slices.Clone(gone), func(x *model.Pod) bool { return x == v })
			if takes(without(w, rest), p, node) {
				gone = rest
			} else {
				victims = append(victims, v)
				if first {
					violations++
				}
			}
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(lower), func(v *model.Pod) bool { return !violates[v] })); n > 0 && n < len(lower) {
		sortByImportance(victims)
	}
	return victims, violations
}

// A dry run asks the cache itself and leaves it as it was; the candidates are
// those of clusters that are built anew for every question.
func TestDryRunsAreThoseOfThePlainAlgorithm(t *testing.T) {
	asked, found := 0, 0
	for seed := range uint64(400) {
		c := &chaos{luck: sim.NewLuck(seed).Stream("crowd")}
		s := crowd(c)
		p := person(c, math.MaxInt16)
		p.Spec.Priority = int32(10 + c.n(30))
		var want []Candidate
		for id := range uint32(len(s.cache.rows)) {
			st := (*Status)(nil)
			if id > 0 {
				w := without(s, nil)
				st = w.fits(w.classes.of(p), id)
			}
			if st == nil || st.Code != Unschedulable {
				continue
			}
			asked++
			if v, n := s.victims(p, id); len(v) > 0 {
				want = append(want, Candidate{id, v, n})
			}
		}
		before := make([][]*model.Pod, len(s.cache.rows))
		for id := range before {
			before[id] = slices.Clone(s.cache.rows[id].Pods)
		}
		d := s.decide(s.classes.of(p))
		if d.failure == nil {
			continue
		}
		found += len(want)
		if !reflect.DeepEqual(d.failure.candidates, want) {
			t.Fatalf("seed %d:\n got %v\nwant %v", seed, d.failure.candidates, want)
		}
		for id := range before {
			if !slices.Equal(before[id], s.cache.rows[id].Pods) {
				t.Fatalf("seed %d: a dry run changed who is on node %d", seed, id)
			}
		}
	}
	t.Logf("%d nodes asked, %d candidates", asked, found)
}

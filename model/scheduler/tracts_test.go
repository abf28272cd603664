package scheduler

import (
	"fmt"
	"testing"

	"orrery/model"
	"orrery/sim"
)

// district is a cluster of several tracts, searched twice: by tracts, and node by
// node.
type district struct {
	c          chaos
	fast, slow *search
	heap       plain // breaks the slow one's ties
	nodes      []uint32
	next       uint32
	shapes     []*model.Pod
	placed     []plainPod
	// How many decisions took tracts as a whole, had equals in them, found no node.
	whole, inside, nowhere int
}

func newDistrict(seed uint64) *district {
	luck := sim.NewLuck(seed)
	d := &district{c: chaos{luck: luck.Stream("chaos")}}
	d.c.even = !d.c.one(4)
	d.fast = newSearch(0, pick(&d.c, int64(100), 100, 80, 60))
	f, draws := d.fast.framework, luck.Stream("ties")
	d.fast.ties, d.fast.luck = pick(&d.c, TiesHeap, TiesHeap, TiesFirst, TiesRandom), &draws
	d.slow = &search{framework: f, cache: d.fast.cache, classes: newClasses(f), percentage: d.fast.percentage}
	d.heap = plain{ties: d.fast.ties, luck: luck.Stream("ties")}
	for range 2_500 + d.c.n(2_500) {
		d.join()
	}
	for i := range 6 {
		d.shapes = append(d.shapes, pod(fmt.Sprintf("p-%d", i), spec(int64(100+d.c.n(30)*100), int64(1+d.c.n(4))*gib)))
	}
	d.shapes[0].Spec.Preferred = []model.PreferredTerm{{Weight: 5, Term: d.c.term()}}
	d.shapes[1].Spec.NodeSelector = model.MakeLabels(map[string]string{"pool": "web", "disk": "1"})
	d.shapes[2].Spec.Request.CPUMilli = 7_900 // wants nearly all of a node
	d.shapes[3].Spec.Request.CPUMilli = 8_900 // and this one more than there is
	owned(d.fast, d.shapes[4:5])
	full := pod("full", spec(8_000, gib))
	for at := d.c.n(1_500); at < len(d.nodes); at += 1_000 + d.c.n(1_000) { // stretches without room
		for _, id := range d.nodes[at:min(at+d.c.n(4_000), len(d.nodes))] {
			d.fast.cache.addPod(id, full)
		}
	}
	return d
}

// join lets a new node come.
func (d *district) join() {
	d.next++
	d.fast.cache.setNode(d.next, d.c.node(d.next))
	d.nodes = append(d.nodes, d.next)
}

// churn changes a little.
func (d *district) churn() {
	switch k := d.c.n(20); {
	case k == 0:
		d.join()
	case k == 1:
		i := d.c.n(len(d.nodes))
		d.fast.cache.setNode(d.nodes[i], nil)
		d.nodes = append(d.nodes[:i], d.nodes[i+1:]...)
	case k < 4:
		id := d.nodes[d.c.n(len(d.nodes))]
		d.fast.cache.setNode(id, d.c.node(id))
	case k < 12 && len(d.placed) > 0:
		i, last := d.c.n(len(d.placed)), len(d.placed)-1
		d.fast.cache.removePod(d.placed[i].node, d.placed[i].Pod)
		d.placed[i] = d.placed[last]
		d.placed = d.placed[:last]
	case k == 12: // begin near the border of tracts
		at := (1+d.c.n(2))*blockSize*tractSize + 30 - d.c.n(100)
		d.fast.nextStartNodeIndex, d.slow.nextStartNodeIndex = at, at
	}
}

// plainly is where a pod goes if every node is asked anew and all scores are
// added up.
func (d *district) plainly(p *model.Pod) (node uint32, examined int) {
	s, c := d.slow, d.slow.classes.of(p)
	c.look(s.framework)
	s.classes.room(c.shape, len(s.cache.rows))
	all := s.cache.tree.list()
	examined, found := s.filterNamed(c, all)
	s.nextStartNodeIndex = (s.nextStartNodeIndex + examined) % len(all)
	switch found {
	case 0:
		return 0, examined
	case 1:
		return s.feasible[0], examined
	}
	s.total(c)
	scored := make(nodeScoreHeap, found)
	for i, id := range s.feasible {
		scored[i] = nodeScore{id, s.totals[i]}
	}
	return d.heap.choose(scored), examined
}

// count notes what a decision was made of.
func (d *district) count(got decision) {
	whole, inside := 0, 0
	for i := range d.fast.spans {
		if sp := &d.fast.spans[i]; sp.whole {
			whole = 1
			if sp.equal != 0 {
				inside = 1
			}
		}
	}
	d.whole += whole
	d.inside += inside
	if got.failure != nil {
		d.nowhere++
	}
}

// Taking tracts as a whole changes no decision, in clusters of several of them
// in which nodes and pods come, go and change, whoever wins ties.
func TestDecisionsByTractAreThoseNodeByNode(t *testing.T) {
	var sum district
	for seed := range uint64(12) {
		d := newDistrict(seed)
		for i := range 120 {
			p := d.shapes[d.c.n(len(d.shapes))]
			node, examined := d.plainly(p)
			got := d.fast.decide(d.fast.classes.of(p))
			d.count(got)
			if got.node != node || got.examined != examined {
				t.Fatalf("seed %d, decision %d, ties %d: node %d after %d, want %d after %d", seed, i, d.fast.ties, got.node, got.examined, node, examined)
			}
			if got.failure == nil {
				d.fast.cache.addPod(node, p)
				d.placed = append(d.placed, plainPod{node: node, Pod: p})
			}
			for range d.c.n(4) {
				d.churn()
			}
		}
		sum.whole += d.whole
		sum.inside += d.inside
		sum.nowhere += d.nowhere
	}
	t.Logf("%d decisions took whole tracts, %d chose among equals in them, %d found no node", sum.whole, sum.inside, sum.nowhere)
	if min(sum.whole, sum.inside, sum.nowhere) < 50 {
		t.Error("some kinds of decisions are too few")
	}
}

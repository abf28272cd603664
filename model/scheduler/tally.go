package scheduler

import (
	"slices"

	"orrery/model"
)

// topology is the values of a node label: each is a domain.
type topology struct {
	key     string
	of      []int32 // by node ID: the number of its domain, from 1; 0 is none
	domains map[string]int32
	version uint64 // counts the changes of of
	groups  groups
}

// topology is the domains of a label key, numbered.
func (c *cache) topology(key string) *topology {
	for _, t := range c.topologies {
		if t.key == key {
			return t
		}
	}
	t := &topology{key: key, domains: map[string]int32{}}
	for id := range c.rows {
		t.place(uint32(id), c.rows[id].Node)
	}
	c.topologies = append(c.topologies, t)
	return t
}

// place notes the domain of a node, nil if it is gone.
func (t *topology) place(id uint32, n *model.Node) {
	for int(id) >= len(t.of) {
		t.of = append(t.of, 0)
	}
	t.of[id] = 0
	t.version++
	if n == nil {
		return
	}
	v, ok := n.Labels.Get(t.key)
	if !ok {
		return
	}
	d := t.domains[v]
	if d == 0 {
		d = int32(len(t.domains)) + 1
		t.domains[v] = d
	}
	t.of[id] = d
}

// tally is a sum over placed pods, each with the weight of its kin, by node and
// by domain. It is kept up to date by the cache: a placement changes one node
// and one domain of the tallies that count the pod.
type tally struct {
	topology *topology
	weigh    func(*kin) int64
	admits   func(*model.Node) bool // whether a node counts in its domain

	perNode  []int32 // by node ID, whether it counts or not
	counts   []bool  // by node ID
	sum      []int64 // by domain, over the nodes that count
	nodes    []int32 // by domain: how many nodes count
	domains  int     // with at least one such node
	least    int64   // the smallest sum of those
	leastOld bool
	dead     bool

	// What held is made of; kept up to date while the order stays.
	tree  *nodeTree
	order []uint32
	marks []uint64
}

// talliesMost is how many nodes all tallies may have together before they are
// forgotten and those in use made again: 17 bytes each if every node is a domain,
// half a GiB of them.
const talliesMost = 32 << 20

// tally makes a tally of all pods that are there.
func (c *cache) tally(key string, weigh func(*kin) int64, admits func(*model.Node) bool) *tally {
	c.tallies = slices.DeleteFunc(c.tallies, func(t *tally) bool { return t.dead })
	if len(c.tallies)*len(c.rows) > c.talliesMost {
		c.forget()
	}
	t := &tally{tree: &c.tree, topology: c.topology(key), weigh: weigh, admits: admits, leastOld: true}
	t.perNode, t.counts = make([]int32, len(c.rows)), make([]bool, len(c.rows))
	t.sum, t.nodes = make([]int64, len(t.topology.domains)+1), make([]int32, len(t.topology.domains)+1)
	for _, k := range c.kins {
		w := weigh(k)
		if w == 0 {
			continue
		}
		k.tallies = append(k.tallies, weighed{t, w})
		for id, n := range k.on { //tidy:commutative a sum
			t.perNode[id] += int32(w) * n
		}
	}
	for id := range c.rows {
		t.enter(uint32(id), c.rows[id].Node)
	}
	c.tallies = append(c.tallies, t)
	return t
}

// forget drops all tallies; whoever holds one finds it dead.
func (c *cache) forget() {
	for _, t := range c.tallies {
		t.dead = true
	}
	c.tallies = nil
	clear(c.shared)
	for _, k := range c.kins {
		k.tallies = nil
	}
}

// add counts weight more on a node.
func (t *tally) add(id uint32, weight int64) {
	for int(id) >= len(t.perNode) {
		t.perNode, t.counts = append(t.perNode, 0), append(t.counts, false)
	}
	old := t.perNode[id]
	t.perNode[id] += int32(weight)
	if t.order != nil && (old == 0) != (t.perNode[id] == 0) {
		t.mark(id)
	}
	if t.counts[id] {
		t.shift(t.topology.of[id], weight)
	}
}

// mark notes that a node has none of the pods any more, or some now.
func (t *tally) mark(id uint32) {
	if t.tree.stale || !sameOrder(t.order, t.tree.order) {
		t.order = nil
	} else if i := t.tree.placeOf(id); i >= 0 {
		t.marks[i/blockSize] ^= 1 << (i % blockSize)
	}
}

func (t *tally) shift(domain int32, weight int64) {
	old := t.sum[domain]
	t.sum[domain] += weight
	t.leastOld = t.leastOld || old == t.least || t.sum[domain] < t.least
}

// enter lets a node count in its domain, if it does.
func (t *tally) enter(id uint32, n *model.Node) {
	t.add(id, 0)
	d := t.topology.of[id]
	if n == nil || d == 0 || !t.admits(n) {
		return
	}
	for int(d) >= len(t.sum) {
		t.sum, t.nodes = append(t.sum, 0), append(t.nodes, 0)
	}
	t.counts[id] = true
	if t.nodes[d]++; t.nodes[d] == 1 {
		t.domains++
	}
	t.leastOld = true
	t.sum[d] += int64(t.perNode[id])
}

// leave takes a node out of its domain.
func (t *tally) leave(id uint32) {
	t.add(id, 0)
	if !t.counts[id] {
		return
	}
	t.counts[id] = false
	d := t.topology.of[id]
	if t.nodes[d]--; t.nodes[d] == 0 {
		t.domains--
	}
	t.leastOld = true
	t.sum[d] -= int64(t.perNode[id])
}

// at is the sum of a node's domain, and whether the node is in one.
func (t *tally) at(id uint32) (sum int64, ok bool) {
	d := t.topology.of[id]
	return t.total(d), d != 0
}

// total is the sum of a domain.
func (t *tally) total(domain int32) int64 {
	if domain == 0 || int(domain) >= len(t.sum) {
		return 0
	}
	return t.sum[domain]
}

// minimum is the smallest sum of the domains in which a node counts; without
// any it is 0.
func (t *tally) minimum() int64 {
	if !t.leastOld {
		return t.least
	}
	t.least, t.leastOld = 0, false
	first := true
	for d, n := range t.nodes {
		if n > 0 && (first || t.sum[d] < t.least) {
			t.least, first = t.sum[d], false
		}
	}
	return t.least
}

// empty tells whether nothing is counted in any domain.
func (t *tally) empty() bool {
	for _, s := range t.sum {
		if s != 0 {
			return false
		}
	}
	return true
}

// count charges n pods of a kin, which may be negative, to a node.
func (k *kin) count(id uint32, n int32) {
	if k.on[id] += n; k.on[id] == 0 {
		delete(k.on, id)
	}
	for i := 0; i < len(k.tallies); i++ {
		w := k.tallies[i]
		if !w.tally.dead {
			w.tally.add(id, w.weight*int64(n))
			continue
		}
		last := len(k.tallies) - 1
		k.tallies[i] = k.tallies[last]
		k.tallies = k.tallies[:last]
		i--
	}
}

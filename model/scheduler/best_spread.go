package scheduler

import (
	"math"
	"math/bits"

	"orrery/model"
)

// Most pods are scored by their verdicts and by how they are spread, softly,
// over hosts and one more label, the zone. Then nodes of a zone without any of
// these pods differ in their verdicts only. They are taken by block and zone,
// and the few other nodes one by one.

// groupsMost is how many values that label may have.
const groupsMost = 8

// groups is the nodes of an order by their domain, as bits.
type groups struct {
	order   []uint32
	version uint64   // of the topology
	n       int      // of groups; that of number 0 has no label
	nodes   []uint64 // by block and group
	filled  uint64   // those with any nodes, as bits
	missing int      // nodes without the label
}

// group brings the groups up to date with an order. There is none but number 0
// if there are too many.
func (t *topology) group(order []uint32) *groups {
	g := &t.groups
	if sameOrder(g.order, order) && g.version == t.version {
		return g
	}
	*g = groups{order: order, version: t.version, n: len(t.domains) + 1, nodes: g.nodes[:0]}
	if g.n <= groupsMost {
		g.nodes = append(g.nodes, make([]uint64, (len(order)+blockSize-1)/blockSize*g.n)...)
	}
	for i, id := range order {
		if t.of[id] == 0 {
			g.missing++
		}
		if g.n <= groupsMost {
			g.nodes[i/blockSize*g.n+int(t.of[id])] |= 1 << (i % blockSize)
			g.filled |= 1 << t.of[id]
		}
	}
	return g
}

// held is the nodes of an order that any pods counted are on, as bits by block.
func (t *tally) held(order []uint32) []uint64 {
	if sameOrder(t.order, order) {
		return t.marks
	}
	t.order = order
	t.marks = append(t.marks[:0], make([]uint64, (len(order)+blockSize-1)/blockSize)...)
	for i, id := range order {
		if t.perNode[id] != 0 {
			t.marks[i/blockSize] |= 1 << (i % blockSize)
		}
	}
	return t.marks
}

// odd is a node that has some of the pods already.
type odd struct {
	span, at int
	raw      int64
}

// bySpread is what is needed to score by spreading alone.
type bySpread struct {
	view   *spreadView
	weight int64 // of the plugin
	hosts  *spread
	zones  *spread
	odds   []odd
}

// simple finds out whether spreading is all that has to be scored besides the
// verdicts, over hosts and one more label, by the default constraints. Whoever
// has constraints of his own may have nodes that do not count.
func (c *class) simple() {
	c.spread.view = nil
	if len(c.scores) != 1 {
		return
	}
	v, ok := c.scores[0].WideScorer.(*spreadView)
	if !ok || v.requireAll || len(v.soft) != 2 {
		return
	}
	hosts, zones := &v.soft[0], &v.soft[1]
	if hosts.TopologyKey != model.LabelHostname || zones.TopologyKey == model.LabelHostname {
		return
	}
	c.spread = bySpread{view: v, weight: c.scores[0].weight, hosts: hosts, zones: zones, odds: c.spread.odds}
}

// leaveSpread is leave by verdict and spreading. It returns 0 if the nodes have
// to be scored one by one after all.
func (s *search) leaveSpread(c *class, found int) (equals int) {
	b := &c.spread
	zones := b.zones.topology.group(c.order)
	if zones.n > groupsMost || b.hosts.topology.group(c.order).missing > 0 {
		return 0
	}
	held := b.hosts.held(c.order)
	var raws [groupsMost]int64
	even, most, least := s.survey(c, zones, held, found, &raws)
	var shares [groupsMost]int32
	highest, top := int32(0), int32(-1)
	for g := range zones.n {
		if even>>g&1 != 0 {
			shares[g] = int32(b.weight * b.view.share(raws[g]-least, most))
			highest = max(highest, shares[g])
		}
	}
	for i := range s.spans {
		sp := &s.spans[i]
		x := &c.blocks[sp.block]
		if sp.top, sp.equal = -1, 0; x.top>>1+highest < top {
			continue
		}
		for g, nodes := range zones.nodes[sp.block*zones.n:][:zones.n] {
			among := sp.feasible & nodes &^ held[sp.block]
			if among == 0 || x.top>>1+shares[g] < top {
				continue
			}
			v, equal := x.top, x.best&among
			if equal == 0 {
				v, equal = c.elect(sp.block, among)
			}
			v = v>>1 + shares[g]
			sp.offer(v, equal)
			top = max(top, v)
		}
	}
	for _, o := range b.odds {
		sp := &s.spans[o.span]
		share := int32(b.weight * b.view.share(o.raw-least, most))
		if c.blocks[sp.block].top>>1+share < top {
			continue
		}
		v := c.board.verdicts[c.order[sp.block*blockSize+o.at]]>>1 + share
		sp.offer(v, 1<<o.at)
		top = max(top, v)
	}
	return s.settle(c, top)
}

// offer lets nodes be the equals of a span, if none are better.
func (sp *span) offer(top int32, nodes uint64) {
	if top > sp.top {
		sp.top, sp.equal = top, nodes
	} else if top == sp.top {
		sp.equal |= nodes
	}
}

// survey finds the raw scores: those of the groups, of nodes that have none of
// the pods, and those of the odd nodes; and the highest and lowest of them. The
// bits of even are the groups with such nodes.
func (s *search) survey(c *class, zones *groups, held []uint64, found int, raws *[groupsMost]int64) (even uint64, most, least int64) {
	b := &c.spread
	met := uint64(0) // groups with feasible nodes
	b.odds = b.odds[:0]
	for i := range s.spans {
		sp := &s.spans[i]
		for rest := sp.feasible & held[sp.block]; rest != 0; rest &= rest - 1 {
			b.odds = append(b.odds, odd{span: i, at: bits.TrailingZeros64(rest)})
		}
		if even == zones.filled {
			continue
		}
		for g, nodes := range zones.nodes[sp.block*zones.n:][:zones.n] {
			if nodes &= sp.feasible; nodes != 0 {
				met |= 1 << g
			}
			if nodes&^held[sp.block] != 0 {
				even |= 1 << g
			}
		}
	}
	domains := bits.OnesCount64(met)
	host, zone := naturalLog(found+2), naturalLog(domains+2)
	least = math.MaxInt64
	for g := range zones.n {
		if raws[g] = b.raw(0, int32(g), host, zone); even>>g&1 != 0 {
			most, least = max(most, raws[g]), min(least, raws[g])
		}
	}
	for i := range b.odds {
		o := &b.odds[i]
		id := c.order[s.spans[o.span].block*blockSize+o.at]
		o.raw = b.raw(int64(b.hosts.perNode[id]), b.zones.topology.of[id], host, zone)
		most, least = max(most, o.raw), min(least, o.raw)
	}
	return even, most, least
}

// raw is the raw score of a node with so many of the pods, in a domain.
func (b *bySpread) raw(pods int64, domain int32, host, zone float64) int64 { //tidy:float see spreadView.weigh
	//tidy:float each product is rounded before the sum, as in spreadView.weigh
	score := float64(float64(pods)*host) + float64(b.hosts.MaxSkew-1)
	if domain != 0 {
		//tidy:float as above
		score += float64(float64(b.zones.total(domain))*zone) + float64(b.zones.MaxSkew-1)
	}
	return int64(math.Round(score))
}

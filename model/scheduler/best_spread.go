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
	most, least := s.survey(c, zones, held, found, &raws)
	var shares [groupsMost]int64
	for g := range shares {
		shares[g] = b.weight * b.view.share(raws[g]-least, most)
	}
	top := int32(-1)
	for i := range s.spans {
		s.spans[i].top, s.spans[i].equal = -1, 0
	}
	for _, o := range b.odds {
		sp := &s.spans[o.span]
		v := c.board.verdicts[c.order[sp.block*blockSize+o.at]]>>1 + int32(b.weight*b.view.share(o.raw-least, most))
		sp.offer(v, 1<<o.at)
		top = max(top, v)
	}
	for i := range s.spans {
		sp := &s.spans[i]
		x := &c.blocks[sp.block]
		for g := range zones.n {
			among := sp.feasible & zones.nodes[sp.block*zones.n+g] &^ held[sp.block]
			share := int32(shares[g])
			if among == 0 || x.top>>1+share < top {
				continue
			}
			v, equal := x.top, x.best&among
			if equal == 0 {
				v, equal = c.elect(sp.block, among)
			}
			v = v>>1 + share
			sp.offer(v, equal)
			top = max(top, v)
		}
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
// the pods, and those of the odd nodes; and the highest and lowest of them.
func (s *search) survey(c *class, zones *groups, held []uint64, found int, raws *[groupsMost]int64) (most, least int64) {
	b := &c.spread
	var met, even [groupsMost]bool
	b.odds = b.odds[:0]
	for i := range s.spans {
		sp := &s.spans[i]
		for g := range zones.n {
			here := sp.feasible & zones.nodes[sp.block*zones.n+g]
			met[g] = met[g] || here != 0
			even[g] = even[g] || here&^held[sp.block] != 0
			for rest := here & held[sp.block]; rest != 0; rest &= rest - 1 {
				b.odds = append(b.odds, odd{span: i, at: bits.TrailingZeros64(rest), raw: int64(g)})
			}
		}
	}
	domains := 0
	for _, m := range met {
		if m {
			domains++
		}
	}
	host, zone := naturalLog(found+2), naturalLog(domains+2)
	least = math.MaxInt64
	for g := range zones.n {
		if raws[g] = b.raw(0, int32(g), host, zone); even[g] {
			most, least = max(most, raws[g]), min(least, raws[g])
		}
	}
	for i := range b.odds {
		o := &b.odds[i]
		id := c.order[s.spans[o.span].block*blockSize+o.at]
		o.raw = b.raw(int64(b.hosts.perNode[id]), int32(o.raw), host, zone)
		most, least = max(most, o.raw), min(least, o.raw)
	}
	return most, least
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

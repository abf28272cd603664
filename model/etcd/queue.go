package etcd

import (
	"orrery/model/etcd/raft"
	"orrery/sim"
)

// kind is what an event is about.
type kind uint8

const (
	ticks    kind = iota // a member's clock
	arrives              // a packet, about
	synced               // a member's disk
	atMember             // a proposal, about, is ready at its member
	expires              // a proposal, about, has waited as long as it may
	gaveUp               // a member's server has
	asks                 // a member how far all is committed, for the question about
	readLost             // the question about has waited as long as it may
	operates             // the operator looks after the task about
	stops                // a member that stops looks whether another leads; about counts
	goesOn               // a member's database is no longer locked
)

// event is something that happens in the group. They are the group's own: the
// kernel only knows when the next one is due, so that the past can be played
// again.
type event struct {
	at     sim.Time
	seq    uint64 // in order of pushing, at equal times
	kind   kind
	member raft.ID
	boots  uint32 // the process it is meant for
	about  uint32
}

// eventQueue is a binary heap; there are a dozen events in it.
type eventQueue struct {
	heap []event
	seq  uint64
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *eventQueue) next() sim.Time {
	if len(q.heap) == 0 {
		return sim.Never
	}
	return q.heap[0].at
}

func (q *eventQueue) push(e event) {
	q.seq++
	e.seq = q.seq
	h := append(q.heap, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	q.heap = h
}

func (q *eventQueue) pop() event {
	h := q.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].before(&h[down]) {
			down++
		}
		if !h[down].before(&last) {
			break
		}
		h[i] = h[down]
		i = down
	}
	if len(h) > 0 {
		h[i] = last
	}
	q.heap = h
	return top
}

// packet is what a member sends another at one moment.
type packet struct {
	from, to raft.ID
	messages []raft.Message
}

// packets is those under way, in one slab.
type packets struct {
	all    []packet
	unused []uint32
}

func (p *packets) take(from, to raft.ID) uint32 {
	if n := len(p.unused); n > 0 {
		slot := p.unused[n-1]
		p.unused = p.unused[:n-1]
		p.all[slot].from, p.all[slot].to, p.all[slot].messages = from, to, p.all[slot].messages[:0]
		return slot
	}
	p.all = append(p.all, packet{from: from, to: to})
	return uint32(len(p.all) - 1)
}

func (p *packets) free(slot uint32) { p.unused = append(p.unused, slot) }

func (p *packets) underWay() int { return len(p.all) - len(p.unused) }

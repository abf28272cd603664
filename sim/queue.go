package sim

import "math/bits"

// queue holds the pending events and hands them out in the order of their time,
// first in first out among equal times. It is a radix ladder: a timing wheel of
// exact time whose digits are base 64, over a small sorted bottom.
//
// An event whose highest digit that differs from base is digit l lies in one of
// the 64 slots of level l, the one its own digit l names. So the lowest slot of
// the lowest level that has any holds the earliest events, however they are
// distributed; there is no width to guess. A slot is a list of chunks that is
// only appended to, hence the order among equal times keeps itself: equal times
// are always in the same slot. When its turn comes, a slot that fits into one
// chunk is sorted into the bottom, and a larger one is dealt out to the levels
// below.
//
// Invariants, where now is the time of the event handed out last, or later:
//   - base <= now, and base <= the time of every event in the levels;
//   - the bottom holds the events earlier than bottomEnd, or else (see serve) the
//     first of those at bottomEnd;
//   - a push is never earlier than now.
type queue struct {
	base      Time
	bottomEnd Time
	head      int // bottom[head:tail] is pending, in order
	tail      int
	count     int // pending, bottom and levels

	levels uint64 // bit l: level l has an event
	slots  [levelCount]uint64
	lists  [levelCount * levelSlots]list
	bottom [bottomSize]Event
	spare  spare
}

const (
	digitBits  = 6
	levelSlots = 1 << digitBits
	levelCount = 11 // 11 digits of 6 bits hold the 63 bits of a Time

	// bottomLimit is the most events that are kept in order by insertion. More go
	// back to the levels, or a burst of n events would cost n*n.
	bottomLimit = 256
	bottomSize  = 2 * bottomLimit // so that making room is rare
)

// push adds an event. Never is no time for one.
func (q *queue) push(e Event) {
	q.count++
	if e.At < q.bottomEnd {
		q.insert(e)
		return
	}
	q.file(e)
}

// file appends an event to the slot of its time.
func (q *queue) file(e Event) {
	differ := uint64(e.At ^ q.base)
	level := uint(bits.Len64(differ|1)-1) / digitBits
	slot := uint(uint64(e.At)>>(level*digitBits)) % levelSlots
	q.levels |= 1 << level
	q.slots[level] |= 1 << slot
	l := &q.lists[level*levelSlots+slot]
	c := l.last
	if c == nil || c.used == chunkSize {
		c = q.grow(l)
	}
	c.events[c.used] = e
	c.used++
}

// insert puts an event into the bottom, behind those of the same time.
func (q *queue) insert(e Event) {
	if q.tail-q.head >= bottomLimit {
		q.spill()
		q.file(e)
		return
	}
	if q.tail == bottomSize {
		q.tail = copy(q.bottom[:], q.bottom[q.head:q.tail])
		q.head = 0
	}
	i := q.tail
	for i > q.head && q.bottom[i-1].At > e.At {
		q.bottom[i] = q.bottom[i-1]
		i--
	}
	q.bottom[i] = e
	q.tail++
}

// spill returns the bottom to the levels. All its events are at base or later,
// because base is not after now; and they come before all that is in the levels,
// so that appending them keeps the order.
func (q *queue) spill() {
	for _, e := range q.bottom[q.head:q.tail] {
		q.file(e)
	}
	q.head, q.tail = 0, 0
	q.bottomEnd = q.base
}

// pop hands out the earliest event unless it is later than until.
func (q *queue) pop(until Time) (Event, bool) {
	if q.head == q.tail && !q.refill(until) {
		return Event{}, false
	}
	e := q.bottom[q.head]
	if e.At > until {
		return Event{}, false
	}
	q.head++
	q.count--
	return e, true
}

// refill moves the earliest slot into the empty bottom. It does nothing, and
// says so, if that slot begins later than until: base must not pass a time that
// something may still be posted for.
func (q *queue) refill(until Time) bool {
	for q.levels != 0 {
		level := uint(bits.TrailingZeros64(q.levels))
		slot := uint(bits.TrailingZeros64(q.slots[level]))
		shift := level * digitBits
		start := q.base&^(1<<(shift+digitBits)-1) | Time(slot)<<shift
		if start > until {
			return false
		}
		l := &q.lists[level*levelSlots+slot]
		switch {
		case level == 0:
			q.base = start
			q.serve(l, slot)
			return true
		case l.first == l.last && level < levelCount-1:
			q.base = start
			q.sortIn(l.first, level)
			q.clear(level, slot)
			return true
		}
		q.base = min(l.earliest(), until)
		q.deal(level, slot)
	}
	return false
}

// serve moves the first chunk of a slot of level 0 into the bottom. All events
// in it have one time; more of them may be posted, so the slot stays in charge of
// that time and the bottom gets only what it can hold.
func (q *queue) serve(l *list, slot uint) {
	c := l.first
	q.head, q.tail = 0, copy(q.bottom[:], c.events[:c.used])
	q.bottomEnd = q.base
	l.first = c.next
	q.spare.put(c)
	if l.first == nil {
		q.clear(0, slot)
	}
}

// sortIn moves the only chunk of a slot into the bottom, in order. Equal times
// keep their order because the place in the chunk is part of the key. Slots of
// the highest level are too wide for such a key and never come here.
func (q *queue) sortIn(c *chunk, level uint) {
	var keys [chunkSize]uint64
	n := c.used
	for i := range n {
		key := uint64(c.events[i].At-q.base)<<chunkBits | uint64(i)
		j := i
		for j > 0 && keys[j-1] > key {
			keys[j] = keys[j-1]
			j--
		}
		keys[j] = key
	}
	for i := range n {
		q.bottom[i] = c.events[keys[i]%(1<<chunkBits)]
	}
	q.head, q.tail = 0, n
	q.bottomEnd = q.base + 1<<(level*digitBits)
	if q.bottomEnd < 0 {
		q.bottomEnd = Never
	}
	q.spare.put(c)
}

// deal files the events of a slot again, now that base lies inside it: all of
// them go to lower levels.
func (q *queue) deal(level, slot uint) {
	c := q.lists[level*levelSlots+slot].first
	q.clear(level, slot)
	for c != nil {
		for i := range c.used {
			q.file(c.events[i])
		}
		next := c.next
		q.spare.put(c)
		c = next
	}
	q.bottomEnd = q.base
}

// clear marks a slot as empty.
func (q *queue) clear(level, slot uint) {
	q.lists[level*levelSlots+slot] = list{}
	q.slots[level] &^= 1 << slot
	if q.slots[level] == 0 {
		q.levels &^= 1 << level
	}
}

// peek returns the earliest event without moving anything; the first one posted
// if several are. It is slow: a slot may have to be looked through.
func (q *queue) peek() (Event, bool) {
	if q.head < q.tail {
		return q.bottom[q.head], true
	}
	if q.levels == 0 {
		return Event{}, false
	}
	level := uint(bits.TrailingZeros64(q.levels))
	slot := uint(bits.TrailingZeros64(q.slots[level]))
	first := Event{At: Never}
	for c := q.lists[level*levelSlots+slot].first; c != nil; c = c.next {
		for _, e := range c.events[:c.used] {
			if e.At < first.At {
				first = e
			}
		}
	}
	return first, true
}

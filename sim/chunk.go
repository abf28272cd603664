package sim

// chunk is a piece of a slot's list. The pointer comes first: the garbage
// collector reads an object only as far as its last pointer.
type chunk struct {
	next   *chunk
	used   int
	events [chunkSize]Event
}

const (
	chunkSize = 42 // makes a chunk 1,024 bytes
	chunkBits = 6  // a place in a chunk fits in so many bits
)

// list is the events of a slot in the order they came. All chunks but the last
// are full.
type list struct{ first, last *chunk }

// earliest is the least time in the list.
func (l *list) earliest() Time {
	t := Never
	for c := l.first; c != nil; c = c.next {
		for i := range c.used {
			t = min(t, c.events[i].At)
		}
	}
	return t
}

// grow appends an empty chunk to the list.
func (q *queue) grow(l *list) *chunk {
	c := q.spare.get()
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	return c
}

// spare is the chunks that were used before and may be used again. It keeps at
// most as many as are in use, and a few: a burst's memory is given back.
type spare struct {
	first *chunk
	count int
	inUse int
}

const spareAlways = 1024

func (s *spare) get() *chunk {
	s.inUse++
	c := s.first
	if c == nil {
		return new(chunk)
	}
	s.first = c.next
	s.count--
	c.next = nil
	return c
}

func (s *spare) put(c *chunk) {
	s.inUse--
	c.used = 0
	c.next = s.first
	s.first = c
	s.count++
	for s.count > s.inUse+spareAlways {
		s.first = s.first.next
		s.count--
	}
}

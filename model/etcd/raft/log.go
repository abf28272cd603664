package raft

import "fmt"

// span is a run of entries of one term: from an index up to the next span.
type span struct{ from, term uint64 }

// changeEntry is the entry at an index that changes the membership.
type changeEntry struct {
	index  uint64
	change Change
}

// Log is a member's entries. An entry is fully known by its term and index:
// one leader a term made it. So a log of any length is a few spans, and
// appending to it is counting.
type Log struct {
	first   uint64 // of the entries there are; the term at first-1 is known too
	last    uint64
	spans   []span
	changes []changeEntry
}

// Entries is a piece of a log, for a Message.
type Entries struct {
	Count   uint64
	term    uint64 // of the first
	more    []span // later terms
	changes []changeEntry
}

func newLog(s Snapshot) Log {
	return Log{first: s.Index + 1, last: s.Index, spans: []span{{s.Index, s.Term}}}
}

func (l *Log) clone() Log {
	c := *l
	c.spans = append([]span(nil), l.spans...)
	c.changes = append([]changeEntry(nil), l.changes...)
	return c
}

// span is the index in spans of the run that holds an entry, which is not
// before first-1.
func (l *Log) span(i uint64) int {
	n := len(l.spans) - 1
	for l.spans[n].from > i {
		n--
	}
	return n
}

// term is the entry's term, and whether it is known.
func (l *Log) term(i uint64) (uint64, bool) {
	if i+1 < l.first || i > l.last {
		return 0, false
	}
	return l.spans[l.span(i)].term, true
}

func (l *Log) matches(i, term uint64) bool {
	t, ok := l.term(i)
	return ok && t == term
}

func (l *Log) lastTerm() uint64 { return l.spans[l.span(l.last)].term }

// upToDate tells whether a log that ends with (term, index) has all that this
// one may have committed.
func (l *Log) upToDate(term, index uint64) bool {
	mine := l.lastTerm()
	return term > mine || term == mine && index >= l.last
}

// extend appends n entries of a term, which is that of the leader.
func (l *Log) extend(n, term uint64) {
	if l.spans[len(l.spans)-1].term != term {
		l.spans = append(l.spans, span{l.last + 1, term})
	}
	l.last += n
}

// truncate forgets what comes after last.
func (l *Log) truncate(last uint64) {
	if last+1 < l.first {
		panic(fmt.Sprintf("raft: a log that begins at %d truncated to %d", l.first, last))
	}
	for n := len(l.spans) - 1; n > 0 && l.spans[n].from > last; n-- {
		l.spans = l.spans[:n]
	}
	for n := len(l.changes) - 1; n >= 0 && l.changes[n].index > last; n-- {
		l.changes = l.changes[:n]
	}
	l.last = last
}

// put makes the entries follow prev, whatever followed it before.
func (l *Log) put(prev uint64, e *Entries) {
	if prev < l.last {
		l.truncate(prev)
	}
	for at, i := prev, -1; i < len(e.more); i++ {
		term, to := e.term, prev+e.Count
		if i >= 0 {
			term = e.more[i].term
		}
		if i+1 < len(e.more) {
			to = e.more[i+1].from - 1
		}
		l.extend(to-at, term)
		at = to
	}
	l.changes = append(l.changes, e.changes...)
}

// slice is the entries from lo to hi, at most so many.
func (l *Log) slice(lo, hi, most uint64) (e Entries) {
	if lo > hi {
		return Entries{}
	}
	hi = min(hi, lo+most-1)
	e.Count = hi - lo + 1
	n := l.span(lo)
	e.term = l.spans[n].term
	for n++; n < len(l.spans) && l.spans[n].from <= hi; n++ {
		e.more = append(e.more, l.spans[n])
	}
	for _, c := range l.changes {
		if c.index >= lo && c.index <= hi {
			e.changes = append(e.changes, c)
		}
	}
	return e
}

// cut is the entries without the first n of those that follow prev.
func (e *Entries) cut(prev, n uint64) Entries {
	if n == 0 {
		return *e
	}
	out := Entries{Count: e.Count - n, term: e.Term(prev, prev+n+1)}
	for _, s := range e.more {
		if s.from > prev+n+1 {
			out.more = append(out.more, s)
		}
	}
	for _, c := range e.changes {
		if c.index > prev+n {
			out.changes = append(out.changes, c)
		}
	}
	return out
}

// Term is the term of an entry of those that follow prev.
func (e *Entries) Term(prev, index uint64) uint64 {
	for n := len(e.more) - 1; n >= 0; n-- {
		if e.more[n].from <= index {
			return e.more[n].term
		}
	}
	return e.term
}

// fits is how many of the entries that follow prev the log has already.
func (l *Log) fits(prev uint64, e *Entries) (n uint64) {
	for n < e.Count && l.matches(prev+n+1, e.Term(prev, prev+n+1)) {
		n++
	}
	return n
}

// conflict is the largest index up to i whose term is at most term, and that
// term; 0 if it is not known.
func (l *Log) conflict(i, term uint64) (index, at uint64) {
	for i > 0 {
		t, ok := l.term(i)
		if !ok || t <= term {
			return i, t
		}
		from := max(l.spans[l.span(i)].from, 1)
		i = max(from-1, l.first-min(l.first, 2))
	}
	return 0, 0
}

// changeIn tells whether an entry from lo to hi changes the membership.
func (l *Log) changeIn(lo, hi uint64) bool {
	for _, c := range l.changes {
		if c.index >= lo && c.index <= hi {
			return true
		}
	}
	return false
}

// change is the change of membership that the entry makes, nil if it makes none.
func (l *Log) change(i uint64) *Change {
	for n := range l.changes {
		if l.changes[n].index == i {
			return &l.changes[n].change
		}
	}
	return nil
}

// compact forgets the entries up to i.
func (l *Log) compact(i uint64) {
	n := l.span(i)
	l.spans = append(l.spans[:0], l.spans[n:]...)
	l.first = i + 1
	keep := l.changes[:0]
	for _, c := range l.changes {
		if c.index > i {
			keep = append(keep, c)
		}
	}
	l.changes = keep
}

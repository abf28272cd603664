package raft

// flow is how a leader sends to a member.
type flow uint8

const (
	probe     flow = iota // one message at a time, to find where the logs agree
	replicate             // everything at once
	snapshot              // nothing until the snapshot is there
)

// progress is what a leader believes about a member's log.
type progress struct {
	match, next uint64 // on its disk for sure; to be sent next
	sentCommit  uint64
	pending     uint64 // the snapshot under way
	flow        flow
	active      bool // heard from since the last look at the quorum
	paused      bool
	inflight    []uint64 // the last index of each message under way
}

func (p *progress) become(f flow) {
	p.paused, p.flow = false, f
	p.inflight = p.inflight[:0]
	switch {
	case f == probe && p.pending > 0:
		p.next = max(p.match, p.pending) + 1
	case f != snapshot:
		p.next = p.match + 1
	}
	p.pending = 0
	if f == probe {
		p.sentCommit = min(p.sentCommit, p.next-1)
	}
}

func (p *progress) becomeSnapshot(index uint64) {
	p.become(snapshot)
	p.pending, p.next, p.sentCommit = index, index+1, index
}

func (p *progress) stopped() bool { return p.paused || p.flow == snapshot }

func (p *progress) sent(entries uint64, most int) {
	if p.flow == probe {
		p.paused = p.paused || entries > 0
		return
	}
	if entries > 0 {
		p.next += entries
		p.inflight = append(p.inflight, p.next-1)
	}
	p.paused = len(p.inflight) >= most
}

// update takes an acknowledgement and tells whether it is news.
func (p *progress) update(index uint64) bool {
	if index <= p.match {
		return false
	}
	p.match, p.next, p.paused = index, max(p.next, index+1), false
	return true
}

// arrived forgets the messages that ended at or before index.
func (p *progress) arrived(index uint64) {
	n := 0
	for n < len(p.inflight) && p.inflight[n] <= index {
		n++
	}
	p.inflight = append(p.inflight[:0], p.inflight[n:]...)
}

// rejected takes a refusal of what follows index and tells whether it is one
// of what was sent last.
func (p *progress) rejected(index, hint uint64) bool {
	if p.flow == replicate {
		if index <= p.match {
			return false
		}
		p.next = p.match + 1
	} else {
		if p.next-1 != index {
			return false
		}
		p.next = max(min(index, hint+1), p.match+1)
		p.paused = false
	}
	p.sentCommit = min(p.sentCommit, p.next-1)
	return true
}

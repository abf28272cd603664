package raft

func (r *Raft) stepLeader(m *Message) bool {
	switch m.Type {
	case Prop:
		return r.propose(m)
	case ReadIndex:
		r.readIndex(*m)
		return true
	case Transfer:
		r.transfer(m.Member)
		return true
	}
	if !r.member(m.From) {
		return true
	}
	p := &r.progress[m.From]
	switch m.Type {
	case AppResp:
		p.active = true
		r.acknowledged(m, p)
	case HeartbeatResp:
		p.active, p.paused = true, false
		if p.match < r.log.last || p.flow == probe {
			r.sendAppend(m.From, true)
		}
		if m.Context != 0 && r.majority(r.reads.ack(m.Context, m.From)) {
			for _, done := range r.reads.take(m.Context) {
				r.answerRead(done.from, done.context, done.index)
			}
		}
	}
	return true
}

// propose appends an entry and sends it. A change of membership while another
// may be unapplied becomes an entry that changes nothing.
func (r *Raft) propose(m *Message) bool {
	if !r.member(r.config.ID) || r.transferee != None {
		return false
	}
	if m.Change != nil && r.changeAt <= r.applied {
		r.changeAt = r.log.last + 1
		r.log.changes = append(r.log.changes, changeEntry{r.changeAt, *m.Change})
	}
	r.appendOne()
	r.appends()
	return true
}

// acknowledged is the answer to what the leader sent.
func (r *Raft) acknowledged(m *Message, p *progress) {
	if m.Reject {
		hint := m.Hint
		if m.LogTerm > 0 {
			hint, _ = r.log.conflict(hint, m.LogTerm)
		}
		if p.rejected(m.Index, hint) {
			if p.flow == replicate {
				p.become(probe)
			}
			r.sendAppend(m.From, true)
		}
		return
	}
	if !p.update(m.Index) && !(p.match == m.Index && p.flow == probe) {
		return
	}
	switch {
	case p.flow == probe:
		p.become(replicate)
	case p.flow == snapshot && p.match+1 >= r.log.first:
		p.become(probe)
		p.become(replicate)
	case p.flow == replicate:
		p.arrived(m.Index)
	}
	if r.maybeCommit() {
		r.releaseReads()
		r.appends()
	} else if m.From != r.config.ID && r.commit > p.sentCommit && p.sentCommit < p.next-1 {
		r.sendAppend(m.From, true)
	}
	for m.From != r.config.ID && r.sendAppend(m.From, false) {
	}
	if m.From == r.transferee && p.match == r.log.last {
		r.send(Message{Type: TimeoutNow, To: m.From})
	}
}

// maybeCommit commits what a majority has, if it is of this term, and tells
// whether that is news.
func (r *Raft) maybeCommit() bool {
	have := [MaxID]uint64{}
	n := 0
	for id := ID(1); id <= MaxID; id++ {
		if !r.conf.Voters.Has(id) {
			continue
		}
		at := n
		for ; at > 0 && have[at-1] < r.progress[id].match; at-- {
			have[at] = have[at-1]
		}
		have[at] = r.progress[id].match
		n++
	}
	i := have[n/2]
	if i <= r.commit || !r.log.matches(i, r.term) {
		return false
	}
	r.commit = i
	return true
}

func (r *Raft) others(f func(ID)) {
	for id := ID(1); id <= MaxID; id++ {
		if id != r.config.ID && r.member(id) {
			f(id)
		}
	}
}

func (r *Raft) appends() {
	for id := ID(1); id <= MaxID; id++ {
		if id != r.config.ID && r.member(id) {
			r.sendAppend(id, true)
		}
	}
}

// sendAppend sends what the member lacks, if it may be sent more, and an empty
// message only if asked to. It tells whether it sent anything.
func (r *Raft) sendAppend(to ID, orEmpty bool) bool {
	p := &r.progress[to]
	if p.stopped() {
		return false
	}
	term, ok := r.log.term(p.next - 1)
	if !ok {
		return r.sendSnapshot(to, p)
	}
	var e Entries
	if p.flow != replicate || len(p.inflight) < r.config.MostInflight {
		e = r.log.slice(p.next, r.log.last, r.config.MostEntries)
	}
	if e.Count == 0 && !orEmpty {
		return false
	}
	r.send(Message{Type: App, To: to, Index: p.next - 1, LogTerm: term, Entries: e, Commit: r.commit})
	p.sent(e.Count, r.config.MostInflight)
	p.sentCommit = r.commit
	return true
}

func (r *Raft) sendSnapshot(to ID, p *progress) bool {
	if !p.active {
		return false
	}
	s := r.disk.Snapshot
	if r.coming.Index > 0 {
		s = r.coming
	}
	p.becomeSnapshot(s.Index)
	r.send(Message{Type: Snap, To: to, Snapshot: s})
	return true
}

func (r *Raft) heartbeats(context uint64) {
	r.others(func(id ID) {
		p := &r.progress[id]
		p.sentCommit = min(p.match, r.commit)
		r.send(Message{Type: Heartbeat, To: id, Commit: p.sentCommit, Context: context})
	})
}

// transfer has another voter lead as soon as it has everything.
func (r *Raft) transfer(to ID) {
	if r.conf.Learners.Has(to) || !r.member(to) || r.transferee == to {
		return
	}
	r.transferee = None
	if to == r.config.ID {
		return
	}
	r.heardAt, r.transferee = r.now, to
	if r.progress[to].match == r.log.last {
		r.send(Message{Type: TimeoutNow, To: to})
		return
	}
	r.sendAppend(to, true)
}

// TransferTo asks for another leader, through whoever leads.
func (r *Raft) TransferTo(to ID) { r.Step(Message{Type: Transfer, Member: to}) }

// Unreachable says that what was sent to a member did not arrive.
func (r *Raft) Unreachable(id ID) {
	if p := &r.progress[id]; r.role == Leader && r.member(id) && p.flow == replicate {
		p.become(probe)
	}
}

// SnapshotSent says what became of a snapshot sent to a member.
func (r *Raft) SnapshotSent(id ID, arrived bool) {
	p := &r.progress[id]
	if r.role != Leader || !r.member(id) || p.flow != snapshot {
		return
	}
	if !arrived {
		p.pending = 0
	}
	p.become(probe)
	p.paused = true
}

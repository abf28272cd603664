package raft

// Ready is what a member wants done: write, send, apply. Its messages may
// leave at once if it leads; else only when what is to be written is on disk.
type Ready struct {
	Messages           []Message // valid until the next Ready
	Term, Commit       uint64
	Vote               ID
	Sync               bool // there is something that must be on disk: entries, term or vote
	Lead               bool // it leads
	Snapshot           Snapshot
	Reads              []Read
	ApplyFrom, ApplyTo uint64 // entries that became part of the state; none if From is greater

	entriesFrom uint64 // where those to be written belong
	entries     Entries
}

// HasReady tells whether there is anything to do.
func (r *Raft) HasReady() bool {
	return !r.busy && (len(r.messages)+len(r.after) > 0 || r.term != r.ready.Term || r.vote != r.ready.Vote ||
		r.commit != r.ready.Commit || r.accepted <= r.log.last || r.applying < r.commit && r.coming.Index == 0 ||
		r.coming.Index > 0 && !r.writing || len(r.reads.answers) > 0)
}

// TakeReady is what there is to do. Advance must follow when it is done, and
// before the next TakeReady.
func (r *Raft) TakeReady() *Ready {
	old := r.ready
	rd := &r.ready
	*rd = Ready{Messages: append(old.Messages[:0], r.messages...), Term: r.term, Vote: r.vote, Commit: r.commit, Lead: r.lead == r.config.ID}
	r.own = r.own[:0]
	for _, m := range r.after {
		if m.To == r.config.ID {
			r.own = append(r.own, m)
		} else {
			rd.Messages = append(rd.Messages, m)
		}
	}
	r.messages, r.after = r.messages[:0], r.after[:0]
	rd.entriesFrom = r.accepted
	rd.entries = r.log.slice(r.accepted, r.log.last, r.log.last+1)
	rd.Sync = rd.entries.Count > 0 || r.vote != old.Vote || r.term != old.Term
	if r.coming.Index > 0 && !r.writing {
		rd.Snapshot, r.writing = r.coming, true
	}
	r.accepted = r.log.last + 1
	rd.ApplyFrom, rd.ApplyTo = r.applying+1, r.applying
	if r.coming.Index == 0 {
		rd.ApplyTo = max(r.commit, r.applying)
		r.applying = rd.ApplyTo
	}
	rd.Reads, r.reads.answers = r.reads.answers, nil
	r.busy = true
	return rd
}

// Doing is the Ready that was taken last.
func (r *Raft) Doing() *Ready { return &r.ready }

// Advance says that what the last Ready wanted written is on disk, and that
// what it wanted applied is part of the state.
func (r *Raft) Advance() {
	rd := &r.ready
	d := r.disk
	r.busy = false
	if rd.Snapshot.Index > 0 {
		d.Snapshot, d.log = rd.Snapshot, newLog(rd.Snapshot)
	}
	d.Term, d.Vote, d.Commit = rd.Term, rd.Vote, rd.Commit
	if rd.entries.Count > 0 {
		d.log.put(rd.entriesFrom-1, &rd.entries)
	}
	last, lastTerm := d.log.last, d.log.lastTerm()
	for _, m := range r.own {
		r.Step(m)
	}
	r.own = r.own[:0]
	if rd.Term == r.term {
		r.stableTo(last, lastTerm)
	}
	if rd.Snapshot.Index > 0 {
		if r.coming.Index == rd.Snapshot.Index {
			r.coming, r.writing = Snapshot{}, false
		}
		r.appliedTo(max(rd.Snapshot.Index, r.applied))
	}
	if rd.ApplyFrom <= rd.ApplyTo {
		r.appliedTo(max(rd.ApplyTo, r.applied))
	}
}

func (r *Raft) appliedTo(i uint64) {
	r.applied = i
	r.applying = max(r.applying, i)
}

// stableTo remembers that the log is on disk up to an entry, unless that was
// replaced meanwhile.
func (r *Raft) stableTo(index, term uint64) {
	if index >= r.stable && r.log.matches(index, term) {
		r.stable = index + 1
		r.accepted = max(r.accepted, r.stable)
	}
}

// Snapshotted says that a snapshot of the state at applied entry i is on disk,
// and that older entries than keep may be forgotten.
func (r *Raft) Snapshotted(i, keep uint64) {
	term, ok := r.disk.log.term(i)
	if !ok || i <= r.disk.Snapshot.Index {
		return
	}
	r.disk.Snapshot = Snapshot{Index: i, Term: term, Conf: r.conf}
	if keep >= r.disk.log.first {
		r.disk.log.compact(keep)
		if r.coming.Index == 0 {
			r.log.compact(keep)
		}
	}
}

// State is the snapshot that a member could take now, of all it has applied
// (server/etcdserver/snapshot_merge.go).
func (r *Raft) State() Snapshot {
	term, _ := r.log.term(r.applied)
	return Snapshot{Index: r.applied, Term: term, Conf: r.conf}
}

// CaughtUp tells whether a learner has nine tenths of what the leader has,
// which it must to be promoted (server/etcdserver/server.go isLearnerReady).
func (r *Raft) CaughtUp(id ID) bool {
	return 10*r.progress[id].match >= 9*r.progress[r.config.ID].match
}

// reload is the disk as a new process reads it: the entries up to its
// snapshot are not read.
func (d *Disk) reload() {
	if d.log.first <= d.Snapshot.Index {
		d.log.compact(d.Snapshot.Index)
	}
}

// Apply makes an applied change of the membership effective.
func (r *Raft) Apply(c Change) {
	one := SetOf(c.Member)
	was := r.conf.Voters | r.conf.Learners
	switch c.Op {
	case AddVoter:
		r.conf.Voters |= one
		r.conf.Learners &^= one
	case AddLearner:
		r.conf.Voters &^= one
		r.conf.Learners |= one
	case Remove:
		r.conf.Voters &^= one
		r.conf.Learners &^= one
	}
	if c.Op != Remove && was&one == 0 {
		p := &r.progress[c.Member]
		*p = progress{next: max(r.log.last, 1), active: true, inflight: p.inflight[:0]}
	}
	if r.role != Leader || !r.conf.Voters.Has(r.config.ID) {
		return
	}
	if r.maybeCommit() {
		r.appends()
	} else {
		r.others(func(id ID) { r.sendAppend(id, false) })
	}
	if !r.conf.Voters.Has(r.transferee) {
		r.transferee = None
	}
}

// Settle is what many rounds come to in which nothing goes wrong: the group
// has the leader's entries up to last, all on disk, committed and applied, and
// everybody was heard. It must be so already, up to an earlier entry.
func (r *Raft) Settle(last uint64) {
	n := last - r.log.last
	if n == 0 {
		return
	}
	r.log.extend(n, r.term)
	r.disk.log.extend(n, r.term)
	r.commit, r.applying, r.applied, r.disk.Commit = last, last, last, last
	r.ready.Commit = last
	r.stable, r.accepted = last+1, last+1
	if r.role != Leader {
		return
	}
	for id := ID(1); id <= MaxID; id++ {
		if p := &r.progress[id]; r.member(id) {
			p.match, p.next, p.sentCommit = last, last+1, last
		}
	}
}

// Settled tells whether a leader has nothing left to do: everybody has
// everything.
func (r *Raft) Settled() bool {
	if r.role != Leader || r.busy || r.HasReady() || r.applied != r.log.last || r.transferee != None {
		return false
	}
	for id := ID(1); id <= MaxID; id++ {
		if p := &r.progress[id]; r.member(id) && (p.flow != replicate || p.match != r.log.last) {
			return false
		}
	}
	return true
}

// Skip lets n ticks pass of which it is known that they change nothing.
func (r *Raft) Skip(n Tick) {
	r.now += n
	r.heardAt += n
}

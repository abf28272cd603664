package raft

import "fmt"

// Step takes a message. It is false only for a proposal that the member
// dropped: it knows no leader, or is handing the leadership over.
func (r *Raft) Step(m Message) bool {
	switch {
	case m.Type.answers() && m.From != r.config.ID && !r.member(m.From):
		return true
	case m.Term == 0:
	case m.Term > r.term:
		if !r.newTerm(&m) {
			return true
		}
	case m.Term < r.term:
		r.oldTerm(&m)
		return true
	}
	switch {
	case m.Type == Vote || m.Type == PreVote:
		r.askedForVote(&m)
		return true
	case r.role == Leader:
		return r.stepLeader(&m)
	case r.role == Follower:
		return r.stepFollower(&m)
	}
	return r.stepCandidate(&m)
}

// newTerm takes note of a later term and tells whether to look at the message
// at all: as long as a leader is heard, nobody may disturb.
func (r *Raft) newTerm(m *Message) bool {
	asks := m.Type == Vote || m.Type == PreVote
	inLease := r.config.CheckQuorum && r.lead != None && r.now-r.heardAt < r.config.ElectionTicks
	switch {
	case asks && inLease && !m.Forced:
		return false
	case m.Type == PreVote, m.Type == PreVoteResp && !m.Reject:
	case m.Type == App || m.Type == Heartbeat || m.Type == Snap:
		r.becomeFollower(m.Term, m.From)
	default:
		r.becomeFollower(m.Term, None)
	}
	return true
}

// oldTerm answers those who would otherwise be stuck with an old term.
func (r *Raft) oldTerm(m *Message) {
	switch {
	case (m.Type == Heartbeat || m.Type == App) && (r.config.CheckQuorum || r.config.PreVote):
		r.send(Message{Type: AppResp, To: m.From})
	case m.Type == PreVote:
		r.send(Message{Type: PreVoteResp, To: m.From, Term: r.term, Reject: true})
	}
}

func (r *Raft) askedForVote(m *Message) {
	answer := VoteResp
	if m.Type == PreVote {
		answer = PreVoteResp
	}
	may := r.vote == m.From || r.vote == None && r.lead == None || m.Type == PreVote && m.Term > r.term
	if !may || !r.log.upToDate(m.LogTerm, m.Index) {
		r.send(Message{Type: answer, To: m.From, Term: r.term, Reject: true})
		return
	}
	r.send(Message{Type: answer, To: m.From, Term: m.Term})
	if m.Type == Vote {
		r.heardAt, r.vote = r.now, m.From
	}
}

func (r *Raft) stepCandidate(m *Message) bool {
	switch m.Type {
	case Prop:
		return false
	case App, Heartbeat, Snap:
		r.becomeFollower(m.Term, m.From)
		r.follow(m)
	case VoteResp, PreVoteResp:
		if (m.Type == PreVoteResp) == (r.role == PreCandidate) {
			r.counted(m)
		}
	}
	return true
}

// counted is a vote, or the promise of one.
func (r *Raft) counted(m *Message) {
	if one := SetOf(m.From); r.votes&one == 0 {
		r.votes |= one
		if !m.Reject {
			r.grants |= one
		}
	}
	switch {
	case r.majority(r.grants):
		if r.role == PreCandidate {
			r.stand(Vote, false)
			return
		}
		r.becomeLeader()
		r.appends()
	case !r.majority(r.conf.Voters &^ (r.votes &^ r.grants)):
		r.becomeFollower(r.term, None)
	}
}

func (r *Raft) stepFollower(m *Message) bool {
	switch m.Type {
	case Prop, Transfer, ReadIndex:
		if r.lead == None {
			return m.Type != Prop
		}
		pass := *m
		pass.To = r.lead
		r.send(pass)
	case App, Heartbeat, Snap:
		r.heardAt, r.lead = r.now, m.From
		r.follow(m)
	case TimeoutNow:
		if r.mayStand() {
			r.stand(Vote, true)
		}
	case ReadIndexResp:
		r.reads.answers = append(r.reads.answers, Read{m.Index, m.Context})
	}
	return true
}

// follow does what the leader says.
func (r *Raft) follow(m *Message) {
	switch m.Type {
	case App:
		r.take(m)
	case Heartbeat:
		r.commitTo(m.Commit)
		r.send(Message{Type: HeartbeatResp, To: m.From, Context: m.Context})
	case Snap:
		r.restore(m.Snapshot)
		r.send(Message{Type: AppResp, To: m.From, Index: r.commit})
	}
}

// take adds entries to the log if they continue it.
func (r *Raft) take(m *Message) {
	if m.Index < r.commit {
		r.send(Message{Type: AppResp, To: m.From, Index: r.commit})
		return
	}
	if !r.log.matches(m.Index, m.LogTerm) {
		hint, term := r.log.conflict(min(m.Index, r.log.last), m.LogTerm)
		r.send(Message{Type: AppResp, To: m.From, Index: m.Index, Reject: true, Hint: hint, LogTerm: term})
		return
	}
	last := m.Index + m.Entries.Count
	if n := r.log.fits(m.Index, &m.Entries); n < m.Entries.Count {
		from := m.Index + n + 1
		if from <= r.commit {
			panic(fmt.Sprintf("raft: member %v has committed entry %d and is to replace %d", r.config.ID, r.commit, from))
		}
		news := m.Entries.cut(m.Index, n)
		r.log.put(from-1, &news)
		if from <= r.stable {
			r.stable, r.accepted = from, from
		} else {
			r.accepted = min(r.accepted, from)
		}
	}
	r.commitTo(min(m.Commit, last))
	r.send(Message{Type: AppResp, To: m.From, Index: last})
}

func (r *Raft) commitTo(i uint64) {
	if i > r.log.last {
		panic(fmt.Sprintf("raft: entry %d is committed, and the log of member %v ends at %d", i, r.config.ID, r.log.last))
	}
	r.commit = max(r.commit, i)
}

// restore begins the log anew with a snapshot, unless it has all that already.
func (r *Raft) restore(s Snapshot) {
	if s.Index <= r.commit || !(s.Conf.Voters | s.Conf.Learners).Has(r.config.ID) {
		return
	}
	if r.log.matches(s.Index, s.Term) {
		r.commitTo(s.Index)
		return
	}
	r.log = newLog(s)
	r.commit = s.Index
	r.stable, r.accepted = s.Index+1, s.Index+1
	r.coming, r.writing = s, false
	r.conf = s.Conf
	r.votes, r.grants = 0, 0
	for id := ID(1); id <= MaxID; id++ {
		r.progress[id] = progress{next: max(r.log.last, 1), active: true, inflight: r.progress[id].inflight[:0]}
	}
}

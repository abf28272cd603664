// Package raft is one member of a Raft group as etcd runs it: what it
// believes, what it answers, whom it votes for. Its one idea: time, network
// and disk are inputs, so a member is a plain value that is told what arrived,
// which tick it is and what is on its disk by now. It refuses to wait, to draw
// and to send: its deadlines are fields, its messages a list.
//
// It does what go.etcd.io/raft/v3 v3.6.0 does, message by message; that is its
// twin in tests. What it leaves out: joint consensus, the limits in bytes, and
// the payload of entries.
package raft

// Tick is a member's own clock: etcd looks at it every heartbeat interval.
type Tick int64

// Config is how a member behaves. The group's members need not agree, but do.
type Config struct {
	ID            ID
	PreVote       bool // ask before standing for election
	CheckQuorum   bool // a leader without a majority steps down, and a majority with a leader lets nobody else stand
	ElectionTicks Tick // how long silence is endured at least
	MostEntries   uint64
	MostInflight  int
	// Timeout is the nth election timeout, from ElectionTicks to below twice that.
	Timeout func(nth uint64) Tick
}

// Role is what a member takes itself for.
type Role uint8

// The roles.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String is the role in lower case.
func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r]
}

// Disk is what of a member survives a crash.
type Disk struct {
	Term, Commit uint64
	Vote         ID
	Snapshot     Snapshot
	log          Log
}

// NewDisk is the disk of a member that starts from a snapshot, which says who
// belongs to the group.
func NewDisk(s Snapshot) *Disk {
	return &Disk{Term: s.Term, Commit: s.Index, Snapshot: s, log: newLog(s)}
}

// Raft is a member.
type Raft struct {
	config Config
	disk   *Disk

	term   uint64
	vote   ID
	role   Role
	lead   ID
	conf   Conf
	log    Log
	resets uint64 // how often an election timeout was drawn

	now     Tick
	heardAt Tick // from a leader, or when the last election began; a leader: of the last look at the quorum
	timeout Tick

	votes, grants Set // who voted, and who of them for me
	progress      [MaxID + 1]progress
	transferee    ID
	changeAt      uint64 // a change of membership may be unapplied up to here
	reads         reads

	commit, applying, applied uint64
	stable                    uint64   // the next index that is not known to be on disk
	accepted                  uint64   // and of those, the next that nobody is writing
	coming                    Snapshot // the log begins with it, but it is not on disk
	writing                   bool     // though somebody is writing it

	messages []Message
	after    []Message // wait until what is accepted now is on disk
	own      []Message // those of after to this very member
	ready    Ready
	busy     bool // between TakeReady and Advance
}

// New is a member that starts with what is on its disk, at a tick.
func New(c Config, d *Disk, now Tick) *Raft {
	d.reload()
	r := &Raft{config: c, disk: d, now: now, log: d.log.clone()}
	r.conf, r.term, r.vote, r.commit = d.Snapshot.Conf, d.Term, d.Vote, d.Commit
	r.applied = r.log.first - 1
	r.applying = r.applied
	r.commit = max(r.commit, r.applied)
	r.stable = r.log.last + 1
	r.accepted = r.stable
	r.ready = Ready{Term: r.term, Vote: r.vote, Commit: r.commit}
	r.becomeFollower(r.term, None)
	return r
}

// Term is the current term.
func (r *Raft) Term() uint64 { return r.term }

// Lead is the leader the member knows in its term, None if it knows none.
func (r *Raft) Lead() ID { return r.lead }

// Role is what it takes itself for.
func (r *Raft) Role() Role { return r.role }

// Commit is the last entry it knows to be agreed; it never falls, except by a crash.
func (r *Raft) Commit() uint64 { return r.commit }

// Applied is the last entry that Advance or a restored snapshot made part of the state.
func (r *Raft) Applied() uint64 { return r.applied }

// Last is the last entry of its log, agreed or not.
func (r *Raft) Last() uint64 { return r.log.last }

// First is the first entry its log still has.
func (r *Raft) First() uint64 { return r.log.first }

// EntryTerm is the term of an entry, and whether the log still has it.
func (r *Raft) EntryTerm(i uint64) (uint64, bool) { return r.log.term(i) }

// ChangeAt is the change of membership that the entry makes, nil if it makes none.
func (r *Raft) ChangeAt(i uint64) *Change { return r.log.change(i) }

// Conf is who belongs to the group, as far as it has applied.
func (r *Raft) Conf() Conf { return r.conf }

// Vote is whom it voted for in its term.
func (r *Raft) Vote() ID { return r.vote }

// Tick tells the member that a tick passed: what tick it is now.
func (r *Raft) Tick(now Tick) {
	r.now = now
	if r.role == Leader {
		r.beat()
		return
	}
	if r.promotable() && now-r.heardAt >= r.timeout {
		r.heardAt = now
		r.Campaign()
	}
}

// beat is a leader's tick: a look at the quorum every election timeout, and a
// heartbeat.
func (r *Raft) beat() {
	if r.now-r.heardAt >= r.config.ElectionTicks {
		r.heardAt = r.now
		if r.config.CheckQuorum {
			r.checkQuorum()
		}
		if r.role == Leader {
			r.transferee = None
		}
	}
	if r.role == Leader {
		r.heartbeats(r.reads.last())
	}
}

// checkQuorum has a leader that did not hear from a majority step down
// (MsgCheckQuorum).
func (r *Raft) checkQuorum() {
	active := Set(0)
	for id := ID(1); id <= MaxID; id++ {
		if r.conf.Voters.Has(id) && r.progress[id].active {
			active |= SetOf(id)
		}
	}
	if !r.majority(active) {
		r.becomeFollower(r.term, None)
	}
	for id := ID(1); id <= MaxID; id++ {
		if id != r.config.ID {
			r.progress[id].active = false
		}
	}
}

func (r *Raft) majority(s Set) bool { return (s & r.conf.Voters).Len() > r.conf.Voters.Len()/2 }

func (r *Raft) member(id ID) bool { return (r.conf.Voters | r.conf.Learners).Has(id) }

func (r *Raft) promotable() bool { return r.conf.Voters.Has(r.config.ID) && r.coming.Index == 0 }

func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term, r.vote = term, None
	}
	r.lead, r.heardAt, r.transferee = None, r.now, None
	r.timeout = r.config.Timeout(r.resets)
	r.resets++
	r.votes, r.grants = 0, 0
	for id := ID(1); id <= MaxID; id++ {
		if !r.member(id) {
			continue
		}
		p := &r.progress[id]
		*p = progress{next: r.log.last + 1, inflight: p.inflight[:0]}
		if id == r.config.ID {
			p.match = r.log.last
		}
	}
	r.changeAt = 0
	r.reads.pending = nil
}

func (r *Raft) becomeFollower(term uint64, lead ID) {
	r.reset(term)
	r.lead, r.role = lead, Follower
}

func (r *Raft) becomeLeader() {
	r.reset(r.term)
	r.lead, r.role = r.config.ID, Leader
	p := &r.progress[r.config.ID]
	p.become(replicate)
	p.active = true
	r.changeAt = r.log.last
	r.appendOne()
}

// appendOne adds an entry of the leader's own term.
func (r *Raft) appendOne() {
	r.log.extend(1, r.term)
	r.send(Message{Type: AppResp, To: r.config.ID, Index: r.log.last})
}

// Campaign stands for election at once (MsgHup).
func (r *Raft) Campaign() {
	if r.mayStand() {
		ask := Vote
		if r.config.PreVote {
			ask = PreVote
		}
		r.stand(ask, false)
	}
}

// mayStand tells whether the member could lead: it votes, and knows who else does.
func (r *Raft) mayStand() bool {
	return r.role != Leader && r.promotable() && !r.log.changeIn(r.applied+1, r.commit)
}

// stand asks everybody for a vote, or whether they would give it; a forced
// vote is one that the leader itself wants.
func (r *Raft) stand(ask Type, forced bool) {
	answer, term := VoteResp, r.term+1
	if ask == PreVote {
		answer = PreVoteResp
		r.votes, r.grants, r.lead, r.role = 0, 0, None, PreCandidate
	} else {
		r.reset(term)
		r.vote, r.role = r.config.ID, Candidate
	}
	for id := ID(1); id <= MaxID; id++ {
		switch {
		case id == r.config.ID && r.conf.Voters.Has(id):
			r.send(Message{Type: answer, To: id, Term: term})
		case r.conf.Voters.Has(id):
			r.send(Message{Type: ask, To: id, Term: term, Index: r.log.last, LogTerm: r.log.lastTerm(), Forced: forced})
		}
	}
}

func (r *Raft) send(m Message) {
	if m.From == None {
		m.From = r.config.ID
	}
	switch m.Type {
	case Vote, VoteResp, PreVote, PreVoteResp, Prop, ReadIndex:
	default:
		m.Term = r.term
	}
	if m.Type == AppResp || m.Type == VoteResp || m.Type == PreVoteResp {
		r.after = append(r.after, m)
		return
	}
	r.messages = append(r.messages, m)
}

package raft

// Read is the answer to ReadIndex: what was committed up to Index when it was
// asked can be read as soon as it is applied.
type Read struct{ Index, Context uint64 }

// pendingRead is a question whose asker must be sure that the leader still leads.
type pendingRead struct {
	context, index uint64
	from           ID
	acks           Set
}

// reads is the questions of readers: those a leader has asked the others
// about, and those that wait for its first commit.
type reads struct {
	pending []pendingRead
	waiting []Message
	answers []Read
}

// last is the context that a heartbeat carries, 0 if there is no question.
func (s *reads) last() uint64 {
	if n := len(s.pending); n > 0 {
		return s.pending[n-1].context
	}
	return 0
}

// ack notes that a member still follows, and tells who does.
func (s *reads) ack(context uint64, id ID) Set {
	for i := range s.pending {
		if s.pending[i].context == context {
			s.pending[i].acks |= SetOf(id)
			return s.pending[i].acks
		}
	}
	return 0
}

// take removes the question and all before it.
func (s *reads) take(context uint64) []pendingRead {
	for i := range s.pending {
		if s.pending[i].context == context {
			done := append([]pendingRead(nil), s.pending[:i+1]...)
			s.pending = append(s.pending[:0], s.pending[i+1:]...)
			return done
		}
	}
	return nil
}

// readIndex is a leader asked how far it has committed.
func (r *Raft) readIndex(m Message) {
	switch term, _ := r.log.term(r.commit); {
	case r.conf.Voters == SetOf(r.config.ID):
		r.answerRead(m.From, m.Context, r.commit)
	case term != r.term:
		r.reads.waiting = append(r.reads.waiting, m)
	default:
		r.askOthers(m)
	}
}

// askOthers confirms that the member still leads.
func (r *Raft) askOthers(m Message) {
	known := false
	for i := range r.reads.pending {
		known = known || r.reads.pending[i].context == m.Context
	}
	if !known {
		r.reads.pending = append(r.reads.pending, pendingRead{context: m.Context, index: r.commit, from: m.From})
	}
	r.reads.ack(m.Context, r.config.ID)
	r.heartbeats(m.Context)
}

func (r *Raft) releaseReads() {
	waiting := r.reads.waiting
	if term, _ := r.log.term(r.commit); term != r.term || len(waiting) == 0 {
		return
	}
	r.reads.waiting = nil
	for _, m := range waiting {
		r.askOthers(m)
	}
}

func (r *Raft) answerRead(to ID, context, index uint64) {
	if to == None || to == r.config.ID {
		r.reads.answers = append(r.reads.answers, Read{index, context})
		return
	}
	r.send(Message{Type: ReadIndexResp, To: to, Index: index, Context: context})
}

// AskReadIndex asks, as this member, how far everything is committed. The
// answer is a Read with the context, if the question is not lost.
func (r *Raft) AskReadIndex(context uint64) {
	r.Step(Message{Type: ReadIndex, Context: context})
}

package raft_test

import (
	"fmt"
	"strconv"
	"testing"

	real "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"orrery/model/etcd/raft"
)

var types = map[pb.MessageType]raft.Type{
	pb.MsgProp: raft.Prop, pb.MsgApp: raft.App, pb.MsgAppResp: raft.AppResp, pb.MsgVote: raft.Vote, pb.MsgVoteResp: raft.VoteResp,
	pb.MsgPreVote: raft.PreVote, pb.MsgPreVoteResp: raft.PreVoteResp, pb.MsgHeartbeat: raft.Heartbeat, pb.MsgHeartbeatResp: raft.HeartbeatResp,
	pb.MsgSnap: raft.Snap, pb.MsgTimeoutNow: raft.TimeoutNow, pb.MsgTransferLeader: raft.Transfer, pb.MsgReadIndex: raft.ReadIndex, pb.MsgReadIndexResp: raft.ReadIndexResp,
}

func context(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}

// say and sayTheirs write a message out, equal ones equally.
func say(given *raft.Message) string {
	m := *given
	if m.Type == raft.Transfer {
		m.From = raft.None // the library has the member there
	}
	out := fmt.Sprintf("%v %v->%v term %d log (%d, %d) commit %d hint %d %v %v member %v context %d snapshot (%d, %d)",
		m.Type, m.From, m.To, m.Term, m.LogTerm, m.Index, m.Commit, m.Hint, m.Reject, m.Forced, m.Member, m.Context, m.Snapshot.Term, m.Snapshot.Index)
	for i := uint64(1); i <= m.Entries.Count; i++ {
		out += fmt.Sprint(" ", m.Entries.Term(m.Index, m.Index+i))
	}
	if m.Type == raft.Prop {
		out += fmt.Sprint(" ", m.Change != nil)
	}
	return out
}

func sayTheirs(m *pb.Message) string {
	o := raft.Message{
		Type: types[m.Type], From: raft.ID(m.From), To: raft.ID(m.To), Term: m.Term, LogTerm: m.LogTerm, Index: m.Index,
		Commit: m.Commit, Hint: m.RejectHint, Reject: m.Reject,
	}
	switch m.Type {
	case pb.MsgTransferLeader:
		o.Member = o.From
	case pb.MsgReadIndex, pb.MsgReadIndexResp:
		o.Context = context(m.Entries[0].Data)
	case pb.MsgHeartbeat, pb.MsgHeartbeatResp:
		o.Context = context(m.Context)
	case pb.MsgVote:
		o.Forced = string(m.Context) == "CampaignTransfer"
	case pb.MsgSnap:
		o.Snapshot = raft.Snapshot{Index: m.Snapshot.Metadata.Index, Term: m.Snapshot.Metadata.Term}
	}
	out := say(&o)
	if m.Type == pb.MsgApp {
		for _, e := range m.Entries {
			out += fmt.Sprint(" ", e.Term)
		}
	}
	if m.Type == pb.MsgProp {
		out = out[:len(out)-len(" false")] + fmt.Sprint(" ", m.Entries[0].Type == pb.EntryConfChange)
	}
	return out
}

// check compares a member with its twin in all that either believes, and then
// the group with what Raft promises.
func (r *rig) check(p *pair) {
	r.t.Helper()
	p.setTimeout()
	o, s := p.ours, p.theirs.Status()
	ours := fmt.Sprintf("term %d vote %v lead %v %v commit %d applied %d last %d first %d elapsed %d",
		o.Term(), o.Vote(), o.Lead(), o.Role(), o.Commit(), o.Applied(), o.Last(), o.First(), raft.ElapsedOf(o))
	theirs := fmt.Sprintf("term %d vote %v lead %v %v commit %d applied %d last %d first %d elapsed %d",
		s.Term, s.Vote, s.Lead, roles[s.RaftState], s.Commit, s.Applied, lastOf(p.theirs), firstOf(p), field(p.theirs, "electionElapsed").Int())
	if ours != theirs {
		r.fail(p, "%s\ntheirs      %s", ours, theirs)
	}
	for id, pr := range s.Progress {
		got := raft.ProgressOf(o, raft.ID(id))
		want := fmt.Sprintf("match %d next %d %v active %v paused %v pending %d inflight %d", pr.Match, pr.Next,
			flows[pr.State.String()], pr.RecentActive, pr.MsgAppFlowPaused, pr.PendingSnapshot, pr.Inflights.Count())
		if got != want {
			r.fail(p, "of member %d: %s\ntheirs %s", id, got, want)
		}
	}
	r.invariants(p)
}

var roles = map[real.StateType]raft.Role{
	real.StateFollower: raft.Follower, real.StateCandidate: raft.Candidate,
	real.StatePreCandidate: raft.PreCandidate, real.StateLeader: raft.Leader,
}

var flows = map[string]int{"StateProbe": 0, "StateReplicate": 1, "StateSnapshot": 2}

// invariants are what Raft promises (Ongaro and Ousterhout 2014, figure 3).
func (r *rig) invariants(p *pair) {
	r.t.Helper()
	o := p.ours
	if o.Role() == raft.Leader {
		r.seen["leaderships"]++
		if was, ok := r.leaders[o.Term()]; ok && was != p.id {
			r.fail(p, "term %d has the leaders %v and %v", o.Term(), was, p.id)
		}
		r.leaders[o.Term()] = p.id
	}
	for i := max(o.First(), 1) - 1; i <= o.Commit(); i++ {
		term, _ := o.EntryTerm(i)
		switch {
		case i == uint64(len(r.agreed)):
			r.agreed = append(r.agreed, term)
		case r.agreed[i] != term:
			r.fail(p, "entry %d is committed with terms %d and %d", i, r.agreed[i], term)
		}
	}
	for _, q := range r.pairs {
		r.logsMatch(p, q)
	}
}

// logsMatch: if two logs have an entry of the same term at an index, they are
// equal up to there.
func (r *rig) logsMatch(p, q *pair) {
	r.t.Helper()
	same := false
	for i := min(p.ours.Last(), q.ours.Last()); i+1 >= max(p.ours.First(), q.ours.First(), 1); i-- {
		a, _ := p.ours.EntryTerm(i)
		b, _ := q.ours.EntryTerm(i)
		if a == b {
			same = true
		} else if same {
			r.fail(p, "its entry %d has term %d, that of %v has %d, though later ones are equal", i, a, q.id, b)
		}
		if i == 0 {
			break
		}
	}
}

func TestOursDoesWhatEtcdsRaftDoes(t *testing.T) {
	seeds, steps := uint64(2000), 600
	if testing.Short() {
		seeds = 200
	}
	seen := map[string]int{}
	for seed := range seeds {
		r := newRig(t, seed, seen)
		for range steps {
			r.step()
		}
	}
	for _, what := range []string{
		"reads", "membership changes", "rejects", "snapshots taken", "crashes", "leaderships", "snapshot", "timeout now", "transfer", "read index response",
	} {
		if seen[what] < 20 {
			t.Errorf("the schedules hardly met: %s (%d)", what, seen[what])
		}
	}
	t.Logf("%v", seen)
}

// lastOf and firstOf are the ends of the library's log, part of which may not
// be in its storage yet.
func lastOf(rn *real.RawNode) uint64 {
	unstable := field(rn, "raftLog").Elem().FieldByName("unstable")
	return unstable.FieldByName("offset").Uint() + uint64(unstable.FieldByName("entries").Len()) - 1
}

func firstOf(p *pair) uint64 {
	if snap := field(p.theirs, "raftLog").Elem().FieldByName("unstable").FieldByName("snapshot"); !snap.IsNil() {
		return snap.Elem().FieldByName("Metadata").FieldByName("Index").Uint() + 1
	}
	first, _ := p.storage.FirstIndex()
	return first
}

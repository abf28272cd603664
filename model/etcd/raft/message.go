package raft

import "strconv"

// ID names a member: 1 to MaxID. None is nobody.
type ID uint8

// None is no member; MaxID is the largest ID.
const (
	None  ID = 0
	MaxID ID = 15
)

// String is the ID as a number.
func (id ID) String() string { return strconv.Itoa(int(id)) }

// Set is members, by ID.
type Set uint16

// SetOf is the set of some members.
func SetOf(ids ...ID) (s Set) {
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

// Has tells whether the member is in the set.
func (s Set) Has(id ID) bool { return s>>id&1 != 0 }

// Len is how many there are.
func (s Set) Len() (n int) {
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

// Type is what a Message says.
type Type uint8

// The types, as in raftpb; those that never leave a member are methods here.
const (
	Prop          Type = iota // please append one entry: from a member that does not lead
	App                       // entries after (LogTerm, Index), and the commit index
	AppResp                   // everything up to Index is on disk, or (Reject) does not fit
	Vote                      // my log ends at (LogTerm, Index): vote for me
	VoteResp                  //
	PreVote                   // would you?
	PreVoteResp               //
	Heartbeat                 // I lead
	HeartbeatResp             // I follow
	Snap                      // the state at Snapshot, because the entries are gone
	TimeoutNow                // stand for election at once: you are to lead
	Transfer                  // have Member lead: from a member that does not lead
	ReadIndex                 // how far is it committed? From a member that does not lead
	ReadIndexResp             // Index was committed when you asked
)

// String is the type in words.
func (t Type) String() string {
	return [...]string{"proposal", "append", "append response", "vote", "vote response", "pre-vote", "pre-vote response",
		"heartbeat", "heartbeat response", "snapshot", "timeout now", "transfer", "read index", "read index response"}[t]
}

// answers tells whether the type is an answer, which only members may give.
func (t Type) answers() bool {
	return t == AppResp || t == VoteResp || t == PreVoteResp || t == HeartbeatResp || t == ReadIndexResp
}

// Message is what one member tells another.
type Message struct {
	Type     Type
	From, To ID
	Term     uint64 // of the sender; 0 for what is only passed on
	LogTerm  uint64
	Index    uint64
	Commit   uint64
	Hint     uint64 // AppResp that rejects: where it may fit
	Reject   bool
	Forced   bool    // Vote: asked for by the leader itself, which lets nobody refuse because of it
	Member   ID      // Transfer: who shall lead
	Context  uint64  // ReadIndex and what follows from it; 0 is none. Prop: the proposal
	Change   *Change // Prop: of the membership
	Entries  Entries
	Snapshot Snapshot
}

// Snapshot stands for the state that all entries up to Index made.
type Snapshot struct {
	Index, Term uint64
	Conf        Conf
}

// Conf is who belongs to the group.
type Conf struct {
	Voters   Set
	Learners Set // get everything, and count for nothing
}

// Change is a change of the membership by one member.
type Change struct {
	Op     ChangeOp
	Member ID
}

// ChangeOp is what becomes of the member.
type ChangeOp uint8

// The changes.
const (
	AddVoter ChangeOp = iota // new, or a learner that becomes one
	AddLearner
	Remove
)

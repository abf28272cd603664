package raft_test

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	real "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"orrery/model/etcd/raft"
)

// pair is one member twice: ours, and the library that etcd runs.
type pair struct {
	id      raft.ID
	ours    *raft.Raft
	disk    *raft.Disk
	theirs  *real.RawNode
	storage *real.MemoryStorage
	now     raft.Tick
	doing   *raft.Ready
	theirRd real.Ready
	outbox  []envelope
	boots   uint64
	up      bool
}

type envelope struct {
	ours   raft.Message
	theirs pb.Message
}

// rig is a group of pairs that are given the same inputs in the same order.
type rig struct {
	t       *testing.T
	luck    *rand.Rand
	seed    uint64
	config  raft.Config
	pairs   []*pair
	soup    []envelope
	cut     [16][16]bool
	log     []string
	reads   uint64
	leaders map[uint64]raft.ID // by term
	agreed  []uint64           // by index: the term of the entry once it was committed anywhere
	seen    map[string]int     // what the schedules exercised
}

func field(rn *real.RawNode, name string) reflect.Value {
	return reflect.ValueOf(rn).Elem().FieldByName("raft").Elem().FieldByName(name)
}

// setTimeout gives the library the election timeout that ours drew: it has no
// setter, and draws its own from the system's entropy.
func (p *pair) setTimeout() {
	f := field(p.theirs, "randomizedElectionTimeout")
	*(*int)(unsafe.Pointer(f.UnsafeAddr())) = int(raft.TimeoutOf(p.ours))
}

var quiet = &real.DefaultLogger{Logger: log.New(io.Discard, "", 0)}

func newRig(t *testing.T, seed uint64, seen map[string]int) *rig {
	r := &rig{t: t, seed: seed, luck: rand.New(rand.NewPCG(seed, 7)), leaders: map[uint64]raft.ID{}, agreed: []uint64{0, 1}, seen: seen}
	r.config = raft.Config{
		PreVote: r.luck.IntN(4) > 0, CheckQuorum: r.luck.IntN(4) > 0, ElectionTicks: 10,
		MostEntries: []uint64{1, 1 << 40}[r.luck.IntN(2)], MostInflight: []int{1, 3, 512}[r.luck.IntN(3)],
	}
	n := []int{1, 3, 3, 5}[r.luck.IntN(4)]
	conf := raft.Conf{}
	for id := 1; id <= n; id++ {
		conf.Voters |= raft.SetOf(raft.ID(id))
	}
	for id := 1; id <= n+2; id++ { // two that may join
		p := &pair{id: raft.ID(id), up: true, disk: raft.NewDisk(raft.Snapshot{Index: 1, Term: 1, Conf: conf})}
		p.storage = real.NewMemoryStorage()
		must(t, p.storage.ApplySnapshot(pb.Snapshot{Metadata: pb.SnapshotMetadata{Index: 1, Term: 1, ConfState: confState(conf)}}))
		must(t, p.storage.SetHardState(pb.HardState{Term: 1, Commit: 1}))
		r.pairs = append(r.pairs, p)
		r.boot(p)
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func confState(c raft.Conf) (cs pb.ConfState) {
	for id := raft.ID(1); id <= raft.MaxID; id++ {
		if c.Voters.Has(id) {
			cs.Voters = append(cs.Voters, uint64(id))
		}
		if c.Learners.Has(id) {
			cs.Learners = append(cs.Learners, uint64(id))
		}
	}
	return cs
}

func (r *rig) boot(p *pair) {
	c := r.config
	c.ID = p.id
	p.boots++
	boots := p.boots
	c.Timeout = func(nth uint64) raft.Tick {
		luck := rand.New(rand.NewPCG(r.seed, uint64(p.id)<<48|boots<<32|nth))
		return c.ElectionTicks + raft.Tick(luck.IntN(int(c.ElectionTicks)))
	}
	p.ours = raft.New(c, p.disk, p.now)
	most := uint64(1<<64 - 1)
	if c.MostEntries == 1 {
		most = 0
	}
	var err error
	p.theirs, err = real.NewRawNode(&real.Config{
		ID: uint64(p.id), ElectionTick: 10, HeartbeatTick: 1, Storage: p.storage, MaxSizePerMsg: most, MaxCommittedSizePerReady: 1<<64 - 1,
		MaxInflightMsgs: c.MostInflight, CheckQuorum: c.CheckQuorum, PreVote: c.PreVote, Logger: quiet,
	})
	must(r.t, err)
	p.doing, p.outbox = nil, nil
	p.setTimeout()
}

// crash loses all that was not on disk.
func (r *rig) crash(p *pair) {
	snap, err := p.storage.Snapshot()
	must(r.t, err)
	hs, _, err := p.storage.InitialState()
	must(r.t, err)
	last, _ := p.storage.LastIndex()
	var rest []pb.Entry
	if last > snap.Metadata.Index {
		rest, err = p.storage.Entries(snap.Metadata.Index+1, last+1, 1<<62)
		must(r.t, err)
	}
	p.storage = real.NewMemoryStorage()
	must(r.t, p.storage.ApplySnapshot(snap))
	must(r.t, p.storage.SetHardState(hs))
	must(r.t, p.storage.Append(rest))
	r.boot(p)
}

// ready has a member begin what it wants done.
func (r *rig) ready(p *pair) {
	has := p.ours.HasReady()
	if p.theirs.HasReady() {
		p.theirRd = p.theirs.Ready()
	} else {
		p.theirRd = real.Ready{}
	}
	if !has {
		if n := len(p.theirRd.Messages) + len(p.theirRd.Entries) + len(p.theirRd.CommittedEntries); n > 0 || !real.IsEmptyHardState(p.theirRd.HardState) {
			r.fail(p, "theirs is ready: %v", real.DescribeReady(p.theirRd, nil))
		}
		p.theirs.Advance(p.theirRd)
		return
	}
	p.doing = p.ours.TakeReady()
	rd, theirs := p.doing, &p.theirRd
	if rd.Sync != theirs.MustSync || rd.Snapshot.Index != theirs.Snapshot.Metadata.Index {
		r.fail(p, "ready: ours syncs %v, snapshot %d; theirs %v, %d", rd.Sync, rd.Snapshot.Index, theirs.MustSync, theirs.Snapshot.Metadata.Index)
	}
	if a, b := int(rd.ApplyTo+1-rd.ApplyFrom), len(theirs.CommittedEntries); a != b || b > 0 && theirs.CommittedEntries[0].Index != rd.ApplyFrom {
		r.fail(p, "ready: ours applies %d to %d, theirs %d entries", rd.ApplyFrom, rd.ApplyTo, b)
	}
	var reads []raft.Read
	for _, s := range theirs.ReadStates {
		reads = append(reads, raft.Read{Index: s.Index, Context: context(s.RequestCtx)})
	}
	if !slices.Equal(reads, rd.Reads) {
		r.fail(p, "reads %v, theirs %v", rd.Reads, reads)
	}
	r.seen["reads"] += len(reads)
	r.sends(p, rd.Messages, theirs.Messages)
	for i := rd.ApplyFrom; i <= rd.ApplyTo; i++ {
		if c := p.ours.ChangeAt(i); c != nil {
			r.seen["membership changes"]++
			p.ours.Apply(*c)
		}
		e := theirs.CommittedEntries[i-rd.ApplyFrom]
		if e.Type == pb.EntryConfChange {
			var cc pb.ConfChange
			must(r.t, cc.Unmarshal(e.Data))
			p.theirs.ApplyConfChange(cc)
		}
	}
}

func (r *rig) sends(p *pair, ours []raft.Message, theirs []pb.Message) {
	a, b := make([]string, len(ours)), make([]string, len(theirs))
	for i := range ours {
		a[i] = say(&ours[i])
	}
	for i := range theirs {
		b[i] = sayTheirs(&theirs[i])
	}
	if !slices.Equal(a, b) {
		r.fail(p, "sends\n  %s\ntheirs\n  %s", strings.Join(a, "\n  "), strings.Join(b, "\n  "))
	}
	for i := range ours {
		r.seen[ours[i].Type.String()]++
		if ours[i].Reject {
			r.seen["rejects"]++
		}
		p.outbox = append(p.outbox, envelope{ours[i], theirs[i]})
	}
	if p.doing.Lead {
		r.post(p)
	}
}

// post gives the network what may leave: at once if the member leads, else
// when what it wrote is on disk.
func (r *rig) post(p *pair) {
	for _, e := range p.outbox {
		if !r.cut[p.id][e.ours.To] {
			r.soup = append(r.soup, e)
		}
	}
	p.outbox = p.outbox[:0]
}

func (r *rig) advance(p *pair) {
	if rd := p.theirRd; !real.IsEmptySnap(rd.Snapshot) {
		must(r.t, p.storage.ApplySnapshot(rd.Snapshot))
	}
	if rd := p.theirRd; !real.IsEmptyHardState(rd.HardState) {
		must(r.t, p.storage.SetHardState(rd.HardState))
	}
	must(r.t, p.storage.Append(p.theirRd.Entries))
	p.theirs.Advance(p.theirRd)
	p.ours.Advance()
	r.post(p)
	p.doing = nil
}

// step does one random thing to one member.
func (r *rig) step() {
	p := r.pairs[r.luck.IntN(len(r.pairs))]
	if !p.up {
		if r.luck.IntN(40) == 0 {
			p.up = true
			r.crash(p)
			r.says("%v restarts", p.id)
		}
		return
	}
	switch n := r.luck.IntN(1000); {
	case n < 400 && len(r.soup) > 0:
		r.deliver()
		return
	case n < 560:
		p.now++
		p.theirs.Tick()
		p.ours.Tick(p.now)
		r.says("%v ticks %d", p.id, p.now)
	case n < 940:
		if p.doing != nil {
			r.says("%v is done", p.id)
			r.advance(p)
		} else {
			r.says("%v does", p.id)
			r.ready(p)
		}
	default:
		r.rare(p, n)
	}
	r.check(p)
}

// rare is everything that does not happen all the time.
func (r *rig) rare(p *pair, n int) {
	other := raft.ID(1 + r.luck.IntN(len(r.pairs)))
	r.says("%v: %d with %v", p.id, n, other)
	switch {
	case n < 965:
		err := p.theirs.Propose([]byte("x"))
		if ok := p.ours.Step(raft.Message{Type: raft.Prop, From: p.id}); ok != (err == nil) {
			r.fail(p, "proposal taken: %v, theirs: %v", ok, err)
		}
	case n < 972:
		r.reads++
		p.theirs.ReadIndex([]byte(fmt.Sprint(r.reads)))
		p.ours.AskReadIndex(r.reads)
	case n < 975:
		r.propose(p, other)
	case n < 977:
		p.theirs.TransferLeader(uint64(other))
		p.ours.TransferTo(other)
	case n < 979:
		p.theirs.ReportUnreachable(uint64(other))
		p.ours.Unreachable(other)
	case n < 984:
		r.snapshot(p)
	case n < 988:
		r.seen["crashes"]++
		p.up = false
	case n < 994:
		r.cut[p.id][other] = other != p.id
	default:
		r.cut = [16][16]bool{}
	}
}

func (r *rig) propose(p *pair, other raft.ID) {
	c := raft.Change{Op: raft.ChangeOp(r.luck.IntN(3)), Member: other}
	if c.Op == raft.Remove && (p.ours.Conf().Voters.Len() < 3 || r.luck.IntN(2) == 0) || c.Op == raft.AddLearner && p.ours.Conf().Voters.Has(other) {
		c.Op = raft.AddVoter
	}
	theirs := pb.ConfChange{NodeID: uint64(other), Type: []pb.ConfChangeType{pb.ConfChangeAddNode, pb.ConfChangeAddLearnerNode, pb.ConfChangeRemoveNode}[c.Op]}
	err := p.theirs.ProposeConfChange(theirs)
	if ok := p.ours.Step(raft.Message{Type: raft.Prop, From: p.id, Change: &c}); ok != (err == nil) {
		r.fail(p, "change taken: %v, theirs: %v", ok, err)
	}
}

func (r *rig) snapshot(p *pair) {
	at := p.ours.Applied()
	snap, err := p.storage.Snapshot()
	must(r.t, err)
	last, _ := p.storage.LastIndex()
	if at <= snap.Metadata.Index || at > last || p.doing != nil {
		return
	}
	r.seen["snapshots taken"]++
	cs := confState(p.ours.Conf())
	_, err = p.storage.CreateSnapshot(at, &cs, nil)
	must(r.t, err)
	keep := at - uint64(r.luck.IntN(3))
	if first, _ := p.storage.FirstIndex(); keep >= first {
		must(r.t, p.storage.Compact(keep))
	}
	p.ours.Snapshotted(at, keep)
}

// deliver takes a message from the network: most often one of the oldest; some
// are lost, some arrive twice.
func (r *rig) deliver() {
	i := r.luck.IntN(len(r.soup))
	if r.luck.IntN(3) > 0 {
		i = r.luck.IntN(min(4, len(r.soup)))
	}
	e := r.soup[i]
	if r.luck.IntN(20) > 0 {
		r.soup = append(r.soup[:i], r.soup[i+1:]...)
	}
	to := r.pairs[e.ours.To-1]
	if r.luck.IntN(15) == 0 || !to.up {
		return
	}
	r.says("%v gets %s", e.ours.To, say(&e.ours))
	_ = to.theirs.Step(e.theirs)
	to.ours.Step(e.ours)
	r.check(to)
	if e.ours.Type == raft.Snap && r.luck.IntN(2) == 0 {
		from := r.pairs[e.ours.From-1]
		if ok := r.luck.IntN(2) == 0; from.up {
			status := real.SnapshotFailure
			if ok {
				status = real.SnapshotFinish
			}
			from.theirs.ReportSnapshot(uint64(e.ours.To), status)
			from.ours.SnapshotSent(e.ours.To, ok)
			r.check(from)
		}
	}
}

func (r *rig) says(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
	if len(r.log) > 200 {
		r.log = append(r.log[:0], r.log[100:]...)
	}
}

func (r *rig) fail(p *pair, format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("seed %d %+v, member %v: %s\nafter\n%s", r.seed, r.config, p.id, fmt.Sprintf(format, args...), strings.Join(r.log[max(0, len(r.log)-60):], "\n"))
}

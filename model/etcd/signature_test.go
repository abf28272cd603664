package etcd_test

import (
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/sim"
)

// write plans a write through each member in turn every so often, in [from, to).
func (r *rig) write(from, to, every time.Duration) {
	for i, at := 0, from; at < to; i, at = i+1, at+every {
		m := i % len(r.sites)
		r.at(sim.Time(at), func() { r.propose(m, 0) })
	}
}

// gap is the longest time without an answer.
func (r *rig) gap() (longest time.Duration) {
	last := sim.Time(0)
	for _, l := range r.lines {
		if len(l.text) > 6 && l.text[:6] == "answer" {
			longest, last = max(longest, l.at.Sub(last)), l.at
		}
	}
	return longest
}

func (r *rig) cut(from, to int) network.Handle {
	return r.net.Impair(network.Impairment{From: r.sites[from : from+1], To: r.sites[to : to+1], Cut: true})
}

// Source: server/etcdserver/raft.go (ticks of 100 ms), raft.go
// resetRandomizedElectionTimeout (10 to 19 ticks): "usually 1–2.5 s unavailable".
func TestALostLeaderCostsOneToTwoAndAHalfSeconds(t *testing.T) {
	for _, members := range []int{3, 5} {
		late := 0
		for seed := range uint64(60) {
			r := newRig(t, seed, members, etcd.Config{})
			r.write(0, 20*time.Second, 50*time.Millisecond)
			r.at(sim.Time(5*time.Second), func() { r.group.SetDown(0, true) })
			r.run(40 * time.Second)
			g := r.gap()
			if g < 900*time.Millisecond || g > 6*time.Second {
				t.Errorf("%d members, seed %d: no write for %v", members, seed, g)
			}
			if g > 2500*time.Millisecond {
				late++ // a split vote
			}
			if lead := r.group.Leader(); lead < 1 {
				t.Errorf("%d members, seed %d: leader %d", members, seed, lead)
			}
		}
		if late > 12 {
			t.Errorf("%d members: %d of 60 elections took more than 2.5 s", members, late)
		}
	}
}

// Source: server/config/config.go ReqTimeout, and op-guide/failures: without a
// majority nothing is written, and after it returns everything goes on.
func TestWithoutAMajorityWritesFailAfter7Seconds(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.at(sim.Time(5*time.Second), func() { r.group.SetDown(0, true); r.group.SetDown(1, true) })
	r.at(sim.Time(10*time.Second), func() { r.propose(2, 0) })
	r.at(sim.Time(20*time.Second), func() {
		r.want("at 20 s the only write has failed", len(r.failed) == 1 && len(r.agreed) == 0)
		r.group.SetDown(0, false)
	})
	r.at(sim.Time(23*time.Second), func() { r.propose(2, 0) })
	r.run(time.Minute)
	for _, l := range r.lines {
		switch l.text {
		case "failed 1 0":
			if l.at != sim.Time(17*time.Second) {
				t.Errorf("failed at %v", l.at)
			}
		case "answer 2":
			if l.at > sim.Time(24*time.Second) {
				t.Errorf("answered at %v", l.at)
			}
		}
	}
	if r.failed[2] || r.took[2] == 0 {
		t.Error("a write after the majority returned failed")
	}
}

func (r *rig) want(what string, ok bool) {
	r.t.Helper()
	if !ok {
		r.t.Error(what + ": no")
	}
}

// Source: the incident at Cloudflare of 2020-11-02, a switch that lets some
// ways die: a member that hears nobody and is heard stands for election again
// and again. Each time it unseats the leader, unless it must ask first
// (pre-vote), or the others refuse while they hear their leader (check-quorum).
func TestAHalfDeadSwitchUnseatsLeadersWithoutPreVote(t *testing.T) {
	play := func(c etcd.Config) (term uint64, failed int, mean time.Duration) {
		r := newRig(t, 1, 3, c)
		r.write(0, 300*time.Second, 100*time.Millisecond)
		r.at(sim.Time(10*time.Second), func() { r.cut(0, 2); r.cut(1, 2) })
		r.run(320 * time.Second)
		for _, d := range r.took {
			mean += d / time.Duration(len(r.took))
		}
		return r.group.Term(), len(r.failed), mean
	}
	for _, c := range []etcd.Config{{}, {NoPreVote: true}, {NoCheckQuorum: true}} {
		if term, failed, mean := play(c); !c.NoPreVote && term != 2 || failed != 1000-33 || mean > 20*time.Millisecond {
			t.Errorf("%+v: term %d, %d writes failed, the others took %v", c, term, failed, mean)
		}
	}
	if term, _, mean := play(etcd.Config{NoPreVote: true, NoCheckQuorum: true}); term < 100 || mean < 300*time.Millisecond {
		t.Errorf("with neither: only term %d, and a write took %v", term, mean)
	}
}

// Source: etcd raft.go, embed/config.go: a write is committed when most have it on their disks,
// so a slow follower hurts little, a slow leader everything; stalls over an election timeout lead
// to elections.
func TestASlowDiskHurtsWhereTheLeaderIs(t *testing.T) {
	mean := func(slow int, d sim.Dist) (sum time.Duration, term uint64) {
		r := newRig(t, 3, 3, etcd.Config{})
		r.at(0, func() { r.group.SetFsync(slow, d) })
		r.write(0, 60*time.Second, 30*time.Millisecond)
		r.run(90 * time.Second)
		for _, d := range r.took {
			sum += d
		}
		return sum / time.Duration(max(1, len(r.took))), r.group.Term()
	}
	slow := sim.Uniform(100*time.Millisecond, 200*time.Millisecond)
	follower, _ := mean(1, slow)
	leader, _ := mean(0, slow)
	if follower > 60*time.Millisecond || leader < 150*time.Millisecond {
		t.Errorf("a write takes %v with a slow follower, %v with a slow leader", follower, leader)
	}
	if _, term := mean(0, sim.Uniform(2*time.Second, 4*time.Second)); term < 3 {
		t.Errorf("a leader whose disk stalls for seconds keeps term %d", term)
	}
}

// Source: server/etcdserver/server.go: a follower that lags by more than the
// entries kept gets a snapshot.
func TestAFollowerLongAwayCatchesUpByASnapshot(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.write(0, 60*time.Second, 2*time.Millisecond)
	r.at(sim.Time(time.Second), func() { r.group.SetDown(2, true) })
	r.at(sim.Time(50*time.Second), func() { r.group.SetDown(2, false) })
	// The others go: the one that was away must have everything to be of use.
	r.at(sim.Time(70*time.Second), func() { r.group.SetDown(0, true) })
	r.at(sim.Time(80*time.Second), func() { r.propose(2, 0) })
	r.run(100 * time.Second)
	if r.took[r.next] == 0 {
		t.Error("the two that are left do not agree")
	}
	r.checkAnswers()
}

// Source: server/etcdserver/apply/apply.go applierV3Capped, quota.go.
func TestAFullDatabaseTakesOnlyDeletions(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{QuotaBytes: 1 << 20})
	r.write(0, 60*time.Second, 10*time.Millisecond)
	r.run(70 * time.Second)
	if n := len(r.agreed); n < 500 || n > 530 {
		t.Errorf("%d writes fit into 1 MiB", n)
	}
	if len(r.failed)+len(r.agreed) != 6000 {
		t.Errorf("%d writes failed", len(r.failed))
	}
	r.next++
	gone := r.next
	r.group.Propose(0, r.Now(), gone, etcd.Deletes)
	r.run(80 * time.Second)
	if r.failed[gone] {
		t.Error("a deletion failed")
	}
	r.group.Defragment()
	r.at(sim.Time(11*time.Minute), func() { r.propose(0, 0) })
	r.run(12 * time.Minute)
	if r.failed[r.next] {
		t.Error("a write failed after compaction, defragmentation and disarming")
	}
}

// Source: etcd.io/docs/v3.6/op-guide/performance: a linearizable read of one
// client takes 0.7 ms, less than a write (1.6 ms), as no disk is waited for;
// server/etcdserver/v3_server.go linearizableReadLoop: readers that come while
// a question is under way share the next one.
func TestALinearizableReadCostsARoundOfHeartbeatsAndNoDisk(t *testing.T) {
	for _, literal := range []bool{false, true} {
		r := newRig(t, 1, 3, etcd.Config{Literal: literal})
		var alone []uint64
		for i := range 300 {
			r.at(sim.Time(i)*sim.Time(20*time.Millisecond), func() { alone = append(alone, r.read(i%3, 0)) })
		}
		shared := map[sim.Time]int{}
		r.at(sim.Time(10*time.Second), func() {
			for range 50 {
				r.read(1, 0)
			}
		})
		r.run(20 * time.Second)
		sum := time.Duration(0)
		for _, a := range alone {
			sum += r.took[a] / 300
		}
		if sum < 300*time.Microsecond || sum > 3*time.Millisecond {
			t.Errorf("literal %v: a read takes %v", literal, sum)
		}
		for a := alone[299] + 1; a <= r.next; a++ {
			shared[r.asked[a].Add(r.took[a])]++
		}
		if len(shared) != 2 {
			t.Errorf("literal %v: 50 reads at once are answered at %v, want the first alone and the others together", literal, shared)
		}
	}
}

// Source: etcd.io/docs/v3.6/op-guide/failures, server/config/config.go
// ReqTimeout: without a majority there are no linearizable reads; one fails
// after 7 s, or is answered when a leader is back before that.
func TestWithoutAMajorityReadsFailAfter7Seconds(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.at(sim.Time(5*time.Second), func() { r.group.SetDown(0, true); r.group.SetDown(1, true) })
	lost, saved := uint64(0), uint64(0)
	r.at(sim.Time(10*time.Second), func() { lost = r.read(2, 0) })
	r.at(sim.Time(20*time.Second), func() { saved = r.read(2, 0) })
	r.at(sim.Time(21*time.Second), func() { r.group.SetDown(0, false) })
	r.run(time.Minute)
	r.want("the read without a majority failed", r.failed[lost])
	for _, l := range r.lines {
		if l.text == "failed 1 0" && l.at != sim.Time(17*time.Second) {
			t.Errorf("it failed at %v", l.at)
		}
	}
	if r.failed[saved] || r.took[saved] < 1500*time.Millisecond || r.took[saved] > 6*time.Second {
		t.Errorf("the read that waited for a leader took %v, failed %v", r.took[saved], r.failed[saved])
	}
}

// Source: k8s.io/kubernetes cmd/kube-apiserver --event-ttl, 1 h: Events stay for an
// hour, while of objects that are replaced only 5 to 10 minutes of history do. So a
// flood of Events fills a database, to a level that it then keeps.
func TestEventsFillTheDatabaseForAnHour(t *testing.T) {
	play := func(quota int64, g etcd.Growth) int {
		r := newRig(t, 1, 1, etcd.Config{QuotaBytes: quota})
		for at := time.Duration(0); at < 3*time.Hour; at += time.Second {
			r.at(sim.Time(at), func() {
				r.next++
				r.group.Propose(0, r.Now(), r.next, g)
			})
		}
		r.run(4 * time.Hour)
		return len(r.failed)
	}
	const mib = 1 << 20 // an Event a second: 3,600 to 3,900 of them, and at most 1,200 more revisions, 2 KiB each
	if n := play(11*mib, etcd.CreatesEvent); n != 0 {
		t.Errorf("%d of 10,800 Events were refused with 11 MiB", n)
	}
	if n := play(6*mib, etcd.CreatesEvent); n < 7000 {
		t.Errorf("only %d of 10,800 Events were refused with 6 MiB", n)
	}
	if n := play(6*mib, etcd.Replaces); n != 0 {
		t.Errorf("%d of 10,800 replacements were refused with 6 MiB", n)
	}
}

package etcd_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/sim"
)

// when is when a line was said, and whether.
func (r *rig) when(text string) (sim.Time, bool) {
	for _, l := range r.lines {
		if strings.HasPrefix(l.text, text) {
			return l.at, true
		}
	}
	return 0, false
}

// Source: etcd.io/docs/v3.6/op-guide/runtime-configuration (remove the dead
// member, add a learner, promote it when it has caught up). While the dead one
// still counts, the loss of another stops everything; afterwards it does not.
func TestAReplacedMemberCountsOnceItIsPromoted(t *testing.T) {
	for _, dead := range []int{0, 2} {
		r := newRig(t, 1, 3, etcd.Config{})
		r.write(0, 100*time.Second, 50*time.Millisecond)
		r.at(sim.Time(5*time.Second), func() { r.group.SetDown(dead, true) })
		r.at(sim.Time(20*time.Second), func() { r.want("replaced", r.group.Replace(dead) == "") })
		r.at(sim.Time(21*time.Second), func() { r.want("replaced twice", r.group.Replace(dead) != "") })
		r.at(sim.Time(60*time.Second), func() { r.group.SetDown(1, true) })
		r.run(120 * time.Second)
		r.checkAnswers()
		learner, _ := r.when("member " + string(rune('0'+dead)) + ": operation 1")
		voter, ok := r.when("member " + string(rune('0'+dead)) + ": operation 2")
		if !ok || voter.Sub(learner) < time.Second || voter > sim.Time(30*time.Second) {
			t.Errorf("member %d: a learner at %v and promoted at %v", dead, learner, voter)
		}
		late := 0
		for a, at := range r.asked {
			if at > sim.Time(70*time.Second) && r.took[a] > 0 {
				late++
			}
		}
		if late < 390 { // two of three members are asked, 20 times a second for 30 s
			t.Errorf("member %d: with the new member and another only %d writes are answered", dead, late)
		}
	}
}

// Source: server/etcdserver/server.go TryTransferLeadershipOnShutdown: "usually
// 1-2.5 s unavailable" after a crash, and next to nothing after a graceful stop.
func TestALeaderThatIsStoppedHandsOverFirst(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.write(0, 20*time.Second, 10*time.Millisecond)
	r.at(sim.Time(2*time.Second), func() { r.group.SetDown(1, true) })
	r.at(sim.Time(4*time.Second), func() { r.group.SetDown(1, false) })
	r.at(sim.Time(10*time.Second), func() { r.group.Stop(0) })
	r.run(30 * time.Second)
	if g := r.gap(); g > 300*time.Millisecond {
		t.Errorf("no write for %v", g)
	}
	if _, ok := r.when("member 2 leads"); !ok {
		t.Error("the member that has been connected longest does not lead")
	}
}

// Source: etcdctl move-leader (server/etcdserver/server.go moveLeader).
func TestTheLeadershipMovesOnDemand(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.write(0, 20*time.Second, 10*time.Millisecond)
	r.at(sim.Time(10*time.Second), func() { r.want("moved", r.group.MoveLeader(2) == "") })
	r.at(sim.Time(15*time.Second), func() { r.want("moved to the leader", r.group.MoveLeader(2) != "") })
	r.run(30 * time.Second)
	if g := r.gap(); g > 300*time.Millisecond {
		t.Errorf("no write for %v", g)
	}
	if at, ok := r.when("member 2 leads"); !ok || at.Sub(sim.Time(10*time.Second)) > 100*time.Millisecond {
		t.Errorf("member 2 leads %v, at %v", ok, at)
	}
}

// Source: etcd.io/docs/v3.6/op-guide/maintenance: "defragmentation to a live
// member blocks the system from reading and writing data while rebuilding its
// states"; server/storage/backend/backend.go defrag holds the lock of the
// backend, not Raft, so the others go on and nobody is elected.
func TestAMemberThatIsDefragmentedAnswersNothingAndTheOthersGoOn(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.write(0, 60*time.Second, 20*time.Millisecond)
	r.at(sim.Time(20*time.Second), func() { r.group.Fill() })
	r.at(sim.Time(20*time.Second), func() { r.want("begun", r.group.DefragmentMember(0) == "") })
	r.at(sim.Time(21*time.Second), func() { r.want("again", r.group.DefragmentMember(0) != "") })
	r.run(80 * time.Second)
	from, _ := r.when("member 0 is locked true")
	to, ok := r.when("member 0 is locked false")
	if lasts := to.Sub(from); !ok || lasts < 20*time.Second || lasts > 21*time.Second { // 2 GiB
		t.Errorf("locked for %v", lasts)
	}
	if _, elected := r.when("member"); r.group.Term() != 2 || !elected {
		t.Errorf("term %d", r.group.Term())
	}
}

// Source: server/etcdserver/v3_server.go processInternalRaftRequestOnce:
// ErrTooManyRequests when a member is more than 5,000 entries behind.
func TestAMemberThatIs5000EntriesBehindTakesNoMore(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{QuotaBytes: 8 << 30})
	for i := range 14000 {
		r.at(sim.Time(time.Second).Add(time.Duration(i)*time.Millisecond), func() { r.propose(1, 0) })
	}
	r.at(0, func() { r.group.Fill(); r.group.DefragmentMember(2); r.group.Disarm() })
	tooMany := uint64(0)
	r.at(sim.Time(3*time.Second), func() { r.propose(2, 0) }) // 2,000 behind: it waits
	r.at(sim.Time(10*time.Second), func() { tooMany = r.propose(2, 0) })
	r.run(40 * time.Second)
	r.want("5,000 behind it is refused at once", r.failed[tooMany])
	if at, ok := r.when("failed " + strconv.FormatUint(tooMany, 10) + " 2"); !ok || at != r.asked[tooMany] {
		t.Errorf("refused %v at %v", ok, at)
	}
	r.checkAnswers()
}

// Source: etcd.io/docs/v3.6/op-guide/maintenance, space quota: compact,
// defragment, disarm.
func TestTheWayOutOfAFullDatabaseTakesTimeAtEachMember(t *testing.T) {
	r := newRig(t, 1, 3, etcd.Config{})
	r.at(sim.Time(time.Second), func() { r.group.Fill() })
	r.at(sim.Time(10*time.Second), func() { r.group.Defragment() })
	refused := uint64(0)
	r.at(sim.Time(60*time.Second), func() { refused = r.propose(0, 0) })
	r.at(sim.Time(80*time.Second), func() { r.propose(0, 0) })
	r.run(90 * time.Second)
	at, ok := r.when("member 0: operation 3")
	if lasts := at.Sub(sim.Time(10 * time.Second)); !ok || lasts < 61*time.Second || lasts > 62*time.Second {
		t.Errorf("disarmed %v after %v, want three times 2 GiB at 100 MiB/s", ok, lasts)
	}
	if !r.failed[refused] || r.failed[r.next] {
		t.Errorf("a write before it is disarmed failed %v, after it %v", r.failed[refused], r.failed[r.next])
	}
	first, _ := r.when("member 1 is locked")
	last, _ := r.when("member 0 is locked")
	r.want("the leader is last", first < last)
}

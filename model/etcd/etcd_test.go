package etcd_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model/etcd"
	"orrery/model/network"
	"orrery/sim"
)

// rig is a group and the servers that write to it.
type rig struct {
	*sim.Kernel
	t      testing.TB
	net    *network.Network
	sites  []network.Site
	group  *etcd.Group
	self   sim.ActorID
	plans  []func()
	agreed []uint64
	lines  []line
	took   map[uint64]time.Duration
	asked  map[uint64]sim.Time
	failed map[uint64]bool
	reads  map[uint64]bool
	next   uint64
	quiet  bool // keeps no lines
}

type line struct {
	at   sim.Time
	text string
}

func newRig(t testing.TB, seed uint64, members int, c etcd.Config) *rig {
	return shuffledRig(t, seed, 0, members, c)
}

// shuffledRig is one that permutes the events of an instant.
func shuffledRig(t testing.TB, seed, ties uint64, members int, c etcd.Config) *rig {
	k := sim.New(sim.Config{Seed: seed, ShuffleTies: ties})
	r := &rig{
		Kernel: k, t: t, net: network.New(k, network.DefaultProfile()),
		took: map[uint64]time.Duration{}, asked: map[uint64]sim.Time{}, failed: map[uint64]bool{}, reads: map[uint64]bool{},
	}
	for i := range members {
		r.sites = append(r.sites, r.net.AddSite(fmt.Sprint("cp-", i), string(rune('a'+i%3))))
	}
	c.Sites = r.sites
	r.self = k.Register("test", r)
	r.group = etcd.New(k, r.net, r, c)
	return r
}

func (r *rig) says(format string, args ...any) {
	if !r.quiet {
		r.lines = append(r.lines, line{r.Now(), fmt.Sprintf(format, args...)})
	}
}

func (r *rig) Agreed(about uint64) {
	if r.quiet {
		return
	}
	r.agreed = append(r.agreed, about)
	r.says("agreed %d", about)
}

func (r *rig) Answer(about uint64) {
	if r.quiet {
		return
	}
	r.took[about] = r.Now().Sub(r.asked[about])
	r.says("answer %d", about)
}

func (r *rig) Failed(about uint64, why etcd.Failure) {
	r.failed[about] = true
	r.says("failed %d %d", about, why)
}
func (r *rig) Forget(about uint64)            { r.says("forget %d", about) }
func (r *rig) Leads(member int, term uint64)  { r.says("member %d leads in term %d", member, term) }
func (r *rig) Paused(member int, locked bool) { r.says("member %d is locked %v", member, locked) }
func (r *rig) Operated(member int, what etcd.Operation) {
	r.says("member %d: operation %d is done", member, what)
}
func (r *rig) Serving(member int, how etcd.Service) {
	r.says("member %d serves %v", member, [...]string{"well", "slowly", "too late", "nobody"}[how])
}

// story is what happened, in order.
func (r *rig) story() string {
	slices.SortStableFunc(r.lines, func(a, b line) int {
		if a.at != b.at {
			return int(a.at.Sub(b.at))
		}
		return strings.Compare(a.text, b.text)
	})
	var b strings.Builder
	for _, l := range r.lines {
		fmt.Fprintf(&b, "%d %s\n", int64(l.at), l.text)
	}
	return b.String()
}

// at plans something.
func (r *rig) at(when sim.Time, do func()) {
	r.plans = append(r.plans, do)
	r.Post(when, r.self, 0, uint64(len(r.plans)-1))
}

func (r *rig) Wake(_ sim.Time, _ sim.Why, about uint64) { r.plans[about]() }

func (r *rig) propose(member int, later time.Duration) uint64 {
	r.next++
	at := r.Now().Add(later)
	r.asked[r.next] = at
	r.group.Propose(member, at, r.next, etcd.Replaces)
	return r.next
}

// read reads, and marks what is asked as a read.
func (r *rig) read(member int, later time.Duration) uint64 {
	r.next++
	at := r.Now().Add(later)
	r.asked[r.next], r.reads[r.next] = at, true
	r.group.Read(member, at, r.next)
	return r.next
}

func (r *rig) run(until time.Duration) {
	r.t.Helper()
	if err := r.Run(sim.Time(until)); err != nil {
		r.t.Fatal(err)
	}
}

// Source: "Commit latency = max(local fsync, majority-th fastest of RTT +
// follower fsync)" and 1.6 ms for one client's write on SSD
// (etcd.io/docs/v3.6/op-guide/performance).
func TestAMajorityCostsARoundTrip(t *testing.T) {
	mean := func(members int) (sum time.Duration) {
		r := newRig(t, 1, members, etcd.Config{})
		for i := range 2000 {
			r.at(sim.Time(i)*sim.Time(50*time.Millisecond), func() { r.propose(0, 0) })
		}
		r.run(2 * time.Minute)
		for i := range uint64(2000) {
			sum += r.took[i+1] / 2000
		}
		return sum
	}
	one, three := mean(1), mean(3)
	if one < 500*time.Microsecond || one > 5*time.Millisecond {
		t.Errorf("one member commits in %v", one)
	}
	if three <= one+500*time.Microsecond || three > 10*time.Millisecond {
		t.Errorf("three members commit in %v, one in %v", three, one)
	}
}

func TestAQuietGroupMakesNoEvents(t *testing.T) {
	r := newRig(t, 1, 5, etcd.Config{})
	r.run(24 * time.Hour)
	if n := r.Events(); n != 0 {
		t.Errorf("%d events in a day", n)
	}
}

// troubles plans a random life: writes of varying rate, and faults that end.
func (r *rig) troubles(seed uint64, faults bool) {
	luck := rand.New(rand.NewPCG(seed, 3))
	span := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(luck.Int64N(int64(hi-lo))) }
	for at, gap := time.Duration(0), time.Duration(0); at < 60*time.Second; at += gap {
		if luck.IntN(50) == 0 || gap == 0 {
			gap = []time.Duration{100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond}[luck.IntN(4)]
			if luck.IntN(4) == 0 {
				at += span(0, 10*time.Second)
			}
		}
		at += span(0, gap)
		m, later := luck.IntN(len(r.sites)), span(0, 5*time.Millisecond)
		if luck.IntN(3) == 0 {
			r.at(sim.Time(at), func() { r.read(m, later) })
		} else {
			r.at(sim.Time(at), func() { r.propose(m, later) })
		}
	}
	if !faults {
		return
	}
	for range 1 + luck.IntN(4) {
		at, lasts := span(0, 55*time.Second), span(time.Millisecond, 12*time.Second)
		a, b := luck.IntN(len(r.sites)), luck.IntN(len(r.sites))
		switch luck.IntN(8) {
		case 4:
			r.at(sim.Time(at), func() { r.says("%s", r.group.Replace(a)) })
		case 5:
			r.at(sim.Time(at), func() { r.says("%s", r.group.MoveLeader(a)) })
		case 6:
			r.at(sim.Time(at), func() { r.group.Stop(a) })
			r.at(sim.Time(at+lasts), func() { r.group.SetDown(a, false) })
		case 7:
			r.at(sim.Time(at), func() { r.group.Fill() })
			r.at(sim.Time(at+lasts/8), func() { r.group.Defragment() })
		case 0:
			r.at(sim.Time(at), func() { r.group.SetDown(a, true) })
			r.at(sim.Time(at+lasts), func() { r.group.SetDown(a, false) })
		case 1:
			slow := sim.Uniform(0, []time.Duration{20 * time.Millisecond, 3 * time.Second}[luck.IntN(2)])
			r.at(sim.Time(at), func() { r.group.SetFsync(a, slow) })
			r.at(sim.Time(at+lasts), func() { r.group.SetFsync(a, sim.Dist{}) })
		default:
			i := network.Impairment{From: r.sites[a : a+1], To: r.sites[b : b+1], Cut: luck.IntN(3) > 0, LossPPM: 300_000}
			var h network.Handle
			r.at(sim.Time(at), func() { h = r.net.Impair(i) })
			r.at(sim.Time(at+lasts), func() { r.net.Lift(h) })
		}
	}
}

// The slow twin of rest: every message played.
func TestComputedAndPlayedMakeTheSameHistory(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 30
	}
	fast, slow := uint64(0), uint64(0)
	for seed := range seeds {
		members := []int{1, 3, 3, 5}[seed%4]
		play := func(literal bool) *rig {
			c := etcd.Config{Literal: literal, NoPreVote: seed%5 == 0, NoCheckQuorum: seed%7 == 0}
			r := newRig(t, seed, members, c)
			r.troubles(seed, seed%3 > 0)
			r.run(100 * time.Second)
			return r
		}
		a, b := play(false), play(true)
		fast, slow = fast+a.Events(), slow+b.Events()
		sa, sb := strings.Split(a.story(), "\n"), strings.Split(b.story(), "\n")
		for i := range sa {
			if i >= len(sb) || sa[i] != sb[i] {
				around := func(lines []string) string { return strings.Join(lines[max(0, i-3):min(len(lines), i+3)], "\n") }
				t.Errorf("seed %d, %d members: line %d\n%s\nplayed\n%s", seed, members, i, around(sa), around(sb))
				break
			}
		}
		a.checkAnswers()
	}
	t.Logf("%d events computed, %d played", fast, slow)
}

// checkAnswers: what was answered was agreed on, once, and everything was
// answered or failed.
func (r *rig) checkAnswers() {
	r.t.Helper()
	times := map[uint64]int{}
	for _, a := range r.agreed {
		times[a]++
	}
	for a := uint64(1); a <= r.next; a++ {
		_, answered := r.took[a]
		if r.reads[a] {
			times[a]++ // which nobody has to agree on
		}
		if answered && times[a] != 1 || times[a] > 1 || answered == r.failed[a] {
			r.t.Errorf("write %d: agreed on %d times, answered %v, failed %v", a, times[a], answered, r.failed[a])
		}
	}
}

// Writes that are ready at one instant are agreed on in the order in which they were asked
// for, whoever else is woken then and whether the group rests or not.
func TestWritesOfOneInstantKeepTheirOrder(t *testing.T) {
	for ties := range uint64(5) {
		for _, literal := range []bool{false, true} {
			r := shuffledRig(t, 1, ties, 1, etcd.Config{Literal: literal})
			if err := r.Run(sim.Time(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			var want []uint64
			for about := range uint64(20) { // two instants by turns
				r.asked[about] = r.Now()
				r.group.Propose(0, r.Now().Add(time.Millisecond+time.Duration(about%2)), about, etcd.Replaces)
			}
			for half := range uint64(2) {
				for about := half; about < 20; about += 2 {
					want = append(want, about)
				}
			}
			if err := r.Run(sim.Time(11 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.agreed, want) {
				t.Errorf("ties permuted by %d, literal %v: agreed on %v", ties, literal, r.agreed)
			}
		}
	}
}

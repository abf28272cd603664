package cloud

import (
	"slices"

	"time"

	"orrery/model"
	"orrery/sim"
)

// callTime is how long a call takes: a modelling value in the range of public
// clouds.
var callTime = sim.Uniform(150*time.Millisecond, 1500*time.Millisecond)

// refused tells whether the provider refuses a call made now: callers share a
// rate of calls, and it counts only while a fault makes it scarce. The luck is
// that of the moment, so that calls which are left out change nothing.
func (p *Provider) refused(caller uint64, now sim.Time) bool {
	s := p.luck.calls.Draw(caller, uint64(now))
	return s.Chance(p.faults.errorPPM())
}

// Scarce tells whether calls may be refused at present: whether one is, shows only when
// it is made. When that begins, callers are woken as with news.
func (s *Session) Scarce() bool { return s.provider.faults.errorPPM() > 0 }

// Session is a caller's way to the provider.
type Session struct {
	provider *Provider
	caller   uint64
	actor    sim.ActorID
	why      sim.Why
	pending  []call
	made     uint64

	changedAt sim.Time // when the last call was made that changes something
	nth       uint64   // and how many were made then
}

// call is one on its way.
type call struct {
	ticket uint64
	at     sim.Time
	do     func(now sim.Time)
}

// NewSession is a way for an actor to call, which is woken with why, about the
// number that the call returned.
func (p *Provider) NewSession(name string, actor sim.ActorID, why sim.Why) *Session {
	s := &Session{provider: p, caller: sim.HashName(name), actor: actor, why: why}
	p.sessions = append(p.sessions, s)
	return s
}

// Close ends the session: nobody is woken with news any more. What was called is
// still answered.
func (s *Session) Close() {
	p := s.provider
	p.sessions = slices.DeleteFunc(p.sessions, func(o *Session) bool { return o == s })
}

// news wakes the callers, about number 0: who describes the groups again would
// find a difference. Real ones find it because they ask all the time.
func (p *Provider) news() {
	for _, s := range p.sessions {
		p.kernel.Post(p.kernel.Now(), s.actor, s.why, 0)
	}
}

// AnsweredAt is when a call is answered that is made at a moment.
func (s *Session) AnsweredAt(madeAt sim.Time) sim.Time {
	luck := s.provider.luck.calls.Draw(^s.caller, uint64(madeAt))
	return madeAt.Add(callTime.Draw(&luck))
}

func (s *Session) call(madeAt sim.Time, do func(now sim.Time)) uint64 {
	return s.answer(s.AnsweredAt(madeAt), do)
}

// change is a call made now that changes something. Those of one moment take
// times of their own.
func (s *Session) change(do func(now sim.Time)) uint64 {
	now := s.provider.kernel.Now()
	if s.nth++; s.changedAt != now {
		s.changedAt, s.nth = now, 1
	}
	luck := s.provider.luck.calls.Draw(^s.caller+s.nth, uint64(now))
	return s.answer(now.Add(callTime.Draw(&luck)), do)
}

func (s *Session) answer(at sim.Time, do func(now sim.Time)) uint64 {
	s.made++
	s.pending = append(s.pending, call{s.made, at, do})
	s.provider.kernel.Post(at, s.actor, s.why, s.made)
	return s.made
}

// Describe asks how the groups are. State may be read when the answer is there.
// The call was made by now, at the latest, and is not answered yet.
func (s *Session) Describe(madeAt sim.Time) uint64 { return s.call(madeAt, func(sim.Time) {}) }

// Resize asks for a size of a group.
func (s *Session) Resize(group, size int) uint64 {
	return s.change(func(now sim.Time) { s.provider.resize(now, s.provider.pools[group], size) })
}

// Remove asks to take the machine of a node away and to make the group smaller by
// it.
func (s *Session) Remove(node uint32) uint64 {
	return s.change(func(now sim.Time) {
		m := *s.provider.machines.Row(node)
		if m == nil || m.gone || m.group == nil {
			return
		}
		m.group.target--
		s.provider.terminate(m, "the group is made smaller")
	})
}

// Answer does what a call asked for, unless the provider refuses it, which it
// tells.
func (s *Session) Answer(ticket uint64) (ok bool) {
	for i := range s.pending {
		c := s.pending[i]
		if c.ticket != ticket {
			continue
		}
		s.pending = append(s.pending[:i], s.pending[i+1:]...)
		if s.provider.refused(s.caller, c.at) {
			return false
		}
		c.do(c.at)
		return true
	}
	return false
}

// GroupState is a group as the provider describes it.
type GroupState struct {
	*Group
	Target   int
	Machines []*Machine
	Failed   string // why it cannot make the machines that it lacks
}

// State is all groups as they are now: what Describe was answered.
func (s *Session) State() []GroupState {
	var out []GroupState
	for _, g := range s.provider.pools {
		out = append(out, GroupState{g.Group, g.target, g.machines, g.failed})
	}
	return out
}

// Template is a node as a new machine of a group would register it: ready, and in
// the first of its zones (cloudprovider/aws buildNodeFromTemplate).
func (s *Session) Template(group int) *model.Node {
	g := s.provider.pools[group]
	n := *g.Node(g.numbered, g.StartZone(0))
	n.Ready = model.Condition{Status: model.True}
	return &n
}

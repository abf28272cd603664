package runtime

import (
	"math/bits"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Long before more CPU is wanted than there is, requests wait for a core, as all that runs there
// comes by chance (model.Stretch). How long depends on how much of the machine is free. Of a pod's
// own requests those know that who send them, but not of the others': so they are told its room,
// the CPU that it would get if it wanted all there is, as the others want what they want now. What
// is free is what its requests leave of that; and when the machine is full, it is what it gets.
//
// Rooms are told in steps, a few percent of the time that requests take, and none while that is as
// good as on free cores: else all pods of a Service would fare differently, on all machines.

const (
	asFree  = full / 64 // of the time that a request takes: one that takes no more than that more takes as long as on free cores
	another = full / 32 // a room is another one if it makes as great a difference
)

// Rooms are looked at so often in an instant, the second time they change half as much, and then
// again after a while, each time twice as long: who waits sends less, and then waits less.
const (
	mostLooks  = 2
	wholeLooks = 1
	leastPause = time.Second
	mostPause  = time.Minute
)

// fewest is the part of a room that counts as free at least, as no more than that wait.
const fewest = model.Backlog

// rooms is what a machine knows of its pods' rooms.
type rooms struct {
	quiet    int64    // up to this milli-CPU wanted in all nobody waits for a core
	threads  int64    // that work on a request, the most of any container there ever was
	told     bool     // some pod has been told one
	awaited  bool     // somebody is going to look,
	lookAt   sim.Time // then
	lookedAt sim.Time // when somebody did last,
	looks    int      // so often
	pause    time.Duration
}

// quieten finds out up to what is wanted nobody waits for a core.
func (m *Machine) quieten() {
	cores, threads := m.shared(), max(m.rooms.threads, 1)
	quiet, most := int64(0), cores
	for quiet < most {
		half := quiet + (most-quiet+1)/2
		if model.Stretch(cores/threads, (cores-half)/threads) <= full+asFree {
			quiet = half
		} else {
			most = half - 1
		}
	}
	m.rooms.quiet = quiet
}

// busy tells whether requests may wait for a core.
func (m *Machine) busy() bool { return m.wanted > m.rooms.quiet }

// reroom has somebody look at the rooms once all that happens at this instant has.
func (m *Machine) reroom() {
	if m.on && m.cores > 0 && m.serving != nil && !m.rooms.awaited && (m.rooms.told || m.busy() && slices.ContainsFunc(m.pods, served)) {
		m.lookForRoom(m.kernel.Now())
	}
}

// served tells whether requests come to a pod.
func served(s *Sandbox) bool { return s != nil && s.inflow != nil }

func (m *Machine) lookForRoom(at sim.Time) {
	m.rooms.awaited, m.rooms.lookAt = true, at
	m.kernel.Post(at, m.self, whyRoom, 0)
}

// roomsDue looks, and tells who sends to pods that have another room now.
func (m *Machine) roomsDue(now sim.Time) {
	r := &m.rooms
	if !r.awaited || r.lookAt != now {
		return
	}
	if r.lookedAt != now {
		if r.looks < mostLooks {
			r.pause = leastPause
		}
		r.looks, r.lookedAt = 0, now
	}
	r.awaited = false
	if r.looks++; m.findRooms(r.looks > wholeLooks) && r.looks >= mostLooks {
		m.lookForRoom(now.Add(r.pause))
		r.pause = min(2*r.pause, mostPause)
	}
}

// findRooms finds the rooms of all pods that requests come to, and tells whether one of them is
// told now. If they go to and fro, it comes half way to meet them.
func (m *Machine) findRooms(halfway bool) (told bool) {
	m.group()
	root := m.slices()
	roomIn(root[:], m.shared())
	for i := range root {
		if root[i].of == podsSlice {
			roomIn(m.top, root[i].gets)
		}
	}
	m.rooms.told = false
	for i := range m.top {
		switch g := &m.top[i]; g.of {
		case burstableTier:
			roomIn(m.burstable, g.gets)
		case bestEffortTier:
			roomIn(m.best, g.gets)
		}
	}
	for _, groups := range [...][]group{m.top, m.burstable, m.best} {
		for i := range groups {
			if of := groups[i].of; of >= 0 && m.tellRoom(m.pods[of], groups[i].gets, halfway) {
				told = true
			}
		}
	}
	return told
}

// roomIn computes what each group would get of so much if it wanted all of it.
func roomIn(groups []group, milli int64) {
	byNeed(groups)
	var wants, weights int64
	for i := range groups {
		wants, weights = wants+groups[i].wants, weights+groups[i].weight
	}
	for i := range groups {
		g, most := &groups[i], len(groups)-1
		if most == i {
			most--
		}
		left, weight := milli-(wants-g.wants), weights
		if most < 0 || left > 0 && groups[most].wants*g.weight <= left*groups[most].weight { // nobody wants more than a fair part
			g.gets = left
			continue
		}
		left = milli
		for j := range groups {
			if x := &groups[j]; j != i {
				if x.wants*weight > left*x.weight {
					break
				}
				left, weight = left-x.wants, weight-x.weight
			}
		}
		g.gets = left * g.weight / weight
	}
}

// demand is what a pod's requests need, and what else the containers use that they pass through; besides
// that the pod uses so many milli-CPU. None need anything of the cores that all share if each is 0.
func (s *Sandbox) demand() (d demand, rest int64) {
	for i := range s.Processes {
		p := &s.Processes[i]
		if !p.Running || p.pinned {
			continue
		}
		if p.perRPS == 0 {
			rest += p.rest + p.burstCPU
			continue
		}
		x := s.demandOf(i)
		d.threads, d.each, d.rest = max(d.threads, x.threads), d.each+x.each, d.rest+x.rest
		if d.abreast == 0 || x.abreast < d.abreast {
			d.abreast = x.abreast
		}
	}
	return d, rest
}

// short tells whether a pod gets less than it wants.
func (m *Machine) short(s *Sandbox) bool {
	if !m.crowded {
		return false
	}
	gets := int64(0)
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running && !p.pinned {
			gets += p.meter.cpu
		}
	}
	return gets < s.wants()
}

// tellRoom has those who send to a pod know of its room, if it is another one than they know, and
// tells whether it is.
func (m *Machine) tellRoom(s *Sandbox, room int64, halfway bool) bool {
	was := s.room
	d, _ := s.demand()
	switch {
	case d.each == 0 || s.inflow == nil:
		s.room = 0
	case m.short(s): // which they know
		s.room = max(room, 1)
		m.rooms.told = true
		if was > 0 {
			return false
		}
	default:
		s.room = m.step(s, d.threads, room, halfway)
	}
	m.rooms.told = m.rooms.told || s.room > 0
	if s.room != was {
		m.serving.CapacityChanged(s.Pod.Ref())
	}
	return s.room != was
}

// step is the room that those know who send to a pod: that which they know if it makes nearly no
// difference, else the roundest one that does not, or 0 if nobody waits there.
func (m *Machine) step(s *Sandbox, threads, room int64, halfway bool) int64 {
	cores, wants := m.shared()/threads, s.wants()
	takes := func(room int64) int64 {
		if room == 0 {
			return full
		}
		return model.Stretch(cores, max(room-wants, room/fewest)/threads)
	}
	is := takes(max(room, 1))
	switch off := takes(s.room) - is; {
	case !m.busy():
		return 0
	case max(off, -off) <= scale(is, another, full):
		return s.room
	case is <= full+asFree:
		return 0
	}
	if halfway && s.room > 0 {
		room = s.room + (room-s.room)/2
		is = takes(max(room, 1))
	}
	for k := bits.Len64(uint64(max(room-wants, 0))) - 1; k > 0; k-- {
		round := (room + 1<<(k-1)) >> k << k
		if off := takes(round) - is; round > wants && max(off, -off) <= scale(is, asFree, full) {
			return round
		}
	}
	return max(room, 1)
}

// Room is how many requests per second, in thousandths, there is room for on the machine's cores
// as others use them, and of how many requests those do some at a time, in thousandths; 0 if
// nobody waits for them. If the pod gets less than it wants, the first is none: Capacity
// says it.
func (m *Machine) Room(pod uint32) (room model.Capacity, cores int64) {
	s := m.Sandbox(pod)
	if s == nil || s.room == 0 {
		return room, 0
	}
	d, rest := s.demand()
	switch {
	case d.each == 0:
		return room, 0
	case m.short(s):
		return room, m.shared() / d.threads
	}
	room = d.serves(max(s.room-rest, 0))
	room.MilliRPS = max(room.MilliRPS, 1)
	return room, m.shared() / d.threads
}

package runtime

import (
	"orrery/sim"
)

// When a pod has as many processes as it may, fork fails (EAGAIN): what runs goes on, no
// container of it starts, and of requests that need a process or a thread each it can
// serve no more than it has some for. While others of its processes become more, that is
// looked at again with every twentieth that is gone.

// fork has a container have so many processes more for requests that arrive, in
// thousandths per second.
func (m *Machine) fork(s *Sandbox, i int, milliRPS int64) {
	p := &s.Processes[i]
	if p.extra == nil {
		return
	}
	p.extra.pidsLoaded = scale(p.extra.pidsMilliPerRPS, milliRPS, micro)
	for j := range s.Processes {
		m.aimForks(s, j)
	}
	m.diskChanged()
}

// aimForks computes how many processes a container may have for requests, and when that
// is looked at again.
func (m *Machine) aimForks(s *Sandbox, i int) {
	p, now := &s.Processes[i], m.kernel.Now()
	if p.extra == nil || p.extra.pidsMilliPerRPS == 0 || m.podPIDsLimit == 0 || !p.Running {
		return
	}
	x := p.extra
	var others, growth int64
	for j := range s.Processes {
		if q := &s.Processes[j]; q.extra != nil && q.Running {
			base := q.extra.pids
			if j != i {
				base += q.extra.pidsLoaded
			}
			others += line(base, q.extra.pidsGrowth, now.Sub(q.StartedAt))
			growth += 1000 * q.extra.pidsGrowth
		}
	}
	free := max(m.podPIDsLimit*micro-others, 0)
	was := x.room
	x.room = free / micro
	ahead := free - x.pidsLoaded*micro // until those that arrive now find too few
	if ahead <= 0 {
		ahead = max(free/20, micro)
	}
	if x.lookAt = scarceAt(now, ahead, growth, 0); growth > 0 && free > 0 {
		m.kernel.Post(x.lookAt, m.self, whyForks, uint64(i)<<32|uint64(s.Pod.ID))
	}
	if x.room != was && m.serving != nil {
		m.serving.CapacityChanged(s.Pod.Ref())
	}
}

// forksDue looks again.
func (m *Machine) forksDue(s *Sandbox, i int, now sim.Time) {
	if p := &s.Processes[i]; p.extra != nil && p.extra.lookAt == now {
		m.aimForks(s, i)
	}
}

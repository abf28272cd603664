package runtime

import (
	"time"

	"orrery/sim"
)

// The kubelet and the container runtime are processes, too: services in system.slice,
// which need CPU for every container they look after. If they get less than they need
// they fall behind, in each second by the part of it that they miss; all they do comes
// that much later, and when that is too late for the kubelet to hear of the runtime in
// time, it is as if there was none. How far behind they are shows once a second, and
// only while it changes.

const (
	// What daemons need, in milli-CPU, at rest and for each container that runs. Our
	// estimate, of the order of what providers reserve for a kubelet (GKE: 80m of four
	// cores).
	daemonsNeed     = 50
	daemonsNeedEach = 2
	daemonsWeight   = 2 * systemWeight // two services
	catchUp         = 2                // times what they need they want while they are behind: an estimate
	mostBehind      = 5 * time.Minute  // what is older they have given up: an estimate
	behindStep      = time.Second
	// A runtime that answers so late is as good as none: with the 5 s between two polls
	// of its status the newest good one is 30 s old (maxWaitForContainerRuntime). Real
	// calls wait longer, up to 2 minutes; here they fail at once.
	tooLate = 25 * time.Second
)

// daemons is how they fare.
type daemons struct {
	rest, each int64         // milli-CPU they need: at rest, and for each container
	needs      int64         // all together
	wants      int64         // that, or more while they are behind
	gets       int64         // of it
	behind     time.Duration // at since
	felt       time.Duration // that, in whole steps, as the kubelet feels it
	since      sim.Time
	lookAt     sim.Time // when it is looked at again, if it is later than now
}

// need has the daemons look after so many containers more, or fewer.
func (m *Machine) need(more int64) {
	m.running += more
	d := &m.daemons
	m.fallBehind(m.kernel.Now())
	d.needs = d.rest + d.each*m.running
	m.daemonsWant()
}

// daemonsWant computes what they would use.
func (m *Machine) daemonsWant() {
	d, was := &m.daemons, m.daemons.wants
	if d.wants = d.needs; d.behind > 0 {
		d.wants *= catchUp
	}
	if d.wants != was {
		m.wantBesides(d.wants - was)
	}
	m.watchDaemons()
}

// serve gives the daemons their part of the CPU.
func (m *Machine) serve(milli int64) {
	if d := &m.daemons; d.gets != milli {
		m.fallBehind(m.kernel.Now())
		d.gets = milli
		m.watchDaemons()
	}
}

// fallBehind computes how far behind they are now, or that they have caught up.
func (m *Machine) fallBehind(now sim.Time) {
	d := &m.daemons
	passed, missed := int64(now.Sub(d.since)), d.needs-d.gets
	switch d.since = now; {
	case missed > 0:
		d.behind = min(d.behind+time.Duration(scale(passed, missed, d.needs)), mostBehind)
	case d.behind > 0:
		d.behind = max(d.behind-time.Duration(scale(passed, -missed, d.needs)), 0)
	}
}

// watchDaemons looks again in a while, if that changes anything.
func (m *Machine) watchDaemons() {
	d, now := &m.daemons, m.kernel.Now()
	moves := d.gets < d.needs && d.behind < mostBehind || d.gets > d.needs && d.behind > 0
	if d.lookAt <= now && (moves || d.gets == d.needs && d.behind.Truncate(behindStep) != d.felt) {
		d.lookAt = now.Add(behindStep)
		m.kernel.Post(d.lookAt, m.self, whyBehind, 0)
	}
}

// daemonsDue looks how far behind the daemons are.
func (m *Machine) daemonsDue(now sim.Time) {
	d := &m.daemons
	if now != d.lookAt {
		return
	}
	m.fallBehind(now)
	if felt := d.behind.Truncate(behindStep); felt != d.felt {
		wasDown := m.RuntimeDown()
		d.felt = felt
		m.kubelet.DaemonsBehind()
		if down := m.RuntimeDown(); down != wasDown {
			if down {
				m.BreakOff()
			}
			m.turnRotation()
			m.kubelet.RuntimeChanged()
		}
	}
	m.daemonsWant()
}

// Behind is how much later than usual the daemons do what they do.
func (m *Machine) Behind() time.Duration { return m.daemons.felt }

// Creep has the daemons need more CPU, in milli, and more for each container, and
// others than containers use so many bytes of memory; negative is less.
func (m *Machine) Creep(milli, each, bytes int64) {
	if !m.on {
		return
	}
	d := &m.daemons
	d.rest, d.each = max(d.rest+milli, daemonsNeed), max(d.each+each, daemonsNeedEach)
	m.need(0)
	if bytes != 0 {
		m.outside = max(m.outside+bytes, 0)
		m.weigh()
	}
}

// newDaemons is those of a machine that has been off until now.
func newDaemons(now sim.Time) daemons {
	return daemons{rest: daemonsNeed, each: daemonsNeedEach, since: now}
}

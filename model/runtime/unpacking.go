package runtime

import (
	"time"

	"orrery/sim"
)

// To unpack a layer is to gunzip it, for which the container runtime wants a core, as gunzip
// has one thread. It is in system.slice, so pods have that much less of a machine that
// has no more; and if it gets less itself, the layer takes longer. Pulls that unpack side
// by side want a core each.

// unpackNeeds is the milli-CPU with which unpackRate is had, and no more.
const unpackNeeds = 1000

// unpacking tells whether a pull unpacks a layer at this time.
func (p *pull) unpacking(now sim.Time) bool {
	if !p.going || p.outcome != PulledNow || p.awaits != 0 {
		return false
	}
	for i := range p.parts {
		if x := &p.parts[i]; x.from <= now && now < x.from.Add(x.unpack) {
			return true
		}
	}
	return false
}

// recountUnpacking has the runtime want CPU for the pulls that unpack now.
func (m *Machine) recountUnpacking() {
	now, wants := m.kernel.Now(), int64(0)
	for i := range m.pulls {
		if m.pulls[i].unpacking(now) {
			wants += unpackNeeds
		}
	}
	if more := wants - m.unpackWants; more != 0 {
		m.unpackWants = wants
		m.wantBesides(more)
	}
}

// shareAgents shares what the kubelet and the runtime get among what they do besides and
// unpacking, which is half of it if both want more.
func (m *Machine) shareAgents(milli int64) {
	groups := [...]group{{wants: m.daemons.wants, weight: systemWeight, of: daemonsWork}, {wants: m.unpackWants, weight: systemWeight, of: unpacking}}
	fill(groups[:], milli)
	for _, g := range groups {
		switch {
		case g.of == daemonsWork:
			m.serve(g.gets)
		case g.wants == 0:
			m.setUnpackPace(full)
		default:
			m.setUnpackPace(max(scale(g.gets, full, g.wants), 1))
		}
	}
}

// serveAgents gives the daemons, what unpacks images, and other processes of the system all the
// CPU that they want.
func (m *Machine) serveAgents() {
	m.burns = m.burnt
	m.serve(m.daemons.wants)
	m.setUnpackPace(full)
}

// setUnpackPace has layers be unpacked at another pace from now on, in millionths.
func (m *Machine) setUnpackPace(pace int64) {
	was := m.unpackPace
	if pace == was {
		return
	}
	m.unpackPace = pace
	m.repaceUnpacking(was, pace)
}

// repaceUnpacking has layers that are or will be unpacked go on at another pace from now on,
// because of the CPU or of the disk: is instead of was, in millionths.
func (m *Machine) repaceUnpacking(was, is int64) {
	for i := range m.pulls {
		p := &m.pulls[i]
		if !p.going || p.outcome != PulledNow || p.awaits != 0 {
			continue
		}
		m.stretchUnpacking(p, was, is)
		if p.each > 0 {
			p.doneAt = p.unpacksBy()
		}
		m.followWrites(p)
		if p.each > 0 {
			m.postPull(p)
		}
	}
	m.aimWaiting()
	if len(m.pulls) > 0 {
		m.diskChanged()
	}
}

// stretchUnpacking has what a pull has still to unpack take as long as it does at a pace,
// where it was another one.
func (m *Machine) stretchUnpacking(p *pull, was, is int64) {
	now := m.kernel.Now()
	if p.each > 0 {
		p.unpackUntil(now)
	}
	for i := range p.parts {
		x := &p.parts[i]
		end := x.from.Add(x.unpack)
		switch {
		case i >= p.next: // it has not begun
			x.unpack = stretch(x.unpack, was, is)
			continue
		case end <= now:
		case x.from <= now:
			x.written += scale(x.bytes-x.written, int64(now.Sub(x.from)), int64(x.unpack))
			x.from, x.unpack = now, stretch(end.Sub(now), was, is)
		default: // it waits for the one below
			x.from, x.unpack = p.unpackedAt, stretch(x.unpack, was, is)
		}
		p.unpackedAt = x.from.Add(x.unpack)
	}
}

// unpackTime is how long a layer takes that takes d with a core and a disk that is not slow.
func (m *Machine) unpackTime(d time.Duration) time.Duration {
	return stretch(m.onDisk(d), full, m.unpackPace)
}

package runtime

import (
	"time"

	"orrery/sim"
)

// A hog is a process of the system that uses more and more memory, page by page, until it
// has what it wants, as the tools do that stress machines: Chaos Mesh's memStress and
// stress-ng's vm. At the machine's last byte the kernel kills whom it will, by badness; if
// that is the hog, who started it starts it again, and it begins anew (memStress main.go,
// within a second; stress-ng: "assuming killed by OOM killer, restarting again").
type hog struct {
	number int64
	bytes  int64 // it wants
	each   int64 // bytes more every second
	adjust int64 // its oom_score_adj
	from   sim.Time
}

const (
	// hogAgain is after how long a hog that was killed begins anew: memStress tries once a
	// second.
	hogAgain = time.Second
	// HogPace is how many bytes a second a process can touch for the first time that does
	// nothing else: our estimate of what it takes to clear pages.
	HogPace = 1 << 30
)

// line is what a hog has, and how much more every second.
func (h *hog) line(now sim.Time) (bytes, growth int64) {
	if now < h.from {
		return 0, 0
	}
	if bytes = scale(h.each, int64(now.Sub(h.from)), int64(time.Second)); bytes >= h.bytes {
		return h.bytes, 0
	}
	return bytes, h.each
}

// bends is when that changes next.
func (h *hog) bends(now sim.Time) sim.Time {
	full := h.from.Add(time.Duration(scale(h.bytes, int64(time.Second), h.each))).Add(1)
	switch {
	case now < h.from:
		return h.from
	case now < full:
		return full
	}
	return sim.Never
}

// hogs is all of a machine.
type hogs struct {
	all    []hog
	last   int64    // numbers them
	bendAt sim.Time // when what they use becomes another line
}

// line is what all of them have, and how much more every second.
func (h *hogs) line(now sim.Time) (bytes, growth int64) {
	for i := range h.all {
		b, g := h.all[i].line(now)
		bytes, growth = bytes+b, growth+g
	}
	return bytes, growth
}

// bends is when that changes next.
func (h *hogs) bends(now sim.Time) sim.Time {
	at := sim.Never
	for i := range h.all {
		at = min(at, h.all[i].bends(now))
	}
	return at
}

// Take has a process of the system use memory until that share of it is used, in
// millionths, by what others use now; it takes so long, or as long as it has to if that is
// more. It has an oom_score_adj. Take returns its number, for Return, 0 if so much is used
// already.
func (m *Machine) Take(ppm int64, over time.Duration, adjust int64) int64 {
	now := m.kernel.Now()
	used, _ := m.usedByPods(now)
	outside, _ := m.outsideLine(now)
	more := scale(m.memory, ppm, full) - outside - used
	if more <= 0 || !m.on {
		return 0
	}
	each := int64(HogPace)
	if over > 0 {
		each = max(min(each, scale(more, int64(time.Second), int64(over))), 1)
	}
	m.hogs.last++
	m.hogs.all = append(m.hogs.all, hog{m.hogs.last, more, each, adjust, now})
	m.weigh()
	return m.hogs.last
}

// Return ends that process, if it is still there.
func (m *Machine) Return(number int64) {
	for i := range m.hogs.all {
		if m.hogs.all[i].number == number {
			m.hogs.all = append(m.hogs.all[:i], m.hogs.all[i+1:]...)
			m.weigh()
			return
		}
	}
}

// outsideLine is what others than containers use, and how much more every second.
func (m *Machine) outsideLine(now sim.Time) (bytes, growth int64) {
	bytes, growth = m.hogs.line(now)
	return m.outside + bytes, growth
}

// others is what pods cannot have, and how much more every second: what others use, or
// what is reserved for them.
func (m *Machine) others(now sim.Time) (bytes, growth int64) {
	if bytes, growth = m.outsideLine(now); bytes < m.reservedMemory {
		return m.reservedMemory, 0
	}
	return bytes, growth
}

// watchHogs weighs again when what others use becomes another line.
func (m *Machine) watchHogs(now sim.Time) {
	at := m.hogs.bends(now)
	if bytes, growth := m.outsideLine(now); growth > 0 && bytes < m.reservedMemory {
		at = min(at, now.Add(time.Duration(scale(m.reservedMemory-bytes, int64(time.Second), growth))).Add(1))
	}
	if at != m.hogs.bendAt {
		m.hogs.bendAt = at
		m.kernel.Post(at, m.self, whyHog, 0)
	}
}

// hogsDue weighs again.
func (m *Machine) hogsDue(now sim.Time) {
	if now == m.hogs.bendAt {
		m.weigh()
	}
}

// worstHog is the hog of the largest badness, nil if there is none that can be killed.
func (m *Machine) worstHog(now sim.Time) (worst *hog, badness int64) {
	total := m.oomTotal(now)
	for i := range m.hogs.all {
		h := &m.hogs.all[i]
		bytes, _ := h.line(now)
		if bad := bytes + h.adjust*(total/1000); bytes > 0 && h.adjust > -1000 && (worst == nil || bad > badness) {
			worst, badness = h, bad
		}
	}
	return worst, badness
}

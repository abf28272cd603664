package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// A pull asks the registry for the image's manifest, downloads and unpacks; how fast the
// download goes is said in download.go.

// full is the share of something that nothing takes from, in millionths.
const full = 1_000_000

// dialTimeout is after how long a connection is given up that nobody answers;
// stallTimeout after how long a download of which nothing arrives
// (containerd internal/cri/config image_pull_progress_timeout; net/http's
// DefaultTransport).
const (
	dialTimeout  = 30 * time.Second
	timerLate    = time.Millisecond // at most, a timer: who asks at a tick does not hear at one
	stallTimeout = 5 * time.Minute
)

type pull struct {
	pod, image uint32
	bytes      int64 // to be downloaded
	size       int64 // of the image
	begunAt    sim.Time
	unpack     time.Duration
	asksAt     sim.Time // for the first byte
	from       sim.Time // from when on the parts have that left
	loadedAt   sim.Time // when it is downloaded
	doneAt     sim.Time
	wakesAt    sim.Time // when the machine looks again, no later than at the next of these
	outcome    Outcome
	going      bool
	own        int64   // bytes a second that each of its streams has where nothing is narrower
	flow               // as things are
	nth        uint64  // of the machine's pulls: its luck
	opening    bool    // it has no connection yet
	lost       int     // packets that were to open it, and were dropped
	awaits     uint32  // the layer that another pull brings and this one waits for; 0 if it does not
	taken      []layer // that were here, and stay until the pull has ended

	// Its layers that have to come, how many of them are unpacked or being unpacked, until
	// when, and when what is written to the disk changes.
	parts      []part
	next       int
	unpackedAt sim.Time
	writesAt   sim.Time
}

// Pull asks for the image of a pod's container. A machine pulls as many images at a
// time as its kubelet is set up for, one by default; the others wait in line
// (serializeImagePulls; pkg/kubelet/images/puller.go). The Observer is told the
// outcome.
func (m *Machine) Pull(pod *model.Pod, c *model.Container) {
	b := m.behaviors.For(pod, c.Name)
	image := m.registry.image(c.Image)
	p, bytes := pull{pod: pod.ID, image: image}, m.registry.size(image, b.ImageBytes)
	p.bytes, p.size = bytes, bytes
	if layers := m.registry.layers[image]; len(layers) > 0 {
		p.size = total(layers)
	}
	m.pulls = append(m.pulls, p)
	m.beginPulls()
}

// CancelPulls drops all of them: who asked is gone, or the runtime breaks off what it
// did.
func (m *Machine) CancelPulls() {
	for i := range m.pulls {
		m.release(m.pulls[i].taken)
	}
	m.pulls = m.pulls[:0]
	m.recountUnpacking()
	m.reshare()
}

// beginPulls begins those that need not wait.
func (m *Machine) beginPulls() {
	going := 0
	for i := range m.pulls {
		if going == m.parallel {
			return
		}
		if p := &m.pulls[i]; !p.going {
			m.beginPull(p)
		}
		going++
	}
}

// beginPull begins one.
func (m *Machine) beginPull(p *pull) {
	now := m.kernel.Now()
	p.nth = m.pulled
	m.pulled++
	p.going, p.begunAt, p.loadedAt = true, now, now
	if !m.bucket.take(now) {
		p.outcome, p.doneAt = PullTooFast, now
		m.postPull(p)
		return
	}
	m.connect(p)
}

// dialled is after how long the packet that opens a connection is sent again which was lost
// so often, or given up.
func dialled(lost int) time.Duration {
	if lost < len(model.SYNs) {
		return min(model.SYNs[lost], dialTimeout)
	}
	return dialTimeout
}

// connect opens the connection of a pull. What is to open it is lost while nobody answers for
// the registry, and a full conntrack table drops it as it drops any that is new; the
// registry's client gives it up after dialTimeout.
func (m *Machine) connect(p *pull) {
	p.opening = m.offline || m.registry.door(p.image).dead()
	if !p.opening && m.untracked > 0 {
		luck := m.costs.pull.Draw(uint64(m.node)|uint64(p.lost+1)<<32, p.nth)
		p.opening = luck.Below(Million) < uint64(m.untracked)
	}
	if !p.opening {
		m.ask(p)
		return
	}
	next := dialled(p.lost)
	p.outcome, p.doneAt = PullTimedOut, p.begunAt.Add(next)
	p.lost++
	if p.opening = next < dialTimeout; !p.opening {
		luck := m.costs.pull.Draw(uint64(m.node), p.nth)
		p.doneAt = p.doneAt.Add(luck.Duration(0, timerLate))
	}
	m.postPull(p)
}

// ask asks the registry. An image whose layers are all here costs only that question.
func (m *Machine) ask(p *pull) {
	r, now := m.registry.door(p.image), m.kernel.Now()
	luck := m.costs.pull.Draw(uint64(m.node), p.nth)
	refused := m.costs.pull.Draw(^uint64(m.node), p.nth)
	p.outcome, p.from, p.loadedAt = PulledNow, now, now
	switch {
	case r.down:
		p.outcome, p.doneAt = PullFailed, now.Add(refuseTime.Draw(&luck))
	case r.limited > 0 && refused.Below(full) < uint64(r.limited):
		p.outcome, p.doneAt = PullLimited, now.Add(resolveTime.Draw(&luck))
	case m.registry.missing[p.image] > 0:
		p.outcome, p.doneAt = PullNotFound, now.Add(resolveTime.Draw(&luck))
	case m.cached(p.image):
		p.outcome, p.doneAt = PullNeedless, now.Add(resolveTime.Draw(&luck))
	default:
		p.from = now.Add(resolveTime.Draw(&luck))
		m.bring(p, &luck)
		return
	}
	m.postPull(p)
}

// bring downloads and unpacks what is not here of an image, unless another pull brings the
// lowest of these layers.
func (m *Machine) bring(p *pull, luck *sim.Stream) {
	layers := m.take(p)
	if m.await(p, layers) {
		return
	}
	if len(m.disk.errors) > 0 {
		m.leaveUnwritten(p)
		return
	}
	p.own = streamSpeed(luck)
	p.unpack = m.unpackTime(spread(unpacked(p.bytes), unpackRate, 3, luck))
	p.asksAt, p.unpackedAt, p.writesAt = p.from, p.from, sim.Never
	if len(layers) > 0 {
		p.parts = partsOf(layers, p.unpack)
	} else {
		p.parts = []part{{number: p.whole(), left: p.bytes, streams: mostStreams, unpack: p.unpack, from: sim.Never, bytes: unpacked(p.bytes)}}
	}
	p.loadedAt = sim.Never
	m.setFlow(p, m.alone(p))
	if p.from <= m.kernel.Now() {
		m.reshare()
	}
}

// total is the bytes of all of them.
func total(layers []layer) (bytes int64) {
	for i := range layers {
		bytes += layers[i].bytes
	}
	return bytes
}

// postPull has the machine look at a pull again when something of it is due.
func (m *Machine) postPull(p *pull) {
	now, at := m.kernel.Now(), p.doneAt
	if m.shares() && p.outcome == PulledNow && p.awaits == 0 {
		if at = min(at, p.sparesAt(now)); p.from > now {
			at = min(at, p.from)
		}
	}
	if at == sim.Never || p.wakesAt > now && p.wakesAt <= at {
		return
	}
	p.wakesAt = at
	m.kernel.Post(at, m.self, whyPull, uint64(p.pod))
}

// pullDue serves what is due about the pull of a pod: its end, or that its download begins or
// leaves others more.
func (m *Machine) pullDue(now sim.Time, pod uint32) {
	for i := range m.pulls {
		p := &m.pulls[i]
		if !p.going || p.pod != pod || p.wakesAt > now {
			continue
		}
		switch {
		case p.doneAt != now:
			if now == p.asksAt || p.spares(now) {
				m.reshare()
			}
			m.postPull(p)
			continue
		case p.opening:
			m.connect(p)
		case p.awaits != 0:
			m.resume(p)
		default:
			ended := *p
			m.pulls = append(m.pulls[:i], m.pulls[i+1:]...)
			m.endPull(&ended)
		}
		return
	}
}

func (m *Machine) endPull(p *pull) {
	switch {
	case p.outcome != PulledNow:
	case p.each == 0:
		p.outcome = PullTimedOut
	case m.cached(p.image):
		p.outcome = PullNeedless // another pull was faster
	case m.disk.size > 0 && m.DiskFree(m.kernel.Now()) < unpacked(p.bytes):
		p.outcome = PullNoSpace
	default:
		m.cache(p.image, p.size)
	}
	m.release(p.taken)
	m.resumeWaiting()
	if len(p.parts) > 0 {
		m.recountUnpacking()
		m.diskChanged()
	}
	m.beginPulls()
	m.kubelet.Pulled(p.pod, Pull{p.outcome, p.begunAt, p.size})
}

// SetOffline has what the machine asks of the registry be lost, or not any more.
func (m *Machine) SetOffline(offline bool) {
	m.offline = offline
	if offline {
		m.loseAnswers(nil)
	}
	m.reshare()
}

// loseAnswers has those wait for a timeout that would only hear that all is here, from a
// registry, or of all if that is nil.
func (m *Machine) loseAnswers(of *door) {
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going && p.outcome == PullNeedless && (of == nil || of == m.registry.door(p.image)) {
			p.outcome, p.doneAt = PullTimedOut, m.kernel.Now().Add(dialTimeout)
			m.postPull(p)
		}
	}
}

// breakOff makes the pulls fail that wait for a registry: not who only unpacks.
func (m *Machine) breakOff(of *door) {
	now := m.kernel.Now()
	for i := range m.pulls {
		p := &m.pulls[i]
		if !p.going || of != m.registry.door(p.image) || p.outcome != PullNeedless && (p.outcome != PulledNow || now >= p.loadedAt) {
			continue
		}
		luck := m.costs.pull.Draw(uint64(m.node), m.pulled)
		m.pulled++
		p.outcome, p.doneAt = PullFailed, min(p.doneAt, now.Add(refuseTime.Draw(&luck)))
		m.postPull(p)
	}
}

package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// A pull asks the registry for the image's manifest, downloads and unpacks. Only the
// download depends on others, so of a pull under way its speed and how much of it is
// left decide when it ends, and only changes of the speed are looked at: a fault of
// the registry, and where downloads share a bandwidth the beginning and end of each.

// full is the pace of a download that nothing slows, in millionths.
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
	left       time.Duration // of the download, at full pace, from from on
	unpack     time.Duration
	from       sim.Time
	loadedAt   sim.Time // when it is downloaded
	doneAt     sim.Time
	pace       int64 // of the download, in millionths; 0 if nothing arrives
	outcome    Outcome
	going      bool
	nth        uint64  // of the machine's pulls: its luck
	opening    bool    // it has no connection yet
	lost       int     // packets that were to open it, and were dropped
	awaits     uint32  // the layer that another pull brings and this one waits for; 0 if it does not
	taken      []layer // that were here, and stay until the pull has ended

	// Its layers that have to come, how many of them are unpacked or being unpacked, until
	// when, how long the download has been going at full pace, at from, and when what is
	// written to the disk changes.
	parts      []part
	next       int
	unpackedAt sim.Time
	loaded     time.Duration
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
	p.going, p.pace, p.begunAt, p.loadedAt = true, full, now, now
	if !m.bucket.take(now) {
		p.outcome, p.doneAt = PullTooFast, now
		m.postPull(p, p.doneAt)
		return
	}
	m.connect(p)
}

// dials is when the kernel sends the packet again that opens a connection, while somebody
// waits for it: after 1, 3, 7 and 15 s (include/net/tcp.h TCP_TIMEOUT_INIT, which doubles);
// and when that is given up.
var dials = [...]time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, dialTimeout}

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
	p.outcome, p.doneAt = PullTimedOut, p.begunAt.Add(dials[p.lost])
	p.lost++
	if p.opening = p.lost < len(dials); !p.opening {
		luck := m.costs.pull.Draw(uint64(m.node), p.nth)
		p.doneAt = p.doneAt.Add(luck.Duration(0, timerLate))
	}
	m.postPull(p, p.doneAt)
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
	m.postPull(p, p.doneAt)
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
	p.left = spread(p.bytes, downloadRate, 4, luck)
	p.unpack = m.unpackTime(spread(unpacked(p.bytes), unpackRate, 3, luck))
	p.unpackedAt, p.writesAt = p.from, sim.Never
	p.parts = []part{{number: p.whole(), load: p.left, unpack: p.unpack, from: sim.Never, bytes: unpacked(p.bytes)}}
	if len(layers) > 0 {
		p.parts = schedule(layers, p.left, p.unpack)
		for _, x := range p.parts {
			p.left = max(p.left, x.load)
		}
	}
	p.loadedAt = sim.Never
	m.setPace(p, m.paceFor(p, 1, full))
	if m.shares() {
		m.postPull(p, p.from)
	}
}

// total is the bytes of all of them.
func total(layers []layer) (bytes int64) {
	for i := range layers {
		bytes += layers[i].bytes
	}
	return bytes
}

func (m *Machine) postPull(p *pull, at sim.Time) { m.kernel.Post(at, m.self, whyPull, uint64(p.pod)) }

// cut tells whether nothing arrives for a pull, because its machine has no connection or its
// registry is down.
func (m *Machine) cut(p *pull) bool { return m.offline || m.registry.door(p.image).down }

// paceFor is the pace of a download, in millionths: one of n that share the machine's
// connection, of which a registry that is not slow sends each no faster than most. Whatever is
// narrower decides, the connection or the registry.
func (m *Machine) paceFor(p *pull, n, most int64) int64 {
	if m.cut(p) {
		return 0
	}
	return max(min(m.link/n, scale(most, m.registry.door(p.image).pace, full)), 1)
}

// setPace has a download go on at another pace. One that stalls is given up after a while;
// if the way is back until then it goes on at once, where TCP would wait for the next
// retransmission.
func (m *Machine) setPace(p *pull, pace int64) {
	now := m.kernel.Now()
	if now >= p.loadedAt || p.outcome != PulledNow || p.awaits != 0 || pace == p.pace && (p.loadedAt != sim.Never || pace == 0) {
		return
	}
	if now > p.from {
		if p.pace > 0 {
			p.unpackUntil(now)
		}
		came := min(time.Duration(scale(int64(now.Sub(p.from)), p.pace, full)), p.left)
		p.left, p.loaded, p.from = p.left-came, p.loaded+came, now
	}
	if p.pace = pace; pace == 0 {
		for i := p.next; i < len(p.parts); i++ {
			p.parts[i].from = sim.Never
		}
		p.loadedAt, p.doneAt = sim.Never, now.Add(stallTimeout)
		if p.loaded == 0 && p.from >= now { // nothing was asked for yet
			p.doneAt = now.Add(dialTimeout)
		}
		m.postPull(p, p.doneAt)
		return
	}
	p.loadedAt = p.from.Add(time.Duration(scale(int64(p.left), full, pace)))
	p.doneAt = p.unpacksBy()
	m.followWrites(p)
	m.postPull(p, p.doneAt)
	if m.shares() {
		m.postPull(p, p.loadedAt)
	}
}

// shares tells whether downloads of this machine share a bandwidth with others.
func (m *Machine) shares() bool { return m.parallel > 1 || m.registry.Bandwidth > 0 }

// downloads is how many are under way and do not stall.
func (m *Machine) downloads(now sim.Time) (n int64) {
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going && p.outcome == PulledNow && p.from <= now && now < p.loadedAt && !m.cut(p) {
			n++
		}
	}
	return n
}

// share gives every download of the machine its part of the machine's connection,
// but no more than the registry sends each.
func (m *Machine) share(now sim.Time, most int64) {
	n := max(m.downloads(now), 1)
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going {
			m.setPace(p, m.paceFor(p, n, most))
		}
	}
	m.aimWaiting()
}

// share gives all downloads their parts. What a machine cannot use of its part of the
// registry's bandwidth, others do not get.
func (r *Registry) share(now sim.Time) {
	most := int64(full)
	if r.Bandwidth > 0 {
		var all int64
		for _, m := range r.machines {
			all += m.downloads(now)
		}
		most = min(scale(r.Bandwidth, full, downloadRate*max(all, 1)), full)
	}
	for _, m := range r.machines {
		if len(m.pulls) > 0 {
			m.share(now, most)
		}
	}
}

// pullDue serves what is due about the pull of a pod: its end, or a change of who
// downloads.
func (m *Machine) pullDue(now sim.Time, pod uint32) {
	for i := range m.pulls {
		if p := m.pulls[i]; p.going && p.pod == pod && p.doneAt == now {
			switch {
			case p.opening:
				m.connect(&m.pulls[i])
				return
			case p.awaits != 0:
				m.resume(&m.pulls[i])
				return
			}
			m.pulls = append(m.pulls[:i], m.pulls[i+1:]...)
			m.endPull(&p)
			return
		}
	}
	switch {
	case m.registry.Bandwidth > 0:
		m.registry.share(now)
	case m.parallel > 1:
		m.share(now, full)
	}
}

func (m *Machine) endPull(p *pull) {
	switch {
	case p.outcome != PulledNow:
	case p.pace == 0:
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
	m.registry.share(m.kernel.Now())
}

// loseAnswers has those wait for a timeout that would only hear that all is here, from a
// registry, or of all if that is nil.
func (m *Machine) loseAnswers(of *door) {
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going && p.outcome == PullNeedless && (of == nil || of == m.registry.door(p.image)) {
			p.outcome, p.doneAt = PullTimedOut, m.kernel.Now().Add(dialTimeout)
			m.postPull(p, p.doneAt)
		}
	}
}

// SetLink leaves downloads a share of the machine's connection, in millionths.
func (m *Machine) SetLink(ppm int64) {
	m.link = ppm
	m.registry.share(m.kernel.Now())
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
		m.postPull(p, p.doneAt)
	}
}

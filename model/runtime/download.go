package runtime

import (
	"time"

	"orrery/sim"
)

// A download is up to three streams at a time, one for each layer. A stream has a speed of
// its own, which is what the registry and the way give it and is drawn for each pull, and the
// streams of a machine share its connection, those of all machines the registries' bandwidth:
// each as much as the others, and what one does not need goes to the others. No draw makes
// them faster than what they share. So of a pull under way the speed of its streams and what
// of its layers is left decide when it ends, and only changes are looked at: a fault, and
// where downloads share something the beginning of each, and when one has fewer streams.

// What a stream has, and what a machine, is our choice within what has been measured: 25 MB/s
// of ECR for a stream (containerd issue 8160), 25 to 60 for others, and 60 to 150 for a
// machine. In one of a hundred pulls a stream has a quarter of the usual, or less.
const (
	streamRate  = 40_000_000 // bytes a second, of half of the pulls less
	streamMost  = 60_000_000
	streamTimes = 4
	linkRate    = 80_000_000 // of a machine's downloads together
)

// streamSpeed is the speed of its own of each of a pull's streams, in bytes a second.
func streamSpeed(luck *sim.Stream) int64 {
	takes := spread(streamRate, streamRate, streamTimes, luck)
	return min(scale(streamRate, int64(time.Second), int64(takes)), streamMost)
}

// flow is how fast a download goes, in bytes a second: what each of its streams has at most, 0 if
// nothing arrives, and what all together.
type flow struct{ each, all int64 }

// streams is how many a download has now.
func (p *pull) streams(now sim.Time) (n int64) {
	for i := range p.parts {
		if x := &p.parts[i]; x.loadedAt > now {
			n = min(n+x.streams, mostStreams)
		}
	}
	return n
}

// spares tells whether a download has fewer streams from now on, as things are.
func (p *pull) spares(now sim.Time) bool { return p.streams(now) < p.streams(now-1) }

// sparesAt is when it has so next.
func (p *pull) sparesAt(now sim.Time) sim.Time {
	next := sim.Never
	for i := range p.parts {
		if at := p.parts[i].loadedAt; at > now && at < next && p.spares(at) {
			next = at
		}
	}
	return next
}

// advance has the parts of a download come until then, as things are, and says when those came
// that did.
func (p *pull) advance(until sim.Time) {
	for p.from < until {
		streams, next := int64(0), len(p.parts)
		for i := range p.parts {
			if x := &p.parts[i]; x.left > 0 {
				if streams += x.streams; streams == mostStreams {
					next = i + 1
					break
				}
			}
		}
		if streams == 0 || p.each == 0 {
			p.from = until
			return
		}
		each, step := max(min(p.each, p.all/streams), 1), until.Sub(p.from)
		for i := range next {
			if x := &p.parts[i]; x.left > 0 {
				step = min(step, x.takes(each))
			}
		}
		p.from = p.from.Add(step)
		for i := range next {
			if x := &p.parts[i]; x.left > 0 {
				if x.left -= min(scale(each*x.streams, int64(step), int64(time.Second)), x.left); x.left == 0 {
					x.loadedAt = p.from
				}
			}
		}
	}
}

// takes is how long what is left of a part takes by streams of so many bytes a second.
func (x *part) takes(each int64) time.Duration {
	rate := each * x.streams
	d := scale(x.left, int64(time.Second), rate)
	if scale(d, rate, int64(time.Second)) < x.left {
		d++
	}
	return time.Duration(d)
}

// forecast is when the parts of a download will be there, as things are.
func (m *Machine) forecast(p *pull) {
	will := *p
	m.ahead = append(m.ahead[:0], p.parts...)
	will.parts = m.ahead
	will.advance(sim.Never)
	p.loadedAt = p.from
	for i := range p.parts {
		x := &p.parts[i]
		if x.left > 0 {
			x.loadedAt = will.parts[i].loadedAt
		}
		p.loadedAt = max(p.loadedAt, x.loadedAt)
	}
}

// cut tells whether nothing arrives for a pull, because its machine has no connection or its
// registry is down.
func (m *Machine) cut(p *pull) bool { return m.offline || m.registry.door(p.image).down }

// alone is the flow of a download with which nobody shares anything.
func (m *Machine) alone(p *pull) flow {
	if m.cut(p) {
		return flow{}
	}
	return flow{
		each: max(scale(p.own, m.registry.door(p.image).pace, full), 1),
		all:  max(scale(linkRate, m.link, full), 1),
	}
}

// setFlow has a download go on at another speed. One that stalls is given up after a while;
// if the way is back until then it goes on at once, where TCP would wait for the next
// retransmission.
func (m *Machine) setFlow(p *pull, f flow) {
	now := m.kernel.Now()
	if now > p.from {
		if p.each > 0 {
			p.unpackUntil(now)
		}
		p.advance(now)
	}
	if p.flow = f; f.each == 0 {
		for i := p.next; i < len(p.parts); i++ {
			p.parts[i].from = sim.Never
		}
		for i := range p.parts {
			if x := &p.parts[i]; x.left > 0 {
				x.loadedAt = sim.Never
			}
		}
		p.loadedAt, p.doneAt = sim.Never, now.Add(stallTimeout)
		if now <= p.asksAt {
			p.doneAt = now.Add(dialTimeout)
		}
		m.postPull(p)
		return
	}
	m.forecast(p)
	p.doneAt = p.unpacksBy()
	m.followWrites(p)
	m.postPull(p)
}

// shares tells whether downloads of this machine share something with others.
func (m *Machine) shares() bool { return m.parallel > 1 || m.registry.Bandwidth > 0 }

// reshare has everybody with whom the machine's downloads share something go as fast as they
// may now.
func (m *Machine) reshare() {
	switch {
	case m.registry.Bandwidth > 0:
		m.registry.share()
	case len(m.pulls) > 0:
		m.settle(m.claim(m.registry.claims[:0]))
	}
}

// share is that, for all machines.
func (r *Registry) share() {
	if r.Bandwidth == 0 {
		for _, m := range r.machines {
			m.reshare()
		}
		return
	}
	all := r.claims[:0]
	for _, m := range r.machines {
		all = m.claim(all)
	}
	r.level(all, r.Bandwidth)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].of == all[0].of {
			n++
		}
		all[0].of.settle(all[:n])
		all = all[n:]
	}
}

// claim is a download that goes on, of a machine, and how fast it may go.
type claim struct {
	of   *Machine
	pull *pull
	flow
}

// claim adds the machine's downloads, as fast as its connection lets them go.
func (m *Machine) claim(claims []claim) []claim {
	now, first := m.kernel.Now(), len(claims)
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going && p.outcome == PulledNow && p.awaits == 0 && now < p.loadedAt {
			claims = append(claims, claim{m, p, m.alone(p)})
		}
	}
	m.registry.claims = claims[:0]
	if mine := claims[first:]; len(mine) > 1 || m.registry.Bandwidth > 0 {
		m.registry.level(mine, scale(linkRate, m.link, full))
	}
	return claims
}

// level lets no stream of some downloads have more than the others of so many bytes a second,
// but what those do not need.
func (r *Registry) level(claims []claim, bytes int64) {
	groups, wanted := r.groups[:0], int64(0)
	for i, c := range claims {
		now := c.of.kernel.Now()
		if c.each == 0 || c.pull.from > now {
			continue
		}
		n := c.pull.streams(now)
		groups = append(groups, group{wants: c.each * n, weight: n, of: int32(i)})
		wanted += c.each * n
	}
	if r.groups = groups; wanted <= bytes {
		return
	}
	fill(groups, bytes)
	for _, g := range groups {
		claims[g.of].each = max(g.gets/g.weight, 1)
	}
}

// settle has downloads of the machine go as fast as they may.
func (m *Machine) settle(claims []claim) {
	for _, c := range claims {
		if c.flow != c.pull.flow {
			m.setFlow(c.pull, c.flow)
		}
	}
	m.aimWaiting()
}

// SetLink leaves downloads a share of the machine's connection, in millionths.
func (m *Machine) SetLink(ppm int64) {
	m.link = ppm
	m.reshare()
}

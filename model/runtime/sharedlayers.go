package runtime

import "orrery/sim"

// Pulls side by side bring no layer twice: who finds that the lowest layer which is missing
// is being brought by another pull waits until that has unpacked it, looks what is missing
// then, and downloads nothing before (containerd core/unpack/unpacker.go doUnpackFn,
// lockSnChainID, since v1.6.3). If the other fails, it brings the layer itself. A layer
// is the same one whatever lies below it; of those above one that it has to bring itself
// a pull waits for none, and they come twice.

// whole is the number of an image that nobody describes, as a layer.
func (p *pull) whole() uint32 { return 1<<31 | p.image }

// take keeps those layers of an image here that are, for the pull, and returns the others,
// each once.
func (m *Machine) take(p *pull) (missing []layer) {
	for _, l := range m.registry.layers[p.image] {
		switch {
		case has(p.taken, l.number) || has(missing, l.number):
		case m.keep(l):
			p.taken = append(p.taken, l)
		default:
			missing = append(missing, l)
		}
	}
	if len(m.registry.layers[p.image]) > 0 {
		p.bytes = total(missing)
	}
	return missing
}

func has(layers []layer, number uint32) bool {
	for i := range layers {
		if layers[i].number == number {
			return true
		}
	}
	return false
}

// keep has a layer that is on the disk stay there, and tells whether it is. One that a
// pull under way has unpacked is no longer only that one's.
func (m *Machine) keep(l layer) bool {
	for i := range m.layers {
		if m.layers[i].number == l.number {
			m.layers[i].users++
			return true
		}
	}
	o, x := m.bringer(l.number, nil)
	if o == nil || x.from.Add(x.unpack) > m.kernel.Now() {
		return false
	}
	m.layers = append(m.layers, layer{l.number, 1, x.bytes})
	o.bytes, x.bytes = o.bytes-l.bytes, 0
	return true
}

// bringer is the pull, other than p, that brings a layer, and that layer of it; nil if
// none does.
func (m *Machine) bringer(number uint32, p *pull) (*pull, *part) {
	for i := range m.pulls {
		o := &m.pulls[i]
		if o == p || !o.going || o.outcome != PulledNow || o.awaits != 0 {
			continue
		}
		for j := range o.parts {
			if o.parts[j].number == number {
				return o, &o.parts[j]
			}
		}
	}
	return nil, nil
}

// await has a pull wait for another one if that brings the lowest of its layers that are
// missing, and tells whether it does.
func (m *Machine) await(p *pull, missing []layer) bool {
	number := p.whole()
	if len(missing) > 0 {
		number = missing[0].number
	}
	if o, _ := m.bringer(number, p); o == nil {
		return false
	}
	p.awaits, p.doneAt = number, sim.Never
	m.aimWaiting()
	return true
}

// aimWaiting has pulls that wait for a layer look again when it will be unpacked, as things
// are.
func (m *Machine) aimWaiting() {
	for i := range m.pulls {
		p := &m.pulls[i]
		if p.awaits == 0 {
			continue
		}
		o, x := m.bringer(p.awaits, p)
		if o == nil {
			continue // resumeWaiting will see to it
		}
		if at := max(x.from.Add(x.unpack), p.from); at != p.doneAt {
			p.doneAt = at
			m.postPull(p)
		}
	}
}

// resumeWaiting has pulls go on for whose layer nobody is left who brings it: it is here,
// or the pull that brought it has failed.
func (m *Machine) resumeWaiting() {
	for i := range m.pulls {
		if p := &m.pulls[i]; p.awaits != 0 {
			if o, _ := m.bringer(p.awaits, p); o == nil {
				m.resume(p)
			}
		}
	}
}

// resume has a pull go on that has waited for a layer, once it knows what it needs.
func (m *Machine) resume(p *pull) {
	now := m.kernel.Now()
	luck := m.costs.pull.Draw(uint64(m.node), m.pulled)
	m.pulled++
	p.awaits, p.from = 0, max(now, p.from)
	switch {
	case m.cached(p.image):
		p.outcome, p.doneAt = PullNeedless, p.from
	case m.registry.door(p.image).refuses():
		p.outcome, p.doneAt = PullFailed, p.from.Add(refuseTime.Draw(&luck))
	default:
		m.bring(p, &luck)
		return
	}
	m.postPull(p)
}

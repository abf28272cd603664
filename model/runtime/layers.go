package runtime

import (
	"time"

	"orrery/sim"
)

// An image that a scenario describes is a list of layers, which images share: a layer
// that is on a machine is not downloaded again, and is on its disk once. Of one image
// up to three layers come at a time, each by a connection of its own, and they are
// unpacked in their order, one after the other, while later ones still come
// (containerd internal/cri/config max_concurrent_downloads; core/unpack). An image
// that nobody describes comes as three layers of the same size would, and is unpacked when
// they are there, all at once. What
// is unpacked takes its place on the disk meanwhile, in a straight line; the compressed
// layers take none.

// Image is what a registry has of an image that is described.
type Image struct {
	Name   string
	Layers []Layer // the lowest first; none if only its size is known
	Bytes  int64   // of one without layers, compressed
}

// Layer is a part of images, the same under the same name.
type Layer struct {
	Name  string
	Bytes int64 // compressed
}

const mostStreams = 3

// layer is a Layer by its number, compressed in the registry and unpacked on a machine.
type layer struct {
	number uint32
	users  int32 // on a machine: images that have it
	bytes  int64
}

// part is a layer of an image on its way, by its number: what of it has not come yet, by how many
// streams it comes and when it is there, how long it takes to unpack what is left of it, from when
// on, as things are, how much it is on the disk, and how much of that was written before.
type part struct {
	number   uint32
	left     int64
	streams  int64
	loadedAt sim.Time
	unpack   time.Duration
	from     sim.Time
	bytes    int64
	written  int64
}

// Describe tells the registry what images are made of.
func (r *Registry) Describe(images []Image) {
	numbers := map[string]uint32{}
	r.layers = map[uint32][]layer{}
	for i := range images {
		number := r.image(images[i].Name)
		if len(images[i].Layers) == 0 {
			r.said[number] = images[i].Bytes
		}
		for _, l := range images[i].Layers {
			if numbers[l.Name] == 0 {
				numbers[l.Name] = uint32(len(numbers)) + 1
			}
			r.layers[number] = append(r.layers[number], layer{number: numbers[l.Name], bytes: l.Bytes})
		}
	}
}

// hold puts the layers of an image on the disk that are not there yet.
func (m *Machine) hold(image []layer) {
next:
	for _, l := range image {
		for i := range m.layers {
			if m.layers[i].number == l.number {
				m.layers[i].users++
				continue next
			}
		}
		m.layers = append(m.layers, layer{l.number, 1, unpacked(l.bytes)})
	}
}

// release removes an image's layers that no other has.
func (m *Machine) release(image []layer) {
	for _, l := range image {
		kept := m.layers[:0]
		for _, x := range m.layers {
			if x.number == l.number {
				if x.users--; x.users == 0 {
					continue
				}
			}
			kept = append(kept, x)
		}
		m.layers = kept
	}
}

// partsOf is layers that have to come, which all together take so long to unpack.
func partsOf(layers []layer, unpack time.Duration) []part {
	all, parts := max(total(layers), 1), make([]part, len(layers))
	for i, l := range layers {
		parts[i] = part{
			number: l.number, left: l.bytes, streams: 1, from: sim.Never, bytes: unpacked(l.bytes),
			unpack: time.Duration(scale(int64(unpack), l.bytes, all)),
		}
	}
	return parts
}

// unpackUntil unpacks what has come by now.
func (p *pull) unpackUntil(now sim.Time) {
	for p.next < len(p.parts) {
		x := &p.parts[p.next]
		if x.loadedAt > now {
			return
		}
		x.from = max(p.unpackedAt, x.loadedAt)
		p.unpackedAt = x.from.Add(x.unpack)
		p.next++
	}
}

// unpacksBy is when all of an image is unpacked, as things are.
func (p *pull) unpacksBy() sim.Time {
	ahead := *p
	ahead.unpackUntil(sim.Never)
	return max(ahead.unpackedAt, p.loadedAt)
}

// writes is what a pull has on the disk, how much more it writes every second, and when that
// changes, Never if it does not, as things are.
func (p *pull) writes(now sim.Time) (used, growth int64, next sim.Time) {
	next = sim.Never
	if !p.going || p.outcome != PulledNow || p.awaits != 0 {
		return 0, 0, next
	}
	for i := range p.parts {
		switch x := &p.parts[i]; {
		case x.from > now:
			return used, growth, min(next, x.from)
		case x.from.Add(x.unpack) <= now:
			used += x.bytes
		default:
			left := x.bytes - x.written
			used += x.written + scale(left, int64(now.Sub(x.from)), int64(x.unpack))
			growth += scale(left, int64(time.Second), int64(x.unpack))
			next = x.from.Add(x.unpack)
		}
	}
	return used, growth, next
}

// followWrites looks again when a pull writes more or less than it does now.
func (m *Machine) followWrites(p *pull) {
	if m.disk.size == 0 && m.cores == 0 {
		return
	}
	if _, _, next := p.writes(m.kernel.Now()); next != p.writesAt {
		if p.writesAt = next; next != sim.Never {
			m.kernel.Post(next, m.self, whyUnpack, uint64(p.pod))
		}
	}
}

// unpackDue is a pull that writes more or less from now on.
func (m *Machine) unpackDue(now sim.Time, pod uint32) {
	for i := range m.pulls {
		if p := &m.pulls[i]; p.pod == pod && p.writesAt == now {
			m.followWrites(p)
			m.recountUnpacking()
			m.diskChanged()
			return
		}
	}
}

// diskChanged is a disk that is used otherwise now than it was going to be: the kubelet hears
// of it, and who unpacks may reach its end.
func (m *Machine) diskChanged() {
	m.watchSpace()
	m.kubelet.DiskChanged()
}

// watchSpace looks again when pulls will have filled the disk, as things are, unless one of
// them writes otherwise before that: then it is called again.
func (m *Machine) watchSpace() {
	now, otherwise, write := m.kernel.Now(), sim.Never, false
	for i := range m.pulls {
		p := &m.pulls[i]
		_, growth, _ := p.writes(now)
		if write = write || growth > 0; p.writesAt > now {
			otherwise = min(otherwise, p.writesAt)
		}
	}
	if !write {
		return
	}
	if at := m.DiskScarceAt(now, 0); at != m.disk.fullAt && at != sim.Never && at <= otherwise {
		m.disk.fullAt = at
		m.kernel.Post(at, m.self, whySpace, 0)
	}
}

// spaceDue fails the pulls that write to a disk that is full. What they have written is
// removed.
func (m *Machine) spaceDue(now sim.Time) {
	if now != m.disk.fullAt {
		return
	}
	m.disk.fullAt = -1
	if m.DiskFree(now) >= 0 {
		m.watchSpace()
		return
	}
	for i := range m.pulls {
		p := &m.pulls[i]
		if _, growth, _ := p.writes(now); growth > 0 {
			p.outcome, p.doneAt = PullNoSpace, now
			m.postPull(p)
		}
	}
	m.reshare()
}

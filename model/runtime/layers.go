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
// that nobody describes is one layer of its own, which is unpacked when it is there.

// Image is what a registry has of an image that is described.
type Image struct {
	Name   string
	Layers []Layer // the lowest first
}

// Layer is a part of images, the same under the same name.
type Layer struct {
	Name  string
	Bytes int64 // compressed
}

const (
	mostStreams = 3
	// oneStream is the part of a machine's download rate that one connection can have:
	// 1 of so many. ECR gives 25 MB/s to one (containerd issue 8160); ours is 40 of 80.
	oneStream = 2
)

// layer is a Layer by its number, compressed in the registry and unpacked on a machine.
type layer struct {
	number uint32
	users  int32 // on a machine: images that have it
	bytes  int64
}

// part is a layer of an image on its way: how long all downloads go at full pace until
// it is there, and how long it takes to unpack.
type part struct{ load, unpack time.Duration }

// Describe tells the registry what images are made of.
func (r *Registry) Describe(images []Image) {
	numbers := map[string]uint32{}
	r.layers = map[uint32][]layer{}
	for i := range images {
		number := r.image(images[i].Name)
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

// release removes an image's layers that no other has, and returns how many bytes
// that freed.
func (m *Machine) release(image []layer) (freed int64) {
	for _, l := range image {
		kept := m.layers[:0]
		for _, x := range m.layers {
			if x.number == l.number {
				if x.users--; x.users == 0 {
					freed += x.bytes
					continue
				}
			}
			kept = append(kept, x)
		}
		m.layers = kept
	}
	return freed
}

// missing is an image's layers that are not on the disk, each once.
func (m *Machine) missing(image []layer) (out []layer) {
next:
	for _, l := range image {
		for _, list := range [...][]layer{m.layers, out} {
			for i := range list {
				if list[i].number == l.number {
					continue next
				}
			}
		}
		out = append(out, l)
	}
	return out
}

// schedule is when layers are there that all together would take load at the machine's
// full rate, and what each takes of unpack.
func schedule(layers []layer, load, unpack time.Duration) []part {
	var total int64
	for i := range layers {
		total += layers[i].bytes
	}
	parts, left := make([]part, len(layers)), make([]time.Duration, len(layers))
	for i := range layers {
		left[i] = time.Duration(scale(int64(load), layers[i].bytes, max(total, 1)))
		parts[i].unpack = time.Duration(scale(int64(unpack), layers[i].bytes, max(total, 1)))
	}
	var at time.Duration
	var active []int
	for next := 0; next < len(layers) || len(active) > 0; {
		for len(active) < mostStreams && next < len(layers) {
			active, next = append(active, next), next+1
		}
		slow := time.Duration(max(len(active), oneStream)) // that many times as long as alone at the full rate
		first := left[active[0]]
		for _, i := range active {
			first = min(first, left[i])
		}
		at += first * slow
		kept := active[:0]
		for _, i := range active {
			if left[i] -= first; left[i] > 0 {
				kept = append(kept, i)
				continue
			}
			parts[i].load = at
		}
		active = kept
	}
	return parts
}

// unpackUntil unpacks what has come by now at the pace until now, of a download of
// which so much was left.
func (p *pull) unpackUntil(now sim.Time) {
	for p.next < len(p.parts) {
		x := p.parts[p.next]
		at := p.from.Add(time.Duration(scale(int64(max(x.load-p.loaded, 0)), full, p.pace)))
		if at > now {
			return
		}
		p.unpackedAt = max(p.unpackedAt, at).Add(x.unpack)
		p.next++
	}
}

// unpacksBy is when all of an image is unpacked, at the pace of now.
func (p *pull) unpacksBy() sim.Time {
	ahead := *p
	ahead.unpackUntil(sim.Never)
	return max(ahead.unpackedAt, p.loadedAt)
}

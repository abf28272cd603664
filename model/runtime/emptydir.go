package runtime

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// An emptyDir is there as long as its pod is, whatever becomes of the containers that
// write into it. One on the disk may become larger than its sizeLimit until the kubelet
// looks; one of medium Memory is a tmpfs, which is full then (pkg/volume/emptydir/empty_dir.go
// calculateEmptyDirMemorySize), is gone when the machine has no power, and counts as the
// memory of the container that writes it, also when that starts again.

// VolumeUse is what a container writes into one of its pod's emptyDirs: at least Bytes
// when it starts, and Growth every second after that.
type VolumeUse struct {
	Name          string
	Bytes, Growth int64
}

// emptyDir is what instances of a container that have ended wrote into a volume, or the
// one that runs when it started.
type emptyDir struct {
	container int
	volume    string
	bytes     int64
}

// content is the account of what a container wrote into a volume.
func (s *Sandbox) content(container int, volume string) *emptyDir {
	for i := range s.emptyDirs {
		if d := &s.emptyDirs[i]; d.container == container && d.volume == volume {
			return d
		}
	}
	s.emptyDirs = append(s.emptyDirs, emptyDir{container, volume, 0})
	return &s.emptyDirs[len(s.emptyDirs)-1]
}

// written is what an emptyDir would have at a time, of the one container's part, if it
// had no end. What was there when the instance that runs started was there before.
func (p *Process) written(d *emptyDir, u *VolumeUse, at sim.Time) int64 {
	if !p.Running {
		return d.bytes
	}
	return d.bytes + scale(u.Growth, int64(max(at.Sub(p.StartedAt), 0)), int64(time.Second))
}

// open has a container that starts write into its volumes. Those in memory are its own
// memory.
func (m *Machine) open(s *Sandbox, i int) {
	p := &s.Processes[i]
	if p.extra == nil {
		return
	}
	for j := range p.extra.volumes {
		u := &p.extra.volumes[j]
		v, d := s.Pod.Spec.EmptyDir(u.Name), s.content(i, u.Name)
		if v == nil {
			continue
		}
		d.bytes = max(d.bytes, u.Bytes)
		if v.Memory {
			p.memory += v.Fits(d.bytes)
			m.swell(s, i, v, d, u)
		}
	}
}

// swell has the memory of a container grow with one of its volumes until that is full.
func (m *Machine) swell(s *Sandbox, i int, v *model.EmptyDir, d *emptyDir, u *VolumeUse) {
	p := &s.Processes[i]
	switch room := v.SizeLimit - d.bytes; {
	case u.Growth == 0 || v.SizeLimit > 0 && room <= 0:
	case v.SizeLimit == 0:
		p.growth += u.Growth
	default:
		p.growth += u.Growth
		m.kernel.Post(p.StartedAt.Add(fillTime(room, u.Growth)), m.self, whyBrim, uint64(i)<<32|uint64(s.Pod.ID))
	}
}

func fillTime(room, growth int64) time.Duration {
	return time.Duration(scale(room, int64(time.Second), growth))
}

// brimDue is a volume in memory that is full: the container uses no more for it.
func (m *Machine) brimDue(s *Sandbox, i int, now sim.Time) {
	p := &s.Processes[i]
	if !p.Running || p.extra == nil {
		return
	}
	for j := range p.extra.volumes {
		u := &p.extra.volumes[j]
		v := s.Pod.Spec.EmptyDir(u.Name)
		if v == nil || !v.Memory || v.SizeLimit == 0 || u.Growth == 0 {
			continue
		}
		room := v.SizeLimit - s.content(i, u.Name).bytes
		if room > 0 && p.StartedAt.Add(fillTime(room, u.Growth)) == now {
			p.memory += scale(u.Growth, int64(now.Sub(p.StartedAt)), int64(time.Second))
			p.growth -= u.Growth
			m.fill(s, i)
		}
	}
}

// close keeps what a container that ended wrote into its volumes.
func (s *Sandbox) close(i int, p *Process) {
	if p.extra == nil {
		return
	}
	for j := range p.extra.volumes {
		u := &p.extra.volumes[j]
		if v, d := s.Pod.Spec.EmptyDir(u.Name), s.content(i, u.Name); v != nil {
			d.bytes = v.Fits(d.bytes + scale(u.Growth, int64(p.FinishedAt.Sub(p.StartedAt)), int64(time.Second)))
		}
	}
}

// loseMemory empties the volumes that were in memory.
func (s *Sandbox) loseMemory() {
	for i := range s.emptyDirs {
		if v := s.Pod.Spec.EmptyDir(s.emptyDirs[i].volume); v != nil && v.Memory {
			s.emptyDirs[i].bytes = 0
		}
	}
}

// TearDown removes the emptyDirs of a pod that has ended.
func (m *Machine) TearDown(s *Sandbox) {
	if len(s.emptyDirs) > 0 {
		s.emptyDirs = nil
		m.diskChanged()
	}
}

// EmptyDirUsed is what an emptyDir on the disk has at a time, and EmptyDirOver the first
// instant from now on at which that is more than most.
func (s *Sandbox) EmptyDirUsed(v *model.EmptyDir, at sim.Time) (sum int64) {
	s.eachWriter(v, func(p *Process, d *emptyDir, u *VolumeUse) { sum += p.written(d, u, at) })
	return sum
}

// EmptyDirOver is documented with EmptyDirUsed.
func (s *Sandbox) EmptyDirOver(v *model.EmptyDir, now sim.Time, most int64) sim.Time {
	var sum, growth int64
	s.eachWriter(v, func(p *Process, d *emptyDir, u *VolumeUse) {
		sum += p.written(d, u, now)
		if p.Running {
			growth += u.Growth
		}
	})
	return scarceAt(now, -sum, growth, -most)
}

// eachWriter calls f for every container that has written into an emptyDir.
func (s *Sandbox) eachWriter(v *model.EmptyDir, f func(*Process, *emptyDir, *VolumeUse)) {
	for i := range s.emptyDirs {
		d := &s.emptyDirs[i]
		if d.volume != v.Name {
			continue
		}
		p := &s.Processes[d.container]
		use := VolumeUse{}
		if p.extra != nil {
			for j := range p.extra.volumes {
				if p.extra.volumes[j].Name == v.Name {
					use = p.extra.volumes[j]
				}
			}
		}
		f(p, d, &use)
	}
}

// emptyDirLine is what the emptyDirs of a pod have on the disk, and how much more every
// second.
func (s *Sandbox) emptyDirLine(now sim.Time) (used, growth int64) {
	for i := range s.Pod.Spec.EmptyDirs {
		if v := &s.Pod.Spec.EmptyDirs[i]; !v.Memory && len(s.emptyDirs) > 0 {
			s.eachWriter(v, func(p *Process, d *emptyDir, u *VolumeUse) {
				used += p.written(d, u, now)
				if p.Running {
					growth += u.Growth
				}
			})
		}
	}
	return used, growth
}

// index is which of its containers p is.
func (s *Sandbox) index(p *Process) int {
	for i := range s.Processes {
		if &s.Processes[i] == p {
			return i
		}
	}
	return -1
}

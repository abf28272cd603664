package runtime

import (
	"cmp"
	"slices"
	"time"

	"orrery/sim"
)

// A machine's disk is one filesystem, with the images and what containers write
// on it: their writable layers, each a straight line in time, and their logs (logs.go). What an instance of
// a container wrote is gone when the next one has ended, too, or its pod is removed; that
// of two the older one's is no more its pod's, and its inodes are not counted (of each
// container the kubelet keeps one dead instance: cmd/kubelet/app/options/options.go
// MaxPerPodContainerCount; the end of the next one removes it: pkg/kubelet
// pod_container_deletor.go).
// On a full disk no image can be pulled and no container made; that those which run
// cannot write any more is no error here.

// disk is what is true of it but for what images and containers have on it.
type disk struct {
	size      int64    // bytes; 0 is without end
	filled    int64    // of them, by others than containers and images
	fullAt    sim.Time // when pulls have filled it, as things are
	rates     []int64  // of faults that slow it, in millionths
	errors    []string // that writing is answered with, of faults in the order in which they began
	unwritten string   // what the last pull that failed for it was told
}

// pace is the share of its speed at which it works, in millionths.
func (d *disk) pace() int64 {
	if len(d.rates) == 0 {
		return full
	}
	return slices.Min(d.rates)
}

// error is what writing is answered with, "" if it works.
func (d *disk) error() string {
	if len(d.errors) == 0 {
		return ""
	}
	return d.errors[0]
}

// writes tells whether a process writes anything to the disk.
func (p *Process) writes() bool { return p.disk > 0 || p.diskGrowth > 0 || p.log() != nil }

// writesEach is how much more it writes every second.
func (p *Process) writesEach() int64 {
	if l := p.log(); l != nil {
		return p.diskGrowth + l.rate
	}
	return p.diskGrowth
}

// DiskUsed is what the newest instance of a container has on the disk, in bytes.
func (p *Process) DiskUsed(now sim.Time) int64 {
	until := now
	if !p.Running {
		until = p.FinishedAt
	}
	if p.Instances == 0 {
		return 0
	}
	used := p.disk + scale(p.diskGrowth, int64(until.Sub(p.StartedAt)), int64(time.Second))
	if l := p.log(); l != nil {
		used += l.used(until)
	}
	return used
}

// DiskMeasured is what a kubelet's measurement shows of that: nothing of a container that
// does not run, whatever it left (pkg/kubelet/stats/cri_stats_provider.go
// removeTerminatedContainers). The logs of earlier instances of one that runs, which lie
// beside its own and are measured with it, are left out here.
func (p *Process) DiskMeasured(now sim.Time) int64 {
	if !p.Running {
		return 0
	}
	return p.DiskUsed(now)
}

// DiskMeasured is what is measured of a pod's containers and emptyDirs, in bytes.
func (s *Sandbox) DiskMeasured(now sim.Time) int64 {
	if !s.Alive() {
		return 0
	}
	var used int64
	for i := range s.Processes {
		used += s.Processes[i].DiskMeasured(now)
	}
	volumes, _ := s.emptyDirLine(now)
	return used + volumes
}

// Disk is the size of the machine's disk, in bytes; 0 is without end.
func (m *Machine) Disk() int64 { return m.disk.size }

// DiskFree is how much of it nobody uses.
func (m *Machine) DiskFree(now sim.Time) int64 {
	free, _ := m.diskLine(now)
	return free
}

// DiskFull tells whether there is no room on the disk for another container.
func (m *Machine) DiskFull() bool { return m.disk.size > 0 && m.DiskFree(m.kernel.Now()) <= 0 }

// diskLine is how much is free, and by how much less every second.
func (m *Machine) diskLine(now sim.Time) (free, growth int64) {
	free = m.disk.size - m.disk.filled
	for i := range m.images {
		free -= m.images[i].bytes
	}
	for i := range m.layers {
		free -= m.layers[i].bytes
	}
	for i := range m.pulls {
		used, more, _ := m.pulls[i].writes(now)
		free, growth = free-used, growth+more
	}
	for _, s := range m.pods {
		if s == nil {
			continue
		}
		for i := range s.Processes {
			p := &s.Processes[i]
			free -= p.DiskUsed(now) + p.dead
			if p.Running {
				growth += p.writesEach()
			}
		}
		used, more := s.emptyDirLine(now)
		free, growth = free-used, growth+more
	}
	return free, growth
}

// DiskScarceAt is the first instant, now or later, at which less than this may be
// free, as things are; Never if it does not come to that. If it is now, less is.
func (m *Machine) DiskScarceAt(now sim.Time, least int64) sim.Time {
	if m.disk.size == 0 {
		return sim.Never
	}
	free, growth := m.diskLine(now)
	return foresee(now, free, growth, least, func(at sim.Time) (room, rate int64) {
		for i := range m.pulls {
			if _, more, next := m.pulls[i].writes(now); next <= at { // it looks again then: followWrites
				room, rate = room+scale(more, int64(next.Sub(now)), int64(time.Second)), rate+more
			}
		}
		if !m.logs {
			return room, rate
		}
		for _, s := range m.pods {
			if s != nil {
				left, more := logsFull(s.Processes, now, at)
				room, rate = room+left, rate+more
			}
		}
		return room, rate
	})
}

// scarceAt is when what is free, and gets less by growth every second, is less
// than least; Never if it gets no less.
func scarceAt(now sim.Time, free, growth, least int64) sim.Time {
	switch {
	case free < least:
		return now
	case growth <= 0:
		return sim.Never
	}
	return now.Add(time.Duration(scale(free-least, int64(time.Second), growth))).Add(1)
}

// WrittenAt is the first instant, now or later, at which more than most may be measured of
// what a pod has on the disk; Never if it does not come to that.
func (s *Sandbox) WrittenAt(now sim.Time, most int64) sim.Time {
	used, growth := s.emptyDirLine(now)
	return writtenAt(s.Processes, now, used, growth, most)
}

// ContainerWrittenAt is the same of one of its containers.
func (s *Sandbox) ContainerWrittenAt(i int, now sim.Time, most int64) sim.Time {
	return writtenAt(s.Processes[i:i+1], now, 0, 0, most)
}

// writtenAt is when some containers, with what else there is and grows, may have more than
// most.
func writtenAt(all []Process, now sim.Time, used, growth, most int64) sim.Time {
	for i := range all {
		p := &all[i]
		if p.Running {
			used, growth = used+p.DiskUsed(now), growth+p.writesEach()
		}
	}
	return foresee(now, -used, growth, -most, func(at sim.Time) (room, rate int64) { return logsFull(all, now, at) })
}

// Fill has something that is no container write until that share of the disk is
// used, in millionths, and returns how many bytes that took.
func (m *Machine) Fill(ppm int64) int64 {
	used := m.disk.size - m.DiskFree(m.kernel.Now())
	bytes := max(0, scale(m.disk.size, ppm, 1_000_000)-used)
	m.disk.filled += bytes
	m.diskChanged()
	return bytes
}

// Free takes back what a Fill wrote.
func (m *Machine) Free(bytes int64) {
	m.disk.filled -= bytes
	m.diskChanged()
}

// SlowDisk has the disk work at a share of its speed, in millionths, until QuickenDisk;
// of several the slowest counts. What is under way goes on at that speed, too.
func (m *Machine) SlowDisk(ppm int64) {
	was := m.disk.pace()
	m.disk.rates = append(m.disk.rates, max(ppm, 1))
	m.diskPaced(was)
}

// QuickenDisk takes one SlowDisk back.
func (m *Machine) QuickenDisk(ppm int64) {
	was := m.disk.pace()
	m.disk.rates = less(m.disk.rates, max(ppm, 1))
	m.diskPaced(was)
}

// BreakDisk has writing to the disk be answered with an error, until MendDisk. What is
// open is written on, but for images.
func (m *Machine) BreakDisk(errno string) {
	m.disk.errors = append(m.disk.errors, errno)
	for i := range m.pulls {
		if p := &m.pulls[i]; p.going && p.outcome == PulledNow && p.awaits == 0 {
			m.leaveUnwritten(p)
		}
	}
	m.reshare()
}

// leaveUnwritten fails a pull, which knows by now what it has to write or will, then.
func (m *Machine) leaveUnwritten(p *pull) {
	m.disk.unwritten = m.disk.error()
	p.outcome, p.doneAt = PullUnwritten, max(m.kernel.Now(), p.from)
	m.postPull(p)
}

// Unwritten is the error that the last pull had which failed for it.
func (m *Machine) Unwritten() string { return m.disk.unwritten }

// MendDisk takes one BreakDisk back.
func (m *Machine) MendDisk(errno string) { m.disk.errors = less(m.disk.errors, errno) }

// less is a list without the first x in it.
func less[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// DiskError is what writing to the disk is answered with, "" if it works.
func (m *Machine) DiskError() string { return m.disk.error() }

// diskPaced has what waits for the disk go on at its speed of now, where that was another one.
func (m *Machine) diskPaced(was int64) {
	if is := m.disk.pace(); is != was {
		m.repaceUnpacking(was, is)
		m.repaceCalls(was, is)
	}
}

// onDisk is how long something takes that waits for the disk and would take d.
func (m *Machine) onDisk(d time.Duration) time.Duration { return stretch(d, full, m.disk.pace()) }

// unpacked is what an image takes on the disk, by its compressed size.
func unpacked(bytes int64) int64 { return bytes / 2 * uncompressedHalves }

// image is one in the machine's cache.
type image struct {
	number uint32
	size   int64    // as the runtime tells it: compressed, with layers that others have, too
	bytes  int64    // on the disk, without layers
	at     sim.Time // when the kubelet's process found it, which is when it was pulled or that began; 0 if it was there from the beginning
	usedAt sim.Time // when the last container made from it was removed, 0 if none ever was
}

// ImageKept is how long an image that was just pulled is not collected
// (imageMinimumGCAge, pkg/kubelet/apis/config/v1beta1/defaults.go).
const ImageKept = 2 * time.Minute

// CollectImages removes images that no container on the machine was made from until that
// many bytes are freed, that first which was not in use for the longest time, and of those
// that never were the oldest (pkg/kubelet/images/image_gc_manager.go
// byLastUsedAndDetected, freeSpace). The kubelet looks only every 5 minutes which images
// there are and which are in use; here it knows at once. What it counts as freed, and
// CollectImages returns, is how large the runtime says that the images are, which is less than
// their files have (containerd/client/image.go Size: packed resources), or more where others
// have layers of them.
func (m *Machine) CollectImages(now sim.Time, bytes int64) int64 {
	used := m.imagesInUse()
	order := slices.Clone(m.images)
	slices.SortStableFunc(order, func(a, b image) int { return cmp.Or(cmp.Compare(a.usedAt, b.usedAt), cmp.Compare(a.at, b.at)) })
	var freed int64
	for _, i := range order {
		if freed < bytes && !used[i.number] && now.Sub(i.at) >= ImageKept {
			m.removeImage(i)
			freed += i.size
		}
	}
	return freed
}

func (m *Machine) removeImage(i image) {
	m.images = slices.DeleteFunc(m.images, func(x image) bool { return x.number == i.number })
	m.release(m.registry.layers[i.number])
}

// oldAt is when an image that is not in use will not have been for longer than age: one
// that never was, however new it is, has been for ever
// (pkg/kubelet/images/image_gc_manager.go freeOldImages, lastUsed).
func (i *image) oldAt(age time.Duration) sim.Time {
	if i.usedAt == 0 {
		return 0
	}
	return i.usedAt.Add(age).Add(1)
}

// ImageOldAt is when the first of the images that are not in use now will not have been for
// longer than age; Never if there is none.
func (m *Machine) ImageOldAt(age time.Duration) sim.Time {
	at, used := sim.Never, m.imagesInUse()
	for i := range m.images {
		if !used[m.images[i].number] {
			at = min(at, m.images[i].oldAt(age))
		}
	}
	return at
}

// CollectOldImages removes all images that have not been in use for longer than age, and
// returns how many that were.
func (m *Machine) CollectOldImages(now sim.Time, age time.Duration) (n int) {
	used := m.imagesInUse()
	for _, i := range slices.Clone(m.images) {
		if !used[i.number] && i.oldAt(age) <= now {
			m.removeImage(i)
			n++
		}
	}
	return n
}

// disuse notes that the containers of a pod, which are removed, used their images until now.
func (m *Machine) disuse(s *Sandbox) {
	if s.removed {
		return
	}
	for i := range s.Processes {
		if s.Processes[i].Instances == 0 {
			continue
		}
		number := m.registry.image(container(s.Pod.Spec, i).Image)
		for j := range m.images {
			if m.images[j].number == number {
				m.images[j].usedAt = m.kernel.Now()
			}
		}
	}
}

// CollectContainers removes the containers of all pods that are over
// (pkg/kubelet/kuberuntime/kuberuntime_gc.go evictContainers with evictNonDeletedPods);
// of other pods the last dead instance of each container stays. It returns how many bytes
// that frees.
func (m *Machine) CollectContainers() (freed int64) {
	for _, s := range m.pods {
		if s != nil && s.Over {
			freed += m.RemoveContainers(s)
		}
	}
	return freed
}

// RemoveContainers removes the containers of a pod, none of which runs, with what they
// wrote, and returns how many bytes that frees.
func (m *Machine) RemoveContainers(s *Sandbox) (freed int64) {
	m.disuse(s)
	s.removed = true
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Instances > 0 {
			freed += p.DiskUsed(m.kernel.Now()) + p.dead
			p.disk, p.diskGrowth, p.dead, p.extra = 0, 0, 0, nil
		}
	}
	return freed
}

// FindImages is what a kubelet that starts does: all images are new to it, so that it collects none for a while
// (pkg/kubelet/images/image_gc_manager.go detectImages, imageRecords).
func (m *Machine) FindImages() {
	for i := range m.images {
		m.images[i].at = m.kernel.Now()
	}
}

// imagesInUse is the images that a container was made from which is there, ended or not: one that
// is only asked for uses none (detectImages).
func (m *Machine) imagesInUse() map[uint32]bool {
	used := map[uint32]bool{}
	for s, i := range m.processes() {
		if !s.removed && s.Processes[i].Instances > 0 {
			used[m.registry.image(container(s.Pod.Spec, i).Image)] = true
		}
	}
	return used
}

package runtime

import (
	"time"

	"orrery/sim"
)

// What a machine has besides CPU, memory and bytes of disk, and few containers use much
// of: processes, threads included, and inodes of the filesystem. Of a container of which
// nobody says how many it has, none are counted; images and their layers have none, and
// what the system itself has is not modeled.

const (
	// bytesPerInode is what ext4 makes an inode for (mke2fs.conf, inode_ratio).
	bytesPerInode = 16 << 10
	// bytesPerThread: the kernel lets threads' stacks, of 16 KiB, fill an eighth of the
	// memory (kernel/fork.c set_max_threads), unless pid_max is less, which systemd sets
	// to mostPIDs.
	bytesPerThread = 8 * (16 << 10)
	mostPIDs       = 1 << 22
)

// MostPIDs is how many processes there can be on a machine of which nobody says that.
func MostPIDs(memoryBytes int64) int64 { return min(mostPIDs, memoryBytes/bytesPerThread) }

// stock is how many of something a machine can have, 0 without end, and how many of them
// others than containers have.
type stock struct{ most, taken int64 }

// left is how many are left beside those that containers have, in millionths.
func (s *stock) left(used int64) int64 { return (s.most-s.taken)*micro - used }

// fill has others take so many of those that are free that a share of all is there, in
// millionths, and returns how many that are.
func (s *stock) fill(ppm, free int64) int64 {
	more := max(0, scale(s.most, ppm, full)-(s.most-free))
	s.taken += more
	return more
}

// extra is what a container has of it. Growth is in thousandths a second.
type extra struct {
	pids, pidsGrowth, pidsMilliPerRPS int64
	pidsLoaded                        int64    // for the requests that arrive now
	room                              int64    // that there may be for requests, if pods have a limit
	lookAt                            sim.Time // when that is looked at again
	inodes, inodesGrowth              int64
	volumes                           []VolumeUse
	log                               logFiles
}

// newExtra is what a behavior says about it, nil if nothing.
func newExtra(b *Behavior) *extra {
	pids := b.PIDs != 0 || b.PIDsGrowth != 0 || b.PIDsMilliPerRPS != 0
	files := b.Inodes != 0 || b.InodesGrowth != 0 || b.Volumes != nil || b.LogGrowth != 0
	if !pids && !files {
		return nil
	}
	return &extra{
		pids: b.PIDs, pidsGrowth: b.PIDsGrowth, pidsMilliPerRPS: b.PIDsMilliPerRPS,
		inodes: b.Inodes, inodesGrowth: b.InodesGrowth, volumes: b.Volumes,
	}
}

// micro is one process or file: what grows is counted in millionths, so that what many
// have together is foreseen to the microsecond.
const micro = 1_000_000

// line is so much at the start of a process, and how much more a second in thousandths.
func line(base, milliPerSecond int64, age time.Duration) int64 {
	return base*micro + scale(milliPerSecond, int64(age), int64(time.Millisecond))
}

// inodesUsed is what the newest instance of a container has on the disk, in millionths.
func (p *Process) inodesUsed(now sim.Time) int64 {
	if p.extra == nil || p.Instances == 0 {
		return 0
	}
	if !p.Running {
		now = p.FinishedAt
	}
	return line(p.extra.inodes, p.extra.inodesGrowth, now.Sub(p.StartedAt))
}

// InodesMeasured is how many files are measured of the containers of a pod: of those that
// run, as with DiskMeasured.
func (s *Sandbox) InodesMeasured(now sim.Time) int64 {
	var sum int64
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Running {
			sum += p.inodesUsed(now)
		}
	}
	return sum / micro
}

// PIDsUsed is how many processes the containers of a pod have.
func (m *Machine) PIDsUsed(s *Sandbox, now sim.Time) int64 {
	used, _ := m.podPIDs(s, now)
	return used / micro
}

// podPIDs is how many processes a pod has, and how many more every second, in
// millionths: no more than its cgroup may have (pkg/kubelet/cm/pod_container_manager_linux.go
// podPidsLimit).
func (m *Machine) podPIDs(s *Sandbox, now sim.Time) (used, growth int64) {
	for i := range s.Processes {
		if p := &s.Processes[i]; p.extra != nil && p.Running {
			used += line(p.extra.pids+p.extra.pidsLoaded, p.extra.pidsGrowth, now.Sub(p.StartedAt))
			growth += 1000 * p.extra.pidsGrowth
		}
	}
	if m.podPIDsLimit > 0 && used >= m.podPIDsLimit*micro {
		return m.podPIDsLimit * micro, 0
	}
	return used, growth
}

// PIDs is how many processes the machine can have; 0 is without end.
func (m *Machine) PIDs() int64 { return m.pids.most }

// Inodes is how many files its disk can have; 0 is without end.
func (m *Machine) Inodes() int64 { return m.inodes.most }

// mostForPods is how many processes all pods together may have, pids.max of kubepods: what the
// machine can have less what kubeReserved and systemReserved keep
// (pkg/kubelet/cm/node_container_manager_linux.go getNodeAllocatableInternalAbsolute,
// getCgroupConfigInternal).
func (m *Machine) mostForPods() int64 { return max(m.pids.most-m.keptPIDs, 0) }

// allPIDs is how many processes all pods have, and how many more every second, in
// millionths.
func (m *Machine) allPIDs(now sim.Time) (used, growth int64) {
	for _, s := range m.pods {
		if s != nil {
			u, more := m.podPIDs(s, now)
			used += u
			growth += more
		}
	}
	if most := m.mostForPods() * micro; m.keptPIDs > 0 && used >= most {
		return most, 0
	}
	return used, growth
}

// pidLine is how many processes there may still be, and how many less every second, in
// millionths.
func (m *Machine) pidLine(now sim.Time) (free, growth int64) {
	used, growth := m.allPIDs(now)
	return m.pids.left(used), growth
}

func (m *Machine) inodeLine(now sim.Time) (free, growth int64) {
	free = m.inodes.left(0)
	for s, i := range m.processes() {
		if p := &s.Processes[i]; p.extra != nil {
			free -= p.inodesUsed(now)
			if p.Running {
				growth += 1000 * p.extra.inodesGrowth
			}
		}
	}
	return free, growth
}

// PIDsFree is how many processes there may still be.
func (m *Machine) PIDsFree(now sim.Time) int64 {
	free, _ := m.pidLine(now)
	return max(free, 0) / micro
}

// InodesFree is how many files there may still be.
func (m *Machine) InodesFree(now sim.Time) int64 {
	free, _ := m.inodeLine(now)
	return max(free, 0) / micro
}

// PIDsScarceAt is the first instant, now or later, at which there may be less than this
// many processes more, as things are; Never if it does not come to that.
func (m *Machine) PIDsScarceAt(now sim.Time, least int64) sim.Time {
	leave := m.pids.most - m.pids.taken - m.mostForPods() // pods do, whatever they start
	if m.pids.most == 0 || m.keptPIDs > 0 && leave >= least {
		return sim.Never
	}
	free, growth := m.pidLine(now)
	return scarceAt(now, free, growth, least*micro)
}

// InodesScarceAt is the same of files.
func (m *Machine) InodesScarceAt(now sim.Time, least int64) sim.Time {
	if m.inodes.most == 0 {
		return sim.Never
	}
	free, growth := m.inodeLine(now)
	return scarceAt(now, free, growth, least*micro)
}

// Full tells whether no pod may have another process, because the machine has as many as it
// can, or all pods together as many as they may.
func (m *Machine) Full() bool {
	return m.pids.most > 0 && (m.PIDsFree(m.kernel.Now()) == 0 || m.podsFull())
}

// Forks tells whether a pod may have another process: a start needs one, and so does a
// thread of a program, which goes on without it.
func (m *Machine) Forks(s *Sandbox) bool {
	return !m.Full() && (m.podPIDsLimit == 0 || m.PIDsUsed(s, m.kernel.Now()) < m.podPIDsLimit)
}

// podsFull tells whether pods have all processes that they may have.
func (m *Machine) podsFull() bool {
	if m.keptPIDs == 0 {
		return false // they can have all that the machine can
	}
	used, _ := m.allPIDs(m.kernel.Now())
	return used/micro >= m.mostForPods()
}

// TakePIDs has others than containers be so many processes that a share of what the
// machine can have is there, in millionths, and returns how many that are.
func (m *Machine) TakePIDs(ppm int64) int64 {
	if !m.on {
		return 0
	}
	more := m.pids.fill(ppm, m.PIDsFree(m.kernel.Now()))
	if more > 0 {
		m.diskChanged()
	}
	return more
}

// ReturnPIDs takes that back, as far as they are still there.
func (m *Machine) ReturnPIDs(n int64) {
	m.pids.taken -= min(n, m.pids.taken)
	if m.on {
		m.diskChanged()
	}
}

// FillInodes has something that is no container make files until a share of all inodes
// is used, in millionths, and returns how many that took.
func (m *Machine) FillInodes(ppm int64) int64 {
	more := m.inodes.fill(ppm, m.InodesFree(m.kernel.Now()))
	m.diskChanged()
	return more
}

// FreeInodes takes back what a FillInodes made.
func (m *Machine) FreeInodes(n int64) {
	m.inodes.taken -= n
	m.diskChanged()
}

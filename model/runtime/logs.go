package runtime

import (
	"cmp"
	"time"

	"orrery/sim"
)

// What a container writes to stdout and stderr goes into a file, at a constant rate. Every
// 10 s the kubelet looks at those of containers that run, and renames one that has become
// too large; of older ones it compresses the last and removes what is too much
// (pkg/kubelet/logs/container_log_manager.go rotateLogs, rotateLog). It can do that as long
// as it runs and the container runtime does, which opens the new file; else the file grows.
//
// No look is an event. Between two changes of that, looks are a Ticker, so what a
// container's files have is a formula: the first rotation comes at the first look at a full
// file, and the others as many looks apart as it takes to fill one. It can never be more
// than when all files are as large as they become, so most disks need not be looked at.
//
// Here rotation takes no time, and compressing no room. While the runtime is stopped the
// file grows on, as it does where a process beside the container writes it (CRI-O's conmon);
// containerd writes it itself.

const (
	logLookEvery = 10 * time.Second // containerLogMonitorInterval (apis/config/v1beta1/defaults.go)
	// gzipped is how many bytes of a log gzip makes one of: an estimate.
	gzipped = 10
	// mostLog is what a file has at most, so that sums are numbers: 1 PiB.
	mostLog = 1 << 50
)

// Logs is how kubelets rotate the logs of containers; the zero value of a field means its
// default.
type Logs struct {
	MaxBytes int64 // of a file that is let be: one with as much is rotated (containerLogMaxSize)
	MaxFiles int   // of one container, at least 2 (containerLogMaxFiles)
}

// DefaultLogs is what a kubelet does if nobody says anything (apis/config/v1beta1/defaults.go).
var DefaultLogs = Logs{MaxBytes: 10 << 20, MaxFiles: 5}

// rotation is the kubelet's looks at logs.
type rotation struct {
	sim.Ticker
	Logs
	kubelet bool     // it runs
	works   bool     // and so does the runtime
	since   sim.Time // when that became so
}

func newRotation(l Logs) rotation {
	return rotation{Logs: Logs{cmp.Or(l.MaxBytes, DefaultLogs.MaxBytes), cmp.Or(l.MaxFiles, DefaultLogs.MaxFiles)}}
}

// RotateLogs has the kubelet look at logs from a time on, until LeaveLogs.
func (m *Machine) RotateLogs(first sim.Time) {
	m.rotation.Ticker = sim.Ticker{Phase: first, Period: logLookEvery}
	m.rotation.kubelet = true
	m.turnRotation()
}

// LeaveLogs is a kubelet that ends.
func (m *Machine) LeaveLogs() {
	m.rotation.kubelet = false
	m.turnRotation()
}

// turnRotation settles what has been rotated when logs are looked at from now on, or not
// any more.
func (m *Machine) turnRotation() {
	r := &m.rotation
	works, now := r.kubelet && !m.RuntimeDown(), m.kernel.Now()
	if works == r.works {
		return
	}
	if m.logs {
		for s, i := range m.processes() {
			if l := s.Processes[i].log(); l != nil {
				l.settle(now)
			}
		}
	}
	r.works, r.since = works, now
}

// logFiles is the log of the newest instance of a container: as it was at a time, since
// when it has been written on, and rotated if it was looked at.
type logFiles struct {
	by      *rotation
	rate    int64 // bytes a second
	since   sim.Time
	bytes   int64   // of the file that is written, then
	rotated []int64 // bytes of the others before they are compressed, which the newest is not; it is the first
}

// log is that of a container, nil if it has none that is written.
func (p *Process) log() *logFiles {
	if p.extra == nil || p.extra.log.rate == 0 {
		return nil
	}
	return &p.extra.log
}

// openLog has an instance that starts log from now on, also one of which it is said that
// it has long been running.
func (m *Machine) openLog(p *Process, perSecond int64) {
	if perSecond > 0 {
		m.logs = true
		p.extra.log = logFiles{by: &m.rotation, rate: perSecond, since: p.StartedAt}
	}
}

// closeLog makes a log that is written no more a part of what its instance has on the disk.
func (p *Process) closeLog(now sim.Time) {
	if l := p.log(); l != nil {
		p.disk += l.used(now)
		p.extra.log = logFiles{}
	}
}

// turns is the rotations of a log until now: how many, how large the file was at the first
// of them, or will be, and at all others; and when the last one was.
func (l *logFiles) turns(now sim.Time) (n, first, each int64, last sim.Time) {
	r := l.by
	full := l.since
	if missing := r.MaxBytes - l.bytes; missing > 0 {
		d := time.Duration(scale(missing, int64(time.Second), l.rate))
		if full = full.Add(d); l.sized(full) < r.MaxBytes {
			full++
		}
	}
	at := r.AtOrAfter(max(full, r.since))
	perLook := scale(l.rate, int64(r.Period), int64(time.Second))
	looks := (r.MaxBytes + perLook - 1) / perLook
	first, each = l.sized(at), looks*perLook
	if now < at {
		return 0, first, each, l.since
	}
	apart := time.Duration(looks) * r.Period
	n = int64(now.Sub(at) / apart)
	return n + 1, first, each, at.Add(time.Duration(n) * apart)
}

// sized is how large the file is that was written when the log was settled, if it was not
// rotated since.
func (l *logFiles) sized(at sim.Time) int64 {
	return min(l.bytes+scale(l.rate, int64(max(at.Sub(l.since), 0)), int64(time.Second)), mostLog)
}

// file is how large the ith rotated file is that is kept after n rotations, the newest
// first, before it is compressed.
func (l *logFiles) file(i int, n, first, each int64) int64 {
	switch older := int64(i) - n; {
	case older < -1:
		return each
	case older == -1:
		return first
	case older < int64(len(l.rotated)):
		return l.rotated[older]
	}
	return 0
}

// used is what all files have on the disk.
func (l *logFiles) used(now sim.Time) int64 {
	if !l.by.works {
		return l.sized(now) + l.old(0, 0, 0)
	}
	n, first, each, last := l.turns(now)
	if n == 0 {
		return l.sized(now) + l.old(0, 0, 0)
	}
	return scale(l.rate, int64(now.Sub(last)), int64(time.Second)) + l.old(n, first, each)
}

// old is what the rotated ones have.
func (l *logFiles) old(n, first, each int64) (sum int64) {
	for i := range l.by.MaxFiles - 1 {
		if bytes := l.file(i, n, first, each); i == 0 {
			sum += bytes
		} else {
			sum += bytes / gzipped
		}
	}
	return sum
}

// most is what they can come to have, from now on, while they are looked at: the one that
// is written and the newest of the others as much as any of them, and so the rest.
func (l *logFiles) most(now sim.Time) int64 {
	n, first, each, _ := l.turns(now)
	largest := each
	if n == 0 {
		largest = max(each, first)
	}
	for i := range l.by.MaxFiles - 1 {
		largest = max(largest, l.file(i, n, first, each))
	}
	return 2*largest + int64(l.by.MaxFiles-2)*(largest/gzipped)
}

// settle makes what was rotated until now the beginning.
func (l *logFiles) settle(now sim.Time) {
	if !l.by.works {
		return
	}
	n, first, each, last := l.turns(now)
	if n == 0 {
		return
	}
	kept := make([]int64, l.by.MaxFiles-1)
	for i := range kept {
		kept[i] = l.file(i, n, first, each)
	}
	l.since, l.bytes, l.rotated = last, 0, kept
}

// logsFull is what those logs of some containers may still take that can, as things are,
// have no more at a time than now and that, and what they take every second until then.
func logsFull(all []Process, now, at sim.Time) (room, rate int64) {
	for i := range all {
		l := all[i].log()
		if l == nil || !l.by.works {
			continue
		}
		if left := l.most(now) - l.used(now); scale(l.rate, int64(at.Sub(now)), int64(time.Second)) >= left {
			room, rate = room+left, rate+l.rate
		}
	}
	return room, rate
}

// foresee is when what is free, and gets less by growth every second, may be less than
// least if some writers end before: full is what those take from now on that end by then,
// and what they take every second.
func foresee(now sim.Time, free, growth, least int64, full func(at sim.Time) (room, rate int64)) sim.Time {
	at, slower := scarceAt(now, free, growth, least), int64(0)
	for at > now && at != sim.Never {
		room, rate := full(at)
		if rate == slower {
			break
		}
		slower = rate
		at = max(at, scarceAt(now, free-room, growth-rate, least))
	}
	return at
}

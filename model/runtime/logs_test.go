package runtime

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// shelf is a log as the kubelet's code handles it, look by look.
type shelf struct {
	Logs
	rate    int64
	opened  sim.Time
	rotated []int64 // the newest first
}

func (s *shelf) size(now sim.Time) int64 {
	return scale(s.rate, int64(now.Sub(s.opened)), int64(time.Second))
}

// look is rotateLog, if it is due.
func (s *shelf) look(now sim.Time) {
	if s.size(now) < s.MaxBytes {
		return
	}
	kept := s.rotated[:min(len(s.rotated), s.MaxFiles-2)] // removeExcessLogs
	s.rotated = append([]int64{s.size(now)}, kept...)
	s.opened = now
}

func (s *shelf) used(now sim.Time) int64 {
	sum := s.size(now)
	for i, bytes := range s.rotated {
		if i > 0 {
			bytes /= gzipped // compressLog
		}
		sum += bytes
	}
	return sum
}

// looks is what comes of all looks in a time.
func (s *shelf) looks(m *Machine, after, until sim.Time) {
	if !m.rotation.works {
		return
	}
	for at := m.rotation.After(after); at <= until; at = m.rotation.After(at) {
		s.look(at)
	}
}

// Source: v1.35 pkg/kubelet/logs/container_log_manager.go processContainer, rotateLog,
// removeExcessLogs: a file with containerLogMaxSize or more is rotated at a look, one every
// 10 s; containerLogMaxFiles are left with the new one; the newest rotated one is as it was
// and the others are compressed; nothing of it without a kubelet and a runtime. Where the
// usage may come to is foreseen, never too late.
func TestLogsAreAsIfEveryLookHadBeenPlayed(t *testing.T) {
	luck := sim.NewLuck(1).Stream("logs")
	rotations, foreseen := 0, 0
	for run := range 150 {
		l := Logs{MaxBytes: int64(1 + luck.Below(20<<20)), MaxFiles: int(2 + luck.Below(5))}
		rate := int64(1 + luck.Below(1<<(8+luck.Below(16))))
		r := newRig(Behavior{LogGrowth: rate})
		m := r.machine
		m.rotation.Logs, m.disk.size = l, 1<<40
		s := m.Add(pod(1, model.Container{Name: "c"}), 1)
		r.run(t, luck.Duration(0, time.Minute))
		m.Start(s, 0)
		slow := &shelf{Logs: l, rate: rate, opened: r.Now()}
		for range 30 {
			switch before := r.Now() - 1; luck.Below(5) {
			case 0:
				m.LeaveLogs()
				m.RotateLogs(r.Now().Add(luck.Duration(0, 10*time.Second) * time.Duration(luck.Below(2))))
				slow.looks(m, before, r.Now())
			case 1:
				m.LeaveLogs()
			case 2:
				m.StopRuntime()
				m.StartRuntime()
				slow.looks(m, before, r.Now())
			}
			from := r.Now()
			least := m.disk.size - slow.used(from) - int64(luck.Below(4*20<<20))
			at := m.DiskScarceAt(from, least)
			for range 1 + luck.Below(60) {
				was := r.Now()
				r.run(t, luck.Duration(time.Millisecond, 20*time.Second))
				files := slow.opened
				slow.looks(m, was, r.Now())
				if slow.opened != files {
					rotations++
				}
				if got, want := s.Processes[0].DiskUsed(r.Now()), slow.used(r.Now()); got != want {
					t.Fatalf("run %d, %+v, %d a second: %d bytes at %v, want %d", run, l, rate, got, r.Now(), want)
				}
				if m.DiskFree(r.Now()) < least && r.Now() < at {
					t.Fatalf("run %d: less than %d is free at %v, foreseen for %v", run, least, r.Now(), at)
				}
			}
			if at == sim.Never {
				foreseen++
			}
		}
		used := s.Processes[0].DiskUsed(r.Now())
		m.Crash(s, 0, 1)
		if r.run(t, time.Hour); s.Processes[0].DiskUsed(r.Now()) != used {
			t.Fatalf("run %d: the log of a container that has ended changes", run)
		}
	}
	if rotations < 1000 || foreseen < 100 {
		t.Errorf("only %d rotations, and %d times nothing to fear", rotations, foreseen)
	}
}

// Source: the same, defaults (apis/config/v1beta1/defaults.go): at 100 KiB a second a file
// has 10 MiB at the eleventh look. One that grew while nobody looked is rotated as it is.
func TestFiveFilesOfALogAreKept(t *testing.T) {
	r := newRig(Behavior{LogGrowth: 100 << 10})
	m := r.machine
	m.disk.size = 1 << 40
	s := m.Add(pod(1, model.Container{Name: "c"}), 1)
	m.RotateLogs(0)
	m.Start(s, 0)
	const each = 11_000 << 10
	r.run(t, time.Hour-time.Nanosecond) // 32 rotations and 80 s
	if used := s.Processes[0].DiskUsed(r.Now()); used < each+3*(each/gzipped)+7999<<10 || used > each+3*(each/gzipped)+8000<<10 {
		t.Errorf("%d bytes are used", used)
	}
	if at := m.DiskScarceAt(r.Now(), m.disk.size-(2*each+3*(each/gzipped))); at != sim.Never {
		t.Errorf("more than five files foreseen for %v", at)
	}
	m.LeaveLogs()
	r.run(t, time.Hour)
	const large = 3_680 * 100 << 10 // not rotated for 80 s and an hour
	if used := s.Processes[0].DiskUsed(r.Now()); used < large || used > large+each+3*each/gzipped {
		t.Errorf("%d bytes are used after an hour without the kubelet", used)
	}
	m.RotateLogs(r.Now())
	r.run(t, 3*110*time.Second+time.Second)
	if used := s.Processes[0].DiskUsed(r.Now()); used < large/gzipped || used > large/gzipped+3*each {
		t.Errorf("%d bytes are used when it was rotated and compressed", used)
	}
}

package scenarios

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/fault"
	"orrery/scenarios/strict"
)

// Parameters of faults that end processes, and of those that take what they
// have or make it worse.

// signals is those that end a process which does not expect them. SIGTERM and its like
// ask; pods are asked by deleting them.
var signals = map[string]int32{"SIGQUIT": 3, "SIGILL": 4, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8, "SIGKILL": 9, "SIGSEGV": 11}

// signalled is the exit code of a process that a signal ended, less its number.
const signalled = 128

// crash reads how containers end, how long after their starts, and how often.
func (l *loader) crash(m *strict.Map, param string, f *fault.Spec) {
	v := m.Optional(param)
	if !v.Given() {
		if param == fault.ParamExitCode {
			f.ExitCode = 1
		}
		return
	}
	switch param {
	case fault.ParamExitCode:
		f.ExitCode = int32(v.Int(0, 255))
	case fault.ParamSignal:
		var names []string
		for name := range signals { //tidy:sorted below
			names = append(names, name)
		}
		slices.Sort(names)
		f.ExitCode = signalled + signals[v.Enum("signal", names...)]
		if m.Optional(fault.ParamExitCode).Given() {
			v.KeyErrorf("a process that a signal ends has its exit code from that: leave one of them out")
		}
	case fault.ParamAfter:
		f.After = syncTime(v)
	case fault.ParamTimes:
		f.Times = int32(v.Int(1, 1_000_000))
	}
	if again := param == fault.ParamAfter || param == fault.ParamTimes; again && f.For == 0 {
		v.KeyErrorf("without for it crashes once, at once: say for how long it goes on")
	}
}

// stress reads how much CPU others want: an amount, a share of what the machine has, or
// so many workers, each all of a core or a share of it.
func (l *loader) stress(m *strict.Map, param string, f *fault.Spec) {
	cpu, load, workers := m.Optional(fault.ParamCPU), m.Optional(fault.ParamLoad), m.Optional(fault.ParamWorkers)
	switch {
	case param != fault.ParamCPU: // all at once, with the first
	case cpu.Given() && (load.Given() || workers.Given()):
		cpu.KeyErrorf("an amount of CPU, or load and workers, not both")
	case cpu.Given():
		f.CPUMilli = positive(cpu, strict.Value.CPU)
	case workers.Given():
		f.CPUMilli = workers.Int(1, maxWorkers) * 1000
		if load.Given() {
			f.CPUMilli = f.CPUMilli / 1000 * positive(load, strict.Value.Percent) / 1000
		}
		f.CPUMilli = max(f.CPUMilli, 1)
	case load.Given() && f.Fault == "container-stress":
		load.KeyErrorf("of what? write workers, of which each uses that share of a core")
	case load.Given():
		f.LoadPPM = positive(load, strict.Value.Percent)
	case f.Fault == "container-stress": // it may only use memory
	default:
		m.Value().Errorf("how much? write cpu: 2, load: 80%% of what the node has, or workers: 4")
	}
}

// maxWorkers is as many as Chaos Mesh's StressChaos takes.
const maxWorkers = 8192

// dump reads how full others write the layer of a container: some that is selected must
// have a limit, from which that is reckoned, or may get one from a LimitRange.
func (l *loader) dump(m *strict.Map, f *fault.Spec) {
	v := m.Optional(fault.ParamFill)
	if !v.Given() {
		return
	}
	if f.FillPPM = positive(v, strict.Value.Percent); f.DiskBytes > 0 {
		v.KeyErrorf("disk or fill, not both")
	}
	limited := func(c model.Container) bool { return c.Limits.EphemeralBytes > 0 }
	named := func(c model.Container) bool { return limited(c) && slices.Contains(f.Containers, c.Name) }
	hasLimited := func(g podGroup) bool {
		return !l.compared() || g.in(f.Target.Namespace, f.Target.Match) &&
			(len(f.Containers) == 0 && slices.ContainsFunc(g.spec.Containers, limited) ||
				slices.ContainsFunc(slices.Concat(g.spec.InitContainers, g.spec.Containers), named))
	}
	if !l.incomplete() && len(l.known.paths[model.KindLimitRange]) == 0 && !slices.ContainsFunc(l.known.pods, hasLimited) {
		v.Errorf("of what? no container that is selected has a limit of ephemeral-storage: write disk: 500Mi, or give it one")
	}
}

// errnos is what reading and writing may fail with.
var errnos = []string{"EIO", "ENOSPC", "EROFS"}

// podIO reads what is wrong with what pods read and write.
func podIO(_ *loader, m *strict.Map, _ string, f *fault.Spec) {
	latency, errno, share := m.Optional(fault.ParamLatency), m.Optional(fault.ParamErrno), m.Optional(fault.ParamErrors)
	if latency.Given() {
		f.Latency = syncTime(latency)
	}
	switch {
	case errno.Given():
		f.Errno, f.Errors = errno.Enum("error", errnos...), strict.PPM
		if share.Given() {
			f.Errors = positive(share, strict.Value.Percent)
		}
	case share.Given():
		share.KeyErrorf("which error? write errno: EIO, too")
	case !latency.Given() && m.Given():
		m.Value().Errorf("what is wrong with it? write latency: 100ms, or errno: EIO")
	}
}

// growth reads an amount of memory per second, "5Mi/s"; 0 if nothing is said.
func growth(v strict.Value) int64 {
	if !v.Given() {
		return 0
	}
	amount, per, _ := strings.Cut(v.Text(), "/")
	bytes, err := strict.ParseBytes(strings.TrimSpace(amount))
	if err != nil || strings.TrimSpace(per) != "s" || bytes <= 0 {
		v.Errorf("%s is no growth: write how much more every second, such as 5Mi/s", strict.Quote(v.Text()))
		return 0
	}
	return bytes
}

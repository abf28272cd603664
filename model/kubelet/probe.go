package kubelet

import (
	"fmt"
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// A probe asks a container at every tick of its worker, and counts answers that are
// alike (pkg/kubelet/prober/worker.go doProbe). As long as nothing changes that
// answers depend on, they are known: a container that has not started up refuses, one
// that has says yes, and if it is under a load so many of a million probes fail, each
// by the luck of its tick, or takes a time to be answered. Hence only the tick at which
// a threshold is reached that changes something is an event. Whatever changes has the
// ticks until then counted first. An answer is there at once; one that comes too late
// when the timeout is over, which here is no longer than the period.

// prober is the worker of one probe.
type prober struct {
	phase     sim.Time     // a tick of its ticker
	countedAt sim.Time     // the last tick that is counted
	freeAt    sim.Time     // when the answer to that was there
	reachedAt sim.Time     // when a threshold that is reached shows, Never if none is
	run       int64        // how many answers in a row were alike
	risk      runtime.Risk // as the machine last said
	slow      []sim.Dist   // what answers take, all together, as the machine last said
	good      bool         // what they said
	late      bool         // the last of them did not come in time
	noted     bool         // it has seen that the threshold is reached, and the main loop has yet to act on it
	over      bool         // it has seen that the instance has ended
}

// mostDraws is how many ticks whose answers are a matter of luck are looked ahead.
const mostDraws = 64

// startProbes creates the pod's probe workers, whose tickers start now, not
// when the container does. Right after the kubelet itself has started they
// first wait for a random part of their period
// (pkg/kubelet/prober/worker.go run).
func (k *Kubelet) startProbes(r *row, at sim.Time) {
	if r.probing {
		return
	}
	r.probing = true
	for i := range r.containers {
		spec := containerOf(r.pod.Spec, i)
		live := spec.Liveness
		if live == nil {
			live = spec.Startup
		}
		if spec.Readiness == nil && live == nil || plainInit(r.pod.Spec, i) {
			continue
		}
		ready := prober{phase: at.Add(k.probeWait(r, spec.Readiness, uint64(2*i), at)), countedAt: -1, reachedAt: sim.Never}
		alive := prober{phase: at.Add(k.probeWait(r, live, uint64(2*i+1), at)), countedAt: -1, reachedAt: sim.Never}
		r.containers[i].probes = &[model.ProbeKinds]prober{ready, alive, alive}
		k.reviseRisks(r, i)
	}
	k.scheduleProbes(r, k.kernel.Now())
}

func (k *Kubelet) probeWait(r *row, p *model.Probe, n uint64, at sim.Time) time.Duration {
	if p == nil || k.startedAt < 0 || at.Sub(k.startedAt) >= period(p) {
		return 0
	}
	luck := k.luck.probe.Draw(r.hash, uint64(k.epoch)<<32|n)
	return luck.Duration(0, period(p))
}

func (k *Kubelet) reviseRisks(r *row, i int) {
	if r.box == nil || r.containers[i].probes == nil {
		return
	}
	for kind := range model.ProbeKinds {
		p := &r.containers[i].probes[kind]
		p.risk, p.slow = k.machine.Risk(r.box, i, kind), k.machine.Delays(p.slow[:0], r.box, i, kind)
	}
}

// restartProbes has the workers of a container count anew, as it runs a new instance.
// (Kubernetes forgets the state then, but goes on counting from the last answers of
// the instance before.) Nobody waits for the answer of one that has ended.
func (c *container) restartProbes() {
	if c.probes == nil {
		return
	}
	for kind := range c.probes {
		p := &c.probes[kind]
		p.run, p.freeAt, p.reachedAt, p.noted, p.over = 0, 0, sim.Never, false, false
	}
}

func period(p *model.Probe) time.Duration {
	if p.Period <= 0 {
		return 10 * time.Second
	}
	return p.Period
}

// threshold is how many answers in a row it takes.
func threshold(p *model.Probe, good bool) int64 {
	switch {
	case good:
		return int64(max(p.SuccessThreshold, 1))
	case p.FailureThreshold <= 0:
		return 3
	}
	return int64(p.FailureThreshold)
}

// asking is a probe as things are: whom it asks, from when on, and to what end.
type asking struct {
	*prober
	spec     *model.Probe
	kind     model.ProbeKind
	from     sim.Time // ticks before that do nothing
	to       sim.Time // and neither do ticks after that
	servesAt sim.Time
	endedAt  sim.Time // from when on nobody answers, Never while the instance runs
	luck     sim.Lane
	object   uint64 // names the luck
	which    uint64
	ready    bool // as readiness has it
	literal  bool
	stalled  bool // it has seen all there is, and the main loop stands still
}

// asking is false of a probe that asks nobody now.
func (k *Kubelet) asking(r *row, i int, kind model.ProbeKind) (a asking, ok bool) {
	spec, c := containerOf(r.pod.Spec, i).Probe(kind), &r.containers[i]
	if spec == nil || c.probes == nil || r.stage > terminating || r.workersQuit() || !r.shownRunning(i) {
		return a, false
	}
	if spec.NoPort != "" && c.probes[kind].noted { // what it hears from now on is the same error, and told
		return a, false
	}
	if kind != model.Readiness && (c.doomed || r.quiet(i)) || (kind == model.Startup) == r.hasStarted(i) {
		return a, false
	}
	p := &r.box.Processes[i]
	a = asking{
		prober: &c.probes[kind], spec: spec, kind: kind, endedAt: sim.Never,
		from: max(c.shownAt, model.WholeSecond(p.StartedAt).Add(spec.InitialDelay)), to: sim.Never, servesAt: p.UpAt(),
		luck: k.luck.answer, object: r.hash, which: uint64(i)*uint64(model.ProbeKinds) + uint64(kind),
		ready: c.ready, literal: k.literal,
	}
	a.stalled = a.noted && k.health.stalled
	if !p.Running {
		a.endedAt = p.FinishedAt
	}
	if spec.Handler == model.Exec {
		k.needsRuntime(&a)
	}
	return a, true
}

// quiet tells whether liveness and startup of a container are not probed any more, as its pod is being
// stopped. Those of sidecars are, which only Events and the status tell: nothing is killed for it
// (prober/prober_manager.go StopLivenessAndStartup, which stops workers of app containers alone).
func (r *row) quiet(i int) bool {
	return r.stage != syncing && !containerOf(r.pod.Spec, i).Sidecar
}

// workersQuit tells whether a pod's status, as its kubelet has it, is of a terminal phase, which is
// not told while anything of the pod runs: then its probe workers end, and it stays as ready as it
// was until it has ended (prober/worker.go doProbe).
func (r *row) workersQuit() bool {
	return r.overdue || r.pod.Phase.Terminal() || r.stage == terminating && r.stoppedFor != nobody
}

// needsRuntime leaves out the ticks of a probe by command at which there is no runtime, or no
// container that runs: such a probe has an error, and no answer (doProbe: "Prober error, throw
// away the result"; containerd/internal/cri/server/container_execsync.go execInContainer).
func (k *Kubelet) needsRuntime(a *asking) {
	h := &k.health
	a.to = a.endedAt
	if a.from = max(a.from, h.upAt+1); k.machine.RuntimeDown() {
		a.to = min(a.to, h.downAt)
	}
}

func (a *asking) ticker() sim.Ticker { return sim.Ticker{Phase: a.phase, Period: period(a.spec)} }

// next is the tick after those that are counted. A worker that still waits for an
// answer misses none: it waits no longer than its period.
func (a *asking) next() sim.Time {
	if at := a.ticker().AtOrAfter(max(a.from, a.countedAt+1, a.freeAt)); at <= a.to {
		return at
	}
	return sim.Never
}

// answer is what a probe hears that asks at a tick, how long that takes, and until
// when all others hear the same.
func (a *asking) answer(at sim.Time) (good bool, took time.Duration, last sim.Time) {
	switch {
	case a.endedAt <= at:
		return false, 0, sim.Never
	case a.servesAt > at:
		return false, 0, min(a.servesAt, a.endedAt) - 1
	}
	good, took, last = a.whileUp(at)
	return good, took, min(last, a.endedAt-1)
}

// whileUp is the same of an instance that has started up and runs.
func (a *asking) whileUp(at sim.Time) (good bool, took time.Duration, last sim.Time) {
	late := min(a.spec.Waits(), period(a.spec))
	switch {
	case a.risk == runtime.Risk{} && len(a.slow) == 0:
		return true, 0, sim.Never
	case a.risk.Late == runtime.Million:
		return false, late, sim.Never
	case a.risk.Refused == runtime.Million:
		return false, 0, sim.Never
	}
	luck := a.luck.Draw(a.object^a.which, uint64(at))
	switch n := uint32(luck.Below(runtime.Million)); {
	case n < a.risk.Late:
		return false, late, at
	case n < a.risk.Late+a.risk.Refused:
		return false, 0, at
	}
	took, certain := a.takes(&luck)
	if certain && a.risk == (runtime.Risk{}) {
		at = sim.Never
	}
	return took < late, min(took, late), at
}

// takes is how long an answer takes, and whether every other takes as long.
func (a *asking) takes(luck *sim.Stream) (took time.Duration, certain bool) {
	certain = true
	for i := range a.slow {
		took += a.slow[i].Draw(luck)
		certain = certain && a.slow[i].IsConstant()
	}
	return took, certain
}

// count takes in the answers of all ticks until a time that are not counted, or of
// the first that reach a threshold that changes something; or so many answers by
// luck. The literal mode has one after the other.
func (a *asking) count(until sim.Time, draws int) {
	if a.spec.NoPort != "" {
		a.errs(until)
		return
	}
	for a.reachedAt == sim.Never && draws > 0 {
		at := a.next()
		if at > until || at == sim.Never {
			return
		}
		good, took, last := a.answer(at)
		n := int64(1)
		if last == at {
			draws--
		} else if !a.literal {
			n += a.ticker().Count(at, min(last, until, a.to))
		}
		a.take(good, took, at, n)
	}
}

// errs takes in the first tick of a probe that does not know which port to ask: it has an error,
// which is told and counts as no answer (doProbe: "Prober error, throw away the result").
func (a *asking) errs(until sim.Time) {
	if at := a.next(); at <= until && at != sim.Never && a.reachedAt == sim.Never {
		a.countedAt, a.reachedAt = at, at
	}
}

// take counts n answers from a tick on.
func (a *asking) take(good bool, took time.Duration, at sim.Time, n int64) {
	if good != a.good {
		a.good, a.run = good, 0
	}
	need := max(1, threshold(a.spec, good)-a.run)
	reaches := need <= n && a.matters(good)
	if reaches {
		n = need
	}
	a.run += n
	a.countedAt = at + sim.Time(n-1)*sim.Time(period(a.spec))
	a.freeAt, a.late = a.countedAt.Add(took), took > 0 && !good
	if reaches {
		a.reachedAt = a.freeAt
	}
}

// matters tells whether it changes anything that a threshold is reached.
func (a *asking) matters(good bool) bool {
	switch a.kind {
	case model.Readiness:
		return good != a.ready
	case model.Liveness:
		return !good
	}
	return true
}

// due is when the kubelet has to look at the probe again: a threshold is reached, or
// nobody knows further. In literal mode it is every tick.
func (a *asking) due() sim.Time {
	if a.stalled {
		return sim.Never
	}
	if a.literal {
		return min(a.reachedAt, a.next())
	}
	ahead, last := *a.prober, a.countedAt
	x := *a
	x.prober = &ahead
	x.count(sim.Never, mostDraws)
	switch {
	case ahead.reachedAt != sim.Never:
		return ahead.reachedAt
	case ahead.countedAt == last || x.next() == sim.Never:
		return sim.Never
	}
	return ahead.countedAt
}

// catchUp counts the answers of all ticks up to now.
func (a *asking) catchUp(now sim.Time) { a.count(now, 1<<62) }

// shownRunning tells whether the newest instance is the one shown running. It may have ended,
// which nobody has seen.
func (r *row) shownRunning(i int) bool {
	if r.box == nil || r.shown == nil || i >= len(r.shown.Containers) {
		return false
	}
	s, p := &r.shown.Containers[i], &r.box.Processes[i]
	return s.State == model.ContainerRunning && s.StartedAt == p.StartedAt
}

// findsEnd is when a probe's worker finds that its container does not run any more, as statuses have
// it, if nobody knows that of this worker yet: at its next tick. That counts as a failure, and
// has the pod looked at; but a worker that had it killed waits for the next instance, and so
// does that of a startup probe that has succeeded (prober/worker.go doProbe, onHold).
func (k *Kubelet) findsEnd(r *row, i int, kind model.ProbeKind) sim.Time {
	spec, c := containerOf(r.pod.Spec, i).Probe(kind), &r.containers[i]
	if spec == nil || c.probes == nil || c.probes[kind].over || r.stage != syncing || k.health.stalled || !r.shownEnded(i) {
		return sim.Never
	}
	started := r.hasStarted(i)
	switch {
	case kind == model.Readiness && !c.ready, kind == model.Startup && (started || c.doomed), kind == model.Liveness && started && c.doomed:
		return sim.Never
	}
	return sim.Ticker{Phase: c.probes[kind].phase, Period: period(spec)}.AtOrAfter(c.shownAt + 1)
}

// shownEnded tells whether the newest instance is shown to have ended.
func (r *row) shownEnded(i int) bool {
	if r.box == nil || r.shown == nil || i >= len(r.shown.Containers) {
		return false
	}
	s, p := &r.shown.Containers[i], &r.box.Processes[i]
	return !p.Running && s.State != model.ContainerRunning && p.FinishedAt > 0 && s.FinishedAt == p.FinishedAt
}

// aimProbes is called whenever a status was made. Readiness probes of
// containers that are not ready ask at once then, and every period from then
// on (pkg/kubelet/prober/prober_manager.go UpdatePodStatus).
func (k *Kubelet) aimProbes(r *row, now sim.Time) {
	for i := range r.containers {
		a, ok := k.asking(r, i, model.Readiness)
		if !ok || a.ready || a.phase > now {
			continue
		}
		if a.catchUp(now); a.reachedAt == sim.Never {
			a.phase = max(now, a.freeAt)
		}
	}
	k.scheduleProbes(r, now)
}

// scheduleProbes finds the next tick of the pod's probes that matters, or in
// literal mode simply the next.
func (k *Kubelet) scheduleProbes(r *row, now sim.Time) {
	at := sim.Never
	for i := range r.containers {
		for kind := range model.ProbeKinds {
			if a, ok := k.asking(r, i, kind); ok {
				at = min(at, max(a.due(), now))
			}
			if end := k.findsEnd(r, i, kind); end != sim.Never {
				at = min(at, max(end, now))
			}
		}
	}
	k.slot(r).probe = at
	if at != sim.Never {
		k.want(&k.probes, whyProbe, at)
	}
}

// ProbesChanged implements runtime.Observer: from now on probes have other answers.
func (k *Kubelet) ProbesChanged(box *runtime.Sandbox) {
	r := k.find(box.Pod.ID)
	if !k.running || r == nil || r.box != box {
		return
	}
	now := k.kernel.Now()
	for i := range r.containers {
		for kind := range model.ProbeKinds {
			if a, ok := k.asking(r, i, kind); ok {
				a.catchUp(now)
			}
		}
		k.reviseRisks(r, i)
	}
	k.scheduleProbes(r, now)
}

// probesDue serves the pods with a probe that is due.
func (k *Kubelet) probesDue(now sim.Time) {
	next := sim.Never
	for i := range k.slots {
		for k.slots[i].probe <= now {
			k.probe(k.rows[i], now)
		}
		next = min(next, k.slots[i].probe)
	}
	if next != sim.Never {
		k.want(&k.probes, whyProbe, next)
	}
}

// probe acts on the thresholds of a pod's probes that are reached by now. Readiness and a
// started container show at once. Containers whose liveness or startup failed are killed by one
// pass. While the main loop stands still workers probe on, and their Events come at once; all
// else waits for the loop (pkg/kubelet/kubelet.go syncLoopIteration reads what they found).
func (k *Kubelet) probe(r *row, now sim.Time) {
	changed, looks := false, false
	for i := range r.containers {
		for kind := range model.ProbeKinds {
			if k.findsEnd(r, i, kind) <= now {
				r.containers[i].probes[kind].over, looks = true, true
			}
			a, ok := k.asking(r, i, kind)
			if !ok {
				continue
			}
			if a.catchUp(now); a.reachedAt > now {
				continue
			}
			if k.say(r, &a); k.health.stalled || a.spec.NoPort != "" {
				continue
			}
			shows := k.actOn(r, i, &a)
			next := a.kind == model.Startup && i < len(r.pod.Spec.InitContainers) // a sidecar lets what comes after it start
			changed, looks = changed || shows, looks || !shows || next
		}
	}
	k.scheduleProbes(r, now)
	if changed {
		k.publish(r, false)
	}
	if looks {
		k.trigger(r, now)
	}
}

// say records the Event of a failure as soon as a threshold is reached, as a worker does itself
// (pkg/kubelet/prober/prober.go probe). Kubernetes says so of every failure, with the same words,
// which Events that are alike hide.
func (k *Kubelet) say(r *row, a *asking) {
	switch {
	case a.noted:
	case a.spec.NoPort != "":
		k.client.Note(r.face(), true, "Unhealthy", fmt.Sprintf("%s probe errored and resulted in unknown state: strconv.Atoi: parsing %q: invalid syntax", probeNames[a.kind], a.spec.NoPort))
	case !a.good:
		k.client.Note(r.face(), true, "Unhealthy", probeNames[a.kind]+" probe failed: "+a.failure())
	}
	a.noted = true
}

// actOn does what a threshold that was reached asks for. It tells whether that shows in the
// status; if not, the container is to be killed.
func (k *Kubelet) actOn(r *row, i int, a *asking) bool {
	c := &r.containers[i]
	a.reachedAt, a.noted = sim.Never, false
	switch {
	case a.kind == model.Readiness:
		c.ready = a.good
	case a.good:
		c.started = true
	default:
		c.doomed, c.killGrace = true, a.spec.Grace
		if a.spec.Grace == 0 {
			c.killGrace = time.Duration(r.pod.Spec.GraceSeconds) * time.Second
		}
	}
	return a.kind == model.Readiness || a.good
}

var probeNames = [model.ProbeKinds]string{"Readiness", "Liveness", "Startup"}

// failure is what is said of the last answer, without addresses and command lines: of a
// command what it printed, which here is nothing, unless it took too long
// (pkg/probe/exec/exec.go and cri-client/pkg/remote_runtime.go, grpc/grpc.go, http/http.go,
// tcp/tcp.go). A gRPC client that is refused tries on until its time is over, in words only:
// here it fails at once.
func (a *asking) failure() string {
	const refused = "dial tcp: connect: connection refused"
	up := a.servesAt <= a.countedAt && a.countedAt < a.endedAt
	switch a.spec.Handler {
	case model.Exec:
		if a.late {
			return fmt.Sprintf("command timed out: timed out after %v", a.spec.Waits())
		}
		return ""
	case model.GRPC:
		switch within := a.spec.Waits(); {
		case !up:
			return fmt.Sprintf("timeout: failed to connect service within %v: context deadline exceeded", within)
		case a.late:
			return fmt.Sprintf("timeout: health rpc did not complete within %v", within)
		}
		return `service unhealthy (responded with "NOT_SERVING")`
	case model.TCPSocket:
		if a.late {
			return "dial tcp: i/o timeout"
		}
		return refused
	}
	switch {
	case a.late:
		return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
	case up:
		return "HTTP probe failed with statuscode: 503"
	}
	return refused
}

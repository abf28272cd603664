package kubelet

import (
	"time"

	"orrery/model"
	"orrery/model/runtime"
	"orrery/sim"
)

// A probe asks a container at every tick of its worker, and counts. When the
// container will have started up is known, and so is every answer; hence only
// the tick at which a threshold is reached is an event.

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
		spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
		c.readyPhase = at.Add(k.probeWait(r, spec.Readiness, uint64(2*i), at))
		live := spec.Liveness
		if live == nil {
			live = spec.Startup
		}
		c.livePhase = at.Add(k.probeWait(r, live, uint64(2*i+1), at))
	}
}

func (k *Kubelet) probeWait(r *row, p *model.Probe, n uint64, at sim.Time) time.Duration {
	if p == nil || k.startedAt < 0 || at.Sub(k.startedAt) >= period(p) {
		return 0
	}
	luck := k.luck.probe.Draw(r.hash, uint64(k.epoch)<<32|n)
	return luck.Duration(0, period(p))
}

func period(p *model.Probe) time.Duration {
	if p.Period <= 0 {
		return 10 * time.Second
	}
	return p.Period
}

func orOne(threshold int) time.Duration { return time.Duration(max(threshold, 1)) }

func orThree(threshold int) time.Duration {
	if threshold <= 0 {
		return 3
	}
	return time.Duration(threshold)
}

// verdict is when a probe that begins to ask at the first tick not before from
// has succeeded, or failed, as often in a row as it takes; the other one is
// Never. A container answers well from servesAt on.
func verdict(p *model.Probe, phase, from, servesAt sim.Time) (success, failure sim.Time) {
	t := sim.Ticker{Phase: phase, Period: period(p)}
	good := t.AtOrAfter(max(from, servesAt))
	failure = t.AtOrAfter(from).Add((orThree(p.FailureThreshold) - 1) * t.Period)
	if failure < good {
		return sim.Never, failure
	}
	return good.Add((orOne(p.SuccessThreshold) - 1) * t.Period), sim.Never
}

// probed is what a probe's threshold does.
type probed uint8

const (
	nowStarted probed = iota
	nowReady
	startFailed
	liveFailed
)

// probeDue is when the next threshold of a container's probes is reached, and
// which: those of the instance that is shown running.
func (r *row) probeDue(i int) (sim.Time, probed) {
	spec, c := containerOf(r.pod.Spec, i), &r.containers[i]
	if plainInit(r.pod.Spec, i) || c.doomed || r.stage > terminating || !r.shownRunning(i) {
		return sim.Never, 0
	}
	p := &r.box.Processes[i]
	if spec.Startup != nil && !c.started {
		good, bad := verdict(spec.Startup, c.livePhase, eligible(c, p, spec.Startup), p.ServesAt)
		switch {
		case r.stage != syncing:
			return sim.Never, 0
		case bad < good:
			return bad, startFailed
		}
		return good, nowStarted
	}
	at, what := sim.Never, nowReady
	if spec.Readiness != nil && !c.ready {
		from := eligible(c, p, spec.Readiness)
		at, _ = verdict(spec.Readiness, c.readyPhase, max(from, p.ServesAt), p.ServesAt)
	}
	if spec.Liveness != nil && r.stage == syncing {
		if _, bad := verdict(spec.Liveness, c.livePhase, eligible(c, p, spec.Liveness), p.ServesAt); bad < at {
			at, what = bad, liveFailed
		}
	}
	return at, what
}

// eligible is when a probe may ask first: the container has run for the
// initial delay and is shown running.
func eligible(c *container, p *runtime.Process, probe *model.Probe) sim.Time {
	return max(c.shownAt, p.StartedAt.Add(probe.InitialDelay))
}

// shownRunning tells whether the instance that runs is the one shown running.
func (r *row) shownRunning(i int) bool {
	if r.box == nil || r.shown == nil || i >= len(r.shown.Containers) {
		return false
	}
	s, p := &r.shown.Containers[i], &r.box.Processes[i]
	return p.Running && s.State == model.ContainerRunning && s.StartedAt == p.StartedAt
}

// aimProbes is called whenever a status was made. Readiness probes of
// containers that are not ready ask at once then, and every period from then
// on (pkg/kubelet/prober/prober_manager.go UpdatePodStatus).
func (k *Kubelet) aimProbes(r *row, now sim.Time) {
	for i := range r.containers {
		c := &r.containers[i]
		if containerOf(r.pod.Spec, i).Readiness != nil && !c.ready && r.hasStarted(i) && c.readyPhase <= now && r.shownRunning(i) {
			c.readyPhase = now
		}
	}
	k.scheduleProbes(r, now)
}

// scheduleProbes finds the next tick of the pod's probes that matters, or in
// literal mode simply the next.
func (k *Kubelet) scheduleProbes(r *row, now sim.Time) {
	at := sim.Never
	for i := range r.containers {
		due, _ := r.probeDue(i)
		at = min(at, max(due, now))
		if k.literal && r.probing {
			at = min(at, r.nextTick(i, now))
		}
	}
	k.slot(r).probe = at
	if at != sim.Never {
		k.want(&k.probes, whyProbe, at)
	}
}

// nextTick is the next tick of any of a container's probes.
func (r *row) nextTick(i int, now sim.Time) sim.Time {
	spec, c, at := containerOf(r.pod.Spec, i), &r.containers[i], sim.Never
	if r.stage > terminating {
		return at
	}
	if p := spec.Readiness; p != nil {
		at = min(at, sim.Ticker{Phase: c.readyPhase, Period: period(p)}.After(now))
	}
	for _, p := range [...]*model.Probe{spec.Liveness, spec.Startup} {
		if p != nil {
			at = min(at, sim.Ticker{Phase: c.livePhase, Period: period(p)}.After(now))
		}
	}
	return at
}

// probesDue serves the pods with a probe that is due.
func (k *Kubelet) probesDue(now sim.Time) {
	if k.health.stalled {
		return
	}
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

// probe does what thresholds that are reached by now do: readiness and startup
// show at once, liveness and failed startup kill.
func (k *Kubelet) probe(r *row, now sim.Time) {
	changed := false
	for i := range r.containers {
		at, what := r.probeDue(i)
		if at > now {
			continue
		}
		c := &r.containers[i]
		switch what {
		case nowStarted:
			c.started, changed = true, true
		case nowReady:
			c.ready, changed = true, true
		default:
			c.doomed = true
			k.unhealthy(r, i, what)
		}
	}
	k.scheduleProbes(r, now)
	if changed {
		k.publish(r, false)
		if !r.initialized {
			k.trigger(r, now) // a sidecar that has started lets the next one start
		}
	}
}

func (k *Kubelet) unhealthy(r *row, i int, what probed) {
	kind := "Liveness"
	if what == startFailed {
		kind = "Startup"
	}
	name := containerOf(r.pod.Spec, i).Name
	k.client.Note(r.face(), true, "Unhealthy", kind+" probe failed: connection refused")
	k.client.Note(r.face(), false, "Killing", "Container "+name+" failed "+kind+" probe, will be restarted")
	k.trigger(r, k.kernel.Now())
}

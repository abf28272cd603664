package kubelet

import (
	"time"

	"orrery/model/runtime"
	"orrery/sim"
)

// A relist of the pod lifecycle event generator (pkg/kubelet/pleg/generic.go Relist) lists
// everything on the machine, which takes no time here, and inspects the pods that have
// changed since the one before, one after the other: each gets a sync when it is inspected.
// Who waits for news of another pod waits for the end. The next relist begins a second
// later, so the more pods change, the later all of it is seen; three minutes, after which
// the generator counts as broken, no machine has enough pods for.
//
// Kubernetes inspects in the random order of a map, here it is the order in which pods
// changed. So it is known at a change when it will be seen.

// inspectTime is how long the inspection of a pod takes: an estimate.
var inspectTime = sim.Uniform(10*time.Millisecond, 30*time.Millisecond)

// inspection is one of a pod.
type inspection struct {
	at, by sim.Time // when it begins and is over
	told   bool     // the pod's worker is to be told
}

// round is a relist that finds changed pods.
type round struct {
	at   sim.Time // when it begins, Never if there is none
	took time.Duration
}

// relists is when a kubelet looks at its machine. A tick is when a relist is over, as far as
// is known, so it is the beginning of one that finds nothing changed.
type relists struct {
	pulse
	before sim.Time // when the relist before the newest round began, 0 if there was none
	newest round    // after whose end the ticks go on
	coming round
}

// begin has the first relist at a time.
func (l *relists) begin(at sim.Time) {
	l.Phase, l.Period = at, relistEvery
	l.before, l.newest, l.coming = 0, round{at: at}, round{at: sim.Never}
}

// settle has the coming round begin if its time has come.
func (l *relists) settle(now sim.Time) {
	if l.coming.at > now {
		return
	}
	l.before = l.over(l.coming.at - 1)
	l.newest, l.coming = l.coming, round{at: sim.Never}
	l.Phase = l.newest.at.Add(l.newest.took)
}

// over is when the newest relist began that is over.
func (l *relists) over(now sim.Time) sim.Time {
	switch at, ok := l.AtOrBefore(now); {
	case !ok:
		return l.before
	case at == l.Phase:
		return l.newest.at
	default:
		return at
	}
}

// last is the same, where a round may have begun.
func (l *relists) last(now sim.Time) sim.Time {
	l.settle(now)
	return l.over(now)
}

// next is when the first relist begins that is later than now.
func (l *relists) next(now sim.Time) sim.Time {
	l.settle(now)
	switch {
	case now < l.newest.at:
		return l.newest.at
	case now < l.Phase:
		return l.Phase.Add(l.Period)
	}
	return l.After(now)
}

// inspect gives a pod a place in the next relist, in which its inspection takes so long.
func (l *relists) inspect(now sim.Time, takes time.Duration) inspection {
	l.coming.at = l.next(now)
	at := l.coming.at.Add(l.coming.took)
	l.coming.took += takes
	return inspection{at: at, by: at.Add(takes)}
}

// breakOff ends the round that is under way, and there is no other to come.
func (l *relists) breakOff(now sim.Time) {
	l.settle(now)
	if l.newest.at < now && now < l.Phase {
		l.Phase = now
	}
	l.coming = round{at: sim.Never}
}

// inspectedAt is when the newest inspection of a pod began that is over, 0 if there was none.
func (r *row) inspectedAt(now sim.Time) sim.Time {
	p := &r.inspections
	for p[0].by != 0 && p[0].by < now {
		r.inspected = p[0].at
		p[0], p[1] = p[1], inspection{}
	}
	if p[0].by == now {
		return max(r.inspected, p[0].at)
	}
	return r.inspected
}

// cacheAt is how new what the kubelet knows of a pod is: what happened before, it has seen. It is 0
// if it knows nothing. Without a runtime a relist shows nothing.
func (k *Kubelet) cacheAt(r *row, now sim.Time) sim.Time {
	if k.machine.RuntimeDown() {
		return max(k.health.frozen, r.inspectedAt(now))
	}
	return max(k.lastRelist(now), r.inspectedAt(now))
}

// lastRelist is when the newest relist began that is over and showed something.
func (k *Kubelet) lastRelist(now sim.Time) sim.Time {
	at := k.relist.last(now)
	if at < k.health.upAt {
		return k.health.frozen
	}
	return at
}

// inspect gives a pod that changes a place in the next relist, and is when that is through
// with it. Never is when the runtime is back.
func (k *Kubelet) inspect(r *row) *inspection {
	now := k.kernel.Now()
	if k.machine.RuntimeDown() {
		r.missed = true
		return &inspection{by: sim.Never}
	}
	next := k.relist.next(now)
	r.inspectedAt(now)
	p := &r.inspections[0]
	switch {
	case p.by == 0:
	case p.at >= next:
		return p
	default:
		if p = &r.inspections[1]; p.by != 0 {
			return p
		}
	}
	var takes time.Duration
	if r.box != nil && r.box.Attempts > 0 { // there is something of it
		luck := k.luck.relist.Draw(r.hash, uint64(next))
		takes = inspectTime.Draw(&luck)
	}
	*p = k.relist.inspect(now, takes)
	return p
}

// changed has the next relist inspect a pod and its worker look at what that shows.
func (k *Kubelet) changed(r *row) {
	p := k.inspect(r)
	if p.told || p.by == sim.Never {
		return
	}
	p.told = true
	k.kernel.Post(p.by, k.self, whyInspected, k.aboutPod(r))
}

// inspectionOver has a pod's worker look at what a relist has shown.
func (k *Kubelet) inspectionOver(now sim.Time, about uint64) {
	r := k.awaited(about)
	if r == nil {
		return
	}
	if r.inspectedAt(now); r.stage == syncing && r.inspections[0].by == now {
		k.trigger(r, now)
	}
}

// expect has the pod's worker look again when a relist is over that began after since.
func (k *Kubelet) expect(r *row, since sim.Time) {
	if p := &r.inspections; p[0].told && p[0].at > since || p[1].told { // it is told of that anyway
		return
	}
	k.slot(r).news = since
	k.awaitRelist(since, k.kernel.Now())
}

// awaitRelist wakes the kubelet at the first tick not before a time at which a relist may be
// over that began after since.
func (k *Kubelet) awaitRelist(since, from sim.Time) {
	k.relist.settle(k.kernel.Now())
	if k.relist.newest.at <= since { // which is not over yet, maybe
		since = max(since, k.relist.Phase)
	}
	k.want(&k.relist.pulse, whyRelist, max(since+1, from))
}

// relisted has the workers look that wait for a relist, if it is over.
func (k *Kubelet) relisted(now sim.Time) {
	k.relist.settle(now)
	if k.machine.RuntimeDown() {
		return
	}
	for i := range k.slots {
		if news := k.slots[i].news; news != sim.Never && news < k.cacheAt(k.rows[i], now) {
			k.slots[i].news = sim.Never
			k.trigger(k.rows[i], now)
		}
	}
	for i := range k.slots {
		if n := k.slots[i].news; n != sim.Never {
			k.awaitRelist(n, now+1)
		}
	}
}

// loseInspections is for a runtime that has gone: what was to be inspected is when it is back.
func (k *Kubelet) loseInspections(now sim.Time) {
	k.relist.breakOff(now)
	for _, r := range k.rows {
		if r == nil {
			continue
		}
		if r.inspectedAt(now); r.inspections[0].by != 0 {
			r.missed, r.inspections = true, [2]inspection{}
		}
	}
}

// inspectMissed is for one that is back.
func (k *Kubelet) inspectMissed() {
	for _, r := range k.rows {
		if r != nil && r.missed {
			r.missed = false
			k.changed(r)
		}
	}
}

// Changed implements runtime.Observer.
func (k *Kubelet) Changed(box *runtime.Sandbox) {
	k.followContainers()
	if !k.running {
		return
	}
	r := k.find(box.Pod.ID)
	if r == nil || r.box != box {
		return
	}
	k.scheduleProbes(r, k.kernel.Now()) // whom they ask may be gone, which they do not know
	switch {
	case r.stage == syncing:
		k.changed(r)
		if i := int(r.cursor); r.doing == hooking && !box.Processes[i].Running && !k.machine.PostStartSleeps(box, i) {
			k.postStartFailed(r)
			return
		}
	case r.stage == terminating:
		k.inspect(r)
	}
	k.goOnStopping(r)
}

package apiserver

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// seats is what a server wakes for because of seats.
func (a *Server) seats(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whySeatless:
		a.seatless(now, about)
	case whyOver:
		a.finish(about, store.TimedOut, nil)
	case whyTurn:
		a.turn(now, int(about))
	case whyFlood:
		a.step(now)
	case whyAdjust:
		a.adjusted(now)
	case whyConfigured:
		a.configured(now)
	case whyTimed:
		a.tellTiming(now)
	}
}

// arrive lets a request in if it is known whose it is, and has it take a seat.
func (a *Server) arrive(now sim.Time, slot uint64) {
	r := a.store.Arrive(slot)
	if a.state != ready {
		a.store.Answer(slot, store.Disconnected, nil)
		return
	}
	if refusal := a.gate.authenticate(r); refusal != store.Accepted {
		a.store.Answer(slot, refusal, nil)
		return
	}
	flow := a.fair.flowOf(a.store, r)
	switch a.fair.arrive(now, slot, flow, a.width(r, flow.level)) {
	case goOn:
		a.execute(now, slot)
	case reject:
		if a.squeeze(now, slot, flow) {
			a.execute(now, slot)
			return
		}
		a.reject(now, slot)
	case wait:
		a.kernel.Post(now.Add(seatWait), a.self, whySeatless, a.about(slot))
		a.dispatch(now, flow.level)
		a.awaitTurn(now, flow.level)
		a.look()
	}
}

// width is the seats of a request: one, but for lists.
func (a *Server) width(r *store.Request, level int) int64 {
	if r.Op != store.OpList {
		return 1
	}
	objects := r.List.Objects
	if objects == 0 {
		objects = a.store.Existing(r.List.Kind)
	}
	return a.fair.width(level, objects*r.List.ObjectBytes)
}

// reject answers 429: come again after a second.
func (a *Server) reject(now sim.Time, slot uint64) {
	r := a.store.Request(slot)
	level := a.fair.levels[a.fair.ticket(slot).level].name
	a.store.Note(a.self, model.Note{
		Named: a.name, Warning: true, Reason: ReasonTooManyRequests,
		Message: "rejects a request of " + r.Client.Name + ", to " + r.Op.String() + ": no seat in " + level,
		Load:    &model.APILoad{Level: level},
	})
	r.RetryAfter = retryAfter
	a.store.Answer(slot, store.TooManyRequests, nil)
}

// ReasonTooManyRequests is the reason of a note about a request that is answered
// 429.
const ReasonTooManyRequests = "TooManyRequests"

// seatless rejects a request that still waits when its time is over.
func (a *Server) seatless(now sim.Time, slot uint64) {
	if a.fair.expire(now, slot) {
		a.reject(now, slot)
	}
}

// finish answers a request, whose seat others may take now.
func (a *Server) finish(slot uint64, refusal store.Refusal, result model.Object) {
	a.store.Request(slot).Decide(refusal, result)
	a.reply(slot)
}

// reply is finish with what was decided.
func (a *Server) reply(slot uint64) {
	t := a.fair.ticket(slot)
	now, level := a.kernel.Now(), int(t.level)
	if t.state == seated {
		a.timed(now, a.store.Request(slot), t.since)
	}
	a.fair.depart(now, slot)
	a.store.Reply(slot)
	a.dispatch(now, level)
	a.fair.levels[level].refill()
}

// dispatch lets those of a level go on who have their turn and find a seat. One
// that is refused at once gives its seat back while this goes on.
func (a *Server) dispatch(now sim.Time, level int) {
	if a.dispatching || a.fair.levels[level].waiting == 0 {
		return
	}
	a.dispatching = true
	for {
		slot, ok := a.fair.dispatch(now, level)
		if !ok {
			break
		}
		a.execute(now, slot)
	}
	a.dispatching = false
}

// look has the server wake when limits change while somebody waits.
func (a *Server) look() {
	if a.fair.lookAt < a.fair.nextAdjust {
		a.fair.lookAt = a.fair.nextAdjust
		a.kernel.Post(a.fair.lookAt, a.self, whyAdjust, a.about(0))
	}
}

// adjusted lets those go on for whom there are seats now.
func (a *Server) adjusted(now sim.Time) {
	a.fair.adjust(now)
	waiting := 0
	for i := range a.fair.levels {
		a.dispatch(now, i)
		waiting += a.fair.levels[i].waiting
	}
	if waiting > 0 {
		a.look()
	}
}

// tellLoad notes what floods do to a level when that changes by a tenth, and
// stops the renewals of leases, which are not requests here, while they take
// longer than a kubelet waits for one, or nearly all of them are rejected.
func (a *Server) tellLoad(now sim.Time) {
	for len(a.told) < len(a.fair.levels) {
		a.told = append(a.told, model.APILoad{})
	}
	renewals := a.fair.classify(question{
		as:    &store.Identity{User: model.UserNodePrefix, Groups: []string{model.GroupNodes}},
		right: store.RightUpdate, kind: model.KindLease, namespace: "kube-node-lease",
	})
	deaf := a.stall(writeCost) >= renewalTime
	for i := range a.fair.levels {
		l := &a.fair.levels[i]
		load := model.APILoad{Level: l.name, OfferedMilliRPS: l.floodOffered, Latency: model.UsualWrite + a.stall(writeCost), Late: model.UsualLate + a.stall(lateCost)}
		for _, s := range a.floods {
			if s.level == i {
				load.RejectedMilliRPS += s.rejected
				load.LateMilliRPS += s.given
				load.Full = load.Full || s.waiting+s.rejected > 0
			}
		}
		deaf = deaf || i == renewals.level && l.priority.queues == 0 && l.floodServed*50 < l.floodOffered
		if load.Differs(&a.told[i]) {
			a.told[i] = load
			a.store.Note(a.self, model.Note{Named: a.name, Warning: load.Full, Reason: model.ReasonAPILoadChanged, Message: load.String(), Load: &load})
		}
	}
	if deaf == a.deaf {
		return
	}
	a.deaf = deaf
	a.store.Leases().Overload(a.site, deaf)
	n := renewalsNote(a.name, "renewals of leases are answered in time again")
	if deaf {
		n = renewalsStoppedNote(a.name, "a flood has their seats or the processors")
	}
	a.store.Note(a.self, n)
}

// renewalTime is how long a kubelet waits for the answer to a renewal
// (cmd/kubelet/app/server.go: the client for heartbeats gives up after
// nodeStatusUpdateFrequency).
const renewalTime = 10 * time.Second

package apiserver

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// notable is how long a small request takes of which people are told something. With
// etcd on disks that are good enough hardly one in a hundred takes that long.
const notable = 100 * time.Millisecond

// timing is how long small requests took, by the minute. Nothing is said of a minute
// in which all were quick. Renewals of leases do not count, as most of them are no
// requests here.
type timing struct {
	took    []time.Duration // in this minute
	since   sim.Time        // the minute began
	closeAt sim.Time        // the end of the minute, once something notable is in it; else 0
	slowly  bool            // what was said last is that it takes long
}

// minute is over what time the percentiles are.
const minute = time.Minute

// timed takes note of a request that had its seat since a time.
func (a *Server) timed(now sim.Time, r *store.Request, since sim.Time) {
	if r.Op == store.OpList || r.Op == store.OpNote || r.Target.Kind == model.KindLease || r.Object != nil && r.Object.Head().Kind == model.KindLease {
		return
	}
	t := &a.timing
	start := now - now%sim.Time(minute)
	if t.closeAt == 0 && t.since < start {
		t.took, t.since = t.took[:0], start
	}
	d := now.Sub(since)
	t.took = append(t.took, d)
	if d >= notable && t.closeAt == 0 {
		a.closeMinute(start.Add(minute))
	}
}

func (a *Server) closeMinute(at sim.Time) {
	a.timing.closeAt = at
	a.kernel.Post(at, a.self, whyTimed, a.about(0))
}

// tellTiming is the end of a minute with something notable, or of the one after it.
func (a *Server) tellTiming(now sim.Time) {
	t := &a.timing
	if now != t.closeAt {
		return
	}
	t.closeAt = 0
	slices.Sort(t.took)
	load := model.APILoad{}
	if n := len(t.took); n > 0 && t.took[n-1] >= notable {
		load.Latency, load.Late = t.took[(n-1)/2], t.took[(n*99+99)/100-1]
	}
	t.took, t.since = t.took[:0], now
	if t.slowly = load.Late >= notable; t.slowly {
		a.closeMinute(now.Add(minute))
	} else {
		load = model.APILoad{}
	}
	if load.Differs(&a.timedLoad) {
		a.timedLoad = load
		a.store.Note(a.self, model.Note{Named: a.name, Warning: t.slowly, Reason: model.ReasonAPILoadChanged, Message: load.String(), Load: &load})
	}
}

// forgetTiming is the end of a process.
func (a *Server) forgetTiming() {
	a.timing = timing{}
	if a.timedLoad != (model.APILoad{}) {
		a.timedLoad = model.APILoad{}
		a.store.Note(a.self, model.Note{Named: a.name, Reason: model.ReasonAPILoadChanged, Message: a.timedLoad.String(), Load: &model.APILoad{}})
	}
}

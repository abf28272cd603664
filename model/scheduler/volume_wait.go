package scheduler

import (
	"slices"
	"strconv"
	"time"

	"orrery/model/store"
	"orrery/sim"
)

// How long a binding waits for volumes, and how often it looks
// (pkg/scheduler/apis/config/v1/defaults.go bindTimeoutSeconds;
// pkg/scheduler/framework/plugins/volumebinding/binder.go BindPodVolumes).
const (
	bindTimeout = 600 * time.Second
	bindLook    = time.Second
)

// volumeWait is a binding that waits for volumes: first until the API server knows
// what was decided, then until others have done it. It looks once a second; looks
// that find nothing new are no events.
type volumeWait struct {
	found    []binding
	node     uint32 // where the pod is assumed, or was until it was asked to go
	name     string // of that node
	untold   int    // requests that are not answered
	revision int64  // of the last that was
	ticks    sim.Ticker
	until    sim.Time
	postedAt sim.Time // the look that is posted
}

// bindVolumes tells the API server what was decided about a pod's volumes, one
// request after the other in the original, and is true if the pod has to wait for
// them (volume_binding.go PreBind, binder.go bindAPIUpdate). That there is something
// to wait for makes the node a nominated one
// (pkg/scheduler/schedule_one.go, NominatedNodeNameForExpectation).
func (s *Scheduler) bindVolumes(row *podRow) bool {
	p := s.search.framework.volumes
	if p == nil || !s.cache.volumes.live || s.cache.rows[row.node].Node == nil {
		return false // without its node the binding fails at once
	}
	found := p.reserved[reservationOf(row.placed)]
	if len(found) == 0 {
		return false
	}
	row.volumes = &volumeWait{found: found, node: row.node, name: s.cache.rows[row.node].Node.Name, untold: len(found)}
	s.client.PatchPart(row.pod.Ref(), store.Status, nomination{row.volumes.name}, opNominate|uint64(row.pod.ID))
	for _, b := range found {
		tag := opVolume | uint64(row.pod.ID)
		if b.volume != nil {
			x := *b.volume
			s.client.Update(&x, tag)
		} else {
			c := *b.claim
			s.client.Update(&c, tag)
		}
	}
	return true
}

// volumeTold takes an answer. When all are there, the wait begins.
func (s *Scheduler) volumeTold(now sim.Time, id uint32, r store.Reply) {
	row := s.rows.Row(id)
	w := row.volumes
	if w == nil {
		return // given up after another's refusal
	}
	if r.Refusal != store.Accepted {
		row.volumes = nil
		s.abandon(now, id, preBindError+w.refused(r.Refusal))
		return
	}
	w.revision = max(w.revision, r.Object.Head().ResourceVersion)
	if w.untold--; w.untold > 0 {
		return
	}
	w.ticks, w.until = sim.Ticker{Phase: now, Period: bindLook}, now.Add(bindTimeout)
	s.unbound = append(s.unbound, id)
	s.postLook(now, id)
}

const preBindError = `running PreBind plugin "VolumeBinding": `

// refused words a refusal as the API server does; of several claims or volumes the
// first is named.
func (w *volumeWait) refused(why store.Refusal) string {
	of := `persistentvolumeclaims "` + w.found[0].claim.Name + `"`
	if x := w.found[0].volume; x != nil {
		of = `persistentvolumes "` + x.Name + `"`
	}
	switch why {
	case store.Conflict:
		return "Operation cannot be fulfilled on " + of + ": the object has been modified; please apply your changes to the latest version and try again"
	case store.NotFound:
		return of + " not found"
	}
	return why.String()
}

// postLook posts the next look that finds something: volumes that are bound, or
// something wrong, or the end of the wait.
func (s *Scheduler) postLook(now sim.Time, id uint32) {
	w := s.rows.Row(id).volumes
	at := w.until
	if done, wrong := s.volumesBound(id); done || wrong != "" || s.Literal {
		at = min(at, w.ticks.After(now))
	}
	if w.postedAt <= now || at < w.postedAt {
		w.postedAt = at
		s.kernel.Post(at, s.self, whyVolumes, uint64(id))
	}
}

// lookAtVolumes is called when storage has changed.
func (s *Scheduler) lookAtVolumes(now sim.Time) {
	for _, id := range s.unbound {
		s.postLook(now, id)
	}
}

// checkVolumes has everybody look whose look is due, in the order in which they began to
// wait, whoever's look was posted first.
func (s *Scheduler) checkVolumes(now sim.Time) {
	due := slices.DeleteFunc(slices.Clone(s.unbound), func(id uint32) bool { return s.rows.Row(id).volumes.postedAt != now })
	for _, id := range due {
		s.checkBinding(now, id)
	}
}

// checkBinding is one look (binder.go checkBindings).
func (s *Scheduler) checkBinding(now sim.Time, id uint32) {
	row := s.rows.Row(id)
	w := row.volumes
	done, wrong := s.volumesBound(id)
	if !done && wrong == "" && now >= w.until {
		wrong = "context deadline exceeded"
	}
	switch {
	case wrong != "":
		s.endWait(row, id)
		s.abandon(now, id, preBindError+"binding volumes: "+wrong)
	case done:
		s.endWait(row, id)
		s.postBinding(row)
	default:
		s.postLook(now, id)
	}
}

func (s *Scheduler) endWait(row *podRow, id uint32) {
	row.volumes = nil
	s.unbound = slices.DeleteFunc(s.unbound, func(x uint32) bool { return x == id })
}

// volumesBound tells whether all of a pod's claims are bound, and what makes that
// impossible.
func (s *Scheduler) volumesBound(id uint32) (done bool, wrong string) {
	w, all := s.rows.Row(id).volumes, &s.cache.volumes
	node := s.cache.rows[w.node].Node // nil if it is gone: then the binding fails
	done = true
	for _, b := range w.found {
		c := *all.seenClaims.Row(b.claim.ID)
		switch {
		case c == nil:
			return false, notFound(b.claim.Name)
		case b.volume == nil && c.ResourceVersion >= w.revision && c.SelectedNode != w.name:
			return false, "provisioning failed for PVC " + strconv.Quote(c.Name)
		}
		x := all.volumes[c.Volume]
		if x != nil && node != nil && !matchesAny(x.Affinity, node) {
			return false, "pv " + strconv.Quote(x.Name) + " node affinity doesn't match node " + strconv.Quote(node.Name)
		}
		done = done && c.Bound && c.Volume != ""
	}
	return done, ""
}

package scheduler

import (
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// permit is a pod's wait for permission: it is assumed on its node, and its
// binding has not begun. Until then it is in flight
// (pkg/scheduler/framework/runtime/waiting_pods_map.go).
type permit struct {
	stays   []stay
	pending pluginSet // those of stays that have not allowed it
}

// stay is what one plugin asked for.
type stay struct {
	plugin pluginSet
	name   string
	length time.Duration
	until  sim.Time
}

// due is the stay that ends first, of those that were not cut short.
func (p *permit) due() (first *stay) {
	for i := range p.stays {
		if s := &p.stays[i]; p.pending&s.plugin != 0 && (first == nil || s.until < first.until) {
			first = s
		}
	}
	return first
}

// reserve tells the Reserve plugins of an assumed pod
// (RunReservePluginsReserve). On a refusal all of them forget it.
func (f *Framework) reserve(pod *model.Pod, node uint32) *Status {
	for _, p := range f.reserves {
		if st := p.Reserve(pod, node); st != nil {
			f.unreserve(pod, node)
			return st.during("Reserve", p.Name())
		}
	}
	return nil
}

// unreserve undoes it, in the opposite order (RunReservePluginsUnreserve).
func (f *Framework) unreserve(pod *model.Pod, node uint32) {
	for i := len(f.reserves) - 1; i >= 0; i-- {
		f.reserves[i].Unreserve(pod, node)
	}
}

// permit asks all Permit plugins (RunPermitPlugins). The wait is nil if none
// asks for one, the status if none refuses.
func (f *Framework) permit(pod *model.Pod, node uint32) (*permit, *Status) {
	var wait *permit
	for _, p := range f.permits {
		st, length := p.Permit(pod, node)
		switch {
		case st == nil:
		case st.Code != Wait:
			return nil, st.during("Permit", p.Name())
		default:
			if wait == nil {
				wait = &permit{}
			}
			length = min(length, permitMost)
			bit := f.bit(p.Name())
			wait.stays = append(wait.stays, stay{bit, p.Name(), length, f.holder.now().Add(length)})
			wait.pending |= bit
		}
	}
	return wait, nil
}

// during words an error as the framework does; another status says all itself.
func (s *Status) during(point, plugin string) *Status {
	if s.Code != Error {
		return s
	}
	return &Status{Code: Error, Reasons: []string{"running " + point + ` plugin "` + plugin + `": ` + s.Reasons[0]}}
}

// alone is what a pod is told that was refused after it had found its node.
func (s *Status) alone() string {
	if s.Code == Error {
		return s.Reasons[0]
	}
	d := Diagnosis{NumAllNodes: 1, NodeToStatus: []statusCount{{s, 1}}}
	return d.Error("")
}

// settle ends the scheduling cycle of a pod that is assumed on its node: the
// plugins may refuse it, or hold up its binding, which begins otherwise
// (pkg/scheduler/schedule_one.go schedulingCycle).
func (s *Scheduler) settle(now sim.Time, id uint32) {
	row, f := s.rows.Row(id), s.search.framework
	st := f.reserve(row.pod, row.node)
	var wait *permit
	if st == nil {
		if wait, st = f.permit(row.pod, row.node); st != nil {
			f.unreserve(row.pod, row.node)
		}
	}
	switch {
	case st != nil:
		s.uncharge(row)
		reason := reasonUnschedulable
		if st.Code == Error {
			reason = reasonSchedulerError
		}
		if s.fail(now, id, st.rejector, reason, st.alone(), opConditionIn) {
			s.busy = true
		}
	case wait != nil:
		row.permit = wait
		s.queue.setAside()
		s.client.PatchPart(row.pod.Ref(), store.Status, nomination{s.cache.rows[row.node].Node.Name}, opNominate|uint64(id))
		s.postPermit(wait.due().until)
	default:
		s.queue.done()
		s.bind(row)
	}
}

// bind goes on with the binding of a pod, unless its volumes hold it up.
func (s *Scheduler) bind(row *podRow) {
	if s.bindVolumes(row) {
		return
	}
	s.postBinding(row)
}

func (s *Scheduler) postBinding(row *podRow) {
	node := model.Ref{Kind: model.KindNode, ID: row.node}
	s.search.framework.bind.Bind(row.pod.Ref(), node, opBind|uint64(row.pod.ID))
}

// postPermit wakes the scheduler when a wait is over. Those of a gang end at one
// time.
func (s *Scheduler) postPermit(at sim.Time) {
	if at != s.permitPosted {
		s.permitPosted = at
		s.kernel.Post(at, s.self, whyPermit, 0)
	}
}

// overdue rejects the pods whose wait is over.
func (s *Scheduler) overdue(now sim.Time) {
	s.permitPosted = 0
	var late []uint32
	for _, id := range s.queue.aside {
		if s.rows.Row(id).permit.due().until <= now {
			late = append(late, id)
		}
	}
	for _, id := range late {
		d := s.rows.Row(id).permit.due()
		s.refuse(now, id, d.plugin, "rejected due to timeout after waiting "+d.length.String()+" at plugin "+d.name)
	}
}

// refuse ends a pod's wait: what it held is free, and it goes back to the queue
// (pkg/scheduler/schedule_one.go handleBindingCycleError). The pod itself is not
// to be helped by its own going; its rejector did not ask for such news.
func (s *Scheduler) refuse(now sim.Time, id uint32, by pluginSet, reason string) {
	row := s.rows.Row(id)
	row.permit = nil
	s.search.framework.unreserve(row.placed, row.node)
	gone := row.placed
	s.uncharge(row)
	st := &Status{Code: Unschedulable, Reasons: []string{reason}, rejector: by}
	s.fail(now, id, by, reasonUnschedulable, st.alone(), opCondition)
	s.queue.happened(now, Event{ClusterEvent: AssignedPodDelete, Pod: gone})
}

// now, activate and allow implement holder.
func (s *Scheduler) now() sim.Time { return s.kernel.Now() }

func (s *Scheduler) activate(id uint32) { s.queue.activate(id) }

func (s *Scheduler) allow(id uint32, by pluginSet) {
	row := s.rows.Row(id)
	if row.permit == nil || row.permit.pending&by == 0 {
		return
	}
	if row.permit.pending &^= by; row.permit.pending == 0 {
		row.permit = nil
		s.queue.landed(id)
		s.bind(row)
	}
}

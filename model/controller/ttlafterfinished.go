package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// ttlAfterFinished deletes Jobs some time after they finished
// (pkg/controller/ttlafterfinished/ttlafterfinished_controller.go). Their pods go
// after them; in Kubernetes before.
type ttlAfterFinished struct{ *loop }

func newTTLAfterFinished(l *loop) controller { return &ttlAfterFinished{l} }

func (c *ttlAfterFinished) job(_ sim.Time, _, next *model.Job) {
	if next == nil || next.TTL == model.Unlimited || next.Deleting() {
		return
	}
	if _, over := next.Finished(); over {
		c.queue.add(next.ID)
	}
}

func (c *ttlAfterFinished) sync(now sim.Time, id uint32) {
	job := *c.view.jobs.Row(id)
	if job == nil || job.TTL == model.Unlimited {
		c.done(id)
		return
	}
	at, over := job.Finished()
	switch left := at.Add(job.TTL).Sub(now); {
	case !over:
		c.done(id)
	case left > 0:
		c.after(now, id, left)
		c.done(id)
	default:
		c.client.Delete(job.Ref(), store.DefaultGrace, uint64(id))
	}
}

func (c *ttlAfterFinished) replied(now sim.Time, r store.Reply) {
	if id := uint32(r.Tag); r.Refusal == store.Accepted || r.Refusal == store.NotFound {
		c.done(id)
	} else {
		c.failed(now, id)
	}
}

// due implements controller; nothing is posted but delayed looks.
func (c *ttlAfterFinished) due(sim.Time, sim.Why, uint64) {}

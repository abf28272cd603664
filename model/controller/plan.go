package controller

import (
	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// call is one request of a plan.
type call struct {
	op     store.Op
	object model.Object // what to create or update
	target model.Ref    // what to delete

	// note is said about noteOn when the call succeeded, and failNote, with the
	// reason behind its message, when it did not; an empty Reason says nothing.
	note     model.Note
	failNote model.Note
	noteOn   model.Object

	// redraw makes the object anew after its generated name was taken.
	redraw func() model.Object

	together bool // asked at the same time as the call before
	exists   bool // of a creation: that it is there already is as good
	anyway   bool // asked even if one before failed
	insist   bool // of a status: write it on top of whatever is stored by now
}

// plan is the requests that one look makes, one after the other: like the
// worker it stands for, it waits for every answer and after the first refusal
// makes only those that are to be made anyway. Requests that are asked together are
// waited for together.
type plan struct {
	calls  []call
	next   int // the first that was not sent
	open   int // sent and not answered
	failed bool
	why    store.Refusal // of the first that failed
	left   int           // creations that were left out after that
}

func (p *plan) add(c call) { p.calls = append(p.calls, c) }

func (p *plan) reset() { *p = plan{calls: p.calls[:0]} }

// send makes the plan's next request, with those that go with it. It is false
// if there is none left.
func (p *plan) send(client *store.Client, id uint32) bool {
	for ; p.failed && p.next < len(p.calls) && !p.calls[p.next].anyway; p.next++ {
		p.left += one(p.calls[p.next].op == store.OpCreate)
	}
	if p.next == len(p.calls) {
		return false
	}
	for first := p.next; p.next < len(p.calls) && (p.next == first || p.calls[p.next].together); p.next++ {
		p.open++
		p.ask(client, p.next, id)
	}
	return true
}

func (p *plan) ask(client *store.Client, i int, id uint32) {
	c, tag := &p.calls[i], uint64(i)<<32|uint64(id)
	switch c.op {
	case store.OpCreate:
		client.Create(c.object, tag)
	case store.OpUpdate:
		client.Update(c.object, tag)
	case store.OpUpdateStatus:
		client.UpdateStatus(c.object, tag)
	case store.OpDelete:
		client.Delete(c.target, store.DefaultGrace, tag)
	}
}

// planned is the place in its plan of the request that r answers.
func planned(r store.Reply) int { return int(r.Tag >> 32) }

// answered takes the answer to a request; a deletion of what is gone counts as
// done. It is true if no other answer is waited for; then the plan goes on, or
// has failed.
func (p *plan) answered(client *store.Client, r store.Reply) bool {
	i, id := planned(r), uint32(r.Tag)
	c := &p.calls[i]
	switch {
	case r.Refusal == store.Accepted:
		say(client, c.noteOn, &c.note)
	case c.op == store.OpDelete && r.Refusal == store.NotFound, c.exists && r.Refusal == store.AlreadyExists:
	case c.redraw != nil && r.Refusal == store.AlreadyExists:
		c.object = c.redraw()
		p.ask(client, i, id)
		return false
	case c.insist && r.Refusal == store.Conflict:
		c.insist = false
		c.object = c.object.Copy()
		c.object.Head().ResourceVersion = 0
		p.ask(client, i, id)
		return false
	default:
		if !p.failed {
			p.failed, p.why = true, r.Refusal
		}
		if c.failNote.Reason != "" {
			c.failNote.Message += r.Why()
			say(client, c.noteOn, &c.failNote)
		}
	}
	p.open--
	return p.open == 0
}

// advance goes on with a plan, and ends the look with it.
func (l *loop) advance(now sim.Time, p *plan, id uint32) {
	switch {
	case p.send(l.client, id):
	case p.failed:
		l.failed(now, id)
	default:
		l.done(id)
	}
}

// goOn takes the answer to a request of a plan, and goes on with that when no other answer
// is waited for; it tells whether it did.
func (l *loop) goOn(now sim.Time, p *plan, r store.Reply) bool {
	if !p.answered(l.client, r) {
		return false
	}
	l.advance(now, p, uint32(r.Tag))
	return true
}

// goOnMaking is goOn of a plan that makes pods: those that it makes no more are not
// expected.
func (l *loop) goOnMaking(now sim.Time, p *plan, e *expectations, r store.Reply) {
	if l.goOn(now, p, r) {
		e.forget(int32(p.left))
		p.left = 0
	}
}

func say(client *store.Client, on model.Object, n *model.Note) {
	if n.Reason != "" {
		client.Note(on, n.Warning, n.Reason, n.Message)
	}
}

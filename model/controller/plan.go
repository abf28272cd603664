package controller

import (
	"orrery/model"
	"orrery/model/store"
)

// call is one request of a plan.
type call struct {
	op     store.Op
	object model.Object // what to create or update
	target model.Ref    // what to delete

	// note is said about noteOn when the call succeeded; its Reason is empty if
	// there is none.
	note   model.Note
	noteOn model.Object
}

// plan is the requests that one look makes, one after the other: like the
// worker it stands for, it waits for every answer and gives up at the first
// refusal.
type plan struct {
	calls []call
	next  int
}

func (p *plan) add(c call) { p.calls = append(p.calls, c) }

func (p *plan) reset() { p.calls, p.next = p.calls[:0], 0 }

// send makes the plan's next request. It is false if there is none left.
func (p *plan) send(client *store.Client, tag uint64) bool {
	if p.next == len(p.calls) {
		return false
	}
	c := &p.calls[p.next]
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
	return true
}

// answered takes the answer to the last request; a deletion of what is gone
// counts as done. It is false if the plan has to be given up.
func (p *plan) answered(client *store.Client, r store.Reply) bool {
	c := &p.calls[p.next]
	if r.Refusal != store.Accepted && !(c.op == store.OpDelete && r.Refusal == store.NotFound) {
		return false
	}
	if c.note.Reason != "" {
		client.Note(c.noteOn, c.note.Warning, c.note.Reason, c.note.Message)
	}
	p.next++
	return true
}

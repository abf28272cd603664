package store

import (
	"orrery/model"
	"orrery/sim"
)

// Verb is what a Record tells.
type Verb uint8

// The verbs.
const (
	Created Verb = iota
	Updated
	Deleted
	Noted
)

// String is the verb in lower case, as the history file writes it.
func (v Verb) String() string { return [...]string{"created", "updated", "deleted", "noted"}[v] }

// Record is one line of the history: a committed change or a note.
type Record struct {
	At       sim.Time
	Revision int64 // 0 for a note, but for one that says that a backup was restored
	By       sim.ActorID
	Verb     Verb
	Restored bool         // no commit: a backup was restored, which said so, or the note of that
	Old      model.Object // nil if Created or Noted
	New      model.Object // nil if Deleted or Noted
	Note     *model.Note  // set only if Noted
}

// Object is the version of the object the record is about that says most: the
// new one, or the last one of a deleted object. It is nil for a note.
func (r *Record) Object() model.Object {
	if r.New != nil {
		return r.New
	}
	return r.Old
}

const chunk = 1 << 13

// History is every change and note of a run, in order. It only grows.
type History struct {
	chunks [][]Record
	n      int
	notes  []model.Note // room for the next ones
	// ActorName tells who a Record's By is.
	ActorName func(sim.ActorID) string
}

// Len is the number of records.
func (h *History) Len() int { return h.n }

// At is the ith record, from 0. It must not be written.
func (h *History) At(i int) *Record { return &h.chunks[i/chunk][i%chunk] }

func (h *History) add(r Record) *Record {
	if h.n%chunk == 0 {
		h.chunks = append(h.chunks, make([]Record, 0, chunk))
	}
	last := len(h.chunks) - 1
	h.chunks[last] = append(h.chunks[last], r)
	h.n++
	return &h.chunks[last][len(h.chunks[last])-1]
}

// keep is a note in a place of its own.
func (h *History) keep(n model.Note) *model.Note {
	if len(h.notes) == cap(h.notes) {
		h.notes = make([]model.Note, 0, 256)
	}
	h.notes = append(h.notes, n)
	return &h.notes[len(h.notes)-1]
}

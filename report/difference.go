package report

import (
	"bytes"
	"fmt"
	"io"

	"orrery/model/store"
	"orrery/sim"
)

// Difference is where two histories part.
type Difference struct {
	Index  int      // of the first record that differs, from 0
	At     sim.Time // when it happened, in the first history that still has one
	A, B   string   // the record as its line of the history file; "" where the history is over
	Before []string // the last records both have, as lines, oldest first
}

// leading is how many common records a Difference shows.
const leading = 10

// FirstDifference compares two histories record by record, as the history file
// would show them, and is false if they are the same.
func FirstDifference(a, b *store.History) (Difference, bool) {
	ea, eb := NewEncoder(a), NewEncoder(b)
	for i := range max(a.Len(), b.Len()) {
		la, lb := line(ea, a, i), line(eb, b, i)
		if bytes.Equal(la, lb) {
			continue
		}
		d := Difference{Index: i, A: string(la), B: string(lb)}
		for j := max(0, i-leading); j < i; j++ {
			d.Before = append(d.Before, string(ea.Line(a.At(j))))
		}
		if i < a.Len() {
			d.At = a.At(i).At
		} else {
			d.At = b.At(i).At
		}
		return d, true
	}
	return Difference{}, false
}

func line(e *Encoder, h *store.History, i int) []byte {
	if i >= h.Len() {
		return nil
	}
	return e.Line(h.At(i))
}

// WriteText writes the difference for people.
func (d *Difference) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "record %d, at %v, is the first that differs\n", d.Index, d.At)
	for i, l := range d.Before {
		fmt.Fprintf(&b, "  %d  %s\n", d.Index-len(d.Before)+i, l)
	}
	for _, side := range []struct{ mark, line string }{{"-", d.A}, {"+", d.B}} {
		if side.line == "" {
			side.line = "(the history is over)"
		}
		fmt.Fprintf(&b, "%s %d  %s\n", side.mark, d.Index, side.line)
	}
	_, err := w.Write(b.Bytes())
	return err
}

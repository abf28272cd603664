package manifest

import (
	"strconv"

	"orrery/scenarios/strict"
)

// Note is something a file says that the model does not act on. Each is told
// once, with the first place.
type Note struct {
	strict.Position        // of the first place
	Object          string // what stands there: "deployment/web"
	What            string // "spec.template.spec.volumes: not modeled"
	Count           int    // in how many places
}

// String is "shop.yaml:14: deployment/web: spec.template.spec.volumes: not
// modeled (and 3 more)". It is safe to print.
func (n Note) String() string {
	text := strict.Escape(n.File) + ":" + strconv.Itoa(n.Line) + ": "
	if n.Object != "" {
		text += strict.Escape(n.Object) + ": "
	}
	text += strict.Escape(n.What)
	if n.Count > 1 {
		text += " (and " + strconv.Itoa(n.Count-1) + " more)"
	}
	return text
}

// notes is Notes in the order of their first places.
type notes struct {
	list  []Note
	index map[string]int
}

// add counts one more place of the note that key stands for.
func (n *notes) add(key string, note Note) {
	if i, ok := n.index[key]; ok {
		n.list[i].Count++
		return
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[key] = len(n.list)
	note.Count = 1
	n.list = append(n.list, note)
}

// Notes is everything that is not acted on, in the order in which it was met.
func (d *Decoder) Notes() []Note { return d.notes.list }

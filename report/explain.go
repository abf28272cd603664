package report

import (
	"fmt"
	"io"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// Explain writes the story of one object, named as "pod/web-1" or
// "shop/deployment/web": every change and note about it, when, by whom, and
// what bears on it: for a pod its node's troubles while it is there, for a
// Deployment its ReplicaSets, for a Service its EndpointSlices, and the faults
// of its lifetime. It returns an error if the history has no such object.
func Explain(w io.Writer, h *store.History, object string) error {
	t, ok := parseTarget(object)
	if !ok || t.namespaced {
		return fmt.Errorf("%q is not an object; write kind/name or namespace/kind/name, such as pod/web-1", object)
	}
	e := &explainer{path: t.path(), kind: t.kind}
	var out table
	for i := range h.Len() {
		r := h.At(i)
		if e.tells(r) {
			out.row(r.At.String(), inWords(h, r))
		}
	}
	if !e.found {
		return e.unknown(h)
	}
	out.right = []bool{true}
	_, err := io.WriteString(w, uncommanded(Escape(e.path))+"\n  "+strings.Join(out.lines(), "\n  ")+"\n")
	return err
}

// explainer follows one object through the history.
type explainer struct {
	path  string
	kind  model.Kind
	found bool
	alive bool
	ref   model.Ref // of the newest object of that name
	node  model.Ref // a pod's node
}

// tells tells whether the record belongs to the object's story.
func (e *explainer) tells(r *store.Record) bool {
	if n := r.Note; n != nil {
		about := n.Name == e.path
		if strings.HasPrefix(n.Name, "fault/") {
			return e.alive
		}
		return about || !n.Object.IsZero() && n.Object == e.ref
	}
	m := r.Object().Head()
	if m.Kind == e.kind && m.Path() == e.path {
		e.follow(r)
		return true
	}
	switch {
	case m.Owner == e.ref && e.found && (m.Kind == model.KindReplicaSet || m.Kind == model.KindEndpointSlice):
		return true
	case m.Ref() == e.node && e.alive:
		return len(changesInWords(r)) > 0
	}
	if s, ok := r.Object().(*model.EndpointSlice); ok {
		return e.found && s.Service == e.ref
	}
	return false
}

func (e *explainer) follow(r *store.Record) {
	e.found, e.alive = true, r.New != nil
	e.ref = r.Object().Head().Ref()
	if p, ok := r.Object().(*model.Pod); ok && p.NodeID != 0 {
		e.node = model.Ref{Kind: model.KindNode, ID: p.NodeID}
	}
}

// unknown is the error about an object nobody has seen, with a suggestion.
func (e *explainer) unknown(h *store.History) error {
	var known []string
	name := e.path[strings.LastIndexByte(e.path, '/')+1:]
	near := ""
	for i := range h.Len() {
		r := h.At(i)
		if r.Verb != store.Created || r.New.Head().Kind != e.kind {
			continue
		}
		path := r.New.Head().Path()
		if near == "" && strings.Contains(path, name) {
			near = path
		}
		if len(known) < 10_000 {
			known = append(known, path)
		}
	}
	if near != "" {
		return fmt.Errorf("there was no %s in this run; did you mean %s?", e.path, near)
	}
	return fmt.Errorf("there was no %s in this run%s", e.path, didYouMean(e.path, known))
}

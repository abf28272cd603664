package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"orrery/model"
	"orrery/model/store"
)

// Explain writes the story of one object, named as "pod/web-1" or
// "shop/deployment/web": every change and note about it, when, by whom, and
// what bears on it: for a pod its node's troubles while it is there, for a
// Deployment its ReplicaSets, for a Service its EndpointSlices, and the faults
// of its lifetime, but for those of other pods and nodes. It returns an error if the history has no such object.
func Explain(w io.Writer, h *store.History, object string) error {
	t, ok := parseTarget(object)
	if !ok || t.namespaced {
		return fmt.Errorf("%q is not an object; write kind/name or namespace/kind/name, such as pod/web-1", object)
	}
	e := &explainer{path: t.path(), kind: t.kind, in: t.namespace, pods: map[string]string{}, owners: map[model.Ref]bool{}, faults: map[string]bool{}}
	var out table
	for i := range h.Len() {
		r := h.At(i)
		switch e.part(r) {
		case itself:
			e.tell(&out, h, r)
		case related:
			out.row(r.At.String(), e.named(inShort(h, r)))
		}
	}
	if !e.found {
		return e.unknown(h)
	}
	out.right = []bool{true}
	_, err := io.WriteString(w, uncommanded(Escape(e.path))+"\n  "+strings.Join(out.lines(), "\n  ")+"\n")
	return err
}

// tell adds a record of the object itself, each Event of a note in a row.
func (e *explainer) tell(out *table, h *store.History, r *store.Record) {
	if r.Note == nil {
		out.row(r.At.String(), inWords(h, r))
		return
	}
	for i := range r.Note.Events() {
		n := r.Note.Event(i)
		out.row(r.At.String(), eventInWords(&n, h.ActorName(r.By)))
	}
}

// explainer follows one object through the history.
type explainer struct {
	path  string
	kind  model.Kind
	in    string // its namespace
	found bool
	alive bool
	ref   model.Ref // of the newest object of that name
	node  model.Ref // a pod's node

	pods   map[string]string  // of a Service: names of pods by the UID that EndpointSlices show
	picks  *model.Selector    // of a Service
	owners map[model.Ref]bool // the object, and what it owns
	now    []*model.Pod       // all pods there are, by number
	faults map[string]bool    // that were told
}

// named puts names in place of the UIDs of pods.
func (e *explainer) named(words string) string {
	parts := strings.Split(words, "endpoints ")
	for i, p := range parts {
		id, rest, _ := strings.Cut(p, " ")
		if name, ok := e.pods[id]; i > 0 && ok {
			parts[i] = name + " " + rest
		}
	}
	return strings.Join(parts, "endpoints ")
}

// part is what a record has to do with a story.
type part uint8

const (
	foreign part = iota
	related
	itself
)

func (e *explainer) part(r *store.Record) part {
	if r.Note != nil {
		return e.note(r.Note)
	}
	m := r.Object().Head()
	if e.keep(r); e.owners[m.Owner] {
		e.owners[m.Ref()] = true
	}
	if e.kind == model.KindService && m.Kind == model.KindPod && r.Verb == store.Created {
		e.pods[m.UID()] = m.Name
	}
	if m.Kind == e.kind && m.Path() == e.path {
		e.follow(r)
		return itself
	}
	if pod, ok := r.Object().(*model.Pod); ok && e.found && pod.Owner == e.ref && e.kind != model.KindReplicaSet {
		if r.Verb == store.Updated {
			return foreign // its own story
		}
		return related
	}
	if e.bears(r.Object()) && (r.Verb != store.Updated || len(changesInWords(r)) > 0) {
		return related
	}
	return foreign
}

func (e *explainer) note(n *model.Note) part {
	switch {
	case n.About != nil && n.Object() == e.ref || n.Path() == e.path:
		return itself
	case e.alive && strings.HasPrefix(n.Named, "fault/") && (e.faults[n.Named] || e.concerns(n.Message)):
		e.faults[n.Named] = true // its end, too, when the pods have moved
		return related
	}
	return foreign
}

// keep remembers which pods there are.
func (e *explainer) keep(r *store.Record) {
	pod, ok := r.Object().(*model.Pod)
	if !ok {
		return
	}
	for int(pod.ID) >= len(e.now) {
		e.now = append(e.now, nil)
	}
	e.now[pod.ID], _ = r.New.(*model.Pod)
}

// concerns tells whether a fault that says this is about the object: if it names pods or nodes,
// then the object, a pod that it has now, or the node of one.
func (e *explainer) concerns(message string) bool {
	named := map[string]bool{}
	for _, word := range strings.FieldsFunc(message, func(c rune) bool { return c == ' ' || c == ',' || c == ':' }) {
		if t, ok := parseTarget(word); ok && (t.kind == model.KindPod || t.kind == model.KindNode) {
			named[word] = true
		}
	}
	if len(named) == 0 || named[e.path] {
		return true
	}
	return slices.ContainsFunc(e.now, func(p *model.Pod) bool {
		return p != nil && e.has(p) && (named[p.Path()] || named["node/"+p.NodeName])
	})
}

// has tells whether a pod is the object's, or on it. Of objects that have no pods of their own
// every one counts.
func (e *explainer) has(p *model.Pod) bool {
	switch e.kind {
	case model.KindPod:
		return p.Path() == e.path
	case model.KindNode:
		return p.NodeID == e.ref.ID
	case model.KindService:
		return p.Namespace == e.in && e.picks != nil && e.picks.Matches(p.Labels)
	case model.KindDeployment, model.KindReplicaSet, model.KindStatefulSet, model.KindDaemonSet, model.KindJob, model.KindCronJob:
		return e.owners[p.Owner]
	}
	return true
}

// bears tells whether another object bears on the one of the story.
func (e *explainer) bears(o model.Object) bool {
	switch o := o.(type) {
	case *model.Node:
		return e.alive && o.Ref() == e.node
	case *model.ReplicaSet:
		return e.found && o.Owner == e.ref
	case *model.Job:
		return e.found && o.Owner == e.ref
	case *model.ControllerRevision:
		return e.found && o.Owner == e.ref
	case *model.EndpointSlice:
		return e.found && o.Service == e.ref
	}
	return false
}

func (e *explainer) follow(r *store.Record) {
	e.found, e.alive = true, r.New != nil
	e.ref = r.Object().Head().Ref()
	e.owners[e.ref] = true
	if s, ok := r.Object().(*model.Service); ok {
		e.picks = s.Selector
	}
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
		return fmt.Errorf("there was no %s in this run; did you mean %s?", Escape(e.path), Escape(near))
	}
	return fmt.Errorf("there was no %s in this run%s", Escape(e.path), didYouMean(e.path, known))
}

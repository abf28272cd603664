package report

import (
	"strconv"
	"strings"

	"orrery/model"
	"orrery/sim"
)

// Expect is one promise about a run, as ParseExpect read it. ID, Why and the
// place may be filled in by whoever found it in a file.
type Expect struct {
	ID   string // how people refer to it; may be empty
	Why  string // why it matters; may be empty
	Expr string // as written
	File string // where it is written; "" if nowhere
	Line int
	Col  int

	when    when
	mode    mode
	subject string // the metric as written, with its arguments
	metric  *Metric
	about   about
	pick    pick
	op      op
	limit   int64 // in the metric's unit
}

// mode is how a promise is to hold over its window.
type mode uint8

const (
	plainly    mode = iota // levels and shares: see judge; counts and durations: of the whole window
	always                 // at every moment
	never                  // at no moment
	eventually             // at some moment
	reached                // the same, said of what the scenario is there to provoke
	then                   // at the one moment of the window
	lasting                // from some moment to the end of the window
)

// op is a comparison.
type op uint8

const (
	isTrue op = iota // of yes-or-no metrics, without a value
	less
	atMost
	more
	atLeast
	equal
	unequal
)

var opText = [...]string{"", "<", "<=", ">", ">=", "==", "!="}

// holds tells whether a comparison with outcome c (negative, 0, positive)
// is what o asks for.
func (o op) holds(c int) bool {
	return [...]bool{c > 0, c < 0, c <= 0, c > 0, c >= 0, c == 0, c != 0}[o]
}

// when is the window of a promise before the run is known.
type when struct {
	said     bool // otherwise the whole run
	begins   bool // from is said, otherwise it is the start
	from, to moment
}

// moment is an instant, given by the clock or by a fault.
type moment struct {
	fault  string // "" is the clock, everyFault all of them
	begins bool   // the fault's start, otherwise its end
	offset sim.Time
	last   bool // the end of the run
	column int  // where it is said
}

// everyFault as moment.fault is all faults: from the first start to the last
// end.
const everyFault = "*"

// about is what a metric is asked about.
type about struct {
	target target
	word   string // the metric's own argument, such as the reason of notes
	share  int64  // option target=, in billionths; 0 is the default
}

// target is an object by name, or a namespace, or nothing.
type target struct {
	kind            model.Kind
	namespace, name string
	namespaced      bool // all of a namespace, whose name it is
}

func (t target) none() bool { return t.name == "" }

// path is the target as model.Meta.Path writes it.
func (t target) path() string {
	if t.namespaced {
		return "namespace/" + t.name
	}
	m := model.Meta{Kind: t.kind, Namespace: t.namespace, Name: t.name}
	return m.Path()
}

// Place is where the promise is written, "file:line:col", or "".
func (e *Expect) Place() string {
	if e.File == "" {
		return ""
	}
	return e.File + ":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Col)
}

// Faults is the ids of the faults the promise speaks of, so that a loader can
// tell early that there is none of that name.
func (e *Expect) Faults() []string {
	var ids []string
	for _, m := range []moment{e.when.from, e.when.to} {
		if m.fault != "" && m.fault != everyFault && (len(ids) == 0 || ids[0] != m.fault) {
			ids = append(ids, m.fault)
		}
	}
	return ids
}

// Object is the path of the object the promise is about, "" if it is about the
// cluster.
func (e *Expect) Object() string {
	if e.about.target.none() {
		return ""
	}
	return e.about.target.path()
}

// Level is the priority level the promise is about, "" if it is about none.
func (e *Expect) Level() string {
	if e.metric.Word != levelWord {
		return ""
	}
	return e.about.word
}

// TellUsage is whose CPU and memory the history has to have for the promise; nothing if it is
// about other things.
func (e *Expect) TellUsage() []model.UsageOf {
	t := e.about.target
	switch {
	case e.metric == nil || !e.metric.needsUsage: // the metric is nil in a rule with a mistake
		return nil
	case t.namespaced:
		return []model.UsageOf{{Namespace: t.name}}
	case e.metric.ofNodes:
		return []model.UsageOf{{Kind: model.KindNode, Name: t.name}}
	}
	return []model.UsageOf{{Kind: t.kind, Namespace: t.namespace, Name: t.name}}
}

// NeedsFaults tells whether the promise makes sense only if something breaks.
func (e *Expect) NeedsFaults() bool {
	return e.metric.needsFaults || e.when.from.fault != "" || e.when.to.fault != ""
}

// ExprError is a mistake in an expression. Column counts runes from 1.
type ExprError struct {
	Column  int
	Message string
}

// Error is "column 4: ...".
func (e *ExprError) Error() string { return "column " + strconv.Itoa(e.Column) + ": " + e.Message }

// ParseObject reads an object as "pod/web-1" or "shop/deployment/web".
func ParseObject(s string) (kind model.Kind, namespace, name string, ok bool) {
	t, ok := parseTarget(s)
	return t.kind, t.namespace, t.name, ok && !t.namespaced
}

// parseTarget reads "deployment/web", "svc/checkout", "shop/deployment/web" or
// "namespace/shop".
func parseTarget(s string) (target, bool) {
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if p == "" {
			return target{}, false
		}
	}
	switch len(parts) {
	case 2:
		if parts[0] == "namespace" || parts[0] == "ns" {
			return target{namespaced: true, name: parts[1]}, true
		}
		k := model.ParseKind(parts[0])
		t := target{kind: k, name: parts[1], namespace: "default"}
		if !k.Namespaced() {
			t.namespace = ""
		}
		return t, k != model.KindNone
	case 3:
		k := model.ParseKind(parts[1])
		return target{kind: k, namespace: parts[0], name: parts[2]}, k.Namespaced()
	}
	return target{}, false
}

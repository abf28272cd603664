package report

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// some names the first few: "a, b, c and 5 more".
func some(names []string) string {
	const few = 3
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + " and " + model.Grouped(int64(len(names)-few)) + " more"
}

// listOfPaths is what a fault says about whom it hit.
var listOfPaths = regexp.MustCompile(`[a-z]+/[^ ,:]+(, [a-z]+/[^ ,:]+)+`)

// brief is a message with long lists of objects cut short; the history has
// them whole.
func brief(message string) string {
	return listOfPaths.ReplaceAllStringFunc(message, func(list string) string { return some(strings.Split(list, ", ")) })
}

// changesInWords says what a record changed, for people: times, generations
// and other bookkeeping left out.
func changesInWords(r *store.Record) []string {
	var words []string
	for _, f := range model.Diff(r.Old, r.New) {
		if w := fieldInWords(f); w != "" {
			words = append(words, w)
		}
	}
	return words
}

// bookkeeping is fields nobody wants to read about, by the last part of their
// path.
var bookkeeping = []string{
	"deletionGracePeriodSeconds", "finishedAt", "ownerReferences", "generation", "lastUpdateTime", "observedGeneration",
	"podIP", "started", "startedAt", "startTime",
}

// plainPath leaves away what people need not read of a path.
var plainPath = strings.NewReplacer("status.containers.", "container ", "status.conditions.", "",
	"annotations.deployment.kubernetes.io/", "", "metadata.", "", "status.", "", "spec.", "")

func fieldInWords(f model.Field) string {
	from, to := withoutSince(f.From), withoutSince(f.To)
	if strings.HasPrefix(f.Path, "endpoints.") {
		from, to = withoutPlace(from), withoutPlace(to)
	}
	name := strings.ReplaceAll(plainPath.Replace(f.Path), ".", " ")
	if from == to || slices.Contains(bookkeeping, f.Path[strings.LastIndexByte(f.Path, '.')+1:]) {
		return ""
	}
	switch {
	case f.Path == "spec.nodeName":
		return "bound to " + to
	case f.Path == "metadata.annotations."+model.AnnotationGPUIndex:
		return "given GPU " + to
	case f.Path == "metadata.deletionTimestamp":
		return "to be gone by " + clockOf(to)
	case from == "":
		return name + " " + to
	case to == "":
		return name + " " + from + " → none"
	}
	return name + " " + from + " → " + to
}

// withoutPlace is an endpoint without its address, node and zone.
func withoutPlace(s string) string {
	before, _, _ := strings.Cut(s, " ip=")
	return before
}

// clockOf is seconds, as model.AppendSeconds writes them, as a time for people.
func clockOf(seconds string) string {
	d, err := time.ParseDuration(seconds)
	if err != nil {
		return seconds
	}
	return sim.Time(d).String()
}

// withoutSince is a condition without the time since when.
func withoutSince(s string) string {
	before, _, _ := strings.Cut(s, " since ")
	return before
}

// inWords is a record as one line without its time: what it is about, what
// happened, who did it.
func inWords(h *store.History, r *store.Record) string {
	by := h.ActorName(r.By)
	if r.Note != nil {
		var all []string
		for i := range r.Note.Events() {
			n := r.Note.Event(i)
			all = append(all, eventInWords(&n, by))
		}
		return strings.Join(all, "; ")
	}
	text := r.Object().Head().Path() + " " + r.Verb.String() + " by " + by
	words := changesInWords(r)
	switch {
	case r.Verb == store.Deleted:
	case len(words) > 0:
		text += ": " + strings.Join(words, ", ")
	case r.Verb == store.Updated:
		text += ": " + strings.Join(booksKept(r), ", ")
	}
	return text
}

// eventInWords has kubectl's words of an Event, with the container it is about if they do
// not name it.
func eventInWords(n *model.Note, by string) string {
	text := n.Path() + ": " + n.Reason
	if n.Container != nil {
		text += " " + n.FieldPath()
	}
	if n.Text() != "" {
		text += ": " + brief(n.Text())
	}
	return text + " (" + by + ")"
}

// booksKept names the fields of an update that brought nothing but bookkeeping.
func booksKept(r *store.Record) []string {
	var names []string
	for _, f := range model.Diff(r.Old, r.New) {
		names = append(names, f.Path[strings.LastIndexByte(f.Path, '.')+1:])
	}
	if len(names) == 0 {
		return []string{"nothing"}
	}
	return names
}

// inShort is inWords without what a new object consists of, and at most a few
// of many changes.
func inShort(h *store.History, r *store.Record) string {
	const few = 4
	if r.Note != nil {
		return inWords(h, r)
	}
	text := r.Object().Head().Path() + " " + r.Verb.String() + " by " + h.ActorName(r.By)
	words := changesInWords(r)
	if r.Verb != store.Updated || len(words) == 0 {
		return text
	}
	if len(words) > few {
		words = append(words[:few:few], "...")
	}
	return text + ": " + strings.Join(words, ", ")
}

package report

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// Encoder turns records into lines of the history file, whose format the
// package comment describes. It keeps its scratch space; one Encoder serves
// one history.
type Encoder struct {
	actor  func(sim.ActorID) string
	differ model.Differ
	line   []byte
	words  []byte // of a note, while it is encoded
	first  bool   // no change of the record has been written yet
}

// NewEncoder encodes the records of h.
func NewEncoder(h *store.History) *Encoder { return &Encoder{actor: h.ActorName} }

// Line is the record as a line of JSON without the newline. It is valid until the next
// call. A note that stands for several Events is as many lines.
func (e *Encoder) Line(r *store.Record) []byte {
	e.line = e.line[:0]
	if r.Note == nil {
		e.begin(r)
		e.change(r)
		return e.line
	}
	for i := range r.Note.Events() {
		if i > 0 {
			e.line = append(e.line, '\n')
		}
		n := r.Note.Event(i)
		e.begin(r)
		e.note(r, &n)
	}
	return e.line
}

func (e *Encoder) begin(r *store.Record) {
	e.line = append(e.line, `{"by":`...)
	e.line = appendJSON(e.line, e.actor(r.By))
}

func (e *Encoder) change(r *store.Record) {
	m := r.Object().Head()
	e.line = append(e.line, `,"changes":{`...)
	e.first = true
	e.differ.Visit(r.Old, r.New, e)
	e.line = append(e.line, '}')
	e.name(m.Kind.String(), m.Namespace, m.Name)
	e.line = append(e.line, `,"rev":`...)
	e.line = strconv.AppendInt(e.line, r.Revision, 10)
	e.end(r)
}

// VisitField implements model.FieldVisitor.
func (e *Encoder) VisitField(path, from, to []byte) {
	if !e.first {
		e.line = append(e.line, ',')
	}
	e.first = false
	e.line = append(appendJSON(e.line, path), ':', '[')
	e.line = append(appendJSON(e.line, from), ',')
	e.line = append(appendJSON(e.line, to), ']')
}

func (e *Encoder) note(r *store.Record, n *model.Note) {
	kind, namespace, name := splitPath(n.Named)
	if m := n.About; m != nil {
		kind, namespace, name = m.Kind.String(), m.Namespace, m.Name
	}
	if n.Clients != model.AsBefore {
		e.text(`,"clients":`, n.Clients.String())
	}
	if n.Container != nil {
		e.text(`,"fieldPath":`, n.FieldPath())
	}
	e.line = append(e.line, `,"kind":`...)
	e.line = appendJSON(e.line, kind)
	if n.Load != nil {
		e.load(n.Load)
	}
	if n.Message == "" && n.Traffic != nil {
		e.words = n.Traffic.Append(e.words[:0])
		e.line = appendJSON(append(e.line, `,"message":`...), e.words)
	} else {
		e.text(`,"message":`, n.Text())
	}
	e.text(`,"name":`, name)
	e.text(`,"namespace":`, namespace)
	e.text(`,"reason":`, n.Reason)
	e.line = append(e.line, `,"t":`...)
	e.line = strconv.AppendInt(e.line, int64(r.At), 10)
	if n.Throttling != nil {
		e.throttling(n.Throttling)
	}
	if n.Traffic != nil {
		e.traffic(n.Traffic)
	}
	if n.Usage != nil {
		e.usage(n.Usage)
	}
	e.line = append(e.line, `,"verb":"noted","warning":`...)
	e.line = append(strconv.AppendBool(e.line, n.Warning), '}')
}

func (e *Encoder) load(l *model.APILoad) {
	e.line = append(e.line, `,"load":{"full":`...)
	e.line = strconv.AppendBool(e.line, l.Full)
	e.number(`,"lateMilliRPS":`, l.LateMilliRPS)
	e.text(`,"level":`, l.Level)
	e.number(`,"offeredMilliRPS":`, l.OfferedMilliRPS)
	e.number(`,"rejectedMilliRPS":`, l.RejectedMilliRPS)
	e.number(`,"smallWriteNanos":`, int64(l.Latency))
	e.line = append(e.line, '}')
}

func (e *Encoder) throttling(t *model.Throttling) {
	e.text(`,"throttling":{"container":`, t.Container)
	e.number(`,"milliCPU":`, t.MilliCPU)
	e.number(`,"periodsPPM":`, t.PeriodsPPM)
	e.line = append(e.line, '}')
}

func (e *Encoder) usage(u *model.Usage) {
	e.number(`,"usage":{"memoryBytes":`, u.MemoryBytes)
	e.number(`,"memoryGrowth":`, u.MemoryGrowth)
	e.number(`,"milliCPU":`, u.MilliCPU)
	e.line = append(e.line, '}')
}

func (e *Encoder) traffic(t *model.Traffic) {
	e.number(`,"traffic":{"busyPpm":`, t.BusyPPM)
	if t.CongestedMilliRPS > 0 {
		e.number(`,"congestedMilliRPS":`, t.CongestedMilliRPS)
	}
	if t.ErrorMilliRPS > 0 {
		e.number(`,"errorMilliRPS":`, t.ErrorMilliRPS)
	}
	e.number(`,"failedMilliRPS":`, t.FailedMilliRPS)
	e.number(`,"firstMilliRPS":`, t.FirstMilliRPS)
	e.text(`,"from":`, t.From)
	if t.InsideMilliRPS > 0 {
		e.number(`,"insideMilliRPS":`, t.InsideMilliRPS)
		e.number(`,"nodeMilliRPS":`, t.NodeMilliRPS)
	}
	if t.Lost.All() > 0 {
		e.number(`,"lost":{"failedMilli":`, t.Lost.FailedMilli)
		e.number(`,"resetMilli":`, t.Lost.ResetMilli)
		e.number(`,"silentMilli":`, t.Lost.SilentMilli)
		e.line = append(e.line, '}')
	}
	e.number(`,"noEndpointMilliRPS":`, t.NoEndpointMilliRPS)
	e.number(`,"offeredMilliRPS":`, t.OfferedMilliRPS)
	e.number(`,"overloadMilliRPS":`, t.OverloadMilliRPS)
	e.number(`,"p50":`, int64(t.P50))
	e.number(`,"p99":`, int64(t.P99))
	e.number(`,"refusedMilliRPS":`, t.RefusedMilliRPS)
	e.number(`,"servedMilliRPS":`, t.ServedMilliRPS)
	e.number(`,"timedOutMilliRPS":`, t.TimedOutMilliRPS)
	e.number(`,"unresolvedMilliRPS":`, t.UnresolvedMilliRPS)
	if t.UntrackedMilliRPS > 0 {
		e.number(`,"untrackedMilliRPS":`, t.UntrackedMilliRPS)
	}
	if t.InsideMilliRPS > 0 {
		e.number(`,"zoneMilliRPS":`, t.ZoneMilliRPS)
	}
	e.line = append(e.line, '}')
}

func (e *Encoder) name(kind, namespace, name string) {
	e.text(`,"kind":`, kind)
	e.text(`,"name":`, name)
	e.text(`,"namespace":`, namespace)
}

func (e *Encoder) text(key, value string) {
	e.line = appendJSON(append(e.line, key...), value)
}

func (e *Encoder) number(key string, value int64) {
	e.line = strconv.AppendInt(append(e.line, key...), value, 10)
}

func (e *Encoder) end(r *store.Record) {
	e.number(`,"t":`, int64(r.At))
	e.text(`,"verb":`, r.Verb.String())
	e.line = append(e.line, '}')
}

// splitPath takes a model.Meta.Path apart: the kind as Kubernetes writes it,
// or as it stands if it is none of Kubernetes' own, such as "fault".
func splitPath(path string) (kind, namespace, name string) {
	first, rest, ok := strings.Cut(path, "/")
	if !ok {
		return "", "", path
	}
	if second, last, ok := strings.Cut(rest, "/"); ok {
		if k := model.ParseKind(second); k != model.KindNone {
			return k.String(), first, last
		}
	}
	k := model.ParseKind(first)
	switch {
	case k == model.KindNone:
		return first, "", rest
	case !k.Namespaced():
		return k.String(), "", rest
	}
	return k.String(), "default", rest
}

// WriteHistory writes h as NDJSON, one record a line, and one more for each further Event
// that a note stands for.
func WriteHistory(w io.Writer, h *store.History) error {
	out := bufio.NewWriterSize(w, 1<<16)
	e := NewEncoder(h)
	for i := range h.Len() {
		out.Write(e.Line(h.At(i)))
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return out.Flush()
}

var newline = []byte("\n")

// Digest sums up h: the lines WriteHistory writes, without their newlines.
func Digest(h *store.History) *sim.Digest {
	d := sim.NewDigest()
	e := NewEncoder(h)
	for i := range h.Len() {
		for line := range bytes.SplitSeq(e.Line(h.At(i)), newline) {
			d.Add(line)
		}
	}
	return d
}

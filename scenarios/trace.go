package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"orrery/model"
	"orrery/scenarios/manifest"
	"orrery/scenarios/strict"
)

// traceLimits are for tables that machines wrote.
var traceLimits = strict.Limits{Bytes: maxTotal}

// delimiters are what may stand between the cells of a table.
var delimiters = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "space": ' ', "pipe": '|'}

// TraceColumn is something that a table of a trace may say of a node or a pod.
type TraceColumn struct {
	Of       string // nodes or pods
	Name     string
	Unit     string // what 1 in the column is unless a unit is said; "" for words
	Help     string
	Required bool
}

// TraceColumns is everything that tables may say, in the order in which help lists
// it.
var TraceColumns = []TraceColumn{
	{"nodes", "cpu", "1 core", "what the node has", true},
	{"nodes", "disk", "1 byte", "ephemeral storage; 100Gi unless said", false},
	{"nodes", "gpuModel", "", "of all its GPUs", false},
	{"nodes", "gpus", "1 GPU", "whole ones", false},
	{"nodes", "memory", "1 byte", "what the node has", true},
	{"nodes", "name", "", "node-1, node-2, ... unless said", false},
	{"nodes", "pods", "1 pod", "how many may be there; 110 unless said", false},
	{"nodes", "zone", "", "where it is", false},
	{"pods", "arrival", "1s", "when the pod is created", true},
	{"pods", "cpu", "1 core", "what it asks for", true},
	{"pods", "deletion", "1s", "when it is deleted, with or without a node", false},
	{"pods", "duration", "1s", "how long its container runs before it ends by itself; {from: COLUMN, to: COLUMN} is the time between", false},
	{"pods", "gpuMilli", "0.001 GPU", "how much of each GPU; 1000, a whole one, unless said", false},
	{"pods", "gpuModels", "", "those that will do, with \"|\" or another separator between them; any unless said", false},
	{"pods", "gpus", "1 GPU", "how many; less than 1 is a share of one", false},
	{"pods", "memory", "1 byte", "what it asks for", true},
	{"pods", "name", "", "pod-1, pod-2, ... unless said", false},
	{"pods", "namespace", "", "default unless said", false},
	{"pods", "priority", "1", "of the scheduler; that of the default PriorityClass unless said", false},
}

// trace reads nodes and pods from tables; see the package comment.
func (l *loader) trace(v strict.Value) {
	m := v.Map("a trace", traceOptions.names()...)
	if m.Given() && !m.Optional("nodes").Given() && !m.Optional("pods").Given() {
		v.Errorf("a trace has nodes, or pods, or both")
	}
	clock := l.traceClock(m.Optional("time"))
	l.traceNodes(m.Optional("nodes"))
	l.tracePods(m.Optional("pods"), clock)
}

// traceTable opens the table of nodes or pods that v describes. It is nil if there
// is none, or none that can be read.
func (l *loader) traceTable(v strict.Value, what string) *traceTable {
	var known, required []string
	for _, c := range TraceColumns {
		if c.Of == what {
			known = append(known, c.Name)
		}
		if c.Of == what && c.Required {
			required = append(required, c.Name)
		}
	}
	m := v.Map("the "+what+" of a trace", tableOptions.names()...)
	t := &traceTable{rows: tableOptions.read(m, "rows").Int(1, manifest.MaxPods), labels: m.Optional("labels").LabelMap(), clean: true}
	delimiter := delimiters[tableOptions.read(m, "delimiter").Enum("delimiter", "comma", "semicolon", "tab", "space", "pipe")]
	header := tableOptions.read(m, "header").Bool()
	file := m.Required("file")
	given := file.Text()
	t.fields = m.Required("columns").Map("the columns of "+what, known...)
	for _, name := range required {
		t.fields.Required(name)
	}
	if given == "" || delimiter == 0 || !t.fields.Given() {
		return nil
	}
	files, err := l.includes.read(given, traceLimits)
	switch {
	case err != nil:
		file.Errorf("%v", err)
		return nil
	case len(files) != 1:
		file.Errorf("%s is %d files: a trace has one table of %s", strict.Quote(given), len(files), what)
		return nil
	}
	t.file = files[0].Name
	t.Table = strict.ParseTable(t.file, files[0].Data, delimiter, header)
	if t.Err() != nil {
		l.finish(t)
		return nil
	}
	t.filters(m.Optional("where"))
	return t
}

// filters reads which rows count: {COLUMN: WORD} or {COLUMN: [WORD, ...]}.
func (t *traceTable) filters(v strict.Value) {
	entries := v.Entries()
	if len(entries) > maxFilters {
		v.Errorf("%d conditions are more than %d", len(entries), maxFilters)
		t.clean = false
		return
	}
	for _, e := range entries {
		i, ok := t.find(e.Key)
		f := filter{i, map[string]bool{}}
		if e.Value.IsList() {
			for _, w := range strict.Each(e.Value, strict.Value.Text) {
				f.words[w] = true
			}
		} else {
			f.words[e.Value.Text()] = true
		}
		t.where = append(t.where, f)
		t.clean = t.clean && ok
	}
}

// finish keeps the mistakes in the table.
func (l *loader) finish(t *traceTable) {
	if err := t.Err(); err != nil {
		l.errs = append(l.errs, err)
	}
}

// traceNodes reads one machine a row.
func (l *loader) traceNodes(v strict.Value) {
	if !v.Given() {
		return
	}
	t := l.traceTable(v, "nodes")
	if t == nil {
		return
	}
	defer l.finish(t)
	name, zone, gpuModel := t.word("name"), t.word("zone"), t.word("gpuModel")
	cpu, memory, disk := t.number("cpu", &ofCPU), t.number("memory", &ofBytes), t.number("disk", &ofBytes)
	pods, gpus := t.number("pods", &ofPods), t.number("gpus", &ofGPUs)
	names := traceNames{column: name, what: "node", seen: map[string]bool{}}
	for t.clean && t.next() {
		size := model.Resources{
			CPUMilli:       cpu.must(t.Table, &ofCPU),
			MemoryBytes:    memory.must(t.Table, &ofBytes),
			EphemeralBytes: orElse(disk.number(t.Table, &ofBytes))(100 << 30),
			Pods:           orElse(pods.number(t.Table, &ofPods))(110),
		}
		n, _ := gpus.number(t.Table, &ofGPUs)
		gpu := model.GPUs{Devices: n / model.GPUMilli, Model: gpuModel.model(t.Table)}
		if n%model.GPUMilli != 0 {
			gpus.errorf(t.Table, "a node has whole GPUs")
		}
		if gpu.Devices == 0 {
			gpu.Model = ""
		} else {
			size.Extended = []model.Extended{{Name: model.ResourceGPU, Count: gpu.Devices}}
		}
		own, where := names.next(t.Table), zone.label(t.Table)
		if own == "" {
			continue
		}
		if !l.room(v, 1) {
			return
		}
		l.addNode(v, &model.Node{
			Meta:     model.Meta{Kind: model.KindNode, Name: own, Labels: model.NodeLabels(own, where, t.labels)},
			Capacity: size, Allocatable: size, GPU: gpu,
		})
	}
	if t.clean && t.Err() == nil && len(names.seen) == 0 {
		v.Errorf("%s has no row that counts", strict.Quote(t.file))
	}
}

// orElse is the number that was read, or the default.
func orElse(n int64, ok bool) func(int64) int64 {
	return func(otherwise int64) int64 {
		if ok {
			return n
		}
		return otherwise
	}
}

// traceNames gives the rows of a table their names.
type traceNames struct {
	column column
	what   string // "pod": without a column the rows are pod-1, pod-2, ...
	n      int
	seen   map[string]bool
}

var notInNames = regexp.MustCompile(`[^a-z0-9.-]+`)

// next is the name of the row, as Kubernetes has names: in small letters, with a
// dash for what is not allowed. It is "" if there is none, and says so.
func (x *traceNames) next(t *strict.Table) string {
	x.n++
	if !x.column.given() {
		name := fmt.Sprintf("%s-%d", x.what, x.n)
		x.seen[name] = true
		return name
	}
	text := x.column.text(t)
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(text), "-"), "-.")
	switch {
	case name == "":
		x.column.errorf(t, "%s gives no name: at least one letter or digit", strict.Quote(text))
	case len(name) > 253 || strings.Contains(name, "..") || strings.Contains(name, ".-") || strings.Contains(name, "-."):
		x.column.errorf(t, "%s gives no Kubernetes name: at most 253 characters, a letter or digit on both sides of a dot", strict.Quote(text))
	case x.seen[name]:
		x.column.errorf(t, "two %ss are called %s", x.what, strict.Quote(name))
	default:
		x.seen[name] = true
		return name
	}
	return ""
}

var (
	gpuModels = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._+/-]{0,61}[A-Za-z0-9])?$`)
	dnsLabel  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// model is the one GPU model of a row, "" if it says none.
func (c *column) model(t *strict.Table) string {
	text := c.text(t)
	if text != "" && !gpuModels.MatchString(text) {
		c.errorf(t, "%s is not a GPU model such as V100M16", strict.Quote(text))
	}
	return text
}

// label is a word as zones and namespaces are written, "" if there is none.
func (c *column) label(t *strict.Table) string {
	text := strings.Trim(strings.ReplaceAll(notInNames.ReplaceAllString(strings.ToLower(c.text(t)), "-"), ".", "-"), "-")
	if text != "" && !dnsLabel.MatchString(text) {
		c.errorf(t, "%s is too long: at most 63 characters", strict.Quote(text))
	}
	return text
}

// traceClock says how the time of a trace becomes the time of a run.
type traceClock struct {
	first  bool  // the first arrival is the start of the run
	origin int64 // otherwise this moment is
	faster int64 // in thousandths: everything goes so many times as fast
	denser int64 // in thousandths: arrivals come so many times as dense, and stay as long
}

func (l *loader) traceClock(v strict.Value) traceClock {
	m := v.Map("the time of a trace", traceTimeOptions.names()...)
	c := traceClock{faster: traceTimeOptions.read(m, "faster").Milli(1, 1_000_000_000), denser: traceTimeOptions.read(m, "denser").Milli(1, 1_000_000_000)}
	c.origin, c.first = moment(traceTimeOptions.read(m, "origin"))
	return c
}

// moment reads the moment of a table at which the run begins, in nanoseconds: that of its
// first row, a date, or so long after what its times count from, which is the default.
func moment(v strict.Value) (at int64, first bool) {
	if !v.Given() || v.Raw() == "first" {
		return 0, v.Given()
	}
	if at, err := parseDate(v.Raw()); err == nil {
		return at, false
	}
	if text := v.Raw(); text == "" || text[0] < '0' || text[0] > '9' {
		v.Errorf("%s is neither first, nor a date such as 2026-01-31 12:00:00, nor a duration such as 90s", strict.Quote(v.Raw()))
		return 0, true
	}
	return int64(v.DurationIn(0, maxMoment)), false
}

// slower is n, which is not negative, divided by a rate in thousandths, rounded
// down; what is too long is for ever. A rate that was wrong changes nothing.
func slower(n, milli int64) int64 {
	switch {
	case milli <= 0:
		return n
	case n/milli >= math.MaxInt64/1000:
		return math.MaxInt64
	}
	return n/milli*1000 + n%milli*1000/milli
}

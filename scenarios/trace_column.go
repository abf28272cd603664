package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"orrery/model"
	"orrery/scenarios/strict"
)

// quantity is a kind of number that a column may hold.
type quantity struct {
	one    int64                    // what 1 in the column is worth unless a unit is said
	read   func(strict.Value) int64 // reads a unit, and what stands for an empty cell
	lo, hi int64
	limits string // lo and hi, for people
	dates  bool   // unit may be date
	unit   string // such as unit may be; "" if none is usual
}

func integer(lo, hi int64) func(strict.Value) int64 {
	return func(v strict.Value) int64 { return v.Int(lo, hi) }
}

func gpus(v strict.Value) int64 { return v.Milli(1, model.MaxGPUs*model.GPUMilli) }

func nanoseconds(v strict.Value) int64 { return int64(v.Duration()) }

// maxMoment is more than a century, in nanoseconds, on either side of any origin.
const maxMoment = math.MaxInt64 / 2

// The quantities. CPU is in thousandths of a core, memory in bytes, time in
// nanoseconds, GPUs in thousandths.
var (
	ofCPU      = quantity{one: 1000, read: strict.Value.CPU, hi: 1_000_000_000, limits: "0 to 1000000 cores", unit: "1m"}
	ofBytes    = quantity{one: 1, read: strict.Value.Bytes, hi: maxBytes, limits: "0 to 1Pi", unit: "1Mi"}
	ofGPUs     = quantity{one: model.GPUMilli, read: gpus, hi: model.MaxGPUs * model.GPUMilli, limits: "0 to 64 GPUs"}
	ofGPUMilli = quantity{one: 1, read: integer(1, model.GPUMilli), hi: model.GPUMilli, limits: "0 to 1000 thousandths of a GPU"}
	ofPods     = quantity{one: 1, read: integer(1, 10_000), hi: 10_000, limits: "0 to 10000 pods"}
	ofPriority = quantity{one: 1, read: integer(math.MinInt32, 1_000_000_000), lo: math.MinInt32, hi: 1_000_000_000, limits: "-2147483648 to 1000000000"}
	ofMoments  = quantity{one: int64(time.Second), read: nanoseconds, lo: -maxMoment, hi: maxMoment, limits: "146 years before or after", dates: true, unit: "1ms"}
	ofLengths  = quantity{one: int64(time.Second), read: nanoseconds, hi: maxMoment, limits: "0s to 146 years", unit: "1ms"}
)

// column says where a field of nodes or pods comes from: a column of the table,
// perhaps several, or one value for all rows. The zero column is a field that
// the trace does not have.
type column struct {
	at        []int // the columns, from 0; none if one value stands for all rows
	worth     int64 // of 1 in the column
	dates     bool  // the column holds dates
	separator string
	otherwise int64 // of all rows, or of those whose cell is empty
	word      string
	fallback  bool // otherwise or word was said
}

func (c *column) given() bool { return len(c.at) > 0 || c.fallback }

// number reads the field c of a row, 0 if the trace does not have it; ok is false
// for an empty cell.
func (c *column) number(t *strict.Table, q *quantity) (n int64, ok bool) {
	if len(c.at) == 0 {
		return c.otherwise, c.fallback
	}
	cell := t.Cell(c.at[0])
	if cell.Text == "" {
		return c.otherwise, c.fallback
	}
	var err error
	if c.dates {
		n, err = parseDate(cell.Text)
	} else {
		n, err = strict.ParseWorth(cell.Text, c.worth)
	}
	switch {
	case err != nil && q.unit != "" && unicode.IsDigit(rune(cell.Text[0])) && strings.HasSuffix(err.Error(), "is not a number"):
		cell.Errorf("%v: cells are numbers alone; what 1 is, is said of the column, as in {column: NAME, unit: %s}", err, q.unit)
	case err != nil:
		cell.Errorf("%v", err)
	case n < q.lo && q.lo == 0:
		cell.Errorf("%s is negative: %s", strict.Quote(cell.Text), q.limits)
	case n < q.lo || n > q.hi:
		cell.Errorf("%s is out of range: %s", strict.Quote(cell.Text), q.limits)
	default:
		return n, true
	}
	return 0, true
}

// must is number for a field that every row must have.
func (c *column) must(t *strict.Table, q *quantity) int64 {
	n, ok := c.number(t, q)
	if !ok && c.given() {
		t.Cell(c.at[0]).Errorf("the cell is empty; say what that stands for with default")
	}
	return n
}

// text is the cells of a row in the columns of c, joined by dashes, or what stands
// for an empty cell.
func (c *column) text(t *strict.Table) string {
	if len(c.at) == 0 {
		return c.word
	}
	text := t.Cell(c.at[0]).Text
	for _, i := range c.at[1:] {
		text += "-" + t.Cell(i).Text
	}
	if text == "" {
		return c.word
	}
	return text
}

// words is the parts of a cell between separators; nil if it is empty.
func (c *column) words(t *strict.Table) (all []string) {
	for word := range strings.SplitSeq(c.text(t), c.separator) {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// errorf adds an error about the field in this row.
func (c *column) errorf(t *strict.Table, format string, args ...any) {
	if len(c.at) == 0 {
		t.Errorf(format, args...)
		return
	}
	t.Cell(c.at[0]).Errorf(format, args...)
}

// dateForms are the ways to write a date and a time of day; without a zone it is
// UTC.
var dateForms = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04", "2006-01-02"}

// parseDate is a date in nanoseconds since 1970.
func parseDate(text string) (int64, error) {
	for _, form := range dateForms {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1900 && at.Year() < 2100 {
			return at.UnixNano(), nil
		}
	}
	return 0, fmt.Errorf("%s is not a date such as 2017-10-03 06:42:17", strict.Quote(text))
}

// traceTable is one table of a trace while it is read.
type traceTable struct {
	*strict.Table
	fields *strict.Map // under columns
	file   string
	rows   int64 // at most so many
	where  []filter
	labels map[string]string
	clean  bool // nothing was wrong with what the scenario says about it
}

// The most that a scenario may ask of each row.
const (
	maxParts   = 8
	maxFilters = 16
)

// filter leaves out the rows that have none of the words in the column.
type filter struct {
	column int
	words  map[string]bool
}

// next goes to the next row that counts.
func (t *traceTable) next() bool {
	for t.rows > 0 && t.Next() {
		if t.counts() {
			t.rows--
			return true
		}
	}
	return false
}

func (t *traceTable) counts() bool {
	return !slices.ContainsFunc(t.where, func(f filter) bool { return !f.words[t.Cell(f.column).Text] })
}

// find is the place of a column: by its name, or by its number from 1.
func (t *traceTable) find(v strict.Value) (int, bool) {
	text := v.Text()
	if text == "" {
		return 0, false
	}
	found := -1
	for i, name := range t.Header() {
		if name == text && found >= 0 {
			v.Errorf("%s has two columns %s: say its number, %d or %d", strict.Quote(t.file), strict.Quote(text), found+1, i+1)
			return 0, false
		}
		if name == text {
			found = i
		}
	}
	if found >= 0 {
		return found, true
	}
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && n >= 1 && n <= t.Width():
		return n - 1, true
	case err == nil && t.Width() > 0:
		v.Errorf("%s has %d columns, and none is number %s", strict.Quote(t.file), t.Width(), strict.Quote(text))
	case t.Header() == nil:
		v.Errorf("%s is not the number of a column: %s has no header, so columns count from 1", strict.Quote(text), strict.Quote(t.file))
	default:
		v.Errorf("%s has no column %s%s; it has %s", strict.Quote(t.file), strict.Quote(text), strict.DidYouMean(text, t.Header()), t.columns())
	}
	return 0, false
}

// columns is the names of the table's columns, for a message.
func (t *traceTable) columns() string {
	names := t.Header()
	more := ""
	if len(names) > 16 {
		names, more = names[:16], fmt.Sprintf(" and %d more", len(names)-16)
	}
	return strict.Escape(strings.Join(names, ", ")) + more
}

// number declares a field that holds numbers: the name of a column, or
// {column: NAME, unit: WHAT ONE IS, default: OF AN EMPTY CELL}, or {value: OF ALL}.
func (t *traceTable) number(name string, q *quantity) column {
	v := t.fields.Optional(name)
	c := column{worth: q.one}
	if !v.IsMap() {
		t.place(&c, v, 1)
		return c
	}
	m := v.Map("column "+name, columnOptions.names()...)
	switch which, f := m.OneOf("column", "value"); {
	case which == "value":
		c.otherwise, c.fallback = q.read(f), true
		m.Optional("unit").KeyErrorf("a value has its own unit")
		m.Optional("default").KeyErrorf("a value needs no default")
	case which == "column":
		t.place(&c, f, 1)
	}
	if d := m.Optional("default"); d.Given() {
		c.fallback = true
		if !isZero(d) {
			c.otherwise = q.read(d)
		}
	}
	switch u := m.Optional("unit"); {
	case u.Given() && q.dates && u.Raw() == "date":
		c.dates = true
	case u.Given():
		c.worth = positive(u, q.read)
	}
	return c
}

// span declares two columns of moments, {from: COLUMN, to: COLUMN, unit: 1s}.
func (t *traceTable) span(v strict.Value) (from, to column) {
	m := v.Map("column duration", spanOptions.names()...)
	from.worth = ofMoments.one
	switch u := m.Optional("unit"); {
	case u.Raw() == "date":
		from.dates = true
	case u.Given():
		from.worth = positive(u, ofMoments.read)
	}
	to = from
	t.place(&from, m.Required("from"), 1)
	t.place(&to, m.Required("to"), 1)
	return from, to
}

// word declares a field that holds words.
func (t *traceTable) word(name string) column {
	v := t.fields.Optional(name)
	c := column{separator: "|"}
	if !v.IsMap() {
		t.place(&c, v, maxParts)
		return c
	}
	m := v.Map("column "+name, append(wordsOptions.names(), "column", "default", "value")...)
	switch which, f := m.OneOf("column", "value"); {
	case which == "value":
		c.word, c.fallback = f.Text(), true
		m.Optional("default").KeyErrorf("a value needs no default")
	case which == "column":
		t.place(&c, f, maxParts)
	}
	if d := m.Optional("default"); d.Given() {
		c.word, c.fallback = d.Text(), true
	}
	if s := m.Optional("separator"); s.Given() {
		c.separator = s.Text()
	}
	return c
}

// place finds the column that v names, or the columns that it lists, of which there
// may be so many.
func (t *traceTable) place(c *column, v strict.Value, most int) {
	if !v.Given() {
		return
	}
	names := []strict.Value{v}
	if v.IsList() {
		names = v.List()
	}
	if len(names) > most {
		v.Errorf("%d columns: at most %d can be one field here", len(names), most)
		t.clean = false
		return
	}
	for _, n := range names {
		i, ok := t.find(n)
		if !ok {
			t.clean = false
			return
		}
		c.at = append(c.at, i)
	}
	if len(c.at) == 0 {
		v.Errorf("the list is empty: name a column")
		t.clean = false
	}
}

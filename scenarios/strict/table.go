package strict

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How large a table may be.
const (
	maxColumns = 1_000
	maxLines   = 2_000_000
)

// Table is a CSV file that a machine wrote, read row by row. Its mistakes are told
// as those of YAML are, with the place of the cell. Lines that begin with # are
// comments; a row is one line, so a cell cannot hold a line end.
type Table struct {
	sink   *sink
	reader *csv.Reader
	header []string
	row    []string
	line   int
	held   bool // the row was read to see how wide it is, and not yet given out
}

// ParseTable begins to read a table whose cells are separated by the delimiter.
// The file's name is for messages only. What is no table at all is in Err, and
// there are no rows then. With a header the first row names the columns.
func ParseTable(file string, data []byte, delimiter rune, header bool) *Table {
	t := &Table{sink: &sink{file: file, src: bytes.TrimPrefix(data, []byte("\uFEFF"))}}
	t.checkLines(delimiter)
	t.reader = csv.NewReader(bytes.NewReader(t.sink.src))
	t.reader.Comma, t.reader.Comment, t.reader.ReuseRecord = delimiter, '#', true
	if t.sink.broken {
		return t
	}
	if header && t.Next() {
		for _, cell := range t.row {
			t.header = append(t.header, strings.Clone(strings.TrimSpace(cell)))
		}
	} else if header && !t.sink.broken {
		t.sink.fatalf(1, 1, "the file is empty: the first line must name the columns")
	} else if !header {
		t.held = t.Next()
	}
	return t
}

// checkLines refuses what is not text, and rows without end. An even number of
// quotes on every line is what keeps a row on its line.
func (t *Table) checkLines(delimiter rune) {
	s := t.sink
	s.lines = [][]byte{} // so that no mistake has a large file cut into lines as YAML has them
	if bytes.Count(s.src, []byte("\n")) > maxLines {
		s.fatalf(1, 1, "the file has more than %d lines", maxLines)
		return
	}
	sep := utf8.AppendRune(nil, delimiter)
	s.lines = bytes.Split(s.src, []byte("\n"))
	for i, line := range s.lines {
		line = bytes.TrimSuffix(line, []byte("\r"))
		s.lines[i] = line
		s.checkLine(line, i+1)
		switch {
		case s.broken:
			return
		case bytes.HasPrefix(line, []byte("#")):
		case bytes.Count(line, sep) >= maxColumns:
			s.fatalf(i+1, 1, "more than %d columns", maxColumns)
		case bytes.Count(line, []byte{'"'})%2 != 0:
			s.fatalf(i+1, 1+utf8.RuneCount(line[:bytes.LastIndexByte(line, '"')]), "a quote that nothing closes on this line: a cell cannot hold a line end")
		}
	}
}

// Next goes to the next row, and is false if there is none.
func (t *Table) Next() bool {
	if t.sink.broken || t.held {
		t.held = false
		return !t.sink.broken
	}
	row, err := t.reader.Read()
	var wrong *csv.ParseError
	switch {
	case err == nil:
		t.row = row
		t.line, _ = t.reader.FieldPos(0)
		return true
	case errors.Is(err, io.EOF):
	case errors.Is(err, csv.ErrFieldCount):
		t.line, _ = t.reader.FieldPos(0)
		t.sink.fatalf(t.line, 1, "the line has %s, where the first has %d", cells(len(row)), t.reader.FieldsPerRecord)
	case errors.As(err, &wrong):
		t.sink.fatalf(wrong.Line, t.characters(wrong.Line, wrong.Column), `a quote in the wrong place: a cell with quotes is written "a ""b"" c"`)
	default:
		t.sink.fatalf(1, 1, "%v", err)
	}
	return false
}

func cells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return strconv.Itoa(n) + " cells"
}

// characters is a column that counts bytes as one that counts characters.
func (t *Table) characters(line, column int) int {
	text := t.sink.line(line)
	return 1 + utf8.RuneCount(text[:max(0, min(column-1, len(text)))])
}

// Header is the names of the columns; nil without a header.
func (t *Table) Header() []string { return t.header }

// Width is how many cells a row has, 0 before the first row was read.
func (t *Table) Width() int { return t.reader.FieldsPerRecord }

// Err is all that was wrong so far, as an *Errors, or nil.
func (t *Table) Err() error { return t.sink.err() }

// Errorf adds an error about the row as a whole.
func (t *Table) Errorf(format string, args ...any) { t.sink.addf(max(t.line, 1), 1, format, args...) }

// Cell is one cell of the row Next went to; its text is valid until the next row.
type Cell struct {
	Text  string // without spaces around it
	table *Table
	index int
}

// Cell is the cell in a column, which count from 0.
func (t *Table) Cell(column int) Cell {
	return Cell{Text: strings.TrimSpace(t.row[column]), table: t, index: column}
}

// Errorf adds an error at the cell.
func (c Cell) Errorf(format string, args ...any) {
	t := c.table
	if t.sink.full() {
		t.sink.more++
		return
	}
	line, column := t.reader.FieldPos(c.index)
	t.sink.addf(line, t.characters(line, column), format, args...)
}

// ParseWorth reads a number as programs write it into tables, such as 12, 0.25,
// 1.0 or 2.5e-3, and gives it times what 1 is worth, rounded up as Kubernetes
// rounds amounts. A minus is for moments before some origin.
func ParseWorth(text string, worth int64) (int64, error) {
	if n, err := strconv.ParseUint(text, 10, 21); err == nil && worth>>42 == 0 { // most are of this kind
		return int64(n) * worth, nil
	}
	digits, negative := strings.CutPrefix(text, "-")
	mantissa, exponent := digits, 0
	if i := strings.IndexAny(digits, "eE"); exponential.MatchString(digits) && len(digits) <= maxDigits {
		var err error
		if exponent, err = strconv.Atoi(digits[i+1:]); err != nil || exponent < -30 || exponent > 18 {
			return 0, errors.New(show(text) + " is out of range")
		}
		mantissa = digits[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if !decimal.MatchString(mantissa) || len(mantissa) > maxDigits {
		if err := checkDecimal(mantissa); err != nil {
			return 0, err
		}
	}
	n, err := shifted(whole+fraction, exponent-len(fraction), worth, negative)
	if err != nil {
		return 0, errors.New(show(text) + " is too large")
	}
	return n, nil
}

// shifted is digits times ten to the exponent times worth, rounded up.
func shifted(digits string, exponent int, worth int64, negative bool) (int64, error) {
	n, _ := new(big.Int).SetString(digits, 10)
	if negative {
		n.Neg(n)
	}
	n.Mul(n, big.NewInt(worth))
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
	if exponent >= 0 {
		n.Mul(n, power)
	} else {
		n.Neg(n).Div(n, power).Neg(n) // Div rounds down, for a positive divisor
	}
	if !n.IsInt64() {
		return 0, errLarge
	}
	return n.Int64(), nil
}

package strict

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrors is how many errors are told; of the rest only the number is.
const maxErrors = 20

// Position is a place in a file. Lines and columns count from 1, columns in
// characters.
type Position struct {
	File         string
	Line, Column int
}

// String is "file:line:column". The name of the file is escaped like all text
// that came from outside.
func (p Position) String() string {
	return Escape(p.File) + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Error is one mistake of the user's. All its text is safe to print: control and
// bidirectional characters are escaped.
type Error struct {
	Position
	Message string // what is wrong and what would be right, lower case
	Excerpt string // the line and a caret under the column, or ""
}

// Error is the position and the message on one line, without the excerpt.
func (e Error) Error() string { return e.Position.String() + ": " + e.Message }

// Errors is everything that was wrong, at least one error and at most twenty, in
// the order of the files' lines.
type Errors struct {
	List []Error
	More int // how many more there were
}

// Error is all errors with their excerpts, on many lines, without a final newline.
func (e *Errors) Error() string {
	var b strings.Builder
	for i, x := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(x.Error())
		if x.Excerpt != "" {
			b.WriteByte('\n')
			b.WriteString(x.Excerpt)
		}
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// Unwrap makes the single errors visible to errors.As.
func (e *Errors) Unwrap() []error {
	out := make([]error, len(e.List))
	for i := range e.List {
		out[i] = e.List[i]
	}
	return out
}

// Join is the errors of several files as one *Errors, in the order given, or nil
// if there are none. An error that is not an *Errors becomes one without a place.
func Join(errs ...error) error {
	all := &Errors{}
	for _, err := range errs {
		var es *Errors
		switch {
		case err == nil:
			continue
		case errors.As(err, &es):
			all.List = append(all.List, es.List...)
			all.More += es.More
		default:
			all.List = append(all.List, Error{Message: Escape(err.Error())})
		}
	}
	if len(all.List) == 0 {
		return nil
	}
	if over := len(all.List) - maxErrors; over > 0 {
		all.List, all.More = all.List[:maxErrors], all.More+over
	}
	return all
}

// sink collects the errors of one file.
type sink struct {
	file   string
	src    []byte
	list   []Error
	more   int
	broken bool     // nothing can be walked
	lines  [][]byte // of src, once one was asked for
}

// fatalf adds an error after which the file cannot be walked.
func (s *sink) fatalf(line, column int, format string, args ...any) {
	s.addf(line, column, format, args...)
	s.broken = true
}

// addf adds an error, once: what is wrong in an anchored value is met again at
// each of its aliases.
func (s *sink) addf(line, column int, format string, args ...any) {
	if s.full() {
		s.more++
		return
	}
	e := Error{
		Position: Position{File: s.file, Line: max(line, 1), Column: max(column, 1)},
		Message:  Escape(cut(fmt.Sprintf(format, args...), 600)),
	}
	for _, x := range s.list {
		if x.Position == e.Position && x.Message == e.Message {
			return
		}
	}
	e.Excerpt = excerpt(s.line(e.Line), e.Line, e.Column)
	s.list = append(s.list, e)
}

// full tells that further errors are only counted.
func (s *sink) full() bool { return len(s.list) >= maxErrors }

func (s *sink) err() error {
	if len(s.list) == 0 {
		return nil
	}
	list := slices.Clone(s.list)
	slices.SortStableFunc(list, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Errors{List: list, More: s.more}
}

// line is the text of a line, without its end.
func (s *sink) line(number int) []byte {
	if s.lines == nil {
		for rest := s.src; rest != nil; {
			var line []byte
			line, rest = cutLine(rest)
			s.lines = append(s.lines, line)
		}
	}
	if number > len(s.lines) {
		return nil
	}
	return s.lines[number-1]
}

// cutLine splits b after its first line. A line ends where YAML 1.1 says so, at
// CR, LF, CR LF, NEL, LS or PS, because the parser counts lines in this way.
// The rest is nil if there was no line end.
func cutLine(b []byte) (line, rest []byte) {
	for from := 0; ; {
		i := bytes.IndexAny(b[from:], "\r\n\u0085\u2028\u2029")
		if i < 0 {
			return b, nil
		}
		i += from
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError { // a broken byte, which IndexAny takes for U+FFFD
			from = i + max(n, 1)
			continue
		}
		if bytes.HasPrefix(b[i:], []byte("\r\n")) {
			n = 2
		}
		return b[:i], b[i+n:]
	}
}

// An excerpt shows at most so many characters of a line, and so many of them
// before the column.
const (
	excerptWidth  = 120
	excerptBefore = 80
)

// excerpt is the line with its number, and a caret below the column.
func excerpt(line []byte, number, column int) string {
	if len(line) > 1<<16 {
		return "" // one line of a machine's making; counting its characters helps nobody
	}
	r := []rune(string(line))
	column = min(column, len(r)+1)
	first, last := 0, len(r)
	head, tail := "", ""
	if column-1 > excerptBefore {
		first, head = column-1-excerptBefore, "…"
	}
	if last > first+excerptWidth {
		last, tail = first+excerptWidth, "…"
	}
	for i, c := range r {
		if c == '\t' {
			r[i] = ' '
		} else if !unicode.IsPrint(c) {
			r[i] = '·'
		}
	}
	gutter := fmt.Sprintf("%5d | ", number)
	text := strings.TrimRight(head+string(r[first:last])+tail, " ")
	caret := strings.Repeat(" ", utf8.RuneCountInString(head)+column-1-first) + "^"
	return gutter + text + "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + caret
}

// Escape makes text from outside safe to print on one line: whatever is not
// printable (control, bidirectional and zero-width characters, line ends, broken
// bytes) is written as in a Go string, such as \x1b or \u202e.
func Escape(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if unicode.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b.WriteRune(r)
		} else {
			q := strconv.Quote(s[:n])
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// Quote is text from outside as a message shows it: cut after 60 characters, in
// quotes, escaped.
func Quote(s string) string { return strconv.Quote(cut(s, 60)) }

// show is a number as it was written; anything else is quoted.
func show(s string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+-._%", r))
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return Quote(s)
	}
	return cut(s, 60)
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

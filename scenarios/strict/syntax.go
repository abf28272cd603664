package strict

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// The parser's words in ours. A message that is not here is shown as it is.
var syntax = []struct{ theirs, ours string }{
	{"mapping values are not allowed in this context", `a second ":" in one value, or wrong indentation: put the value in quotes, or indent it under its key`},
	{"did not find expected key", `expected a "key: value" here: check the indentation, and quotes around the value before`},
	{"did not find expected '-' indicator", `expected another "- " item here: check the indentation`},
	{"did not find expected ',' or ']'", `expected "," or "]": a list that starts with "[" is not closed`},
	{"did not find expected ',' or '}'", `expected "," or "}": a map that starts with "{" is not closed`},
	{"did not find expected node content", `expected a value here`},
	{"did not find expected <document start>", `this does not belong to the value above: check the indentation, and the "---" between documents`},
	{"could not find expected ':'", `expected ":" after this key`},
	{"found unexpected end of stream", `a quoted text starts here and does not end`},
	{"found unexpected document indicator", `a quoted text starts here and does not end before the next document`},
	{"found a tab character", `a tab cannot indent YAML: use spaces`},
	{"found unknown escape character", `unknown escape in "double quotes": write \\ for a backslash, or use 'single quotes'`},
	{"found invalid Unicode character escape code", `an escape in "double quotes" is not a character`},
	{"found character that cannot start any token", `a value cannot start with this character: put it in quotes`},
}

var linePrefix = regexp.MustCompile(`^line (\d+): `)
var anchorName = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)

// addSyntax translates the parser's error, which knows a line at best. The file
// is broken then.
func (s *sink) addSyntax(err error, l Limits) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := linePrefix.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	if m := anchorName.FindStringSubmatch(text); m != nil {
		line, column := s.find("*" + m[1])
		s.fatalf(line, column, "no value is named &%s before this alias", cut(m[1], 60))
		return
	}
	if strings.HasPrefix(text, "exceeded max depth") {
		s.fatalf(line, 1, "nested deeper than %d levels", l.Depth)
		return
	}
	if strings.HasPrefix(text, "did not find expected") {
		line = s.narrow(err, line)
	}
	column := s.blame(line, text)
	if strings.HasPrefix(text, "found character") && bytes.HasPrefix(s.from(line, column), []byte("\t")) {
		text = "found a tab character"
	}
	for _, x := range syntax {
		if strings.HasPrefix(text, x.theirs) {
			text = x.ours
			break
		}
	}
	s.fatalf(line, column, "%s", text)
}

// find is the place of the first whole word in the file.
func (s *sink) find(word string) (line, column int) {
	rest := s.src
	for line = 1; rest != nil; line++ {
		var text []byte
		text, rest = cutLine(rest)
		for from := 0; ; {
			i := bytes.Index(text[from:], []byte(word))
			if i < 0 {
				break
			}
			from += i + len(word)
			if from == len(text) || strings.IndexByte(" \t,]}:", text[from]) >= 0 {
				return line, len([]rune(string(text[:from-len(word)]))) + 1
			}
		}
	}
	return 1, 1
}

// narrow finds the line that the parser stumbled over; for errors of structure it
// names the start of the surrounding block, or the line before that. The parser
// is fed byte by byte to see how far it came, which is too far by a few tokens;
// then lines are taken from the end as long as it stumbles in the same way. A
// large file is not parsed again; its error stays at the start of the block.
func (s *sink) narrow(err error, line int) int {
	if len(s.src) > 256<<10 {
		if strings.HasPrefix(err.Error(), "yaml: line ") {
			line++ // for errors of structure the parser counts from 0
		}
		return line
	}
	slow := &drip{src: s.src}
	decode(slow, -1)
	end := len(bytes.TrimRight(s.src[:slow.at], " \t\r\n"))
	for tries, budget := 0, 8<<20; tries < 64; tries++ {
		last := bytes.LastIndexByte(s.src[:end], '\n')
		if budget -= end; last < 0 || budget < 0 {
			break
		}
		if _, again := decode(bytes.NewReader(s.src[:last]), -1); again == nil || again.Error() != err.Error() {
			break
		}
		end = last
	}
	text, found := s.src[:end], 0
	for text != nil {
		_, text = cutLine(text)
		found++
	}
	return max(found, line)
}

// drip gives one byte at a time and remembers how many.
type drip struct {
	src []byte
	at  int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.at == len(d.src) {
		return 0, io.EOF
	}
	n := copy(p, d.src[d.at:d.at+1])
	d.at += n
	return n, nil
}

// from is the rest of a line from a column on.
func (s *sink) from(line, column int) []byte {
	r := []rune(string(s.line(line)))
	return []byte(string(r[min(column-1, len(r)):]))
}

var (
	secondColon = regexp.MustCompile(`:[ \t].*?(:)(?:[ \t]|$)`)
	badStart    = regexp.MustCompile("(?:^|[-:?,\\[{])[ \t]*([@`%|>\t])")
)

// blame is the column of the character that the message is about, if it can be
// told, else that of the first word.
func (s *sink) blame(line int, message string) int {
	text := s.line(line)
	at := len(text) - len(bytes.TrimLeft(text, " \t"))
	switch {
	case strings.Contains(message, "tab character"), bytes.HasPrefix(text, []byte("\t")):
		if i := bytes.IndexByte(text, '\t'); i >= 0 {
			at = i
		}
	case strings.HasPrefix(message, "mapping values"):
		if m := secondColon.FindSubmatchIndex(text); m != nil {
			at = m[2]
		}
	case strings.HasPrefix(message, "found character"):
		if m := badStart.FindSubmatchIndex(text); m != nil {
			at = m[2]
		}
	case strings.HasPrefix(message, "found unknown escape"):
		if i := bytes.IndexByte(text, '\\'); i >= 0 {
			at = i
		}
	case strings.HasPrefix(message, "did not find expected ','"):
		opening := message[len(message)-2] - 2 // of "]" or "}", in ASCII
		if i := bytes.LastIndexByte(text, opening); i >= 0 {
			at = i
		}
	case strings.HasPrefix(message, "did not find expected node content"):
		if i := bytes.IndexAny(text, "]},"); i >= 0 {
			at = i
		}
	case strings.HasPrefix(message, "found unexpected"):
		if i := bytes.IndexAny(text, `"'`); i >= 0 {
			at = i
		}
	}
	return len([]rune(string(text[:at]))) + 1
}

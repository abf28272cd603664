package strict

import (
	"bytes"
	"unicode/utf8"
)

// checkText refuses what is not text or is too much of it, before the parser
// sees it: the parser would say so without a column, or not at all.
func (s *sink) checkText(l Limits) {
	switch b := s.src; {
	case len(b) > l.Bytes:
		s.fatalf(1, 1, "the file has %d bytes: at most %d are read", len(b), l.Bytes)
		return
	case bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")):
		s.fatalf(1, 1, "the file is UTF-16: save it as UTF-8")
		return
	}
	weight := 0
	rest := s.src
	for number := 1; rest != nil && !s.broken; number++ {
		var line []byte
		line, rest = cutLine(rest)
		s.checkLine(line, number)
		if weight += marks(line); weight > 2*l.Nodes {
			s.fatalf(number, 1, tooMany, l.Nodes)
		}
	}
}

func (s *sink) checkLine(line []byte, number int) {
	if bytes.HasPrefix(line, []byte("%TAG")) {
		s.fatalf(number, 1, "%%TAG is not supported: tags other than YAML's own have no meaning here")
		return
	}
	for column := 1; len(line) > 0; column++ {
		r, n := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && n == 1:
			s.fatalf(number, column, "byte 0x%02x is not valid UTF-8", line[0])
			return
		case r == 0:
			s.fatalf(number, column, "a NUL character: this is not a text file, or it is damaged")
			return
		case r == '\uFEFF':
			s.fatalf(number, column, "a byte order mark (U+FEFF): save the file as UTF-8 without one")
			return
		case r < ' ' && r != '\t', r >= 0x7F && r < 0xA0, r == 0xFFFE, r == 0xFFFF, r == 0x2028, r == 0x2029:
			s.fatalf(number, column, "control character U+%04X: delete it", r)
			return
		}
		line = line[n:]
	}
}

// marks is an upper bound for the values that a line makes. Only characters that
// can separate values count, so that a long text in a ConfigMap does not; what
// only looks like YAML inside such a text counts too, hence the caller's leeway.
func marks(line []byte) int {
	trimmed := bytes.TrimLeft(line, " \t")
	if len(trimmed) == 0 || trimmed[0] == '#' {
		return 0
	}
	if bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("...")) {
		return 2 + marks(line[3:])
	}
	n := 0
	for i, c := range trimmed {
		switch c {
		case ',', '[', '{':
			n++
		case ':':
			n += 2
		case '-', '?':
			if i+1 == len(trimmed) || trimmed[i+1] == ' ' || trimmed[i+1] == '\t' {
				n++
			}
		}
	}
	return n
}

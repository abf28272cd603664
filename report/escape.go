package report

import (
	"strings"
	"unicode/utf8"
)

// Escape makes s safe to print on a terminal or in a CI log, on one line: what
// would move the cursor, change the colour, turn the reading direction or not
// be seen at all is written as \u001b, and so is a byte that is not UTF-8, as
// \x9b. A backslash that is there already stays as it is. The brackets that
// GitHub's and Azure's runners take for commands anywhere in a line, ##[ and
// ##vso[, get a backslash, too.
func Escape(s string) string {
	s = runnerCommands.Replace(s)
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && invalidAt(s, i):
			b.WriteString(`\x` + hex(uint32(s[i]), 2))
		case hidden(r) && r > 0xffff:
			b.WriteString(`\U` + hex(uint32(r), 8))
		case hidden(r):
			b.WriteString(`\u` + hex(uint32(r), 4))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var runnerCommands = strings.NewReplacer("##[", `##\[`, "##vso[", `##vso\[`)

// uncommanded is a line that a CI system does not take for a command: GitHub's
// runner looks for :: behind any leading space (actions/runner,
// ActionCommand.TryParseV2).
func uncommanded(line string) string {
	if text := strings.TrimLeft(line, " "); strings.HasPrefix(text, "::") {
		return line[:len(line)-len(text)] + `\` + text
	}
	return line
}

// clean tells, quickly, whether s is printable ASCII.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func invalidAt(s string, i int) bool {
	_, size := utf8.DecodeRuneInString(s[i:])
	return size == 1
}

// hidden tells whether a rune acts on what displays it instead of being
// displayed: C0 and C1 controls, line and paragraph separators, zero-width and
// bidirectional formatting characters, tags (Unicode general categories Cc,
// Zl, Zp, and those of Cf that terminals and browsers act on; Trojan Source,
// CVE-2021-42574).
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0xad:
		return true
	case r == 0x61c, r == 0x115f, r == 0x1160, r == 0x180e, r == 0x3164:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

const hexDigits = "0123456789abcdef"

func hex(v uint32, width int) string {
	b := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		b[i] = hexDigits[v&15]
		v >>= 4
	}
	return string(b)
}

// appendJSON appends s as a JSON string, quotes included. Beyond what JSON
// asks for, hidden runes are escaped, so that a history file can be looked at
// with cat. Bytes that are not UTF-8 become U+FFFD, as in encoding/json.
func appendJSON[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return appendRunes(append(dst, s[start:i]...), string(s[i:]))
		} else if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			dst = appendEscaped(append(dst, s[start:i]...), rune(c))
			start = i + 1
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// appendRunes is the rest of appendJSON for what is not ASCII.
func appendRunes(dst []byte, s string) []byte {
	for _, r := range s {
		if hidden(r) || r == '"' || r == '\\' {
			dst = appendEscaped(dst, r)
		} else {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscaped(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	case '\r':
		return append(dst, `\r`...)
	}
	if r > 0xffff { // a surrogate pair, as JSON has it
		r -= 0x10000
		return appendEscapedUnit(appendEscapedUnit(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendEscapedUnit(dst, r)
}

func appendEscapedUnit(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word, a comparison, or one of the signs ( ) , : + =.
type token struct {
	text   string // "" at the end
	column int    // in runes, from 1
}

const signs = "(),:+"

// lex takes an expression apart. A word is whatever is not a sign, a
// comparison or space, so that a wrong one can be shown as a whole.
func lex(s string) []token {
	var tokens []token
	column := 1
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case unicode.IsSpace(r):
		case strings.ContainsRune(signs, r):
			tokens = append(tokens, token{s[:size], column})
		default:
			size = run(s)
			tokens = append(tokens, token{s[:size], column})
		}
		column += utf8.RuneCountInString(s[:size])
		s = s[size:]
	}
	return append(tokens, token{"", column})
}

const comparing = "<>=!"

// run is the length of the comparison or word that s begins with.
func run(s string) int {
	isComparison := strings.ContainsRune(comparing, rune(s[0]))
	for i, r := range s {
		if unicode.IsSpace(r) || strings.ContainsRune(signs, r) || strings.ContainsRune(comparing, r) != isComparison {
			return i
		}
	}
	return len(s)
}

func (t token) isSign() bool {
	return t.text != "" && strings.Contains(signs+comparing, t.text[:1])
}

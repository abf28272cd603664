package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"web-1":                 "web-1",
		"größe ✓":               "größe ✓",
		"\x1b[31mred\x1b[0m":    `\u001b[31mred\u001b[0m`,
		"a\nb\tc\x7f":           `a\u000ab\u0009c\u007f`,
		"\u009b2J":              `\u009b2J`,
		"\x9b2J":                `\x9b2J`,
		"user\u202etxt.exe":     `user\u202etxt.exe`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"\U000e0041":            `\U000e0041`,
		`back\slash`:            `back\slash`,
		"\ufffd":                "\ufffd",
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// FuzzJSON holds appendJSON against encoding/json, which escapes less.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "web", "a\"b\\c", "\x00\x1f\x7f", "\xff\xfe", "\u2028\u202e\U000e0041", "größe\n\r\t", "a\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		text := appendJSON(nil, s)
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q became %s: %v", s, text, err)
		}
		plain, _ := json.Marshal(s)
		if err := json.Unmarshal(plain, &want); err != nil || got != want {
			t.Fatalf("%q became %s, which is %q and not %q", s, text, got, want)
		}
		if !bytes.Equal(appendJSON(nil, []byte(s)), text) {
			t.Fatalf("%q as bytes is another string", s)
		}
		for _, out := range []string{string(text), Escape(s)} {
			for _, r := range out {
				if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
					t.Fatalf("%q became %s, with %U in it", s, out, r)
				}
			}
		}
		if strings.ContainsAny(Escape(s), "\n\r") {
			t.Fatalf("%q has a line break", s)
		}
	})
}

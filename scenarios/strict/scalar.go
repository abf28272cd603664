package strict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"orrery/sim"
)

// Text is a text on one line, as written: 1.30 stays "1.30" and no stays "no". It
// is not empty and holds nothing that a terminal could obey.
func (v Value) Text() string {
	s, ok := v.scalar("a text")
	switch {
	case !ok:
		return ""
	case strings.TrimSpace(s) == "":
		v.Errorf("the text is empty")
		return ""
	case strings.ContainsAny(s, "\r\n"):
		v.Errorf("the text must be on one line")
		return ""
	}
	return v.clean(s)
}

// Prose is a text that may have many lines and may be empty.
func (v Value) Prose() string {
	s, _ := v.scalar("a text")
	return v.clean(s)
}

// clean is s, or "" and an error if s holds a character that is invisible or
// changes how what follows is shown.
func (v Value) clean(s string) string {
	for i, r := range s {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError || harmless(r) {
			continue
		}
		v.ErrorfAt(i, "%s holds the character %U, which must not be in a text", Quote(s), r)
		return ""
	}
	return s
}

// harmless tells which invisible characters honest texts need: other spaces, and
// the joiners of emoji and of Arabic and Indic scripts.
func harmless(r rune) bool {
	return unicode.Is(unicode.Zs, r) || r == '\u200C' || r == '\u200D'
}

var (
	subdomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	qualified = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)
	notName   = regexp.MustCompile(`[^a-z0-9.-]+`)
)

// Name is a name as most Kubernetes objects have it: an RFC 1123 subdomain of at
// most 253 characters. no and 1 are names.
func (v Value) Name() string { return v.name("name", 253) }

// DNSLabel is a name as namespaces and services have it: an RFC 1123 label, without
// dots, of at most 63 characters.
func (v Value) DNSLabel() string { return v.name("label", 63) }

func (v Value) name(what string, most int) string {
	s, ok := v.scalar("a name")
	if !ok {
		return ""
	}
	if err := checkName(s, what, most); err != nil {
		v.Errorf("%v", err)
		return ""
	}
	return s
}

func checkName(s, what string, most int) error {
	dots := what == "name"
	switch {
	case s == "":
		return fmt.Errorf("the %s is empty", what)
	case len(s) > most:
		return fmt.Errorf("%s has %d characters: a %s has at most %d", Quote(s), len(s), what, most)
	case subdomain.MatchString(s) && (dots || !strings.Contains(s, ".")):
		return nil
	}
	allowed, fixed := `a-z, 0-9, "-" and "."`, notName.ReplaceAllString(strings.ToLower(s), "-")
	if !dots {
		allowed, fixed = `a-z, 0-9 and "-"`, strings.ReplaceAll(fixed, ".", "-")
	}
	hint := ""
	if fixed = strings.Trim(fixed, "-."); subdomain.MatchString(fixed) && len(fixed) <= 60 {
		hint = "; write " + fixed
	}
	return fmt.Errorf("%s is not a Kubernetes %s: only %s, a letter or digit at both ends%s", Quote(s), what, allowed, hint)
}

// Bool is true or false, not quoted and in no other spelling.
func (v Value) Bool() bool {
	s, ok := v.scalar("true or false")
	if !ok {
		return false
	}
	right := "true or false"
	switch strings.ToLower(s) {
	case "true", "yes", "on", "y", "1":
		right = "true"
	case "false", "no", "off", "n", "0":
		right = "false"
	}
	switch {
	case s == right && !v.quoted():
		return s == "true"
	case s == right:
		v.Errorf("%s is a text: write %s without quotes", Quote(s), s)
	default:
		v.Errorf("%s is not a truth value: write %s", show(s), right)
	}
	return false
}

// Int is a whole number from lo to hi, not quoted.
func (v Value) Int(lo, hi int64) int64 {
	return number(v, "a number", func(s string) (int64, error) { return ParseInt(s, lo, hi) })
}

// Milli is a decimal number in thousandths, from lo to hi thousandths, not quoted.
func (v Value) Milli(lo, hi int64) int64 {
	return number(v, "a number", func(s string) (int64, error) { return ParseMilli(s, lo, hi) })
}

// number parses a scalar that must not be quoted.
func number[T any](v Value, what string, parse func(string) (T, error)) T {
	return read(v, what, func(s string) (T, error) {
		x, err := parse(s)
		if err == nil && v.quoted() {
			err = fmt.Errorf("%s is a text: write it without quotes", Quote(s))
		}
		return x, err
	})
}

// read parses a scalar, quoted or not.
func read[T any](v Value, what string, parse func(string) (T, error)) (zero T) {
	s, ok := v.scalar(what)
	if !ok {
		return zero
	}
	x, err := parse(s)
	if err != nil {
		v.Errorf("%v", err)
		return zero
	}
	return x
}

// Duration is a length of time; see ParseDuration.
func (v Value) Duration() time.Duration { return read(v, "a duration such as 90s", single) }

// DurationIn is a length of time from lo to hi.
func (v Value) DurationIn(lo, hi time.Duration) time.Duration {
	return read(v, "a duration such as 90s", func(s string) (time.Duration, error) {
		d, err := single(s)
		if err == nil && (d < lo || d > hi) {
			err = outOfRange(show(s), lo, hi, FormatDuration)
		}
		if err != nil && strings.Trim(s, "0123456789.") == "" { // no unit, but would seconds be right?
			if d, none := ParseDuration(s + "s"); none != nil || d < lo || d > hi {
				err = outOfRange(show(s)+" has no unit, and in seconds", lo, hi, FormatDuration)
			}
		}
		return d, err
	})
}

// single is ParseDuration of what may have been meant as a distribution.
func single(text string) (time.Duration, error) {
	if strings.Contains(text, "..") || strings.Contains(text, "(") {
		return 0, fmt.Errorf("%s is a distribution: one duration is wanted here, such as 90s", Quote(text))
	}
	return ParseDuration(text)
}

// Dist is a distribution of lengths of time; see ParseDist.
func (v Value) Dist() sim.Dist { return read(v, "a duration or a distribution", ParseDist) }

// Percent is a share in millionths; see ParsePercent.
func (v Value) Percent() (ppm int64) { return read(v, "a share such as 30%", ParsePercent) }

// CPU is an amount of CPU in thousandths of a core; see ParseCPU.
func (v Value) CPU() (milli int64) { return read(v, "an amount of CPU such as 500m", ParseCPU) }

// Bytes is an amount of memory or disk; see ParseBytes.
func (v Value) Bytes() int64 { return read(v, "an amount such as 64Mi", ParseBytes) }

// Amount is a count, a share or all; see ParseAmount.
func (v Value) Amount() Amount { return read(v, "an amount such as 3, 30% or all", ParseAmount) }

// Enum is one of the valid words. What says in messages what they are: "fault".
func (v Value) Enum(what string, valid ...string) string {
	s, ok := v.scalar("the name of a " + what)
	if !ok || slices.Contains(valid, s) {
		return s
	}
	hint := ""
	if !v.doc.sink.full() {
		hint = DidYouMean(s, valid) + "; known: " + list(nearest(s, valid))
	}
	v.Errorf("unknown %s %s%s", what, Quote(s), hint)
	return ""
}

// Qualified tells whether a name is up to 63 letters, digits, "-", "_" and ".",
// perhaps after a domain and a slash (k8s.io/apimachinery/pkg/util/validation
// IsQualifiedName).
func Qualified(key string) bool {
	domain, name, found := strings.Cut(key, "/")
	if !found {
		domain, name = "x", key
	}
	return checkName(domain, "name", 253) == nil && qualified.MatchString(name) && len(name) <= 63
}

// LabelMap is a map of labels, checked as Kubernetes checks them: a key is up to
// 63 letters, digits, "-", "_" and ".", perhaps after a domain and a slash; a
// value is the same or empty. Values are read as written: 1.30 is "1.30". The
// result is nil if the map is absent.
func (v Value) LabelMap() map[string]string {
	entries := v.Entries()
	if entries == nil {
		return nil
	}
	labels := make(map[string]string, len(entries))
	for _, e := range entries {
		key := resolve(e.Key.node).Value
		if !Qualified(key) {
			e.Key.Errorf("%s is not a label key such as app or topology.kubernetes.io/zone", Quote(key))
			continue
		}
		value, ok := e.Value.scalar("the value of a label")
		if ok && value != "" && (!qualified.MatchString(value) || len(value) > 63) {
			e.Value.Errorf("%s is not a label value: up to 63 letters, digits, \"-\", \"_\" and \".\"", Quote(value))
			continue
		}
		if ok {
			labels[key] = value
		}
	}
	return labels
}

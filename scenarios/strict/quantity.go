package strict

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A unit and what it is worth.
type unit struct {
	name  string
	worth int64
}

func worth(units []unit, name string) (int64, bool) {
	for _, u := range units {
		if u.name == name {
			return u.worth, true
		}
	}
	return 0, false
}

const day = 24 * time.Hour

// Largest first: a duration must name its units in this order.
var timeUnits = []unit{
	{"d", int64(day)}, {"h", int64(time.Hour)}, {"m", int64(time.Minute)}, {"s", int64(time.Second)},
	{"ms", int64(time.Millisecond)}, {"us", int64(time.Microsecond)}, {"µs", int64(time.Microsecond)}, {"ns", 1},
}

var timeHints = map[string]string{
	"sec": "s", "secs": "s", "second": "s", "seconds": "s", "S": "s",
	"min": "m", "mins": "m", "minute": "m", "minutes": "m", "M": "m",
	"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "H": "h",
	"day": "d", "days": "d", "D": "d", "msec": "ms", "millis": "ms", "milliseconds": "ms",
	"usec": "us", "μs": "us", "nsec": "ns",
}

// ParseDuration reads a length of time such as 90s, 1h30m, 250ms, 1.5h or 2d. Every
// number has a unit (d, h, m, s, ms, us, ns), larger units come first, and it is
// not negative. The largest is about 292 years.
func ParseDuration(text string) (time.Duration, error) {
	var total int64
	next := 0 // index of the largest unit that may still come
	rest := text
	for first := true; first || rest != ""; first = false {
		number, tail := split(rest)
		i := 0
		for i < len(tail) && !strings.ContainsRune("0123456789+-._,", rune(tail[i])) {
			i++
		}
		name := tail[:i]
		rest = tail[i:]
		if err := checkTerm(text, number, name); err != nil {
			return 0, err
		}
		at := next
		for at < len(timeUnits) && timeUnits[at].name != name {
			at++
		}
		if at == len(timeUnits) {
			return 0, fmt.Errorf("%s: units go from large to small, each once: d h m s ms us ns", show(text))
		}
		n, err := scale(number, timeUnits[at].worth)
		switch {
		case errors.Is(err, errFine):
			return 0, fmt.Errorf("%s is finer than a nanosecond", show(text))
		case err != nil || total+n < 0:
			return 0, fmt.Errorf("%s is too long: at most %s", show(text), mostDuration)
		}
		total += n
		next = at + 1
	}
	return time.Duration(total), nil
}

// mostDuration is how long a duration may be: 2^63 nanoseconds, in whole days.
const mostDuration = "106751d"

// checkTerm checks one number and unit of the duration text.
func checkTerm(text, number, name string) error {
	if number == "" {
		return fmt.Errorf("%s is not a duration such as 90s or 1h30m", Quote(text))
	}
	trimmed := strings.TrimSpace(name)
	hint, ok := timeHints[trimmed]
	if _, known := worth(timeUnits, trimmed); known {
		hint, ok = trimmed, true
	}
	written := func(right string) string {
		return strings.Replace(text, number+name, right+cmp.Or(hint, trimmed, "s"), 1)
	}
	if within := !strings.HasPrefix(text, number); within && strings.ContainsAny(number[:1], "+-") {
		return fmt.Errorf("%s has a sign within: write %s", show(text), written(number[1:]))
	}
	if err := checkNumber(text, number, written); err != nil {
		return err
	}
	if _, known := worth(timeUnits, name); known {
		return nil
	}
	switch {
	case trimmed == "" && number+name == text:
		if _, err := ParseDuration(number + "s"); err != nil {
			return fmt.Errorf("%s has no unit, and in seconds it would be no duration: at most %s", show(text), mostDuration)
		}
		return fmt.Errorf("%s has no unit: write %ss", show(text), number)
	case trimmed == "":
		return fmt.Errorf("%s ends without a unit (d h m s ms us ns)", show(text))
	case ok && number+name == text:
		return fmt.Errorf("%s: write %s%s", Quote(text), number, hint)
	}
	return fmt.Errorf("unknown unit %s in %s: d h m s ms us ns", Quote(name), Quote(text))
}

// FormatDuration writes d as ParseDuration reads it, with days: "2d", "1h30m".
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return strconv.FormatInt(int64(d), 10) + "s"
	}
	var b strings.Builder
	for _, u := range timeUnits {
		if n := int64(d) / u.worth; n > 0 && u.name != "µs" {
			b.WriteString(strconv.FormatInt(n, 10) + u.name)
			d %= time.Duration(u.worth)
		}
	}
	return b.String()
}

// PPM is a million: the whole, in millionths.
const PPM = 1_000_000

// ParsePercent reads a share such as 30% or 99.95% in millionths: 300,000 and
// 999,500. It goes from 0% to 100%; the sign is mandatory.
func ParsePercent(text string) (ppm int64, err error) {
	number, ok := strings.CutSuffix(text, "%")
	if err := checkNumber(text, number, func(right string) string { return right + "%" }); err != nil {
		return 0, err
	}
	if !ok {
		hint := number
		if n, err := scale(number, PPM); err == nil && n <= PPM && strings.Contains(number, ".") {
			hint = percentNumber(n)
		}
		return 0, fmt.Errorf("%s has no unit: write %s%%", show(text), hint)
	}
	n, err := scale(number, PPM/100)
	switch {
	case errors.Is(err, errFine):
		return 0, fmt.Errorf("%s is finer than 0.0001%%", show(text))
	case err != nil || n > PPM:
		return 0, fmt.Errorf("%s is more than 100%%", show(text))
	}
	return n, nil
}

// percentNumber is a share in millionths as a number of percent: "99.95".
func percentNumber(ppm int64) string {
	fraction := strings.TrimRight(fmt.Sprintf(".%04d", ppm%(PPM/100)), "0")
	return strconv.FormatInt(ppm/(PPM/100), 10) + strings.TrimSuffix(fraction, ".")
}

// maxCores is far beyond any machine, and far from overflow in sums.
const maxCores = 1_000_000

// ParseCPU reads an amount of CPU as Kubernetes writes it, in thousandths of a
// core: 500m is 500, 2 is 2000, 0.5 is 500. Kubernetes rounds what is finer up;
// here it is an error.
func ParseCPU(text string) (milli int64, err error) {
	number, name := split(text)
	if number == "" {
		number = text
	}
	unit, suffix := int64(1000), ""
	if name == "m" {
		unit, suffix = 1, "m"
	}
	if err := checkNumber(text, number, func(right string) string { return right + suffix }); err != nil {
		return 0, err
	}
	if name != suffix {
		return 0, fmt.Errorf("unknown unit %s in %s: write 2 for cores, 500m for thousandths", Quote(name), Quote(text))
	}
	n, err := scale(number, unit)
	switch {
	case errors.Is(err, errFine):
		return 0, fmt.Errorf("%s is finer than a thousandth of a core", show(text))
	case err != nil || n > maxCores*1000:
		return 0, fmt.Errorf("%s is too many: at most %d cores", show(text), maxCores)
	}
	return n, nil
}

var byteUnits = []unit{
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15}, {"E", 1e18},
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"Pi", 1 << 50}, {"Ei", 1 << 60},
}

// byteHints turns what people write elsewhere, in lower case, into what
// Kubernetes means by it. "m" is a trap: to Kubernetes 400m of memory is 0.4 bytes.
var byteHints = map[string]string{
	"m": "Mi", "mb": "Mi", "mib": "Mi", "mi": "Mi", "k": "Ki", "kb": "Ki", "kib": "Ki", "ki": "Ki",
	"g": "Gi", "gb": "Gi", "gib": "Gi", "gi": "Gi", "t": "Ti", "tb": "Ti", "tib": "Ti", "ti": "Ti",
	"p": "Pi", "pb": "Pi", "pib": "Pi", "pi": "Pi", "e": "Ei", "eb": "Ei", "eib": "Ei", "ei": "Ei",
}

// ParseBytes reads an amount of memory or disk as Kubernetes writes it: 64Mi, 4Gi,
// 1G, 1.5Gi. Unlike in Kubernetes the unit is mandatory.
func ParseBytes(text string) (int64, error) {
	number, name := split(text)
	if number == "" {
		number = text
	}
	unit, known := worth(byteUnits, name)
	hint := byteHints[strings.ToLower(strings.TrimSpace(name))]
	written := func(right string) string {
		switch {
		case known:
			return right + name
		case strings.TrimSpace(name) == "":
			return cmp.Or(withUnit(right), right+"Mi")
		}
		return right + cmp.Or(hint, name)
	}
	if err := checkNumber(text, number, written); err != nil {
		return 0, err
	}
	if strings.TrimSpace(name) == "" {
		if hint = withUnit(number); hint == "" {
			return 0, fmt.Errorf("%s is too large: less than 8Ei", show(text))
		}
		return 0, fmt.Errorf("%s has no unit: write %s", show(text), hint)
	}
	switch {
	case !known && name == "m":
		return 0, fmt.Errorf("%s is thousandths of a byte to Kubernetes: write %sMi", show(text), number)
	case !known && hint != "":
		return 0, fmt.Errorf("unknown unit %s in %s: write %s%s", Quote(name), Quote(text), number, hint)
	case !known:
		return 0, fmt.Errorf("unknown unit %s in %s: Ki Mi Gi Ti Pi Ei, or k M G T P E", Quote(name), Quote(text))
	}
	n, err := scale(number, unit)
	switch {
	case errors.Is(err, errFine):
		return 0, fmt.Errorf("%s is not a whole number of bytes", show(text))
	case err != nil:
		return 0, fmt.Errorf("%s is too large: less than 8Ei", show(text))
	}
	return n, nil
}

// manyBytes is the number from which on we take a number without a unit for one of bytes: nobody
// would mean so many Mi.
const manyBytes = 10_000

// withUnit is how to write a number of bytes without a unit: as exactly so many bytes, which it
// means in Kubernetes; or as so many Mi, which may be meant if it is small. One that is too large
// is "".
func withUnit(number string) string {
	n, err := scale(number, 1)
	switch {
	case errors.Is(err, errFine) || err == nil && n == 0:
		return number + "Mi"
	case err != nil:
		return ""
	case n < manyBytes:
		return number + "Mi, or " + exactBytes(n) + " for bytes"
	}
	return exactBytes(n)
}

// exactBytes writes so many bytes exactly: as a whole number of the largest binary unit that
// divides them, such as "64Mi", or if none does as a decimal fraction, such as "12.5M".
func exactBytes(n int64) string {
	for i := len(byteUnits) - 1; i >= 0; i-- {
		if u := byteUnits[i]; strings.HasSuffix(u.name, "i") && n%u.worth == 0 {
			return strconv.FormatInt(n/u.worth, 10) + u.name
		}
	}
	u := byteUnits[0]
	for _, larger := range byteUnits[1:] {
		if !strings.HasSuffix(larger.name, "i") && larger.worth <= n {
			u = larger
		}
	}
	digits := len(strconv.FormatInt(u.worth, 10)) - 1
	fraction := strings.TrimRight(fmt.Sprintf(".%0*d", digits, n%u.worth), "0")
	return strconv.FormatInt(n/u.worth, 10) + strings.TrimSuffix(fraction, ".") + u.name
}

// Amount is how many of a group: a count, a share, or all of them. The zero
// Amount is none.
type Amount struct {
	Count int64
	PPM   int64 // a share in millionths; Count is 0 then
}

// ParseAmount reads "3", "30%" or "all".
func ParseAmount(text string) (Amount, error) {
	switch {
	case text == "all":
		return Amount{PPM: PPM}, nil
	case strings.HasSuffix(text, "%"):
		ppm, err := ParsePercent(text)
		return Amount{PPM: ppm}, err
	case text == "" || text[0] >= 'A' && !notFinite.MatchString(text):
		return Amount{}, fmt.Errorf("%s is not an amount: write 3, 30%% or all", Quote(text))
	}
	n, err := ParseInt(text, 0, 1_000_000_000)
	return Amount{Count: n}, err
}

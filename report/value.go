package report

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"orrery/sim"
)

// Unit is what a metric's values are in.
type Unit string

// The units. A value in an expectation is written with its unit: 99.9%, 5m30s, 300rps, 1.5x, 850m, 512Mi.
const (
	Count    Unit = "count"
	Percent  Unit = "percent"
	Duration Unit = "duration"
	Rate     Unit = "rate"     // 300rps: thousandths of a request per second
	Times    Unit = "multiple" // 1.5x: billionths
	Cores    Unit = "cores"    // 850m, 1.25: thousandths of a core
	Bytes    Unit = "bytes"    // 512Mi
	YesNo    Unit = "yes or no"
)

// noun is what a value in the unit is, with its article.
func (u Unit) noun() string {
	switch u {
	case Cores:
		return "an amount of CPU"
	case Bytes:
		return "an amount of memory"
	}
	return "a " + string(u)
}

// Example is a value in the unit as expectations write it, "" if they write none.
func (u Unit) Example() string {
	return map[Unit]string{Count: "3", Percent: "99.9%", Duration: "5m", Rate: "300rps", Times: "1.5x", Cores: "850m", Bytes: "512Mi"}[u]
}

// billion is 100 % in the integers that shares are kept as.
const billion = 1_000_000_000

// unending as a Duration is that of something that never came.
const unending = math.MaxInt64

// value is a measured number: n in the metric's unit (a count, billionths,
// nanoseconds, 0 or 1), and whether the exact one lies between n and n+1.
type value struct {
	n    int64
	over bool
}

// shareOf is num out of den, exactly.
func shareOf(num, den *big.Int) value {
	q, r := new(big.Int), new(big.Int)
	q.QuoRem(new(big.Int).Mul(num, big.NewInt(billion)), den, r)
	return value{q.Int64(), r.Sign() != 0}
}

// compare is negative, 0 or positive as v is below, at or above limit.
func (v value) compare(limit int64) int {
	switch {
	case v.n < limit:
		return -1
	case v.n > limit || v.over:
		return 1
	}
	return 0
}

// text is v for people. A share gets as many digits as it takes to tell it
// from limit.
func (v value) text(u Unit, limit int64) string {
	switch u {
	case Percent:
		return v.percent(limit)
	case Duration:
		return durationText(v.n, limit)
	case Rate:
		return decimals(v.n, 3) + "rps"
	case Times:
		return v.times(limit)
	case Cores:
		return coresText(v.n)
	case Bytes:
		return bytesText(v.n, limit)
	case YesNo:
		return [...]string{"no", "yes"}[min(v.n, 1)]
	}
	return strconv.FormatInt(v.n, 10)
}

// durationText is cut to milliseconds, unless that would hide on which side of
// limit it is.
func durationText(n, limit int64) string {
	if n == unending {
		return "never"
	}
	s := sim.Time(n).String()
	if n != limit && s == sim.Time(limit).String() {
		return time.Duration(n).String()
	}
	return s
}

func (v value) percent(limit int64) string {
	const perPercent = billion / 100
	for digits := 3; digits < 7; digits++ {
		unit := int64(perPercent)
		for range digits {
			unit /= 10
		}
		if cut := v.n / unit * unit; cut != limit || v.n == limit && !v.over {
			return trimPercent(cut)
		}
	}
	if v.over && v.n == limit {
		return "just over " + trimPercent(v.n)
	}
	return trimPercent(v.n)
}

func trimPercent(n int64) string {
	s := fmt.Sprintf("%d.%07d", n/(billion/100), n%(billion/100))
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "%"
}

// parseValue reads a limit in unit u. What is wrong is said with an example of
// what would be right.
func parseValue(s string, u Unit) (int64, error) {
	switch u {
	case Percent:
		return parsePercent(s)
	case Duration:
		return parseDuration(s)
	case Rate:
		return parseDecimal(s, "rps", 3, "a rate such as 300rps")
	case Times:
		return parseDecimal(s, "x", 9, "a multiple such as 1.5x")
	case Cores:
		return parseCores(s)
	case Bytes:
		return parseBytes(s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || s[0] == '+' {
		return 0, fmt.Errorf("%q is not a count; write a whole number without a unit, such as 3", s)
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("%q begins with 0 and could be meant as octal; write %d", s, n)
	}
	return n, nil
}

func parseDuration(s string) (int64, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d >= 0 && s != "0":
		return int64(d), nil
	case err == nil && d < 0:
		return 0, fmt.Errorf("%q is negative; write a duration such as 5m30s", s)
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf("%q has no unit; write a duration such as %ss or %sm", s, s, s)
	}
	return 0, fmt.Errorf("%q is not a duration; write one such as 300ms, 90s, 5m30s or 1h", s)
}

// times is cut to thousandths, unless that would hide on which side of limit it is.
func (v value) times(limit int64) string {
	cut := v.n / 1_000_000 * 1_000_000
	if cut == limit && (v.n != limit || v.over) {
		cut = v.n
	}
	return decimals(cut, 9) + "x"
}

// decimals is n with so many digits behind the point, without needless zeros.
func decimals(n int64, digits int) string {
	unit := int64(1)
	for range digits {
		unit *= 10
	}
	s := fmt.Sprintf("%d.%0*d", n/unit, digits, n%unit)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// parseDecimal reads a number with a unit and at most so many digits behind the point.
func parseDecimal(s, unit string, digits int, such string) (int64, error) {
	number, ok := strings.CutSuffix(s, unit)
	if !ok {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return 0, fmt.Errorf("%q has no unit; write %s", s, such)
		}
		return 0, fmt.Errorf("%q is not one; write %s", s, such)
	}
	whole, rest, _ := strings.Cut(number, ".")
	if len(rest) > digits {
		return 0, fmt.Errorf("%q has more than %d digits behind the point", s, digits)
	}
	n, err := strconv.ParseUint(whole+rest+strings.Repeat("0", digits-len(rest)), 10, 63)
	if err != nil || whole == "" || strings.HasSuffix(number, ".") {
		return 0, fmt.Errorf("%q is not one; write %s", s, such)
	}
	return int64(n), nil
}

func parsePercent(s string) (int64, error) {
	digits, ok := strings.CutSuffix(s, "%")
	if !ok {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return 0, fmt.Errorf("%q has no unit; write a percentage such as 99.9%%", s)
		}
		return 0, fmt.Errorf("%q is not a percentage; write one such as 99.9%%", s)
	}
	whole, rest, _ := strings.Cut(digits, ".")
	if len(rest) > 7 {
		return 0, fmt.Errorf("%q has more than seven digits behind the point", s)
	}
	n, err := strconv.ParseUint(whole+rest+strings.Repeat("0", 7-len(rest)), 10, 63)
	if err != nil || whole == "" || strings.HasSuffix(digits, ".") || len(whole) > 3 {
		return 0, fmt.Errorf("%q is not a percentage; write one such as 99.9%%", s)
	}
	if n > billion {
		return 0, fmt.Errorf("%q is more than 100%%", s)
	}
	return int64(n), nil
}

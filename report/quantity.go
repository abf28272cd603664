package report

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// CPU and memory in expectations, as Kubernetes writes them
// (k8s.io/apimachinery/pkg/api/resource/quantity.go), but that memory has to have a unit.

// coresText is an amount of CPU, in thousandths of a core: "850m", "1.25".
func coresText(milli int64) string {
	if milli > 0 && milli < 1000 {
		return strconv.FormatInt(milli, 10) + "m"
	}
	return decimals(milli, 3)
}

// parseCores reads one: "850m", "1.25" or "2".
func parseCores(s string) (milli int64, err error) {
	if number, ok := strings.CutSuffix(s, "m"); ok {
		milli, err = parseDecimal(number, "", 0, "")
	} else {
		milli, err = parseDecimal(s, "", 3, "")
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not an amount of CPU; write cores such as 1.25, or thousandths such as 850m", s)
	}
	return milli, nil
}

// byteUnit is a unit of memory.
type byteUnit struct {
	name  string
	bytes uint64
}

// byteUnits are those that are read; the first, the largest first, are also written.
var byteUnits = []byteUnit{
	{"Pi", 1 << 50}, {"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10},
	{"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3},
}

const writtenUnits = 5

// finestBytes is so many digits behind the point that they show each byte of a Pi.
const finestBytes = 16

// bytesText is an amount of memory: "512Mi", "1.4Gi". It is cut to a tenth of its unit,
// unless that would hide on which side of limit it is, or that it is the limit.
func bytesText(n, limit int64) string {
	if n == limit {
		return bytesCut(n, finestBytes)
	}
	digits := 1
	for digits < finestBytes && bytesCut(n, digits) == bytesCut(limit, digits) {
		digits++
	}
	return bytesCut(n, digits)
}

// bytesMean is a mean of amounts of memory.
func bytesMean(x float64) string {
	if x < 1<<10 {
		return significant(x, 3) + " bytes"
	}
	return bytesText(int64(math.Round(x)), -1)
}

func bytesCut(n int64, digits int) string {
	for _, u := range byteUnits[:writtenUnits] {
		unit := int64(u.bytes)
		if n < unit {
			continue
		}
		s := strconv.FormatInt(n/unit, 10) + "."
		for rest := n % unit; digits > 0; digits-- {
			rest *= 10
			s += strconv.FormatInt(rest/unit, 10)
			rest %= unit
		}
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + u.name
	}
	return strconv.FormatInt(n, 10)
}

// parseBytes reads one: "512Mi", "1.5Gi", "1G".
func parseBytes(s string) (int64, error) {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		const parts = 1_000_000_000
		n, err := parseDecimal(number, "", 9, "")
		if err != nil {
			break
		}
		hi, lo := bits.Mul64(uint64(n), u.bytes)
		if hi >= parts {
			return 0, fmt.Errorf("%q is more than any cluster has", s)
		}
		bytes, rest := bits.Div64(hi, lo, parts)
		if bytes > math.MaxInt64 {
			return 0, fmt.Errorf("%q is more than any cluster has", s)
		}
		if rest > 0 {
			return 0, fmt.Errorf("%q is not a whole number of bytes", s)
		}
		return int64(bytes), nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf("%q has no unit; write an amount of memory such as %sMi", s, s)
	}
	return 0, fmt.Errorf("%q is not an amount of memory; write one such as 512Mi or 1.5Gi", s)
}

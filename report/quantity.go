package report

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"orrery/model"
)

// CPU and memory in expectations, as Kubernetes writes them
// (k8s.io/apimachinery/pkg/api/resource/quantity.go). But memory needs a unit, unless it is 0.

// coresText is an amount of CPU, in thousandths of a core: "850m", "1.25".
func coresText(milli int64) string {
	if milli > 0 && milli < 1000 {
		return strconv.FormatInt(milli, 10) + "m"
	}
	return decimals(milli, 3)
}

// parseCores reads an amount of CPU: "850m", "1.25" or "2".
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

// The units that are read. Means are written in binary ones.
var (
	binaryUnits  = []byteUnit{{"Pi", 1 << 50}, {"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}}
	decimalUnits = []byteUnit{{"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}
)

// finestBytes is how many digits behind the point tell each byte of 1Pi from the next: a byte
// is 8.9e-16 of it.
const finestBytes = 16

// bytesText is an amount of memory: "512Mi", "1.4Gi". It is cut to a tenth of its unit,
// unless that would hide on which side of limit it is, or that it is the limit.
func bytesText(n, limit int64) string {
	if n == limit {
		return model.BytesText(n, finestBytes)
	}
	digits := 1
	for digits < finestBytes && model.BytesText(n, digits) == model.BytesText(limit, digits) {
		digits++
	}
	return model.BytesText(n, digits)
}

// bytesMean is a mean of amounts of memory, in so many digits.
func bytesMean(x float64, digits int) string {
	if x == 0 {
		return "0"
	}
	for _, u := range binaryUnits {
		if unit := float64(u.bytes); x >= unit {
			return significant(x/unit, digits) + u.name
		}
	}
	return significant(x/1000, digits) + "k"
}

// parseBytes reads an amount of memory: "512Mi", "1.5Gi", "1G", or 0 without a unit.
func parseBytes(s string) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	for _, u := range slices.Concat(binaryUnits, decimalUnits) {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := parseDecimal(number, "", 9, "") // in billionths
		if err != nil {
			break
		}
		hi, lo := bits.Mul64(uint64(n), u.bytes)
		if hi >= billion {
			return 0, fmt.Errorf("%q is more than any cluster has", s)
		}
		bytes, rest := bits.Div64(hi, lo, billion)
		if bytes > math.MaxInt64 {
			return 0, fmt.Errorf("%q is more than any cluster has", s)
		}
		if rest > 0 {
			return 0, fmt.Errorf("%q is not a whole number of bytes", s)
		}
		return int64(bytes), nil
	}
	if _, err := parseDecimal(s, "", 9, ""); err == nil {
		return 0, fmt.Errorf("%q has no unit; write an amount of memory such as %sMi", s, s)
	}
	return 0, fmt.Errorf("%q is not an amount of memory; write one such as 512Mi or 1.5Gi", s)
}

package strict

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The pure parsers of this file and the next read one text each, for use in
// places that are not values of their own, such as an expression. Their errors
// quote the text safely and say what would be right, but not where.

var (
	decimal     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	exponential = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+$`)
	otherBase   = regexp.MustCompile(`^0[xXoObB][0-9a-fA-F]+$`)
	notFinite   = regexp.MustCompile(`^[+-]?\.?(?i:nan|inf|infinity)$`)
)

// maxDigits is longer than any number that can be right.
const maxDigits = 40

// checkDecimal refuses all but plain decimal numbers such as 12 and 0.5, and
// tells the spellings apart that some program somewhere takes for a number.
func checkDecimal(number string) error {
	return checkNumber(number, number, func(right string) string { return right })
}

// checkNumber is checkDecimal for the number of a text with more in it, such as a unit.
// Written is the text with another number.
func checkNumber(text, number string, written func(number string) string) error {
	digits := strings.TrimLeft(number, "+-")
	switch {
	case number == "":
		return errors.New("a number is missing")
	case notFinite.MatchString(number):
		return fmt.Errorf("%s is not a finite number", show(number))
	case len(number) > maxDigits:
		return fmt.Errorf("%s is too large", show(number))
	case strings.HasPrefix(number, "--"):
		return fmt.Errorf("%s is not a number", show(number))
	case number[0] == '-' && decimal.MatchString(digits):
		return fmt.Errorf("%s is negative: write %s", show(text), written(digits))
	case number[0] == '+' && decimal.MatchString(digits):
		return fmt.Errorf("%s has a sign: write %s", show(text), written(digits))
	case otherBase.MatchString(number):
		return fmt.Errorf("%s is not decimal%s", show(text), rewrite(number, 0, written))
	case exponential.MatchString(number):
		return fmt.Errorf("%s has an exponent%s", show(text), rewrite(number, 10, written))
	case strings.Contains(number, "_") && decimal.MatchString(strings.ReplaceAll(number, "_", "")):
		return fmt.Errorf("%s has underscores: write %s", show(text), written(strings.ReplaceAll(number, "_", "")))
	case strings.Contains(number, ",") && decimal.MatchString(strings.Replace(number, ",", ".", 1)):
		return fmt.Errorf("%s has a comma: write %s", show(text), written(strings.Replace(number, ",", ".", 1)))
	case !decimal.MatchString(number):
		return fmt.Errorf("%s is not a number", show(number))
	case len(number) > 1 && number[0] == '0' && number[1] != '.':
		return fmt.Errorf("%s looks octal%s", show(text), octal(number, written))
	}
	return nil
}

func octal(number string, written func(string) string) string {
	plain := strings.TrimLeft(number, "0")
	if plain == "" || plain[0] == '.' {
		plain = "0" + plain
	}
	if n, err := strconv.ParseInt(number, 8, 64); err == nil && n > 7 {
		return fmt.Sprintf(": write %s, or %s if octal is meant", written(plain), written(plainNumber(n)))
	}
	return ": write " + written(plain)
}

// rewrite is how a number in some other notation is written plainly, if it is a
// whole number of a size that anybody can mean. A base of 0 stands for the one
// that the prefix names.
func rewrite(number string, base int, written func(string) string) string {
	if base == 0 {
		if n, err := strconv.ParseInt(number, 0, 64); err == nil {
			return ": write " + written(plainNumber(n))
		}
		return ""
	}
	i := strings.IndexAny(number, "eE")
	shift, err := strconv.Atoi(number[i+1:])
	whole, fraction, _ := strings.Cut(number[:i], ".")
	if err != nil || shift < len(fraction) || shift > 18 {
		return ": write it out"
	}
	plain := strings.TrimLeft(whole+fraction+strings.Repeat("0", shift-len(fraction)), "0")
	if plain == "" {
		plain = "0"
	}
	return ": write " + written(plain)
}

// scale is the decimal number times unit, exactly.
func scale(number string, unit int64) (int64, error) {
	if err := checkDecimal(number); err != nil {
		return 0, err
	}
	whole, fraction, _ := strings.Cut(number, ".")
	n, _ := new(big.Int).SetString(whole+fraction, 10)
	n.Mul(n, big.NewInt(unit))
	divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	n, rest := n.QuoRem(n, divisor, new(big.Int))
	switch {
	case rest.Sign() != 0:
		return 0, errFine
	case !n.IsInt64():
		return 0, errLarge
	}
	return n.Int64(), nil
}

var (
	errFine  = errors.New("too fine")
	errLarge = errors.New("too large")
)

// split cuts a quantity into its number and its unit. What some program takes for
// a number without a unit is not cut: NaN, 1e3, 0x1F.
func split(text string) (number, unit string) {
	if notFinite.MatchString(text) || exponential.MatchString(text) || otherBase.MatchString(text) {
		return text, ""
	}
	i := 0
	for i < len(text) && (text[i] >= '0' && text[i] <= '9' || strings.IndexByte("+-._,", text[i]) >= 0) {
		i++
	}
	return text[:i], text[i:]
}

// ParseInt reads a whole decimal number from lo to hi.
func ParseInt(text string, lo, hi int64) (int64, error) {
	n, err := parseScaled(text, 1)
	switch {
	case errors.Is(err, errFine), err == nil && strings.Contains(text, "."):
		return 0, fmt.Errorf("%s is not a whole number", show(text))
	case errors.Is(err, errLarge):
		return 0, outOfRange(show(text), lo, hi, plainNumber)
	case err != nil:
		return 0, err
	case n < lo || n > hi:
		return 0, outOfRange(show(text), lo, hi, plainNumber)
	}
	return n, nil
}

// ParseMilli reads a decimal number from lo to hi, all in thousandths: "2.5" is
// 2500. It is what we have instead of floating point.
func ParseMilli(text string, lo, hi int64) (int64, error) {
	n, err := parseScaled(text, 1000)
	switch {
	case errors.Is(err, errFine):
		return 0, fmt.Errorf("%s has more than three digits after the point", show(text))
	case errors.Is(err, errLarge):
		return 0, outOfRange(show(text), lo, hi, milliNumber)
	case err != nil:
		return 0, err
	case n < lo || n > hi:
		return 0, outOfRange(show(text), lo, hi, milliNumber)
	}
	return n, nil
}

// parseScaled is scale for numbers that may be negative. One too long to be read
// is errLarge here, whatever its digits.
func parseScaled(text string, unit int64) (int64, error) {
	digits, negative := strings.CutPrefix(text, "-")
	if strings.HasPrefix(digits, "-") || notFinite.MatchString(digits) {
		return 0, checkDecimal(text)
	}
	if len(digits) > maxDigits && strings.Trim(digits, "0123456789") == "" {
		return 0, errLarge
	}
	n, err := scale(digits, unit)
	if negative {
		n = -n
	}
	return n, err
}

func plainNumber(n int64) string { return strconv.FormatInt(n, 10) }

func milliNumber(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	fraction := strings.TrimRight(fmt.Sprintf(".%03d", n%1000), "0")
	return sign + strconv.FormatInt(n/1000, 10) + strings.TrimSuffix(fraction, ".")
}

func outOfRange[T any](shown string, lo, hi T, format func(T) string) error {
	return fmt.Errorf("%s is out of range: %s to %s", shown, format(lo), format(hi))
}

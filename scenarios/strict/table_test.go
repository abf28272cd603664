package strict_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode"

	"orrery/scenarios/strict"
)

func TestWorthIsExactAndRoundedUp(t *testing.T) {
	for _, x := range []struct {
		text  string
		worth int64
		want  int64
	}{
		{"12", 1, 12}, {"12", 1 << 20, 12 << 20}, {"0", 1000, 0}, {"007", 1, 7}, {"1.0", 1000, 1000},
		{"0.0001", 1000, 1}, {"0.0010", 1000, 1}, {"0.0011", 1000, 2}, {"-0.0011", 1000, -1}, {"-3", 1000, -3000},
		{"2.5e-3", 1000, 3}, {"2.5E3", 1000, 2_500_000}, {"1e18", 1, 1e18}, {"9223372036854775807", 1, math.MaxInt64},
		{"2097151", 1<<42 - 1, 0}, {"1e-30", 1, 1},
	} {
		if x.want == 0 && x.text != "0" {
			x.want = 2097151 * x.worth
		}
		if got, err := strict.ParseWorth(x.text, x.worth); got != x.want || err != nil {
			t.Errorf("%s times %d: %d %v, want %d", x.text, x.worth, got, err, x.want)
		}
	}
	for _, text := range []string{
		"", "-", "--1", "four", "1,5", "1_000", "0x10", "nan", "-inf", "1e19", "1e-31", "1e", "9223372036854775808", "1 2", "+1",
		strings.Repeat("9", 41), "1e999999999999999999999",
	} {
		if got, err := strict.ParseWorth(text, 1); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
}

// The slow twin is the standard library's rational numbers.
func TestWorthIsWhatRationalNumbersSay(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := fmt.Sprint(rng.Int64N(1 << rng.IntN(40)))
		if rng.IntN(2) == 0 {
			text += fmt.Sprintf(".%d", rng.Int64N(1<<rng.IntN(30)))
		}
		if rng.IntN(3) == 0 {
			text += fmt.Sprintf("e%d", rng.IntN(20)-12)
		}
		if rng.IntN(4) == 0 {
			text = "-" + text
		}
		worth := 1 + rng.Int64N(1<<rng.IntN(44))
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		r.Mul(r, new(big.Rat).SetInt64(worth))
		want := new(big.Int).Neg(new(big.Int).Div(new(big.Int).Neg(r.Num()), r.Denom()))
		got, err := strict.ParseWorth(text, worth)
		if want.IsInt64() != (err == nil) || err == nil && got != want.Int64() {
			t.Fatalf("%s times %d: %d %v, want %v", text, worth, got, err, want)
		}
	}
}

// hostileTables want to hurt.
func hostileTables() map[string]string {
	return map[string]string{
		"only commas":        strings.Repeat(",", 8<<20),
		"commas in rows":     "a\n" + strings.Repeat("\",,\"\n", 1<<18),
		"a row without end":  "a,b\n\"" + strings.Repeat("\n,", 4<<20),
		"quotes":             strings.Repeat("\"", 8<<20) + "\n" + strings.Repeat("\"\"\"", 1<<18),
		"wide":               strings.Repeat("a,", 1<<18) + "\n1",
		"ragged":             "a,b\n1,2\n" + strings.Repeat("3\n", 1<<18),
		"NUL":                "a,b\n1,\x00",
		"broken UTF-8":       "a,b\n1,\xff",
		"UTF-16":             "\xff\xfea\x00",
		"escapes":            "a,b\n\x1b[2J,1",
		"other line ends":    "a,b\n1,2\u20283,4",
		"old line ends":      "a,b\r1,2\r",
		"wrong cells":        "a\n" + strings.Repeat("x\n", 1<<18),
		"a long cell":        "a\n" + strings.Repeat("9", 8<<20),
		"direction of text":  "a\n1\u202e2",
		"many lines":         strings.Repeat("\n", 8<<20),
		"nothing":            "",
		"only a mark":        "\uFEFF",
		"only comments":      strings.Repeat("#\n", 1<<18),
		"a quote in a quote": "a\n\"1\"2\"3\"",
	}
}

// readAll reads a table of numbers in one column.
func readAll(data string, header bool) error {
	t := strict.ParseTable("t.csv", []byte(data), ',', header)
	for t.Next() {
		c := t.Cell(0)
		if _, err := strict.ParseWorth(c.Text, 1); err != nil {
			c.Errorf("%v", err)
		}
	}
	return t.Err()
}

// An answer with a place, with less than 200 MB, that is safe to print.
func TestHostileTablesAreRefusedQuicklyAndSafely(t *testing.T) {
	for name, data := range hostileTables() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := readAll(data, true)
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 200 {
			t.Errorf("%s: took %d MB", name, mb)
		}
		checkAnswer(t, name, err)
	}
}

func checkAnswer(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", name)
		return
	}
	if !strings.HasPrefix(err.Error(), "t.csv:") {
		t.Errorf("%s: no place: %.200s", name, err)
	}
	for _, r := range err.Error() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%s: the answer holds %U", name, r)
			return
		}
	}
}

func FuzzTable(f *testing.F) {
	for _, data := range hostileTables() {
		if len(data) < 1<<10 {
			f.Add(data, true)
		}
	}
	f.Add("a,b\n1,2\n\"3\",\"4 \"\"x\"\"\"\n", false)
	f.Fuzz(func(t *testing.T, data string, header bool) {
		if err := readAll(data, header); err != nil {
			checkAnswer(t, "fuzz", err)
		}
	})
}

package strict

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"orrery/sim"
)

// TestQuantities is one line for each text that the parsers of quantities are
// given: what they read, or what they say.
func TestQuantities(t *testing.T) {
	tr := openTranscript(t, "quantities.txt")
	for _, c := range quantities {
		var b strings.Builder
		for _, text := range c.texts {
			got, err := c.parse(text)
			if err != nil {
				got = "error: " + err.Error()
			}
			printable(t, got)
			fmt.Fprintf(&b, "%-22s %s\n", Quote(text), got)
		}
		t.Run(c.name, func(t *testing.T) { tr.check(t, c.name, b.String()) })
	}
	tr.close(t, "Texts, and what they are read as.")
}

var numbers = []string{
	"0", "1", "007", "0777", "08", "0x1F", "0b11", "0o17", "1e3", "1.5e3", "1.5e0", "1e-3", "1e99", "1_000", "1,5", "+1", "-1", "--1",
	"1.", ".5", "2.5", "2.0", "", " ", "1 ", "one", "1.2.3", "nan", ".NaN", "-.inf", "Infinity", "９", "\u0661",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", strings.Repeat("9", 50), "\x1b[2J",
}

var quantities = []struct {
	name  string
	texts []string
	parse func(string) (string, error)
}{
	{"int", numbers, func(s string) (string, error) {
		n, err := ParseInt(s, -1<<62, 1<<63-1)
		return fmt.Sprint(n), err
	}},
	{"milli up to 10", append([]string{"9.9999", "10", "10.001", "-0.5"}, numbers...), func(s string) (string, error) {
		n, err := ParseMilli(s, -500, 10_000)
		return fmt.Sprint(n), err
	}},
	{"duration", append([]string{
		"90s", "1h30m", "250ms", "2d", "1.5h", "0.5ms", "1us", "1µs", "7ns", "1d2h3m4s5ms6us7ns", "0s", "90", "-5s", "-5ms", "-1h30m", "-5min", "-5 s", "+5s",
		"1h30", "30m1h", "1h1h", "5 m", "5min", "5 minutes", "5M", "3fortnights", "0.1ns", "1.0000000001s", "106751d", "106752d",
		"106751d23h47m16s854775807ns", "106751d23h47m16s854775808ns", "99999999999999999999h", "05m", "1h05m", "1e3s", "1m30", "s", "1h-5m", "1..5s", "∞",
	}, numbers...), func(s string) (string, error) {
		d, err := ParseDuration(s)
		if again, err2 := ParseDuration(FormatDuration(d)); err == nil && (err2 != nil || again != d) {
			err = fmt.Errorf("%d is formatted as %s", d, FormatDuration(d))
		}
		return fmt.Sprintf("%s, %dns", FormatDuration(d), d), err
	}},
	{"percent", append([]string{
		"30%", "99.95%", "99.9999%", "99.99999%", "100%", "100.0001%", "0%", "-1%", "030%", "1e1%", "30 %", "30", "0.3", "0.9995", "%", "nan%", "inf%", "half",
	}, numbers...), func(s string) (string, error) {
		n, err := ParsePercent(s)
		return fmt.Sprintf("%d ppm", n), err
	}},
	{"cpu", append([]string{
		"500m", "2", "0.5", "0.001", "0.0005", "1.5m", "2 cores", "2c", "2M", "500M", "500 m", "2k", "1000000", "1000001", "m", "-1m",
	}, numbers...), func(s string) (string, error) {
		n, err := ParseCPU(s)
		return fmt.Sprintf("%dm", n), err
	}},
	{"bytes", append([]string{
		"64Mi", "4Gi", "1G", "1k", "1.5Gi", "0.5Ki", "0.0001Ki", "1K", "64", "67108864", "4294967296", "64MB", "64mb", "64MiB", "64 Mi",
		"64m", "64mi", "1e9", "7Ei", "8Ei", "9223372036G", "-1Mi", "-1m", "Mi", "64X",
	}, numbers...), func(s string) (string, error) {
		n, err := ParseBytes(s)
		return fmt.Sprint(n), err
	}},
	{"amount", append([]string{"3", "30%", "all", "ALL", "0.5", "some", "100%", "0%", "130%", "1000000001"}, numbers...), func(s string) (string, error) {
		a, err := ParseAmount(s)
		return fmt.Sprintf("%d, or %d millionths", a.Count, a.PPM), err
	}},
	{"dist", []string{
		"2s", "2s..5s", "2s .. 5s", "5s..2s", "3s..3s", "2..5", "2s..", "..5s", "2s..5s..7s", "90", "",
		"constant(2s)", "uniform(2s, 5s)", "uniform(5s, 2s)", "exponential(5s)", "exponential(0s)", "exponential(1s, 2s)", "exponential()",
		"normal(3s, 1s)", "normal(3s,0s)", "normal(0s, 1s)", "lognormal(2s, p99 9s)", "lognormal(2s, 9s)", "lognormal(9s, p99 2s)", "lognormal(2s, p99 9)",
		"lognormal(0s, p99 9s)", "weibull(10s, 1.5)", "weibull(10s, 0.01)", "weibull(10s, nan)", "weibull(0s, 1)", "weibull(10s)",
		"empirical(1s, 2s, 9s)", "empirical(2s, 1s)", "empirical()", "lognormal(2s", "lognornal(2s, p99 9s)", "poisson(3s)", "exponential", "fast", "(2s)", "nan", "2s)", "\x1b(2s)",
	}, func(s string) (string, error) {
		_, err := ParseDist(s)
		return "a distribution", err
	}},
}

// Source: apimachinery resource.Quantity: a number without a suffix is one of bytes.
func TestTheHintForANumberWithoutAUnitIsAsManyBytes(t *testing.T) {
	for n, want := range map[int64]string{
		10_485: "10.485k", 10_240: "10Ki", 12_500_000: "12.5M", 64 << 20: "64Mi", 3 << 31: "6Gi", 1_000_000: "1M", 1_024_000: "1000Ki",
		200: "0.2k", 1: "0.001k", 7_000_000_000_001: "7.000000000001T", math.MaxInt64: "9.223372036854775807E",
	} {
		hint := exactBytes(n)
		if back, err := ParseBytes(hint); hint != want || back != n || err != nil {
			t.Errorf("%d: write %s, want %s; read it is %d (%v)", n, hint, want, back, err)
		}
		_, err := ParseBytes(fmt.Sprint(n))
		if text := fmt.Sprintf("%d has no unit: write %s", n, hint); n >= manyBytes && err.Error() != text {
			t.Errorf("%v, want %s", err, text)
		}
		if text := fmt.Sprintf("%d has no unit: write %dMi, or %s for bytes", n, n, hint); n < manyBytes && err.Error() != text {
			t.Errorf("%v, want %s", err, text)
		}
	}
}

func TestDistributionsAreThoseOfTheSimulator(t *testing.T) {
	measured, err := sim.Empirical([]time.Duration{time.Second, 2 * time.Second, 9 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]sim.Dist{
		"2s":                    sim.Constant(2 * time.Second),
		"constant(2s)":          sim.Constant(2 * time.Second),
		"2s..5s":                sim.Uniform(2*time.Second, 5*time.Second),
		"uniform(2s, 5s)":       sim.Uniform(2*time.Second, 5*time.Second),
		"exponential(5s)":       sim.Exponential(5 * time.Second),
		"normal(3s, 1s)":        sim.Normal(3*time.Second, time.Second),
		"lognormal(2s,p99 9s)":  sim.Lognormal(2*time.Second, 9*time.Second),
		"weibull(10s, 1.5)":     sim.Weibull(10*time.Second, 1500),
		"empirical(1s, 2s, 9s)": measured,
	} {
		if got, err := ParseDist(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// root reads one value at x.
func root(t *testing.T, text string) (Value, *Document) {
	t.Helper()
	doc, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Root().Peek("x"), doc
}

func TestReadsGiveTheValue(t *testing.T) {
	read := map[string]func(Value) any{
		"x: 1.30":               func(v Value) any { return v.Text() == "1.30" },
		"x: no":                 func(v Value) any { return v.Name() == "no" && v.Text() == "no" },
		"x: 2024-01-01":         func(v Value) any { return v.Text() == "2024-01-01" },
		"x: true":               func(v Value) any { return v.Bool() && v.Text() == "true" },
		"x: |\n a\n b":          func(v Value) any { return v.Prose() == "a\nb" },
		"x: 5":                  func(v Value) any { return v.Int(1, 5) == 5 && v.Milli(0, 5000) == 5000 && v.CPU() == 5000 },
		"x: '500m'":             func(v Value) any { return v.CPU() == 500 },
		"x: 64Mi":               func(v Value) any { return v.Bytes() == 64<<20 },
		"x: 90s":                func(v Value) any { return v.Duration() == 90*time.Second && v.DurationIn(90e9, 90e9) == 90e9 },
		"x: 99.95%":             func(v Value) any { return v.Percent() == 999_500 && v.Amount() == Amount{PPM: 999_500} },
		"x: [a, b.c]":           func(v Value) any { return reflect.DeepEqual(Each(v, Value.Name), []string{"a", "b.c"}) },
		"x: {a: 1.30, b/c: ''}": func(v Value) any { return reflect.DeepEqual(v.LabelMap(), map[string]string{"a": "1.30", "b/c": ""}) },
		"x: &a [1]\ny: *a":      func(v Value) any { return v.List()[0].Int(0, 9) == 1 },
		"y: &a [1]\nx: *a":      func(v Value) any { return v.IsList() && v.List()[0].Path() == "x[0]" },
		"x: {on: 1, \"\\e\": 2}": func(v Value) any {
			return v.Entries()[0].Key.Text() == "on" && v.Entries()[1].Value.Path() == `x["\x1b"]`
		},
		"x:":           func(v Value) any { return v.IsNull() && v.IsScalar() && v.Raw() == "" },
		"x: zone-down": func(v Value) any { return v.Enum("fault", "node-down", "zone-down") == "zone-down" },
		"x: {a: 5m, d: {c: {e: 1}}}": func(v Value) any {
			m := v.Map("m", "a", "b", "c", "d")
			none := m.Optional("b").Map("none", "f", "g")
			return !none.Given() && none.Default("f", "7").Int(1, 9) == 7 && !none.Required("g").Given() &&
				m.Default("a", "1s").Duration() == 5*time.Minute && m.Default("b", "2d").Duration() == 48*time.Hour &&
				m.Value().Pos().Column == 4 && m.Optional("a").KeyPos().Column == 5
		},
	}
	for text, ok := range read {
		v, doc := root(t, text)
		if ok(v) != true || doc.Err() != nil {
			t.Errorf("%q: %v, %v", text, ok(v), doc.Err())
		}
	}
}

// A number without a unit is told to be seconds only if so many would do.
func TestANumberWithoutAUnitIsToldAUnitThatWouldDo(t *testing.T) {
	for text, want := range map[string]string{
		"90":                  "90 has no unit: write 90s",
		"0":                   "0 has no unit, and in seconds is out of range: 1s to 366d",
		"31622400":            "31622400 has no unit: write 31622400s",
		"31622401":            "31622401 has no unit, and in seconds is out of range: 1s to 366d",
		"9223372036854775807": "9223372036854775807 has no unit, and in seconds is out of range: 1s to 366d",
		"1h30":                "1h30 ends without a unit (d h m s ms us ns)",
	} {
		v, doc := root(t, "x: "+text)
		v.DurationIn(time.Second, 366*24*time.Hour)
		if err := doc.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestAbsentValuesAreSilent(t *testing.T) {
	v, doc := root(t, "y: 1")
	if v.Given() || v.IsMap() || v.IsList() || v.IsScalar() || v.IsNull() || v.Raw() != "" || v.Pos() != (Position{}) || v.KeyPos() != (Position{}) {
		t.Error("an absent value is something")
	}
	v.Errorf("nothing")
	v.ErrorfAt(3, "nothing")
	if v.Text()+v.Prose()+v.Name()+v.DNSLabel()+v.Enum("a", "b") != "" || v.Bool() || v.Int(5, 6)+v.Milli(5, 6)+v.CPU()+v.Bytes()+v.Percent() != 0 {
		t.Error("an absent value has a value")
	}
	if v.List() != nil || v.Entries() != nil || v.LabelMap() != nil || v.JSON() != nil || v.Duration() != 0 || v.Amount() != (Amount{}) || !v.Dist().IsZero() {
		t.Error("an absent value has a value")
	}
	if v.Peek("z").Given() || v.Map("m", "f").Required("f").Given() {
		t.Error("an absent value has fields")
	}
	if name, f := v.Map("m", "f", "g").OneOf("f", "g"); name != "" || f.Given() || doc.Err() != nil {
		t.Error(name, doc.Err())
	}
}

func TestUndeclaredFieldPanics(t *testing.T) {
	defer func() {
		if p := recover(); p != `strict: field "b" of thing is read but not declared` {
			t.Errorf("panic %v", p)
		}
	}()
	v, _ := root(t, "x: {a: 1}")
	v.Map("thing", "a").Optional("b")
}

func TestErrorAtAnOffsetIntoTheText(t *testing.T) {
	for text, want := range map[string]string{
		"x: availability(web) > 3":         "f:1:22: x: here",
		"x:   \"availability(web) > 3\"":   "f:1:25: x: here",
		"x: 'availability(web) > 3'":       "f:1:23: x: here",
		"x: \"availability\\x28web) > 3\"": "f:1:4: x: here",
		"x: >\n  availability(web) > 3":    "f:1:4: x: here",
		"x: äöüability(web) >>>> 3":        "f:1:19: x: here",
	} {
		v, doc := root(t, text)
		v.ErrorfAt(18, "here")
		var e Error
		if errors.As(doc.Err(), &e); e.Error() != want {
			t.Errorf("%s: %s, want %s", text, e.Error(), want)
		}
	}
}

func TestJoin(t *testing.T) {
	if Join() != nil || Join(nil, nil) != nil {
		t.Error("no errors make an error")
	}
	var errs []error
	for i := range 4 {
		v, doc := root(t, "x: [1]")
		for j := range 10 {
			v.Errorf("mistake %d of %d", j, i)
		}
		v.Errorf("mistake 1 of %d", i) // again
		errs = append(errs, doc.Err())
	}
	es := Join(nil, errors.New("a \x1b plain one"), Join(errs...)).(*Errors)
	if len(es.List) != 20 || es.More != 21 || es.List[0].Message != `a \x1b plain one` || es.List[11].Message != "x: mistake 0 of 1" {
		t.Errorf("%d, %d more, %v", len(es.List), es.More, es)
	}
}

func TestParseAll(t *testing.T) {
	docs, err := DefaultLimits.ParseAll("m.yaml", []byte("# c\n---\nkind: A\n---\n# nothing\n---\nkind: B\nkind: C\n...\n---\n- x\n"))
	if err != nil || len(docs) != 3 {
		t.Fatal(docs, err)
	}
	if k := docs[1].Root().Peek("kind"); k.Raw() != "B" || k.Pos() != (Position{"m.yaml", 7, 7}) {
		t.Error(k.Raw(), k.Pos())
	}
	want := "m.yaml:8:1: \"kind\" is given twice: first on line 7\n    8 | kind: C\n      | ^"
	for _, d := range docs {
		if d.Err() == nil || d.Err().Error() != want {
			t.Errorf("%v", d.Err())
		}
	}
	if docs, err := DefaultLimits.ParseAll("m.yaml", []byte("--- \n# nothing\n")); len(docs) != 0 || err != nil {
		t.Error(docs, err)
	}
	if docs, err := DefaultLimits.ParseAll("m.yaml", []byte("a: 1\n---\na: [\n")); docs != nil || err == nil {
		t.Error(docs, err)
	}
	if _, err := (Limits{Bytes: 100, Nodes: 5, Depth: 9}).ParseAll("m.yaml", []byte("a: 1\n---\nb: 2\n")); err == nil {
		t.Error("the limit is not for all documents together")
	}
}

// Kubernetes manifests are read with sigs.k8s.io/yaml, which is YAML 1.1.
func TestJSONReadsScalarsAsKubectlDoes(t *testing.T) {
	for text, want := range map[string]string{
		"x: {mode: 0644, a: yes, b: 'yes', c: off, d: 1.30, e: ~, f: 2024-01-01, g: y}": `{"mode":420,"a":true,"b":"yes","c":false,"d":1.3,"e":null,"f":"2024-01-01","g":true}`,
		"x: [1, -2, 0x1F, 1e3, true, 18446744073709551615, '\"\\', !!str 5]":            `[1,-2,31,1000,true,18446744073709551615,"\"\\","5"]`,
		"y: &a {b: [c]}\nx: [*a, *a]": `[{"b":["c"]},{"b":["c"]}]`,
		"x: {1: a, true: b, <<: c}":   `{"1":"a","true":"b"}`,
		"x: .inf":                     ``,
		"x: {a: [.nan]}":              ``,
	} {
		v, doc := root(t, text)
		if got := string(v.JSON()); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		if want == "" && doc.Err() == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

// Real files, read where they are: what others wrote must pass, and mean to us
// what it means to encoding/json and to yaml.v3.
func TestRealFiles(t *testing.T) {
	data := filepath.Join("..", "..", "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skip("the shared data is not beside this checkout: ", err)
	}
	files := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".yaml" || ext == ".json") {
			files++
			checkReal(t, path)
		}
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("%d files, %v", files, err)
	}
}

func checkReal(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := DefaultLimits.ParseAll(path, text)
	if err != nil {
		t.Error(err)
		return
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	for _, d := range docs {
		if d.Err() != nil {
			t.Error(d.Err())
		}
		var got, want any
		for want == nil {
			if err := dec.Decode(&want); err != nil {
				t.Fatal(path, err)
			}
		}
		if err := json.Unmarshal(d.Root().JSON(), &got); err != nil {
			t.Error(path, err)
		}
		again, err := json.Marshal(want)
		if err != nil {
			t.Fatal(path, err)
		}
		var same any
		if json.Unmarshal(again, &same); !reflect.DeepEqual(got, same) {
			t.Errorf("%s is not the same to us", path)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"duration", "maxSurge", "zone", "zone-down", "node-down", "at", "for", "availability", "controlPlane"}
	for word, want := range map[string]string{
		"druation": "duration", "Duration": "duration", "dur": "duration", "durations": "duration", "max_surge": "maxSurge",
		"zonedown": "zone-down", "zoen": "zone", "node-dwn": "node-down", "aat": "at", "at": "at", "avail": "availability",
		"x": "", "": "", "if": "", "do": "", "wombat": "", "controlplan": "controlPlane", "availabilityOfService": "availability",
		strings.Repeat("z", 100_000): "",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("%q: %q, want %q", cut(word, 20), got, want)
		}
	}
}

// The slow twin of distance is its definition.
func TestDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		same := 1
		if a[0] == b[0] {
			same = 0
		}
		d := min(slow(a[1:], b)+1, slow(a, b[1:])+1, slow(a[1:], b[1:])+same)
		if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
			d = min(d, slow(a[2:], b[2:])+1)
		}
		return d
	}
	words := []string{"", "a", "b", "ab", "ba", "abc", "acb", "bca", "abab", "baba", "abca", "abbc", "cabba", "abcab"}
	for _, a := range words {
		for _, b := range words {
			if want := min(slow(a, b), 3); min(distance(a, b), 3) != want {
				t.Errorf("%q to %q: %d, want %d", a, b, distance(a, b), want)
			}
		}
	}
}

// Of many names a message has those first that resemble what was written.
func TestOfManyNamesTheNearestAreSaidFirst(t *testing.T) {
	valid := make([]string, 0, 30)
	for i := range 20 {
		valid = append(valid, "a-"+string(rune('a'+i)))
	}
	valid = append(valid, "cni-down", "kubelet-restart", "kubelet-stop", "node-down")
	for s, want := range map[string][]string{
		"kubelet-down": {"kubelet-restart", "kubelet-stop", "cni-down", "node-down", "a-a"},
		"wombat":       {"a-a", "a-b", "a-c"},
		"a-down":       {"a-a", "a-b"},
	} {
		if got := nearest(s, valid); !slices.Equal(got[:len(want)], want) || len(got) != len(valid) {
			t.Errorf("%s: %v", s, got)
		}
	}
	if few := valid[18:]; !slices.Equal(nearest("kubelet-down", few), few) {
		t.Error("a short list has another order")
	}
}

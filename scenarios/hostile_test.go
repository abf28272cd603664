package scenarios_test

import (
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"orrery/scenarios"
)

// bomb is values that multiply at each of n levels.
func bomb(n int) string {
	b := strings.Builder{}
	b.WriteString("x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "x-%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 8), i-1)
	}
	return b.String()
}

// hostile is input that wants to hurt: the table of section 5.1 of the
// specification of faults and assertions, and what we know of our own weak places.
var hostile = map[string]string{
	"alias bomb":             bomb(9),
	"alias bomb of a map":    "x-a: &a {b: 1, c: 2}\n" + strings.Repeat("x-z: [*a, *a, *a, *a, *a, *a]\n", 1),
	"deep":                   "name: " + strings.Repeat("[", 20_000),
	"deep maps":              "name: " + strings.Repeat("{a: ", 20_000),
	"deep blocks":            strings.Repeat("- ", 20_000) + "a",
	"many values":            "expect: [" + strings.Repeat("a,", 1_000_000) + "]",
	"many errors":            beginning + "timeline: [" + strings.Repeat("{fault: nod-down},", 60_000) + "]",
	"many unknown fields":    beginning + "timeline: [{" + manyFields(60_000) + "}]",
	"many matches":           beginning + "timeline: [" + strings.Repeat("{at: 1m, fault: node-down, match: {a: b}},", 9_000) + "]",
	"many nodes and names":   strings.Replace(beginning, "count: 6", "count: 100000", 1) + "timeline: [" + strings.Repeat("{at: 1m, fault: node-down, target: node/wbe},", 9_000) + "]",
	"many expectations":      beginning + "expect: [" + strings.Repeat("converged(),", 60_000) + "]",
	"a long expectation":     beginning + "expect: ['" + strings.Repeat("(", 100_000) + "']",
	"a long name":            "name: " + strings.Repeat("a", 1<<20),
	"a long line":            "name: [" + strings.Repeat("{", 1) + strings.Repeat(" ", 4<<20),
	"a large file":           strings.Repeat("# comment\n", 1<<20),
	"many inline objects":    beginning + strings.Repeat("    - {apiVersion: v1, kind: Pod, metadata: {}}\n", 1),
	"many wrong objects":     strings.Split(beginning, "    - apiVersion")[0] + strings.Repeat("    - {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {contaners: []}}\n", 20_000),
	"a huge number":          beginning + "seed: 99999999999999999999999",
	"a number of digits":     beginning + "seed: " + strings.Repeat("9", 100_000),
	"an exponent":            beginning + "seed: 1e3",
	"a terrible exponent":    beginning + "seed: 1e999999999",
	"octal":                  beginning + "seed: 0777",
	"infinite":               beginning + "seed: .inf",
	"not a number":           beginning + "seed: .nan",
	"no is a name, 90 not":   "apiVersion: orrery/v1\nname: no\nduration: 90\n",
	"second document":        beginning + "---\nname: other\n",
	"duplicate key":          beginning + "name: zone\n",
	"byte order mark inside": beginning + "about: a\uFEFFb\n",
	"NUL":                    beginning + "about: a\x00b\n",
	"invalid UTF-8":          beginning + "about: a\xffb\n",
	"UTF-16":                 "\xff\xfea\x00",
	"self reference":         "x-a: &a [*a]\n",
	"escape":                 beginning + `about: "a\e[2Jb"` + "\n",
	"tag":                    "name: !!binary aGFsbG8=\n",
	"custom tag":             "name: !include /etc/passwd\n",
	"merge":                  "x-a: &a {b: 1}\n<<: *a\n",
	"template":               "name: {{ .Values.name }}\n",
	"tab":                    "cluster:\n\tnodes: []\n",
	"zero duration":          strings.Replace(beginning, "1h", "0s", 1),
	"a long duration":        strings.Replace(beginning, "1h", "99999999d", 1),
	"byte order mark":        "\uFEFF" + beginning,
	"zero-period cron":       strings.Replace(beginning, "manifests:\n", "manifests:\n    - {apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {schedule: '*/0 * * * *', jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: c}]}}}}}}\n", 1),
	"zero period":            beginning + "timeline: [{at: 1m, for: 0s, fault: registry-down}]",
	"a billion replicas":     strings.Replace(beginning, "replicas: 3", "replicas: 1000000000", 1),
	"a billion nodes":        strings.Replace(beginning, "count: 6", "count: 1000000000", 1),
	"a billion of memory":    strings.Replace(beginning, "16Gi", "999999999Ei", 1),
	"a billion by quantity":  strings.Replace(beginning, `image: "web:1"}`, `image: "web:1", resources: {requests: {cpu: 1e1000000}}}`, 1),
	"a quantity of digits":   strings.Replace(beginning, `image: "web:1"}`, `image: "web:1", resources: {requests: {cpu: "`+strings.Repeat("9", 100_000)+`"}}}`, 1),
	"many containers":        strings.Replace(beginning, `{name: proxy, image: "proxy:1"}`, strings.Repeat(`{name: proxy, image: p},`, 20_000)+`{name: p, image: p}`, 1),
	"control in a label":     strings.Replace(beginning, "labels: {app: web}", `labels: {app: "a\eb"}`, 1),
	"control in an id":       beginning + `timeline: [{at: 1m, fault: registry-down, id: "a\nb"}]`,
	"control in an image":    beginning + `timeline: [{at: 1m, do: set-image, target: deployment/web, container: main, image: "a\eb"}]`,
	"direction of text":      beginning + "about: a\u202eb\n",
	"huge pull of files":     beginning + "timeline: [{at: 1m, do: apply, manifests: ['" + strings.Repeat("*/", 10_000) + "*']}]",
	"nothing":                "",
	"only a mark":            "\uFEFF",
	"folded into one":        ">\n",
	"a trace of many parts":  beginning + "trace: {pods: {file: pods.csv, columns: {name: [" + strings.Repeat("a,", 60_000) + "]}}}\n",
	"many windows":           beginning + "expect:\n" + strings.Repeat("  - at 1m: converged( \n", 900),
	"many long expectations": beginning + "expect:\n" + strings.Repeat("  - '"+strings.Repeat("a", 990)+"'\n", 900),
}

func BenchmarkHostileInput(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if _, err := scenarios.Read("zone.yaml", []byte(hostile[name])); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "falt%d: 1,", i)
	}
	return b.String()
}

var located = regexp.MustCompile(`^zone\.yaml:\d+:\d+: `)

// Every one of them gets a clear answer that names the place, with less than 200
// MB, and that is safe to print. BenchmarkHostileInput tells how long each takes.
func TestHostileInputIsRefusedQuicklyAndSafely(t *testing.T) {
	for name, text := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := scenarios.Read("zone.yaml", []byte(text))
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 200 {
			t.Errorf("%s: took %d MB", name, mb)
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !located.MatchString(err.Error()) {
			t.Errorf("%s: no place: %.200s", name, err)
		}
		for _, r := range err.Error() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: the answer holds %U", name, r)
				break
			}
		}
	}
}

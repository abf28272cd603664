package strict

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// transcript holds sections "## title", each a fact that a test found out. Run
// the tests with -update, read the diff, then commit it.
type transcript struct {
	file string
	want map[string]string
	got  []string
	text map[string]string
}

func openTranscript(t *testing.T, file string) *transcript {
	tr := &transcript{file: filepath.Join("testdata", file), want: map[string]string{}, text: map[string]string{}}
	data, err := os.ReadFile(tr.file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for _, section := range strings.Split("\n"+string(data), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		tr.want[title] = strings.TrimSpace(body)
	}
	return tr
}

func (tr *transcript) check(t *testing.T, title, text string) {
	t.Helper()
	text = strings.TrimSpace(text)
	tr.got = append(tr.got, title)
	tr.text[title] = text
	if text != tr.want[title] && !*update {
		t.Errorf("%s, %q:\n--- got\n%s\n--- want\n%s", tr.file, title, text, tr.want[title])
	}
}

func (tr *transcript) close(t *testing.T, heading string) {
	if !*update {
		return
	}
	b := strings.Builder{}
	b.WriteString(heading)
	for _, title := range tr.got {
		fmt.Fprintf(&b, "\n\n## %s\n%s", title, tr.text[title])
	}
	if err := os.WriteFile(tr.file, []byte(b.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scenario is a small loader in the shape of the real one.
func scenario(doc *Document) {
	top := doc.Root().Map("the scenario", "apiVersion", "name", "about", "version", "duration", "seed", "cluster", "timeline", "expect")
	top.Default("apiVersion", "orrery/v1").Enum("version", "orrery/v1")
	top.Default("name", "x").Name()
	top.Default("about", "").Prose()
	top.Optional("version").Text()
	top.Default("duration", "1h").DurationIn(time.Second, 366*day)
	top.Default("seed", "1").Int(0, 1<<62)
	cluster := top.Optional("cluster").Map("cluster", "controlPlane", "nodes")
	plane := cluster.Optional("controlPlane").Map("controlPlane", "replicas", "cpu", "memory", "zones")
	plane.Default("replicas", "3").Int(1, 7)
	plane.Optional("cpu").CPU()
	plane.Optional("memory").Bytes()
	Each(plane.Optional("zones"), Value.Name)
	for _, v := range cluster.Optional("nodes").List() {
		nodes := v.Map("node pool", "name", "count", "labels")
		nodes.Required("name").DNSLabel()
		nodes.Default("count", "1").Int(1, 20_000)
		nodes.Optional("labels").LabelMap()
	}
	for _, v := range top.Optional("timeline").List() {
		timeline(v)
	}
	Each(top.Optional("expect"), Value.Text)
}

func timeline(v Value) {
	m := v.Map("fault "+v.Peek("fault").Raw(), "at", "for", "every", "fault", "do", "zone", "duration", "share", "startup", "weight", "count", "dry")
	m.Required("at").Duration()
	m.Optional("for").Duration()
	m.Optional("every").DurationIn(time.Millisecond, day)
	if name, f := m.OneOf("fault", "do"); name == "fault" {
		f.Enum("fault", "node-down", "zone-down", "partition")
	}
	m.Optional("zone").Name()
	m.Optional("duration").Duration()
	m.Optional("share").Percent()
	m.Optional("startup").Dist()
	m.Optional("weight").Milli(0, 10_000)
	m.Optional("count").Amount()
	m.Optional("dry").Bool()
}

// load is everything that is said about a scenario.
func load(data []byte) string {
	doc, err := Parse("zone.yaml", data)
	if err == nil {
		scenario(doc)
		err = doc.Err()
	}
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// abridge shows an input in a transcript: invisible characters escaped, long
// stretches left out.
func abridge(input string) string {
	if len(input) > 500 {
		input = input[:70] + fmt.Sprintf("\n[... %d bytes ...]\n", len(input)-110) + input[len(input)-40:]
	}
	lines := strings.SplitAfter(input, "\n")
	for i, line := range lines {
		body := strings.TrimSuffix(line, "\n")
		lines[i] = Escape(body) + line[len(body):]
	}
	return strings.TrimSuffix(strings.Join(lines, ""), "\n")
}

// printable fails if an error message could do something to a terminal.
func printable(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("the message holds %U: %q", r, text)
			return
		}
	}
}

func TestHostileInput(t *testing.T) {
	tr := openTranscript(t, "hostile.txt")
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := load([]byte(c.input))
			runtime.ReadMemStats(&after)
			// All that was allocated, freed or not: also a bound for the time it took.
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 200 {
				t.Errorf("%d MiB allocated", mib)
			}
			printable(t, got)
			tr.check(t, c.name, abridge(c.input)+"\n----\n"+got)
		})
	}
	tr.close(t, "What hand-written and hostile scenarios are told. The first rows are the table of\nsection 5.1 of the specification of faults and assertions.")
}

// bomb is nine levels of ten aliases each: half a kilobyte that means a billion values.
func bomb() string {
	var b strings.Builder
	b.WriteString("x-0: &a0 [lol]\n")
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&b, "x-%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return b.String()
}

var hostile = []struct{ name, input string }{
	{"alias bomb", bomb()},
	{"20,000 deep", "x-a: " + strings.Repeat("[", 20_000)},
	{"20,000 deep block", strings.Repeat("- ", 20_000) + "a"},
	{"65 deep", "x-a: " + strings.Repeat("[", 64) + strings.Repeat("]", 64)},
	{"64 deep", "x-a: " + strings.Repeat("[", 63) + strings.Repeat("]", 63)},
	{"deep by aliases", "x-a: &a " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\nx-b: " + strings.Repeat("[", 40) + "*a" + strings.Repeat("]", 40)},
	{"unknown field", "name: zone\ntimeline:\n  - {at: 5m, fault: zone-down, zone: a}\n  - at: 5m\n    fault: zone-down\n    druation: 4m\n"},
	{"unknown field, nothing near", "cluster:\n  nodse: []\n  wombat: 3\n"},
	{"our own fields", "x-note: anything\nx-: {y: 1}\n"},
	{"duplicate key", "name: a\ncluster:\n  nodes: []\nname: b\n"},
	{"overflow", "seed: 99999999999999999999999\n"},
	{"overflow by a million digits", "seed: " + strings.Repeat("9", 1_000_000) + "\n"},
	{"int32 overflow", "cluster: {nodes: [{name: web, count: 2147483648}]}\n"},
	{"a billion replicas", "cluster: {controlPlane: {replicas: 1000000000}}\n"},
	{"1e3 as a whole number", "seed: 1e3\n"},
	{"octal", "seed: 0777\n"},
	{"new octal", "seed: 0o777\n"},
	{"hexadecimal", "seed: 0x1F\n"},
	{"underscores", "seed: 1_000\n"},
	{"comma", "seed: 1,5\n"},
	{"fraction", "seed: 2.5\n"},
	{"negative", "seed: -1\n"},
	{"plus", "seed: +1\n"},
	{"number in quotes", "seed: \"1\"\n"},
	{"inf and nan", "timeline:\n  - {at: 1s, fault: zone-down, weight: .inf, share: .nan}\n  - {at: inf, fault: zone-down, share: NaN%, startup: nan}\nseed: .nan\n"},
	{"name: no", "name: no\n"},
	{"version 1.30 stays a text", "version: 1.30\n"},
	{"missing unit", "duration: 90\ncluster: {controlPlane: {memory: 64, cpu: 2}}\ntimeline: [{at: 5, fault: zone-down, share: 0.3}]\n"},
	{"memory in thousandths of a byte", "cluster: {controlPlane: {memory: 400m}}\n"},
	{"second document", "name: a\n---\nname: b\n"},
	{"second document after dots", "name: a\n...\nname: b\n"},
	{"second document, empty", "name: a\n---\n"},
	{"end of document", "--- # the only one\nname: a\n...\n"},
	{"byte order mark", "\uFEFFname: no\nnmae: b\n"},
	{"byte order mark in the middle", "name: no\n---\n\uFEFFname: b\n"},
	{"UTF-16", "\xff\xfen\x00a\x00"},
	{"invalid UTF-8", "name: a\nabout: caf\xe9\n"},
	{"overlong UTF-8", "name: \xc0\xaf\n"},
	{"NUL", "name: a\nabout: x\x00y\n"},
	{"control character", "name: a\nabout: \x1b[2Jboo\n"},
	{"C1 control character", "about: \u009b2J\n"},
	{"self-referencing anchor", "x-a: &a [1, *a]\n"},
	{"self-referencing anchor by a map", "x-a: &a\n  b:\n    c: *a\n"},
	{"anchor shadowed inside itself", "x-a: &a [&a 1, *a]\n"},
	{"unknown anchor", "name: a\nx-b: [1, *nowhere]\n"},
	{"escape sequence in a name", "name: \"\\e[2J\"\n"},
	{"escape sequence in a text", "version: \"ok \\e[2J\"\nexpect: [\"a\\nb\", \"\"]\n"},
	{"escape sequence in a key", "\"\\e[2J\\r::error::\": 1\n"},
	{"bidirectional override", "name: \u202Egpj.exe\nversion: \"x\u202Ey\"\n"},
	{"zero width", "name: web\u200B\nversion: \"a\u200Bb\"\n"},
	{"emoji with joiners", "version: \"👩\u200D🚀 ok\"\n"},
	{"200,000 uses of one anchor", "x-a: &a {b: 1}\nx-b: [" + strings.Repeat("*a,", 200_000) + "]\n"},
	{"350,000 uses of one anchor", "x-a: &a {b: 1}\nx-b: [" + strings.Repeat("*a,", 350_000) + "]\n"},
	{"bytes by aliases", "x-a: &a " + strings.Repeat("a", 1<<20) + "\nx-b: [" + strings.Repeat("*a,", 50) + "]\n"},
	{"two million values", "x-a: [" + strings.Repeat("1,", 2_000_000) + "]\n"},
	{"300,000 values", "x-a: [" + strings.Repeat("1,", 300_000) + "]\n"},
	{"a million documents", strings.Repeat("---\n", 1_000_000)},
	{"a file of 5 MiB", strings.Repeat("# talk\n", 5<<20/7)},
	{"a long text that looks like YAML", "about: |\n" + strings.Repeat("  a, b: [c, {d: e}]\n", 20_000)},
	{"100,000 unknown fields", strings.Repeat("", 1) + manyFields(90_000)},
	{"merge key", "x-a: &a {b: 1}\ncluster:\n  <<: *a\n"},
	{"merge key in quotes", "x-a: {\"<<\": 1}\n"},
	{"foreign tag", "name: !!python/object:os.system a\nabout: !include /etc/passwd\nseed: !!binary MQ==\n"},
	{"own tag", "version: !!str 1\nseed: !!int 5\ncluster: !!map {}\n"},
	{"own tag on the wrong value", "cluster: !!seq {}\n"},
	{"tag directive", "%TAG ! tag:x,2000:\n---\nname: a\n"},
	{"complex key", "? [a, b]\n: 1\n"},
	{"template", "name: {{ .Values.name }}\n"},
	{"empty key", "cluster:\n  : 1\n"},
	{"null", "name:\ncluster: ~\n"},
	{"empty file", ""},
	{"only a comment", "# nothing\n"},
	{"a list for a scenario", "- name: a\n"},
	{"a text for a scenario", "hello\n"},
	{"a map for a list", "expect: {a: 1}\n"},
	{"a text for a list", "expect: a\n"},
	{"a list for a text", "name: [a]\n"},
	{"truth", "timeline:\n" + truth("yes", "on", "off", "True", "FALSE", "1", "maybe", "\"true\"", "true", "false")},
	{"zero period", "timeline: [{at: 0s, fault: zone-down, every: 0s}]\n"},
	{"missing and misspelt", "timeline:\n  - {att: 5m, falt: zone-down}\n  - {fault: zone-dwon, do: x}\n  - {at: 1s}\n"},
	{"labels", "cluster:\n  nodes:\n    - name: web\n      labels: {pool: web, topology.kubernetes.io/zone: a, v: 1.30, n: no, e: \"\", -x: 1, a/b/c: 1, y: a b, z: [1]}\n"},
	{"pool with a bad name", "cluster:\n  nodes:\n    - {name: Web_A}\n    - {name: a.b}\n    - {name: -}\n    - {count: 1}\n"},
	{"thirty mistakes", "expect:\n" + strings.Repeat("  - \"\"\n", 30)},
	{"tab", "cluster:\n\tnodes: []\n"},
	{"tab after a key", "name: a\n\tduration: 5m\n"},
	{"indentation", "name: a\ncluster:\n    nodes: []\n  controlPlane: {}\n"},
	{"indentation in a list", "expect:\n  - a\n  - b\n  c: d\n"},
	{"colon in a value", "name: a\nabout: note: this\n"},
	{"bracket not closed", "name: a\nexpect: [a, b\nseed: 1\nversion: 2\n"},
	{"brace not closed", "name: a\ncluster: {nodes: []\nseed: 1\n"},
	{"bracket too many", "name: a\nexpect: ]\nseed: 1\n"},
	{"quote not closed", "name: a\nabout: \"never\nseed: 1\n"},
	{"text after a quote", "name: a\nabout: 'it' 's\nseed: 1\n"},
	{"no colon", "name: a\nseed 1\nversion: 1\n"},
	{"unknown escape", "about: \"C:\\dir\"\n"},
	{"character that starts nothing", "name: a\nabout: @home\n"},
	{"percent", "name: a\nabout: %home\n"},
	{"Windows lines", "name: a\r\nseed: x\r\n"},
	{"old Mac lines", "name: a\rseed: x\r"},
	{"lines that only YAML knows", "about: \"a\u2028b\u0085c\"\nseed: x\n"},
	{"long line", "about: \"" + strings.Repeat("x", 200) + "\"\nx-a: [" + strings.Repeat("aaaa, ", 40) + "*b" + strings.Repeat(", bbbb", 40) + "]\n"},
	{"long name", "name: " + strings.Repeat("n", 300) + "\n" + strings.Repeat("k", 300) + ": 1\n"},
	{"dist in braces", "timeline:\n  - {at: 1s, fault: zone-down, startup: lognormal(2s, p99 9s)}\n"},
	{"an alias for a field", "x-at: &t 5\ntimeline:\n  - {at: *t, fault: zone-down}\n  - {at: *t, fault: zone-down}\n"},
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: 1\n", i)
	}
	return b.String()
}

func truth(words ...string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString("  - {at: 1s, fault: zone-down, dry: " + w + "}\n")
	}
	return b.String()
}

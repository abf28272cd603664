package strict

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Map is a map whose fields we know. It may be absent; then so are its fields.
type Map struct {
	v         Value // absent if it was not a map
	context   string
	fields    []string
	suggested []string // fields that a misspelt one was surely meant to be
}

// Map declares the fields that a map may have. Every other one is an error, but
// for those that start with "x-", which are the user's own. The context says in
// messages what the map is: "fault zone-down".
func (v Value) Map(context string, fields ...string) *Map {
	return v.MapBut(context, nil, fields...)
}

// MapBut is the same, and says of some other fields what to write instead.
func (v Value) MapBut(context string, instead map[string]string, fields ...string) *Map {
	m := &Map{v: Value{doc: v.doc, path: v.path}, context: context, fields: fields}
	if !v.want(yaml.MappingNode, "a map") {
		return m
	}
	m.v = v
	content := resolve(v.node).Content
	for i := 0; i < len(content); i += 2 {
		k := resolve(content[i])
		if usableKey(k) && !slices.Contains(fields, k.Value) && !strings.HasPrefix(k.Value, "x-") {
			m.unknown(k, instead[k.Value])
		}
	}
	return m
}

func (m *Map) unknown(key *yaml.Node, instead string) {
	s := m.v.doc.sink
	hint := ""
	switch {
	case instead != "":
		hint = ": " + instead
	case !s.full():
		if hint = DidYouMean(key.Value, m.fields); hint != "" {
			m.suggested = append(m.suggested, Suggest(key.Value, m.fields))
		} else {
			hint = "; known: " + list(m.fields)
		}
	}
	s.addf(key.Line, key.Column, "unknown field %s in %s%s", Quote(key.Value), m.context, hint)
}

// listed is how many words of a list a message has.
const listed = 16

// list is the first words of a list, for a message.
func list(words []string) string {
	if len(words) > listed {
		return fmt.Sprintf("%s, and %d more", strings.Join(words[:listed], ", "), len(words)-listed)
	}
	return strings.Join(words, ", ")
}

// nearest is the valid names in the order in which a message has them: if they are too many for
// it, first those that have most parts between hyphens in common with what was written, of which
// the first is worth two: kubelet-stop and then node-down for kubelet-down.
func nearest(s string, valid []string) []string {
	if len(valid) <= listed {
		return valid
	}
	parts := strings.Split(strings.ToLower(s), "-")
	shared := func(name string) (n int) {
		for _, part := range strings.Split(name, "-") {
			if slices.Contains(parts, part) {
				n++
			}
		}
		if strings.HasPrefix(name, parts[0]+"-") {
			n++
		}
		return n
	}
	out := slices.Clone(valid)
	slices.SortStableFunc(out, func(a, b string) int { return shared(b) - shared(a) })
	return out
}

// Optional is a field that may be missing.
func (m *Map) Optional(name string) Value {
	if !slices.Contains(m.fields, name) {
		panic(fmt.Sprintf("strict: field %q of %s is read but not declared", name, m.context))
	}
	if !m.v.IsMap() {
		return Value{doc: m.v.doc, path: m.v.path + keyPath(m.v.path, name)}
	}
	return field(m.v, name)
}

// Required is a field that must be there. If the map itself is absent, so is the
// field, and nothing is missing.
func (m *Map) Required(name string) Value {
	v := m.Optional(name)
	if !v.Given() && m.v.Given() && !slices.Contains(m.suggested, name) {
		p := m.v.Pos()
		m.v.doc.sink.addf(p.Line, p.Column, "missing %s in %s", Quote(name), m.context)
	}
	return v
}

// Default is a field that reads as the given text if it is missing, also if the
// whole map is.
func (m *Map) Default(name, text string) Value {
	v := m.Optional(name)
	if !v.Given() {
		p := m.v.Pos()
		v.node = &yaml.Node{Kind: yaml.ScalarNode, Value: text, Line: p.Line, Column: p.Column}
	}
	return v
}

// OneOf is the one of several fields that was given, and its name. None or more
// than one is an error, and the name is "" or the first.
func (m *Map) OneOf(names ...string) (name string, v Value) {
	v = Value{doc: m.v.doc, path: m.v.path}
	for _, n := range names {
		f := m.Optional(n)
		switch {
		case !f.Given():
		case name == "":
			name, v = n, f
		default:
			p := f.KeyPos()
			m.v.doc.sink.addf(p.Line, p.Column, "%s cannot have both %s and %s", m.context, Quote(name), Quote(n))
		}
	}
	meant := func(n string) bool { return slices.Contains(m.suggested, n) }
	if name == "" && m.v.Given() && !slices.ContainsFunc(names, meant) {
		p := m.v.Pos()
		m.v.doc.sink.addf(p.Line, p.Column, "missing one of %s in %s", list(names), m.context)
	}
	return name, v
}

// Given tells whether the map is in the file.
func (m *Map) Given() bool { return m.v.Given() }

// Value is the map as a value, for its place and for errors about the whole of it.
func (m *Map) Value() Value { return m.v }

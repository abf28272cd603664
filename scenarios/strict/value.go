package strict

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Value is one value of a document with its place and its path. It may be
// absent: an optional field that was not given, or anything below it. Reading an
// absent value gives the zero value and is no mistake.
type Value struct {
	doc  *Document
	node *yaml.Node // as written, so perhaps an alias; nil if absent
	key  *yaml.Node // the key in front of it, if it is a field
	path string     // "timeline[2].at"; "" for the root
}

// Given tells whether the value is in the file, or is a default.
func (v Value) Given() bool { return v.node != nil }

// Path is how messages call the value: "timeline[2].at".
func (v Value) Path() string { return v.path }

// Pos is where the value starts, or the zero Position if it is absent. What
// stands behind an alias is where the anchor is.
func (v Value) Pos() Position {
	if v.node == nil {
		return Position{}
	}
	n := resolve(v.node)
	return Position{File: v.doc.sink.file, Line: n.Line, Column: n.Column}
}

// KeyPos is where the key of a field starts, or Pos for other values.
func (v Value) KeyPos() Position {
	if v.key == nil {
		return v.Pos()
	}
	return Position{File: v.doc.sink.file, Line: v.key.Line, Column: v.key.Column}
}

// Errorf adds an error at the value; the path is put in front of the message. On
// an absent value it does nothing.
func (v Value) Errorf(format string, args ...any) { v.errorAt(v.Pos(), format, args...) }

// KeyErrorf is Errorf with the caret at the key instead of the value.
func (v Value) KeyErrorf(format string, args ...any) { v.errorAt(v.KeyPos(), format, args...) }

// ErrorfAt is Errorf for a part of a text: offset is a byte offset into what Text
// returned, and the caret stands there, if the text is written on one line
// without escapes; otherwise at the start.
func (v Value) ErrorfAt(offset int, format string, args ...any) {
	p := v.Pos()
	if n := v.node; n != nil {
		n = resolve(n)
		line := []rune(string(v.doc.sink.line(n.Line)))
		from := p.Column - 1
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			from++
		}
		if from >= 0 && from <= len(line) && bytes.HasPrefix([]byte(string(line[from:])), []byte(n.Value)) {
			offset = max(0, min(offset, len(n.Value)))
			p.Column = from + 1 + utf8.RuneCountInString(n.Value[:offset])
		}
	}
	v.errorAt(p, format, args...)
}

func (v Value) errorAt(p Position, format string, args ...any) {
	if v.node == nil {
		return
	}
	message := fmt.Sprintf(format, args...)
	if v.path != "" {
		message = v.path + ": " + message
	}
	v.doc.sink.addf(p.Line, p.Column, "%s", message)
}

// IsMap, IsList and IsScalar tell the shapes apart where a field may have more
// than one. All are false for an absent value.
func (v Value) IsMap() bool { return v.kind() == yaml.MappingNode }

// IsList tells whether v is a list.
func (v Value) IsList() bool { return v.kind() == yaml.SequenceNode }

// IsScalar tells whether v is neither a list nor a map.
func (v Value) IsScalar() bool { return v.kind() == yaml.ScalarNode }

func (v Value) kind() yaml.Kind {
	if v.node == nil {
		return 0
	}
	return resolve(v.node).Kind
}

// Raw is the text of a scalar without any check, or "". It is for choosing how to
// read on; what it gives must not go further than that and messages.
func (v Value) Raw() string {
	if !v.IsScalar() {
		return ""
	}
	return resolve(v.node).Value
}

// IsNull tells whether a field was given with nothing behind it. Kubernetes takes
// that for a field not given; here every read of it is an error.
func (v Value) IsNull() bool { return v.node != nil && isNull(resolve(v.node)) }

// List is the items of a list; none if it is absent.
func (v Value) List() []Value {
	if !v.want(yaml.SequenceNode, "a list") {
		return nil
	}
	content := resolve(v.node).Content
	items := make([]Value, len(content))
	for i, n := range content {
		items[i] = Value{doc: v.doc, node: n, path: v.path + "[" + strconv.Itoa(i) + "]"}
	}
	return items
}

// Each reads every item of a list in the same way, for example
//
//	zones := strict.Each(m.Required("zones"), strict.Value.Name)
func Each[T any](list Value, read func(Value) T) []T {
	var out []T
	for _, item := range list.List() {
		out = append(out, read(item))
	}
	return out
}

// Entry is a field of a map whose keys are the user's.
type Entry struct {
	Key   Value // a scalar; read it with Name, Text or Enum
	Value Value
}

// Entries is the fields of a map whose keys are not ours to know, in the order of
// the file; none if it is absent. Use Map where the keys are known.
func (v Value) Entries() []Entry {
	if !v.want(yaml.MappingNode, "a map") {
		return nil
	}
	content := resolve(v.node).Content
	var entries []Entry
	for i := 0; i < len(content); i += 2 {
		k := resolve(content[i])
		if !usableKey(k) {
			continue // reported by Parse
		}
		path := v.path + keyPath(v.path, k.Value)
		entries = append(entries, Entry{
			Key:   Value{doc: v.doc, node: content[i], path: path},
			Value: Value{doc: v.doc, node: content[i+1], key: content[i], path: path},
		})
	}
	return entries
}

// Peek is the value of a field, without any check, or an absent value. It is for
// looking at the field that decides which other fields a map may have.
func (v Value) Peek(name string) Value {
	if !v.IsMap() {
		return Value{doc: v.doc}
	}
	return field(v, name)
}

func field(v Value, name string) Value {
	path := v.path + keyPath(v.path, name)
	content := resolve(v.node).Content
	for i := 0; i < len(content); i += 2 {
		if k := resolve(content[i]); usableKey(k) && k.Value == name {
			return Value{doc: v.doc, node: content[i+1], key: content[i], path: path}
		}
	}
	return Value{doc: v.doc, path: path}
}

func usableKey(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && !isNull(k) && k.Tag != "!!merge"
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// keyPath is what a key adds to a path.
func keyPath(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return "[" + strconv.Quote(cut(key, 40)) + "]"
	case path == "":
		return key
	}
	return "." + key
}

// want checks the shape; what names the wanted one.
func (v Value) want(kind yaml.Kind, what string) bool {
	if v.node == nil {
		return false
	}
	n := resolve(v.node)
	if n.Kind == kind && !isNull(n) {
		return true
	}
	hint := ""
	if kind == yaml.SequenceNode && n.Kind != yaml.SequenceNode && !isNull(n) {
		hint = `: start it with "- "`
		if n.Kind == yaml.ScalarNode {
			hint = ": write [" + cut(n.Value, 40) + "]"
		}
	}
	v.Errorf("want %s, found %s%s", what, describe(n), hint)
	return false
}

func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a map"
	case isNull(n):
		return "nothing"
	}
	return Quote(n.Value)
}

// scalar is the text of a scalar as written. What names what is wanted.
func (v Value) scalar(what string) (string, bool) {
	if !v.want(yaml.ScalarNode, what) {
		return "", false
	}
	return resolve(v.node).Value, true
}

// quoted tells whether the text of a scalar is surely text.
func (v Value) quoted() bool {
	const text = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	n := resolve(v.node)
	return n.Style&text != 0 || n.Style&yaml.TaggedStyle != 0 && n.Tag == "!!str"
}

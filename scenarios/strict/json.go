package strict

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// JSON is the value as JSON, for the decoders of the Kubernetes API types. It reads
// scalars as kubectl does, that is as YAML 1.1: 0644 is 420, and yes, on and no
// are booleans. It is nil if the value is absent or holds what JSON cannot say, a
// NaN for instance; that is reported.
func (v Value) JSON() []byte {
	if v.node == nil {
		return nil
	}
	var b bytes.Buffer
	if !v.writeJSON(&b, v.node) {
		return nil
	}
	return b.Bytes()
}

func (v Value) writeJSON(b *bytes.Buffer, n *yaml.Node) bool {
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		comma := false
		for i := 0; i < len(n.Content); i += 2 {
			k := resolve(n.Content[i])
			if !usableKey(k) {
				continue // reported by Parse
			}
			if comma {
				b.WriteByte(',')
			}
			comma = true
			v.writeScalar(b, k, k.Value)
			b.WriteByte(':')
			if !v.writeJSON(b, n.Content[i+1]) {
				return false
			}
		}
		b.WriteByte('}')
		return true
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if !v.writeJSON(b, c) {
				return false
			}
		}
		b.WriteByte(']')
		return true
	}
	return v.writeScalar(b, n, kubectlScalar(n))
}

func (v Value) writeScalar(b *bytes.Buffer, n *yaml.Node, x any) bool {
	text, err := json.Marshal(x)
	if err != nil {
		v.doc.sink.addf(n.Line, n.Column, "%s is not a finite number", show(n.Value))
		return false
	}
	b.Write(text)
	return true
}

// kubectlScalar is a scalar as sigs.k8s.io/yaml, which kubectl uses, reads it.
// Dates stay texts there.
func kubectlScalar(n *yaml.Node) any {
	const text = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Style&(text|yaml.TaggedStyle) == 0 {
		switch n.Value {
		case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
			return true
		case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
			return false
		}
	}
	var x any
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		if n.Decode(&x) == nil {
			return x
		}
	}
	return n.Value
}

// Locate is the place of the field that a path such as
// "spec.template.spec.containers[0].image" leads to, starting at v: the place of
// its key. If the path leads nowhere, it is the place of the last step that
// exists. Keys that contain dots themselves are found as well.
func (v Value) Locate(path string) Position {
	for v.node != nil {
		step, rest := v.step(path)
		if step.node == nil {
			break
		}
		v, path = step, strings.TrimPrefix(rest, ".")
	}
	return v.KeyPos()
}

// step takes the first field or index off a path. The longest key that fits wins.
func (v Value) step(path string) (next Value, rest string) {
	if index, after, ok := strings.Cut(path, "]"); ok && strings.HasPrefix(index, "[") && v.IsList() {
		items := resolve(v.node).Content
		if i, err := strconv.Atoi(index[1:]); err == nil && i >= 0 && i < len(items) {
			return Value{doc: v.doc, node: items[i]}, after
		}
	}
	if !v.IsMap() {
		return next, path
	}
	content := resolve(v.node).Content
	longest := 0
	for i := 0; i < len(content); i += 2 {
		k := resolve(content[i])
		if !usableKey(k) || len(k.Value) <= longest || !strings.HasPrefix(path, k.Value) {
			continue
		}
		if end := path[len(k.Value):]; end == "" || end[0] == '.' || end[0] == '[' {
			longest = len(k.Value)
			next, rest = Value{doc: v.doc, node: content[i+1], key: content[i]}, end
		}
	}
	return next, rest
}

package strict

import (
	"bytes"
	"encoding/json"

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

// Package strict reads YAML that people wrote by hand, and believes nothing.
// Its one idea: the reader asks for what it expects, field by field, and every
// surprise becomes an error that shows the place and says what would be right.
// All errors of a file come at once, so that a user mends a file in one round.
//
// It refuses what YAML would rather guess at: fields nobody asked for, keys
// given twice, numbers without their unit, 0777, 1e3, yes and no, merge keys,
// tags, a second document. It also refuses to be hurt: size, nesting and the
// growth by aliases have limits, checked before anything is read.
//
//	doc, err := strict.Parse("zone.yaml", data)
//	if err != nil {
//		return err
//	}
//	top := doc.Root().Map("the scenario", "name", "duration", "cluster")
//	name := top.Required("name").Name()
//	length := top.Default("duration", "1h").Duration()
//	nodes := top.Optional("cluster").Map("cluster", "nodes").Default("nodes", "3").Int(1, 20_000)
//	return doc.Err()
//
// A read never fails halfway: after a mistake it returns the zero value, and the
// mistake is in Err. Fields of an absent map are absent too and say nothing, so a
// loader needs no conditions.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Limits says how much a file may ask of us. Every field must be set; the zero
// value refuses everything.
type Limits struct {
	Bytes int // size of the file
	Nodes int // values and keys written in the file but for aliases, all documents together
	Depth int // lists and maps inside each other
}

// DefaultLimits are for files written by people: 4 MiB, 200,000 values, 64
// levels. Such a file costs well under a second and 200 MB to refuse or accept.
var DefaultLimits = Limits{Bytes: 4 << 20, Nodes: 200_000, Depth: 64}

// What aliases may add when each is replaced by what it stands for. In values, a
// file may become so many times as large as it is, and a small one somewhat more,
// but no more than five times its limit. In bytes, only the latter holds.
const (
	growth      = 20
	growthSmall = 50_000
	growthLimit = 5
)

// Document is one YAML document that is safe to walk. The documents of one file
// share one list of errors.
type Document struct {
	sink *sink
	root *yaml.Node
}

// Parse reads the one document in data, under DefaultLimits. The name of the
// file is for messages only. The error is an *Errors and means that there is
// nothing to walk; mistakes that leave something to walk, such as a key given
// twice, wait in Document.Err together with those the walk finds.
func Parse(file string, data []byte) (*Document, error) { return DefaultLimits.Parse(file, data) }

// Parse is the function Parse under the limits l.
func (l Limits) Parse(file string, data []byte) (*Document, error) {
	s, nodes := l.read(file, data, 2)
	switch {
	case s.broken:
		return nil, s.err()
	case len(nodes) > 1:
		s.addf(nodes[1].Line, nodes[1].Column, "a second document starts here: this file must hold one")
		return nil, s.err()
	case len(nodes) == 0 || isNull(nodes[0].Content[0]):
		s.addf(1, 1, "the file is empty")
		return nil, s.err()
	}
	return &Document{sink: s, root: nodes[0].Content[0]}, nil
}

// ParseAll reads all documents in data, as kubectl reads a file of manifests:
// empty documents are skipped, and there may be none.
func (l Limits) ParseAll(file string, data []byte) ([]*Document, error) {
	s, nodes := l.read(file, data, -1)
	if s.broken {
		return nil, s.err()
	}
	docs := make([]*Document, 0, len(nodes))
	for _, n := range nodes {
		if root := n.Content[0]; !isNull(root) {
			docs = append(docs, &Document{sink: s, root: root})
		}
	}
	return docs, nil
}

// Root is the outermost value.
func (d *Document) Root() Value { return Value{doc: d, node: d.root} }

// Err is all that was wrong so far, as an *Errors, or nil.
func (d *Document) Err() error { return d.sink.err() }

// read does all that needs no knowledge of the contents: text, syntax, limits.
// It stops after the given number of documents; -1 is all.
func (l Limits) read(file string, data []byte, documents int) (*sink, []*yaml.Node) {
	s := &sink{file: file, src: data}
	if documents < 0 { // manifests, which kubectl reads with a mark, too
		s.src = bytes.TrimPrefix(data, []byte("\uFEFF"))
	}
	if s.checkText(l); s.broken {
		return s, nil
	}
	nodes, err := decode(bytes.NewReader(s.src), documents)
	if err != nil {
		s.addSyntax(err, l)
	}
	t := tree{sink: s, limits: l, done: map[*yaml.Node]extent{}}
	for _, n := range nodes {
		if !s.broken {
			t.measure(n.Content[0], 1)
		}
	}
	return s, nodes
}

// decode turns text into nodes. Aliases stay aliases here, so the memory it
// needs is proportional to the text.
func decode(r io.Reader, documents int) (nodes []*yaml.Node, err error) {
	defer func() {
		// yaml.v3 has panicked on malformed input before (CVE-2022-28948).
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: not readable: %v", p)
		}
	}()
	dec := yaml.NewDecoder(r)
	for len(nodes) != documents {
		n := new(yaml.Node)
		err := dec.Decode(n)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nodes, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

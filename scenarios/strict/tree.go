package strict

import (
	"math"

	"gopkg.in/yaml.v3"
)

// tree checks what the parser does not, in one pass over the nodes as written.
// It never follows an alias: an anchored value was measured when it was met,
// and an alias to one that is not yet measured stands inside it.
type tree struct {
	*sink
	limits Limits
	met    int // nodes so far
	nodes  int // the same, but for aliases: what they stand for is limited by checkGrowth
	done   map[*yaml.Node]extent
}

const tooMany = "too many values: at most %d are read from one file"

// extent is how large a value is once all its aliases are replaced.
type extent struct{ nodes, bytes, height int }

// plus is e and one more child x. The sums saturate.
func (e extent) plus(x extent) extent {
	return extent{
		nodes:  min(e.nodes+x.nodes, math.MaxInt32),
		bytes:  min(e.bytes+x.bytes, math.MaxInt32),
		height: max(e.height, x.height+1),
	}
}

// measure checks n, which is depth levels deep, and everything below it.
func (t *tree) measure(n *yaml.Node, depth int) extent {
	t.met++
	if n.Kind != yaml.AliasNode {
		t.nodes++
	}
	if t.nodes > t.limits.Nodes {
		t.fatalf(n.Line, n.Column, tooMany, t.limits.Nodes)
	}
	if depth > t.limits.Depth {
		t.fatalf(n.Line, n.Column, "nested deeper than %d levels", t.limits.Depth)
	}
	t.checkTag(n)
	e := extent{nodes: 1, bytes: len(n.Value), height: 1}
	if n.Kind == yaml.AliasNode {
		e = t.alias(n, depth)
	}
	if n.Kind == yaml.MappingNode {
		t.checkKeys(n)
	}
	for _, c := range n.Content {
		if t.broken {
			return e
		}
		e = e.plus(t.measure(c, depth+1))
		t.checkGrowth(c, e)
	}
	if n.Anchor != "" {
		t.done[n] = e
	}
	return e
}

func (t *tree) alias(n *yaml.Node, depth int) extent {
	e, ok := t.done[n.Alias]
	switch {
	case !ok:
		t.fatalf(n.Line, n.Column, "*%s stands inside &%s: a value cannot contain itself", cut(n.Value, 60), cut(n.Value, 60))
	case depth+e.height-1 > t.limits.Depth:
		t.fatalf(n.Line, n.Column, "nested deeper than %d levels", t.limits.Depth)
	}
	return e
}

// checkGrowth reports at n, the child that was one too many.
func (t *tree) checkGrowth(n *yaml.Node, e extent) {
	nodes, size := min(growthSmall+growth*t.met, growthLimit*t.limits.Nodes), growthLimit*t.limits.Bytes
	switch {
	case t.broken:
	case e.nodes > nodes:
		t.fatalf(n.Line, n.Column, "aliases make more than %d values out of this file", nodes)
	case e.bytes > size:
		t.fatalf(n.Line, n.Column, "aliases make more than %d bytes out of this file", size)
	}
}

// checkTag allows an explicit tag only if it is one of YAML's own and fits.
func (t *tree) checkTag(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	ok := false
	switch n.Tag {
	case "!!map":
		ok = n.Kind == yaml.MappingNode
	case "!!seq":
		ok = n.Kind == yaml.SequenceNode
	case "!!str", "!!int", "!!float", "!!bool", "!!null":
		ok = n.Kind == yaml.ScalarNode
	}
	if !ok {
		t.addf(n.Line, n.Column, "tag %s is not supported here: leave it out", Quote(n.Tag))
	}
}

func (t *tree) checkKeys(n *yaml.Node) {
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k := resolve(n.Content[i])
		at := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode:
			t.addf(at.Line, at.Column, "a key must be a word; a template ({{ }}) must be rendered first")
		case isNull(k):
			t.addf(at.Line, at.Column, "a key is missing before \":\"")
		case k.Tag == "!!merge":
			t.addf(at.Line, at.Column, "merge key \"<<\" is not supported: write the fields out")
		case seen[k.Value] != nil:
			t.addf(at.Line, at.Column, "%s is given twice: first on line %d", Quote(k.Value), seen[k.Value].Line)
		default:
			seen[k.Value] = at
		}
	}
}

// resolve is n, or what it is an alias of. An alias never points to an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

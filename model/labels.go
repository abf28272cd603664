package model

import (
	"slices"
	"strconv"
	"strings"
)

// Label is one key and its value.
type Label struct{ Key, Value string }

// Labels is a set of labels, sorted by key, immutable and shared: all pods of
// a template point to one.
type Labels []Label

// MakeLabels builds a set from pairs in any order; the last of equal keys wins.
func MakeLabels(pairs map[string]string) Labels {
	l := make(Labels, 0, len(pairs))
	for k, v := range pairs { //tidy:sorted below
		l = append(l, Label{k, v})
	}
	slices.SortFunc(l, func(a, b Label) int { return strings.Compare(a.Key, b.Key) })
	return l
}

// Get is the value of key, and whether it is there.
func (l Labels) Get(key string) (string, bool) {
	for i := range l {
		if l[i].Key == key {
			return l[i].Value, true
		}
	}
	return "", false
}

// Value is the value of key, or "".
func (l Labels) Value(key string) string {
	v, _ := l.Get(key)
	return v
}

// With is a new set in which key has value.
func (l Labels) With(key, value string) Labels {
	n := make(Labels, 0, len(l)+1)
	for _, x := range l {
		if x.Key != key {
			n = append(n, x)
		}
	}
	n = append(n, Label{key, value})
	slices.SortFunc(n, func(a, b Label) int { return strings.Compare(a.Key, b.Key) })
	return n
}

// String is the set as kubectl prints it: "app=web,tier=front".
func (l Labels) String() string {
	var b strings.Builder
	for i, x := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(x.Key + "=" + x.Value)
	}
	return b.String()
}

// Operator relates a label to the values of a Requirement.
type Operator uint8

// The operators of label selectors and node selectors
// (k8s.io/apimachinery/pkg/selection; Gt and Lt in node selectors only).
const (
	In Operator = iota
	NotIn
	Exists
	DoesNotExist
	GreaterThan
	LessThan
)

// Requirement is one condition on one label.
type Requirement struct {
	Key    string
	Op     Operator
	Values []string
}

// Matches tells whether labels meet the requirement. NotIn is met by an
// absent key; Gt and Lt compare integers and are not met by anything else
// (k8s.io/apimachinery/pkg/labels/selector.go).
func (r *Requirement) Matches(l Labels) bool {
	v, ok := l.Get(r.Key)
	switch r.Op {
	case In:
		return ok && slices.Contains(r.Values, v)
	case NotIn:
		return !ok || !slices.Contains(r.Values, v)
	case Exists:
		return ok
	case DoesNotExist:
		return !ok
	}
	if !ok || len(r.Values) != 1 {
		return false
	}
	have, err1 := strconv.ParseInt(v, 10, 64)
	want, err2 := strconv.ParseInt(r.Values[0], 10, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	return r.Op == GreaterThan && have > want || r.Op == LessThan && have < want
}

// Selector is a conjunction of requirements, as data. The nil Selector
// matches nothing, an empty one everything, as in Kubernetes.
type Selector struct{ Requirements []Requirement }

// SelectorOf selects objects that carry all of labels.
func SelectorOf(l Labels) *Selector {
	s := &Selector{}
	for _, x := range l {
		s.Requirements = append(s.Requirements, Requirement{Key: x.Key, Op: In, Values: []string{x.Value}})
	}
	return s
}

// Matches tells whether l meets every requirement.
func (s *Selector) Matches(l Labels) bool {
	if s == nil {
		return false
	}
	for i := range s.Requirements {
		if !s.Requirements[i].Matches(l) {
			return false
		}
	}
	return true
}

// AsksFor is labels of which every object that s selects has one; false if s asks for none.
func (s *Selector) AsksFor() (one []Label, asks bool) {
	if s == nil {
		return nil, false
	}
	for i := range s.Requirements {
		r := &s.Requirements[i]
		if r.Op != In {
			continue
		}
		for _, v := range r.Values {
			one = append(one, Label{r.Key, v})
		}
		return one, true
	}
	return nil, false
}

package model

import "unique"

// Name is a name that very many things repeat, such as their node's or zone's: it takes half
// of a string's room, and is compared at once. Equal names are the same, whoever made them.
// The zero Name is "".
type Name struct{ of unique.Handle[string] }

// NameOf is a name.
func NameOf(s string) Name {
	if s == "" {
		return Name{}
	}
	return Name{unique.Make(s)}
}

// String is what was named.
func (n Name) String() string {
	if n == (Name{}) {
		return ""
	}
	return n.of.Value()
}

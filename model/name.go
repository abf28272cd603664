package model

import (
	"unique"

	"orrery/sim"
)

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

// mostBase is how much of a base a generated name keeps.
const mostBase = 58

// GenerateName is a name as an API server generates it: the base, cut, and 5 characters
// (k8s.io/apiserver/pkg/storage/names/generate.go).
func GenerateName(base string, luck sim.Stream) string {
	base += "-"
	if len(base) > mostBase {
		base = base[:mostBase]
	}
	var end [5]byte
	for i := range end {
		end[i] = alphabet[luck.Below(uint64(len(alphabet)))]
	}
	return base + string(end[:])
}

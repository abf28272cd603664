package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"orrery/scenarios/strict"
)

// place is where a field is, or would be if it were given: a path that is only
// walked when there is something to say about it.
type place struct {
	object *object
	up     *place // nil for the object itself
	name   string // "" for an item of a list
	index  int
}

func (p *place) field(name string) *place { return &place{object: p.object, up: p, name: name} }

func (p *place) item(i int) *place { return &place{object: p.object, up: p, index: i} }

// fields goes several fields down.
func (p *place) fields(names ...string) *place {
	for _, n := range names {
		p = p.field(n)
	}
	return p
}

// find is the value there, or the deepest one above it and what is missing below.
func (p *place) find() (v strict.Value, missing string) {
	if p.up == nil {
		return p.object.v, ""
	}
	v, missing = p.up.find()
	step := "." + p.name
	if p.name == "" {
		step = "[" + strconv.Itoa(p.index) + "]"
	}
	if missing != "" {
		return v, missing + step
	}
	var next strict.Value
	if p.name != "" {
		next = v.Peek(p.name)
	} else if v.IsList() {
		if items := v.List(); p.index < len(items) {
			next = items[p.index]
		}
	}
	if !next.Given() || next.IsNull() {
		return v, step
	}
	return next, ""
}

// maxPlaced is how many mistakes are worth finding the place of: only the first
// twenty are told.
const maxPlaced = 25

// errorf adds a mistake at the place.
func (p *place) errorf(format string, a ...any) {
	d := p.object.set.decoder
	if d.wrong++; d.wrong > maxPlaced {
		return
	}
	v, missing := p.find()
	message := fmt.Sprintf(format, a...)
	if missing != "" {
		v.Errorf("%s: %s", strings.TrimPrefix(missing, "."), message)
		return
	}
	v.Errorf("%s", message)
}

// path is the names of the fields down to the place.
func (p *place) path() string {
	switch {
	case p.up == nil:
		return ""
	case p.name == "":
		return p.up.path()
	}
	return strings.TrimPrefix(p.up.path()+"."+p.name, ".")
}

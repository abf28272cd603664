package scheduler

import "slices"

// OptionalPlugins is the plugins that the default profile does not have, sorted.
func OptionalPlugins() []string {
	return optional(func(Plugin) bool { return true })
}

// RatingPlugins is those of them that rate nodes.
func RatingPlugins() []string {
	return optional(func(p Plugin) bool {
		_, rates := p.(ScorePlugin)
		_, wide := p.(WidePlugin)
		return rates || wide
	})
}

// SortingPlugins is those of them that order the queue.
func SortingPlugins() []string {
	return optional(func(p Plugin) bool { _, sorts := p.(QueueSortPlugin); return sorts })
}

// optional is the names of optional plugins that are as wanted.
func optional(wanted func(Plugin) bool) (names []string) {
	standard := DefaultProfile()
	for name, make := range registry { //tidy:sorted below
		if standard.enables(name) {
			continue
		}
		profile := &Profile{Plugins: []Enabled{{Name: name}}}
		h := &Handle{framework: &Framework{names: []string{name}}, profile: profile, cache: newCache()}
		if wanted(make(h)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

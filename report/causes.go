package report

import (
	"slices"

	"orrery/model"
)

// cause is why a request is lost.
type cause struct {
	name string // in a promise
	text string // in a report
	of   func(*model.Traffic) int64
}

// causes is all of them, in the order in which a request meets them.
var causes = [...]cause{
	unresolved: {"unresolved", "found no address", func(t *model.Traffic) int64 { return t.UnresolvedMilliRPS }},
	{"no-endpoint", "without an endpoint", func(t *model.Traffic) int64 { return t.NoEndpointMilliRPS }},
	{"refused", "refused", func(t *model.Traffic) int64 { return t.RefusedMilliRPS }},
	{"conntrack", "dropped by a full conntrack table", untracked},
	{"congestion", "lost for want of bandwidth", congested},
	{"timeout", "timed out", func(t *model.Traffic) int64 {
		return t.TimedOutMilliRPS - t.UntrackedMilliRPS - t.CongestedMilliRPS
	}},
	{"error", "answered with an error", func(t *model.Traffic) int64 { return t.ErrorMilliRPS }},
	{"overloaded", "overloaded", func(t *model.Traffic) int64 { return t.OverloadMilliRPS }},
	{"failed-call", "failed by what they call", func(t *model.Traffic) int64 { return t.FailedMilliRPS }},
	broken: {"broken", "lost under way", func(*model.Traffic) int64 { return 0 }},
}

// unresolved is DNS among causes, broken what ends at one moment and has no rate.
const (
	unresolved = 0
	broken     = 9
)

// causeWord stands for one of them in a metric's usage.
const causeWord = "[CAUSE]"

func causeNames() (names []string) {
	for i := range causes {
		names = append(names, causes[i].name)
	}
	return names
}

func isCause(word string) bool { return slices.Contains(causeNames(), word) }

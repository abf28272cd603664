package report

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// Requests that take so long that the run ends before their answer are neither served nor
// failed: they count for nothing. Half of a source's requests stand for all of them.

// slow is how many requests of a source are served, and how long they take: Num of Den.
type slow struct {
	from string
	all  series
}

// slowly is from how long on that is looked at; of quicker ones it makes no difference.
const slowly = time.Second

// take notes how a source's requests fare from now on.
func (m *share) take(now sim.Time, t *model.Traffic, record int) {
	i := slices.IndexFunc(m.slow, func(x slow) bool { return x.from == t.From })
	switch {
	case i >= 0:
	case t.P50 < slowly:
		return
	default:
		i = len(m.slow)
		m.slow = append(m.slow, slow{from: t.From})
	}
	m.slow[i].all.add(now, t.ServedMilliRPS, int64(t.P50), record)
}

// finished is found without what is not finished at the end.
func (m *share) finished(end sim.Time) series {
	if len(m.slow) == 0 {
		return m.found
	}
	var times []sim.Time
	for _, p := range m.found {
		times = append(times, p.At)
	}
	for _, x := range m.slow {
		for _, p := range x.all {
			times = append(times, max(p.At, end.Add(-time.Duration(p.Den))))
		}
	}
	slices.Sort(times)
	var out series
	for _, at := range slices.Compact(times) {
		p, known := m.found.at(at)
		if !known {
			continue
		}
		once := p.Once
		if p.At < at {
			once = 0
		}
		left := m.unfinished(at, end)
		p.Den -= left
		if m.each < 0 {
			p.Num -= left
		}
		out.add(at, p.Num, p.Den, p.Record)
		if once != 0 {
			out.once(at, once, p.Record)
		}
	}
	return out
}

// unfinished is how many of those that are sent at a time will not be answered in time.
func (m *share) unfinished(at, end sim.Time) (milli int64) {
	for _, x := range m.slow {
		if p, ok := x.all.at(at); ok && at.Add(time.Duration(p.Den)) >= end {
			milli += p.Num
		}
	}
	return milli
}

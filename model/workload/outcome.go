package workload

import "time"

// outcome is what becomes of something that may fail.
type outcome struct {
	good int64  // so many of a million do not
	ok   timing // how long those take
	bad  timing // and those that fail
}

// sure is nothing at all.
var sure = outcome{good: million}

// all is how long it takes, whatever becomes of it.
func (a *outcome) all() timing {
	switch a.good {
	case million:
		return a.ok
	case 0:
		return a.bad
	}
	var m mixture
	m.add(a.good, a.ok, 0)
	m.add(million-a.good, a.bad, 0)
	return m.timing()
}

// mean is that of all.
func (a *outcome) mean() int64 {
	switch a.good {
	case million:
		return a.ok.mean()
	case 0:
		return a.bad.mean()
	}
	return (a.good*a.ok.mean() + (million-a.good)*a.bad.mean()) / million
}

// variance is that of all together.
func (a *outcome) variance() int64 {
	all := a.all()
	return all.variance()
}

// and is both, one after the other, which is good if both are.
func (a outcome) and(next outcome) outcome { return a.join(next, next.all()) }

// then is another one only if the first does not fail.
func (a outcome) then(next outcome) outcome { return a.join(next, timing{}) }

// join is an outcome and another one after it, which takes so long if the first fails.
func (a outcome) join(next outcome, after timing) outcome {
	switch {
	case a == sure:
		return next
	case next == sure:
		return a
	}
	both := outcome{good: product(a.good, next.good, million), ok: a.ok.and(next.ok)}
	var m mixture
	if a.good < million {
		m.add(million-a.good, a.bad.and(after), 0)
	}
	if next.good < million {
		m.add(product(a.good, million-next.good, million), a.ok.and(next.bad), 0)
	}
	both.bad = m.timing()
	if both.good == 0 {
		both.ok = timing{}
	}
	return both
}

// again is another attempt before it, made in vain by some.
func (a outcome) again(first outcome) outcome {
	fails := million - first.good
	good := product(fails, a.good, million)
	var m mixture
	m.add(first.good, first.ok, 0)
	if good > 0 {
		m.add(good, first.bad.and(a.ok), 0)
	}
	return outcome{first.good + good, m.timing(), first.bad.and(a.bad)}
}

// repeated is so many of it, in thousandths: some requests come to one more than others.
func (a outcome) repeated(milli int64, join func(outcome, outcome) outcome) outcome {
	all := sure
	if part := milli % 1000; part > 0 {
		all = a.partly(part)
	}
	for n := milli / 1000; n > 0; n /= 2 {
		if n%2 == 1 {
			all = join(all, a)
		}
		if n > 1 {
			a = join(a, a)
		}
	}
	return all
}

// partly is that so many of 1000 do it, and others nothing.
func (a outcome) partly(part int64) outcome {
	good := a.good * part / 1000
	none := (1000 - part) * (million / 1000)
	var m mixture
	m.add(good, a.ok, 0)
	m.add(none, timing{}, 0)
	return outcome{million - (million-a.good)*part/1000, m.timing(), a.bad}
}

// risk is how many are not answered in time, and how many are told no before.
func (a *outcome) risk(timeout time.Duration) risk {
	late := product(a.good, a.ok.exceeds(timeout), million)
	if a.good == million {
		return risk{late: late}
	}
	bad := million - a.good
	slow := product(bad, a.bad.exceeds(timeout), million)
	return risk{late: late + slow, refused: bad - slow}
}

// within is the outcome for those who wait no longer.
func (a outcome) within(limit time.Duration) outcome {
	ok, late := a.ok.within(limit)
	if late == 0 && a.good == million {
		return a
	}
	good := product(a.good, million-late, million)
	var m mixture
	m.add(million-a.good, a.bad, limit)
	m.add(a.good-good, fixed(limit.Microseconds()), 0)
	if good == 0 {
		ok = timing{}
	}
	return outcome{good, ok, m.timing()}
}

package workload

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// A change that is small goes no further at once: neither up nor down the calls, nor to
// machines, nor into the history. It is not forgotten: small is what is near to what was
// passed on last, so many small changes in one direction go on; and what waits goes on at
// the next full second if it is not very small (the next full dearEvery once that was for many),
// and all the way at the next full minute. That something ceases to be lost never waits, nor that more than a little begins to be;
// less waits at most until then, too.
//
// Rates and times are wrong by at most one part in coarse.part for so long, and by one in
// fine.part for a minute, for each call one below another.
type grain struct {
	part int64 // of rates and times, one part in so many
	call int64 // of requests, what is lost because of what is called
	loss int64 // of requests, what is lost
}

var (
	coarse = grain{part: 50, call: 2000, loss: 2000}
	fine   = grain{part: 1000, call: 10_000, loss: 100_000}
)

// loadPart is the same of what machines are told, for a minute: they measure for so
// long. Less than one part in finestLoad they are never told: that is less than the
// thousandth of a core in which they count.
const (
	loadPart   = 100
	finestLoad = 1000
)

// patience is how long something waits.
type patience uint8

const (
	goesOn   patience = iota // not at all
	secondly                 // until the next full second
	minutely
	same // nothing changed
)

const (
	soonEvery  = time.Second
	dearEvery  = 10 * time.Second // if so many flows and classes waited for the last one:
	dear       = 32
	flushEvery = time.Minute
)

// wait tells whether a change waits, by how small it is.
func (t *Flows) wait(p patience) bool {
	switch {
	case p == same:
		return true
	case t.Exact || t.settling == minutely || p == goesOn:
		return false
	case p == minutely:
		t.waits = true
		return true
	case t.settling == secondly:
		return false
	}
	t.soon = true
	return true
}

// delayed is what of a flow waits for the next full second: what goes down the calls, and what
// goes up.
type delayed struct{ down, up bool }

// holds is wait, and marks what goes on at the next full second.
func (t *Flows) holds(delayed *bool, p patience) bool {
	waits := t.wait(p)
	*delayed = *delayed || waits && p == secondly
	return waits
}

// plenty is how many flows and classes of pods are computed in a second before news of endpoints and
// pods are gathered until the next beat: of many that come at almost the same time each changes little,
// and is computed together with the others. Once so many are as is veryMuch, news of CPU are gathered,
// too, and queues that come to a level until the next levelBeat. Sooner, or further apart where rates
// come to no rest, and overloads would come out otherwise. What sources send and what is cut is never
// gathered.
//
// Where so many hang together as is hundreds, each change is a small part of what they do together, but
// nearly all are computed because of it: there beats are longerBeats times as long once so many were
// computed as is tooMuch.
const (
	plenty    = 128
	veryMuch  = 4 * plenty
	tooMuch   = 2 * veryMuch
	beat      = time.Second / 4
	levelBeat = time.Second / 8

	hundreds    = 256
	longerBeats = 4
)

// gathered is when something is computed that could be then: once so much was in this second, at one of
// the moments that come so often.
func (t *Flows) gathered(then sim.Time, after int, every time.Duration) sim.Time {
	if second := t.kernel.Now() / sim.Time(time.Second); second != t.secondOf {
		t.secondOf, t.computedBy = second, t.computed
	}
	if t.Exact || t.computed-t.computedBy < after {
		return then
	}
	if t.computed-t.computedBy >= tooMuch && len(t.flows)+len(t.classes) >= hundreds {
		every *= longerBeats
	}
	return (then + sim.Time(every) - 1) / sim.Time(every) * sim.Time(every)
}

// change is how long the change of a rate or a time waits.
func change(now, passed int64) patience {
	switch off := max(now-passed, passed-now); {
	case off == 0:
		return same
	case off < passed/fine.part:
		return minutely
	case off < passed/coarse.part:
		return secondly
	}
	return goesOn
}

// loadChange is how long the change of what arrives at a pod waits.
func loadChange(now, passed int64) patience {
	switch off := max(now-passed, passed-now); {
	case off == 0 || off < passed/finestLoad:
		return same
	case off < passed/loadPart:
		return minutely
	}
	return goesOn
}

// loss is how long the change of what is lost waits, of so many in all.
func loss(now, passed, finely, coarsely int64) patience {
	off := max(now-passed, passed-now)
	switch {
	case off == 0:
		return same
	case passed == 0 && now < coarsely:
		return secondly
	case now == 0 || passed == 0:
		return goesOn
	case off < max(passed/fine.part, finely):
		return minutely
	case off < max(passed/coarse.part, coarsely):
		return secondly
	}
	return goesOn
}

// change is how long the change of what becomes of calls waits.
func (a *attempt) change(b *attempt) patience {
	return min(a.changeBut(b), a.ok.change(&b.ok), a.bad.change(&b.bad))
}

// changeBut is change but for how times are spread. Which kinds of time are put together turns with
// next to nothing, and with it how they are spread, so times could go to and fro for ever.
func (a *attempt) changeBut(b *attempt) patience {
	return min(change(a.attempts, b.attempts), change(a.attempts-a.vain, b.attempts-b.vain), change(a.attempts-a.back, b.attempts-b.back), loss(million-a.good, million-b.good, million/fine.call, million/coarse.call),
		change(million+a.anew, million+b.anew), change(million+a.bond, million+b.bond), change(million+a.errors, million+b.errors), change(million+a.nobody, million+b.nobody), a.ok.changeOfMean(&b.ok), a.bad.changeOfMean(&b.bad))
}

// change is how long the change of a time waits. One whose mean and variance are nearly the
// same is no other: with kinds put together otherwise, services that call one another in a
// circle would never come to a rest.
func (t *timing) change(b *timing) patience {
	if *t == *b {
		return same
	}
	p, mean := t.changeOfMean(b), b.mean()
	now, passed := t.variance(), b.variance()
	if off := max(now-passed, passed-now); off > passed/nearly+mean*mean/nearly/nearly+1 {
		p = min(p, change(now/2, passed/2))
	}
	return p
}

func (t *timing) changeOfMean(b *timing) patience {
	now, mean := t.mean(), b.mean()
	if max(now-mean, mean-now) > mean/nearly+1 {
		return change(now, mean)
	}
	return same
}

// nearly is the part that makes no time another.
const nearly = 10_000

// news is how long the change of rates and times waits.
func news(a, b *model.Traffic) patience {
	finely, coarsely := b.OfferedMilliRPS/fine.loss, b.OfferedMilliRPS/coarse.loss
	p := min(change(a.OfferedMilliRPS, b.OfferedMilliRPS), change(int64(a.P50), int64(b.P50)), change(int64(a.P99), int64(b.P99)), change(a.BusyPPM, b.BusyPPM))
	for _, x := range [...][2]int64{
		{a.NoEndpointMilliRPS, b.NoEndpointMilliRPS}, {a.RefusedMilliRPS, b.RefusedMilliRPS}, {a.TimedOutMilliRPS, b.TimedOutMilliRPS}, {a.OverloadMilliRPS, b.OverloadMilliRPS},
		{a.FailedMilliRPS, b.FailedMilliRPS}, {a.ErrorMilliRPS, b.ErrorMilliRPS}, {a.UnresolvedMilliRPS, b.UnresolvedMilliRPS},
	} {
		p = min(p, loss(x[0], x[1], finely, coarsely))
	}
	return p
}

// onlyTimes tells whether only times differ from what was told, and so little that it is
// not worth a note even if nothing waits.
func (t *Flows) onlyTimes(f *flow) bool {
	return !t.Exact && news(&f.now, &f.told) == minutely && sameRates(&f.now, &f.told)
}

// sameRates tells whether only times differ.
func sameRates(a, b *model.Traffic) bool {
	x := *a
	x.P50, x.P99, x.BusyPPM = b.P50, b.P99, b.BusyPPM
	return x == *b
}

// awaitFlush has what waits go on.
func (t *Flows) awaitFlush() {
	now := t.kernel.Now()
	if t.soon && t.soonAt <= now {
		every := sim.Time(soonEvery)
		if t.dear {
			every = sim.Time(dearEvery)
		}
		t.soonAt = (now/every + 1) * every
		if t.soonAt%sim.Time(flushEvery) == 0 {
			t.waits = true
		} else {
			t.kernel.Post(t.soonAt, t.self, whySoon, 0)
		}
	}
	if t.waits && t.flushAt <= now {
		t.flushAt = (now/sim.Time(flushEvery) + 1) * sim.Time(flushEvery)
		t.kernel.Post(t.flushAt, t.self, whyFlush, 0)
	}
}

// hurry has what waits for the next full second go on.
func (t *Flows) hurry() {
	if !t.soon {
		return
	}
	t.soon, t.settling, t.hurried = false, secondly, true
	t.allot()
	waited := 0
	for i := range t.flows {
		f := &t.flows[i]
		if f.delayed != (delayed{}) {
			waited++
		}
		if f.delayed.down {
			t.outdate(int32(i))
		}
		if f.delayed.up {
			t.untell(int32(i))
		}
		f.delayed = delayed{}
	}
	for i := range t.classes {
		c := &t.classes[i]
		if c.delayed && len(c.pods) > 0 {
			waited++
			t.touch(int32(i))
		}
		c.delayed = false
	}
	t.dear = waited >= dear
	t.compute()
	t.settling = goesOn
}

// flush computes everything to the end.
func (t *Flows) flush() {
	t.waits, t.soon, t.settling, t.hurried = false, false, minutely, true
	t.allot()
	t.stir()
	for i := range t.flows {
		t.flows[i].delayed = delayed{}
		t.recall(int32(i))
		t.untell(int32(i))
	}
	for i := range t.backends {
		if t.backends[i].wornOut() {
			t.mix(int32(i))
		}
	}
	for i := range t.classes {
		if c := &t.classes[i]; len(c.pods) > 0 {
			t.touch(int32(i)).delayed = false
		}
	}
	t.compute()
	t.settling = goesOn
}

// wornOut tells whether pods are divided by rules that nobody uses any more.
func (b *backend) wornOut() bool {
	for i := range b.routes {
		if r := &b.routes[i]; r.users == 0 && r.parts != nil {
			return true
		}
	}
	return false
}

// stint counts what may happen some times, until something comes from outside; each full minute it
// may an eighth as often again. What is full, a table of connections too, and who sends again may
// chase each other without end, at constant traffic, and the more often the more requests there are.
type stint struct {
	news, stirs int // of Flows, when it happened last
	times       int
}

// more counts once more, and tells whether that is one of the first so many times.
func (n *stint) more(t *Flows, most int) bool {
	switch stirs := t.stirs - n.stirs; {
	case t.news-n.news > stirs:
		n.times = 0
	case stirs > 0:
		n.ease(most)
	}
	n.news, n.stirs = t.news, t.stirs
	n.times++
	return n.times <= most
}

// ease lets it happen an eighth as often again.
func (n *stint) ease(most int) { n.times = min(n.times, most-most/8) }

// been tells whether it happened so many times already.
func (n *stint) been(t *Flows, most int) bool { return n.news == t.news && n.times >= most }

// mostLevels is how often the pods of a Service are looked at because they come to a level, for
// each of their classes. Then their queues stay as they are for firstPause, and each time that it
// comes to that again twice as long, until the next full minute: they get done as much as pods do that
// are so full, and turn away the rest. That is the Service's, as its pods may be divided anew each time.
const (
	mostLevels = 16
	firstPause = 4 * time.Second
)

// level looks at the classes that come to a level now.
func (t *Flows) level(now sim.Time) {
	if t.levelAt != now {
		return // another wake-up was earlier
	}
	moving := t.moving[:0]
	for _, id := range t.moving {
		c := &t.classes[id]
		if c.dueAt > now {
			moving = append(moving, id)
			continue
		}
		if c.moving = false; c.dueAt == now && len(c.pods) > 0 {
			t.levelOf(now, id)
		}
	}
	t.moving = moving
	t.awaitLevel()
}

// levelOf is atLevel, unless it comes to that too often.
func (t *Flows) levelOf(now sim.Time, id int32) {
	c := &t.classes[id]
	i := t.in(c)[0]
	switch b := &t.backends[i]; {
	case b.paused == t.news:
	case b.levels.more(t, b.mostLevels()):
		if b.levels.times == 1 {
			b.pause = 0
		}
		t.atLevel(now, id)
	default:
		b.paused, b.pause = t.news, max(2*b.pause, firstPause)
		if b.pause < flushEvery {
			t.kernel.Post(now.Add(b.pause), t.self, whyResumed, uint64(i))
		}
		t.restart(b)
		t.waits = true
	}
}

func (b *backend) mostLevels() int { return mostLevels * max(len(b.classes), 1) }

// resume has the queues of a Service's pods move again for a while, unless they do already.
func (t *Flows) resume(i int32) {
	if b := &t.backends[i]; b.paused == t.news {
		b.paused = -1
		b.levels.ease(b.mostLevels())
		t.restart(b)
	}
}

// restart has a Service's pods computed anew.
func (t *Flows) restart(b *backend) {
	for _, k := range b.classes {
		t.touch(k)
	}
	t.post()
}

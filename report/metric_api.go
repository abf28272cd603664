package report

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// gateLoad is the newest word about one priority level of an API server.
type gateLoad struct {
	server string
	model.APILoad
}

// gateLoad is the place for what is said of a level of a server.
func (s *state) gateLoad(server, level string) *gateLoad {
	for _, g := range s.gates {
		if g.server == server && g.Level == level {
			return g
		}
	}
	g := &gateLoad{server: server, APILoad: model.APILoad{Level: level}}
	s.gates = append(s.gates, g)
	return g
}

// takeLoad tells what changed with a level.
func (s *state) takeLoad(server string, l *model.APILoad) {
	g := s.gateLoad(server, l.Level)
	before := g.APILoad
	g.APILoad = *l
	news := func(was, is bool, began, over what, about string) {
		switch {
		case is && !was:
			s.tell(news{what: began, subject: server, level: about})
		case was && !is:
			s.tell(news{what: over, subject: server, level: about})
		}
	}
	news(before.RejectedMilliRPS > 0, l.RejectedMilliRPS > 0, gateRejects, gateOpen, l.Level)
	news(before.Latency >= slowAPI, l.Latency >= slowAPI, gateSlow, gateFast, "")
}

// slowAPI is what a small request should take at most, nearly always
// (community/sig-scalability/slos/api_call_latency.md).
const slowAPI = time.Second

// rejections counts requests that were answered 429 for want of a seat.
type rejections struct {
	level string
	at    sim.Time
	milli int64 // a second, since at
	sum   int64 // thousandths of a request
	found series
}

func openRejected(a about) instrument { return &rejections{level: a.word} }

func (m *rejections) see(s *state, now sim.Time, record int) {
	m.pass(now, record)
	m.milli = 0
	for _, g := range s.gates {
		if g.Level == m.level {
			m.milli += g.RejectedMilliRPS
		}
	}
	if r := s.record; r != nil && r.Note != nil && r.Note.Reason == reasonTooMany && r.Note.Load.Level == m.level {
		m.sum += 1000
	}
	m.found.add(now, m.sum/1000, 0, record)
}

// pass lets a flood be rejected until now. What adds up between two records shows in
// steps of a second, or of a hundredth of the time if that is more.
func (m *rejections) pass(now sim.Time, record int) {
	d := now.Sub(m.at)
	if m.milli == 0 {
		m.at = now
		return
	}
	for step := max(time.Second, d/100); m.at < now; {
		next := min(now, m.at.Add(step))
		part := int64(next - m.at)
		m.sum += m.milli*(part/int64(time.Second)) + m.milli*(part%int64(time.Second))/int64(time.Second)
		m.at = next
		m.found.add(next, m.sum/1000, 0, record)
	}
}

func (m *rejections) finish(_ *state, end sim.Time) reading {
	if n := len(m.found); n > 0 {
		m.pass(end, m.found[n-1].Record)
	}
	return reading{series: m.found}
}

// latency follows how long the slowest API server takes for a small request. It has no
// value while none answers.
type latency struct {
	usual time.Duration
	of    func(*model.APILoad) time.Duration
	found series
}

func openLatency(about) instrument {
	return &latency{usual: model.UsualWrite, of: func(l *model.APILoad) time.Duration { return l.Latency }}
}

func openLateness(about) instrument {
	return &latency{usual: model.UsualLate, of: func(l *model.APILoad) time.Duration { return l.Late }}
}

func (m *latency) see(s *state, now sim.Time, record int) {
	if s.clients == model.Unanswered {
		m.found.add(now, 0, missing, record)
		return
	}
	worst := m.usual
	for _, g := range s.gates {
		worst = max(worst, m.of(&g.APILoad))
	}
	m.found.add(now, int64(worst), 0, record)
}

func (m *latency) finish(*state, sim.Time) reading {
	return reading{series: m.found, gap: "no API server answers, and so nothing takes a time"}
}

// reasonTooMany is the reason of a note about a request that found no seat.
const reasonTooMany = "TooManyRequests"

// isWord tells whether a metric's own argument is one that there may be. Which
// priority levels there are is a matter of the scenario.
func (m *Metric) isWord(word string) bool {
	switch m.Word {
	case levelWord:
		return true
	case causeWord:
		return isCause(word)
	case componentWord:
		return slices.Contains(electing, word)
	}
	return isReason(word)
}

// levelWord stands for a priority level in a metric's usage.
const levelWord = "LEVEL"

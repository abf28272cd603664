package report

import (
	"slices"
	"strings"

	"orrery/model"
	"orrery/sim"
)

// share follows what part of a service's requests fares one way.
type share struct {
	about target
	of    func(*model.Traffic) int64
	all   func(*model.Traffic) int64
	each  int64 // what a request that is lost later adds to the part: -1 if it was in it
	lost  int64 // of those, what is in found
	found series
	slow  []slow
}

// openShare measures a part of all requests. One that is lost when it was under way is
// one more of that part, or one less.
func openShare(of func(*model.Traffic) int64, lost int64) func(about) instrument {
	return func(a about) instrument { return &share{about: a.target, of: of, all: offered, each: lost} }
}

// ofThose is what requests the metrics of nearness are about.
const ofThose = "of those that come from a node and have an endpoint on one to go to, whatever becomes of them; " +
	"what a load balancer sends comes from the node it sends it through, what the ingress sends comes from none"

// openNearness measures a part of the requests that come from nodes, or through them from a load
// balancer.
func openNearness(of func(*model.Traffic) int64) func(about) instrument {
	return func(a about) instrument { return &share{about: a.target, of: of, all: inside} }
}

func offered(t *model.Traffic) int64  { return t.OfferedMilliRPS }
func inside(t *model.Traffic) int64   { return t.InsideMilliRPS }
func sameNode(t *model.Traffic) int64 { return t.NodeMilliRPS }
func sameZone(t *model.Traffic) int64 { return t.ZoneMilliRPS }
func crossZone(t *model.Traffic) int64 {
	return t.InsideMilliRPS - t.ZoneMilliRPS
}

func answered(t *model.Traffic) int64 { return t.ServedMilliRPS }
func failed(t *model.Traffic) int64   { return t.OfferedMilliRPS - t.ServedMilliRPS }
func first(t *model.Traffic) int64    { return t.FirstMilliRPS }

// openAmplification measures attempts by the requests they are made for.
func openAmplification(a about) instrument {
	return &share{about: a.target, of: offered, all: first}
}

// openErrors measures the part of requests that is lost, for one cause or for all.
func openErrors(a about) instrument {
	of, each := failed, int64(1)
	for i := range causes {
		if causes[i].name == a.word {
			of = causes[i].of
			if i != broken {
				each = 0
			}
		}
	}
	return &share{about: a.target, of: of, all: offered, each: each}
}

// lookups follows what requests find no address, of those that look one up.
type lookups struct{ share }

func openLookups(a about) instrument {
	return &lookups{share{about: a.target, of: causes[unresolved].of, all: offered}}
}

// finish has nothing to tell if nobody who sends to the service needs DNS.
func (m *lookups) finish(s *state, end sim.Time) reading {
	r := m.share.finish(s, end)
	if r.none != "" {
		return r
	}
	about := model.LookupsOf + m.about.path() + " "
	for _, sv := range s.services {
		if slices.ContainsFunc(sv.flows, func(t model.Traffic) bool { return strings.HasPrefix(t.From, about) }) {
			return r
		}
	}
	return reading{none: "nobody who sends requests to " + m.about.path() + " looks it up"}
}

// rate follows how many requests a second fare one way.
type rate struct {
	about target
	of    func(*model.Traffic) int64
	found series
}

func openRate(of func(*model.Traffic) int64) func(about) instrument {
	return func(a about) instrument { return &rate{about: a.target, of: of} }
}

func (m *rate) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what == trafficMoved && s.news[i].subject == m.about.path() {
			var sum int64
			flows := s.service(m.about.path()).flows
			for j := range flows {
				sum += m.of(&flows[j])
			}
			m.found.add(now, sum, 0, record)
		}
	}
}

func (m *rate) finish(s *state, _ sim.Time) reading { return s.ofTraffic(m.about, m.found, "") }

func untracked(t *model.Traffic) int64 { return t.UntrackedMilliRPS }
func congested(t *model.Traffic) int64 { return t.CongestedMilliRPS }

func (m *share) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what == trafficMoved && s.news[i].subject == m.about.path() {
			var part, all int64
			flows := s.service(m.about.path()).flows
			for j := range flows {
				part += m.of(&flows[j])
				all += m.all(&flows[j])
				if m.each != 0 {
					m.take(now, &flows[j], record)
				}
			}
			m.found.add(now, part, all, record)
			if lost := s.service(m.about.path()).lost; lost != m.lost {
				m.found.once(now, m.each*(lost-m.lost), record)
				m.lost = lost
			}
		}
	}
}

func (m *share) finish(s *state, end sim.Time) reading {
	return s.ofTraffic(m.about, m.finished(end), "")
}

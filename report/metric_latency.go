package report

import (
	"slices"

	"orrery/model"
	"orrery/sim"
)

// flowLevel follows something about the requests to a service, of what each source's note
// tells. It has no value while requests are sent of which no note tells one.
type flowLevel struct {
	about target
	of    func([]model.Traffic) (value int64, told bool)
	gap   string
	found series
}

// openServiceTime follows within which time so many of a million requests are served, of
// those of all sources together, as in the table of services.
func openServiceTime(ppm int64) func(about) instrument {
	return func(a about) instrument {
		return &flowLevel{
			about: a.target, of: func(flows []model.Traffic) (int64, bool) { return mixed(flows, ppm) },
			gap: "no request is served, and so none takes a time",
		}
	}
}

// mixed is the time within which so many of a million are served.
func mixed(flows []model.Traffic, ppm int64) (int64, bool) {
	var all tallied
	for i := range flows {
		f := &flows[i]
		all.last(times{f.ServedMilliRPS, f.P50, f.P99})
	}
	return int64(all.quantile(ppm)), len(all.times) > 0
}

// openBusy follows how busy a service's endpoints are.
func openBusy(a about) instrument {
	return &flowLevel{
		about: a.target, of: busiest,
		gap: "no request arrives at an endpoint whose CPU for them, or whose workers, are limited",
	}
}

// busiest is how busy those endpoints are that are the busiest of a source.
func busiest(flows []model.Traffic) (ppb int64, limited bool) {
	for i := range flows {
		busy := flows[i].BusyPPM
		limited = limited || busy > 0
		if busy > 1 { // else as good as nothing
			ppb = max(ppb, busy*(billion/1_000_000))
		}
	}
	return ppb, limited
}

func (m *flowLevel) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what != trafficMoved || s.news[i].subject != m.about.path() {
			continue
		}
		flows := s.service(m.about.path()).flows
		value, told := m.of(flows)
		is := int64(idle)
		switch {
		case told:
			is = 0
		case slices.ContainsFunc(flows, func(f model.Traffic) bool { return f.OfferedMilliRPS > 0 }):
			is = missing
		}
		m.found.add(now, value, is, record)
	}
}

func (m *flowLevel) finish(s *state, _ sim.Time) reading { return s.ofTraffic(m.about, m.found, m.gap) }

// ofTraffic is what was measured of the requests to a service.
func (s *state) ofTraffic(about target, found series, gap string) reading {
	switch {
	case s.find(about) == nil:
		return reading{none: s.missing(about)}
	case len(found) == 0:
		return reading{none: "no traffic to " + about.path()}
	}
	return reading{series: found, gap: gap}
}

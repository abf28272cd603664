package report

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// aftermath is how long after its end a fault is still to blame for what
// begins then: by that time a node it took is NotReady, if it ever will be
// (50 s of grace, looked at every 5 s).
const aftermath = time.Minute

// fullService is the share of requests served at which a service is whole, if
// the expectation does not say.
const fullService = billion / 1000 * 999

// recovery measures how long faults hurt a Deployment or a service.
type recovery struct {
	about   target
	path    string
	share   int64
	outages []sample
	down    bool
}

func openRecover(a about) instrument {
	if a.share == 0 {
		a.share = fullService
	}
	return &recovery{about: a.target, path: a.target.path(), share: a.share}
}

func (m *recovery) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		n := &s.news[i]
		if n.subject != m.path {
			continue
		}
		switch n.what {
		case workloadLacking:
			m.goes(now, record, true)
		case workloadWhole, workloadUp:
			m.goes(now, record, false)
		case workloadGone:
			m.ends(now, record)
		case trafficMoved:
			offered, served := s.service(m.path).rates()
			m.goes(now, record, !atLeastShare(served, offered, m.share))
		}
	}
}

// goes notes that the object is down, or up, from now on.
func (m *recovery) goes(now sim.Time, record int, down bool) {
	switch {
	case down && !m.down:
		m.outages = append(m.outages, sample{Start: now, Record: record, Open: true})
	case !down && m.down:
		o := &m.outages[len(m.outages)-1]
		o.End, o.Record, o.Open = now, record, false
	}
	m.down = down
}

// ends notes that the object is deleted, down as it is: it never recovers, even
// if another one takes its name.
func (m *recovery) ends(now sim.Time, record int) {
	if m.down {
		o := &m.outages[len(m.outages)-1]
		o.End, o.Record, o.Gone = now, record, true
	}
	m.down = false
}

func (m *recovery) finish(s *state, end sim.Time) reading {
	if s.find(m.about) == nil {
		return reading{none: s.missing(m.about)}
	}
	if m.about.kind == model.KindService && len(s.service(m.path).flows) == 0 {
		return reading{none: "no traffic to " + m.path}
	}
	if len(s.faults) == 0 {
		return reading{none: "no fault started"}
	}
	var r reading
	for _, f := range s.faults {
		r.samples = append(r.samples, m.after(f, end))
	}
	return r
}

// after is from the fault's start to the end of the last outage it can have
// caused.
func (m *recovery) after(f *fault, end sim.Time) sample {
	blamed := end
	if f.ended {
		blamed = f.end.Add(aftermath)
	}
	found := sample{Start: f.start, End: f.start, Object: m.path, Record: -1}
	for _, o := range m.outages {
		instantly := !o.Open && o.End == o.Start
		over := !o.Open || o.Gone
		if o.Start > blamed || over && o.End <= f.start || instantly {
			continue
		}
		found.End, found.Record, found.Open, found.Gone = o.End, o.Record, o.Open, o.Gone
		if o.Gone {
			break
		}
		if o.Open {
			found.End = end
		}
	}
	return found
}

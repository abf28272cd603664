package report

import (
	"math/big"
	"strings"

	"orrery/model"
	"orrery/sim"
)

// TrafficEnd is where requests to a Service went over the whole run, of those that came
// from nodes and had an endpoint to go to; in millionths of these.
type TrafficEnd struct {
	Name                        string // the Service's path
	SameNode, SameZone, Crossed int64  // those of the node are among those of the zone
}

// localities follows how near requests find their endpoints.
type localities struct {
	paths []string // in the order of their first request
	near  map[string]*nearTraffic
}

// nearTraffic is three parts of a Service's requests from nodes.
type nearTraffic struct{ node, zone, crossed series }

func (l *localities) see(s *state, now sim.Time, record int) {
	for i := range s.news {
		if s.news[i].what != trafficMoved {
			continue
		}
		path := s.news[i].subject
		var sum model.Traffic
		for _, f := range s.service(path).flows {
			sum.InsideMilliRPS += f.InsideMilliRPS
			sum.ZoneMilliRPS += f.ZoneMilliRPS
			sum.NodeMilliRPS += f.NodeMilliRPS
		}
		n := l.near[path]
		if n == nil {
			if sum.InsideMilliRPS == 0 {
				continue
			}
			n = &nearTraffic{}
			l.near[path] = n
			l.paths = append(l.paths, path)
		}
		n.node.add(now, sum.NodeMilliRPS, sum.InsideMilliRPS, record)
		n.zone.add(now, sum.ZoneMilliRPS, sum.InsideMilliRPS, record)
		n.crossed.add(now, crossZone(&sum), sum.InsideMilliRPS, record)
	}
}

// end is what it came to, of Services that had such requests; nothing where there is
// no more than one zone.
func (l *localities) end(s *state, end sim.Time) []TrafficEnd {
	zones := map[string]bool{}
	for _, n := range s.nodeList {
		if n.object != nil {
			zones[n.object.Labels.Value(model.LabelZone)] = true
		}
	}
	if len(zones) < 2 {
		return nil
	}
	var out []TrafficEnd
	for _, path := range l.paths {
		n := l.near[path]
		part := func(all series) int64 { return integral(all, end).n / (billion / 1_000_000) }
		out = append(out, TrafficEnd{Name: path, SameNode: part(n.node), SameZone: part(n.zone), Crossed: part(n.crossed)})
	}
	return out
}

// text is a line about a Service's requests.
func (t *TrafficEnd) text() string {
	percent := func(ppm int64) string {
		return strings.TrimSuffix(new(big.Rat).SetFrac64(ppm, 10_000).FloatString(1), ".0") + "%"
	}
	return "traffic from nodes to " + t.Name + ": " + percent(t.SameNode) + " stayed on the node, " +
		percent(t.SameZone) + " in the zone, " + percent(t.Crossed) + " went to another zone"
}

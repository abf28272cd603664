package report

import "orrery/model"

// service is the traffic to a Service, from all its sources.
type service struct {
	scope
	flows []model.Traffic // the newest word from each source
	lost  int64           // so far, of requests that were under way, in thousandths
}

func (s *state) service(path string) *service {
	for _, sv := range s.services {
		if sv.path == path {
			return sv
		}
	}
	sv := &service{scope: scope{kind: model.KindService, path: path}}
	s.services = append(s.services, sv)
	s.named[path] = &sv.scope
	return sv
}

func (sv *service) take(t *model.Traffic) {
	sv.lost += t.Lost.All()
	for i := range sv.flows {
		if sv.flows[i].From == t.From {
			sv.flows[i] = *t
			return
		}
	}
	sv.flows = append(sv.flows, *t)
}

// rates is what all sources together send, and what of it is served, in
// thousandths of a request per second.
func (sv *service) rates() (offered, served int64) {
	for i := range sv.flows {
		offered += sv.flows[i].OfferedMilliRPS
		served += sv.flows[i].ServedMilliRPS
	}
	return offered, served
}

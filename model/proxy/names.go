package proxy

import (
	"slices"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// A headless Service has no address of its own, and kube-proxy writes no rules for it. Its
// name is looked up and stands for the addresses of its ready pods, one of which the client
// chooses. An answer is kept by clients, and so is one that there are none (kubeadm's
// Corefile: ttl 30 of the plugin kubernetes; its cache keeps nothing of this zone). It is renewed
// when it is too old: at moments of each machine's own, known beforehand, of which those
// after news are events. Where nobody keeps one, news are known as soon as they are seen.
//
// The name of a single pod, behind that of its Service, stands for its address while it is
// ready, and is not found otherwise. All names of a Service are renewed together. A name
// that was looked up before there is such a Service is not found until then, either.
//
// Deviation: an answer is what the machine of the client has seen, whether or not its kube-proxy
// runs. If that machine is cut off from the control plane, it is what another machine has seen
// that is not. Real answers are what CoreDNS' pods have seen, wherever they are. A machine looks
// at news as often as its rules are written, so some are known up to a second later than CoreDNS'
// informers tell.

// AnswerTTL is for how long an answer is kept, if nobody says otherwise.
const AnswerTTL = 30 * time.Second

// hosted is what a name of a single pod stands for.
type hosted struct {
	host  string
	route model.Route
}

// host is what a name of a single pod stands for, by what was seen of its Service.
func (p *Proxy) host(s *service, of []*model.EndpointSlice, host string) hosted {
	if !s.seen.Headless { // it has no such names
		return hosted{host, model.Route{Service: s.seen.Ref(), Headless: true}}
	}
	return hosted{host, p.Rules.choose(s.seen, of, place{named: true, host: host})}
}

// missing is the rules for what is no Service: a name of a single pod, or unknown. The
// first answer about a pod is new.
func (p *Proxy) missing(as name) rules {
	host, service, is := strings.Cut(as.service, ".")
	if !is {
		p.miss(as)
		return rules{route: model.Route{Dropped: p.Node != ""}}
	}
	as.service = service
	if !slices.Contains(p.asked[as], host) {
		p.asked[as] = append(p.asked[as], host)
	}
	none := rules{route: model.Route{Headless: true}}
	id, ok := p.names[as]
	if !ok {
		p.miss(as)
		return none
	}
	s := p.services.Row(id)
	for i := range s.hosts {
		if s.hosts[i].host == host {
			return rules{route: s.hosts[i].route}
		}
	}
	from := p.source()
	of := from.services.Row(id)
	if of.seen == nil { // a process that starts has not seen it yet
		return none
	}
	h := p.host(of, from.slicesOf(of), host)
	s.hosts = append(s.hosts[:len(s.hosts):len(s.hosts)], h)
	return rules{route: h.route}
}

// follows tells whether the machine hears of changes, which the machine itself cannot tell.
func (p *Proxy) follows() bool { return p.watchServices.Connected() && p.watchSlices.Connected() }

// source is the machine whose view DNS answers from: this one if it hears of changes, else the
// first other one that does, and if there is none this one after all.
func (p *Proxy) source() *Proxy {
	from := p
	if !p.follows() {
		if i := slices.IndexFunc(p.Rules.readers, func(q *Proxy) bool { return q.powered && q.follows() && !q.listing() }); i >= 0 {
			from = p.Rules.readers[i]
		}
	}
	from.catchUp()
	return from
}

// answer is what DNS answers about a headless Service. Of one that is gone nothing is found.
func (p *Proxy) answer(id uint32) pending {
	from := p.source()
	s := from.services.Row(id)
	if s.seen == nil {
		own := p.services.Row(id)
		return pending{id, rules{as: own.as, route: model.Route{Service: own.route.Service, Headless: true}}}
	}
	return pending{id, p.rulesAt(s, from.slicesOf(s), place{named: true})}
}

// rulesAt is what a Service's rules should be at a place, and what the names of its single pods
// stand for that somebody asked for.
func (p *Proxy) rulesAt(s *service, of []*model.EndpointSlice, at place) rules {
	r := rules{as: name{s.seen.Namespace, s.seen.Name}, route: p.Rules.choose(s.seen, of, at)}
	for _, host := range p.asked[r.as] {
		r.hosts = append(r.hosts, p.host(s, of, host))
	}
	return r
}

// spread has the clients of machines that are cut off get a new answer about a headless Service
// that has changed, when they next ask: they are answered from this machine's view.
func (p *Proxy) spread(now sim.Time, id uint32, s *service) {
	if !s.route.Headless && (s.seen == nil || !s.seen.Headless) {
		return
	}
	for _, q := range p.Rules.readers {
		if q.powered && !q.follows() {
			q.keepsAnswer(now, id, q.services.Row(id))
		}
	}
}

// cutOff notices that the machine has lost its connection. From then on its clients are answered
// from the view of another machine, which may have news that was still on its way here: so all
// their answers are renewed.
func (p *Proxy) cutOff(now sim.Time) {
	was := p.cut
	if p.cut = p.powered && !p.follows(); !p.cut || was {
		return
	}
	for id := range p.services.Len() {
		if s := p.services.Row(uint32(id)); s.route.Headless {
			p.keepsAnswer(now, uint32(id), s)
		}
	}
}

// miss remembers that a name was asked for which is not there. Before its first rules a
// process knows nothing yet.
func (p *Proxy) miss(as name) {
	if p.runs > 0 && !p.full {
		p.missed[as] = true
	}
}

// named tells whether clients on the machine find a Service by its pods' addresses. An
// ingress watches EndpointSlices by itself.
func (p *Proxy) named(svc *model.Service) bool { return svc != nil && svc.Headless && p.Node != "" }

// keepsAnswer has news of a Service wait until the answer about it that clients have is
// too old. The first one they get is new.
func (p *Proxy) keepsAnswer(now sim.Time, id uint32, s *service) bool {
	if !s.route.Headless && !(s.as == name{} && p.named(s.seen) && p.missed[name{s.seen.Namespace, s.seen.Name}]) {
		return false
	}
	if !s.renewing {
		s.renewing = true
		p.kernel.Post(p.renewal(now, id), p.self, whyRenewed, uint64(id))
	}
	return true
}

// isName tells whether news of a Service is of names only.
func (p *Proxy) isName(s *service) bool { return p.named(s.seen) || s.route.Headless }

// syncNames is a sync in which no process writes rules: of headless Services only, as DNS answers
// without one.
func (p *Proxy) syncNames(now sim.Time) {
	rest := p.dirty[:0]
	for _, id := range p.dirty {
		s := p.services.Row(id)
		if !p.isName(s) {
			rest = append(rest, id)
			continue
		}
		s.dirty = false
		p.spread(now, id, s)
		if !p.keepsAnswer(now, id, s) {
			n := p.make(id, s)
			p.put(&n)
		}
	}
	p.dirty = rest
}

// renewal is the next time at which an answer about a Service is renewed.
func (p *Proxy) renewal(now sim.Time, id uint32) sim.Time {
	if p.Uncached {
		return now
	}
	luck := p.lookups.Draw(p.hash, uint64(id))
	phase := sim.Time(luck.Duration(0, p.AnswerTTL))
	ttl := sim.Time(p.AnswerTTL)
	return now + ttl - (now+ttl-phase)%ttl
}

// renew has clients get a new answer. A process that is still listing renews all answers when it
// has seen everything.
func (p *Proxy) renew(id uint32) {
	s := p.services.Row(id)
	if !s.renewing {
		return
	}
	s.renewing = false
	if !p.powered || p.listing() {
		return
	}
	n := p.answer(id)
	p.put(&n)
}

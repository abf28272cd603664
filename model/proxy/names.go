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
// after news are events.
//
// The name of a single pod, behind that of its Service, stands for its address while it is
// ready, and is not found otherwise. All names of a Service are renewed together. A name
// that was looked up before there is such a Service is not found until then, either.
//
// What a machine's clients know is what the machine has seen, whether or not its kube-proxy
// runs. Real answers are what CoreDNS has seen, which machines that are cut off from the
// control plane would hear of if its pods are on others; here they go on with what they know.

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
	p.catchUp()
	if s.seen == nil { // not yet, by a process that starts
		return none
	}
	h := p.host(s, p.slicesOf(s), host)
	s.hosts = append(s.hosts[:len(s.hosts):len(s.hosts)], h)
	return rules{route: h.route}
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
	if !s.asked {
		s.asked = true
		p.kernel.Post(p.renewal(now, id), p.self, whyRenewed, uint64(id))
	}
	return true
}

// rename looks after headless Services while no process writes rules: what DNS tells of
// them does not need one.
func (p *Proxy) rename(now sim.Time) {
	rest := p.dirty[:0]
	for _, id := range p.dirty {
		s := p.services.Row(id)
		if !p.named(s.seen) && !s.route.Headless {
			rest = append(rest, id)
			continue
		}
		s.dirty = false
		if !p.keepsAnswer(now, id, s) {
			n := p.make(id, s)
			p.put(&n)
		}
	}
	p.dirty = rest
}

// renewal is the next time at which an answer about a Service is renewed.
func (p *Proxy) renewal(now sim.Time, id uint32) sim.Time {
	luck := p.answers.Draw(p.hash, uint64(id))
	phase := sim.Time(luck.Duration(0, p.AnswerTTL))
	ttl := sim.Time(p.AnswerTTL)
	return now + ttl - (now+ttl-phase)%ttl
}

// renew has clients get a new answer. Nothing is found of a Service that is gone. A process
// that starts looks at everything when it has seen it.
func (p *Proxy) renew(id uint32) {
	s := p.services.Row(id)
	if !s.asked {
		return
	}
	s.asked = false
	if !p.powered || p.listing() {
		return
	}
	n := p.make(id, s)
	if s.seen == nil {
		n.rules = rules{as: s.as, route: model.Route{Service: s.route.Service, Headless: true}}
	}
	p.put(&n)
}

package proxy

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// A headless Service has no address of its own, and kube-proxy writes no rules for it. Its
// name is looked up and stands for the addresses of its ready pods, one of which the client
// chooses. An answer is kept, by CoreDNS and by clients, and so is one that there are none
// (kubeadm's Corefile: the plugins kubernetes with ttl 30, and cache 30). It is renewed
// when it is too old: at moments of each machine's own, known beforehand, of which those
// after news are events.
//
// What a machine's clients know is what the machine has seen. Real answers are CoreDNS'
// view, which a machine that is cut off from the control plane does not have either.

// answerTTL is for how long an answer is kept.
const answerTTL = 30 * time.Second

// named tells whether clients on the machine find a Service by its pods' addresses. An
// ingress watches EndpointSlices by itself.
func (p *Proxy) named(svc *model.Service) bool { return svc != nil && svc.Headless && p.Node != "" }

// keepsAnswer has news of a Service wait until the answer about it that clients have is
// too old. The first one they get is new.
func (p *Proxy) keepsAnswer(now sim.Time, id uint32, s *service) bool {
	if !s.route.Headless {
		return false
	}
	if !s.asked {
		s.asked = true
		p.kernel.Post(p.renewal(now, id), p.self, whyRenewed, uint64(id))
	}
	return true
}

// renewal is the next time at which an answer about a Service is renewed.
func (p *Proxy) renewal(now sim.Time, id uint32) sim.Time {
	luck := p.answers.Draw(p.hash, uint64(id))
	phase := sim.Time(luck.Duration(0, answerTTL))
	ttl := sim.Time(answerTTL)
	return now + ttl - (now+ttl-phase)%ttl
}

// renew has clients get a new answer. Nothing is found of a Service that is gone. A process
// that was stopped meanwhile looks at everything when it starts again.
func (p *Proxy) renew(id uint32) {
	s := p.services.Row(id)
	if !s.asked {
		return
	}
	s.asked = false
	if p.stopped || !p.powered || p.full {
		return
	}
	n := p.make(id, s)
	if s.seen == nil {
		n.rules = rules{as: s.as, route: model.Route{Service: s.route.Service, Headless: true}}
	}
	p.put(&n)
}

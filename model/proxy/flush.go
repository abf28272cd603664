package proxy

import (
	"time"

	"orrery/model"
	"orrery/sim"
)

// monitorEvery is how often kube-proxy looks whether its tables are still there; if not
// it writes all rules (pkg/util/iptables/iptables.go Monitor, with the syncPeriod of
// pkg/proxy/apis/config/v1alpha1/defaults.go), at once or after the run under way: that is no run of
// its runner's, which neither waits for the last one nor has the next one wait
// (iptables/proxier.go forceSyncProxyRules). Ticks that find everything there are not
// played, and a process that starts anew keeps the rhythm of the one before.
const monitorEvery = 30 * time.Second

// Flush is rules that somebody else removes. What is sent to the address of a Service
// then leaves the machine for where nobody is.
func (p *Proxy) Flush() {
	if !p.powered {
		return
	}
	for id := range p.services.Len() {
		s := p.services.Row(uint32(id))
		if s.as == (name{}) || s.route.Headless { // which has none
			continue
		}
		none := model.Route{Service: s.route.Service, Dropped: true}
		s.route = none
		if s.external.Service.ID != 0 {
			s.external = none
		}
		p.Listener.RouteChanged(p.Node, s.as.namespace, s.as.service)
	}
	if !p.flushed {
		p.flushed = true
		luck := p.luck.Draw(p.hash, 0)
		looks := sim.Ticker{Phase: sim.Time(luck.Duration(0, monitorEvery)), Period: monitorEvery}
		p.kernel.Post(looks.After(p.kernel.Now()), p.self, whyLook, 0)
	}
}

// restore is the look at which rules are missing.
func (p *Proxy) restore() {
	p.flushed = false
	p.forced = p.powered && !p.stopped && !p.full // who starts writes everything
}

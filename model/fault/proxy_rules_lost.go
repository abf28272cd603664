package fault

import "orrery/model"

// proxyRulesLost has something else flush the tables in which kube-proxy has its rules,
// such as a firewall that is reloaded: what is sent from the node to a Service goes
// nowhere, until kube-proxy looks whether its rules are there. It looks every 30 s, and
// lists nothing anew; one that does not run does not look.
type proxyRulesLost struct{}

func (proxyRulesLost) begin(d *Director, _ *Spec, nodes []model.Object) (string, bool) {
	for _, n := range nodes {
		d.world.FlushProxy(n.Head().Name)
	}
	return "", true
}

func (proxyRulesLost) end(*Director) {}

package fault

import (
	"fmt"
	"slices"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// cniRoutesLost has machines lose the routes and rules that their network plugin has
// set up, as when it or what manages the network is restarted (Datadog's outage of
// 2023-03-08: a restart of systemd-networkd removed them). Between their pods and other
// machines nothing arrives any more, neither of new connections nor of old ones; the
// kubelet's and the kube-proxy's own connections with the control plane do not need
// them, nor do its probes, nor load balancers' health checks, which kube-proxy answers at
// the machine's own address. So the nodes and their pods are Ready all the time, and load
// balancers go on sending there. Pods on machines of the control plane are still reached;
// through a load balancer a machine's own pods are not, although with the external policy
// Cluster they would answer to their machine.
type cniRoutesLost struct{ oneByOne }

func (f *cniRoutesLost) begin(d *Director, s *Spec, nodes []model.Object) (string, bool) {
	well := append(d.allControl(), d.world.Checks()...)
	for i, n := range nodes {
		site := d.world.NodeSite(n.Head().ID)
		others := slices.DeleteFunc(d.everybodyBut(site), func(o network.Site) bool { return slices.Contains(well, o) })
		f.plan(site, 0, others, d.kernel.Now().Add(step(s.Stagger, i, len(nodes))), sim.Never)
	}
	f.start(d, "cni-routes-lost/"+s.ID)
	said := "their pods reach no other machine"
	if s.Stagger > 0 {
		said += fmt.Sprintf(", one after another within %v", s.Stagger)
	}
	return said, true
}

package workload_test

import (
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// Source: kubeadm's phases/addons/dns/manifests.go: the Service kube-dns has 53/UDP, 53/TCP
// and 9153/TCP; resolv.conf(5), use-vc: names are asked over UDP unless that is set. A query
// that is lost is not sent again by the kernel, as a segment of TCP is.
func TestTheProtocolOfAFlowIsThatOfThePortItGoesTo(t *testing.T) {
	for _, c := range []struct {
		tcp, udp         bool
		unresolved, lost bool // some names, some other requests to the same Service
	}{{true, false, false, false}, {false, true, true, true}, {true, true, true, false}} {
		call := calling("front", "back", 1000, 0)
		call.Timeout = time.Minute
		r, pods := shop(t, 2, call)
		r.dns = &workload.DNS{Namespace: "default", Service: "dns", LookupsMilli: 1000, Ndots: 5}
		r.store.Create(0, &model.Service{Meta: model.Meta{Kind: model.KindService, Namespace: "default", Name: "dns"}, Ports: 3, TCP: c.tcp, UDP: c.udp})
		server := r.pod("dns", "dns-1", "n-2")
		r.endpoints("dns", server)
		r.sends(t, append(pods, server), workload.Traffic{Service: "front", Rate: workload.Constant(20_000)}, workload.Traffic{Service: "dns", From: "node/n-0", Rate: workload.Constant(1_000_000)})
		place, _ := r.flows.Place(server, "dns-1", "n-2")
		r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-0"], r.sites["n-1"]}, To: []network.Site{place}, LossPPM: 100_000})
		r.after(time.Minute)
		if back := r.back(); (back.UnresolvedMilliRPS > 100) != c.unresolved {
			t.Errorf("%+v: %+v", c, back)
		}
		if got := r.rates("dns", "node/n-0"); (got.TimedOutMilliRPS > 50_000) != c.lost {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

package workload

import (
	"strings"

	"orrery/model"
)

// DNS servers answer from what they watch: the name of a Service that was deleted, or does
// not exist yet, is not found (NXDOMAIN), as soon as the watch has told so. CoreDNS keeps no
// such answer, and no other of the cluster's own zone (kubeadm's
// phases/addons/dns/manifests.go: cache 30 { disable success cluster.local; disable denial
// cluster.local }); pods and nodes that keep answers go on with what they have until its TTL.
//
// All servers see what one watch sees. Names of headless Services and their pods are the
// proxies' (model/proxy).

// named is what DNS servers know of a name.
type named struct {
	service  uint32 // the ID of the Service, 0 if there is none
	ever     bool   // there was one
	headless bool   // it is headless, or was
}

// seeServices takes in what DNS servers see of Services.
func (t *Flows) seeServices() {
	for ref, obj, ok := t.watchServices.Next(); ok; ref, obj, ok = t.watchServices.Next() {
		row := t.services.Row(ref.ID)
		old := *row
		svc, _ := obj.(*model.Service)
		switch *row = svc; {
		case svc != nil:
			if b, sends := t.to[target{svc.Namespace, svc.Name}]; sends {
				t.backends[b].named = named{ref.ID, true, svc.Headless}
			}
		case old != nil:
			if b, sends := t.to[target{old.Namespace, old.Name}]; sends && t.backends[b].named.service == ref.ID {
				t.backends[b].named.service = 0
			}
		}
	}
	t.listed = t.listed || t.watchServices.Drained()
	for i := range t.flows {
		l := &t.flows[i]
		if l.of < 0 {
			continue
		}
		f := &t.flows[l.of]
		known := &t.backends[f.backend].named
		absent := t.listed && known.service == 0 && !known.headless && !strings.Contains(f.Service, ".")
		if absent != l.absent {
			l.absent, l.unheard = absent, true
			t.untell(int32(i))
			t.post()
		}
	}
}

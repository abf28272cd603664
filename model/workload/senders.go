package workload

import (
	"slices"

	"orrery/model"
)

// spread makes a flow's senders anew. A machine without power sends nothing;
// a Deployment's requests come from its pods that serve, in equal parts, and
// from none of them if there is none: who is not there does not ask.
func (t *Flows) spread(f *flow) {
	f.respread = false
	f.senders = f.senders[:0]
	if f.deployment == "" {
		if site, ok := t.World.Site(f.node); ok && t.net.Reaches(site, site) {
			f.senders = append(f.senders, t.sender(f.node, f.RPSMilli))
		}
		return
	}
	var alive []*model.Pod
	for _, id := range f.members {
		p := t.pods.Row(id)
		if _, ok := t.World.Site(p.seen.NodeName); ok && p.serving {
			alive = append(alive, p.seen)
		}
	}
	place := map[string]int{}
	for i, p := range alive {
		n := int64(len(alive))
		milli := f.RPSMilli / n
		if int64(i) < f.RPSMilli%n {
			milli++
		}
		at, ok := place[p.NodeName]
		if !ok {
			at = len(f.senders)
			place[p.NodeName] = at
			f.senders = append(f.senders, t.sender(p.NodeName, 0))
		}
		f.senders[at].milli += milli
	}
}

// sender is a new one, whose route is not known yet: no Service has this
// number.
func (t *Flows) sender(node string, milli int64) sender {
	site, _ := t.World.Site(node)
	return sender{site: site, proxy: t.World.Proxy(node), milli: milli, route: model.Route{Service: model.Ref{ID: ^uint32(0)}}}
}

// respread has the flows of bits spread anew.
func (t *Flows) respread(bits uint64) {
	for i := range t.flows {
		if bits>>(i%64)&1 == 1 {
			t.flows[i].respread = true
		}
	}
}

// seeDeployment takes in a Deployment that sends. Its selector never changes
// (apps/v1), but a new Deployment of the same name may have another one.
func (t *Flows) seeDeployment(d *model.Deployment) {
	for i := range t.flows {
		f := &t.flows[i]
		if f.deployment != d.Name || f.Namespace != d.Namespace || f.selector == d.Selector {
			continue
		}
		f.selector = d.Selector
		for id := range t.pods.Len() {
			if p := t.pods.Row(uint32(id)).seen; p != nil {
				t.join(i, p)
			}
		}
	}
}

// seePod takes in a pod's new version, nil if it is gone.
func (t *Flows) seePod(id uint32, p *model.Pod) {
	row := t.pods.Row(id)
	row.seen = p
	if p == nil {
		t.leave(id, row)
		return
	}
	for i := range t.flows {
		t.join(i, p)
	}
}

// join makes a pod one of a flow's members if it belongs to the Deployment and
// has a node. The node's proxy is started with it: before the pod's first
// request nobody could tell whether there is one, and a proxy lists faster
// than a container starts.
func (t *Flows) join(i int, p *model.Pod) {
	f := &t.flows[i]
	if p.NodeID == 0 || p.Namespace != f.Namespace || !f.selector.Matches(p.Labels) {
		return
	}
	at, ok := slices.BinarySearch(f.members, p.ID)
	if ok {
		return
	}
	f.members = slices.Insert(f.members, at, p.ID)
	row := t.pods.Row(p.ID)
	row.sends |= 1 << (i % 64)
	if _, ok := t.World.Site(p.NodeName); ok {
		t.World.Proxy(p.NodeName)
	}
	if row.serving {
		f.respread = true
		t.post()
	}
}

func (t *Flows) leave(id uint32, row *pod) {
	for i := range t.flows {
		f := &t.flows[i]
		if at, ok := slices.BinarySearch(f.members, id); ok {
			f.members = slices.Delete(f.members, at, at+1)
			f.respread = true
		}
	}
	if row.sends != 0 && row.serving {
		t.post()
	}
	row.sends = 0
}

package workload

import (
	"slices"

	"orrery/model"
)

// spread makes a flow's senders anew. A machine without power sends nothing;
// a Deployment's requests come from its pods that serve, in equal parts, and
// from none of them if there is none: who is not there does not ask.
func (t *Flows) spread(f *flow) {
	f.respread, f.recall = false, false
	if f.at == nil {
		f.at = map[string]int32{}
	}
	clear(f.at)
	f.senders, f.alive = f.senders[:0], f.alive[:0]
	if f.of >= 0 {
		t.ask(f)
		return
	}
	if !f.sentByPods() {
		if site, ok := t.World.Site(f.node); ok && t.net.Reaches(site, site) {
			f.send(t, f.node, f.milli)
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
	for i, p := range alive {
		if f.call != nil {
			j := f.send(t, p.NodeName, f.calls(t.pods.Row(p.ID)))
			f.alive = append(f.alive, via{p.ID, j})
			continue
		}
		n := int64(len(alive))
		milli := f.milli / n
		if int64(i) < f.milli%n {
			milli++
		}
		f.send(t, p.NodeName, milli)
	}
}

// callAgain adds up anew what the machines of those who call send.
func (t *Flows) callAgain(f *flow) {
	f.recall = false
	for j := range f.senders {
		f.senders[j].milli = 0
	}
	for _, v := range f.alive {
		f.senders[v.sender].milli += f.calls(t.pods.Row(v.pod))
	}
}

// send adds to what a node sends, whose route is not known yet if it is a new
// sender.
func (f *flow) send(t *Flows, node string, milli int64) int32 {
	j, ok := f.at[node]
	if !ok {
		j = int32(len(f.senders))
		f.at[node] = j
		site, _ := t.World.Site(node)
		f.senders = append(f.senders, sender{node: node, site: site, proxy: t.World.Proxy(node), stale: true})
	}
	f.senders[j].milli += milli
	f.senders[j].pods++
	return j
}

// seeDeployment takes in a Deployment that sends. Its selector never changes
// (apps/v1), but a new Deployment of the same name may have another one.
func (t *Flows) seeDeployment(d *model.Deployment) {
	for i := range t.flows {
		f := &t.flows[i]
		if f.deployment != d.Name || f.call != nil || f.Namespace != d.Namespace || f.selector == d.Selector {
			continue
		}
		f.selector = d.Selector
		for id := range t.pods.Len() {
			if p := t.pods.Row(uint32(id)).seen; p != nil {
				t.join(int32(i), p)
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
		t.join(int32(i), p)
	}
}

// join makes a pod one of a flow's members if it belongs to the Deployment and
// has a node. The node's proxy is started with it: before the pod's first
// request nobody could tell whether there is one, and a proxy lists faster
// than a container starts.
func (t *Flows) join(i int32, p *model.Pod) {
	f := &t.flows[i]
	if p.NodeID == 0 || p.Namespace != f.Namespace || !f.sentBy(p) {
		return
	}
	at, ok := slices.BinarySearch(f.members, p.ID)
	if ok {
		return
	}
	f.members = slices.Insert(f.members, at, p.ID)
	row := t.pods.Row(p.ID)
	row.sends = append(row.sends, i)
	if f.call != nil && f.call.Probes {
		t.know(row, p.Ref(), p.NodeName)
	}
	if _, ok := t.World.Site(p.NodeName); ok {
		t.World.Proxy(p.NodeName)
	}
	if row.serving {
		t.respread(i)
	}
}

// sentBy tells whether a pod is one of those that a flow comes from.
func (f *flow) sentBy(p *model.Pod) bool {
	if f.call != nil {
		return f.call.Makes(p)
	}
	return f.selector.Matches(p.Labels)
}

func (t *Flows) leave(id uint32, row *pod) {
	for _, i := range row.sends {
		f := &t.flows[i]
		if at, ok := slices.BinarySearch(f.members, id); ok {
			f.members = slices.Delete(f.members, at, at+1)
			if row.serving {
				t.respread(i)
			}
		}
	}
	row.sends = nil
}

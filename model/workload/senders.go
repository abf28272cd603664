package workload

import (
	"cmp"
	"slices"

	"orrery/model"
	"orrery/model/network"
)

// spread makes what a flow's senders send anew. A machine without power sends nothing;
// a Deployment's requests come from its pods that serve, in equal parts, and
// from none of them if there is none: who is not there does not ask.
func (t *Flows) spread(i int32) {
	f := &t.flows[i]
	f.respread, f.recall, f.recast = false, false, true
	f.callers, f.calling = f.callers[:0], f.calling[:0]
	for j := range f.senders {
		s := &f.senders[j]
		s.first, s.milli, s.machines, s.near = 0, 0, s.machines[:0], near{}
	}
	switch {
	case f.of >= 0:
		t.ask(f)
		t.awaitExpiry(i)
	case f.call != nil && f.call.Probes:
		t.spreadProbes(f)
	case f.call != nil:
		t.spreadCalls(f)
	case f.deployment != "":
		t.spreadEvenly(f)
	case f.balanced:
		t.balance(f)
	default:
		if h, ok := t.homeOf(f.node); ok && t.net.Reaches(h.site, h.site) {
			t.count(f, h, f.milli)
		}
	}
	if f.alone() && f.outlived() {
		t.forget(f)
		t.spread(i)
	}
}

// outlived tells whether most senders are pods that send no more.
func (f *flow) outlived() bool {
	n := 0
	for j := range f.senders {
		if len(f.senders[j].machines) > 0 {
			n++
		}
	}
	return len(f.senders) > 2*n+mostGone
}

// spreadEvenly has each of a Deployment's pods that serve send the same.
func (t *Flows) spreadEvenly(f *flow) {
	all, n, k := f.milli, int64(0), int64(0)
	for _, id := range f.members {
		if t.sends(t.pods.Row(id)) {
			n++
		}
	}
	for _, id := range f.members {
		p := t.pods.Row(id)
		if !t.sends(p) {
			continue
		}
		milli := all / n
		if k < all%n {
			milli++
		}
		k++
		t.count(f, p.home, milli)
	}
}

// spreadProbes has the pods that serve ask what their probes need, whatever arrives there.
// Of others it is not known how much they ask, as some of their containers may run, but
// what an answer would be.
func (t *Flows) spreadProbes(f *flow) {
	for _, id := range f.members {
		switch p := t.pods.Row(id); {
		case t.sends(p):
			t.count(f, p.home, t.asks(p, f.Service))
		case p.homed:
			t.sender(f, t.place(f, p.home), p.home)
		}
	}
}

// balance has a load balancer send to its nodes. A node without power is one until health
// checks have told.
func (t *Flows) balance(f *flow) {
	all := f.milli
	f.must = true
	nodes, _ := t.World.Balanced(f.Namespace, f.Service)
	n := int64(len(nodes))
	for i, node := range nodes {
		h, ok := t.homeOf(node)
		if !ok {
			continue
		}
		milli := all / n
		if int64(i) < all%n {
			milli++
		}
		t.count(f, h, milli)
	}
}

// spreadCalls finds the places of pods that call, class by class. A pod that no rules
// lead to handles nothing and calls nobody, but it keeps answers of DNS, and is in a lot.
func (t *Flows) spreadCalls(f *flow) {
	t.pairs, t.pairOf = t.pairs[:0], t.pairOf[:0]
	for _, id := range f.members {
		p := t.pods.Row(id)
		if !t.sends(p) || p.class == 0 && !t.keeps(f) && len(f.lots) == 1 {
			continue
		}
		j := t.count(f, p.home, 0)
		if p.class != 0 {
			t.pair(p.class, j)
		}
	}
	slices.SortFunc(t.pairs, func(a, b caller) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.sender, b.sender)) })
	var last caller
	for k, c := range t.pairs {
		if k == 0 || c.class != last.class {
			last.upTo = 0
			f.calling = append(f.calling, calling{class: c.class, sender: c.sender, passed: -1})
		}
		c.upTo += last.upTo
		if n := len(f.callers); k > 0 && c.class == last.class && c.sender == last.sender {
			f.callers[n-1] = c
		} else {
			f.callers = append(f.callers, c)
		}
		last = c
	}
	t.callAgain(f)
}

// pair counts a pod of a class among those at a place. Those of one class may be counted several times if
// those of others at the same place come between.
func (t *Flows) pair(class, sender int32) {
	for int(sender) >= len(t.pairOf) {
		t.pairOf = append(t.pairOf, -1)
	}
	if k := t.pairOf[sender]; k >= 0 && t.pairs[k].class == class {
		t.pairs[k].upTo++
		return
	}
	t.pairOf[sender] = int32(len(t.pairs))
	t.pairs = append(t.pairs, caller{class, sender, 1})
}

// sends tells whether a pod is one of those that requests come from.
func (t *Flows) sends(p *pod) bool {
	if p.serving && !p.homed {
		t.house(p)
	}
	return p.serving && p.homed
}

// house finds where a pod sends from.
func (t *Flows) house(p *pod) {
	p.home, p.homed = t.homeOf(p.seen.NodeName)
	p.home.ndots = t.ndots(p.seen.Spec)
	p.other = true // it is in lots now
	if p.home.pod = p.seen.ID; p.own != 0 {
		p.home.site = p.own
	}
}

// Place is a pod's own place in the network, which it has from now on: requests to it and
// from it go there, and not to its machine.
func (t *Flows) Place(ref model.Ref, name, node string) (network.Site, bool) {
	p := t.pods.Row(ref.ID)
	if p.own == 0 {
		host, ok := t.World.Site(node)
		if !ok {
			return 0, false
		}
		p.own = t.net.AddPlace(name, host)
		p.site, p.home.site = p.own, p.own
	}
	return p.own, true
}

// PlaceOf is a pod's own place in the network, false if it has none.
func (t *Flows) PlaceOf(ref model.Ref) (network.Site, bool) {
	own := t.pods.Row(ref.ID).own
	return own, own != 0
}

// homeOf is a machine as requests are sent from it, false if there is none.
func (t *Flows) homeOf(node string) (h home, ok bool) {
	if h.site, ok = t.World.Site(node); !ok {
		return h, false
	}
	h.proxy = t.World.Proxy(node)
	name := h.proxy.Seat()
	seat, known := t.seats[name]
	if !known {
		seat = int32(len(t.seats))
		t.seats[name] = seat
	}
	h.seat, h.node = seat, node
	return h, true
}

// callAgain adds up anew what the machines of those who call send.
func (t *Flows) callAgain(f *flow) {
	f.recall = false
	for j := range f.senders {
		f.senders[j].first = 0
	}
	callers := f.callers
	for k := range f.calling {
		x := &f.calling[k]
		c := &t.classes[x.class]
		before, all := int64(0), f.calls(c)
		x.sends = f.sends(x, c)
		for ; len(callers) > 0 && callers[0].class == x.class; callers = callers[1:] {
			upTo := product(all, callers[0].upTo, c.n())
			f.senders[callers[0].sender].first += upTo - before
			before = upTo
		}
	}
	t.recountHands(f)
}

// sends is what a class sends, with what it tries again.
func (f *flow) sends(x *calling, c *class) int64 {
	return product(f.calls(c), f.lots[f.senders[x.sender].lot].attempt.attempts, million)
}

// callsAsBefore tells whether all who call send as when the flow was shared out, or so nearly that
// it waits: then so do their machines, and nothing has to be added up.
func (t *Flows) callsAsBefore(f *flow) bool {
	if f.must || f.recast || f.reroute || f.lookups >= 0 || f.sticks || f.affine || f.Connections != nil || len(f.calling) == 0 {
		return false
	}
	p := same
	for k := range f.calling {
		x := &f.calling[k]
		c := &t.classes[x.class]
		if x.passed < 0 || c.work.Workers > 0 { // how many workers wait may be another number
			return false
		}
		p = min(p, change(f.sends(x, c), x.passed))
	}
	return t.holds(&f.delayed.down, p)
}

// count adds a pod, or a machine, to those that send, whose route is not known yet if
// it is at a new place.
func (t *Flows) count(f *flow, h home, milli int64) int32 {
	at := t.place(f, h)
	for len(f.lately) <= int(h.seat) {
		f.lately = append(f.lately, 0)
	}
	j := f.lately[h.seat]
	if int(j) >= len(f.senders) || f.senders[j].place != at {
		j = t.sender(f, at, h)
		f.lately[h.seat] = j
	}
	f.senders[j].first += milli
	f.senders[j].machines = append(f.senders[j].machines, t.net.Host(h.site))
	return j
}

// sender is the place among a flow's senders.
func (t *Flows) sender(f *flow, at place, h home) int32 {
	j, ok := f.at[at]
	if !ok {
		j = int32(len(f.senders))
		f.at[at] = j
		f.senders = append(f.senders, sender{place: at, site: h.site, lot: f.wasIn(h.seat), live: -1, origin: &origin{name: h.node, proxy: h.proxy, stale: true}})
		f.reroute = true
		t.search(f, at.ndots)
	}
	return j
}

// place is where a machine is among senders.
func (t *Flows) place(f *flow, h home) place {
	at := place{seat: h.seat, group: t.group(h.site)}
	if t.keeps(f) {
		at.node = t.net.Host(h.site)
	}
	if f.alone() {
		at.pod = h.pod
	}
	if f.lookups >= 0 {
		at.ndots = h.ndots
	}
	return at
}

// keeps tells whether machines that send a flow, or their pods, keep answers of DNS.
func (t *Flows) keeps(f *flow) bool { return f.lookups >= 0 && t.DNS.Cache != NoCache }

// forget has a flow's senders found anew.
func (t *Flows) forget(f *flow) {
	for j := range f.senders {
		s, b := &f.senders[j], &t.backends[f.backend]
		if s.live >= 0 {
			b.routes[s.live].users--
		}
		if s.pooled > 0 {
			b.pool[s.node].milli -= s.pooled
		}
	}
	f.senders, f.callers, f.calling = f.senders[:0], f.callers[:0], f.calling[:0]
	clear(f.at)
}

// seeDeployment takes in a Deployment that sends. Its selector never changes
// (apps/v1), but a new Deployment of the same name may have another one.
func (t *Flows) seeDeployment(d *model.Deployment) {
	for i := range t.flows {
		f := &t.flows[i]
		if f.deployment != d.Name || f.call != nil || f.home != d.Namespace || f.selector == d.Selector {
			continue
		}
		f.selector = d.Selector
		for id := range t.pods.Len() {
			if p := t.pods.Row(uint32(id)).seen; p != nil && f.selector.Matches(p.Labels) {
				t.join(int32(i), p)
			}
		}
	}
}

// kind is what decides which calls a pod makes.
//
//tidy:key a map's
type kind struct {
	namespace string
	labels    *model.Label // the first of those that all pods of a template share
	spec      *model.PodSpec
	mirror    bool
}

// seePod takes in a pod's new version, nil if it is gone.
func (t *Flows) seePod(id uint32, p *model.Pod) {
	row := t.pods.Row(id)
	old := row.seen
	row.seen = p
	switch {
	case p == nil:
		t.quit(id, row)
	case p.NodeID == 0 || old != nil && old.NodeID != 0 && len(old.Labels) == len(p.Labels) && (len(p.Labels) == 0 || &old.Labels[0] == &p.Labels[0]):
	default:
		if t.Probing != nil && t.Probing(p) {
			t.reprobe(id, t.know(p.Ref(), p.NodeName))
			t.post()
		}
		for _, i := range t.callsOf(p) {
			t.join(i, p)
		}
		for i := range t.flows {
			if f := &t.flows[i]; f.deployment != "" && f.selector.Matches(p.Labels) {
				t.join(int32(i), p)
			}
		}
	}
}

// callsOf is the flows of the calls that a pod makes.
func (t *Flows) callsOf(p *model.Pod) []int32 {
	k := kind{namespace: p.Namespace, spec: p.Spec, mirror: p.Mirror()}
	if len(p.Labels) > 0 {
		k.labels = &p.Labels[0]
	}
	calls, ok := t.kinds[k]
	if !ok {
		for i := range t.flows {
			if f := &t.flows[i]; f.call != nil && f.call.Makes(p) {
				calls = append(calls, int32(i))
			}
		}
		t.kinds[k] = calls
	}
	return calls
}

// join makes a pod one of a flow's members if it belongs to the Deployment and
// has a node. The node's proxy is started with it: before the pod's first
// request nobody could tell whether there is one, and a proxy lists faster
// than a container starts.
func (t *Flows) join(i int32, p *model.Pod) {
	f := &t.flows[i]
	if p.NodeID == 0 || p.Namespace != f.home {
		return
	}
	at, ok := slices.BinarySearch(f.members, p.ID)
	if ok {
		return
	}
	f.members = slices.Insert(f.members, at, p.ID)
	row := t.pods.Row(p.ID)
	if f.call != nil && f.call.Probes {
		t.know(p.Ref(), p.NodeName)
	}
	sends := slices.Clone(t.sorts[row.sort])
	at, _ = slices.BinarySearch(sends, i)
	t.sorted(row, slices.Insert(sends, at, i))
	if !row.homed {
		t.house(row)
	}
	if row.serving || f.call != nil && f.call.Probes {
		t.respread(i)
	}
}

// sorted makes a pod one that is a member of other flows than before.
func (t *Flows) sorted(row *pod, flows []int32) {
	k := slices.IndexFunc(t.sorts, func(x []int32) bool { return slices.Equal(x, flows) })
	if k < 0 {
		k = len(t.sorts)
		t.sorts = append(t.sorts, flows)
		for _, i := range flows {
			t.flows[i].sorts = append(t.flows[i].sorts, int32(k))
		}
	}
	row.sort, row.other = int32(k), true
	if row.serving { // others call nobody: classify
		t.mixPod(row)
	}
}

// quit is a pod that is gone.
func (t *Flows) quit(id uint32, row *pod) {
	for _, i := range t.sorts[row.sort] {
		f := &t.flows[i]
		if at, ok := slices.BinarySearch(f.members, id); ok {
			f.members = slices.Delete(f.members, at, at+1)
			if row.serving {
				t.respread(i)
			}
		}
	}
	t.sorted(row, nil)
}

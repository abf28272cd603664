package workload

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// backend is a Service, as rules about it are used.
type backend struct {
	flows   []int32 // that go to it
	routes  []live
	pods    []uint32      // to which some of the routes lead, ascending
	before  []uint32      // room for them when they are divided next
	classes []int32       // of them, but for those that are one pod behind several backends
	mixed   bool          // among Flows.mixed
	afresh  bool          // and what its pods have in common may be another: all of them have their class found
	sorts   []int32       // that its pods are or were of, if they call
	height  int32         // how many calls there are, one below another, from here
	met     int32         // by ranker, as the how many'th; 0 if it was not
	below   int32         // height, as far as its own pods' calls go
	pool    []pooled      // by machine, if nodes keep answers
	levels  stint         // how often its pods came to a level
	paused  int           // Flows.news when that was as often as it may be
	pause   time.Duration // for how long they stay as they are then
	named   named         // its name, as DNS servers know it
}

// live is rules that some senders use.
type live struct {
	route  model.Route
	users  int    // senders
	parts  []part // its endpoints, class by class
	layout        // where they are; only if somebody has asked (Flows.show)
}

// part is the endpoints of a class that a route leads to.
type part struct {
	class int32
	upTo  int64 // how many endpoints there are up to and with these
}

// class is pods behind a Service that fare the same: the same rules lead to them, and
// they have, do and call the same. They are computed once. A pod behind several
// Services is a class by itself.
type class struct {
	likeness
	pods    []uint32 // ascending; none if the class is not in use
	backend [1]int32 // if it is not single
	site    network.Site
	touched bool   // among Flows.touched
	listed  bool   // among Flows.loaded
	slot    int    // while a route is divided, or what is sent there, or what that wants of machines
	divided uint32 // when it was gone on with
	parted  uint32 // when its pods were divided last,
	left    tank   // and how full they were then
	had     int32  // pods before that
	joined  bool   // some of its pods were in another class before

	arriving int64         // the sum of its shares, of all pods together
	vain     int64         // of arriving, who was turned away there just before
	back     int64         // of arriving, who gave up there just before
	full     int64         // how many of a million of the others were turned away
	handled                // what becomes of a pod's
	inflow   *model.Inflow // what arrives at each, as machines know it; nil of class 0, which is none
	was      int64         // that arrived when this was computed
	sent     int64         // for so many requests calls are made
	balance  seesaw        // of sent
	counted  int64         // room, when its workers were counted
	fared    int64         // that arrived at each when it was computed how they cope; -1 if it never was
	calls    outcome
	faredBy  crowd
	copes    handled
	filling  filling
	from     crowd   // who calls
	risks    []risk  // of its pods' probes
	peak     int64   // the most that arrives at each in this instant, until all rates fit together
	scratch  int64   // its share while a flow is computed
	meets    int64   // who of that would meet the same endpoint again, in millionths per second
	ways     mixture // what the network adds to that
	tank     tank
	ahead    seesaw   // how full that is on the way to where it is looked at next
	looksAt  sim.Time // when it is to be looked at again, as things are in this instant
	dueAt    sim.Time // when it is
	moving   bool     // among Flows.moving
	delayed  bool     // something about it waits for the next full second
	cameAt   sim.Time // when it came to one
	flights  []flight // at each, while its backend is divided
}

// likeness is what pods of a class have in common.
//
//tidy:key it is compared
type likeness struct {
	routes  int32 // that lead to them, as a number while a backend is divided
	work    Work
	sort    int32
	crew    int32 // of that sort
	serving bool
	known   bool
	hangs   bool
	fails   int64 // of a million requests, so many are answered with an error
	probes  int32
	group   uint32
	tank    tank   // if more waits than at rest
	single  uint32 // a pod that is alone; 0 for others
}

// in is the backends that it is behind.
func (t *Flows) in(c *class) []int32 {
	if c.single != 0 {
		return t.pods.Row(c.single).in
	}
	return c.backend[:]
}

// n is how many pods it is.
func (c *class) n() int64 { return int64(len(c.pods)) }

// mix has a backend's pods divided anew, whatever they were before.
func (t *Flows) mix(i int32) {
	t.backends[i].afresh = true
	t.mixOthers(i)
}

// mixPod has the backends divided anew that a pod is behind, of which something is not as it was.
func (t *Flows) mixPod(p *pod) {
	p.other = true
	for _, b := range p.in {
		t.mixOthers(b)
	}
}

// mixOthers has a backend's pods divided anew: those that went together and to which the same rules
// lead still go together, but for pods of which something is not as it was.
func (t *Flows) mixOthers(i int32) {
	if b := &t.backends[i]; !b.mixed {
		b.mixed = true
		t.mixed = append(t.mixed, i)
	}
	t.post()
}

// divideAll divides the pods of backends anew whose rules or pods are others.
func (t *Flows) divideAll() {
	for len(t.mixed) > 0 {
		for _, i := range t.take(&t.mixed, func(int32) bool { return true }) {
			t.divide(i)
		}
	}
}

// divide puts pods of a backend together that fare the same. A class that goes on as
// before but for which routes lead to it stays one, whoever joins or leaves it.
func (t *Flows) divide(i int32) {
	b := &t.backends[i]
	afresh := b.afresh || t.afresh
	b.mixed, b.afresh = false, false
	t.remember(b)
	for _, k := range b.flows {
		t.unshare(&t.flows[k])
		t.flows[k].must = true
		t.outdate(k)
	}
	old, oldClasses := b.pods, b.classes
	b.pods, b.classes = b.before[:0], nil
	t.refine(i)
	for _, id := range old {
		if p := t.pods.Row(id); p.divided != t.mark {
			t.leaveBackend(id, p, i)
		}
	}
	b.before = old
	for _, id := range oldClasses {
		c := &t.classes[id]
		c.tank.pass(t.kernel.Now())
		c.parted, c.left = t.mark, c.tank
		c.had, c.joined, c.pods = int32(len(c.pods)), false, c.pods[:0]
	}
	t.classifyAll(i, afresh)
	for _, id := range oldClasses {
		if c := &t.classes[id]; c.divided != t.mark {
			t.free(id)
		} else if c.joined || int(c.had) != len(c.pods) {
			t.recallers(c.sort)
		}
	}
	for k := range b.routes {
		if b.routes[k].users > 0 {
			t.cut(&b.routes[k])
		}
	}
}

// refine finds the pods of a backend, and which routes lead to each.
func (t *Flows) refine(i int32) {
	b := &t.backends[i]
	t.mark++
	keys := int32(1)
	for k := range b.routes {
		r := &b.routes[k]
		if r.users == 0 {
			*r = live{}
			continue
		}
		t.split = append(t.split[:0], make([]int32, keys)...)
		for j := range r.route.Endpoints {
			e := &r.route.Endpoints[j]
			p := t.endpoint(e)
			if p.divided != t.mark {
				p.divided, p.key = t.mark, 0
				b.pods = append(b.pods, e.Pod.ID)
			}
			if t.split[p.key] == 0 {
				t.split[p.key] = keys
				keys++
			}
			p.key = t.split[p.key]
		}
	}
	slices.Sort(b.pods)
}

// classifyAll finds the classes of a backend's pods. Where one of a class goes, the next one goes, too, if
// the same rules lead to it, unless all are to be found afresh: mostly all of them go on together.
func (t *Flows) classifyAll(i int32, afresh bool) {
	from, key, to := int32(0), int32(0), int32(0) // of the last one
	for _, id := range t.backends[i].pods {
		p := t.pods.Row(id)
		was := p.class
		if follows := was != 0 && was == from && p.key == key; follows && !afresh && !p.other {
			t.enroll(to, id, p)
			continue
		}
		together := was != 0 && !p.other && t.classes[was].parted == t.mark && t.classes[was].single == 0
		p.other = false
		if t.classify(id, i); together {
			from, key, to = was, p.key, p.class
		}
	}
}

// leaveBackend is a pod to which no rules of a backend lead any more.
func (t *Flows) leaveBackend(id uint32, p *pod, i int32) {
	t.recallers(p.sort)
	p.in = slices.DeleteFunc(p.in, func(x int32) bool { return x == i })
	c, now := &t.classes[p.class], t.kernel.Now()
	alone := c.single == id
	c.tank.pass(now)
	p.tank = c.tank
	p.left(c, now)
	switch {
	case len(p.in) == 0:
		p.drains = c.drains()
		if alone {
			t.free(p.class)
		}
		p.class = 0
		t.move(id, p)
		t.reprobe(id, p)
	case alone:
		t.mix(p.in[0])
	}
}

// classify finds the class of a pod of a backend.
func (t *Flows) classify(id uint32, i int32) {
	b, p := &t.backends[i], t.pods.Row(id)
	if !slices.Contains(p.in, i) {
		p.in = append(p.in[:len(p.in):len(p.in)], i)
		for _, other := range p.in[:len(p.in)-1] {
			t.mix(other)
		}
	}
	switch c := &t.classes[p.class]; {
	case !p.serving:
		p.tank = tank{} // it has lost what it had
	case p.class == 0 && p.tank.at != t.kernel.Now():
		p.tank = t.resumed(p)
	case c.parted == t.mark:
		p.tank = c.left
	case p.tank.at != t.kernel.Now(): // it is behind another backend, too
		c.tank.pass(t.kernel.Now())
		p.tank = c.tank
	}
	like := likeness{
		routes: p.key, tank: p.tank.behind(), work: p.work, sort: p.sort, serving: p.serving, known: p.known, hangs: p.hangs > 0,
		fails: p.fails, probes: p.probes, group: t.group(p.site),
	}
	if !p.serving {
		like.sort = 0 // it calls nobody
	}
	like.crew = t.crewOf(p, like.sort)
	if len(p.in) > 1 || t.Exact {
		like.routes, like.single = 0, id
	}
	if t.classes[p.class].single == id {
		if like.single == id {
			t.update(p, like)
			return
		}
		t.free(p.class)
		p.class = 0
	}
	if like.single == 0 {
		k := t.classOfKind(i, p.class, like)
		if k >= 0 {
			if c := &t.classes[k]; p.class != k {
				c.tank.held = max(c.tank.held, p.tank.held)
			}
			t.enroll(k, id, p)
			return
		}
	}
	k := t.found(like, i)
	t.classes[k].tank = p.tank
	t.enroll(k, id, p)
	if like.single == 0 {
		b.classes = append(b.classes, k)
	}
}

// classOfKind is the class of a backend that a pod belongs to, -1 if it has to be founded:
// one that there is already, or the pod's own if that differs only in which routes lead
// to it.
func (t *Flows) classOfKind(i, own int32, like likeness) int32 {
	b := &t.backends[i]
	for k := len(b.classes) - 1; k >= 0; k-- {
		if t.classes[b.classes[k]].likeness == like {
			return b.classes[k]
		}
	}
	c := &t.classes[own]
	alike := like
	alike.routes, alike.tank = c.routes, c.likeness.tank // all of its pods hold the same
	if own == 0 || c.backend[0] != i || c.divided == t.mark || c.likeness != alike {
		return -1
	}
	c.likeness, c.divided = like, t.mark
	b.classes = append(b.classes, own)
	t.touch(own)
	return own
}

// enroll makes a pod one of a class.
func (t *Flows) enroll(k int32, id uint32, p *pod) {
	c := &t.classes[k]
	if len(c.pods) == 0 {
		c.site = p.site
	}
	c.pods = append(c.pods, id)
	if p.class != k {
		p.class, c.joined = k, true
		t.move(id, p)
	}
}

// update is a pod that is a class by itself, as it is now.
func (t *Flows) update(p *pod, like likeness) {
	t.recallers(t.classes[p.class].sort)
	c := t.touch(p.class)
	c.likeness, c.sent, c.fared, c.filling.held = like, -1, -1, -1
	if !c.serving {
		c.tank = tank{}
	}
	t.recallers(p.sort)
}

// found makes a class, of pods that a backend's rules lead to.
func (t *Flows) found(like likeness, backend int32) int32 {
	if len(t.unused) == 0 {
		k := int32(len(t.classes))
		t.unused = append(t.unused, k)
		t.classes = append(t.classes, class{inflow: &model.Inflow{ID: uint32(k)}})
	}
	k := t.unused[len(t.unused)-1]
	t.unused = t.unused[:len(t.unused)-1]
	c := &t.classes[k]
	*c = class{likeness: like, pods: c.pods[:0], backend: [1]int32{backend}, inflow: c.inflow, touched: c.touched, listed: c.listed, moving: c.moving, handled: handled{outcome: sure}, sent: -1, fared: -1, filling: filling{held: -1}, divided: t.mark}
	t.touch(k)
	t.recallers(like.sort)
	return k
}

// free takes a class out of use.
func (t *Flows) free(id int32) {
	c := &t.classes[id]
	t.recallers(c.sort)
	t.leave(c)
	c.likeness, c.pods, c.arriving, c.vain, c.back = likeness{}, c.pods[:0], 0, 0, 0
	t.unused = append(t.unused, id)
}

// recallers has the calls of pods of a sort made by other classes.
func (t *Flows) recallers(sort int32) {
	for _, i := range t.sorts[sort] {
		if t.flows[i].call != nil {
			t.respread(i)
		}
	}
}

// cut lists the classes among a route's endpoints, in order of their first.
func (t *Flows) cut(r *live) {
	r.parts = r.parts[:0]
	for j := range r.route.Endpoints {
		k := t.pods.Row(r.route.Endpoints[j].Pod.ID).class
		c := &t.classes[k]
		if c.slot >= len(r.parts) || r.parts[c.slot].class != k {
			c.slot = len(r.parts)
			r.parts = append(r.parts, part{class: k})
		}
		r.parts[c.slot].upTo++
	}
	sum := int64(0)
	for j := range r.parts {
		sum += r.parts[j].upTo
		r.parts[j].upTo = sum
	}
}

// endpoint is a pod that some rules lead to.
func (t *Flows) endpoint(e *model.Endpoint) *pod {
	if p := t.pods.Row(e.Pod.ID); p.asked {
		return p
	}
	return t.know(e.Pod, e.Node.String())
}

// know is a pod, of which everything is found out that does not change.
func (t *Flows) know(ref model.Ref, node string) *pod {
	p := t.pods.Row(ref.ID)
	if p.asked {
		return p
	}
	p.asked = true
	if p.site, p.known = t.World.Site(node); p.own != 0 {
		p.site = p.own
	}
	p.machine = t.World.Machine(node)
	p.work = t.World.Work(ref)
	p.work.Latency += p.slow
	t.interview(ref, p)
	return p
}

// touch is a class at which another rate may arrive.
func (t *Flows) touch(id int32) *class {
	c := &t.classes[id]
	if !c.touched {
		c.touched = true
		t.touched = append(t.touched, id)
	}
	return c
}

// untellAll has what becomes of everything that goes to a class computed anew.
func (t *Flows) untellAll(c *class) {
	for _, b := range t.in(c) {
		for _, i := range t.backends[b].flows {
			t.untell(i)
		}
	}
}

// capped is how many of the requests that arrive at so many pods find a place.
func (h *handled) capped(arriving, pods int64) int64 {
	if h.takes < 0 {
		return arriving
	}
	return min(arriving, h.all(pods))
}

// all is how many find a place at so many pods together.
func (h *handled) all(pods int64) int64 { return product(h.takes, pods, 1) }

package apiserver

import (
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// dispatcher asks webhooks for one API server: mutating ones one after the
// other, each shown what the one before made of the object, then validating
// ones all at once
// (k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go,
// validating/dispatcher.go).
type dispatcher struct {
	server  *Server
	kernel  *sim.Kernel
	net     *network.Network
	site    network.Site
	hooks   *Webhooks
	self    sim.ActorID
	luck    sim.Lane
	sent    uint64 // counts calls, which names their messages' luck
	hash    uint64
	reviews []review
	idle    []uint32 // of reviews
	calls   []call
	unused  []uint32 // of calls

	mutated map[mutated]*model.PodSpec
}

// mutated finds specs that a webhook has changed before.
//
//tidy:key compared as a whole
type mutated struct {
	spec *model.PodSpec
	by   *model.Webhook
}

// review is a request that waits for webhooks.
type review struct {
	slot     uint64
	deadline sim.Time // the request's
	phase    int
	again    bool    // mutating webhooks are asked for the second time
	next     int     // of the mutating ones
	asking   []*hook // mutating: all there are; validating: those concerned
	called   []*hook // mutating, of those that want to be asked again if needed
	redo     []*hook // and of them those that have to
	open     int     // calls without an outcome
	refusal  store.Refusal
	message  string
	gone     bool // its server has ended
}

// call is one question to a webhook.
type call struct {
	review    uint32
	hook      *hook
	pod       model.Ref    // who answers; zero for somebody outside
	at        network.Site // of the pod
	timeoutAt sim.Time
	failure   string // why there is no answer, "" while there may be one
}

// Reasons to wake a dispatcher; about is a call.
const (
	whyAsked    sim.Why = iota // it has arrived at the webhook
	whyDecided                 // the webhook has an answer
	whyAnswered                // the answer is there, or it is certain that there will be none
)

// What failures are called (net/http, net).
const (
	timedOut = "context deadline exceeded"
	refused  = "dial tcp: connect: connection refused"
	reset    = "EOF"
)

func newDispatcher(a *Server, net *network.Network, site network.Site) *dispatcher {
	d := &dispatcher{server: a, kernel: a.kernel, net: net, site: site, hooks: a.etcd.webhooks, luck: a.kernel.Luck().Lane("webhook"), mutated: map[mutated]*model.PodSpec{}}
	name := "webhooks/" + net.Name(site)
	d.self, d.hash = a.kernel.Register(name, d), sim.HashName(name)
	return d
}

// begin has webhooks look at a request. When they have, the server goes on with
// it, or it is answered.
func (d *dispatcher) begin(slot uint64, r *store.Request) {
	id := uint32(len(d.reviews))
	if n := len(d.idle); n > 0 {
		id, d.idle = d.idle[n-1], d.idle[:n-1]
	} else {
		d.reviews = append(d.reviews, review{})
	}
	d.reviews[id] = review{slot: slot, deadline: d.kernel.Now().Add(r.Client.Timeout), asking: d.hooks.hooks[mutating]}
	d.goOn(id)
}

// stop leaves what webhooks are asked: the server has ended.
func (d *dispatcher) stop() {
	for i := range d.reviews {
		d.reviews[i].gone = d.reviews[i].open > 0
	}
}

// goOn asks the next webhooks, or ends the review.
func (d *dispatcher) goOn(id uint32) {
	v := &d.reviews[id]
	for v.phase == mutating && v.refusal == store.Accepted {
		if v.next < len(v.asking) {
			h := v.asking[v.next]
			v.next++
			if d.wants(v, h) {
				d.ask(id, h)
				return
			}
			continue
		}
		if !v.again && len(v.redo) > 0 {
			v.again, v.next, v.asking = true, 0, v.redo
			continue
		}
		d.validate(id)
		return
	}
	if v = &d.reviews[id]; v.open == 0 {
		d.end(id)
	}
}

// wants tells whether a mutating webhook has to be asked about a request as it
// is now.
func (d *dispatcher) wants(v *review, h *hook) bool {
	r := d.server.store.Request(v.slot)
	for _, x := range d.hooks.concerned(mutating, r) {
		if x.Webhook == h.Webhook {
			return true
		}
	}
	return false
}

// validate asks all validating webhooks at once. What the server itself checks
// comes before them, as LimitRanger and the others stand before them in the
// order of plugins.
func (d *dispatcher) validate(id uint32) {
	v := &d.reviews[id]
	r := d.server.store.Request(v.slot)
	v.phase = validating
	if v.refusal = d.server.admitLimits(r); v.refusal == store.Accepted {
		v.asking = d.hooks.concerned(validating, r)
		v.open = len(v.asking)
	}
	if v.open == 0 {
		d.end(id)
		return
	}
	for _, h := range v.asking {
		d.call(id, h)
	}
}

func (d *dispatcher) end(id uint32) {
	v := d.reviews[id]
	d.reviews[id] = review{}
	d.idle = append(d.idle, id)
	if v.refusal != store.Accepted {
		d.server.store.Request(v.slot).Explain(v.message)
		d.server.finish(v.slot, v.refusal, nil)
		return
	}
	d.server.proceed(v.slot)
}

func (d *dispatcher) ask(id uint32, h *hook) {
	d.reviews[id].open = 1
	d.call(id, h)
}

// call begins a call: to an endpoint of the Service, as the machine's rules
// have it, each as likely as the others, or to somebody outside, whose network
// is part of the time it takes to answer.
func (d *dispatcher) call(id uint32, h *hook) {
	now := d.kernel.Now()
	c := call{review: id, hook: h, timeoutAt: min(now.Add(h.Timeout), d.reviews[id].deadline)}
	slot := uint32(len(d.calls))
	if n := len(d.unused); n > 0 {
		slot, d.unused = d.unused[n-1], d.unused[:n-1]
	} else {
		d.calls = append(d.calls, call{})
	}
	d.sent++
	if h.Service.Name == "" {
		d.calls[slot] = c
		d.kernel.Post(now, d.self, whyAsked, uint64(slot))
		return
	}
	route, there := d.hooks.route(h, d.site)
	n := uint64(len(route.Endpoints))
	switch {
	case !there:
		c.failure = "service " + strconv.Quote(h.Service.Name) + " not found"
	case route.Service.IsZero(), route.Dropped:
		c.failure = timedOut
	case n == 0:
		c.failure = refused
	default:
		luck := d.luck.Draw(d.hash, d.sent)
		e := &route.Endpoints[luck.Uint64()%n]
		c.pod = e.Pod
		site, known := d.hooks.world.PodSite(e.Pod, e.Node.String())
		c.at = site
		lag, arrives := d.net.Delay(d.site, site, d.hash, 2*d.sent)
		if known && arrives {
			d.calls[slot] = c
			d.kernel.Post(now.Add(lag), d.self, whyAsked, uint64(slot))
			return
		}
		c.failure = timedOut
	}
	d.calls[slot] = c
	d.settle(now, slot)
}

// settle has the outcome of a call known at a time, or when its time is over.
func (d *dispatcher) settle(at sim.Time, slot uint32) {
	c := &d.calls[slot]
	if c.failure == timedOut || at >= c.timeoutAt {
		at, c.failure = c.timeoutAt, timedOut
	}
	d.kernel.Post(max(at, d.kernel.Now()), d.self, whyAnswered, uint64(slot))
}

// Wake implements sim.Actor.
func (d *dispatcher) Wake(now sim.Time, why sim.Why, about uint64) {
	slot := uint32(about)
	c := &d.calls[slot]
	if why == whyAnswered {
		done := *c
		*c = call{}
		d.unused = append(d.unused, slot)
		if v := &d.reviews[done.review]; v.gone {
			if v.open--; v.open == 0 {
				*v = review{}
				d.idle = append(d.idle, done.review)
			}
			return
		}
		d.answered(&done)
		return
	}
	harm := d.hooks.harmOf(c.hook.Name)
	up := !harm.down && (c.pod.IsZero() || d.hooks.world.Serves(c.pod))
	d.sent++
	switch {
	case why == whyAsked && up:
		luck := d.luck.Draw(c.hook.hash, d.sent)
		took := c.hook.behavior.Latency.Draw(&luck)
		took += harm.slow.Draw(&luck)
		d.kernel.Post(min(now.Add(took), max(now, c.timeoutAt)), d.self, whyDecided, about)
		return
	case why == whyAsked:
		c.failure = refused
	case !up:
		c.failure = reset
	}
	back, arrives := time.Duration(0), true
	if !c.pod.IsZero() {
		back, arrives = d.net.Delay(c.at, d.site, d.hash, 2*d.sent)
	}
	if !arrives {
		c.failure = timedOut
	}
	d.settle(now.Add(back), slot)
}

// answered goes on with the review of a call.
func (d *dispatcher) answered(c *call) {
	v := &d.reviews[c.review]
	r := d.server.store.Request(v.slot)
	v.open--
	if c.failure == "" {
		d.hooks.tell(c.hook, "")
	} else {
		d.hooks.tell(c.hook, d.failed(c))
	}
	refusal, message := store.Accepted, ""
	switch {
	case c.failure != "" && c.hook.Ignore && d.kernel.Now() >= v.deadline:
		refusal, message = store.TimedOut, "Timeout: request did not complete within requested timeout"
	case c.failure != "" && !c.hook.Ignore:
		refusal, message = store.InternalError, "Internal error occurred: "+d.failed(c)
	case c.failure == "" && c.hook.denies(d.labels(r)):
		refusal, message = store.Forbidden, "admission webhook "+strconv.Quote(c.hook.Name)+" denied the request: "+c.hook.behavior.Deny.Message
	}
	if v.refusal == store.Accepted {
		v.refusal, v.message = refusal, message
	}
	if v.phase == mutating && v.refusal == store.Accepted {
		d.change(v, c, r)
	}
	d.goOn(c.review)
}

// labels is those of the object that a webhook is shown.
func (d *dispatcher) labels(r *store.Request) model.Labels {
	before, after := d.hooks.versions(r)
	if after == nil {
		after = before
	}
	if after == nil {
		return nil
	}
	return after.Head().Labels
}

// failed is the message about a call without an answer.
func (d *dispatcher) failed(c *call) string {
	why := `Post "` + c.hook.URL + `?timeout=` + strconv.FormatInt(int64(c.hook.Timeout/time.Second), 10) + `s": ` + c.failure
	return "failed calling webhook " + strconv.Quote(c.hook.Name) + ": failed to call webhook: " + why
}

// change applies what a mutating webhook answered. If that changed anything,
// those before it are asked once more that want to be.
func (d *dispatcher) change(v *review, c *call, r *store.Request) {
	if c.failure == "" && r.Op == store.OpCreate && d.mutate(c.hook, r.Object) && !v.again {
		v.redo = append(v.redo[:0], v.called...)
	}
	if c.hook.Reinvoke && !v.again {
		v.called = append(v.called, c.hook)
	}
}

// mutate changes an object that is to be created, and tells whether it did.
func (d *dispatcher) mutate(h *hook, o model.Object) (changed bool) {
	m := o.Head()
	for _, l := range h.behavior.Mutate.Labels {
		if v, ok := m.Labels.Get(l.Key); !ok || v != l.Value {
			m.Labels, changed = m.Labels.With(l.Key, l.Value), true
		}
	}
	pod, ok := o.(*model.Pod)
	if !ok {
		return changed
	}
	key := mutated{pod.Spec, h.Webhook}
	spec := d.mutated[key]
	if spec == nil {
		spec = h.behavior.Mutate.apply(pod.Spec)
		d.mutated[key] = spec
	}
	changed = changed || spec != pod.Spec
	pod.Spec = spec
	return changed
}

// DescribeWake implements sim.Describer.
func (d *dispatcher) DescribeWake(why sim.Why, about uint64) string {
	return [...]string{"arrival of a call of webhook ", "decision of webhook ", "answer of webhook "}[why] + d.calls[about].hook.Name
}

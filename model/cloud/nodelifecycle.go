package cloud

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// monitorEvery is the time from the end of a pass to the next
// (k8s.io/cloud-provider/config/v1alpha1/defaults.go NodeMonitorPeriod).
const monitorEvery = 5 * time.Second

// NodeLifecycle is the cloud node lifecycle controller, in the
// cloud-controller-manager: it deletes the node of a machine that is gone, once
// the node is not ready
// (k8s.io/cloud-provider/controllers/nodelifecycle/node_lifecycle_controller.go
// MonitorNodes). A pass is an event only if there is such a node. That it taints
// nodes whose machine is shut down is left out: those here come back by
// themselves or not at all.
type NodeLifecycle struct {
	*Provider
	client *store.Client
	nodes  *store.Watch
	life   *monitor // of the process, nil if there is none
}

// monitor is what a process knows, and forgets when it ends.
type monitor struct {
	*NodeLifecycle
	self   sim.ActorID
	view   store.Table[*model.Node]
	passes sim.Ticker
	passAt sim.Time
	lost   []uint32 // nodes that are not ready, of machines that are gone
	open   int      // deletions that are not answered yet
}

// CloudControllerManager is the component that watches over the nodes of
// machines that may go.
const CloudControllerManager = "cloud-controller-manager"

// As is who the component is.
var As = store.Account(model.NamespaceSystem, CloudControllerManager, CloudControllerManager)

// QPS and Burst are the limits of its clients
// (k8s.io/controller-manager/config/v1alpha1/defaults.go).
const (
	QPS   = 20
	Burst = 30
)

// NewNodeLifecycle is a replica's controller at a site, not running yet; replica tells
// it from others in the names of its luck, the first may do without.
func (p *Provider) NewNodeLifecycle(at network.Site, replica string) *NodeLifecycle {
	c := &NodeLifecycle{Provider: p}
	c.client = p.store.NewClient(store.ClientConfig{
		Name: "system:serviceaccount:kube-system:cloud-controller-manager" + replica, Site: at, QPS: QPS, Burst: Burst, Events: true, As: As,
	})
	c.nodes = c.client.Watch(model.KindNode)
	return c
}

// Start runs a process: it lists the nodes and then watches them.
func (c *NodeLifecycle) Start() {
	now := c.kernel.Now()
	m := &monitor{NodeLifecycle: c, passAt: sim.Never}
	c.life = m
	m.self = c.kernel.Register("cloud-node-lifecycle-controller", m)
	c.client.Actor = m.self
	m.passes = sim.Ticker{Phase: now, Period: monitorEvery}
	if now == 0 {
		s := c.luck.phases.Draw(c.client.Hash, 0)
		m.passes.Phase = sim.Time(s.Duration(0, monitorEvery))
	}
	c.Provider.lost = append(c.Provider.lost, m)
	c.nodes.Start()
	if c.Literal {
		m.postPass(m.passes.AtOrAfter(now))
	}
}

// Stop ends the process.
func (c *NodeLifecycle) Stop() {
	m := c.life
	c.Provider.lost = slices.DeleteFunc(c.Provider.lost, func(l listener) bool { return l == listener(m) })
	c.life = nil
	c.nodes.Stop()
	c.client.Restart()
}

// Wake implements sim.Actor.
func (c *monitor) Wake(now sim.Time, why sim.Why, about uint64) {
	if c != c.life { // its process has ended
		if why == store.WhyReply {
			c.client.Reply(about)
		}
		return
	}
	switch why {
	case store.WhyWatch:
		for ref, obj, ok := c.nodes.Next(); ok; ref, obj, ok = c.nodes.Next() {
			n, _ := obj.(*model.Node)
			*c.view.Row(ref.ID) = n
			c.consider(now, ref.ID)
		}
	case store.WhyReply:
		if _, ok := c.client.Reply(about); ok {
			if c.open--; c.open == 0 {
				c.passes.Phase = now.Add(monitorEvery)
				c.plan(now)
			}
		}
	default:
		if now == c.passAt {
			c.passAt = sim.Never
			c.pass(now)
		}
	}
}

// DescribeWake implements sim.Describer.
func (c *monitor) DescribeWake(why sim.Why, _ uint64) string {
	if why >= store.ReservedWhys {
		return "news from the API server"
	}
	return "pass over the nodes"
}

// machine implements listener: a machine is gone.
func (c *monitor) machine(m *Machine) { c.consider(c.kernel.Now(), m.Node) }

func (c *monitor) consider(now sim.Time, id uint32) {
	n := *c.view.Row(id)
	at, listed := slices.BinarySearch(c.lost, id)
	switch concerns := n != nil && n.Ready.Status != model.True && !c.exists(id); {
	case concerns && !listed:
		c.lost = slices.Insert(c.lost, at, id)
		c.plan(now)
	case !concerns && listed:
		c.lost = slices.Delete(c.lost, at, at+1)
	}
}

func (c *monitor) plan(now sim.Time) {
	if c.open == 0 && (len(c.lost) > 0 || c.Literal) {
		c.postPass(c.passes.AtOrAfter(now))
	}
}

func (c *monitor) postPass(at sim.Time) {
	if at < c.passAt {
		c.passAt = at
		c.kernel.Post(at, c.self, 0, 0)
	}
}

// pass deletes what is lost. The provider is asked about each; one about which it
// does not answer is looked at again in the next pass.
func (c *monitor) pass(now sim.Time) {
	for _, id := range c.lost {
		n := *c.view.Row(id)
		if c.refused(n.NameHash(), now) {
			continue
		}
		c.client.Note(n, false, "DeletingNode", "Deleting node "+n.Name+" because it does not exist in the cloud provider")
		c.client.Delete(n.Ref(), 0, 0)
		c.open++
	}
	c.plan(now + 1)
}

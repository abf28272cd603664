// Package cloud is a cloud provider: where do machines come from, and where do
// they go? Its one idea: a node group has a size it is asked for, and the
// provider makes machines, or cannot, until it has that many; a machine is not a
// node before its kubelet registers it, and its node outlives it until somebody
// notices. Components ask it through calls, which may be refused; faults act on
// it directly. It refuses to know what runs on a machine.
package cloud

import (
	"fmt"
	"slices"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// Config is a provider as the scenario describes it.
type Config struct {
	Groups []Group
	// Quota is how many machines all groups together may have; 0 is no limit.
	Quota int
	// LaunchesPerMinute is how many machines it makes at most; 0 is no limit.
	LaunchesPerMinute int64
	// TerminationHandler is whether a notice that a machine will be reclaimed has
	// somebody cordon and drain its node.
	TerminationHandler bool
	Literal            bool // every tick is an event, which must not change anything
}

// Group is machines that are equal but for their zones.
type Group struct {
	Name      string
	Min, Max  int
	Start     int // there from the beginning, ready
	Zones     []string
	Labels    map[string]string
	Taints    []model.Taint
	Size      model.Resources
	Kept      model.Resources // of it, by the kubelet, for the system and itself and by its eviction thresholds
	GPU       model.GPUs
	SwapBytes int64
	KeptPIDs  int64    // processes that pods cannot have
	Provision sim.Dist // from the request to the start of the kubelet
	Price     int64    // of a machine in an hour, in millionths
	Priority  int      // for an autoscaler that goes by it: the highest is asked first
}

// Node is the node of the machine of a number, as its kubelet registers it.
func (g *Group) Node(number int, zone string) *model.Node {
	name := fmt.Sprintf("%s-%d", g.Name, number)
	var stock *model.Stock
	if g.SwapBytes > 0 || g.KeptPIDs > 0 {
		stock = &model.Stock{SwapBytes: g.SwapBytes, KeptPIDs: g.KeptPIDs}
	}
	return &model.Node{
		Meta:     model.Meta{Kind: model.KindNode, Name: name, Labels: model.NodeLabels(name, zone, g.Labels)},
		Capacity: g.Size, Allocatable: g.Size.Allocatable(g.Kept), Taints: g.Taints, GPU: g.GPU, Group: g.Name, Price: g.Price, Stock: stock,
	}
}

// StartZone is the zone of one of the first machines.
func (g *Group) StartZone(number int) string {
	if len(g.Zones) == 0 {
		return ""
	}
	return g.Zones[number%len(g.Zones)]
}

// Hardware is the machines themselves. Nodes are named by their numbers.
type Hardware interface {
	Install(n *model.Node) // puts a machine there, without power; the number of n is reserved
	Boot(node uint32)      // its kubelet starts for the first time
	Destroy(node uint32)   // takes it away for good
	// ShutDown has a machine go down in an orderly way, and says how long that takes at
	// most.
	ShutDown(node uint32) time.Duration
}

// Machine is one virtual machine.
type Machine struct {
	Name    string
	Node    uint32 // the number its node has, or will have
	Zone    string
	MadeAt  sim.Time // when the provider began to make it
	group   *pool    // nil if it belongs to none
	boots   bool     // its kubelet has not started yet
	closing bool     // its system is going down
	gone    bool
}

// Reasons of the notes about machines and groups, which are named
// "machine/NAME" and "nodegroup/NAME".
const (
	ReasonLaunching    = "MachineLaunching"
	ReasonLaunchFailed = "MachineLaunchFailed"
	ReasonTerminated   = "MachineTerminated"
	ReasonReclaiming   = "MachineReclaiming"
)

// Provider is the cloud.
type Provider struct {
	Config
	kernel   *sim.Kernel
	store    *store.Store
	hardware Hardware
	self     sim.ActorID
	luck     lanes
	pools    []*pool
	machines store.Table[*Machine] // by node number
	running  int                   // machines of all groups
	launchAt sim.Time              // not before, LaunchesPerMinute
	faults   faults
	lost     []listener // are told of machines that are gone
	reclaims []listener // are told of notices
	sessions []*Session
}

// listener is told about a machine.
type listener interface{ machine(m *Machine) }

// pool is a group and what it has.
type pool struct {
	*Group
	target   int
	numbered int // machines ever made
	machines []*Machine
	failed   string     // why it does not have as many machines as it should; "" if nothing failed
	retries  sim.Ticker // from the first failure on
	fillAt   sim.Time   // when it is filled next, Never if nothing is posted
}

type lanes struct{ provision, calls, phases sim.Lane }

// retryEvery is how long a group waits after a launch that failed: a modelling
// value; providers try again after about a minute, and less often later.
const retryEvery = time.Minute

// Wake-up reasons.
const (
	whyFill      sim.Why = iota // about a group
	whyBoot                     // about a node
	whyTerminate                // about a node
)

// New is a provider with the machines that are there from the beginning, which
// are stored as nodes. They exist for it whether or not they belong to a group.
func New(k *sim.Kernel, s *store.Store, at network.Site, h Hardware, c Config, nodes []*model.Node) *Provider {
	l := k.Luck()
	p := &Provider{
		Config: c, kernel: k, store: s, hardware: h,
		luck: lanes{provision: l.Lane("provision"), calls: l.Lane("cloud calls"), phases: l.Lane("cloud phases")},
	}
	p.self = k.Register("cloud", p)
	for i := range p.Config.Groups {
		g := &p.Config.Groups[i]
		p.pools = append(p.pools, &pool{Group: g, target: g.Start, fillAt: sim.Never})
	}
	for _, n := range nodes {
		m := &Machine{Name: n.Name, Node: n.ID, Zone: n.Labels.Value(model.LabelZone), group: p.pool(n.Group)}
		*p.machines.Row(n.ID) = m
		if g := m.group; g != nil {
			g.machines = append(g.machines, m)
			g.numbered++
			p.running++
		}
	}
	if c.TerminationHandler {
		newHandler(p, at)
	}
	return p
}

func (p *Provider) pool(name string) *pool {
	for _, g := range p.pools {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// Wake implements sim.Actor.
func (p *Provider) Wake(now sim.Time, why sim.Why, about uint64) {
	switch why {
	case whyFill:
		if g := p.pools[about]; g.fillAt == now {
			g.fillAt = sim.Never
			p.fill(now, g)
		}
	case whyBoot:
		if m := *p.machines.Row(uint32(about)); !m.gone && m.boots {
			m.boots = false
			p.hardware.Boot(m.Node)
		}
	case whyTerminate:
		p.reclaim(now, *p.machines.Row(uint32(about)))
	}
}

// DescribeWake implements sim.Describer.
func (p *Provider) DescribeWake(why sim.Why, about uint64) string {
	switch why {
	case whyFill:
		return "node group " + p.pools[about].Name + " makes machines"
	case whyBoot:
		return "machine " + (*p.machines.Row(uint32(about))).Name + " has booted"
	}
	return "machine " + (*p.machines.Row(uint32(about))).Name + " is reclaimed"
}

// resize asks a group for so many machines. Fewer than there are lets those go
// that are not made yet.
func (p *Provider) resize(now sim.Time, g *pool, target int) {
	g.target = target
	if target <= len(g.machines) {
		g.failed = ""
	}
	p.fillSoon(now, g)
}

// fillSoon has a group filled as soon as it may be.
func (p *Provider) fillSoon(now sim.Time, g *pool) {
	at := now
	if g.failed != "" {
		at = g.retries.AtOrAfter(now)
	}
	if len(g.machines) < g.target && at < g.fillAt {
		g.fillAt = at
		p.kernel.Post(at, p.self, whyFill, uint64(slices.Index(p.pools, g)))
	}
}

// fill makes the machines that a group lacks. A launch that fails ends it: the
// group tries again when what was in the way is gone, at one of its times for
// that.
func (p *Provider) fill(now sim.Time, g *pool) {
	for len(g.machines) < g.target {
		zone, why := p.zone(g)
		if why != "" {
			p.fail(now, g, why)
			return
		}
		if at := p.launchAt; at > now {
			g.fillAt = at
			p.kernel.Post(at, p.self, whyFill, uint64(slices.Index(p.pools, g)))
			return
		}
		if p.LaunchesPerMinute > 0 {
			p.launchAt = now.Add(time.Minute / time.Duration(p.LaunchesPerMinute))
		}
		g.failed = ""
		p.launch(now, g, zone)
	}
}

// The words for why a machine cannot be made.
const (
	OutOfCapacity = "out of capacity"
	QuotaExceeded = "quota exceeded"
)

// zone is where the next machine of a group goes: where it has the fewest, of
// the zones that have room, as an AWS Auto Scaling group does it
// (docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html).
func (p *Provider) zone(g *pool) (zone, failure string) {
	if p.Quota > 0 && p.running >= p.Quota {
		return "", QuotaExceeded
	}
	zones := g.Zones
	if len(zones) == 0 {
		zones = []string{""}
	}
	fewest := -1
	for _, z := range zones {
		if p.faults.out(g.Name, z) {
			continue
		}
		n := 0
		for _, m := range g.machines {
			if m.Zone == z {
				n++
			}
		}
		if fewest < 0 || n < fewest {
			zone, fewest = z, n
		}
	}
	if fewest < 0 {
		return "", OutOfCapacity
	}
	return zone, ""
}

func (p *Provider) fail(now sim.Time, g *pool, why string) {
	if g.failed == "" {
		g.retries = sim.Ticker{Phase: now.Add(retryEvery), Period: retryEvery}
		p.note("nodegroup/"+g.Name, true, ReasonLaunchFailed, "Could not launch a machine: "+why)
		p.news()
	}
	g.failed = why
	if p.Literal {
		p.fillSoon(now+1, g)
	}
}

func (p *Provider) launch(now sim.Time, g *pool, zone string) {
	n := g.Node(g.numbered, zone)
	n.ID = p.store.Reserve(n.Name)
	m := &Machine{Name: n.Name, Node: n.ID, Zone: zone, MadeAt: now, group: g, boots: true}
	*p.machines.Row(n.ID) = m
	g.machines = append(g.machines, m)
	g.numbered++
	p.running++
	p.note("machine/"+n.Name, false, ReasonLaunching, "Launching a machine of node group "+g.Name+in(zone))
	p.hardware.Install(n)
	luck := p.luck.provision.Draw(n.NameHash(), 0)
	takes := g.Provision
	if slow := p.faults.slow(g.Name, zone); slow != nil {
		takes = *slow
	}
	p.kernel.Post(now.Add(takes.Draw(&luck)), p.self, whyBoot, uint64(n.ID))
}

func in(zone string) string {
	if zone == "" {
		return ""
	}
	return " in zone " + zone
}

// reclaim takes a machine away whose notice is over: its system is told to go down, and
// it exists until that is done.
func (p *Provider) reclaim(now sim.Time, m *Machine) {
	if !m.gone && !m.closing {
		m.closing = true
		if takes := p.hardware.ShutDown(m.Node); takes > 0 {
			p.kernel.Post(now.Add(takes), p.self, whyTerminate, uint64(m.Node))
			return
		}
	}
	p.terminate(m, "reclaimed")
}

// terminate takes a machine away for good, unless that was done already. Its
// group makes another one if it is asked for that many.
func (p *Provider) terminate(m *Machine, why string) {
	if m == nil || m.gone {
		return
	}
	now := p.kernel.Now()
	m.gone = true
	p.note("machine/"+m.Name, false, ReasonTerminated, "Terminated: "+why)
	p.hardware.Destroy(m.Node)
	p.news()
	for _, l := range p.lost {
		l.machine(m)
	}
	if m.group == nil {
		return
	}
	m.group.machines = slices.DeleteFunc(m.group.machines, func(x *Machine) bool { return x == m })
	p.running--
	p.fillSoon(now, m.group)
	p.unblock(now, QuotaExceeded)
}

// unblock lets groups try again that failed for a reason.
func (p *Provider) unblock(now sim.Time, why string) {
	for _, g := range p.pools {
		if g.failed == why {
			p.fillSoon(now, g)
		}
	}
}

func (p *Provider) note(name string, warning bool, reason, message string) {
	p.store.Note(p.self, model.Note{Named: name, Warning: warning, Reason: reason, Message: message})
}

// exists tells whether a node's machine does.
func (p *Provider) exists(node uint32) bool {
	m := *p.machines.Row(node)
	return m != nil && !m.gone
}

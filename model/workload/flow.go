package workload

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/sim"
)

// target is a Service's name.
//
//tidy:key a map's
type target struct{ namespace, service string }

// flow is one source's requests to one Service.
type flow struct {
	Traffic
	backend    int32
	rates      []Rate
	milli      int64  // what all rates come to now
	node       string // the sending machine, unless a Deployment or a load balancer sends
	affine     bool   // some sender's rules had session affinity
	sticks     bool   // clients stay with their endpoints
	held       []held
	holds      map[place]int32 // held, of whatever group
	through    []sender        // senders again, once for each bundle they are in, if clients stay
	balanced   bool            // a load balancer sends, from outside of all nodes
	unsent     int64           // what it has no node for, of what is sent
	home       string          // the namespace of the pods that send
	deployment string
	selector   *model.Selector // the Deployment's, once seen
	members    []uint32        // IDs of the Deployment's bound pods, ascending
	sorts      []int32         // that members were of
	senders    []sender
	reroute    bool            // some of them are stale
	at         map[place]int32 // senders
	lately     []int32         // by seat: the sender that was found there last
	respread   bool            // what senders send is to be made anew
	recast     bool            // it was, since the flow was shared out
	callers    []caller        // classes that call, place by place
	calling    []calling       // each of them once
	recall     bool            // what callers send is to be added up anew
	paced      bool            // its rate is another one since it was computed: that never waits
	must       bool            // shares are to be made anew whatever senders send
	bundles    []bundle        // that shares were made of
	passings   []passing       // of those, if there are several
	lots       []lot           // of senders; the first is there always
	lotAt      []int32         // by seat: the lot that a sender was in last that was found there
	parted     stint           // how often senders were put into another lot
	joined     int             // Flows.news when lots were put together last
	ruledAt    sim.Time        // when some sender got other rules
	apartAt    sim.Time        // since when some fare otherwise as only some have new rules; 0 if none do
	delayed    delayed
	moved      bool // how much stays on machines is to be computed anew
	shifted    bool // and it is another part of what is sent
	stayed     stayed
	stale      bool          // among Flows.stale
	path       string        // the Service's
	lost       model.Traffic // the sum of its lots'
	shares     []share       // what does
	now        model.Traffic // what becomes of it
	told       model.Traffic // by the last note
	broken     model.Lost    // in this instant, of what was under way
	untold     bool          // among Flows.untold
	cut        cut
	height     int32 // how many calls there are, one below another, from where it goes
	changed    bool  // among Flows.changed

	passages []passage // what it wants of machines
	metered  bool      // among Flows.metered
	lasts    int64     // how long a connection for one of its requests lasts on the average, in microseconds

	call   *Call   // the members make it for what they handle; nil if they send for themselves
	single outcome // of its requests, of each attempt
	timed  timing  // of those that are served, when their quantiles were computed

	lookups int32    // the flow of its lookups, -1 if it needs none
	of      int32    // of lookups: the flow whose names they are, else -1
	harm    DNSHarm  // of lookups: all that is wrong with the servers' program
	unheard bool     // of lookups: servers answer otherwise than its lots' resolved has it
	absent  bool     // of lookups: there is no such name
	ndots   []int8   // of lookups: those of who sends what they are the names of; the first is the cluster's
	lied    []lied   // of lookups: how many got a wrong address until some time, which somebody may keep
	oldAt   sim.Time // of lookups: a wake-up is under way for when some answers are too old
}

// place is what machines have in common whose requests fare the same.
//
//tidy:key a map's
type place struct {
	seat  int32        // of their rules
	group uint32       // of the network
	node  network.Site // if what it keeps is its own: answers of DNS; else 0
	pod   uint32       // if it stays with endpoints of its own; else 0
	ndots int8         // of its pods' resolvers, if it needs names; else 0
}

// sender is the machines of a place that part of a flow comes from.
type sender struct {
	first int64 // what it sends for the first time, in thousandths of a request per second
	milli int64 // that and what it tries again
	sent  int64 // of milli, what gets an address
	place
	lot  int32
	nth  int32 // of flow.through: which of the flow's senders it is
	site network.Site
	live int32 // its route, of the backend's; -1 if it was never asked for
	next int32 // the sender before it in its bundle, -1 if it is the first
	*origin
}

// origin is what of a place is not needed each time what it sends is added up.
type origin struct {
	stale bool   // its route may be another one
	name  string // of one of its machines
	proxy Router

	pooled int64 // of the sender's milli, what is among its backend's pool

	machines []network.Site // of each pod that sends
	near     near           // as it was found last
}

// pods is how many of its pods send.
func (s *sender) pods() int64 { return int64(len(s.machines)) }

// caller is pods of a class at a place.
type caller struct {
	class, sender int32
	upTo          int64 // how many of its class there are up to and with these
}

// calling is a class that calls.
type calling struct {
	class, sender int32 // and one of its places
	sends         int64 // in thousandths a second, with what it tries again
	passed        int64 // the same when the flow was shared out last; -1 if it was not
}

// tie is what senders have in common whose requests are divided together.
//
//tidy:key it is compared
type tie struct {
	live  int32 // their rules
	group uint32
	names int32 // how they fare with names (Flows.namesOf)
	lot   int32
	held  int32 // the how many'th of flow.held counts their connections, from 1; 0 if they are not counted
}

// bundle is senders whose rules are the same and whose requests fare the same.
type bundle struct {
	tie
	site   network.Site // the first one's
	milli  int64        // what they send that gets an address
	none   int64        // what gets none
	lies   int64        // what gets a wrong one
	asked  int64        // what has to ask for one
	silent int64        // of milli, what nobody answers, and that is lost on the way
	last   int32        // the sender that was put there last
	from   int32        // its passings are the flow's from this one on
	upTo   int32        // and up to this one
}

// passing is what a bundle sends to a class.
type passing struct {
	share int32 // of the flow's
	milli int64
	way   timing // what the network adds
}

// share is what the endpoints of a class get of a lot of a flow together.
type share struct {
	class int32
	lot   int32
	milli int64
	vain  int64  // of milli, who was turned away there just before
	back  int64  // of milli, who gave up there just before
	meets int64  // how many of a million would meet the same endpoint if they tried again
	way   timing // what the network adds
	good  int64  // how much of it is served
	takes int64  // how long a request of it takes on the average, whatever becomes of it, in microseconds
}

// pod is what the traffic knows of a pod, as an endpoint and as a sender.
type pod struct {
	serving bool
	asked   bool // site, machine and work are known
	known   bool // its node is one
	homed   bool // seat and home are known
	other   bool // something about it is not as when its class was found
	moved   bool // among Flows.moved
	probed  bool // among Flows.probed
	divided uint32
	key     int32         // while its backend is divided
	class   int32         // 0 if no rules lead to it
	sort    int32         // the flows it is a member of, as a number of Flows.sorts
	in      []int32       // backends of which some rules lead to it
	inflow  *model.Inflow // as its machine knows it
	site    network.Site
	own     network.Site // its place in the network, 0 if it has none of its own
	home    home         // as a sender

	machine Machine
	work    Work
	probes  int32         // a number of Flows.asking
	risks   []risk        // what its machine was told of its probes
	hangs   int32         // for so many reasons requests are not refused while it does not serve
	fails   int64         // so many of a million requests are answered with an error, for all causes
	shares  []int64       // that are answered with an error, of each cause
	slow    time.Duration // that its requests take longer by
	tank    tank          // as it was when its class was left
	drains  int64         // of what it had then it gets so much a second done since, in thousandths
	looksAt sim.Time      // its probes are looked at again then, as it does
	upAt    sim.Time      // when it began to serve
	flights []flight      // of when the last rules ceased to lead to it, if requests take long
	leftAt  sim.Time

	seen *model.Pod // by the watch, if a Deployment sends
}

// home is a machine as pods send from it.
type home struct {
	site  network.Site
	seat  int32
	node  string
	proxy Router
	pod   uint32 // 0 if it is the machine itself that sends
	ndots int8   // of the pod's resolver
}

package fault

import (
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/sim"
)

// World is what faults act on: the truth itself, as no component has it.
type World interface {
	Truth() *store.Store
	Network() *network.Network
	ControlPlane() []network.Site // the sites of its machines
	EtcdSites() []network.Site    // the sites of etcd's members, the same unless it has machines of its own
	NodeSite(node uint32) network.Site
	Outside() network.Site  // of whoever sends to the cluster from outside
	Checks() []network.Site // of load balancers' health checks, also outside; none without load balancers
	Machine(node uint32) Machine
	LoseDisk(volume string) // there is nothing behind a PersistentVolume any more, for good
	Registry() Registry
	// SlowStarts has containers of some pods that start from now on start up at a share of
	// their speed, in millionths, until end.
	SlowStarts(of func(*model.Pod) bool, ppm int64) (end func())
	// DelayStarts has containers that start from now on start up later by as much as by says
	// of their pod, until end.
	DelayStarts(by func(*model.Pod) time.Duration) (end func())
	Etcd() Etcd
	Gateway() Gateway
	Webhooks() Webhooks
	DNS() DNS
	Requests() Requests
	Cloud() Cloud // nil if there is none
	Proxy(node string) Process
	FlushProxy(node string) // its rules are gone
	Balancers() []Balancer  // of all Services that traffic from the internet goes to
	// APIServer is the one on a machine of the control plane, numbered like
	// ControlPlane, and Replica that of a component of which one leads; nil if there is
	// no such component.
	APIServer(machine int) APIServer
	Replica(component string, machine int) Replica
	SetClock(machine int, by time.Duration) // of the control plane: sets its wall clock ahead
}

// Cloud is where machines come from. Places are a group and a zone, "" is all.
// What RunOut, Slow and Throttle begin ends with as many calls of Restock, Quicken
// and Unthrottle.
type Cloud interface {
	Terminate(node uint32, why string) bool         // takes a machine away at once, unless it is gone
	Reclaim(node uint32, notice time.Duration) bool // takes it away after the notice
	RunOut(group, zone string)                      // makes no more machines there
	Restock(group, zone string)
	Slow(group, zone string, takes sim.Dist) // new machines take that long
	Quicken(group, zone string, takes sim.Dist)
	Throttle(ppm uint64) // refuses so many of a million calls
	Unthrottle(ppm uint64)
}

// Balancer is a Service's load balancer.
type Balancer interface {
	Spoil(node uint32, fails bool) // its health checks of a node fail, or not any more
}

// Process is a program on a machine. Of one that was stopped nothing acts any
// more, and answers to what it has asked for reach nobody; one that is started
// knows nothing of those before it.
type Process interface {
	Stop()
	Start()
}

// Machine is a node's power and its kubelet, which a hollow node has, too. The
// Director calls PowerOff, PowerOn, Stop and Resume only where they change
// something: PowerOn after PowerOff or ShutDown, PowerOff also while a ShutDown
// goes on, Resume after Stop; but Stop and Resume also while there is no power or
// the machine boots.
type Machine interface {
	PowerOff() // everything on it ends at once, and it no longer answers
	// ShutDown has it go down in an orderly way, which may take a while, and boot again
	// afterwards if it is to, or if PowerOn comes meanwhile.
	ShutDown(again bool)
	PowerOn() // it boots, then answers, and starts a kubelet unless that is stopped
	Stop()    // the kubelet ends, and none starts before Resume; containers go on
	Resume()  // a new kubelet starts, as soon as the machine is up
}

// Host is a machine on which something runs. What it does may be asked for also while
// there is no power or the machine boots, StartRuntime only after StopRuntime.
type Host interface {
	Machine
	// StopRuntime ends the container runtime, and StartRuntime starts it again;
	// containers go on.
	StopRuntime()
	StartRuntime()
	// StopCNI has the plugin fail that gives pods their network and takes it away, and
	// StartCNI has it work again.
	StopCNI()
	StartCNI()
	// CrashContainer ends one container's process with an exit code. It is
	// false if none was running.
	CrashContainer(pod model.Ref, container string, exitCode int32) bool
	// FillDisk has something other than containers write until that share of the
	// disk is used, in millionths, and returns how many bytes that took.
	FillDisk(ppm int64) int64
	FreeDisk(bytes int64) // takes it back
	// FillInodes has something other than containers make files until that share of
	// the inodes is used, in millionths, and returns how many that took.
	FillInodes(ppm int64) int64
	FreeInodes(n int64) // takes it back
	// TakePIDs has processes of the system be there until that share of all there can
	// be is, in millionths, and returns how many that took.
	TakePIDs(ppm int64) int64
	ReturnPIDs(n int64) // takes it back
	SetLink(ppm int64)  // downloads have that share of the machine's connection, in millionths
	// SetOffline has what the machine asks of the registry be lost, or not any more.
	SetOffline(offline bool)
	// SlowDisk has the disk work at a share of its speed, in millionths, until
	// QuickenDisk. Of several the slowest counts.
	SlowDisk(ppm int64)
	QuickenDisk(ppm int64)
	// Burn has something other than containers want so much CPU, in milli-CPU, and
	// TakeMemory use memory until that share of it is used, in millionths, which takes so
	// long if it is not longer by itself. The process that does has an oom_score_adj, and is
	// started again when the kernel has killed it, until ReturnMemory of the number that
	// TakeMemory returns. What goes with the machine's power is gone.
	Burn(milli int64)
	Cool(milli int64) // takes a Burn back
	TakeMemory(ppm int64, over time.Duration, oomScoreAdj int64) int64
	// Creep has the node's agents need more CPU, in milli-CPU, more for each container,
	// and more bytes of memory; negative is less.
	Creep(milli, each, bytes int64)
	ReturnMemory(number int64)
	// Doom has a container exit after each start. Dooms may overlap; each is taken back
	// by a Spare.
	Doom(pod model.Ref, container string, doom model.Doom)
	Spare(pod model.Ref, container string)
	// Stress has others use CPU and memory in a container's cgroup and write into its layer;
	// each is taken back by an Unstress.
	Stress(pod model.Ref, container string, s model.Stress)
	Unstress(pod model.Ref, container string, s model.Stress)
	// HasDisks tells whether volumes that were attached are mounted for a pod.
	HasDisks(pod model.Ref) bool
	// BreakDisk has writing to the disk fail with an error, until MendDisk.
	BreakDisk(errno string)
	MendDisk(errno string)
	// HarmProbes does something to probes of one container or, if it is "", of all; each
	// is taken back by a HealProbes.
	HarmProbes(pod model.Ref, container string, harm model.ProbeHarm)
	HealProbes(pod model.Ref, container string, harm model.ProbeHarm)
	// Hang has a pod's processes answer nobody; each is taken back by an Unhang.
	Hang(pod model.Ref)
	Unhang(pod model.Ref)
	// Stick keeps a pod's volumes mounted when it has ended; each is taken back by an
	// Unstick.
	Stick(pod model.Ref)
	Unstick(pod model.Ref)
}

// Registry is where images come from. A host is that in their names; "" is all hosts that were
// never named.
type Registry interface {
	SetDown(host string, down bool)     // every pull fails
	SetSilent(host string, silent bool) // when it is down: nobody answers, where otherwise somebody refuses
	SetPace(host string, ppm int64)     // downloads go on at that share of their speed, in millionths
	Limit(host string, ppm int64)       // so many of a million pulls are refused, because there were too many
	Unpublish(image string)             // nobody finds that image any more; each is taken back by a Publish
	Publish(image string)
}

// Requests is what pods serve.
type Requests interface {
	Slow(pod uint32, by time.Duration) // they take longer by that; a negative time takes it back
	Hang(pod uint32, hangs bool)       // nobody answers, where otherwise somebody refuses
	Fail(pod uint32, ppm int64)        // so many of a million more are answered with an error; negative takes it back
	// Place is where requests from a pod and to it go in the network, which is nowhere else
	// from then on: a place of its own on its machine. It is false if there is no such node.
	Place(pod model.Ref, name, node string) (network.Site, bool)
	// FillConntrack has something else take a share of a machine's table of connections,
	// and Narrow leaves requests a share of its connection's speed, in millionths.
	FillConntrack(machine network.Site, ppm int64)
	Narrow(machine network.Site, ppm int64)
	// Choke leaves a pod at a place of its own so many bytes a second each way; a negative
	// number takes that back.
	Choke(place network.Site, pod *model.Meta, bytes int64)
}

// DNS is the program behind the DNS Service.
type DNS interface {
	// Harm makes all that be wrong with it, and nothing else.
	Harm(all []DNSHarm)
}

// Webhooks is the programs that API servers ask before they write, by the names
// their configurations give them.
type Webhooks interface {
	// Harm makes one refuse connections, or take so much longer to answer; not
	// down and the zero value is nothing.
	Harm(name string, down bool, slow sim.Dist)
}

package sim

// ActorID is the dense number of an actor, given by Kernel.Register: 0, 1, 2...
type ActorID uint32

// Why is the reason of a wake-up: a small constant of the actor's own package.
type Why uint8

// Event is a wake-up: when, who, why, and about which object. It carries no
// news; whoever is woken looks at what it can see. It has 24 bytes and no
// pointer, so a million of them are nothing to the garbage collector.
type Event struct {
	At    Time
	Who   ActorID
	Why   Why
	About uint64 // what it means is the actor's business, most often an id of its own
}

// Actor is anything that can be woken. Wake may post events and must be done
// when it returns; there are no processes.
type Actor interface {
	Wake(now Time, why Why, about uint64)
}

// Describer is an actor that can put its wake-ups into words, such as "retry pod
// default/web-1". The words appear in errors and traces.
type Describer interface {
	DescribeWake(why Why, about uint64) string
}

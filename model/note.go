package model

import "time"

// Note is a Kubernetes Event about an object: what a component tells people.
type Note struct {
	Object  Ref
	Name    string // the object's Path, valid also if Object is zero
	Warning bool   // type Warning; otherwise Normal
	Reason  string // "FailedScheduling"
	Message string

	// Traffic is what changed if Reason is TrafficChanged, else nil.
	Traffic *Traffic
	// Load is what changed if Reason is ReasonAPILoadChanged, or the level that had
	// no seat if it is TooManyRequests, else nil.
	Load *APILoad
}

// Lost is requests that came to nothing at one instant, in thousandths of a request.
type Lost struct {
	ResetMilli  int64 // the process that had them ended: the connection is closed
	SilentMilli int64 // the machine that had them is gone: no answer comes
	FailedMilli int64 // the endpoint lost what it called for them
}

// All is how many there are.
func (l Lost) All() int64 { return l.ResetMilli + l.SilentMilli + l.FailedMilli }

// ReasonTrafficChanged is the Reason of a note about a Service that carries a
// Traffic.
const ReasonTrafficChanged = "TrafficChanged"

// LookupsOf is how the From of a Traffic begins that looks up a Service's name; its path
// follows, and a space.
const LookupsOf = "lookups of "

// Traffic is what becomes of the requests one source sends to a Service from
// the note's instant until the next note of the same Service and source. Every
// rate is in thousandths of a request per second, and Offered is always the
// sum of the others.
type Traffic struct {
	From               string // as in the scenario: "ingress", "node/n-1", "deployment/web"
	OfferedMilliRPS    int64
	ServedMilliRPS     int64
	NoEndpointMilliRPS int64 // refused at once: the Service has no endpoint
	RefusedMilliRPS    int64 // refused at once: nothing listens at the endpoint
	TimedOutMilliRPS   int64 // no answer: the endpoint is out of reach, or the rules drop it
	OverloadMilliRPS   int64 // more than the endpoint has CPU or workers for
	FailedMilliRPS     int64 // what the endpoint calls for it failed
	UnresolvedMilliRPS int64 // DNS did not tell where to send it

	// Lost is requests that were under way at the note's instant and come to nothing,
	// though they were counted as served when they were sent.
	Lost Lost

	// Of TimedOutMilliRPS: new connections that a node's full conntrack table dropped, and
	// what a node's connection to the network had no room for.
	UntrackedMilliRPS, CongestedMilliRPS int64

	FirstMilliRPS int64 // of Offered, those that are no retries
	// BusyPPM is how much of what they can do the endpoints that requests arrive at are
	// asked for, in millionths, of their CPU or their workers, whichever is scarcer; at
	// most all of it. It is 0 if nothing arrives, or nothing limits them.
	BusyPPM int64

	// Of those that come from nodes, or through them from a load balancer, and are sent to some endpoint, whatever becomes of
	// them: all, those whose endpoint is in the sender's zone, and of these those whose
	// endpoint is on the sender's node.
	InsideMilliRPS, ZoneMilliRPS, NodeMilliRPS int64

	// How long those that are served take at the endpoint: half of them at most P50,
	// 99 of a hundred at most P99. The way there is not in it.
	P50, P99 time.Duration
}

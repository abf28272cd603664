package model

import (
	"bytes"
	"strconv"
	"time"
)

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
	ErrorMilliRPS      int64 // answered with an error, at once
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
	// most all of it. It is 0 if nothing arrives, or nothing limits them, and else at
	// least 1, which is as good as nothing.
	BusyPPM int64

	// Of those that come from nodes, or through them from a load balancer, and are sent to some
	// endpoint, whatever becomes of them: all, those whose endpoint is in the sender's zone, and of
	// these those whose endpoint is on the sender's node.
	InsideMilliRPS, ZoneMilliRPS, NodeMilliRPS int64

	// How long those that are served take at the endpoint: half of them at most P50,
	// 99 of a hundred at most P99. The way there is not in it.
	P50, P99 time.Duration
}

// String is the rates for people: "800 rps from ingress: 533.333 served,
// 266.667 timed out".
func (t *Traffic) String() string { return string(t.Append(make([]byte, 0, 256))) }

// Append appends that to a text.
func (t *Traffic) Append(text []byte) []byte {
	text = appendRate(text, t.OfferedMilliRPS)
	text = append(append(append(text, " rps from "...), t.From...), ": "...)
	text = append(appendRate(text, t.ServedMilliRPS), " served"...)
	for _, lost := range [...]struct {
		milli int64
		what  string
	}{
		{t.NoEndpointMilliRPS, " without an endpoint"},
		{t.RefusedMilliRPS, " refused"},
		{t.ErrorMilliRPS, " answered with an error"},
		{t.TimedOutMilliRPS, " timed out"},
		{t.OverloadMilliRPS, " overloaded"},
		{t.FailedMilliRPS, " failed by what they call"},
		{t.UnresolvedMilliRPS, " found no address"},
	} {
		if lost.milli > 0 {
			text = append(appendRate(append(text, ", "...), lost.milli), lost.what...)
		}
	}
	for _, why := range [...]struct {
		milli int64
		what  string
	}{{t.UntrackedMilliRPS, " of them dropped by a full conntrack table"}, {t.CongestedMilliRPS, " of them for want of bandwidth"}} {
		if why.milli > 0 {
			text = append(appendRate(append(text, ", "...), why.milli), why.what...)
		}
	}
	if n := t.Lost.All(); n > 0 {
		text = append(appendRate(append(text, ", "...), n), " lost that were under way"...)
	}
	if t.P99 > 0 {
		text = append(append(text, ", half within "...), t.P50.String()...)
		text = append(append(text, ", 99 % within "...), t.P99.String()...)
	}
	return text
}

// appendRate prints thousandths without needless zeros: "0.25", "12".
func appendRate(text []byte, milli int64) []byte {
	text = strconv.AppendInt(text, milli/1000, 10)
	rest := milli % 1000
	if rest == 0 {
		return text
	}
	text = append(text, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	return bytes.TrimRight(text, "0")
}

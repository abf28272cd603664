package model

import (
	"strconv"
	"time"
)

// ReasonAPILoadChanged is the Reason of a note about an API server that carries
// an APILoad.
const ReasonAPILoadChanged = "APILoadChanged"

// PriorityLevels is the levels among which API servers share their seats, and the
// two counters that there are without priority and fairness.
var PriorityLevels = []string{
	"catch-all", "exempt", "global-default", "leader-election", "mutating", "node-high", "readonly", "system", "workload-high", "workload-low",
}

// UsualWrite is what a small write takes in an API server with nothing else to do,
// half of them.
const UsualWrite = 8 * time.Millisecond

// UsualLate is what 99 of a hundred of them take at most. Both are estimates, from the
// processor time of a write and etcd's commit on disks that are good enough.
const UsualLate = 30 * time.Millisecond

// APILoad is how one priority level of an API server fares under floods of
// requests, from the note's instant until the next one about the same level.
// Rates are in thousandths of a request per second. Without a level it is how long
// the small requests took that were real, in the minute before the note.
type APILoad struct {
	Level            string
	OfferedMilliRPS  int64
	RejectedMilliRPS int64         // answered 429
	LateMilliRPS     int64         // not done within 60 s
	Full             bool          // requests wait for seats
	Latency          time.Duration // of a small write that has its seat, half of them
	Late             time.Duration // 99 of a hundred of them
}

// Differs tells whether a load is worth a note after another: something began or
// ended, changed by a tenth, or doubled, if it is only what is asked for.
func (l *APILoad) Differs(o *APILoad) bool {
	if l.Level == "" {
		return apart(int64(l.Latency), int64(o.Latency)) || apart(int64(l.Late), int64(o.Late))
	}
	asked := apart(l.OfferedMilliRPS/10, o.OfferedMilliRPS/10) && 2*min(l.OfferedMilliRPS, o.OfferedMilliRPS) <= max(l.OfferedMilliRPS, o.OfferedMilliRPS)
	slower := (o.Latency != 0 || l.OfferedMilliRPS > 0) && apart(int64(l.Latency), int64(o.Latency))
	lost := apart(l.RejectedMilliRPS, o.RejectedMilliRPS) || apart(l.LateMilliRPS, o.LateMilliRPS)
	return l.Full != o.Full || asked || slower || lost
}

func apart(a, b int64) bool { return max(a-b, b-a)*10 > max(a, b) || (a == 0) != (b == 0) }

// String is the load for people.
func (l *APILoad) String() string {
	switch {
	case l.Level != "":
	case l.Late == 0:
		return "small requests are quick again"
	default:
		return "half of the small requests of the last minute took " + l.Latency.Round(time.Millisecond).String() + " at most, 99 of a hundred " + l.Late.Round(time.Millisecond).String()
	}
	rate := func(milli int64) string { return strconv.FormatInt((milli+500)/1000, 10) + "/s" }
	text := l.Level + ": " + rate(l.OfferedMilliRPS) + " asked"
	if l.RejectedMilliRPS > 0 {
		text += ", " + rate(l.RejectedMilliRPS) + " rejected"
	}
	if l.LateMilliRPS > 0 {
		text += ", " + rate(l.LateMilliRPS) + " too late"
	}
	return text + ", a small write takes " + l.Latency.Round(time.Millisecond).String()
}

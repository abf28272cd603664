// Package report says what a run came to. Its one idea: the history is the
// only output of a run, and everything here is a fold over it: what an
// expectation measured and whether it held, the timeline, the state at the
// end, the story of one object, the history file and its digest. It refuses to
// look at anything else; in particular it knows no clock on the wall, so equal
// histories make equal bytes.
//
// # Expectations
//
// An expectation is one line: a metric, a comparison and a value, with its
// unit, and when it is to hold. [ParseExpect] reads it, [Metrics] lists what can
// be measured.
//
//	availability(service/checkout) >= 99.9%
//	time_to_recover(deployment/web) <= 5m
//	pod_start_seconds.p99() <= 20s
//	always(unavailable(deployment/web) <= 1)
//	never(pods_pending() > 5)
//	reached(evictions() >= 1)
//	converged() within 10m after faults
//	eventually(converged()) within 15m after fault/zone-b
//	at 12m: ready(deployment/web) >= 3
//	during fault/zone-b: ready(deployment/web) >= 2
//	between 5m and fault/zone-b.end + 10m: availability(service/checkout) >= 95%
//	after faults: restarts() == 0
//
// The grammar:
//
//	promise    = [ window ":" ] claim [ "within" duration [ "after" moment ] ]
//	window     = "at" moment | "between" moment "and" moment
//	           | "during" fault | "after" moment | "before" moment
//	moment     = duration | fault [ ".start" | ".end" ] [ "+" duration ]
//	fault      = "fault/" ID | "faults"
//	claim      = rule | ( "always" | "never" | "eventually" | "reached" ) "(" rule ")"
//	rule       = METRIC [ "." pick ] [ "(" [ argument { "," argument } ] ")" ] [ comparison value ]
//	pick       = "max" | "min" | "p50" | "p90" | "p95" | "p99"
//	argument   = [ NAMESPACE "/" ] KIND "/" NAME | "namespace/" NAME | REASON | CAUSE | STATUS | "target=" percentage
//	comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
//	value      = whole number | percentage | duration | rate ("300rps") | multiple ("1.5x")
//	           | CPU ("850m") | memory ("512Mi"), as the metric's unit asks
//
// What has no value keeps no promise, whatever the comparison: the time that requests
// take while none is served, or a window in which there is nothing to measure.
//
// "faults" is all of them, from the first start to the last end; after a fault
// that lasts to the end of the run is after its start. A Deployment is complete
// if as many of its pods as it wants are of its newest template and available
// (Ready for minReadySeconds), and there are no others. A metric that is yes or
// no, such as converged, is not compared.
//
// What a metric is decides what a rule means over its window. Values are exact
// at every instant; nothing is sampled, and an instant has the value it ends
// with.
//
//	level      a number at every moment. A plain rule has to hold throughout the
//	           window, like always(...). With "within" it has to hold from some
//	           moment of the window to its end.
//	count      how often something happened in the window.
//	share      a part of a flow, or of what there is. A plain rule is about the whole
//	           window: all that was served of all that was sent, or the mean over
//	           time. always(...) is about every moment.
//	durations  how long each of several things took that began in the window. A
//	           plain rule is about the longest, or the pick; always(...) etc. are
//	           about each. What never came is longer than any limit.
//
// A window has both of its ends: what is between 1m and 5m is also what a fault that is over at
// 5m leaves. Without a window a promise is about the whole run. A promise that a level or
// a share is always, never or plainly so begins, unless it says when, at the
// moment at which the cluster had converged for the first time (or the first
// fault started, if that was earlier), because every Deployment begins with
// nothing. A rule that finds nothing to measure does not hold: "no samples".
//
// What cannot be is a mistake before the run: a REASON that no component gives, a STATUS that
// kubectl prints of no pod ([ParseExpect]), and a window that begins after the run or after its own end
// ([Expect.CheckWindow]).
//
// # The history file
//
// [WriteHistory] writes NDJSON: one record a line, in the order in which they
// became true, keys sorted; that a container was started is as many lines as Kubernetes
// has Events for it. A change:
//
//	{"by":"kubelet/n-0","changes":{"status.phase":["Pending","Running"]},"kind":"Pod","name":"web-1","namespace":"default","rev":7,"t":1500000000,"verb":"updated"}
//
// by is who wrote it, changes maps each changed field (Kubernetes' path, as
// [model.Diff] gives it) to its old and new value as text, rev is the revision
// the commit made, t the virtual time in nanoseconds, verb one of created,
// updated, deleted. A note (a Kubernetes Event, or what a fault or traffic has
// to say) has the verb noted and no revision:
//
//	{"by":"scheduler","kind":"Pod","message":"0/5 nodes are available","name":"web-1","namespace":"default","reason":"FailedScheduling","t":1500000000,"verb":"noted","warning":true}
//
// A note about a container has a fieldPath, too, such as spec.containers{main}.
//
// A note with reason TrafficChanged also has traffic: from, and offeredMilliRPS,
// failedMilliRPS, overloadMilliRPS, refusedMilliRPS, servedMilliRPS, timedOutMilliRPS and
// unresolvedMilliRPS in thousandths of a request per second, errorMilliRPS, and of timedOutMilliRPS
// congestedMilliRPS and untrackedMilliRPS, if there are any, p50 and p99 in nanoseconds; one with
// reason APILoadChanged has load: full, lateMilliRPS, level, offeredMilliRPS, rejectedMilliRPS
// and smallWriteNanos; one with reason TooManyRequests has a load, too, of which only the level
// counts; one with reason ThrottlingChanged has throttling: container, milliCPU and periodsPPM; one with
// reason UsageChanged has usage: memoryBytes, memoryGrowth (bytes a second) and milliCPU.
// One after which the clients of API servers fare otherwise says how: clients, answered or
// unanswered. Control, bidirectional and zero-width characters are escaped. Fields may be added;
// none of these is renamed.
//
// The digest of a run is the SHA-256 of these lines as [sim.Digest] frames them.
//
// # To add a metric
//
// Write a file with its instrument and add its line to the table in
// registry.go. See metric_share.go for a small one.
package report

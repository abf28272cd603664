package workload

import (
	"orrery/model"
	"orrery/model/network"
)

// load is how busy one direction of a machine's connection is.
type load struct {
	used int64 // thousandths; 1000 is all of it
	lost int64 // of a million bytes that want to go there is no room for
}

// lostStep is that of what is lost.
const lostStep = million / 1000

// busy is the load of a direction that so many bytes a second want to go, in steps: a
// step more, and those who send there are computed anew.
func busy(bytes, speed int64) load {
	if bytes <= 0 || speed <= 0 {
		return load{}
	}
	if bytes >= speed {
		return load{used: 1000, lost: inSteps(million - product(speed, million, bytes))}
	}
	used := product(bytes, 1000, speed)
	step := int64(125) // an eighth
	if used >= 500 {
		step = 1000 / 32
	}
	return load{used: used/step*step + step/2}
}

// swing is what a machine loses, as that turned last in an instant, and what followed from it.
type swing struct{ lost, next int64 }

// meet is what is lost where it was something else and now something follows. What is lost
// is not answered, so the more a machine loses the less, or with retries the more, wants to
// go there, and it would be full and empty in turn or creep for ever: from the second time
// in an instant on it goes as far as the two times before would meet (the secant method),
// and at most so many times as far as it would go by itself, in millionths.
func (s *swing) meet(was, now, most int64, again bool) int64 {
	part, more, fewer := int64(million), was-s.lost, s.next-now
	if meets := more + fewer; again && more != 0 && (more > 0) == (meets > 0) && meets != 0 {
		part = min(most, product(max(more, -more), million, max(meets, -meets)))
	}
	*s = swing{was, now}
	return was + (now-was)*part/million
}

// after is a load that was another one before.
func (l load) after(was load, s *swing, again bool) load {
	if lost := s.meet(was.lost, l.lost, million, again); lost > 0 {
		return load{used: 1000, lost: inSteps(min(lost, million))}
	}
	return l
}

// inSteps is what is lost, in steps, of which the last are as much finer as less is left. A step too
// many and not too few, so that a connection never carries more than it can.
func inSteps(lost int64) int64 {
	left, step := million-lost, int64(lostStep)
	for step > 1 && left < 100*step {
		step /= 10
	}
	return million - left/step*step
}

// takes is how long a message of so many bytes takes on a connection of that load. All
// that is under way, of the same size, shares it evenly: a queue like M/D/1 with processor
// sharing. A message takes no less than alone, and on the average 1/(1-ρ) of that; its variance
// is (1-(1-ρ)·2(e^ρ-1-ρ)/ρ²)/(1-ρ)² of that squared (Yashkov, "A derivation of response time
// distribution for a M/G/1 processor-sharing queue", 1983: 2/(1-ρ)²·∫(1-W(x))(D-x)dx from 0 to
// D, with W(x) = (1-ρ)e^(λx) there). Where more wants to go than can, a message takes its time
// as often as requests wait for a pod that is overloaded.
func (l load) takes(bytes, speed int64) timing {
	if bytes == 0 || speed == 0 {
		return timing{}
	}
	each := min(product(bytes, million, speed), longest)
	if l.used >= 1000 {
		most := min(each*model.Backlog, longest)
		return spread(0, most, product(most, each, 1))
	}
	mean := min(product(each, 1000, 1000-l.used), longest)
	varies := int64(million)
	for n := int64(8); n > 2; n-- { // Horner's scheme for 2(e^ρ-1-ρ)/ρ², to 1 in 10,000
		varies = million + varies*l.used/(n*1000)
	}
	varies = million - varies*(1000-l.used)/1000
	return spread(each, mean-each, product(mean*mean, varies, million))
}

// condition is what a machine's kernel and its connection do to requests.
//
//tidy:key a map's
type condition struct {
	dropped int64 // of a million new connections: conntrack's table is full
	speed   int64 // bytes a second, each way; 0 if nobody asks for it
	out, in load
}

// way is what machines do to messages that go from one to another: how long they take on
// the slower of the two connections, and how many of a million arrive.
func (c *condition) way(to *condition, bytes int64) (takes timing, arrive int64) {
	takes = c.out.takes(bytes, c.speed)
	if other := to.in.takes(bytes, to.speed); other.mean() > takes.mean() {
		takes = other
	}
	return takes, product(million-c.out.lost, million-to.in.lost, million)
}

// stop is a connection that messages pass, of a machine or a pod's lane.
type stop struct {
	is    condition
	wants bytes // of it, of a request and its answer, in thousandths
}

// stops is all that a request and its answer may pass.
type stops struct {
	at       [ends]stop
	balanced bool // they come from outside, through the first machine
	far      bool // the machines are two
}

// end is one of those.
type end uint8

const (
	outside end = iota // of all limits
	from               // the machine that sends, or that a load balancer's requests come through
	to                 // the endpoint's
	lane               // of the pod that sends
	own                // the endpoint's lane
	ends               // how many there are
)

// hop is a message that goes out over one connection and in over another.
type hop struct {
	out, in end
	bytes   int64
}

// mostHops is how many a request and its answer make together.
const mostHops = 8

// stops is those of a flow between two sites. What a pod sends to itself passes none of its lane.
func (t *Flows) stops(f *flow, a, b network.Site) (x stops) {
	x.balanced, x.far = f.balanced, t.net.Host(a) != t.net.Host(b)
	x.at[from].is, x.at[to].is = t.wire(a).is, t.wire(b).is
	if l := t.lane(a); l != nil && a != b {
		x.at[lane].is = l.is
	}
	if l := t.lane(b); l != nil && a != b {
		x.at[own].is = l.is
	}
	return x
}

// path is the way of a request and its answer, as far as they are of any size. Who comes through
// a load balancer comes in over the connection of the machine it chose, and if the endpoint is on
// another one out over it again; the answer goes back the same way, as that machine put its own
// address into the request (pkg/proxy/iptables/proxier.go: KUBE-MARK-MASQ). With
// externalTrafficPolicy Local it does not, but there the endpoint is on the machine itself.
func (x *stops) path(hops []hop, request, answer int64) []hop {
	way := [mostHops / 2]hop{{out: lane}}
	n := 1
	if x.balanced {
		way[n], n = hop{in: from}, n+1
	}
	if x.far {
		way[n], n = hop{out: from, in: to}, n+1
	}
	way[n], n = hop{in: own}, n+1
	for k := 0; k < n && request > 0; k++ {
		hops = append(hops, hop{way[k].out, way[k].in, request})
	}
	for k := n - 1; k >= 0 && answer > 0; k-- {
		hops = append(hops, hop{way[k].in, way[k].out, answer})
	}
	return hops
}

// load adds up what a request and its answer want of each connection, of which so many of a million
// are sent: what was lost before wants to go no further, and is still wanted of where it is lost.
func (x *stops) load(request, answer, left int64) {
	var room [mostHops]hop
	for _, h := range x.path(room[:0], request, answer) {
		a, b := &x.at[h.out], &x.at[h.in]
		a.wants.out += product(h.bytes, left, 1000)
		left = product(left, million-a.is.out.lost, million)
		b.wants.in += product(h.bytes, left, 1000)
		left = product(left, million-b.is.in.lost, million)
	}
}

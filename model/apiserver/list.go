package apiserver

import (
	"slices"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// What a LIST costs: the processor time of the request, and of each object in the
// answer. As JSON that is 20 to 50 us, an estimate of which this is the middle; the
// components of the control plane and the kubelets use protobuf, which takes a third.
const (
	listCost       = time.Millisecond
	objectCost     = 35 * time.Microsecond
	objectCostPart = 3
)

// rangeBytesPerSecond is how fast a range comes out of etcd: both ends copy and
// encode it. It is an estimate.
const rangeBytesPerSecond = 100 << 20

// What a LIST keeps of its server's memory until it is answered, in quarters of
// the bytes of the answer. What is read from etcd and encoded as a whole takes five
// times the answer (KEP-3157 "Motivation"). Out of the watch cache the objects are
// there already; encoded one by one it takes a twentieth of that (KEP-5116: 3 GB
// instead of 70 to 80), and as a whole the answer and a copy of it, an estimate.
const (
	holdsRange    = 5 * 4
	holdsWhole    = 2 * 4
	holdsStreamed = 1
)

// requestTime is how long a server works on a request (--request-timeout).
const requestTime = 60 * time.Second

// A small request needs the processor several times: when its bytes come, when it
// has been read, when etcd answers, when the answer goes out. Each time it stands
// behind those lists that can run, of which each keeps a processor for 10 ms
// (runtime/proc.go forcePreemptNS). The number of turns is an estimate.
const (
	turns     = 4
	timeSlice = 10 * time.Millisecond
)

// askList takes in a LIST. One of what is true now asks etcd how far that is, and
// is answered out of the watch cache (KEP-2340), or reads all of it from etcd.
func (a *Server) askList(now sim.Time, slot uint64, r *store.Request) {
	if r.List.Latest && !a.ListsFromEtcd {
		a.etcd.read(a, now, slot)
		return
	}
	a.list(slot, r)
}

// list answers a LIST, one of many that share the processors.
func (a *Server) list(slot uint64, r *store.Request) {
	now, objects := a.kernel.Now(), r.List.Objects
	if objects == 0 {
		objects = a.store.Existing(r.List.Kind)
	}
	bytes, from := objects*r.List.ObjectBytes, now
	if r.List.Latest && a.ListsFromEtcd {
		from = now.Add(rangeTime(bytes))
	}
	if r.Holds = bytes * a.holds(r.List.Latest) / 4; !a.take(now, r.Holds) {
		return
	}
	a.listing++
	done, late := a.labour(from, objects, objectCost), now.Add(requestTime)
	if done > late {
		a.kernel.Post(late, a.self, whyLate, a.about(slot))
		return
	}
	a.kernel.Post(done, a.self, whyListed, a.about(slot))
}

// holds is what a LIST keeps of memory, in quarters of its answer.
func (a *Server) holds(latest bool) int64 {
	switch {
	case latest && a.ListsFromEtcd:
		return holdsRange
	case a.EncodesWhole:
		return holdsWhole
	}
	return holdsStreamed
}

// rangeTime is how long it takes to read so many bytes from etcd.
func rangeTime(bytes int64) time.Duration {
	return time.Duration(bytes * int64(time.Second) / rangeBytesPerSecond)
}

// listed is the end of a LIST.
func (a *Server) listed(slot uint64, refusal store.Refusal) {
	a.listing--
	a.giveBack(a.store.Request(slot).Holds)
	a.finish(slot, refusal, nil)
}

// Stream implements store.Lister: what is sent as it is encoded takes no memory
// that counts (KEP-3157).
func (a *Server) Stream(at sim.Time, objects int64) sim.Time {
	return a.labour(at, objects, objectCost/objectCostPart)
}

// Prompt implements store.Lister. Beside a flood, or with a latency of its own, a server
// is not: what that adds is drawn for each request.
func (a *Server) Prompt(now sim.Time, late time.Duration) bool {
	if a.state != ready || len(a.floods) > 0 || !a.slow.IsZero() {
		return false
	}
	for i := range a.fair.levels {
		if a.fair.levels[i].waiting > 0 {
			return false
		}
	}
	return slices.Min(a.freeAt).Sub(now)+a.crowd(lateCost) <= late
}

// labour is when the processors are done with a list: the one that is free first
// takes it.
func (a *Server) labour(from sim.Time, objects int64, each time.Duration) sim.Time {
	i := slices.Index(a.listAt, slices.Min(a.listAt))
	a.listAt[i] = max(from, a.listAt[i]).Add(listCost + time.Duration(objects)*each)
	return a.listAt[i].Add(a.latency(from))
}

// crowd is how much longer a small request takes that needs the processor for d,
// beside the lists that are under way.
func (a *Server) crowd(d time.Duration) time.Duration {
	cores := len(a.listAt)
	if a.listing <= cores {
		return 0
	}
	return (d + turns*timeSlice) * time.Duration(a.listing-cores) / time.Duration(cores)
}

// fill is when a new process has read everything from etcd into its watch cache:
// each kind's objects are decoded one after the other, and all kinds at the same
// time.
func (a *Server) fill(now sim.Time) sim.Time {
	most, all := int64(0), int64(0)
	for kind := range model.Kinds {
		n := a.store.Existing(kind)
		most, all = max(most, n), all+n
	}
	bytes := all * storedBytes
	return now.Add(rangeTime(bytes) + time.Duration(most)*objectCost/objectCostPart)
}

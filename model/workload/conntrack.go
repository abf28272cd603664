package workload

import (
	"time"

	"orrery/sim"
)

// Conntrack is how large a node's table of connections is, by its cores.
type Conntrack struct{ MaxPerCore, Min int64 }

// DefaultConntrack is kube-proxy's (pkg/proxy/apis/config/v1alpha1/defaults.go: 32 * 1024
// for each core, at least 128 * 1024).
var DefaultConntrack = Conntrack{MaxPerCore: 32_768, Min: 131_072}

// Size is nf_conntrack_max as kube-proxy sets it (cmd/kube-proxy/app/server_linux.go
// getConntrackMax).
func (c *Conntrack) Size(cores int64) int64 { return max(c.MaxPerCore*cores, c.Min) }

// How long the kernel remembers a connection that is over: nf_conntrack_tcp_timeout_time_wait,
// the same as for one that nobody answers, and nf_conntrack_udp_timeout. kube-proxy leaves both
// alone.
const (
	closedFor = 120 * time.Second
	unheardOf = 30 * time.Second
)

// table is a node's connections as its kernel counts them: nf_conntrack's entries. What
// there are now is what was wanted on the average of the last two minutes, since an entry
// lasts about as long; those of UDP are taken to, too. A table that is full takes as many
// new connections as old ones are forgotten: by their rate, and not in waves of two minutes,
// and so one that will have room for all by then drops none.
// Entries of closed connections are not given up before their time.
type table struct {
	size   int64     // entries
	taken  int64     // of a million entries: by something else
	wanted int64     // entries there will be if all goes on like this, in thousandths (Little's law)
	past   []stretch // what was wanted, oldest first
	full   bool
	wakeAt sim.Time // it is looked at then, because it will be full
}

// stretch is what was wanted from a time on.
type stretch struct {
	at     sim.Time
	wanted int64
}

// room is for how many entries there is any, in thousandths.
func (b *table) room() int64 { return product(b.size*1000, million-b.taken, million) }

// look brings the table up to now, and tells when it is going to be full; Never if it is
// not.
func (b *table) look(now sim.Time) sim.Time {
	room := b.room()
	if b.wanted <= room {
		b.full = false
		b.remember(now)
		return sim.Never
	}
	if b.full {
		b.refill(now, room)
		return sim.Never
	}
	b.remember(now)
	if at := b.fullAt(now, room); at > now.Add(time.Millisecond) { // sooner is rounded
		return at
	}
	b.full = true
	b.refill(now, room)
	return sim.Never
}

// remember adds what is wanted from now on, and forgets what no entry is left of.
func (b *table) remember(now sim.Time) {
	if n := len(b.past); n == 0 || b.past[n-1].wanted != b.wanted {
		if n > 0 && b.past[n-1].at == now {
			b.past = b.past[:n-1]
		}
		b.past = append(b.past, stretch{now, b.wanted})
	}
	gone := 0
	for gone+1 < len(b.past) && b.past[gone+1].at.Add(closedFor) <= now {
		gone++
	}
	b.past = append(b.past[:0], b.past[gone:]...)
}

// refill is a table that has long been full.
func (b *table) refill(now sim.Time, room int64) {
	b.past = append(b.past[:0], stretch{now.Add(-closedFor), room})
}

// fullAt is when there will be as many entries as there is room for, if what is wanted
// stays. What was wanted before the first stretch is nothing.
func (b *table) fullAt(now sim.Time, room int64) sim.Time {
	begin, entries := now.Add(-closedFor), int64(0)
	for i := range b.past {
		from, to := max(b.past[i].at, begin), now
		if i+1 < len(b.past) {
			to = b.past[i+1].at
		}
		if to > from {
			entries += product(b.past[i].wanted, int64(to-from), int64(closedFor))
		}
	}
	before, at := int64(0), now
	for i := 0; i <= len(b.past) && entries < room; i++ {
		leaves := sim.Never // this stretch, the one before the first included
		if i < len(b.past) {
			leaves = b.past[i].at.Add(closedFor)
		}
		if more := b.wanted - before; more > 0 && leaves > at {
			need := sim.Time(product(room-entries, int64(closedFor), more)) + 1
			if leaves == sim.Never || need <= leaves-at {
				return at + need
			}
		}
		if leaves > at && leaves < sim.Never {
			if more := b.wanted - before; more >= 0 {
				entries += product(more, int64(leaves-at), int64(closedFor))
			} else {
				entries -= product(-more, int64(leaves-at), int64(closedFor))
			}
			at = leaves
		}
		if i < len(b.past) {
			before = b.past[i].wanted
		}
	}
	return at
}

// drops is how many new connections of a million a full table drops.
func (b *table) drops() int64 {
	if !b.full {
		return 0
	}
	return million - product(b.room(), million, b.wanted)
}

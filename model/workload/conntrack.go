package workload

import (
	"fmt"
	"math"
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

// How long the kernel remembers a connection that is over, nf_conntrack_tcp_timeout_time_wait,
// and a question of UDP and its answer, nf_conntrack_udp_timeout. kube-proxy leaves both alone.
const (
	closedFor = 120 * time.Second
	unheardOf = 30 * time.Second
)

// entryKind is what an entry is of.
type entryKind uint8

const (
	closing    entryKind = iota // a connection for one request, and closedFor longer
	staying                     // one that is kept
	brief                       // a question of UDP and its answer
	entryKinds                  // how many there are
)

// table is a node's connections as its kernel counts them: nf_conntrack's entries. A
// connection that closes stays for as long as a request takes and closedFor longer, and what
// is let in leaves after closedFor, so a burst that has filled a table keeps it full until
// then, and one that lasts longer comes in waves: it is let in, then nothing is until the
// first of it leaves, and so on.
//
// An entry is given up for a new connection if it is not assured (net/netfilter/
// nf_conntrack_core.c, early_drop): one of UDP is not until it is two seconds old and
// answered (nf_conntrack_proto_udp.c); one of TCP is once it is established, also while it
// closes. So those of UDP take no room that anything else needs, and are kept by the
// kernel only as far as it goes. Of those that close the kernel's garbage collector gives up
// some, too (gc_worker: 64000/HZ each time, hardly more than once a minute), which is nothing
// beside the thousands a second that fill a table, and is not modeled.
type table struct {
	size   int64             // entries
	taken  int64             // of a million entries: by something else, assured
	wanted [entryKinds]int64 // there will be if all are let in (Little's law), in thousandths
	past   []stretch         // of those that close: what was let in, oldest first, and is now
	full   bool              // not all of these are
	fullAt sim.Time          // when it was last seen full
	nextAt sim.Time          // that changes then, as things are in this instant
	wakeAt sim.Time          // it is looked at then
}

// stretch is what is let in from a time on, in thousandths of entries that there are if
// that lasts for closedFor.
type stretch struct {
	at   sim.Time
	lets int64
}

// Stretches are told apart that are longer than toldApart, or than a part of the time for which
// nothing has come from outside: neighbours that are both shorter become one, and those that
// differ by less than a part of the room. So waves that nothing keeps up melt within an hour or
// two, and then a table lets in evenly as much as leaves, and nothing is computed. With a kernel
// they melt more slowly, in half a day: it forgets an entry that is over when it next comes by
// its bucket (____nf_conntrack_find, early_drop_list), a few seconds late.
const (
	toldApart = 5 * time.Second
	melts     = 30
	blurs     = 100
)

// A table that was full less than brimful ago, or less than an eighth of what is told apart, is full
// still if it would be again that soon. Who is dropped does not come to the queues behind it, so they
// become shorter, fewer try again, and there is room until the queues are as long as before: else
// both would chase each other a hundred times a second.
const brimful = time.Second

// scanned is how many entries early_drop looks at for one to give up: NF_CT_EVICTION_RANGE
// (8) buckets, of which there are a quarter as many as entries (cmd/kube-proxy/app/
// conntrack.go SetMax) and each entry is in two.
const scanned = 64

// room is for how many entries that close there is any, in thousandths.
func (b *table) room() int64 {
	return max(0, product(b.size*1000, million-b.taken, million)-b.wanted[staying])
}

// look brings the table up to now, and finds when to look again if nothing else happens.
// Stretches are told apart that are so long.
func (b *table) look(now sim.Time, apart time.Duration) {
	room := b.room()
	b.forget(now)
	lets, next := b.wanted[closing], b.fillsAt(now, room)
	near := time.Millisecond // sooner is rounded
	if brim := max(brimful, apart/levels); b.full || b.fullAt > 0 && now.Sub(b.fullAt) < brim {
		near = brim // who was dropped comes again as soon as nobody is
	}
	if b.full = next <= now.Add(near); b.full {
		b.fullAt = now
		lets, next = b.trickle(now, room)
	}
	b.remember(now, lets, apart)
	b.nextAt = next
}

// forget drops what no entry is left of.
func (b *table) forget(now sim.Time) {
	gone := 0
	for gone+1 < len(b.past) && b.past[gone+1].at.Add(closedFor) <= now {
		gone++
	}
	b.past = append(b.past[:0], b.past[gone:]...)
}

// remember notes what is let in from now on.
func (b *table) remember(now sim.Time, lets int64, apart time.Duration) {
	n := len(b.past)
	again := n > 0 && b.past[n-1].at == now
	if again {
		n--
	}
	b.past = b.past[:n]
	if n > 0 && b.past[n-1].lets == lets {
		return
	}
	if n > 1 && !again {
		b.join(&b.past[n-2], &b.past[n-1], now, apart)
	}
	b.past = append(b.past, stretch{now, lets})
}

// join makes one of two stretches that are over now, if both are short or nearly the same.
// What has left of the first does not count.
func (b *table) join(x, y *stretch, now sim.Time, apart time.Duration) {
	first, second := y.at.Sub(max(x.at, now.Add(-closedFor))), now.Sub(y.at)
	if off := max(x.lets-y.lets, y.lets-x.lets); first > 0 && (max(first, second) < apart || off < b.room()/blurs) {
		x.lets = product(x.lets, int64(first), int64(first+second)) + product(y.lets, int64(second), int64(first+second))
		b.past = b.past[:len(b.past)-1]
	}
}

// has is how many entries there are of connections that close.
func (b *table) has(now sim.Time) (sum int64) {
	begin := now.Add(-closedFor)
	for i := range b.past {
		from, to := max(b.past[i].at, begin), now
		if i+1 < len(b.past) {
			to = b.past[i+1].at
		}
		if to > from {
			sum += product(b.past[i].lets, int64(to-from), int64(closedFor))
		}
	}
	return sum
}

// leaves is what leaves from now on, which was let in closedFor ago, and until when; of
// the next stretches the one of number n.
func (b *table) leaves(now sim.Time, n int) (out int64, until sim.Time) {
	for i := range b.past {
		if at := b.past[i].at.Add(closedFor); at > now {
			if n == 0 {
				return out, at
			}
			n--
		}
		out = b.past[i].lets
	}
	if n == 0 {
		return out, now.Add(closedFor)
	}
	return 0, sim.Never
}

// rests tells whether as much has left for closedFor, and will, as is let in.
func (b *table) rests(now sim.Time, lets int64) bool {
	return len(b.past) == 1 && b.past[0].lets == lets && b.past[0].at.Add(closedFor) <= now
}

// fillsAt is when there will be more entries than there is room for if all are let in.
func (b *table) fillsAt(now sim.Time, room int64) sim.Time {
	has, at := b.has(now), now
	if room == 0 || has > room+1000 {
		return now
	}
	for n := 0; ; n++ {
		out, until := b.leaves(now, n)
		if until == sim.Never {
			return sim.Never
		}
		more := b.wanted[closing] - out
		if need := sim.Time(0); more > 0 {
			if has < room {
				need = takes(room-has, more)
			}
			if need < until-at {
				return at + need
			}
		}
		has += grows(more, until-at)
		at = until
	}
}

// takes is after what time so many entries more, or fewer, are one too many, or enough, if so
// many come, or leave, in closedFor.
func takes(entries, change int64) sim.Time {
	return sim.Time(min(product(entries, int64(closedFor), change), math.MaxInt64-1)) + 1
}

// grows is how many more entries there are after some time, or fewer, if more are let in than
// leave, or fewer.
func grows(more int64, after sim.Time) int64 {
	if more < 0 {
		return -product(-more, int64(after), int64(closedFor))
	}
	return product(more, int64(after), int64(closedFor))
}

// trickle is what a full table lets in: as much as leaves, or nothing while there are more
// entries than there is room for; and until when.
func (b *table) trickle(now sim.Time, room int64) (lets int64, until sim.Time) {
	has, at := b.has(now), now
	if has <= room+1000 && room > 0 {
		out, until := b.leaves(now, 0)
		if lets = min(out, b.wanted[closing]); b.rests(now, lets) {
			until = sim.Never
		}
		return lets, until
	}
	for n := 0; has > room; n++ {
		out, until := b.leaves(now, n)
		if until == sim.Never {
			return 0, sim.Never
		}
		if out > 0 {
			if need := takes(has-room, out); need < until-at {
				return 0, at + need
			}
		}
		has += grows(-out, until-at)
		at = until
	}
	return 0, sim.Never
}

// complaint says that the table is full. Traffic that would fit by itself does not where
// entries of what came before are left.
func (b *table) complaint() string {
	said := fmt.Sprintf("nf_conntrack: table full, dropping packet: room for %d entries", b.room()/1000)
	if b.wanted[closing] <= b.room() {
		return said + ", which are taken by connections that closed in the last two minutes"
	}
	return said + fmt.Sprintf(", %d would be needed", b.wanted[closing]/1000)
}

// drops is how many new connections of a million the table drops.
func (b *table) drops() int64 {
	switch wants, lets := b.wanted[closing], int64(0); {
	case !b.full:
		return b.crowded()
	case len(b.past) > 0:
		if lets = b.past[len(b.past)-1].lets; wants > 0 {
			return max(b.crowded(), million-product(lets, million, wants))
		}
	}
	return million
}

// crowded is how many find neither a free entry nor one to give up, because there are few
// that are not assured.
func (b *table) crowded() int64 {
	room, wants := b.room(), b.wanted[closing]+b.wanted[brief]
	if b.wanted[brief] == 0 || wants <= room {
		return 0
	}
	assured := million - product(room, 1000, b.size)
	if assured < million/2 {
		return 0 // it is certain that one is found
	}
	misses := assured
	for n := 1; n < scanned; n *= 2 {
		misses = misses * misses / million
	}
	return product(misses, wants-room, wants)
}

package sim

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHold measures the queue alone: with n events pending, hand out the
// earliest and post another one. The increments come from a table, so that
// drawing them costs next to nothing.
func BenchmarkHold(b *testing.B) {
	for _, inc := range increments[2:7] {
		table := drawTable(inc.next)
		for _, n := range []int{1e2, 1e3, 1e4, 1e5, 1e6} {
			b.Run(fmt.Sprintf("%s/n=%.0e", inc.name, float64(n)), func(b *testing.B) {
				var q queue
				for i := range n {
					q.push(Event{At: Time(table[i%len(table)])})
				}
				hold(&q, table, n)
				b.ReportAllocs()
				b.ResetTimer()
				hold(&q, table, b.N)
			})
		}
	}
}

// BenchmarkHoldPlainHeap is the slow twin at the same work, for comparison.
func BenchmarkHoldPlainHeap(b *testing.B) {
	for _, inc := range increments[2:7] {
		table := drawTable(inc.next)
		b.Run(inc.name+"/n=1e+05", func(b *testing.B) {
			var q plainQueue
			for i := range int(1e5) {
				q.push(Event{At: Time(table[i%tableSize])})
			}
			b.ReportAllocs()
			for i := range b.N {
				e, _ := q.pop(Never)
				e.At += Time(table[i%tableSize])
				q.push(e)
			}
		})
	}
}

func hold(q *queue, table []time.Duration, times int) {
	for i := range times {
		e, _ := q.pop(Never)
		e.At += Time(table[i%tableSize])
		q.push(e)
	}
}

const tableSize = 8191 // prime, so that no pattern of the queue follows it

func drawTable(next func(*Stream) time.Duration) []time.Duration {
	s := NewLuck(1).Stream("increments")
	table := make([]time.Duration, tableSize)
	for i := range table {
		table[i] = next(&s)
	}
	return table
}

// repeater is woken, counts in a row of its own, and asks to be woken again.
type repeater struct {
	k     *Kernel
	id    ActorID
	table []time.Duration
	rows  []uint64
	turn  int
}

func (r *repeater) Wake(now Time, why Why, about uint64) {
	r.rows[about]++
	r.turn++
	r.k.Post(now+Time(r.table[r.turn%tableSize]), r.id, why, about)
}

// newRepeaters returns a kernel with some actors and n events pending.
func newRepeaters(n, actors int, next func(*Stream) time.Duration) *Kernel {
	k := New(Config{Seed: 1})
	table := drawTable(next)
	for a := range actors {
		r := &repeater{k: k, table: table, rows: make([]uint64, (n+actors-1)/actors), turn: a * 17}
		r.id = k.Register(fmt.Sprintf("repeater/%d", a), r)
	}
	for i := range n {
		k.Post(Time(table[i%tableSize]), ActorID(i%actors), 0, uint64(i/actors))
	}
	return k
}

// BenchmarkDispatch measures a whole event: hand it out, find the actor, call
// it, and the actor posts again. A hundred actors share 10^5 pending events.
func BenchmarkDispatch(b *testing.B) {
	for _, n := range []int{1e3, 1e5, 1e6} {
		b.Run(fmt.Sprintf("kube/n=%.0e", float64(n)), func(b *testing.B) {
			k := newRepeaters(n, 100, kubeMix)
			k.dispatchSome(n)
			b.ReportAllocs()
			b.ResetTimer()
			k.dispatchSome(b.N)
		})
	}
}

// dispatchSome runs a number of events by way of the budget.
func (k *Kernel) dispatchSome(n int) {
	k.limits.Events = k.events + uint64(n)
	k.plan()
	k.Run(Never)
}

func TestTheLoopDoesNotAllocate(t *testing.T) {
	k := newRepeaters(5000, 10, kubeMix)
	k.dispatchSome(100_000)
	k.limits.Events = DefaultEvents
	k.plan()
	if n := testing.AllocsPerRun(50, func() { k.Run(k.Now().Add(100 * time.Millisecond)) }); n != 0 {
		t.Fatalf("%v allocations in 100 ms of virtual time", n)
	}
}

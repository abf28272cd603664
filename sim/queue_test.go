package sim

import (
	"fmt"
	"testing"
	"time"
)

// plainQueue is the slow twin of queue: a binary heap ordered by time and by the
// number of the push.
type plainQueue struct {
	heap   []numbered
	pushes uint64
}

type numbered struct {
	Event
	number uint64
}

func (p *plainQueue) before(i, j int) bool {
	a, b := p.heap[i], p.heap[j]
	return a.At < b.At || a.At == b.At && a.number < b.number
}

func (p *plainQueue) swap(i, j int) { p.heap[i], p.heap[j] = p.heap[j], p.heap[i] }

func (p *plainQueue) push(e Event) {
	p.pushes++
	p.heap = append(p.heap, numbered{e, p.pushes})
	for i := len(p.heap) - 1; i > 0 && p.before(i, (i-1)/2); i = (i - 1) / 2 {
		p.swap(i, (i-1)/2)
	}
}

func (p *plainQueue) pop(until Time) (Event, bool) {
	if len(p.heap) == 0 || p.heap[0].At > until {
		return Event{}, false
	}
	e := p.heap[0].Event
	p.swap(0, len(p.heap)-1)
	p.heap = p.heap[:len(p.heap)-1]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(p.heap); c++ {
			if p.before(c, least) {
				least = c
			}
		}
		if least == i {
			return e, true
		}
		p.swap(i, least)
		i = least
	}
}

// twins does everything with both queues and stops at the first difference.
type twins struct {
	t     testing.TB
	fast  queue
	plain plainQueue
	now   Time
}

func (w *twins) push(at Time) {
	if at == Never {
		return // as Kernel.Post does
	}
	e := Event{At: at, About: w.plain.pushes}
	w.fast.push(e)
	w.plain.push(e)
}

func (w *twins) pop(until Time) bool {
	w.t.Helper()
	if w.fast.count < 1000 { // peek may have to look at all of them
		w.peek()
	}
	got, ok := w.fast.pop(until)
	want, wantOK := w.plain.pop(until)
	if got != want || ok != wantOK {
		w.t.Fatalf("at %d, until %d: got %+v %v, the heap says %+v %v", w.now, until, got, ok, want, wantOK)
	}
	if w.fast.count != len(w.plain.heap) {
		w.t.Fatalf("at %d: %d pending, the heap has %d", w.now, w.fast.count, len(w.plain.heap))
	}
	if ok {
		w.now = got.At
	}
	return ok
}

func (w *twins) peek() {
	w.t.Helper()
	next, ok := w.fast.peek()
	if ok != (len(w.plain.heap) > 0) || ok && next != w.plain.heap[0].Event {
		w.t.Fatalf("at %d: peek %+v, the heap has %+v", w.now, next, w.plain.heap)
	}
}

// run hands out everything due by until, as Kernel.Run does.
func (w *twins) run(until Time) {
	for w.pop(until) {
	}
	w.now = max(w.now, until)
}

// check tests the invariants that the queue's comment promises.
func (w *twins) check() {
	w.t.Helper()
	q := &w.fast
	if q.base > w.now {
		w.t.Fatalf("base %d is after now %d", q.base, w.now)
	}
	inUse := 0
	for i := range q.lists {
		level, slot := uint(i/levelSlots), i%levelSlots
		for c := q.lists[i].first; c != nil; c = c.next {
			inUse++
			for _, e := range c.events[:c.used] {
				if e.At < q.base || e.At < q.bottomEnd {
					w.t.Fatalf("event at %d in the levels, base %d, bottom until %d", e.At, q.base, q.bottomEnd)
				}
			}
		}
		full := q.slots[level]>>slot&1 == 1
		if full != (q.lists[i].first != nil) || full && q.levels>>level&1 == 0 {
			w.t.Fatalf("the bitmap is wrong about level %d slot %d", level, slot)
		}
	}
	if inUse != q.spare.inUse {
		w.t.Fatalf("%d chunks in use, counted %d", inUse, q.spare.inUse)
	}
	for _, e := range q.bottom[q.head:q.tail] {
		if e.At > q.bottomEnd || e.At == q.bottomEnd && e.At != q.base {
			w.t.Fatalf("event at %d in the bottom, which ends at %d", e.At, q.bottomEnd)
		}
	}
}

// increments are kinds of load: how far ahead an event is posted.
var increments = []struct {
	name string
	next func(*Stream) time.Duration
}{
	{"now", func(s *Stream) time.Duration { return 0 }},
	{"few", func(s *Stream) time.Duration { return time.Duration(s.Below(3)) }},
	{"uniform", func(s *Stream) time.Duration { return s.Duration(1, 2*time.Second) }},
	{"exponential", Exponential(time.Second).Draw},
	{"bimodal", bimodal},
	{"clustered", func(s *Stream) time.Duration { return time.Duration(1+s.Below(10)) * time.Second }},
	{"kube", kubeMix},
	{"far", func(s *Stream) time.Duration { return time.Duration(s.Uint64() >> (1 + s.Below(63))) }},
}

// bimodal is the load of a link and a timeout: 90 % about 1 ms, 10 % about 10 s.
func bimodal(s *Stream) time.Duration {
	if s.Chance(900_000) {
		return Exponential(time.Millisecond).Draw(s)
	}
	return Exponential(10 * time.Second).Draw(s)
}

// kubeMix is the mix of timers of a cluster: 60 % exactly 10 s, 15 % network
// delays of about 5 ms, 15 % container starts of 0.1 to 2 s, 10 % about an hour.
func kubeMix(s *Stream) time.Duration {
	switch p := s.Below(100); {
	case p < 60:
		return 10 * time.Second
	case p < 75:
		return Exponential(5 * time.Millisecond).Draw(s)
	case p < 90:
		return s.Duration(100*time.Millisecond, 2*time.Second)
	}
	return Exponential(time.Hour).Draw(s)
}

func TestTheQueueIsAHeap(t *testing.T) {
	for _, inc := range increments {
		for _, pending := range []int{0, 1, 40, 43, 300, 3000} {
			t.Run(fmt.Sprintf("%s/%d", inc.name, pending), func(t *testing.T) {
				s := NewLuck(uint64(pending)).Stream(inc.name)
				w := twins{t: t}
				for range pending {
					w.push(w.now.Add(inc.next(&s)))
				}
				for i := range 6000 {
					w.step(&s, inc.next)
					if i%97 == 0 {
						w.check()
					}
				}
				w.check()
				w.run(Never)
				w.check()
			})
		}
	}
}

// step does one of the things that happen in a run.
func (w *twins) step(s *Stream, next func(*Stream) time.Duration) {
	switch p := s.Below(1000); {
	case p < 900: // an event that posts another one
		if w.pop(Never) {
			w.push(w.now.Add(next(s)))
		}
	case p < 930: // it posts two
		w.pop(Never)
		w.push(w.now.Add(next(s)))
		w.push(w.now.Add(next(s)))
	case p < 960: // or none
		w.pop(Never)
	case p < 990: // the run goes in pieces
		w.run(w.now.Add(next(s) / 64))
	case p < 998: // somebody posts for this very instant
		w.push(w.now)
	default: // a burst at one instant, which may be now
		at := w.now.Add(next(s) / 8)
		for range s.Below(500) {
			w.push(at)
		}
	}
	if w.now > Never/2 {
		w.run(Never - 1)
		w.now = Never - 1
	}
}

func TestABurstAtOneInstantIsFirstInFirstOut(t *testing.T) {
	w := twins{t: t}
	for i := range 100_000 {
		w.push(Time(i%2) * 1_000_000_007)
	}
	for w.fast.count > 0 {
		got, _ := w.fast.pop(Never)
		want, _ := w.plain.pop(Never)
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}

func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	var q queue
	for i := range 1_000_000 {
		q.push(Event{At: Time(i)})
	}
	for q.count > 0 {
		q.pop(Never)
	}
	if q.spare.count > spareAlways || q.spare.inUse != 0 {
		t.Fatalf("%d chunks kept, %d counted in use", q.spare.count, q.spare.inUse)
	}
}

// FuzzQueue reads a program for both queues: pairs of an operation with a
// magnitude, and an operand.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0x00, 1, 0x40, 0, 0x80, 0, 0xc0, 0})
	f.Add([]byte{0x3f, 255, 0x20, 7, 0x20, 7, 0x60, 3, 0x80, 0, 0x9f, 1, 0x05, 5, 0x80, 0})
	f.Add([]byte{0x45, 255, 0x45, 255, 0xc3, 9, 0x45, 255, 0x80, 0, 0x45, 255, 0xff, 1})
	f.Fuzz(func(t *testing.T, program []byte) {
		w := twins{t: t}
		for ; len(program) >= 2 && w.plain.pushes < 20_000; program = program[2:] {
			distance := time.Duration(program[1]) << (program[0] & 0x3f) >> 1
			at := w.now.Add(max(0, distance))
			switch program[0] >> 6 {
			case 0:
				w.push(at)
			case 1:
				for range program[1] {
					w.push(at)
				}
			case 2:
				w.pop(Never)
			case 3:
				w.run(min(at, Never-1))
			}
		}
		w.check()
		w.run(Never)
		w.check()
	})
}

package apiserver

import (
	"time"

	"orrery/sim"
)

// serviceTime is how long a request is expected to take when it is let go on;
// when it is done the difference is made good
// (k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset/queueset.go
// estimatedServiceDuration).
const serviceTime = 3 * time.Millisecond

// seatTime is seats times nanoseconds: work, and the virtual time R, which
// passes as fast as one busy queue would be served if all were served alike.
type seatTime int64

// waiting is a request in a queue.
type waiting struct {
	slot     uint64
	seats    int64
	arrivedR seatTime
}

// queue is some of the requests of a level, first come first served.
type queue struct {
	waits     []waiting
	work      seatTime // of those that wait
	executing int
	nextR     seatTime
}

// queueSet is the seats of a priority level and those who wait for them: fair
// queuing as in k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset, in
// integers. What a flood of clients holds and wants is one number; see flood.
type queueSet struct {
	priority
	retired                   bool // there is no such level any more
	limit                     int64
	inUse                     int64 // seats of requests that execute
	flooded                   int64 // seats that floods have
	floodWants                int64 // seats that floods wait for
	floodQueues               int   // that they fill
	floodOffered, floodServed milli // requests of theirs in a second
	executing                 int
	waiting                   int
	wanted                    int64 // seats of those that wait

	queues   []queue
	active   int // queues with a request that waits or executes
	robin    int
	enqueues int
	virtualR seatTime
	at       sim.Time // virtualR is of this time
}

// sync lets virtual time pass.
func (s *queueSet) sync(now sim.Time) {
	if s.active > 0 {
		s.virtualR += seatTime(min(s.inUse+s.wanted, s.limit) * int64(now.Sub(s.at)) / int64(s.active))
	}
	s.at = now
}

// fits tells whether so many more seats are free. A request that is wider than
// the limit goes on alone.
func (s *queueSet) fits(seats int64) bool {
	if seats > s.limit {
		return s.executing == 0 && s.flooded == 0
	}
	return s.inUse+s.flooded+seats <= s.limit
}

// mostHand is how many queues a flow may be put in: more would need more than the
// 60 bits that a hash is good for
// (k8s.io/apiserver/pkg/util/shufflesharding/shufflesharding.go).
const mostHand = 15

// deal is the hand of a flow: the queues its requests may be put in, all
// different (k8s.io/apiserver/pkg/util/shufflesharding/dealer.go).
func deal(hash uint64, queues, hand int, out *[mostHand]int) []int {
	for i := range hand {
		n := uint64(queues - i)
		out[i] = int(hash % n)
		hash /= n
	}
	for i := hand - 1; i >= 0; i-- {
		card := out[i]
		for j := i; j > 0; j-- {
			if card >= out[j-1] {
				card++
			}
		}
		out[i] = card
	}
	return out[:hand]
}

// choose is the queue of a flow's hand in which the least work waits.
func (s *queueSet) choose(hash uint64) int {
	var room [mostHand]int
	hand := deal(hash, s.priority.queues, s.hand, &room)
	best, least := -1, seatTime(0)
	for i := range hand {
		q := hand[(s.enqueues+i)%len(hand)]
		if work := s.queues[q].work; best < 0 || work < least {
			best, least = q, work
		}
		if s.waiting == 0 {
			break // all are empty
		}
	}
	s.enqueues++
	return best
}

// enqueue puts a request in a queue, unless that is full and no seat is free.
func (s *queueSet) enqueue(now sim.Time, hash uint64, slot uint64, seats int64) (number int, ok bool) {
	s.sync(now)
	number = s.choose(hash)
	q := &s.queues[number]
	if s.inUse+s.flooded >= s.limit && len(q.waits) >= s.length {
		return 0, false
	}
	if len(q.waits) == 0 && q.executing == 0 {
		q.nextR = s.virtualR
		s.active++
	}
	q.waits = append(q.waits, waiting{slot, seats, s.virtualR})
	q.work += work(seats, serviceTime)
	s.waiting++
	s.wanted += seats
	q.bound()
	return number, true
}

// start is enqueue and next in one while nobody waits and the seats are free.
func (s *queueSet) start(now sim.Time, hash uint64, seats int64) (number int) {
	s.sync(now)
	number = s.choose(hash)
	q := &s.queues[number]
	if q.executing == 0 {
		q.nextR = s.virtualR
		s.active++
	}
	q.nextR = max(q.nextR, s.virtualR) // as bound does
	s.robin = number
	q.executing++
	q.nextR += work(seats, serviceTime)
	s.executing++
	s.inUse += seats
	return number
}

// refill gives seats that nobody waits for back to a flood that does.
func (s *queueSet) refill() {
	if s.waiting == 0 && s.floodWants > 0 {
		n := min(s.floodWants, max(0, s.limit-s.inUse-s.flooded))
		s.flooded += n
		s.floodWants -= n
	}
}

// demand is the seats in use and waited for, by requests and by floods.
func (s *queueSet) demand() int64 { return s.inUse + s.wanted + s.flooded + s.floodWants }

func work(seats int64, d time.Duration) seatTime { return seatTime(seats * int64(d)) }

// next takes the request whose turn it is from its queue and gives it its
// seats; it is false if none waits, or the seats are not free. The turn is that of
// the queue whose first request would be done first in virtual time, by turns if
// several are equal.
func (s *queueSet) next(now sim.Time) (waiting, bool) {
	if s.waiting == 0 || s.inUse+s.flooded >= s.limit {
		return waiting{}, false
	}
	s.sync(now)
	number := s.turn()
	q := &s.queues[number]
	w := q.waits[0]
	if !s.fits(w.seats) {
		return waiting{}, false
	}
	s.robin = number
	s.remove(number, 0)
	q.executing++
	q.nextR += work(w.seats, serviceTime)
	s.executing++
	s.inUse += w.seats
	q.bound()
	return w, true
}

func (s *queueSet) turn() int {
	best, least := -1, seatTime(0)
	i := s.robin
	for range s.queues {
		if i++; i == len(s.queues) {
			i = 0
		}
		q := &s.queues[i]
		if len(q.waits) == 0 {
			continue
		}
		if finish := q.nextR + work(q.waits[0].seats, serviceTime); best < 0 || finish < least {
			best, least = i, finish
		}
	}
	return best
}

// remove takes the i-th request out of a queue.
func (s *queueSet) remove(number, i int) {
	q := &s.queues[number]
	w := q.waits[i]
	q.waits = append(q.waits[:i], q.waits[i+1:]...)
	q.work -= work(w.seats, serviceTime)
	s.waiting--
	s.wanted -= w.seats
}

// leave takes a request that waits out of its queue: its time is over.
func (s *queueSet) leave(now sim.Time, number int, slot uint64) {
	s.sync(now)
	q := &s.queues[number]
	for i := range q.waits {
		if q.waits[i].slot == slot {
			s.remove(number, i)
			break
		}
	}
	if len(q.waits) == 0 && q.executing == 0 {
		s.active--
	}
	q.bound()
}

// done takes back the seats of a request that executed for d.
func (s *queueSet) done(now sim.Time, number int, seats int64, d time.Duration) {
	s.sync(now)
	s.executing--
	s.inUse -= seats
	if number == noQueue {
		return
	}
	q := &s.queues[number]
	q.executing--
	q.nextR -= work(seats, serviceTime-d)
	if len(q.waits) == 0 && q.executing == 0 {
		s.active--
	}
	q.bound()
}

// bound keeps a queue that could not use its share from saving it up: nothing
// is served in virtual time before it arrived (boundNextDispatchLocked).
func (q *queue) bound() {
	if len(q.waits) > 0 {
		q.nextR = max(q.nextR, q.waits[0].arrivedR)
	}
}

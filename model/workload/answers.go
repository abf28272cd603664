package workload

// What goes to and fro in an instant asks of a station the same again and again, by turns with
// other stations, and the states of one with callers or with who comes back take long to work
// out. So the last answers are kept, each by all that it depends on.

// question is all that the answer of queue depends on, where it depends on who comes.
//
//tidy:key it is compared
type question struct {
	of                       station
	arriving, places, chance int64
	from                     crowd
}

// answer is what queue found, and of what question. The zero answer is of none.
type answer struct {
	question
	known       bool    // else it is as if infinitely many came whom nobody sees again
	station     station // as it is then
	takes       int64   // for so many there is a place, -1 for all
	even, bound odds
	again       int64 // -1 if nobody comes back
	waits       timing
	many        int64
}

// keptAnswers is how many: four times as many make it a tenth faster.
const keptAnswers = 1024

// kept is the last answer that was kept where that of a question is.
func (x *states) kept(q *question) *answer {
	if x.answers == nil { // which few need
		x.answers = make([]answer, keptAnswers)
	}
	return &x.answers[q.place()]
}

// place is where the answer of a question is kept.
func (q *question) place() uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	place := uint64(0)
	for _, n := range [...]int64{
		q.arriving, q.places, q.chance, q.of.think, q.of.own.mean, q.of.others, q.of.pace, q.of.stays,
		q.from.own, q.from.would, q.from.rest, q.from.limit, q.from.even, q.from.part, q.from.next, q.from.meets, q.from.there,
	} {
		place = (place ^ uint64(n)) * odd
		place ^= place >> 32
	}
	return place % keptAnswers
}

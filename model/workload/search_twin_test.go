package workload

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What a resolver is told of an attempt.
const (
	address = iota
	noSuchName
	failure
	nothing
	refusal
)

// searcher is glibc's resolver, one lookup at a time.
type searcher struct {
	lookup
	luck    *rand.Rand
	query   attempt
	denied  int64
	sent    int
	seconds float64
}

// attempt sends a query for A and one for AAAA (resolv/res_send.c send_dg).
func (s *searcher) attempt(there bool) int {
	s.sent += 2
	switch x := s.luck.Int64N(million); {
	case x < s.query.good:
		s.seconds += .1
		if !there || s.luck.Int64N(million) < s.denied {
			return noSuchName
		}
		return address
	case x < s.query.good+s.query.errors:
		s.seconds += .1
		return failure
	case x < s.query.good+s.query.errors+s.query.nobody:
		return refusal
	}
	s.seconds += 5
	return nothing
}

// send asks for a name (resolv/res_send.c __res_context_send): an error of either attempt is what the
// buffer has at last, and ECONNREFUSED is what there is if none got anywhere.
func (s *searcher) send(there bool) int {
	heard := refusal
	for range 2 {
		switch x := s.attempt(there); x {
		case address, noSuchName:
			return x
		case failure:
			heard = failure
		case nothing:
			if heard == refusal {
				heard = nothing
			}
		}
	}
	return heard
}

// search is resolv/res_query.c __res_context_search.
func (s *searcher) search() bool {
	domains, nth := searched, 0
	if s.itself {
		if nth++; s.send(s.found == nth) == address {
			return true
		}
	}
	for range domains {
		nth++
		switch s.send(s.found == nth) {
		case address:
			return true
		case refusal:
			return false
		case nothing:
			return !s.itself && s.send(s.found == domains+1) == address
		}
	}
	return !s.itself && s.send(s.found == domains+1) == address
}

// What becomes of lookups, in closed form, is what becomes of them one by one.
func TestLookupsFareAsASingleOneDoesOnTheAverage(t *testing.T) {
	luck := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		s := searcher{luck: luck, lookup: lookup{luck.IntN(2) == 0, luck.IntN(searched + 2)}, denied: luck.Int64N(3) * 150_000}
		of := [4]int64{1 + luck.Int64N(9), luck.Int64N(4), luck.Int64N(4), luck.Int64N(4)}
		all := of[0] + of[1] + of[2] + of[3]
		part := func(n int64) int64 { return million * n / all }
		var bad mixture
		bad.add(part(of[1]), fixed(100_000), 0)
		bad.add(part(of[2]), timing{}, 0)
		bad.add(part(of[3]), fixed(5_000_000), 0)
		s.query = attempt{outcome: outcome{part(of[0]), fixed(100_000), bad.timing()}, told: told{part(of[1]), part(of[2])}}
		if all == of[0] {
			s.query.good = million
		}
		a := twice(&s.query, s.denied)
		got := s.walk(&a)
		const n = 40_000
		var good, sent int
		var took float64
		for range n {
			s.sent, s.seconds = 0, 0
			if s.search() {
				good++
			}
			sent += s.sent
			took += s.seconds
		}
		near := func(what string, got, want, off float64) {
			if math.Abs(got-want) > off {
				t.Errorf("%+v of %v, %d denied: %s %.3f, one by one %.3f", s.lookup, of, s.denied, what, got, want)
			}
		}
		near("found", float64(got.good)/million, float64(good)/n, .012)
		near("queries", float64(got.sent)/million, float64(sent)/n, .02*float64(sent)/n)
		near("seconds", float64(got.mean())/million, took/n, .06*took/n+.01)
	}
}

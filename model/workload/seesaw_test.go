package workload

import "testing"

// rests is where a seesaw comes to rest of which so much follows from what it is taken for, and
// after how many steps.
func rests(t *testing.T, follows func(x int64) int64, from int64) (x int64, steps int) {
	var s seesaw
	for x = s.next(1, from); steps < 100; steps++ {
		y := s.next(1, follows(x))
		if y == x {
			return x, steps
		}
		x = y
	}
	t.Errorf("from %d: still at %d", from, x)
	return x, steps
}

func TestASeesawComesToRestWhereNothingElseFollows(t *testing.T) {
	for _, c := range []struct {
		name     string
		follows  func(x int64) int64
		rest     int64
		from, in int64 // at first, and steps at most
	}{
		{"what does not depend on it", func(int64) int64 { return 70_000 }, 70_000, 3, 1},
		{"a little less of more", func(x int64) int64 { return 100_000 - x/10 }, 90_909, 0, 8},
		{"as much less of more", func(x int64) int64 { return 200_000 - x }, 100_000, 30_000, 12},
		{"far less of more", func(x int64) int64 { return max(600_000-5*x, 0) }, 100_000, 30_000, 12},
		{"nothing of more", func(x int64) int64 {
			if x > 100_000 {
				return 0
			}
			return 500_000
		}, 100_000, 0, 60},
		{"most of more, in a circle", func(x int64) int64 { return 10_000 + x*9/10 }, 100_000, 0, 20},
	} {
		x, steps := rests(t, c.follows, c.from)
		if max(x-c.rest, c.rest-x) > c.rest/1000+1 {
			t.Errorf("%s: at %d, want %d", c.name, x, c.rest)
		}
		if int64(steps) > c.in {
			t.Errorf("%s: after %d steps", c.name, steps)
		}
	}
}

func TestASeesawBeginsAnewInAnotherInstant(t *testing.T) {
	var s seesaw
	for i := range int64(40) {
		s.next(1, 1000*(i%2))
	}
	for _, x := range []int64{5, 4000, 7} {
		if got := s.next(2, x); got != x {
			t.Errorf("taken for %d, want %d", got, x)
		}
	}
}

package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is an actor made of one function.
type script struct {
	k    *Kernel
	id   ActorID
	wake func(s *script, now Time, about uint64)
}

func (s *script) Wake(now Time, why Why, about uint64) { s.wake(s, now, about) }

func (s *script) post(at Time, about uint64) { s.k.Post(at, s.id, 0, about) }

func (k *Kernel) script(name string, wake func(s *script, now Time, about uint64)) *script {
	s := &script{k: k, wake: wake}
	s.id = k.Register(name, s)
	return s
}

// talker is a script that can say what it is woken for.
type talker struct{ script }

func (*talker) DescribeWake(why Why, about uint64) string {
	return fmt.Sprintf("retry pod default/web-%d", about)
}

// again is woken every 3 ns for ever.
func again(s *script, now Time, about uint64) { s.post(now.Add(3), about) }

func TestRunStopsAtUntil(t *testing.T) {
	k := New(Config{})
	k.script("a", again).post(0, 1)
	for _, step := range []struct {
		until  Time
		events uint64
	}{{0, 1}, {2, 1}, {3, 2}, {100, 34}, {50, 34}, {101, 34}, {102, 35}} {
		if err := k.Run(step.until); err != nil {
			t.Fatal(err)
		}
		if now := max(step.until, 100); step.until >= 100 && k.Now() != now || k.Events() != step.events || k.Pending() != 1 {
			t.Errorf("until %d: now %d, %d events, %d pending; want %d events", step.until, k.Now(), k.Events(), k.Pending(), step.events)
		}
	}
}

func TestRunToTheEndStopsAtTheLastEvent(t *testing.T) {
	k := New(Config{})
	a := k.script("a", func(s *script, now Time, about uint64) { s.post(now.Add(time.Duration(Never)), 0) })
	a.post(7, 0)
	if err := k.Run(Never); err != nil || k.Now() != 7 || k.Pending() != 0 {
		t.Fatalf("%v, now %v, %d pending", err, k.Now(), k.Pending())
	}
	a.post(8, 0) // still possible
}

func TestEventsOfOneInstantHappenInTheOrderPosted(t *testing.T) {
	k := New(Config{})
	var got []uint64
	a := k.script("a", func(s *script, now Time, about uint64) {
		got = append(got, about)
		if about < 3 {
			s.post(now, about+10)
		}
	})
	for about := range uint64(5) {
		a.post(9, about)
	}
	k.Run(Never)
	if want := []uint64{0, 1, 2, 3, 4, 10, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShuffledTiesKeepTimesAndCauses(t *testing.T) {
	orders := make(map[string]bool)
	for seed := range uint64(20) {
		k := New(Config{ShuffleTies: seed + 1})
		var got []uint64
		a := k.script("a", func(s *script, now Time, about uint64) {
			got = append(got, about)
			if now == 9 && about < 10 {
				s.post(now, about+10)
			}
		})
		for about := range uint64(5) {
			a.post(9, about)
			a.post(20, about+20)
		}
		if err := k.Run(15); err != nil || len(got) != 10 || k.Pending() != 5 {
			t.Fatalf("%v, got %v, %d pending", err, got, k.Pending())
		}
		k.Run(Never)
		orders[fmt.Sprint(got[:5])] = true
		for i, batch := range [][]uint64{got[:5], got[5:10], got[10:]} {
			slices.Sort(batch)
			if first := uint64(10 * i); !slices.Equal(batch, []uint64{first, first + 1, first + 2, first + 3, first + 4}) {
				t.Fatalf("batch %d is %v", i, batch)
			}
		}
	}
	if len(orders) < 15 {
		t.Errorf("20 seeds gave %d orders", len(orders))
	}
}

// TestOneMoreEventDoesNotShuffleTheOthersDifferently is what lets a run with
// every tick an event be compared with one without, under any shuffle.
func TestOneMoreEventDoesNotShuffleTheOthersDifferently(t *testing.T) {
	order := func(seed uint64, ticks bool) []uint64 {
		k := New(Config{ShuffleTies: seed})
		var got []uint64
		a := k.script("a", func(s *script, now Time, about uint64) { got = append(got, about) })
		tick := k.script("tick", func(*script, Time, uint64) {})
		for at := range Time(20) {
			for about := range uint64(4) {
				if ticks {
					tick.post(at, about)
				}
				a.post(at, about)
			}
		}
		k.Run(Never)
		return got
	}
	for seed := range uint64(20) {
		if with, without := order(seed+1, true), order(seed+1, false); !slices.Equal(with, without) {
			t.Fatalf("seed %d: %v with ticks, %v without", seed+1, with, without)
		}
	}
}

func TestAShuffledInstantCanBeInterrupted(t *testing.T) {
	k := New(Config{ShuffleTies: 1})
	a := k.script("a", func(s *script, now Time, about uint64) { s.k.Interrupt() })
	for range 3 {
		a.post(9, 0)
	}
	if err := k.Run(Never); err == nil || k.Pending() != 2 {
		t.Fatalf("%v, %d pending", err, k.Pending())
	}
	if err := k.Run(5); err != nil || k.Now() != 9 || k.Pending() != 2 {
		t.Fatalf("%v, now %v, %d pending", err, k.Now(), k.Pending())
	}
}

func TestTheSameShuffleIsTheSameRun(t *testing.T) {
	history := func() string {
		k := New(Config{Seed: 3, ShuffleTies: 5})
		d := NewDigest()
		luck := k.Luck().Stream("jumps")
		a := k.script("a", func(s *script, now Time, about uint64) {
			d.Add(fmt.Append(nil, now, about))
			s.post(now.Add(time.Duration(luck.Below(3))), about)
		})
		for about := range uint64(50) {
			a.post(0, about)
		}
		k.Run(1000)
		return d.Sum()
	}
	if a, b := history(), history(); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestABugIsNamed(t *testing.T) {
	k := New(Config{})
	web := &talker{}
	k.Register("scheduler", web)
	a := k.script("kubelet/n-0", func(s *script, now Time, about uint64) {
		if about == 1 {
			s.k.Post(now.Add(-3*time.Millisecond), 0, 0, 7)
		}
		s.k.Post(now, 9, 0, 7)
	})
	a.post(Time(time.Second), 1)
	got := panicOf(func() { k.Run(Never) })
	if want := "sim: kubelet/n-0 posted scheduler (retry pod default/web-7) 3ms into the past"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	a.post(Time(time.Second), 2)
	got = panicOf(func() { k.Run(Never) })
	if want := "sim: kubelet/n-0 posted to actor 9, but only 2 are registered"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// stopped runs k to the end and returns the error, checking that the run is intact.
func stopped(t *testing.T, k *Kernel) *StopError {
	t.Helper()
	pending := k.Pending()
	err := k.Run(Never)
	var stop *StopError
	if !errors.As(err, &stop) {
		t.Fatalf("got %v", err)
	}
	if k.Pending() != pending || stop.Events != k.Events() || stop.At != k.Now() {
		t.Errorf("%d events pending, were %d; %+v at %v", k.Pending(), pending, stop, k.Now())
	}
	return stop
}

func TestTimeStandsStill(t *testing.T) {
	for _, shuffle := range []uint64{0, 1} {
		k := New(Config{Limits: Limits{EventsPerInstant: 10_000}, ShuffleTies: shuffle})
		web := &talker{script{k: k, wake: func(s *script, now Time, about uint64) { s.post(now, about) }}}
		web.id = k.Register("replicaset/web", web)
		k.script("clock", func(*script, Time, uint64) {}).post(Time(time.Minute)+1, 0)
		for range 3 {
			web.post(Time(time.Minute)+1, 4)
		}
		web.post(Time(time.Minute)+1, 5)
		err := k.Run(Never).Error()
		want := "time stands still at 1m0s: more than 10000 events at one instant, 1025 of the last 1025 wake replicaset/web (retry pod default/web-4)"
		if err != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

func TestAnInstantMayHaveAsManyEventsAsItsLimit(t *testing.T) {
	k := New(Config{Limits: Limits{EventsPerInstant: 3}})
	a := k.script("a", func(*script, Time, uint64) {})
	for i := range 9 {
		a.post(Time(i/3), 0)
	}
	if err := k.Run(5); err != nil {
		t.Error(err)
	}
	for range 4 {
		a.post(9, 0)
	}
	if err := k.Run(Never); err == nil || k.Events() != 12 || k.Pending() != 1 {
		t.Errorf("%v after %d events, %d pending", err, k.Events(), k.Pending())
	}
}

func TestBudgets(t *testing.T) {
	k := New(Config{Limits: Limits{Events: 1000}})
	k.script("a", again).post(0, 2)
	got := stopped(t, k).Error()
	if want := "the budget of 1000 events is used up at 2.997µs; next would be a (why 0 about 2)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if again := stopped(t, k); again.Events != 1000 {
		t.Errorf("the budget was exceeded: %v", again)
	}
	k = New(Config{Limits: Limits{Wall: 1}})
	k.script("a", again).post(0, 2)
	got = stopped(t, k).Error()
	if want := "the budget of 1ns of real time is used up at 3.069µs, after 1024 events; next would be a (why 0 about 2)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInterrupt(t *testing.T) {
	k := New(Config{})
	a := k.script("a", func(s *script, now Time, about uint64) {
		if about--; about == 5 {
			s.k.Interrupt()
		}
		if about > 0 {
			s.post(now.Add(time.Second), about)
		}
	})
	a.post(Time(time.Second), 10)
	stop := stopped(t, k)
	if stop.Kind != StoppedInterrupt || !strings.HasPrefix(stop.Error(), "interrupted at 5s, after 5 events; next would be a") {
		t.Errorf("got %v", stop)
	}
	a.post(k.Now()+1, 1) // earlier than the event that is next
	if err := k.Run(Never); err != nil || k.Events() != 11 {
		t.Errorf("%v after %d events", err, k.Events())
	}
}

func TestProgressDoesNotChangeTheRun(t *testing.T) {
	var told []uint64
	k := New(Config{})
	k.script("a", again).post(0, 0)
	k.OnProgress(func(now Time, events uint64) { told = append(told, events) }, 40_000)
	for until := Time(0); until < 600_020; until += 7 { // in pieces
		k.Run(until)
	}
	if want := []uint64{40_000, 80_000, 120_000, 160_000, 200_000}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	k.OnProgress(nil, 1)
	k.Run(k.Now().Add(time.Millisecond))
}

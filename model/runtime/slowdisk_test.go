package runtime

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// TestUnpackingGoesOnAtTheSpeedOfTheDisk: however the disk's speed changes while a pull is
// under way, what the disk can do in all the time in which layers are unpacked is what they
// need.
func TestUnpackingGoesOnAtTheSpeedOfTheDisk(t *testing.T) {
	for seed := range uint64(50) {
		luck := sim.NewLuck(seed).Lane("test").Draw(0, 0)
		r, p := unpackingOn(4000, someLayers(&luck)...)
		need, had := p.unpack, time.Duration(0)
		var rates []int64
		for len(r.machine.pulls) > 0 {
			had += r.unpacks(t, p, time.Duration(1+luck.Below(5000))*time.Millisecond, r.machine.disk.pace)
			if n := len(rates); n > 0 && luck.Below(2) == 0 {
				r.machine.QuickenDisk(rates[n-1])
				rates = rates[:n-1]
			} else {
				rates = append(rates, 10_000+int64(luck.Below(990_000)))
				r.machine.SlowDisk(rates[n])
			}
		}
		if late := (had - need).Abs(); late > time.Millisecond {
			t.Errorf("seed %d: it needed %v and had %v", seed, need, had)
		}
	}
}

// TestAPullIsOverSoonAfterTheDiskIsWell: three minutes on a disk at a hundredth of its speed cost
// a pull three minutes at most, whether they begin before it or in the middle of it.
func TestAPullIsOverSoonAfterTheDiskIsWell(t *testing.T) {
	pull := func(from time.Duration) time.Duration { // negative: the disk is never slow
		r := newRig(Behavior{ImageBytes: 2 << 30})
		c := model.Container{Name: "main", Image: "big"}
		const slowFor = 3 * time.Minute
		if from == 0 {
			r.machine.SlowDisk(10_000)
		}
		r.machine.Pull(pod(1, c), &c)
		begun := r.Now()
		if from > 0 {
			r.run(t, from)
			r.machine.SlowDisk(10_000)
		}
		r.run(t, slowFor)
		if from >= 0 {
			r.machine.QuickenDisk(10_000)
		}
		r.run(t, time.Hour)
		if len(r.told) != 1 || r.told[0] != "pulled 1 now" {
			t.Fatalf("%v", r.told)
		}
		return r.machine.images[len(r.machine.images)-1].at.Sub(begun)
	}
	well := pull(-1)
	for _, from := range []time.Duration{0, well / 4, well * 9 / 10} {
		if late := pull(from) - well; late <= 0 || late > 3*time.Minute {
			t.Errorf("the disk is slow from %v on: %v late, of %v", from, late, well)
		}
	}
}

// TestALayerIsUnpackedLaterOnASlowDiskWhileItsPullStalls, and the disk's use is followed to
// its end.
func TestALayerIsUnpackedLaterOnASlowDiskWhileItsPullStalls(t *testing.T) {
	r, p := unpackingOn(4000, Layer{"base", 200_000_000}, Layer{"app", 7_800_000_000})
	first := &p.parts[0]
	for r.Now() < first.from.Add(first.unpack/4) {
		r.run(t, 10*time.Millisecond)
	}
	r.machine.SetOffline(true)
	end, now := first.from.Add(first.unpack), r.Now()
	r.machine.SlowDisk(full / 2)
	want := now.Add(2 * end.Sub(now))
	if is := first.from.Add(first.unpack); is != want || p.writesAt != want || p.each != 0 {
		t.Fatalf("it is unpacked by %v, and looked at again at %v; want %v", is, p.writesAt, want)
	}
	r.run(t, want.Sub(r.Now()))
	if used, growth, _ := p.writes(r.Now()); used != first.bytes || growth != 0 || r.machine.unpackWants != 0 {
		t.Errorf("then it has %d on the disk, %d more a second, and wants %d", used, growth, r.machine.unpackWants)
	}
}

// disked is a slow twin of the calls that wait in line: it goes from one change to the next
// and knows of each call how much of it is left.
type disked struct {
	now   sim.Time
	pace  int64
	calls []*diskedCall
}

type diskedCall struct {
	left    int64 // in ns at a millionth of the speed
	givenUp sim.Time
	runs    bool
	over    sim.Time // 0 while it is not
	inTime  bool
}

func (d *disked) until(at sim.Time) {
	for {
		next, running := at, 0
		for _, c := range d.calls {
			if c.over == 0 && c.runs {
				running++
			}
		}
		for _, c := range d.calls {
			if c.over == 0 && !c.runs && running < callsAtOnce {
				c.runs = true
				running++
			}
			if c.over == 0 {
				next = min(next, c.givenUp)
			}
			if c.over == 0 && c.runs {
				next = min(next, d.now.Add(time.Duration((c.left+d.pace-1)/d.pace)))
			}
		}
		passed := int64(next.Sub(d.now))
		d.now = next
		for _, c := range d.calls {
			if c.over == 0 && c.runs {
				c.left -= passed * d.pace
			}
			if c.over == 0 && (c.runs && c.left <= 0 || c.givenUp <= next) {
				c.over, c.inTime = next, c.runs && c.left <= 0
			}
		}
		if next == at {
			return
		}
	}
}

// TestCallsToTheRuntimeGoOnAtTheSpeedOfTheDisk compares with the slow twin when sandboxes are
// made, or given up, that are asked for one after another while the disk becomes slower and
// faster.
func TestCallsToTheRuntimeGoOnAtTheSpeedOfTheDisk(t *testing.T) {
	const rounding = 100 * time.Microsecond // a nanosecond, on the slowest disk and back
	late, moved := 0, 0
	for seed := range uint64(40) {
		luck := sim.NewLuck(seed).Lane("test").Draw(0, 0)
		r, twin := newRig(), &disked{pace: full}
		var boxes []*Sandbox
		var want []*diskedCall
		got := map[*Sandbox]answer{}
		var rate int64
		for range 100 {
			r.run(t, luck.Duration(0, 5*time.Second))
			twin.until(r.Now())
			if luck.Below(4) == 0 {
				if rate > 0 {
					r.machine.QuickenDisk(rate)
					rate = 0
				} else {
					rate = 50 + int64(luck.Below(5_000))
					r.machine.SlowDisk(rate)
				}
				twin.pace = r.machine.disk.pace()
				continue
			}
			s := r.machine.Add(pod(uint32(len(boxes)+1), model.Container{Name: "main"}), seed<<32|uint64(len(boxes)))
			_, takes := r.machine.setUpTimes(s)
			c := &diskedCall{left: int64(takes) * r.machine.disk.pace(), givenUp: r.Now().Add(sandboxPatience)}
			by, inTime := r.machine.SandboxBy(s, r.Now())
			got[s] = answer{s, Answer{By: by, InTime: inTime}}
			boxes, want, twin.calls = append(boxes, s), append(want, c), append(twin.calls, c)
		}
		for _, a := range r.answers {
			if moved++; a.By < r.Now().Add(-10*time.Minute) || a.Starts {
				t.Fatalf("told: %+v", a)
			}
			got[a.to] = a
		}
		twin.until(r.Now().Add(10 * time.Minute))
		for i, s := range boxes {
			g, w := got[s], want[i]
			if off := g.By.Sub(w.over).Abs(); off > rounding || g.InTime != w.inTime {
				t.Errorf("seed %d, call %d: over at %v, in time: %v; want %v, %v", seed, i, g.By, g.InTime, w.over, w.inTime)
			}
			if !w.inTime {
				late++
			}
			if wasLate := s.inVain == 1; wasLate == w.inTime || s.inVain > 1 {
				t.Errorf("seed %d, call %d: in vain %d times", seed, i, s.inVain)
			}
		}
	}
	if late < 20 || moved < 200 {
		t.Errorf("only %d are given up, and %d come at another time", late, moved)
	}
}

// TestAStartComesAfterTheSandboxThatTheDiskDelays: it is told of once, and if the sandbox is
// given up only of that.
func TestAStartComesAfterTheSandboxThatTheDiskDelays(t *testing.T) {
	begin := func() (*rig, *Sandbox, sim.Time, sim.Time) {
		r := newRig()
		s := r.machine.Add(pod(1, model.Container{Name: "main"}), 1)
		made, _ := r.machine.SandboxBy(s, r.Now().Add(time.Second))
		started, _ := r.machine.StartBy(s, 0, made)
		return r, s, made, started
	}
	r, s, made, started := begin()
	r.machine.SlowDisk(100_000)
	alone := made.Sub(r.Now()) - time.Second
	want := r.Now().Add(time.Second + 10*(alone+started.Sub(made)))
	if fmt.Sprint(r.answers) != fmt.Sprint([]answer{{s, Answer{want, true, true}}}) {
		t.Errorf("told %+v, want the start at %v", r.answers, want)
	}
	r.machine.QuickenDisk(100_000)
	if len(r.answers) != 2 || r.answers[1].By.Sub(started).Abs() > 100 || !r.answers[1].Starts {
		t.Errorf("told %+v, want the start at %v", r.answers, started)
	}
	r, s, _, _ = begin()
	r.machine.SlowDisk(10)
	if givenUp := r.Now().Add(time.Second + sandboxPatience); fmt.Sprint(r.answers) != fmt.Sprint([]answer{{s, Answer{givenUp, false, false}}}) || s.inVain != 1 {
		t.Errorf("told %+v, want the sandbox given up at %v", r.answers, givenUp)
	}
	r, s, _, _ = begin()
	r.machine.SandboxBy(s, r.Now()) // of a kubelet that has begun anew
	r.machine.SlowDisk(100_000)
	if len(r.answers) != 1 || r.answers[0].Starts {
		t.Errorf("told %+v, want only of the second sandbox", r.answers)
	}
}

// TestCallsThatHaveNotBegunAreAsIfTheDiskHadAlwaysBeenAsItIs: of many pods whose volumes are
// still being mounted.
func TestCallsThatHaveNotBegunAreAsIfTheDiskHadAlwaysBeenAsItIs(t *testing.T) {
	ask := func(before, after int64) (answers []Answer) {
		r := newRig()
		r.machine.SlowDisk(before)
		got := map[*Sandbox]Answer{}
		var boxes []*Sandbox
		for i := range 40 {
			s := r.machine.Add(pod(uint32(i+1), model.Container{Name: "main"}), uint64(i))
			made, inTime := r.machine.SandboxBy(s, r.Now().Add(time.Second+time.Duration(i)*100*time.Millisecond))
			got[s] = Answer{made, false, inTime}
			if inTime {
				started, inTime := r.machine.StartBy(s, 0, made)
				got[s] = Answer{started, true, inTime}
			}
			boxes = append(boxes, s)
		}
		r.machine.SlowDisk(after)
		for _, a := range r.answers {
			got[a.to] = a.Answer
		}
		for _, s := range boxes {
			answers = append(answers, got[s])
		}
		return answers
	}
	is, want := ask(full, 20_000), ask(20_000, full)
	late := 0
	for i := range is {
		if off := is[i].By.Sub(want[i].By).Abs(); off > time.Microsecond || is[i].Starts != want[i].Starts || is[i].InTime != want[i].InTime {
			t.Errorf("pod %d: %+v, want %+v", i, is[i], want[i])
		}
		if !is[i].InTime {
			late++
		}
	}
	if late == 0 || late == len(is) {
		t.Errorf("%d of %d are given up", late, len(is))
	}
}

package runtime

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// sharing is a machine of so many cores with pods of equal weights, whose requests cost so many
// millionths of a core for each per second.
func sharing(t *testing.T, n int64, costs ...int64) *crew {
	t.Helper()
	c := &crew{Kernel: sim.New(sim.Config{Seed: 1}), capacity: map[uint32]int{}}
	var behaviors Behaviors
	for i, cost := range costs {
		labels := model.MakeLabels(map[string]string{"app": string(rune('a' + i))})
		behaviors = append(behaviors, Behavior{Match: model.SelectorOf(labels), CPUMicroPerRPS: cost})
	}
	registry := NewRegistry(c.Kernel)
	node := &model.Node{Meta: model.Meta{Kind: model.KindNode, ID: 9, Name: "x"}, Capacity: model.Resources{CPUMilli: n * 1000}}
	c.machines = []*Machine{NewMachine(c.Kernel, node, Config{Behaviors: behaviors, Registry: registry, Serving: c, Kubelet: deaf{}})}
	for i := range costs {
		p := pod(uint32(100+i), model.Container{Name: "main", Image: "here", Requests: model.Resources{CPUMilli: 100}})
		p.Labels = model.MakeLabels(map[string]string{"app": string(rune('a' + i))})
		p.Spec.SumRequests()
		c.machines[0].Install(p, uint64(i), 0)
	}
	return c
}

// room is the room that a pod is told, in milli-CPU, if a request costs so much.
func (c *crew) room(pod uint32, cost int64) int64 {
	room, _ := c.machines[0].Room(pod)
	if room.Whole > 0 {
		return (room.Whole - room.Rest) * cost / 1_000_000
	}
	return room.MilliRPS * cost / 1_000_000
}

func (c *crew) settle(t *testing.T) {
	t.Helper()
	if err := c.Run(c.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
}

// A pod has room for what the others leave of the machine, or for its part by weight if they want
// more than theirs.
func TestRoomIsWhatOthersLeave(t *testing.T) {
	costs := []int64{10_000, 100_000}
	c := sharing(t, 4, costs...)
	m := c.machines[0]
	for _, x := range []struct{ wants, rooms [2]int64 }{ // milli-CPU, of which the daemons have 54
		{[2]int64{900, 1000}, [2]int64{2946, 3046}},
		{[2]int64{900, 2700}, [2]int64{1973, 3046}}, // the other one cannot have more than half, if this one wants it
		{[2]int64{1500, 1700}, [2]int64{2246, 2446}},
		{[2]int64{300, 3500}, [2]int64{1973, 3646}},
	} {
		for i, wants := range x.wants {
			load(m, uint32(100+i), wants*1_000_000/costs[i])
		}
		c.settle(t)
		for i, room := range x.rooms {
			got := c.room(uint32(100+i), costs[i])
			takes, want := model.Stretch(4000, got-x.wants[i]), model.Stretch(4000, room-x.wants[i])
			if max(takes-want, want-takes) > want/16 {
				t.Errorf("%v wanted: pod %d has room for %d, want %d: requests take %d millionths, not %d", x.wants, i, got, room, takes, want)
			}
		}
	}
}

// Nobody is told of rooms while requests take as long as on free cores, however what arrives changes.
func TestNobodyIsToldOfRoomOnAMachineThatIsNotBusy(t *testing.T) {
	c := sharing(t, 32, 10_000, 10_000)
	m := c.machines[0]
	for i := range int64(20) {
		load(m, 100, 100_000+i*30_000)
		load(m, 101, 1_000_000-i*30_000)
		c.settle(t)
	}
	if len(c.capacity) > 0 || m.rooms.told || m.rooms.lookedAt > 0 {
		t.Errorf("told %v, looked for at %v", c.capacity, m.rooms.lookedAt)
	}
	load(m, 101, 2_400_000) // 31 of 32 cores
	c.settle(t)
	if room, cores := m.Room(101); room.MilliRPS == 0 || cores != 32_000 {
		t.Errorf("room for %v on %d", room, cores)
	}
	load(m, 101, 1_000_000)
	c.settle(t)
	if room, cores := m.Room(101); room.MilliRPS != 0 || cores != 0 || m.rooms.told {
		t.Errorf("it is not busy any more: room for %v on %d", room, cores)
	}
}

// What makes hardly a difference is not told.
func TestRoomIsToldInSteps(t *testing.T) {
	c := sharing(t, 4, 10_000, 10_000)
	m := c.machines[0]
	load(m, 100, 100_000)
	told := 0
	for i := range int64(200) { // to 3.4 of 4 cores
		load(m, 101, i*1200)
		c.settle(t)
		told = c.capacity[100]
	}
	if told < 5 || told > 40 {
		t.Errorf("told %d times, want as often as the time that a request takes grows by a thirtieth, to about twice as much", told)
	}
}

// Who waits sends less, and then waits less: rooms that go to and fro are found ever more seldom.
func TestRoomsThatChaseOneAnotherAreLookedAtMoreSeldom(t *testing.T) {
	c := sharing(t, 1, 10_000, 10_000)
	m := c.machines[0]
	load(m, 100, 20_000)
	load(m, 101, 60_000)
	events, told := c.Events(), 0
	for range 3600 {
		for c.settle(t); c.capacity[100] != told; {
			told = c.capacity[100]
			load(m, 101, 70_000-m.Sandbox(101).inflow.MilliRPS)
			if err := c.Run(c.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := c.Events() - events; n > 1000 || n < 100 {
		t.Errorf("%d events in an hour", n)
	}
}

// A pod without a limit that gets less than it wants has room for what it gets, which those who send
// to it know as its capacity. Once a neighbour has ended they are told in the same instant that
// nothing limits it any more, and what room the machine has then; and that nobody waits once nearly
// nothing runs there.
func TestWhoWasShortIsToldItsRoomWhenANeighbourEnds(t *testing.T) {
	c := sharing(t, 4, 10_000, 10_000)
	m := c.machines[0]
	load(m, 100, 300_000) // both want 3 of 4 cores
	load(m, 101, 300_000)
	c.settle(t)
	if got, limited := capacity(m, 101); !limited || got != 197_300 { // the daemons have 54 milli-CPU
		t.Errorf("there is CPU for %d, limited %v, want 197.3 a second", got, limited)
	}
	if room, cores := m.Room(101); room.MilliRPS != 0 || cores != 4000 {
		t.Errorf("room for %v on %d while it gets less than it wants", room, cores)
	}
	told := c.capacity[101]
	m.Crash(m.Sandbox(100), 0, 1)
	if err := c.Run(c.Now()); err != nil { // this instant
		t.Fatal(err)
	}
	if got, limited := capacity(m, 101); limited || c.capacity[101] == told {
		t.Errorf("limited to %d %v, told %d times", got, limited, c.capacity[101]-told)
	}
	room, _ := m.Room(101)
	if got, want := model.Stretch(4000, room.MilliRPS/100-3000), model.Stretch(4000, 946); max(got-want, want-got) > want/16 {
		t.Errorf("room for %d, want about 394,600: requests take %d millionths, not %d", room.MilliRPS, got, want)
	}
	load(m, 101, 10_000)
	c.settle(t)
	if room, cores := m.Room(101); room.MilliRPS != 0 || cores != 0 || m.rooms.told {
		t.Errorf("room for %v on %d where nobody waits", room, cores)
	}
}

// Of two pods of equal weights on four cores one uses less than its part. Its requests are said to
// wait as if the other one always used its own (45 %), and do so only while it has as many requests.
func TestWhoUsesLessThanItsPartIsSaidToWaitLonger(t *testing.T) {
	c := sharing(t, 4, 10_000, 10_000)
	load(c.machines[0], 100, 90_000)
	load(c.machines[0], 101, 270_000)
	c.settle(t)
	got := model.Stretch(4000, c.room(100, 10_000)-900)
	luck := rand.New(rand.NewPCG(1, 2))
	var here [2]int // requests of each, one by one
	time, sum := 0.0, 0.0
	for range 2_000_000 {
		runs := [2]float64{min(float64(here[0]), 2), min(float64(here[1]), 2)}
		for i := range runs { // nothing is left idle that the other one can use
			runs[i] = min(float64(here[i]), 4-runs[1-i])
		}
		all := 0.9 + 2.7 + runs[0] + runs[1] // what happens next, for what a request takes
		time, sum = time+1/all, sum+float64(here[0])/all
		switch at := luck.Float64() * all; {
		case at < 0.9:
			here[0]++
		case at < 3.6:
			here[1]++
		case at < 3.6+runs[0]:
			here[0]--
		default:
			here[1]--
		}
	}
	want := sum / time / 0.9 // Little's law
	if math.Abs(want-1.22) > 0.03 || math.Abs(float64(got)/1e6-1.45) > 0.03 {
		t.Errorf("a request takes %.3f times as long as alone, one by one %.3f", float64(got)/1e6, want)
	}
}

package runtime

import (
	"slices"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// over is when a call is over that is made at a time and takes d, alone.
func (c *calls) over(at sim.Time, d, patience time.Duration) (end sim.Time, inTime bool) {
	x := call{at: at, takes: d, patience: patience}
	c.take(&x)
	return x.over, x.inTime
}

// TestCallsToTheRuntimeWaitInLine is its slow twin: a queue with so many servers, served in
// the order in which calls are made.
func TestCallsToTheRuntimeWaitInLine(t *testing.T) {
	luck := sim.New(sim.Config{Seed: 1}).Luck().Lane("calls").Draw(1, 1)
	for range 200 {
		var c calls
		busy := []sim.Time{}
		at := sim.Time(0)
		for range 60 {
			at = at.Add(luck.Duration(0, 200*time.Millisecond))
			d := luck.Duration(0, time.Second)
			busy = slices.DeleteFunc(busy, func(until sim.Time) bool { return until <= at })
			slices.Sort(busy)
			begin := at
			if n := len(busy) - callsAtOnce; n >= 0 {
				begin = busy[n]
			}
			busy = append(busy, begin.Add(d))
			if got, inTime := c.over(at, d, time.Hour); got != begin.Add(d) || !inTime {
				t.Fatalf("a call of %v at %v is over at %v, want %v", d, at, got, begin.Add(d))
			}
		}
	}
}

// together is how long sandboxes take of so many pods that a node starts together, with
// volumes that do not take the same time, and after how long each is started.
func together(seed uint64, pods int) (sandboxes, starts []time.Duration) {
	k := sim.New(sim.Config{Seed: seed})
	m := NewMachine(k, &model.Node{Meta: model.Meta{ID: 1, Name: "n"}}, Config{Registry: NewRegistry(k), Kubelet: deaf{}})
	type call struct {
		at  sim.Time
		s   *Sandbox
		run bool
	}
	var calls []call
	for i := range pods {
		s := m.Add(pod(uint32(i+1), model.Container{Name: "main"}), seed<<32|uint64(i))
		calls = append(calls, call{sim.Time(m.VolumesTime(s)), s, false})
	}
	for len(calls) > 0 {
		slices.SortStableFunc(calls, func(a, b call) int { return int(a.at - b.at) })
		c := calls[0]
		calls = calls[1:]
		if c.run {
			started, _ := m.StartBy(c.s, 0, c.at)
			starts = append(starts, time.Duration(started))
			continue
		}
		made, _ := m.SandboxBy(c.s, c.at)
		sandboxes = append(sandboxes, made.Sub(c.at))
		calls = append(calls, call{made, c.s, true})
	}
	slices.Sort(sandboxes)
	slices.Sort(starts)
	return sandboxes, starts
}

// Nobody publishes it; our estimate is that RunPodSandbox takes 150 to 500 ms on an idle node,
// and 1 to 3 s when 20 or more start together.
func TestASandboxTakes1To3SecondsWhen20StartTogether(t *testing.T) {
	var alone, all []time.Duration
	for seed := range uint64(50) {
		one, _ := together(seed, 1)
		twenty, _ := together(seed, 20)
		alone, all = append(alone, one...), append(all, twenty...)
	}
	slices.Sort(alone)
	slices.Sort(all)
	if half := alone[len(alone)/2]; half < 150*time.Millisecond || half > 500*time.Millisecond {
		t.Errorf("half of those that are made alone take %v", half)
	}
	if half, most := all[len(all)/2], all[len(all)*95/100]; half < time.Second || most > 3*time.Second {
		t.Errorf("of 20 together half take %v, 95 %% %v", half, most)
	}
}

// Another estimate of ours: of 30 to 110 simultaneous RunPodSandbox the last are started after
// 10 to 60 s.
func TestAMassRestartOf110PodsTakes10To60Seconds(t *testing.T) {
	for seed := range uint64(20) {
		if _, all := together(seed, 110); all[len(all)*99/100] < 10*time.Second || all[len(all)*99/100] > time.Minute {
			t.Errorf("seed %d: 99 %% are started after %v", seed, all[len(all)*99/100])
		}
	}
}

// TestAFewPodsDoNotWaitForTheRuntime, in whatever order it hears of their calls.
func TestAFewPodsDoNotWaitForTheRuntime(t *testing.T) {
	var c calls
	for i := range callsAtOnce {
		at := sim.Time(time.Second) * sim.Time(callsAtOnce-i)
		sandbox, _ := c.over(at, 10*time.Second, time.Hour)
		if started, _ := c.over(sandbox, time.Second, time.Hour); started != at.Add(11*time.Second) {
			t.Errorf("pod %d is started at %v", i, started)
		}
	}
}

// A call that is given up has its place only until then, and none if its turn never came.
func TestACallThatIsGivenUpGivesItsPlaceBack(t *testing.T) {
	var c calls
	for i, call := range []struct {
		takes, over time.Duration // with a patience of 10 s
		inTime      bool
	}{
		{10 * time.Second, 10 * time.Second, true}, {11 * time.Second, 10 * time.Second, false},
		{4 * time.Second, 4 * time.Second, true}, {4 * time.Second, 4 * time.Second, true},
		{6 * time.Second, 10 * time.Second, true}, {7 * time.Second, 10 * time.Second, false},
		{time.Second, 10 * time.Second, false}, // all four are taken till then
	} {
		over, inTime := c.over(0, call.takes, 10*time.Second)
		if over != sim.Time(call.over) || inTime != call.inTime {
			t.Errorf("call %d is over at %v, in time: %v", i, over, inTime)
		}
	}
	if over, inTime := c.over(sim.Time(time.Second), time.Second, 10*time.Second); over != sim.Time(11*time.Second) || !inTime {
		t.Errorf("one that may wait longer is over at %v, in time: %v", over, inTime)
	}
}

// What a pod was going to ask for it asks for no more, and who waited behind it comes sooner;
// what has been asked goes on.
func TestAPodThatWithdrawsItsCallsLeavesTheirPlacesToOthers(t *testing.T) {
	k := sim.New(sim.Config{Seed: 1})
	m := NewMachine(k, &model.Node{Meta: model.Meta{ID: 1, Name: "n"}}, Config{Registry: NewRegistry(k), Kubelet: deaf{}})
	var pods []*Sandbox
	for i := range callsAtOnce + 1 {
		pods = append(pods, m.Add(pod(uint32(i+1), model.Container{Name: "main"}), uint64(i)))
	}
	at := sim.Time(time.Second)
	for _, s := range pods {
		m.SandboxBy(s, at)
	}
	last := &m.asked[callsAtOnce]
	if last.begin == at {
		t.Fatal("the last does not wait")
	}
	if !m.Withdraw(pods[0]) || len(m.asked) != callsAtOnce {
		t.Fatalf("%d calls are left", len(m.asked))
	}
	for i := range m.asked {
		if x := &m.asked[i]; x.of == pods[0] || x.begin != at {
			t.Errorf("call %d begins at %v", i, x.begin)
		}
	}
	if m.Withdraw(pods[0]) {
		t.Error("it had two")
	}
	if err := k.Run(at); err != nil {
		t.Fatal(err)
	}
	if m.Withdraw(pods[1]) || len(m.asked) != callsAtOnce {
		t.Errorf("%d calls are left of those that were made", len(m.asked))
	}
}

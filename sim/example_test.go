package sim_test

import (
	"fmt"
	"time"

	"orrery/sim"
)

// dog watches for somebody who is silent for more than 10 seconds. It never takes
// a wake-up back: it keeps the deadline in a field, and a wake-up that finds the
// deadline moved asks for another one.
type dog struct {
	kernel   *sim.Kernel
	id       sim.ActorID
	deadline sim.Time
}

const (
	heard sim.Why = iota
	tooLate
)

func (d *dog) Wake(now sim.Time, why sim.Why, about uint64) {
	switch {
	case why == heard:
		fmt.Printf("%v: heard\n", now)
		d.deadline = now.Add(10 * time.Second)
	case now < d.deadline:
		fmt.Printf("%v: not yet\n", now)
		d.kernel.Post(d.deadline, d.id, tooLate, about)
	default:
		fmt.Printf("%v: barks\n", now)
	}
}

func Example() {
	k := sim.New(sim.Config{Seed: 1})
	d := &dog{kernel: k}
	d.id = k.Register("dog", d)
	k.Post(0, d.id, heard, 0)
	k.Post(sim.Time(6*time.Second), d.id, heard, 0)
	k.Post(sim.Time(10*time.Second), d.id, tooLate, 0)
	if err := k.Run(sim.Time(time.Hour)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(k.Now(), k.Events(), "events")
	// Output:
	// 0s: heard
	// 6s: heard
	// 10s: not yet
	// 16s: barks
	// 1h0m0s 4 events
}

// Luck is named: what an object draws does not depend on what others draw.
func ExampleLane() {
	pulls := sim.NewLuck(1).Lane("image pull")
	takes := sim.Lognormal(2*time.Second, 20*time.Second)
	for n := range uint64(3) {
		s := pulls.Draw(sim.HashName("node/n-0"), n)
		fmt.Println(takes.Draw(&s).Round(time.Millisecond))
	}
	// Output:
	// 859ms
	// 943ms
	// 1.111s
}

package network_test

import (
	"fmt"
	"time"

	"orrery/model/network"
	"orrery/sim"
)

// One direction of a link breaks: what the kubelet says is heard, but it gets no
// answer, so there is no connection.
func Example() {
	n := network.New(sim.New(sim.Config{Seed: 1}), network.DefaultProfile())
	control, worker := n.AddSite("cp-0", "a"), n.AddSite("n-1", "b")

	broken := n.Impair(network.Impairment{From: []network.Site{control}, To: []network.Site{worker}, Cut: true})
	fmt.Println(n.Reaches(worker, control), n.Reaches(control, worker), n.Connected(worker, control))
	n.Lift(broken)
	fmt.Println(n.Reaches(worker, control), n.Reaches(control, worker), n.Connected(worker, control))

	const sender = 7
	for nth := range uint64(2) {
		delay, _ := n.Delay(worker, control, sender, nth)
		again, _ := n.Delay(worker, control, sender, nth)
		fmt.Println(delay.Round(10*time.Microsecond), delay == again)
	}
	// Output:
	// true false false
	// true true true
	// 580µs true
	// 620µs true
}

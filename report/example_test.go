package report_test

import (
	"fmt"
	"os"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/store"
	"orrery/report"
	"orrery/sim"
)

// A node stops being Ready twelve seconds into a run, and somebody had
// promised that it would not.
func Example() {
	k := sim.New(sim.Config{Seed: 1})
	s := store.New(k, network.New(k, network.DefaultProfile()))
	controller := k.Register("node-lifecycle-controller", idle{})

	n := &model.Node{Meta: model.Meta{Kind: model.KindNode, Name: "n-1"}, Ready: model.Condition{Status: model.True}}
	s.Create(controller, n)
	k.Run(sim.Time(12 * time.Second))
	lost := *n
	lost.Ready = model.Condition{Status: model.Unknown, SinceAt: k.Now(), Reason: "NodeStatusUnknown"}
	s.Update(controller, &lost)
	k.Run(sim.Time(time.Minute))

	promise, err := report.ParseExpect("always(node_not_ready() == 0)")
	if err != nil {
		fmt.Println(err)
	}
	r := report.New(report.Meta{Scenario: "example", Seed: 1, End: k.Now()}, s.History(), []report.Expect{promise})
	r.WriteText(os.Stdout, false)

	_, err = report.ParseExpect("always(node_not_reddy() == 0)")
	fmt.Println(err)
	// Output:
	// scenario example
	//
	// what happened
	//   12s  node/n-1 not Ready
	//
	// at the end, after 1m0s
	//   nodes: 1, 1 not Ready: node/n-1
	//   pods: 0 Running
	//
	// what was promised
	//   ✗ always(node_not_ready() == 0)  1
	//       first broken at 12s
	//       what led to it, about node/n-1:
	//          0s  node/n-1 created by node-lifecycle-controller
	//         12s  node/n-1 updated by node-lifecycle-controller: Ready True → Unknown NodeStatusUnknown
	//
	// failed: 1 of 1 expectation
	//   seed 1, 0 events, 2 records
	// column 8: unknown metric "node_not_reddy"; did you mean node_not_ready?
}

type idle struct{}

func (idle) Wake(sim.Time, sim.Why, uint64) {}

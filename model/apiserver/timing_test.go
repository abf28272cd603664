package apiserver_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// loads is what was said of how long small requests took, and when.
func (c *caller) loads() (at []sim.Time, all []model.APILoad) {
	for i := range c.store.History().Len() {
		if r := c.store.History().At(i); r.Note != nil && r.Note.Load != nil && r.Note.Load.Level == "" {
			at, all = append(at, r.At), append(all, *r.Note.Load)
		}
	}
	return at, all
}

// Source: community/sig-scalability/slos/api_call_latency.md: the 99th percentile of
// small requests, over some minutes. Here it is by the minute, and nothing is said while
// all are quick.
func TestSlowRequestsAreToldOfByTheMinute(t *testing.T) {
	c := newCaller(t, "user", 4)
	ask := func(n int, between time.Duration) {
		for i := range n {
			c.client.Create(newPod(fmt.Sprint(c.Now(), "-", i)), 0)
			if err := c.Run(c.Now().Add(between)); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(100, 500*time.Millisecond)
	if _, all := c.loads(); len(all) != 0 {
		t.Fatalf("while all are quick: %+v", all)
	}
	if err := c.Run(sim.Time(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c.server.SetLatency(sim.Constant(300 * time.Millisecond))
	ask(50, 500*time.Millisecond)
	c.server.SetLatency(sim.Constant(2 * time.Second))
	ask(10, 500*time.Millisecond)
	c.server.SetLatency(sim.Dist{})
	if err := c.Run(sim.Time(4 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	at, all := c.loads()
	if len(all) != 2 || at[0] != sim.Time(2*time.Minute) || at[1] != sim.Time(3*time.Minute) {
		t.Fatalf("at %v: %+v, want one word after the minute and one when it is over", at, all)
	}
	if l := all[0]; l.Latency < 300*time.Millisecond || l.Latency > 400*time.Millisecond || l.Late < 2*time.Second || l.Late > 2200*time.Millisecond {
		t.Errorf("of 60 of which 50 take 0.3 s and 10 take 2 s: half %v, 99 of a hundred %v", l.Latency, l.Late)
	}
	if all[1] != (model.APILoad{}) {
		t.Errorf("when it is over: %+v", all[1])
	}
}

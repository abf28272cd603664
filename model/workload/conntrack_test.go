package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/workload"
	"orrery/sim"
)

// Source: cmd/kube-proxy/app/server_linux.go getConntrackMax with the defaults of
// pkg/proxy/apis/config/v1alpha1: max(32768 x cores, 131072).
func TestAConntrackTableHasRoomFor32768ConnectionsACoreAndNeverLessThan131072(t *testing.T) {
	for cores, want := range map[int64]int64{1: 131_072, 4: 131_072, 5: 163_840, 64: 2_097_152} {
		if got := workload.DefaultConntrack.Size(cores); got != want {
			t.Errorf("%d cores: %d entries, want %d", cores, got, want)
		}
	}
}

// tabled is n nodes with tables of a size, of which the last one sends to a pod on each of
// the others.
func tabled(t *testing.T, nodes int, size int64, steps ...workload.Step) (*rig, []model.Ref) {
	r := newRig(t, 1, nodes)
	r.tables = func(string) int64 { return size }
	pods := r.ready(&model.Service{}, nodes-1)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: steps}, From: fmt.Sprint("node/n-", nodes-1)})
	r.serve(true, pods...)
	return r, pods
}

// when is when a note of a reason came first, -1 if never.
func (r *rig) when(reason string) time.Duration {
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i); n.Note != nil && n.Note.Reason == reason {
			return n.At.Sub(0)
		}
	}
	return -1
}

// Source: nf_conntrack-sysctl, nf_conntrack_tcp_timeout_time_wait: 120 s. A connection that
// is over takes up its entry for so long, and a table without room drops the first packet
// of new ones ("nf_conntrack: table full, dropping packet").
func TestAFullConntrackTableDropsNewConnections(t *testing.T) {
	r, _ := tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000})
	r.after(69 * time.Second)
	r.says(t, "web", "200 rps from node/n-3: 200 served")
	r.after(2 * time.Second) // 200 a second for 60 s are 12,000
	r.says(t, "web", "200 rps from node/n-3: 100 served, 100 timed out, 100 of them dropped by a full conntrack table")
	if at := r.when(workload.ReasonConntrackFull); at < 69900*time.Millisecond || at > 70100*time.Millisecond {
		t.Errorf("full at %v, want 70s", at)
	}
	before := r.Events()
	r.after(time.Hour)
	if n := r.Events() - before; n > 100 {
		t.Errorf("%d events in an hour in which nothing changes", n)
	}
}

// Each kernel has its own table: that of the node with the endpoint fills, too, and a
// connection that stays on a node is one entry there.
func TestAConnectionIsAnEntryOnTheNodeThatSendsAndOnThatOfTheEndpoint(t *testing.T) {
	r := newRig(t, 1, 3)
	r.tables = func(node string) int64 {
		return map[string]int64{"n-0": 6_000, "n-1": 1_000_000, "n-2": 1_000_000}[node]
	}
	pods := r.ready(&model.Service{}, 2)
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 10 * time.Second, MilliRPS: 100_000}}}, From: "node/n-2"},
		workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 10 * time.Second, MilliRPS: 100_000}}}, From: "node/n-0"},
	)
	r.serve(true, pods...)
	r.after(10 * time.Minute)
	// n-0 sends 100 a second, half of them to itself, and gets 50 from n-2: 150 for 120 s
	// are 18,000, three times what there is room for.
	var from [2]string
	for _, n := range r.notes(0) {
		if n.Traffic != nil {
			switch n.Traffic.From {
			case "node/n-0":
				from[0] = n.Text()
			case "node/n-2":
				from[1] = n.Text()
			}
		}
	}
	want := [2]string{
		"100 rps from node/n-0: 33.332 served, 66.668 timed out, 66.668 of them dropped by a full conntrack table",
		"100 rps from node/n-2: 66.666 served, 33.334 timed out, 33.334 of them dropped by a full conntrack table",
	}
	if from != want {
		t.Errorf("got\n%q\nwant\n%q", from, want)
	}
}

// Connections that are kept are an entry each, whatever is sent through them, and those
// there are go on.
func TestKeptConnectionsAreOneEntryEachAndAreNotDropped(t *testing.T) {
	r := newRig(t, 1, 4)
	r.tables = func(string) int64 { return 1000 }
	pods := r.ready(&model.Service{}, 3)
	r.traffic(
		workload.Traffic{Service: "web", Rate: workload.Constant(500_000), From: "node/n-3", Connections: &workload.Connections{Each: 100, Silence: time.Minute}},
	)
	r.serve(true, pods...)
	r.after(10 * time.Minute)
	r.says(t, "web", "500 rps from node/n-3: 500 served")
	r.flows.FillConntrack(r.sites["n-3"], 950_000)
	r.after(10 * time.Minute)
	r.says(t, "web", "500 rps from node/n-3: 500 served")
	if r.when(workload.ReasonConntrackFull) < 0 {
		t.Error("100 connections have room in 50 entries")
	}
}

// A table that something else fills has less room at once, and all of it again afterwards.
func TestAConntrackTableThatSomethingElseFills(t *testing.T) {
	r, _ := tabled(t, 4, 100_000, workload.Step{At: 5 * time.Second, MilliRPS: 100_000})
	r.after(5 * time.Minute)
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	r.flows.FillConntrack(r.sites["n-3"], 950_000) // 5,000 are left for 12,000
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 41.666 served, 58.334 timed out, 58.334 of them dropped by a full conntrack table")
	r.flows.FillConntrack(r.sites["n-3"], 1_000_000)
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 0 served, 100 timed out, 100 of them dropped by a full conntrack table")
	r.flows.FillConntrack(r.sites["n-3"], 0)
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	if r.when(workload.ReasonConntrackFree) < 0 {
		t.Error("nobody said that the table has room again")
	}
}

// The slow twin remembers every connection for two minutes. The rate only grows: a table
// that is full for a moment, and not for good, drops nothing here. A small change waits for
// the next full second.
func TestATableIsFullWhenConnectionsOneByOneFillIt(t *testing.T) {
	for seed := range uint64(20) {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Lane("test").Draw(0, 0)
		const size = 10_000
		var steps []workload.Step
		milli := int64(0)
		for at := 5 * time.Second; at < 15*time.Minute; at += time.Duration(5+luck.Below(90)) * time.Second {
			milli += int64(1+luck.Below(20)) * 1000
			steps = append(steps, workload.Step{At: at, MilliRPS: milli})
		}
		var ends []time.Duration // of entries, in order
		want := time.Duration(-1)
		for k := 0; k < len(steps) && want < 0; k++ {
			until := 15 * time.Minute
			if k+1 < len(steps) {
				until = steps[k+1].At
			}
			gap := time.Duration(int64(time.Second) * 1000 / steps[k].MilliRPS)
			for at := steps[k].At; at < until; at += gap {
				for len(ends) > 0 && ends[0] <= at {
					ends = ends[1:]
				}
				if len(ends) == size {
					want = at
					break
				}
				ends = append(ends, at+120*time.Second)
			}
		}
		r, _ := tabled(t, 4, size, steps...)
		r.after(15 * time.Minute)
		got := r.when(workload.ReasonConntrackFull)
		if off := got - want; (got < 0) != (want < 0) || off > 1100*time.Millisecond || off < -200*time.Millisecond {
			t.Errorf("seed %d: full at %v, one by one at %v", seed, got, want)
		}
	}
}

// Source: nf_conntrack_udp_timeout: 30 s; a resolver asks for A and AAAA through one socket.
func TestAnEntryOfUDPLastsThirtySeconds(t *testing.T) {
	r := newRig(t, 1, 4)
	r.tables = func(string) int64 { return 1500 }
	pods := r.ready(&model.Service{UDP: true}, 3)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 100_000}}}, From: "node/n-3"})
	r.serve(true, pods...)
	r.after(10 * time.Minute)
	r.says(t, "web", "100 rps from node/n-3: 50 served, 50 timed out, 50 of them dropped by a full conntrack table")
}

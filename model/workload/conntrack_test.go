package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
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
// of new ones ("nf_conntrack: table full, dropping packet"). None leaves before the first of
// those that filled it, and then as many as came.
func TestAFullConntrackTableLetsConnectionsInInWaves(t *testing.T) {
	r, _ := tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000})
	all, none := "200 rps from node/n-3: 200 served", "200 rps from node/n-3: 0 served, 200 timed out, 200 of them dropped by a full conntrack table"
	for _, x := range []struct {
		at   time.Duration
		says string
	}{{69 * time.Second, all}, {71 * time.Second, none}, {129 * time.Second, none}, {131 * time.Second, all}, {189 * time.Second, all}, {191 * time.Second, none}} {
		r.after(x.at - r.Now().Sub(0))
		r.says(t, "web", x.says)
	}
	if at := r.when(workload.ReasonConntrackFull); at < 69900*time.Millisecond || at > 70100*time.Millisecond {
		t.Errorf("full at %v, want 70s", at)
	}
}

// Waves that nothing keeps up melt, and what comes from outside makes new ones.
func TestATableThatStaysFullComesToRestUntilSomethingElseComes(t *testing.T) {
	all, none := "200 rps from node/n-3: 200 served", "200 rps from node/n-3: 0 served, 200 timed out, 200 of them dropped by a full conntrack table"
	r, _ := tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000}, workload.Step{At: 5 * time.Hour, MilliRPS: 0}, workload.Step{At: 5*time.Hour + 5*time.Minute, MilliRPS: 200_000})
	r.after(20*time.Minute + 9*time.Second)
	r.says(t, "web", none)
	r.after(2 * time.Second)
	r.says(t, "web", all)
	r.after(2*time.Hour - 20*time.Minute)
	before := r.Events()
	r.after(2 * time.Hour)
	r.says(t, "web", "200 rps from node/n-3: 100 served, 100 timed out, 100 of them dropped by a full conntrack table")
	if n := r.Events() - before; n > 4 {
		t.Errorf("%d events in two hours in which nothing happens", n)
	}
	r.after(5*time.Hour + 5*time.Minute - r.Now().Sub(0))
	for _, x := range []struct {
		after time.Duration
		says  string
	}{{59 * time.Second, all}, {2 * time.Second, none}, {58 * time.Second, none}, {2 * time.Second, all}, {58 * time.Second, all}, {2 * time.Second, none}} {
		r.after(x.after)
		r.says(t, "web", x.says)
	}
}

// The slow twin remembers every connection for two minutes, and up to twenty seconds more or
// fewer, so that its waves melt within an hour: the long run is the same, whatever melts them.
func TestTablesThatFillOneAnotherRestWhereConnectionsOneByOneDo(t *testing.T) {
	for seed := range uint64(8) {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Lane("test").Draw(0, 0)
		nodes := 2 + int(luck.Below(3))
		sizes, rates := make([]int64, nodes), make([]int64, nodes)
		r := newRig(t, 1, nodes)
		r.tables = func(node string) int64 { return sizes[node[2]-'0'] }
		var sources []workload.Traffic
		for i := range nodes {
			sizes[i], rates[i] = 3000+int64(luck.Below(6000)), 30+int64(luck.Below(120))
			sources = append(sources, workload.Traffic{Service: "web", Rate: workload.Constant(rates[i] * 1000), From: fmt.Sprint("node/n-", i)})
		}
		pods := r.ready(&model.Service{}, nodes)
		r.traffic(sources...)
		r.serve(true, pods...)
		r.after(2 * time.Hour)
		before := r.Events()
		r.after(time.Hour)
		if n := r.Events() - before; n > 4 {
			t.Errorf("seed %d: %d events in an hour in which nothing happens", seed, n)
		}
		got, want := int64(0), lasting(&luck, sizes, rates)
		for i := range nodes {
			got += r.last(fmt.Sprint("node/n-", i)).ServedMilliRPS
		}
		if off := got - want; off > want/25 || off < -want/25 {
			t.Errorf("seed %d, sizes %d, rates %d: %d served, one by one %d", seed, sizes, rates, got, want)
		}
	}
}

// lasting is how many thousandths of connections a second get through in the second hour, from
// any node, each of which opens some a second, to any, as both have entries of each.
func lasting(luck *sim.Stream, sizes, rates []int64) int64 {
	const second = 500 // moments
	const hour = 3600 * second
	has, gone := make([]int64, len(sizes)), make([][]int64, len(sizes)) // entries, and those that leave by moment
	for i := range gone {
		gone[i] = make([]int64, 2*hour+140*second)
	}
	enter := func(node, now int) bool {
		if has[node] >= sizes[node] {
			return false
		}
		has[node]++
		gone[node][now+100*second+int(luck.Below(40*second))]++
		return true
	}
	served := int64(0)
	for now := range 2 * hour {
		for i := range sizes {
			has[i] -= gone[i][now]
			if int64(luck.Below(second)) >= rates[i] {
				continue
			}
			to := int(luck.Below(uint64(len(sizes))))
			if enter(i, now) && (to == i || enter(to, now)) && now >= hour {
				served++
			}
		}
	}
	return served * 1000 / 3600
}

// A table so large that what comes more would fill it in centuries never fills.
func TestALargeTableIsNotFullForALittleMore(t *testing.T) {
	r, _ := tabled(t, 4, 1_000_000_000, workload.Step{At: 10 * time.Second, MilliRPS: 10_000}, workload.Step{At: 5 * time.Minute, MilliRPS: 10_050})
	r.after(10 * time.Minute)
	r.says(t, "web", "10.05 rps from node/n-3: 10.05 served")
	if at := r.when(workload.ReasonConntrackFull); at >= 0 {
		t.Errorf("full at %v", at)
	}
}

// Source: nf_conntrack_tcp_timeout_time_wait: 120 s, as above.
func TestABurstThatStopsFillsTheTableUntilItsEntriesExpire(t *testing.T) {
	r, _ := tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 1_000_000}, workload.Step{At: 30 * time.Second, MilliRPS: 10_000})
	r.after(31 * time.Second)
	r.says(t, "web", "10 rps from node/n-3: 0 served, 10 timed out, 10 of them dropped by a full conntrack table")
	r.after(98 * time.Second) // the first of the burst came at 10 s
	r.says(t, "web", "10 rps from node/n-3: 0 served, 10 timed out, 10 of them dropped by a full conntrack table")
	r.after(2 * time.Second)
	r.says(t, "web", "10 rps from node/n-3: 10 served")
	r.after(time.Hour)
	r.says(t, "web", "10 rps from node/n-3: 10 served")
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
	// n-0 sends 100 a second, half of them to itself, and gets 50 from n-2: 6,000 in 40 s.
	r.after(51 * time.Second)
	if at := r.when(workload.ReasonConntrackFull); at < 49900*time.Millisecond || at > 50100*time.Millisecond {
		t.Errorf("full at %v, want 50s", at)
	}
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
		"100 rps from node/n-0: 0 served, 100 timed out, 100 of them dropped by a full conntrack table",
		"100 rps from node/n-2: 50 served, 50 timed out, 50 of them dropped by a full conntrack table",
	}
	if from != want {
		t.Errorf("got\n%q\nwant\n%q", from, want)
	}
}

// Source: net/netfilter/nf_conntrack_proto_tcp.c: an entry whose only answer is a reset is
// forgotten at once.
func TestAConnectionThatIsRefusedLeavesNoEntry(t *testing.T) {
	r, pods := tabled(t, 4, 1_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000})
	r.serve(false, pods...)
	r.after(10 * time.Minute)
	r.says(t, "web", "200 rps from node/n-3: 0 served, 200 refused")
	if at := r.when(workload.ReasonConntrackFull); at >= 0 {
		t.Errorf("full at %v of connections that nobody has", at)
	}
}

// Who is dropped has no entry while it waits for its answer in vain, nor has who asks an endpoint that is
// not there: of twice as many connections as there is room for half get in, however long the others wait.
func TestWhoIsDroppedTakesUpNoEntryWhileItWaits(t *testing.T) {
	for _, timeout := range []time.Duration{0, 5 * time.Second, time.Minute} {
		r := newRig(t, 1, 4)
		r.tables = func(string) int64 { return 12_000 }
		pods := r.ready(&model.Service{}, 3)
		r.traffic(workload.Traffic{Service: "web", Rate: workload.Constant(200_000), From: "node/n-3", Timeout: timeout})
		r.serve(true, pods...)
		r.after(4 * time.Hour)
		if got := r.rates("web", "node/n-3").ServedMilliRPS; got < 99_000 || got > 101_000 {
			t.Errorf("who waits %v: %d thousandths a second are let in, by hand 100,000", timeout, got)
		}
		r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-3"]}, To: []network.Site{r.sites["n-0"], r.sites["n-1"]}, Cut: true})
		r.after(4 * time.Hour)
		if got := r.rates("web", "node/n-3").ServedMilliRPS; got < 66_000 || got > 67_000 {
			t.Errorf("who waits %v: %d thousandths a second are served by the one of three endpoints that is there", timeout, got)
		}
	}
}

// An endpoint's machine has as many entries as connections to it are opened, whatever becomes of those to
// other endpoints: 200 a second to three of which two refuse are 67 at the third, 6,000 in 90 s.
func TestAnEndpointsMachineHasAnEntryForEachConnectionToIt(t *testing.T) {
	r := newRig(t, 1, 4)
	r.tables = func(node string) int64 {
		return map[string]int64{"n-0": 6_000, "n-1": 1_000, "n-2": 1_000, "n-3": 1_000_000}[node]
	}
	pods := r.ready(&model.Service{}, 3)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 10 * time.Second, MilliRPS: 200_000}}}, From: "node/n-3"})
	r.serve(true, pods[0])
	r.after(5 * time.Minute)
	if at := r.when(workload.ReasonConntrackFull); at < 99900*time.Millisecond || at > 100100*time.Millisecond {
		t.Errorf("full at %v, want 100s", at)
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

// A table that something else fills has less room at once: nothing is let in until what
// there is has left. It has all of it again afterwards.
func TestAConntrackTableThatSomethingElseFills(t *testing.T) {
	r, _ := tabled(t, 4, 100_000, workload.Step{At: 5 * time.Second, MilliRPS: 100_000})
	r.after(5 * time.Minute)
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	r.flows.FillConntrack(r.sites["n-3"], 950_000) // 5,000 are left for 12,000
	r.after(69 * time.Second)
	r.says(t, "web", "100 rps from node/n-3: 0 served, 100 timed out, 100 of them dropped by a full conntrack table")
	r.after(2 * time.Second) // 7,000 have left
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	r.flows.FillConntrack(r.sites["n-3"], 1_000_000)
	r.after(10 * time.Minute)
	r.says(t, "web", "100 rps from node/n-3: 0 served, 100 timed out, 100 of them dropped by a full conntrack table")
	r.flows.FillConntrack(r.sites["n-3"], 0)
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	if r.when(workload.ReasonConntrackFree) < 0 {
		t.Error("nobody said that the table has room again")
	}
}

// The slow twin remembers every connection for two minutes. A small change waits for the
// next full second.
func TestATableTakesAndDropsAsConnectionsOneByOne(t *testing.T) {
	for seed := range uint64(20) {
		luck := sim.New(sim.Config{Seed: seed}).Luck().Lane("test").Draw(0, 0)
		const size, minutes = 10_000, 30
		var steps []workload.Step
		for at := 5 * time.Second; at < minutes*time.Minute; at += time.Duration(2+luck.Below(90)) * time.Second {
			steps = append(steps, workload.Step{At: at, MilliRPS: int64(1+luck.Below(300)) * 1000})
		}
		var want [minutes * 60]int64 // connections let in, by second
		var ends []time.Duration     // of entries, in order
		first := time.Duration(-1)
		for k := range steps {
			until := minutes * time.Minute
			if k+1 < len(steps) {
				until = min(until, steps[k+1].At)
			}
			gap := time.Duration(int64(time.Second) * 1000 / steps[k].MilliRPS)
			for at := steps[k].At; at < until; at += gap {
				for len(ends) > 0 && ends[0] <= at {
					ends = ends[1:]
				}
				if len(ends) < size {
					ends = append(ends, at+120*time.Second)
					want[at/time.Second]++
				} else if first < 0 {
					first = at
				}
			}
		}
		r, _ := tabled(t, 4, size, steps...)
		off, all := int64(0), int64(0)
		for s := range want {
			r.after(500 * time.Millisecond)
			got := int64(0)
			if told := r.last("node/n-3"); told != nil {
				got = told.ServedMilliRPS
			}
			off, all = off+max(got-want[s]*1000, want[s]*1000-got), all+want[s]*1000
			r.after(500 * time.Millisecond)
		}
		if off*100 > all*3 {
			t.Errorf("seed %d: %d of %d thousandths of connections are let in at another time", seed, off, all)
		}
		if got := r.when(workload.ReasonConntrackFull); (got < 0) != (first < 0) || got-first > 1100*time.Millisecond || got-first < -200*time.Millisecond {
			t.Errorf("seed %d: full at %v, one by one at %v", seed, got, first)
		}
	}
}

// Source: net/netfilter/nf_conntrack_core.c, early_drop: a full table gives up an entry that
// is not assured for a new one, if there is any in eight buckets; net/netfilter/
// nf_conntrack_proto_udp.c: one of UDP is not assured in its first two seconds.
func TestEntriesOfUDPAreGivenUpForNewOnes(t *testing.T) {
	r := newRig(t, 1, 4)
	r.tables = func(string) int64 { return 1500 } // 100 a second for 30 s are 3,000
	pods := r.ready(&model.Service{UDP: true}, 3)
	r.traffic(workload.Traffic{Service: "web", Rate: workload.Rate{Steps: []workload.Step{{At: 5 * time.Second, MilliRPS: 100_000}}}, From: "node/n-3"})
	r.serve(true, pods...)
	r.after(10 * time.Minute)
	r.says(t, "web", "100 rps from node/n-3: 100 served")
	r.flows.FillConntrack(r.sites["n-3"], 990_000) // 0.99 to the power of 64
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 47.8 served, 52.2 timed out, 52.2 of them dropped by a full conntrack table")
	r.flows.FillConntrack(r.sites["n-3"], 1_000_000)
	r.after(time.Second)
	r.says(t, "web", "100 rps from node/n-3: 0 served, 100 timed out, 100 of them dropped by a full conntrack table")
}

// Who asks what would fill a table is told so, and that it is what came before if not.
func TestAFullTableSaysWhatFillsIt(t *testing.T) {
	r, _ := tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000})
	r.after(75 * time.Second)
	if got, want := r.noted(workload.ReasonConntrackFull), "nf_conntrack: table full, dropping packet: room for 12000 entries, 24000 would be needed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r, _ = tabled(t, 4, 12_000, workload.Step{At: 10 * time.Second, MilliRPS: 200_000}, workload.Step{At: 65 * time.Second, MilliRPS: 99_000})
	r.after(80 * time.Second)
	if got, want := r.noted(workload.ReasonConntrackFull), "nf_conntrack: table full, dropping packet: room for 12000 entries, which are taken by connections that closed in the last two minutes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// noted is what the first note of a reason says.
func (r *rig) noted(reason string) string {
	h := r.store.History()
	for i := range h.Len() {
		if n := h.At(i); n.Note != nil && n.Note.Reason == reason {
			return n.Note.Message
		}
	}
	return ""
}

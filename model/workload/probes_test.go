package workload_test

import (
	"fmt"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/network"
	"orrery/model/workload"
)

// fails is what the machine was told of a pod's probes of a kind: late, and refused.
func (r *rig) fails(p model.Ref, kind model.ProbeKind) string {
	x := r.probed[[2]uint32{p.ID, uint32(kind)}]
	return fmt.Sprint(x[0]/1000, " ", x[1]/1000)
}

// probed is a pod whose three probes go all of a request's way, wait in its queue only,
// and ask a Service.
func probed(needs string) []workload.Probe {
	return []workload.Probe{
		{Kind: model.Liveness, Timeout: time.Second, Period: 10 * time.Second, Works: true},
		{Kind: model.Readiness, Timeout: time.Second, Period: 10 * time.Second, Queues: true},
		{Kind: model.Startup, Timeout: time.Second, Period: 10 * time.Second, Needs: needs},
	}
}

// asking has the probes of the front's pods ask the back.
func asking() workload.Call {
	return workload.Call{
		Namespace: "default", From: "probes that need service/back", Service: "back", Probes: true,
		Makes: func(p *model.Pod) bool { return p.Labels.Value("app") == "front" },
	}
}

// A probe waits as requests do, and does what they do only if it is like one: calls
// that take 2 s make a page late and not a health check, as long as workers are free.
func TestAProbeFaresLikeTheRequestsWhoseWayItGoes(t *testing.T) {
	r, pods := shop(t, 1, calling("front", "back", 1000, 0))
	r.probes = probed("")
	r.work.Workers = 100
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
	if got := r.fails(pods[0], model.Liveness) + ", " + r.fails(pods[0], model.Readiness); got != "0 0, 0 0" {
		t.Errorf("at rest %s", got)
	}
	r.flows.Slow(pods[1].ID, 2*time.Second)
	r.after(time.Second)
	if got := r.fails(pods[0], model.Liveness) + ", " + r.fails(pods[0], model.Readiness); got != "1000 0, 0 0" {
		t.Errorf("with slow calls %s", got)
	}
	r.flows.Slow(pods[0].ID, 8*time.Second)                       // 10 s for each of 100 workers: 10 requests a second
	r.after(10 * time.Second)                                     // by then all are held
	if got := r.fails(pods[0], model.Readiness); got != "0 505" { // Erlang's B(100, 200)
		t.Errorf("with all workers held %s", got)
	}
	r.flows.Slow(pods[0].ID, -8*time.Second)
	r.flows.Slow(pods[1].ID, -2*time.Second)
	r.after(time.Second)
	if got := r.fails(pods[0], model.Liveness) + ", " + r.fails(pods[0], model.Readiness); got != "0 0, 0 0" {
		t.Errorf("afterwards %s", got)
	}
}

// Where requests queue for a worker, a probe that finds the queue full gets no
// connection, and one that finds room waits for all before it.
func TestAProbeWaitsInAQueueThatIsFull(t *testing.T) {
	r, pods := shop(t, 1)
	r.probes = probed("")
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 2, Queue: 4}
	rates := func(front int64) {
		r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(front)})
		r.after(10 * time.Second) // until the queue is full
	}
	rates(25_000) // of 20 for which there is room: 4 that wait need a fifth of a second
	if got := r.fails(pods[0], model.Readiness); got != "221 0" {
		t.Errorf("%s, want a fifth that finds no room, and some more by chance", got)
	}
	r, pods = shop(t, 1)
	r.probes = probed("")
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 2, Queue: 40}
	rates(25_000) // 2 s
	if got := r.fails(pods[0], model.Readiness); got != "1000 0" {
		t.Errorf("%s, want none that is answered in a second", got)
	}
}

// A process without CPU for its requests answers probes late, or not at all.
func TestAProbeWaitsForCPU(t *testing.T) {
	r, pods := shop(t, 1)
	r.probes = probed("")
	r.work = workload.Work{CPU: 10 * time.Millisecond}
	r.capacity[pods[0]] = 50_000 // 100 at a time take 2 s on the average
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(60_000)})
	r.after(10 * time.Second) // until it is full
	if got := r.fails(pods[0], model.Readiness); got != "662 0" {
		t.Errorf("overloaded: %s, want six of ten that take more than a second, and a sixth of the others that are turned away", got)
	}
}

// A probe that needs a Service asks its endpoints by the rules of its own machine.
func TestAProbeThatNeedsAServiceFaresAsItsRequestsDo(t *testing.T) {
	r, pods := shop(t, 2, asking())
	r.probes = probed("back")
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(20_000)})
	front, back := pods[:2], pods[2:]
	want := func(what, first, second string) {
		t.Helper()
		r.after(3 * time.Second)
		if a, b := r.fails(front[0], model.Startup), r.fails(front[1], model.Startup); a != first || b != second {
			t.Errorf("%s: %s and %s, want %s and %s", what, a, b, first, second)
		}
	}
	want("at rest", "0 0", "0 0")
	if asked := r.rates("back", asking().From); asked.OfferedMilliRPS != 200 {
		t.Errorf("two probes, each every 10 s, send %d thousandths a second", asked.OfferedMilliRPS)
	}
	r.flows.ServingChanged(back[0], false)
	want("one of two is gone", "0 500", "0 500")
	r.flows.ServingChanged(back[1], false)
	want("both are gone", "0 1000", "0 1000")
	r.flows.Hang(back[0].ID, true)
	want("one hangs, so all fail, late or not", "1000 0", "1000 0")
	r.flows.Hang(back[0].ID, false)
	r.flows.ServingChanged(back[0], true)
	r.flows.ServingChanged(back[1], true)
	want("both are back", "0 0", "0 0")
	cut := r.net.Impair(network.Impairment{From: []network.Site{r.sites["n-0"]}, To: []network.Site{r.sites["n-1"], r.sites["n-2"]}, Cut: true})
	want("the first front's machine, which has no back, is cut off", "1000 0", "0 0")
	r.net.Lift(cut)
	want("healed", "0 0", "0 0")
	r.endpoints("back")
	want("no endpoints", "0 1000", "0 1000")
}

// Requests that are turned away cost no CPU.
func TestAMachineIsToldForHowManyRequestsThereAreWorkers(t *testing.T) {
	r, pods := shop(t, 1)
	r.work = workload.Work{Latency: 100 * time.Millisecond, Workers: 2}
	r.sends(t, pods, workload.Traffic{Service: "front", Rate: workload.Constant(50_000)})
	if r.load[pods[0].ID] != 50_000 || r.working[pods[0].ID] != 16_217 { // Erlang's B(2, 5) is 0.6757
		t.Errorf("%d arrive, %d are worked at", r.load[pods[0].ID], r.working[pods[0].ID])
	}
}

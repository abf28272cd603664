package scenarios_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// experiment is played kubelets of which some fall silent at zero.
type experiment struct {
	sizes []int  // nodes by zone: a, b, c
	lost  string // which, as fields of the fault
	heal  string // "" is never
	end   time.Duration
}

const silentAt = 2 * time.Minute

// outcomes plays an experiment of 60 pods with some seeds.
func (e experiment) outcomes(t *testing.T, each func(t *testing.T, lines []line)) {
	t.Helper()
	heal := ""
	if e.heal != "" {
		heal = "for: " + e.heal + ", "
	}
	fault := fmt.Sprintf("  - {at: %v, %sfault: kubelet-stop, %s}\n", silentAt, heal, e.lost)
	text := playedZones(e.sizes, 60, nil, fault, "1h")
	path := filepath.Join(folder(t, map[string]string{"zone.yaml": text}), "zone.yaml")
	for seed := range uint64(8) {
		x := play(t, path, seed+1, sim.Time(silentAt+e.end))
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			each(t, timeline(x.Store.History(), sim.Time(silentAt)))
			pods := 0
			x.Store.Snapshot().Each(model.KindPod, func(o model.Object) bool {
				if o.(*model.Pod).Active() {
					pods++
				}
				return true
			})
			if pods != 60 {
				t.Errorf("at the end there are %d pods, want 60", pods)
			}
		})
	}
}

// evicted wants pods to be deleted from these nodes only, 300 s after the taint,
// and replaced. It returns how many were.
func evicted(t *testing.T, lines []line) int {
	t.Helper()
	_, out := times(lines, "node", "NoExecute")
	gone, fresh := sequence(lines, "deleting"), sequence(lines, "added")
	for _, l := range lines {
		if node, ok := strings.CutPrefix(l.What, "deleting node="); ok {
			if at, tainted := out[node]; !tainted || l.T-at < 300 || l.T-at > 300.15 {
				t.Errorf("%s was deleted at %.3f s, the taint of %s came at %.3f s", l.Name, l.T, node, at)
			}
		}
	}
	if len(gone) != len(fresh) {
		t.Fatalf("%d pods deleted, %d created", len(gone), len(fresh))
	}
	for i := range gone {
		if lag := fresh[i] - gone[i]; lag < 0 || lag > 0.1 {
			t.Errorf("replacement %d came %.3f s after the deletion", i, lag)
		}
	}
	return len(gone)
}

// Source: spec of the node lifecycle controller: one node is lost among many of
// its zone: "first node at once".
func TestASilentNodeIsTaintedAtOnceAndItsPodsGoAfterFiveMinutes(t *testing.T) {
	late := 0
	experiment{[]int{10, 10, 10}, "target: node/node-b-4", "", 10 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		p := passes(lines)
		_, out := times(lines, "node", "NoExecute")
		if len(p) != 1 || len(p[0].nodes) != 1 || len(out) != 1 {
			t.Fatalf("%d passes found nodes, %d were tainted", len(p), len(out))
		}
		if p[0].first < 39.9 || p[0].first > 55.2 {
			t.Errorf("found at %.3f s", p[0].first)
		}
		switch lag := out["node-b-4"] - p[0].first; {
		case lag > 10 && lag < 10.2: // the poll came before the watch: it let the node go
			late++
		case lag < 0 || lag > 0.2:
			t.Errorf("tainted %.3f s after it was found", lag)
		}
		if n := evicted(t, lines); n != 2 {
			t.Errorf("%d pods evicted, want 2", n)
		}
	})
	if late > 1 {
		t.Errorf("%d times the first taint came late", late)
	}
}

// disrupted is the end of the pass after which so many nodes of a zone were
// known to be silent.
func disrupted(lines []line, nodes int) float64 {
	n := 0
	all := passes(lines)
	for i, p := range all {
		if n += len(p.nodes); n < nodes {
			continue
		}
		end := p.last
		for _, l := range lines { // the pass marks pods, too
			if l.What == "ready=false" && l.T > end && (i+1 == len(all) || l.T < all[i+1].first) {
				end = l.T
			}
		}
		return end
	}
	return 0
}

// Source: ComputeZoneState (55 % and more than 2) and ReducedQPSFunc (0 up to 50
// nodes), pkg/controller/nodelifecycle/node_lifecycle_controller.go.
func TestMostOfAZoneOf40EvictsNothingOnceItIsFoundDisrupted(t *testing.T) {
	experiment{[]int{40, 10, 10}, "zone: a, count: 24", "", 20 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		at := disrupted(lines, 22)
		turns, out := times(lines, "node", "NoExecute")
		if len(turns) == 0 {
			t.Error("nothing was tainted before the zone was found disrupted")
		}
		for i, n := range turns {
			if out[n] > at+0.1 {
				t.Errorf("%s was tainted at %.3f s, and the zone was disrupted at %.3f s", n, out[n], at)
			}
			if i > 0 && out[n]-out[turns[i-1]] < 9.9 {
				t.Errorf("%s was tainted %.3f s after the one before", n, out[n]-out[turns[i-1]])
			}
		}
		evicted(t, lines)
	})
}

// Source: as above: 0.01 nodes a second in a zone of more than 50 nodes; SwapLimiter
// in scheduler/rate_limited_queue.go: the new limiter starts without a token if
// the old one had none.
func TestMostOfAZoneOf60EvictsANodeIn100Seconds(t *testing.T) {
	experiment{[]int{60, 10, 10}, "zone: a, count: 36", "", 15 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		at := disrupted(lines, 33)
		turns, out := times(lines, "node", "NoExecute")
		last := at
		for _, n := range turns {
			if out[n] < at+0.1 {
				continue
			}
			if gap := out[n] - last; gap < 99.9 || gap > 100.3 {
				t.Errorf("%s was tainted at %.3f s, %.3f s after the one before or the disruption", n, out[n], gap)
			}
			last = out[n]
		}
		if last < 800 {
			t.Errorf("the last taint came at %.3f s", last)
		}
		evicted(t, lines)
	})
}

// Source: handleDisruption: "Controller detected that all Nodes are not-Ready.
// Entering master disruption mode"; and markNodeAsReachable takes the taints.
func TestAllZonesSilentEvictNothingAndHealAtOnce(t *testing.T) {
	experiment{[]int{10, 10, 10}, "count: 100%", "12m", 30 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		if _, unknown := times(lines, "node", "Ready=Unknown"); len(unknown) != 30 {
			t.Errorf("%d nodes were found", len(unknown))
		}
		if n := len(sequence(lines, "deleting")) + len(sequence(lines, "added")); n != 0 {
			t.Errorf("%d pods were deleted or created", n)
		}
		healed(t, lines, 30, 720)
	})
}

// healed wants nodes ready soon after the kubelets came back, without taints a
// monitor pass later, and all endpoints ready.
func healed(t *testing.T, lines []line, nodes int, at float64) {
	t.Helper()
	if names, ready := times(lines, "node", "Ready=True"); len(names) != nodes {
		t.Errorf("%d nodes were ready again, want %d", len(names), nodes)
	} else if last := ready[names[nodes-1]]; last < at || last > at+0.5 {
		t.Errorf("the last node was ready at %.3f s", last)
	}
	taints := map[string]line{}
	var endpoints line
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l.What, "taints="):
			taints[l.Name] = l
		case l.Kind == "endpoints":
			endpoints = l
		}
	}
	for n, l := range taints { //tidy:commutative each for itself
		// Each needs a read and a patch of the 20 requests a second.
		if l.What != "taints=" || l.T > at+6+float64(nodes)*0.2 {
			t.Errorf("%s has %s at %.3f s", n, l.What, l.T)
		}
	}
	if endpoints.What != "ready 60" || endpoints.T > at+10 {
		t.Errorf("the last of the endpoints is %q at %.3f s", endpoints.What, endpoints.T)
	}
}

// Source: pkg/controller/tainteviction: no taint, no deletion; tolerationSeconds
// of 300 from the admission plugin DefaultTolerationSeconds.
func TestAZoneThatHealsAfterFourMinutesLosesNoPod(t *testing.T) {
	experiment{[]int{10, 10, 10}, "zone: b", "4m", 20 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		if n := len(sequence(lines, "deleting")) + len(sequence(lines, "added")); n != 0 {
			t.Errorf("%d pods were deleted or created", n)
		}
		healed(t, lines, 10, 240)
	})
}

// Source: as above: the pods of a node go if its taint lasted five minutes, and
// only they; what is deleted ends when its kubelet is back. The taints go with the
// next pass of the monitor.
func TestAZoneThatHealsAfterSevenMinutesLosesThePodsWhoseTimeWasUp(t *testing.T) {
	experiment{[]int{10, 10, 10}, "zone: b", "7m", 20 * time.Minute}.outcomes(t, func(t *testing.T, lines []line) {
		_, out := times(lines, "node", "NoExecute")
		nodes := 0
		for _, l := range lines {
			if l.Kind == "node" && l.T > 420 && strings.HasPrefix(l.What, "taints=") && !strings.Contains(l.What, "NoExecute") && l.T-out[l.Name] > 300 {
				out[l.Name] = l.T // each counts once
				nodes++
			}
		}
		if n := evicted(t, lines); n != 2*nodes || nodes < 7 || nodes > 9 {
			t.Errorf("%d pods evicted, and the taints of %d nodes lasted five minutes", n, nodes)
		}
		gone := sequence(lines, "gone")
		if len(gone) != 2*nodes || gone[0] < 421 || gone[len(gone)-1] > 427 {
			t.Errorf("deleted pods ended at %v, want a second after the kubelets came back", gone)
		}
		healed(t, lines, 10, 420)
	})
}

// Source: pkg/controller/deployment/rolling.go with the defaults 25 % and 25 %,
// rounded up and down. What counts for the surge is what the ReplicaSets are told:
// the pods follow as fast as their controller's 20 requests a second allow.
func TestARollingUpdateGoesInWavesWithinItsBounds(t *testing.T) {
	text := playedZones([]int{10, 10, 10}, 60, nil, "  - {at: 2m, do: set-image, target: deployment/web, container: web, image: \"web:2\"}\n", "10m")
	path := filepath.Join(folder(t, map[string]string{"zone.yaml": text}), "zone.yaml")
	for seed := range uint64(4) {
		x := play(t, path, seed+1, sim.Time(8*time.Minute))
		surge(t, x.Store.History())
		lines := timeline(x.Store.History(), sim.Time(silentAt))
		ready := 60
		for _, l := range lines {
			switch {
			case strings.HasPrefix(l.What, "deleting"):
				ready-- // each was ready before
			case l.What == "ready=true":
				ready++
			}
			if ready < 45 {
				t.Fatalf("seed %d: at %.3f s %d pods are ready", seed+1, l.T, ready)
			}
		}
		last, added := lines[len(lines)-1].T, len(sequence(lines, "added"))
		if added != 60 || ready != 60 || last < 6 || last > 20 {
			t.Errorf("seed %d: %d pods created, %d ready, done at %.3f s", seed+1, added, ready, last)
		}
	}
}

// surge wants all ReplicaSets together to be told at most 75 pods.
func surge(t *testing.T, h *store.History) {
	t.Helper()
	told := map[uint32]int32{}
	for i := range h.Len() {
		set, ok := h.At(i).New.(*model.ReplicaSet)
		if !ok || h.At(i).Verb == store.Noted {
			continue
		}
		told[set.ID] = set.Replicas
		sum := int32(0)
		for _, n := range told { //tidy:commutative a sum
			sum += n
		}
		if sum > 75 {
			t.Errorf("%v: the ReplicaSets are told %d pods", h.At(i).At, sum)
		}
	}
}

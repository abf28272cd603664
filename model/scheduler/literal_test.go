package scheduler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/model/store"
	"orrery/sim"
)

// story is the history as text.
func (w *world) story() string {
	var b strings.Builder
	h := w.store.History()
	for i := range h.Len() {
		r := h.At(i)
		fmt.Fprintf(&b, "%d %d %v ", r.At, r.Revision, r.Verb)
		if r.Verb == store.Noted {
			fmt.Fprintf(&b, "%s %s %s\n", r.Note.Path(), r.Note.Reason, r.Note.Message)
			continue
		}
		fmt.Fprintf(&b, "%s %v\n", r.Object().Head().Path(), model.Diff(r.Old, r.New))
	}
	return b.String()
}

// eventful is an hour in which pods of many priorities come and go on nodes
// that are too few, change and are cut off, so that the queue's every part is
// in use.
func eventful(t *testing.T, seed uint64, c Config) *world {
	w := newWorld(t, c, nodes(6, 4000, 16)...)
	luck := sim.NewLuck(seed).Stream("eventful")
	var pods []*model.Pod
	at := time.Second
	for i := range 400 {
		at += luck.Duration(0, 18*time.Second)
		w.run(at)
		switch k := luck.Below(10); {
		case k < 5:
			for j := range 1 + luck.Below(4) {
				cpu := int64(100 + 100*luck.Below(20))
				p := pod(fmt.Sprintf("p-%d-%d", i, j), spec(cpu, gib, func(s *model.PodSpec) { s.Priority = int32(luck.Below(3)) }))
				p.Gates = []string{"a"}[:luck.Below(8)/7]
				pods = append(pods, w.add(p))
			}
		case k < 8 && len(pods) > 0:
			p := pods[luck.Below(uint64(len(pods)))]
			if w.store.Get(p.Ref()) == nil {
				break
			}
			if len(w.pod(p).Gates) > 0 {
				change(w, p, func(p *model.Pod) { p.Gates = nil })
			} else {
				w.remove(p)
			}
		default:
			n := w.store.Lookup(model.KindNode, "", fmt.Sprintf("n-%d", luck.Below(6))).(*model.Node)
			change(w, n, func(n *model.Node) { n.Unschedulable = !n.Unschedulable })
		}
	}
	w.run(at + 20*time.Minute)
	w.checkCache()
	return w
}

// Elision is exact: with every tick of the flushes as an event the history is
// the same.
func TestLiteralTicksChangeNothing(t *testing.T) {
	for seed := range uint64(5) {
		elided, literal := eventful(t, seed, Config{}), eventful(t, seed, Config{Literal: true})
		a, b := elided.story(), literal.story()
		if a != b {
			x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
			for i := range x {
				if i >= len(y) || x[i] != y[i] {
					t.Fatalf("seed %d: elided\n%s\nliteral\n%s", seed, x[i], y[min(i, len(y)-1)])
				}
			}
		}
		if elided.kernel.Events() >= literal.kernel.Events() {
			t.Errorf("%d events elided, %d literal", elided.kernel.Events(), literal.kernel.Events())
		}
		if seed == 0 {
			t.Logf("%d events elided, %d literal, %d records", elided.kernel.Events(), literal.kernel.Events(), elided.store.History().Len())
		}
	}
}

// A scheduler with nothing to do has nothing to do: no event in a day.
func TestAnIdleSchedulerMakesNoEvents(t *testing.T) {
	w := newWorld(t, Config{}, nodes(100, 4000, 16)...)
	for i := range 50 {
		w.add(pod(fmt.Sprintf("p-%d", i), spec(1000, gib)))
	}
	w.run(time.Minute)
	before := w.kernel.Events()
	w.run(24 * time.Hour)
	if n := w.kernel.Events() - before; n != 0 {
		t.Errorf("%d events in an idle day", n)
	}
}
